/* The gradient of scan. A draft holds one step forward and its gradient. What the gradient reads of
 * the step, the carries at its start and all that is costly to compute again, one more loop forward
 * keeps for every step (the pass `loops` makes one of it and the loop that is there anyway). A loop
 * in the other direction then runs what is left of the draft, and passes the carries' cotangents on
 * to the step before. What falls off at each step stacks up as the slices' cotangents; the
 * captures' are sums over the steps, had after the loop (scan_sums.c) or added up in a carry of
 * their own. */
#include "ops/matmul.h"
#include "ops/ops.h"
#include "ops/scan.h"

#include <stdio.h>

typedef struct scan_back {
    const gr_node *node;
    gr_scan_view v;
    gr_arena arena;
    gr_graph *draft;
    size_t forward;     /* the draft's nodes before this one are the step forward's */
    gr_node **copy;     /* by body node: that of the draft */
    gr_node **original; /* by node of the draft's step: that of the body */
    gr_node **grad;     /* by input of the loop: its cotangent in the draft; NULL: not asked */
    bool *summed;       /* by input: a capture whose sum is had after the loop */
    gr_scan_leaf *leaf; /* what stacks up */
    int leaves;
    /* by node of the draft */
    bool *needed, *kept; /* by the loop backwards; kept for it by the one forwards */
    gr_node **stack;     /* outside: its values of all steps */
    gr_node **whole;     /* outside: the capture */
    gr_node **inner;     /* in the loop backwards */
    int *output;         /* 1 + its place among that loop's results */
    /* the loop backwards */
    gr_scan_spec spec;
    gr_graph *body;
    gr_node **in, **outer, **result;
    int n_in, n_result;
    gr_node *all;
} scan_back;

static bool scan_is_float(gr_type type)
{
    return type.dtype == GR_F32 || type.dtype == GR_F64;
}

static gr_node *scan_input(gr_graph *graph, gr_type type)
{
    char name[32];
    snprintf(name, sizeof name, "in%d", gr_graph_size(graph));
    return gr_input(graph, name, type.dtype, type.shape);
}

static gr_node *scan_no_memory(gr_graph *graph)
{
    return gr_build_fail(graph, GR_NO_MEMORY, "scan", "%s", gr_status_text(GR_NO_MEMORY));
}

static void *scan_alloc(scan_back *back, size_t n)
{
    return gr_arena_alloc(&back->arena, (n + 1) * sizeof(void *));
}

static bool scan_is_slice(const scan_back *back, int i)
{
    return i >= back->v.carries && i < back->v.carries + back->v.slices;
}

static bool scan_is_capture(const scan_back *back, int i)
{
    return i >= back->v.carries + back->v.slices;
}

/* Every float carry's cotangent is passed along; slices and captures only if they are asked. */
static bool scan_wants(const scan_back *back, int i)
{
    const bool carry = i < back->v.carries;
    return scan_is_float(back->v.body->in[i]->out[0]) && (carry || gr_grad_asked(back->node, i));
}

/* The loop's input i, in the draft. */
static gr_node *scan_in(const scan_back *back, int i)
{
    return back->copy[back->v.body->in[i]->id];
}

/* ---- The draft ---------------------------------------------------------------------------- */

/* Cotangents of the body's results: dy[i] is the draft's input that stands for result i's. */
static int scan_draft_cotangents(scan_back *back, gr_node *const *given, gr_node **y, gr_node **dy,
                                 int *result)
{
    int n = 0;
    for (int i = 0; i < back->node->n_out; i++) {
        const gr_type type = back->v.body->out[i]->out[0];
        if (!scan_is_float(type) || (i >= back->v.carries && !given[i])) continue;
        y[n] = back->copy[back->v.body->out[i]->id];
        dy[n] = scan_input(back->draft, type);
        result[n++] = i;
    }
    return n;
}

