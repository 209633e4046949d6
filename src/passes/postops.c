/* Post-ops: a contraction joins the gates that alone read its result, bias, activation or its mask,
 * residual, and becomes one node with them.
 *
 * The result is computed in blocks that the cache holds; the gates then run on each block before it
 * goes to memory. That takes a kernel that tells of its blocks: others stay alone, since the
 * contraction writes to the memory of the gates' last output, which can then not be that of an
 * input. Gates whose results are to overwrite what they read, as updates of variables do, join a
 * contraction that hands its blocks over instead: a large gradient is then nowhere written down.
 * Nothing but the gates reads the contraction, so no path leads from it to them through others, and
 * the graph stays acyclic. */
#include <stdio.h>

#include "ops/fused.h"
#include "passes/pass.h"

enum {
    POSTOPS_SMALL = 64, /* elements below which the calls saved are not worth a body's set-up */
    POSTOPS_NOBODY = -1,
    POSTOPS_MANY = -2
};

typedef struct postops_run {
    const gr_unit *unit;
    int *reader; /* of each node: the only one */
    bool *kept;  /* a target, which may be a loop's next state, or taken by a variable */
} postops_run;

/* ---- Who may join ---------------------------------------------------------------------------- */

static void postops_find_readers(const gr_unit *unit, const bool *needed, postops_run *run)
{
    const gr_graph *graph = unit->graph;
    const int n = gr_graph_size(graph);
    for (int v = 0; v < n; v++) run->reader[v] = POSTOPS_NOBODY;
    for (int i = 0; i < unit->n; i++) run->kept[unit->targets[i]->id] = true;
    for (int u = n - 1; u >= 0; u--) {
        const gr_node *user = graph->nodes[u];
        const bool passes = user->op == &gr_op_get || gr_fused_is_view(user);
        for (int i = 0; needed[u] && i < user->n_in; i++) {
            const int v = user->in[i]->id;
            if ((user->op->flags & GR_OP_EFFECT) || (passes && run->kept[u])) run->kept[v] = true;
            if (run->reader[v] != u) {
                run->reader[v] = run->reader[v] == POSTOPS_NOBODY ? u : POSTOPS_MANY;
            }
        }
    }
}

static int64_t postops_count(const gr_node *node)
{
    return gr_shape_count(node->out[0].shape);
}

/* May operand i be a contraction that joins the gates of `node`? */
static bool postops_may_join(const postops_run *run, const gr_node *node, int i)
{
    const gr_node *product = node->in[i];
    return gr_fused_is_contraction(product) && run->reader[product->id] == node->id &&
           !run->kept[product->id] && postops_count(product) >= POSTOPS_SMALL;
}

/* What the kernel that will run the node answers; not to be run. */
static gr_status postops_ask(const gr_unit *unit, const gr_node *node, gr_request *request)
{
    gr_arena arena = {0};
    *request = (gr_request){.node = node,
                            .arena = &arena,
                            .level = gr_cpu(),
                            .threads = unit->threads,
                            .exact = unit->exact,
                            .stream = request->stream};
    const gr_status status = gr_backend_select(NULL, request);
    if (request->destroy) request->destroy((void *)(uintptr_t)request->ctx);
    gr_arena_free(&arena);
    return status;
}

/* Does the kernel that will run the contraction tell which elements are complete, or, if the gates
 * write over what they read, hand them over? */
static gr_status postops_kernel_tells(const gr_unit *unit, const gr_node *product, bool over,
                                      bool *tells)
{
    gr_request request = {.stream = over};
    const gr_status status = postops_ask(unit, product, &request);
    *tells = status == GR_OK && (over ? request.streams : request.finishes);
    return status;
}

/* May each result of the fused node still lie where something lies that it reads? */
static gr_status postops_writes_over(const gr_unit *unit, const gr_node *node, bool *over)
{
    gr_request request = {.node = NULL};
    const gr_status status = postops_ask(unit, node, &request);
    *over = status == GR_OK;
    for (int j = 0; j < node->n_out; j++) *over = *over && request.inplace[j];
    return status;
}

/* ---- Joining --------------------------------------------------------------------------------- */

/* A body under construction: in[k] stands in it for outer[k]. */
typedef struct postops_body {
    gr_graph *graph;
    int n_in, n_out;
    gr_node *outer[GR_FUSED_INPUTS], *in[GR_FUSED_INPUTS], *out[GR_FUSED_OUTPUTS];
} postops_body;

/* What stands in the body for a node outside; NULL: it has too many inputs. */
static gr_node *postops_operand(postops_body *b, gr_node *outer)
{
    if (outer->op == &gr_op_constant && postops_count(outer) == 1) {
        return gr_rebuild(b->graph, outer, NULL);
    }
    for (int k = 0; k < b->n_in; k++) {
        if (b->outer[k] == outer) return b->in[k];
    }
    if (b->n_in == GR_FUSED_INPUTS) return NULL;
    char name[16];
    snprintf(name, sizeof name, "i%d", b->n_in);
    const gr_type type = gr_type_of(outer);
    b->outer[b->n_in] = outer;
    b->in[b->n_in] = gr_input(b->graph, name, type.dtype, type.shape);
    return b->in[b->n_in++];
}

