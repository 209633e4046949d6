/* Loops over the same inputs that carry the same from step to step run as one: a loop and the one
 * that its gradient adds to keep what it needs of each step. */
#include "ops/ops.h"
#include "ops/scan.h"
#include "passes/pass.h"

/* A loop of the old graph that another one computes, or that computes others. */
typedef struct loops_entry {
    const gr_node *leader;     /* which runs instead; itself if it runs for others; NULL: neither */
    int place[GR_MAX_OUTPUTS]; /* of this loop's results among the leader's */
    gr_unit merged; /* of a leader: the targets are the body's results, then its inputs */
    gr_node *node;  /* of a leader: in the new graph */
} loops_entry;

typedef struct loops_job {
    loops_entry *entry; /* one for each loop of the old graph */
    int *number;        /* by node: 1 + that of its entry; 0: no loop */
    int n;
} loops_job;

/* ---- Can they be one? --------------------------------------------------------------------- */

static bool loops_alike(const gr_node *a, const gr_node *b)
{
    const gr_scan_view v = gr_scan_of(a->attr), w = gr_scan_of(b->attr);
    return a->n_in == b->n_in && v.carries == w.carries && v.slices == w.slices &&
           v.length == w.length && v.reverse == w.reverse && v.carries > 0 &&
           memcmp(a->in, b->in, (size_t)a->n_in * sizeof *a->in) == 0;
}

/* Both bodies in one graph, on the inputs of the first: results of the first, results of the
 * second, inputs, equal gates being one. */
static gr_status loops_join(const gr_unit *first, int n_first, const gr_body *second, gr_unit *unit)
{
    const int n_in = second->n_in, n = n_first + second->n_out + n_in;
    gr_node **map = gr_alloc_array(second->graph->count, sizeof *map);
    gr_node **list = gr_alloc_array((size_t)n, sizeof *list);
    gr_unit draft = {0};
    gr_status status =
        map && list ? gr_unit_copy(&draft, first->targets, n_first + n_in) : GR_NO_MEMORY;
    if (status == GR_OK) {
        for (int i = 0; i < n_in; i++) map[second->in[i]->id] = draft.targets[n_first + i];
        status = gr_graph_copy(second->graph, draft.graph, map);
        if (status != GR_OK) gr_fail(status, "%s", gr_graph_message(draft.graph));
    }
    if (status == GR_OK) {
        for (int i = 0; i < n_first; i++) list[i] = draft.targets[i];
        for (int i = 0; i < second->n_out; i++) list[n_first + i] = map[second->out[i]->id];
        for (int i = 0; i < n_in; i++) list[n - n_in + i] = draft.targets[n_first + i];
        status = gr_unit_copy(unit, list, n);
    }
    if (status == GR_OK) status = gr_pass_run(unit, "cse", gr_pass_cse);
    if (status != GR_OK) gr_unit_free(unit);
    gr_unit_free(&draft);
    gr_free(map);
    gr_free(list);
    return status;
}

/* Drops the results of the second that the first has too, and notes in place[] where they are;
 * false if the carries differ or the results are too many. */
static bool loops_share(gr_unit *unit, int n_first, int carries, int n_second, int n_in, int *place)
{
    int n = n_first;
    for (int i = 0; i < carries; i++)
        if (unit->targets[i] != unit->targets[n_first + i]) return false;
    for (int i = 0; i < n_second; i++) {
        gr_node *result = unit->targets[n_first + i];
        int k = i < carries ? i : carries;
        while (i >= carries && k < n && unit->targets[k] != result) k++;
        place[i] = k;
        if (k == n) unit->targets[n++] = result;
    }
    if (n > GR_MAX_OUTPUTS) return false;
    for (int i = 0; i < n_in; i++) unit->targets[n + i] = unit->targets[n_first + n_second + i];
    unit->n = n + n_in;
    return true;
}

/* ---- Finding them ------------------------------------------------------------------------- */

static gr_status loops_body_unit(const gr_body *body, gr_unit *unit)
{
    gr_node **targets = gr_alloc_array((size_t)(body->n_out + body->n_in), sizeof *targets);
    if (!targets) return GR_NO_MEMORY;
    memcpy(targets, body->out, (size_t)body->n_out * sizeof *targets);
    memcpy(targets + body->n_out, body->in, (size_t)body->n_in * sizeof *targets);
    const gr_status status = gr_unit_copy(unit, targets, body->n_out + body->n_in);
    gr_free(targets);
    return status;
}