static bool scan_draft_arrays(scan_back *back)
{
    const size_t n = back->draft->count;
    back->original = scan_alloc(back, n);
    back->needed = scan_alloc(back, n);
    back->kept = scan_alloc(back, n);
    back->stack = scan_alloc(back, n);
    back->whole = scan_alloc(back, n);
    back->inner = scan_alloc(back, n);
    back->output = scan_alloc(back, n);
    return back->original && back->needed && back->kept && back->stack && back->whole &&
           back->inner && back->output;
}

/* What stands outside for the draft's inputs: carry cotangents and accumulators come later. */
static void scan_draft_outside(scan_back *back, gr_node *const *given, gr_node *const *dy,
                               const int *result, int n)
{
    const gr_graph *body = back->v.body->graph;
    for (size_t id = 0; id < body->count; id++)
        back->original[back->copy[id]->id] = body->nodes[id];
    for (int i = back->v.carries; i < back->node->n_in; i++) {
        gr_node **where = scan_is_slice(back, i) ? back->stack : back->whole;
        where[scan_in(back, i)->id] = back->node->in[i];
    }
    for (int k = 0; k < n; k++)
        if (result[k] >= back->v.carries) back->stack[dy[k]->id] = given[result[k]];
}

/* The step forward, then its gradient. dcarry[i] receives the draft's input of carry i's cotangent.
 */
static bool scan_draft(scan_back *back, gr_node *const *given, gr_node **dcarry)
{
    const gr_body *body = back->v.body;
    const size_t most = (size_t)(back->node->n_in + back->node->n_out);
    gr_node **y = scan_alloc(back, most), **dy = scan_alloc(back, most);
    gr_node **wrt = scan_alloc(back, most), **grad = scan_alloc(back, most);
    int *result = scan_alloc(back, most), n_wrt = 0;
    back->copy = scan_alloc(back, body->graph->count);
    back->grad = scan_alloc(back, most);
    back->summed = scan_alloc(back, most);
    back->draft = gr_graph_new();
    if (!y || !dy || !wrt || !grad || !result || !back->copy || !back->grad || !back->summed ||
        !back->draft)
        return false;
    for (int i = 0; i < body->n_in; i++)
        back->copy[body->in[i]->id] = scan_input(back->draft, body->in[i]->out[0]);
    if (gr_graph_copy(body->graph, back->draft, back->copy) != GR_OK) return true;
    back->forward = back->draft->count;
    const int n = scan_draft_cotangents(back, given, y, dy, result);
    for (int k = 0; k < n; k++)
        if (result[k] < back->v.carries) dcarry[result[k]] = dy[k];
    for (int i = 0; i < back->node->n_in; i++)
        if (scan_wants(back, i)) wrt[n_wrt++] = scan_in(back, i);
    gr_vjp_many(back->draft, y, dy, n, wrt, n_wrt, grad);
    if (back->draft->status != GR_OK) return true;
    for (int i = 0, k = 0; i < back->node->n_in; i++)
        if (scan_wants(back, i)) back->grad[i] = grad[k++];
    if (!scan_draft_arrays(back)) return false;
    scan_draft_outside(back, given, dy, result, n);
    return true;
}

/* ---- Sums over the steps ------------------------------------------------------------------ */

static bool scan_has_leaf(const scan_back *back, const gr_node *node)
{
    for (int i = 0; i < back->leaves; i++)
        if (back->leaf[i].node == node) return true;
    return back->stack[node->id] != NULL;
}

/* A leaf that does not change from step to step is not worth a stack, one that is only summed
 * must have it already. */
static bool scan_takes_leaf(const scan_back *back, const gr_scan_leaf *leaf)
{
    if (leaf->node->op == &gr_op_constant || back->whole[leaf->node->id]) return false;
    return !leaf->summed || scan_has_leaf(back, leaf->node);
}

