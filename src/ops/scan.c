/* scan: a loop over the first axis of its slices. The run stage executes it; its gradient is in
 * scan_grad.c. */
#include "ops/scan.h"
#include "ops/ops.h"

static const gr_attr_desc scan_attrs[] = {
    [GR_SCAN_BODY] = {"body", GR_ATTR_BODY},      [GR_SCAN_CARRIES] = {"carries", GR_ATTR_INT},
    [GR_SCAN_SLICES] = {"slices", GR_ATTR_INT},   [GR_SCAN_CAPTURES] = {"captures", GR_ATTR_INT},
    [GR_SCAN_OUTPUTS] = {"outputs", GR_ATTR_INT}, [GR_SCAN_LENGTH] = {"length", GR_ATTR_INT},
    [GR_SCAN_REVERSE] = {"reverse", GR_ATTR_INT},
};

gr_scan_view gr_scan_of(const gr_attr *attr)
{
    return (gr_scan_view){
        .body = attr[GR_SCAN_BODY].body,
        .carries = (int)attr[GR_SCAN_CARRIES].i,
        .slices = (int)attr[GR_SCAN_SLICES].i,
        .captures = (int)attr[GR_SCAN_CAPTURES].i,
        .outputs = (int)attr[GR_SCAN_OUTPUTS].i,
        .length = attr[GR_SCAN_LENGTH].i,
        .reverse = attr[GR_SCAN_REVERSE].i != 0,
    };
}

/* ---- The shape rule ----------------------------------------------------------------------- */

static bool scan_check_counts(gr_infer *s)
{
    for (int i = GR_SCAN_CARRIES; i <= GR_SCAN_OUTPUTS; i++) {
        int64_t count = s->attr[i].i;
        if (count < 0 || count > 1000000) {
            return gr_infer_fail(s, GR_INVALID, "%lld %s", (long long)count, scan_attrs[i].name);
        }
    }
    gr_scan_view v = gr_scan_of(s->attr);
    int n_in = v.carries + v.slices + v.captures, n_out = v.carries + v.outputs;
    if (n_out < 1 || n_out > GR_MAX_OUTPUTS) {
        return gr_infer_fail(s, GR_INVALID,
                             "has %d carries and outputs; 1 to %d are possible together", n_out,
                             GR_MAX_OUTPUTS);
    }
    if (s->n_in != n_in || v.body->n_in != n_in || v.body->n_out != n_out) {
        return gr_infer_fail(s, GR_INVALID,
                             "%d carries, %d slices, %d captures and %d outputs need %d inputs "
                             "and a body with %d inputs and %d results, not %d, %d and %d",
                             v.carries, v.slices, v.captures, v.outputs, n_in, n_in, n_out, s->n_in,
                             v.body->n_in, v.body->n_out);
    }
    return true;
}

/* The body's inputs are its only leaves but constants: what it reads comes from outside. */
static bool scan_check_body(gr_infer *s, const gr_body *body)
{
    const gr_graph *graph = body->graph;
    if (graph->status != GR_OK) {
        return gr_infer_fail(s, graph->status, "in the body: %s", graph->message);
    }
    for (int i = 0; i < body->n_in; i++) {
        const gr_node *in = body->in[i];
        if (gr_is_error(in) || in->graph != graph || in->op != &gr_op_input) {
            return gr_infer_fail(s, GR_INVALID, "body_in[%d] is no input of the body", i);
        }
        for (int k = 0; k < i; k++) {
            if (body->in[k] == in) {
                return gr_infer_fail(s, GR_INVALID, "body_in[%d] and body_in[%d] are both '%.80s'",
                                     k, i, in->name);
            }
        }
    }
    for (int i = 0; i < body->n_out; i++) {
        if (gr_is_error(body->out[i]) || body->out[i]->graph != graph || body->out[i]->n_out != 1) {
            return gr_infer_fail(s, GR_INVALID, "body_out[%d] is no single value of the body", i);
        }
    }
    size_t inputs = 0;
    for (size_t i = 0; i < graph->count; i++) {
        const gr_node *node = graph->nodes[i];
        inputs += node->op == &gr_op_input;
        if (node->op == &gr_op_var || (node->op->flags & GR_OP_EFFECT)) {
            return gr_infer_fail(s, GR_INVALID,
                                 "the body has %s%s%.80s%s; variables are read outside and passed "
                                 "in as captures",
                                 node->op->name, node->name ? " '" : "",
                                 node->name ? node->name : "", node->name ? "'" : "");
        }
    }
    if (inputs == (size_t)body->n_in) return true;
    return gr_infer_fail(s, GR_INVALID, "the body has %zu inputs, but body_in lists %d", inputs,
                         body->n_in);
}

static bool scan_same_type(gr_infer *s, const char *what, int i, gr_type outer, gr_type inner)
{
    if (outer.dtype == inner.dtype && gr_shape_equal(outer.shape, inner.shape)) return true;
    return gr_infer_fail(s, outer.dtype != inner.dtype ? GR_DTYPE : GR_SHAPE,
                         "%s %d is %s%s outside and %s%s in the body", what, i,
                         gr_dtype_name(outer.dtype), gr_shape_text(outer.shape),
                         gr_dtype_name(inner.dtype), gr_shape_text(inner.shape));
}

/* `type` without its first axis. */
static gr_type scan_slice_type(gr_type type)
{
    return (gr_type){type.dtype, gr_shape_of(type.shape.rank - 1, type.shape.dim + 1)};
}

