/* fused: several gates as one node. See fused.h for what a body may hold. */
#include "ops/fused.h"
#include "ops/sample.h"

static const gr_attr_desc fused_attrs[] = {[GR_FUSED_BODY] = {"body", GR_ATTR_BODY}};

/* ---- The shape rule -------------------------------------------------------------------------- */

static bool fused_check_inputs(gr_infer *s, const gr_body *body)
{
    const gr_graph *graph = body->graph;
    if (graph->status != GR_OK) {
        return gr_infer_fail(s, graph->status, "in the body: %s", graph->message);
    }
    int leaves = 0;
    for (size_t id = 0; id < graph->count; id++) {
        const gr_node *node = graph->nodes[id];
        if ((node->op->flags & GR_OP_LEAF) && node->op != &gr_op_constant) leaves++;
    }
    if (s->n_in != body->n_in || leaves != body->n_in || body->n_in > GR_FUSED_INPUTS) {
        return gr_infer_fail(s, GR_INVALID,
                             "%d inputs for a body that lists %d and has %d; at most %d are "
                             "possible",
                             s->n_in, body->n_in, leaves, GR_FUSED_INPUTS);
    }
    for (int i = 0; i < body->n_in; i++) {
        const gr_node *in = body->in[i];
        const gr_type outer = s->in[i];
        if (gr_is_error(in) || in->op != &gr_op_input || in->out[0].dtype != outer.dtype ||
            !gr_shape_equal(in->out[0].shape, outer.shape)) {
            return gr_infer_fail(s, GR_INVALID, "the body's input %d is not %s%s", i,
                                 gr_dtype_name(outer.dtype), gr_shape_text(outer.shape));
        }
    }
    return true;
}

static bool fused_infer(gr_infer *s)
{
    const gr_body *body = s->attr[GR_FUSED_BODY].body;
    if (!fused_check_inputs(s, body)) return false;
    if (body->n_out < 1 || body->n_out > GR_FUSED_OUTPUTS) {
        return gr_infer_fail(s, GR_INVALID, "%d outputs; 1 to %d are possible", body->n_out,
                             GR_FUSED_OUTPUTS);
    }
    for (int i = 0; i < body->n_out; i++) {
        const gr_node *out = body->out[i];
        bool fine = !gr_is_error(out) && !(out->op->flags & (GR_OP_LEAF | GR_OP_VIEW));
        for (int k = 0; k < i; k++) fine = fine && body->out[k] != out;
        if (!fine) return gr_infer_fail(s, GR_INVALID, "output %d is no gate of its own", i);
        s->out[i] = out->out[0];
    }
    gr_fused_space space;
    const char *fault = gr_fused_space_of_body(body, &space);
    if (fault) return gr_infer_fail(s, GR_INVALID, "the body %s", fault);
    s->n_out = body->n_out;
    return true;
}

/* ---- Samples --------------------------------------------------------------------------------- */

/* A body under construction: inner[i] stands in it for outer[i]. */
typedef struct fused_sample_body {
    gr_graph *graph;
    int n_in, n_out;
    gr_node *outer[GR_FUSED_INPUTS], *inner[GR_FUSED_INPUTS], *out[GR_FUSED_OUTPUTS];
} fused_sample_body;

static gr_node *fused_sample_in(fused_sample_body *b, gr_node *outer)
{
    char name[] = {'i', (char)('0' + b->n_in), 0};
    const gr_type type = gr_type_of(outer);
    b->outer[b->n_in] = outer;
    b->inner[b->n_in] = gr_input(b->graph, name, type.dtype, type.shape);
    return b->inner[b->n_in++];
}

