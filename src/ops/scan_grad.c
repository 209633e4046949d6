/* The gradient of scan. A second scan forward keeps the carries that each iteration started from;
 * a scan in the other direction then takes, at each t, those carries, the slices and the cotangents
 * of the outputs, and passes the carries' cotangents on to the iteration before. What falls off at
 * each t stacks up as the slices' cotangents; the captures' add up as carries of their own. */
#include "ops/ops.h"
#include "ops/scan.h"

#include <stdio.h>

/* The inputs of a scan under construction: nodes outside and what stands for them in the body. */
typedef struct scan_inputs {
    gr_graph *graph, *body;
    gr_node **outer, **inner;
    int count;
} scan_inputs;

static bool scan_is_float(gr_type type)
{
    return type.dtype == GR_F32 || type.dtype == GR_F64;
}

static bool scan_begin_inputs(scan_inputs *inputs, gr_graph *graph, int n)
{
    inputs->graph = graph;
    inputs->body = gr_graph_new();
    inputs->outer = gr_alloc_array((size_t)n, sizeof(gr_node *));
    inputs->inner = gr_alloc_array((size_t)n, sizeof(gr_node *));
    return inputs->body && inputs->outer && inputs->inner;
}

static void scan_end_inputs(scan_inputs *inputs)
{
    gr_graph_free(inputs->body); /* NULL once gr_scan owns it */
    gr_free(inputs->outer);
    gr_free(inputs->inner);
}

/* One more input, of `type` in the body; outer NULL: zeros of that type. */
static gr_node *scan_add_input(scan_inputs *inputs, const char *what, gr_node *outer, gr_type type)
{
    char name[32];
    snprintf(name, sizeof name, "%s%d", what, inputs->count);
    gr_node *inner = gr_input(inputs->body, name, type.dtype, type.shape);
    inputs->inner[inputs->count] = inner;
    inputs->outer[inputs->count++] =
        outer ? outer : gr_full(inputs->graph, type.dtype, type.shape, 0);
    return inner;
}

/* Builds the scan; the body is then the graph's. */
static gr_node *scan_finish(scan_inputs *inputs, gr_scan_spec *spec, gr_node *const *body_out)
{
    spec->size = sizeof *spec;
    spec->body = inputs->body;
    spec->body_in = inputs->inner;
    spec->body_out = body_out;
    inputs->body = NULL;
    return gr_scan(inputs->graph, spec, inputs->outer);
}

static void scan_no_memory(gr_graph *graph)
{
    gr_build_fail(graph, GR_NO_MEMORY, "scan", "%s", gr_status_text(GR_NO_MEMORY));
}

/* ---- Forward again, keeping the carries --------------------------------------------------- */

/* A scan whose outputs are the carries at the start of each iteration. */
static gr_node *scan_keep_carries(const gr_node *node, const gr_scan_view *v)
{
    const gr_body *body = v->body;
    scan_inputs inputs = {0};
    gr_node **map = gr_alloc_array(body->graph->count, sizeof(gr_node *));
    gr_node **out = gr_alloc_array((size_t)(2 * v->carries), sizeof(gr_node *));
    gr_node *kept = gr_error_node(node->graph);
    if (map && out && scan_begin_inputs(&inputs, node->graph, body->n_in)) {
        for (int i = 0; i < body->n_in; i++) {
            map[body->in[i]->id] = scan_add_input(&inputs, "in", node->in[i], body->in[i]->out[0]);
        }
        gr_graph_copy(body->graph, inputs.body, map);
        for (int i = 0; i < v->carries; i++) {
            out[i] = map[body->out[i]->id];
            out[v->carries + i] = inputs.inner[i];
        }
        gr_scan_spec spec = {.carries = v->carries,
                             .slices = v->slices,
                             .captures = v->captures,
                             .outputs = v->carries,
                             .length = v->length,
                             .reverse = v->reverse};
        kept = scan_finish(&inputs, &spec, out);
    } else {
        scan_no_memory(node->graph);
    }
    scan_end_inputs(&inputs);
    gr_free(map);
    gr_free(out);
    return kept;
}

/* ---- Backward ----------------------------------------------------------------------------- */

typedef struct scan_back {
    const gr_node *node;
    gr_scan_view v;
    scan_inputs inputs;
    gr_scan_spec spec;
    gr_node **map;         /* of the body's nodes into the backward body */
    gr_node **y, **dy;     /* the body's results that have cotangents, and these */
    gr_node **wrt, **grad; /* the body's inputs whose cotangents are asked, and these */
    gr_node **result;      /* of the backward body */
    int *place;            /* of each input of the node among the asked ones, or -1 */
    int n_y, n_wrt;
} scan_back;

static bool scan_back_begin(scan_back *back, const gr_node *node)
{
    back->node = node;
    back->v = gr_scan_of(node->attr);
    size_t n = (size_t)(node->n_in + node->n_out);
    back->map = gr_alloc_array(back->v.body->graph->count, sizeof(gr_node *));
    back->y = gr_alloc_array(n, sizeof(gr_node *));
    back->dy = gr_alloc_array(n, sizeof(gr_node *));
    back->wrt = gr_alloc_array(n, sizeof(gr_node *));
    back->grad = gr_alloc_array(n, sizeof(gr_node *));
    back->result = gr_alloc_array(n, sizeof(gr_node *));
    back->place = gr_alloc_array(n, sizeof(int));
    return back->map && back->y && back->dy && back->wrt && back->grad && back->result &&
           back->place && scan_begin_inputs(&back->inputs, node->graph, (int)(2 * n));
}

