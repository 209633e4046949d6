/* The bodies of loops go through the same passes as the graph around them. */
#include "ops/ops.h"
#include "passes/pass.h"

static bool bodies_any(const gr_graph *graph)
{
    for (int id = 0; id < gr_graph_size(graph); id++)
        if (graph->nodes[id]->op == &gr_op_scan) return true;
    return false;
}

/* A unit of the body's results, then of its inputs: a loop has them all, also those unread. */
static gr_status bodies_unit(gr_unit *unit, const gr_body *body)
{
    const size_t n_out = (size_t)body->n_out, n_in = (size_t)body->n_in;
    gr_node **targets = gr_alloc_array(n_out + n_in, sizeof *targets);
    if (!targets) return GR_NO_MEMORY;
    memcpy(targets, body->out, n_out * sizeof *targets);
    memcpy(targets + n_out, body->in, n_in * sizeof *targets);
    gr_status status = gr_unit_copy(unit, targets, body->n_out + body->n_in);
    gr_free(targets);
    return status;
}

typedef struct bodies_run {
    const gr_unit *unit; /* around them */
    const char *choice;
} bodies_run;

static gr_node *bodies_rule(void *ctx, gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    if (old->op != &gr_op_scan) return NULL;
    const bodies_run *run = ctx;
    gr_unit unit = {0};
    gr_attr attr[GR_MAX_ATTRS];
    gr_body body = {0};
    gr_status status = GR_OK;
    for (int i = 0; i < old->op->n_attrs && status == GR_OK; i++) {
        attr[i] = old->attr[i];
        if (attr[i].kind != GR_ATTR_BODY) continue;
        status = bodies_unit(&unit, attr[i].body);
        unit.threads = run->unit->threads;
        unit.exact = run->unit->exact;
        if (status == GR_OK) status = gr_passes_run(&unit, run->choice);
        body = *attr[i].body;
        body.graph = unit.graph;
        body.out = unit.targets;
        body.in = unit.targets + body.n_out;
        attr[i].body = &body;
    }
    gr_node loop = *old;
    loop.attr = attr;
    gr_node *node = status == GR_OK ? gr_rebuild(graph, &loop, in)
                                    : gr_build_fail(graph, status, old->op->name, "in a body: %s",
                                                    gr_message());
    gr_unit_free(&unit);
    return node;
}

gr_status gr_passes_bodies(gr_unit *unit, const char *choice)
{
    bodies_run run = {unit, choice};
    return bodies_any(unit->graph) ? gr_rewrite(unit, bodies_rule, &run) : GR_OK;
}