/* A chain with broadcasts and two outputs. */
static void fused_sample_chain(fused_sample_body *b, gr_sampler *sampler, gr_shape shape)
{
    gr_node *x = fused_sample_in(b, gr_draw(sampler, shape, -1, 1));
    gr_node *y = fused_sample_in(b, gr_draw(sampler, shape, -1, 1));
    gr_shape last = shape.rank ? gr_shape_of(1, shape.dim + shape.rank - 1) : GR_SCALAR;
    gr_node *bias = fused_sample_in(b, gr_draw(sampler, last, -1, 1));
    gr_node *sum = gr_add(gr_mul(x, y), bias);
    b->out[b->n_out++] = sum;
    b->out[b->n_out++] = gr_sub(gr_tanh(sum), gr_scale(x, 0.25));
}

/* Softmax of the rows, and its sum of squares. */
static void fused_sample_rows(fused_sample_body *b, gr_sampler *sampler, gr_shape shape)
{
    gr_node *x = fused_sample_in(b, gr_draw(sampler, shape, -2, 2));
    gr_node *e = gr_exp(gr_sub(x, gr_max(x, GR_KEEP(-1))));
    gr_node *p = gr_div(e, gr_sum(e, GR_KEEP(-1)));
    b->out[b->n_out++] = p;
    b->out[b->n_out++] = gr_sqrt(gr_sum(gr_square(p), GR_AXES(-1)));
}

/* The gradient of relu and its sum over all axes but the last. */
static void fused_sample_columns(fused_sample_body *b, gr_sampler *sampler, gr_shape shape)
{
    gr_node *y = fused_sample_in(b, gr_draw(sampler, shape, -1, 1));
    gr_node *dy = fused_sample_in(b, gr_draw(sampler, shape, -1, 1));
    gr_node *dx = gr_where(gr_greater(y, gr_like(y, 0)), dy, gr_like(dy, 0));
    b->out[b->n_out++] = dx;
    b->out[b->n_out++] = shape.rank == 3 ? gr_sum(dx, GR_AXES(0, 1)) : gr_sum(dx, GR_AXES(0));
}

static gr_node *fused_sample(gr_sampler *sampler, int k)
{
    static const gr_shape shapes[] = {{2, {5, 7}},    {3, {2, 3, 33}}, {2, {1, 1}},
                                      {2, {3, 129}},  {3, {4, 1, 10}}, {2, {67, 3}},
                                      {2, {2, 4100}}, {2, {2100, 2}},  {3, {3, 17, 64}}};
    void (*const make[])(fused_sample_body *, gr_sampler *,
                         gr_shape) = {fused_sample_chain, fused_sample_rows, fused_sample_columns};
    if ((size_t)k >= GR_LEN(shapes) * GR_LEN(make)) return NULL;
    gr_shape shape = shapes[(size_t)k / GR_LEN(make)];
    if (k % 3 && shape.dim[shape.rank - 1] == 1) shape = GR_SHAPE(4, 6); /* nothing to reduce */
    if (k % 3 == 1 && shape.dim[shape.rank - 1] > GR_FUSED_TILE) shape = GR_SHAPE(2, 1023);
    fused_sample_body b = {.graph = gr_graph_new()};
    make[k % 3](&b, sampler, shape);
    const gr_body *body = gr_graph_adopt(sampler->graph, b.graph, b.inner, b.n_in, b.out, b.n_out);
    if (!body) return gr_build_fail(sampler->graph, GR_NO_MEMORY, "fused", "out of memory");
    return gr_fused(sampler->graph, body, b.outer);
}

/* ---- Building -------------------------------------------------------------------------------- */

const gr_op gr_op_fused = {.name = "fused",
                           .doc = "the gates of a body in one pass over memory",
                           .min_in = 1,
                           .max_in = GR_FUSED_INPUTS,
                           .flags = GR_OP_GRAD_NONE | GR_OP_NO_FOLD,
                           .attrs = fused_attrs,
                           .n_attrs = GR_LEN(fused_attrs),
                           .infer = fused_infer,
                           .reference = gr_fused_reference,
                           .sample = fused_sample};

gr_node *gr_fused(gr_graph *graph, const gr_body *body, gr_node *const *in)
{
    const gr_attr attr = {.kind = GR_ATTR_BODY, .body = body};
    return gr_build(graph, &gr_op_fused, in, body->n_in, &attr);
}