/* Notes what must be stacked for capture i's cotangent to be had after the loop. */
static void scan_sum(scan_back *back, int i, int most)
{
    gr_scan_leaf found[GR_MAX_OUTPUTS];
    int n = 0;
    if (!gr_scan_sum_leaves(back->grad[i], found, &n, most - back->leaves)) return;
    for (int k = 0; k < n; k++)
        if (!scan_takes_leaf(back, &found[k])) return;
    for (int k = 0; k < n; k++)
        if (!scan_has_leaf(back, found[k].node)) back->leaf[back->leaves++] = found[k];
    back->summed[i] = true;
}

/* Slices' cotangents are leaves: they stack up. Sums are tried twice, for those that are but summed
 * need the stacks of the others. */
static bool scan_find_sums(scan_back *back)
{
    int results = 0;
    back->leaf = gr_arena_alloc(&back->arena,
                                ((size_t)back->node->n_in + GR_MAX_OUTPUTS) * sizeof *back->leaf);
    if (!back->leaf) return false;
    for (int i = 0; i < back->node->n_in; i++) {
        results += back->grad[i] != NULL && !scan_is_slice(back, i);
        if (back->grad[i] && scan_is_slice(back, i))
            back->leaf[back->leaves++] = (gr_scan_leaf){back->grad[i], false};
    }
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < back->node->n_in; i++)
            if (back->grad[i] && scan_is_capture(back, i) && !back->summed[i])
                scan_sum(back, i, GR_MAX_OUTPUTS - results);
    return true;
}

/* ---- What is kept ------------------------------------------------------------------------- */

/* Marks what the results need, down to what is kept. */
static void scan_mark_needed(scan_back *back)
{
    memset(back->needed, 0, back->draft->count * sizeof *back->needed);
    for (int i = 0; i < back->node->n_in; i++)
        if (back->grad[i] && !back->summed[i]) back->needed[back->grad[i]->id] = true;
    for (int i = 0; i < back->leaves; i++) back->needed[back->leaf[i].node->id] = true;
    for (size_t id = back->draft->count; id-- > 0;) {
        const gr_node *node = back->draft->nodes[id];
        if (!back->needed[id] || back->kept[id]) continue;
        for (int i = 0; i < node->n_in; i++) back->needed[node->in[i]->id] = true;
    }
}

/* Is it sooner computed from a step's inputs than read back? */
static bool scan_is_light(const gr_node *node, int depth)
{
    if (node->op == &gr_op_input || node->op == &gr_op_constant) return true;
    const unsigned light = GR_OP_VIEW | GR_OP_ELEMENTWISE;
    if (depth == 0 || !(node->op->flags & light) || (node->op->flags & GR_OP_COSTLY)) return false;
    for (int i = 0; i < node->n_in; i++)
        if (!scan_is_light(node->in[i], depth - 1)) return false;
    return true;
}

/* Does it spread fewer values over many, as an outer product does? Those are sooner read back. */
static bool scan_spreads(const gr_node *node)
{
    const unsigned flags = node->op->flags;
    const bool outer = node->op == &gr_op_matmul && gr_matmul_geometry_of(node).k == 1;
    if (node->n_out > 1 || flags & (GR_OP_COSTLY | GR_OP_LEAF)) return false;
    if (!outer && !(flags & (GR_OP_VIEW | GR_OP_ELEMENTWISE))) return false;
    int64_t read = 0;
    for (int i = 0; i < node->n_in; i++) read += gr_shape_count(node->in[i]->out[0].shape);
    return 2 * read <= gr_shape_count(node->out[0].shape);
}

static void scan_keep(scan_back *back, const gr_node *node)
{
    if (scan_is_light(node, 3) || back->kept[node->id]) return;
    const bool instead = node->n_out > 1 || scan_spreads(node);
    back->kept[node->id] = !instead;
    for (int i = 0; i < node->n_in && instead; i++) scan_keep(back, node->in[i]);
}