/* Lets `leader` run `node` too, if it can. */
static gr_status loops_try(loops_job *job, const gr_node *leader, const gr_node *node)
{
    loops_entry *first = &job->entry[job->number[leader->id] - 1];
    loops_entry *second = &job->entry[job->number[node->id] - 1];
    const gr_body *body = node->attr[GR_SCAN_BODY].body;
    const int carries = gr_scan_of(node->attr).carries;
    gr_unit unit = {0};
    if (!first->merged.graph) {
        GR_TRY(loops_body_unit(leader->attr[GR_SCAN_BODY].body, &first->merged));
        for (int i = 0; i < leader->n_out; i++) first->place[i] = i;
    }
    const int n_first = first->merged.n - body->n_in;
    GR_TRY(loops_join(&first->merged, n_first, body, &unit));
    if (!loops_share(&unit, n_first, carries, body->n_out, body->n_in, second->place)) {
        gr_unit_free(&unit);
        return GR_OK;
    }
    gr_unit_free(&first->merged);
    first->merged = unit;
    first->leader = second->leader = leader;
    return GR_OK;
}

static gr_status loops_find(loops_job *job, const gr_graph *graph)
{
    for (int id = 0; id < gr_graph_size(graph); id++) {
        const gr_node *node = graph->nodes[id];
        if (node->op != &gr_op_scan) continue;
        job->number[id] = ++job->n;
        for (int other = 0; other < id && !job->entry[job->n - 1].leader; other++) {
            const gr_node *leader = graph->nodes[other];
            if (!job->number[other] || !loops_alike(leader, node)) continue;
            const gr_node *of = job->entry[job->number[other] - 1].leader;
            if (!of || of == leader) GR_TRY(loops_try(job, leader, node));
        }
    }
    return GR_OK;
}

/* ---- Rewriting ---------------------------------------------------------------------------- */

static gr_node *loops_build(const loops_entry *entry, gr_graph *graph, const gr_node *old,
                            gr_node *const *in)
{
    gr_attr attr[GR_MAX_ATTRS];
    gr_body body = *old->attr[GR_SCAN_BODY].body;
    memcpy(attr, old->attr, (size_t)old->op->n_attrs * sizeof *attr);
    body.graph = entry->merged.graph;
    body.n_out = entry->merged.n - body.n_in;
    body.out = entry->merged.targets;
    body.in = entry->merged.targets + body.n_out;
    attr[GR_SCAN_BODY].body = &body;
    attr[GR_SCAN_OUTPUTS] = gr_attr_int(body.n_out - gr_scan_of(old->attr).carries);
    gr_node loop = *old;
    loop.attr = attr;
    return gr_rebuild(graph, &loop, in);
}

static gr_node *loops_rule(void *ctx, gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    loops_job *job = ctx;
    const gr_node *loop = old->op == &gr_op_get ? old->in[0] : old;
    if (!job->number[loop->id]) return NULL;
    loops_entry *entry = &job->entry[job->number[loop->id] - 1];
    if (!entry->leader) return NULL;
    if (old->op == &gr_op_get) return gr_get(in[0], entry->place[old->attr[0].i]);
    loops_entry *leader = &job->entry[job->number[entry->leader->id] - 1];
    if (!leader->node) leader->node = loops_build(leader, graph, old, in);
    /* A loop with a single result is read without a get. */
    return old->n_out > 1 ? leader->node : gr_get(leader->node, entry->place[0]);
}

gr_status gr_pass_loops(gr_unit *unit)
{
    int loops = 0;
    for (int id = 0; id < gr_graph_size(unit->graph); id++)
        loops += unit->graph->nodes[id]->op == &gr_op_scan;
    if (loops < 2) return GR_OK;
    loops_job job = {.entry = gr_alloc_array((size_t)loops, sizeof *job.entry)};
    job.number = gr_alloc_array((size_t)gr_graph_size(unit->graph), sizeof *job.number);
    gr_status status = job.entry && job.number ? loops_find(&job, unit->graph) : GR_NO_MEMORY;
    bool any = false;
    for (int i = 0; status == GR_OK && i < job.n; i++) any |= job.entry[i].leader != NULL;
    if (any) status = gr_rewrite(unit, loops_rule, &job);
    for (int i = 0; job.entry && i < job.n; i++) gr_unit_free(&job.entry[i].merged);
    gr_free(job.entry);
    gr_free(job.number);
    return status;
}