static void scan_back_end(scan_back *back)
{
    scan_end_inputs(&back->inputs);
    gr_free(back->map);
    gr_free(back->y);
    gr_free(back->dy);
    gr_free(back->wrt);
    gr_free(back->grad);
    gr_free(back->result);
    gr_free(back->place);
}

static gr_type scan_body_type(const scan_back *back, int i)
{
    return back->v.body->in[i]->out[0];
}

/* Every float carry's cotangent is passed along; slices and captures only if they are asked. */
static bool scan_back_wants(const scan_back *back, int i)
{
    bool carry = i < back->v.carries;
    return scan_is_float(scan_body_type(back, i)) && (carry || gr_grad_asked(back->node, i));
}

/* The carries of the backward scan: cotangents of the carries, sums of those of the captures. */
static void scan_back_carries(scan_back *back, gr_node *const *dy)
{
    const gr_scan_view *v = &back->v;
    for (int i = 0; i < v->carries; i++) {
        if (!scan_back_wants(back, i)) continue;
        back->y[back->n_y] = v->body->out[i];
        back->dy[back->n_y++] =
            scan_add_input(&back->inputs, "dcarry", dy[i], scan_body_type(back, i));
    }
    for (int i = v->carries + v->slices; i < back->node->n_in; i++) {
        if (scan_back_wants(back, i)) {
            scan_add_input(&back->inputs, "dcapture", NULL, scan_body_type(back, i));
        }
    }
    back->spec.carries = back->inputs.count;
}

/* Its slices: the kept carries, the slices, the cotangents of the outputs; then the captures. */
static void scan_back_slices(scan_back *back, gr_node *const *dy)
{
    const gr_scan_view *v = &back->v;
    const gr_node *node = back->node;
    gr_node *kept = v->carries > 0 ? scan_keep_carries(node, v) : NULL;
    for (int i = 0; i < v->carries + v->slices; i++) {
        gr_node *outer = i < v->carries ? gr_get(kept, v->carries + i) : node->in[i];
        back->map[v->body->in[i]->id] =
            scan_add_input(&back->inputs, "slice", outer, scan_body_type(back, i));
    }
    for (int i = v->carries; i < node->n_out; i++) {
        gr_type type = v->body->out[i]->out[0];
        if (!dy[i] || !scan_is_float(type)) continue;
        back->y[back->n_y] = v->body->out[i];
        back->dy[back->n_y++] = scan_add_input(&back->inputs, "dout", dy[i], type);
    }
    back->spec.slices = back->inputs.count - back->spec.carries;
    for (int i = v->carries + v->slices; i < node->n_in; i++) {
        back->map[v->body->in[i]->id] =
            scan_add_input(&back->inputs, "capture", node->in[i], scan_body_type(back, i));
    }
    back->spec.captures = v->captures;
    back->spec.length = v->length;
    back->spec.reverse = !v->reverse;
}

/* The body: forward once more, then its gradient. Its results stand in the order carries, captures,
 * slices; place[i] says where the one for input i is. */
static void scan_back_body(scan_back *back)
{
    const gr_scan_view *v = &back->v;
    gr_graph *body = back->inputs.body;
    gr_graph_copy(v->body->graph, body, back->map);
    for (int i = 0; i < back->n_y; i++) back->y[i] = back->map[back->y[i]->id];
    const int slices = v->carries, captures = v->carries + v->slices, n = back->node->n_in;
    const int range[3][2] = {{0, slices}, {captures, n}, {slices, captures}};
    for (int i = 0; i < n; i++) back->place[i] = -1;
    for (int k = 0; k < 3; k++) {
        for (int i = range[k][0]; i < range[k][1]; i++) {
            if (!scan_back_wants(back, i)) continue;
            back->place[i] = back->n_wrt;
            back->wrt[back->n_wrt++] = back->map[v->body->in[i]->id];
        }
    }
    gr_vjp_many(body, back->y, back->dy, back->n_y, back->wrt, back->n_wrt, back->grad);
    for (int i = 0; i < n; i++) {
        int place = back->place[i];
        if (place < 0) continue;
        gr_node *grad = back->grad[place];
        back->result[place] = i < captures ? grad : gr_add(back->inputs.inner[place], grad);
    }
    back->spec.outputs = back->n_wrt - back->spec.carries;
}

void gr_scan_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    scan_back back = {0};
    if (scan_back_begin(&back, node)) {
        scan_back_carries(&back, dy);
        scan_back_slices(&back, dy);
        scan_back_body(&back);
        gr_node *all = scan_finish(&back.inputs, &back.spec, back.result);
        for (int i = 0; i < node->n_in; i++) {
            if (back.place[i] >= 0) dx[i] = gr_get(all, back.place[i]);
        }
    } else {
        scan_no_memory(node->graph);
    }
    scan_back_end(&back);
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