static bool scan_keeps_too_many(const scan_back *back)
{
    int n = 2 * back->v.carries;
    for (size_t id = 0; id < back->draft->count; id++) n += back->kept[id];
    return n > GR_MAX_OUTPUTS;
}

static void scan_keep_none(scan_back *back)
{
    memset(back->kept, 0, back->draft->count * sizeof *back->kept);
}

/* Of a step with more than a loop has room for: contractions, from which the rest follows. */
static void scan_keep_contractions(scan_back *back)
{
    scan_keep_none(back);
    scan_mark_needed(back);
    for (size_t id = 0; id < back->forward; id++) {
        const gr_op *op = back->draft->nodes[id]->op;
        back->kept[id] = back->needed[id] && (op == &gr_op_matmul || op == &gr_op_conv);
    }
    if (scan_keeps_too_many(back)) scan_keep_none(back);
}

/* Keeps what the gradient reads of the step forward. */
static void scan_choose_kept(scan_back *back)
{
    scan_mark_needed(back);
    for (size_t id = 0; id < back->draft->count; id++) {
        const gr_node *node = back->draft->nodes[id];
        if (!back->needed[id] || id < back->forward) continue;
        if (node->op == &gr_op_get && node->in[0]->id < (int)back->forward) {
            back->kept[id] = true; /* part of a tuple that the step forward has */
            continue;
        }
        for (int i = 0; i < node->n_in; i++)
            if (node->in[i]->id < (int)back->forward) scan_keep(back, node->in[i]);
    }
    for (int i = 0; i < back->leaves; i++)
        if (back->leaf[i].node->id < (int)back->forward) scan_keep(back, back->leaf[i].node);
    if (scan_keeps_too_many(back)) scan_keep_contractions(back);
    scan_mark_needed(back);
}

/* What is kept, in a body whose nodes map[] tells by those of the loop's. */
static gr_node *scan_kept(const scan_back *back, gr_node *const *map, int id)
{
    if (id < (int)back->forward) return map[back->original[id]->id];
    const gr_node *get = back->draft->nodes[id];
    return gr_get(map[back->original[get->in[0]->id]->id], (int)get->attr[0].i);
}

/* The loop forward whose outputs are what is kept, and the carries at the start of each step. */
static void scan_keep_loop(scan_back *back)
{
    const gr_scan_view *v = &back->v;
    gr_graph *body = gr_graph_new();
    gr_node **map = scan_alloc(back, v->body->graph->count), *out[2 * GR_MAX_OUTPUTS];
    gr_node **in = scan_alloc(back, (size_t)v->body->n_in);
    int place[2 * GR_MAX_OUTPUTS], n = v->carries;
    if (!body || !map || !in) {
        gr_graph_free(body);
        scan_no_memory(back->node->graph);
        return;
    }
    for (int i = 0; i < v->body->n_in; i++)
        in[i] = map[v->body->in[i]->id] = scan_input(body, v->body->in[i]->out[0]);
    gr_graph_copy(v->body->graph, body, map);
    for (int i = 0; i < v->carries; i++) {
        const int id = scan_in(back, i)->id;
        out[i] = map[v->body->out[i]->id];
        if (back->needed[id]) place[n] = id, out[n++] = in[i];
    }
    for (int id = 0; id < gr_graph_size(back->draft); id++)
        if (back->kept[id] && back->needed[id]) place[n] = id, out[n++] = scan_kept(back, map, id);
    const gr_scan_spec spec = {.size = sizeof spec,
                               .body = body,
                               .body_in = in,
                               .body_out = out,
                               .carries = v->carries,
                               .slices = v->slices,
                               .captures = v->captures,
                               .outputs = n - v->carries,
                               .length = v->length,
                               .reverse = v->reverse};
    if (n == v->carries) {
        gr_graph_free(body);
        return;
    }
    gr_node *loop = gr_scan(back->node->graph, &spec, back->node->in);
    for (int i = v->carries; i < n; i++) back->stack[place[i]] = gr_get(loop, i);
}