/* Adds the gates of `old` on these operands. */
static gr_status postops_add_gates(postops_body *b, const gr_node *old, gr_node *const *in)
{
    if (old->op != &gr_op_fused) {
        b->out[b->n_out++] = gr_rebuild(b->graph, old, in);
        return GR_OK;
    }
    const gr_body *body = old->attr[GR_FUSED_BODY].body;
    gr_node **map = gr_alloc_array(body->graph->count, sizeof *map);
    if (!map) return GR_NO_MEMORY;
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): a node has its body's inputs */
    for (int i = 0; i < body->n_in; i++) map[body->in[i]->id] = in[i];
    const gr_status status = gr_graph_copy(body->graph, b->graph, map);
    for (int j = 0; j < body->n_out && status == GR_OK; j++) {
        b->out[b->n_out++] = map[body->out[j]->id];
    }
    gr_free(map);
    return status;
}

/* Fills the body with the contraction outer[joined] and the gates of `old`. GR_UNSUPPORTED: that is
 * no body. */
static gr_status postops_fill(postops_body *b, const gr_node *old, gr_node *const *outer,
                              int joined)
{
    const gr_node *product = outer[joined];
    gr_node *operand[GR_FUSED_INPUTS], *in[GR_FUSED_INPUTS];
    for (int i = 0; i < product->n_in; i++) {
        operand[i] = postops_operand(b, product->in[i]);
        if (!operand[i]) return GR_UNSUPPORTED;
    }
    gr_node *made = gr_rebuild(b->graph, product, operand);
    for (int i = 0; i < old->n_in; i++) {
        in[i] = old->in[i] == old->in[joined] ? made : postops_operand(b, outer[i]);
        if (!in[i]) return GR_UNSUPPORTED;
    }
    GR_TRY(postops_add_gates(b, old, in));
    GR_TRY(b->graph->status);
    const gr_body body = {b->graph, b->n_in, b->n_out, b->in, b->out};
    gr_fused_space space;
    const bool fits = !gr_fused_space_of_body(&body, &space);
    return fits && space.count == postops_count(product) ? GR_OK : GR_UNSUPPORTED;
}

/* Name and place for plans are the gates', but the layer is the contraction's, which takes most of
 * the time. false when memory is out. */
static bool postops_label(gr_node *node, const gr_node *old, const gr_node *product)
{
    gr_arena *arena = &node->graph->arena;
    const char *layer = product->composite ? product->composite : old->composite;
    node->name = gr_arena_strdup(arena, old->name);
    node->place = gr_arena_strdup(arena, old->place);
    node->composite = gr_arena_strdup(arena, layer);
    return !((old->name && !node->name) || (old->place && !node->place) ||
             (layer && !node->composite));
}

/* The contraction in[joined] and the gates of `old` as one node; NULL: they do not fit together. */
static gr_node *postops_join(gr_graph *graph, const gr_node *old, gr_node *const *in, int joined)
{
    postops_body b = {.graph = gr_graph_new()};
    if (!b.graph) return gr_build_fail(graph, GR_NO_MEMORY, "fused", "out of memory");
    const gr_status status = postops_fill(&b, old, in, joined);
    if (status != GR_OK) {
        gr_graph_free(b.graph);
        return status == GR_UNSUPPORTED ? NULL : gr_build_fail(graph, status, "fused", "no body");
    }
    const gr_body *body = gr_graph_adopt(graph, b.graph, b.in, b.n_in, b.out, b.n_out);
    if (!body) return gr_build_fail(graph, GR_NO_MEMORY, "fused", "out of memory");
    gr_node *node = gr_fused(graph, body, b.outer);
    if (gr_is_error(node)) return node;
    if (!postops_label(node, old, in[joined]))
        return gr_build_fail(graph, GR_NO_MEMORY, "fused", "out of memory");
    return old->op == &gr_op_fused ? node : gr_get(node, 0);
}

/* Of several contractions the last computed joins. */
static gr_node *postops_rule(void *ctx, gr_graph *graph, const gr_node *old, gr_node *const *in)
{
    const postops_run *run = ctx;
    if (old->op != &gr_op_fused && !(old->op->flags & GR_OP_ELEMENTWISE)) return NULL;
    int joined = -1;
    for (int i = 0; i < old->n_in; i++) {
        if (!postops_may_join(run, old, i)) continue;
        if (joined < 0 || old->in[i]->id > old->in[joined]->id) joined = i;
    }
    if (joined < 0) return NULL;
    const bool over = run->kept[old->id];
    bool fits;
    gr_node *node = NULL;
    gr_status status = postops_kernel_tells(run->unit, in[joined], over, &fits);
    if (status == GR_OK && fits) node = postops_join(graph, old, in, joined);
    if (node && over && !gr_is_error(node)) {
        status = postops_writes_over(run->unit, node->op == &gr_op_get ? node->in[0] : node, &fits);
        if (!fits) node = NULL;
    }
    return status == GR_OK ? node : gr_build_fail(graph, status, "fused", "%s", gr_message());
}

gr_status gr_pass_postops(gr_unit *unit)
{
    const size_t n = (size_t)gr_graph_size(unit->graph);
    bool *needed = gr_graph_needed(unit->graph, unit->targets, unit->n);
    postops_run run = {unit, gr_alloc_array(n, sizeof *run.reader),
                       gr_alloc_array(n, sizeof *run.kept)};
    gr_status status = GR_NO_MEMORY;
    if (needed && run.reader && run.kept) {
        postops_find_readers(unit, needed, &run);
        status = gr_rewrite(unit, postops_rule, &run);
        if (status == GR_OK) status = gr_rewrite(unit, NULL, NULL); /* drops what has joined */
    }
    gr_free(needed);
    gr_free(run.reader);
    gr_free(run.kept);
    return status;
}