static bool scan_check_slices(gr_infer *s, const gr_scan_view *v, int64_t *length)
{
    for (int i = 0; i < v->slices; i++) {
        gr_type type = s->in[v->carries + i];
        if (type.shape.rank == 0) {
            return gr_infer_fail(s, GR_SHAPE, "slices %d is a scalar; it needs a first axis", i);
        }
        if (i == 0 && *length == 0) *length = type.shape.dim[0];
        if (type.shape.dim[0] != *length) {
            return gr_infer_fail(s, GR_SHAPE, "slices %d has %lld steps, but the scan has %lld", i,
                                 (long long)type.shape.dim[0], (long long)*length);
        }
        gr_type inner = v->body->in[v->carries + i]->out[0];
        if (!scan_same_type(s, "slice", i, scan_slice_type(type), inner)) return false;
    }
    return true;
}

static bool scan_infer(gr_infer *s)
{
    if (!scan_check_counts(s)) return false;
    gr_scan_view v = gr_scan_of(s->attr);
    if (!scan_check_body(s, v.body)) return false;
    int64_t *length = &s->attr[GR_SCAN_LENGTH].i;
    if (*length < 0) return gr_infer_fail(s, GR_INVALID, "length %lld", (long long)*length);
    if (!scan_check_slices(s, &v, length)) return false;
    for (int i = 0; i < v.carries; i++) {
        if (!scan_same_type(s, "carry", i, s->in[i], v.body->in[i]->out[0])) return false;
        if (!scan_same_type(s, "the next value of carry", i, s->in[i], v.body->out[i]->out[0])) {
            return false;
        }
        s->out[i] = s->in[i];
    }
    for (int i = 0, first = v.carries + v.slices; i < v.captures; i++) {
        gr_type inner = v.body->in[first + i]->out[0];
        if (!scan_same_type(s, "capture", i, s->in[first + i], inner)) return false;
    }
    for (int i = 0; i < v.outputs; i++) {
        gr_type inner = v.body->out[v.carries + i]->out[0];
        gr_shape stacked = {.rank = inner.shape.rank + 1, .dim = {*length}};
        if (stacked.rank > GR_MAX_RANK) {
            return gr_infer_fail(s, GR_SHAPE, "output %d has rank %d; stacked it would exceed %d",
                                 i, inner.shape.rank, GR_MAX_RANK);
        }
        for (int k = 0; k < inner.shape.rank; k++) stacked.dim[k + 1] = inner.shape.dim[k];
        s->out[v.carries + i] = (gr_type){inner.dtype, stacked};
    }
    s->n_out = v.carries + v.outputs;
    return true;
}

/* ---- Building ----------------------------------------------------------------------------- */

const gr_op gr_op_scan = {
    .name = "scan",
    .doc = "(carry, y[t]) = body(carry, slice[t], captures) for each t",
    .min_in = 0,
    .max_in = -1,
    .flags = GR_OP_NO_FOLD,
    .attrs = scan_attrs,
    .n_attrs = GR_LEN(scan_attrs),
    .infer = scan_infer,
    .grad = gr_scan_grad,
    .sample = gr_scan_sample,
};

gr_node *gr_scan(gr_graph *graph, const gr_scan_spec *spec, gr_node *const *in)
{
    if (!spec || spec->size != sizeof *spec) {
        return gr_build_fail(graph, GR_INVALID, "scan",
                             "the specification's size is not sizeof(gr_scan_spec) (%zu)",
                             sizeof *spec);
    }
    if (!spec->body) { /* as gr_graph_new returns it */
        return gr_build_fail(graph, GR_NO_MEMORY, "scan", "%s", gr_graph_message(NULL));
    }
    bool counts = spec->carries >= 0 && spec->slices >= 0 && spec->captures >= 0 &&
                  spec->outputs >= 0 && spec->carries <= 10000 && spec->slices <= 10000 &&
                  spec->captures <= 10000 && spec->outputs <= 10000;
    if (!graph || spec->body == graph || !counts) {
        if (spec->body != graph) gr_graph_free(spec->body);
        return gr_build_fail(graph, GR_INVALID, "scan",
                             counts ? "the body must be a graph of its own"
                                    : "carries, slices, captures and outputs are counts");
    }
    int n_in = spec->carries + spec->slices + spec->captures, n_out = spec->carries + spec->outputs;
    const gr_body *body =
        gr_graph_adopt(graph, spec->body, spec->body_in, n_in, spec->body_out, n_out);
    if (!body) {
        return gr_build_fail(graph, GR_NO_MEMORY, "scan", "%s", gr_status_text(GR_NO_MEMORY));
    }
    gr_attr attr[GR_LEN(scan_attrs)] = {
        [GR_SCAN_BODY] = {.kind = GR_ATTR_BODY, .body = body},
        [GR_SCAN_CARRIES] = gr_attr_int(spec->carries),
        [GR_SCAN_SLICES] = gr_attr_int(spec->slices),
        [GR_SCAN_CAPTURES] = gr_attr_int(spec->captures),
        [GR_SCAN_OUTPUTS] = gr_attr_int(spec->outputs),
        [GR_SCAN_LENGTH] = gr_attr_int(spec->length),
        [GR_SCAN_REVERSE] = gr_attr_int(spec->reverse),
    };
    return gr_build(graph, &gr_op_scan, in, n_in, attr);
}