/* ---- The loop backwards ------------------------------------------------------------------- */

/* One more input: of the draft's node if given; without `outer` zeros. */
static gr_node *scan_add(scan_back *back, const gr_node *draft, gr_node *outer, gr_type type)
{
    gr_node *inner = scan_input(back->body, type);
    if (draft) back->inner[draft->id] = inner;
    if (!outer) outer = gr_full(back->node->graph, type.dtype, type.shape, 0);
    back->in[back->n_in] = inner;
    back->outer[back->n_in++] = outer;
    return inner;
}

/* Inputs in the order carries (cotangents of the carries, sums of the captures'), slices, captures.
 * sum[i] receives the carry that sums the cotangent of input i. */
static void scan_back_inputs(scan_back *back, gr_node *const *given, gr_node *const *dcarry,
                             gr_node **sum)
{
    for (int i = 0; i < back->v.carries; i++)
        if (dcarry[i]) scan_add(back, dcarry[i], given[i], dcarry[i]->out[0]);
    for (int i = back->v.carries; i < back->node->n_in; i++)
        if (back->grad[i] && scan_is_capture(back, i) && !back->summed[i])
            sum[i] = scan_add(back, NULL, NULL, back->grad[i]->out[0]);
    back->spec.carries = back->n_in;
    for (size_t id = 0; id < back->draft->count; id++)
        if (back->needed[id] && back->stack[id])
            scan_add(back, back->draft->nodes[id], back->stack[id], back->draft->nodes[id]->out[0]);
    back->spec.slices = back->n_in - back->spec.carries;
    for (size_t id = 0; id < back->draft->count; id++)
        if (back->needed[id] && back->whole[id])
            scan_add(back, back->draft->nodes[id], back->whole[id], back->draft->nodes[id]->out[0]);
    back->spec.captures = back->n_in - back->spec.carries - back->spec.slices;
}

/* What is needed of the draft and not among the inputs. */
static bool scan_back_gates(scan_back *back)
{
    for (size_t id = 0; id < back->draft->count; id++) {
        const gr_node *node = back->draft->nodes[id];
        if (!back->needed[id] || back->inner[id]) continue;
        gr_node **in = scan_alloc(back, (size_t)node->n_in);
        if (!in) return false;
        for (int i = 0; i < node->n_in; i++) in[i] = back->inner[node->in[i]->id];
        back->inner[id] = gr_rebuild(back->body, node, in);
    }
    return true;
}

/* Results in the order carries, outputs: each leaf that is not stacked already. */
static void scan_back_results(scan_back *back, gr_node *const *sum)
{
    for (int i = 0; i < back->node->n_in; i++) {
        if (!back->grad[i] || back->summed[i] || scan_is_slice(back, i)) continue;
        gr_node *grad = back->inner[back->grad[i]->id];
        back->result[back->n_result++] = sum[i] ? gr_add(sum[i], grad) : grad;
    }
    for (int i = 0; i < back->leaves; i++) {
        const int id = back->leaf[i].node->id;
        if (back->stack[id] || back->output[id]) continue;
        back->result[back->n_result++] = back->inner[id];
        back->output[id] = back->n_result;
    }
    back->spec.outputs = back->n_result - back->spec.carries;
}

static bool scan_back_loop(scan_back *back, gr_node *const *given, gr_node *const *dcarry)
{
    const size_t most = back->draft->count + (size_t)back->node->n_in;
    gr_node **sum = scan_alloc(back, (size_t)back->node->n_in);
    back->in = scan_alloc(back, most);
    back->outer = scan_alloc(back, most);
    back->result = scan_alloc(back, (size_t)(back->node->n_in + back->leaves));
    back->body = gr_graph_new();
    if (!sum || !back->in || !back->outer || !back->result || !back->body) return false;
    scan_back_inputs(back, given, dcarry, sum);
    if (!scan_back_gates(back)) return false;
    scan_back_results(back, sum);
    if (back->n_result == 0) return true;
    back->spec.size = sizeof back->spec;
    back->spec.body = back->body;
    back->spec.body_in = back->in;
    back->spec.body_out = back->result;
    back->spec.length = back->v.length;
    back->spec.reverse = !back->v.reverse;
    back->body = NULL; /* the graph's from here on */
    back->all = gr_scan(back->node->graph, &back->spec, back->outer);
    return true;
}

static gr_node *scan_stacked(void *ctx, const gr_node *leaf)
{
    const scan_back *back = ctx;
    if (back->stack[leaf->id]) return back->stack[leaf->id];
    return gr_get(back->all, back->output[leaf->id] - 1);
}

static void scan_back_take(scan_back *back, gr_node **dx)
{
    int carry = 0;
    for (int i = 0; i < back->node->n_in; i++) {
        gr_node *grad = back->grad[i];
        if (!grad) continue;
        if (scan_is_slice(back, i))
            dx[i] = scan_stacked(back, grad);
        else if (back->summed[i])
            dx[i] = gr_scan_sum_build(grad, scan_stacked, back);
        else
            dx[i] = gr_get(back->all, carry++);
    }
}

void gr_scan_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    scan_back back = {.node = node, .v = gr_scan_of(node->attr)};
    gr_node **dcarry = scan_alloc(&back, (size_t)node->n_in);
    bool fine = dcarry && scan_draft(&back, dy, dcarry);
    if (fine && back.draft->status != GR_OK) {
        gr_build_fail(node->graph, back.draft->status, "scan", "in the body: %s",
                      back.draft->message);
    } else if (fine && (fine = scan_find_sums(&back))) {
        scan_choose_kept(&back);
        scan_keep_loop(&back);
        fine = scan_back_loop(&back, dy, dcarry);
        if (fine) scan_back_take(&back, dx);
    }
    if (!fine) scan_no_memory(node->graph);
    gr_graph_free(back.draft);
    gr_graph_free(back.body);
    gr_arena_free(&back.arena);
}

/* ---- Samples ------------------------------------------------------------------------------ */

/* carry = carry·factor + slice, output = carry·slice: the sample is made of all results. */
gr_node *gr_scan_sample(gr_sampler *sampler, int k)
{
    static const int64_t length[] = {5, 1, 4, 0};
    if (k >= (int)GR_LEN(length)) return NULL;
    gr_node *start = gr_draw(sampler, GR_SHAPE(3), -1, 1);
    gr_node *slices = gr_draw(sampler, GR_SHAPE(length[k], 3), -1, 1);
    gr_node *capture = gr_draw(sampler, GR_SCALAR, 0.5, 1.5);
    gr_dtype dtype = gr_node_dtype(start);
    gr_graph *body = gr_graph_new();
    gr_node *carry = gr_input(body, "carry", dtype, GR_SHAPE(3));
    gr_node *slice = gr_input(body, "slice", dtype, GR_SHAPE(3));
    gr_node *factor = gr_input(body, "factor", dtype, GR_SCALAR);
    gr_node *next = gr_add(gr_mul(carry, factor), slice);
    gr_scan_spec spec = {.size = sizeof spec,
                         .body = body,
                         .body_in = (gr_node *[]){carry, slice, factor},
                         .body_out = (gr_node *[]){next, gr_mul(next, slice)},
                         .carries = 1,
                         .slices = 1,
                         .captures = 1,
                         .outputs = 1,
                         .reverse = k == 2};
    gr_node *all = gr_scan(gr_node_graph(start), &spec, (gr_node *[]){start, slices, capture});
    return gr_add(gr_get(all, 0), gr_sum(gr_get(all, 1), GR_AXES(0)));
}
