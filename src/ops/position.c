/* Composites that tell where a row of a sequence stands. */
#include "ops/ops.h"

#include <math.h>

/* ---- Tables ---------------------------------------------------------------------------------- */

/* A constant of `steps` rows of `width` numbers f(angle) with the angle (first + t)·base^(−2i/turn)
 * in column i, of x's type and the given shape. */
static gr_node *position_table(gr_node *x, gr_shape shape, int64_t steps, int64_t width,
                               int64_t first, int64_t turn, double base, double (*f)(double))
{
    gr_tensor table;
    if (gr_tensor_new(gr_node_dtype(x), shape, &table) != GR_OK)
        return gr_fault(gr_node_graph(x), GR_NO_MEMORY, "positions", "%s", gr_message());
    for (int64_t t = 0; t < steps; t++)
        for (int64_t i = 0; i < width; i++)
            gr_tensor_put(&table, t * width + i,
                          f((double)(first + t) * pow(base, -2.0 * (double)i / (double)turn)));
    gr_node *node = gr_constant(gr_node_graph(x), &table);
    gr_tensor_clear(&table);
    return node;
}

/* ---- Rotary positions ------------------------------------------------------------------------ */

static gr_node *rotary_refuse(gr_node *x, const gr_rotary_options *o, int *axis)
{
    gr_graph *graph = gr_node_graph(x);
    if (gr_is_error(x)) return x;
    const gr_shape in = gr_node_shape(x);
    *axis = o && o->axis ? o->axis : -2;
    if (*axis < 0) *axis += in.rank;
    if (o && o->size != sizeof *o)
        return gr_fault(graph, GR_INVALID, "rotary", "gr_rotary_options.size is wrong");
    if (in.rank < 2 || *axis < 0 || *axis > in.rank - 2)
        return gr_fault(graph, GR_SHAPE, "rotary",
                        "axis %d of %s: the steps should be an axis before the last",
                        o && o->axis ? o->axis : -2, gr_shape_text(in));
    if (in.dim[in.rank - 1] % 2)
        return gr_fault(graph, GR_SHAPE, "rotary", "the width of %s: should be even",
                        gr_shape_text(in));
    if (o && o->interleaved && in.rank == GR_MAX_RANK)
        return gr_fault(graph, GR_SHAPE, "rotary",
                        "%s has no room for another axis: at most %d with interleaved pairs",
                        gr_shape_text(in), GR_MAX_RANK - 1);
    if (o && (!(o->base >= 0) || isinf(o->base)))
        return gr_fault(graph, GR_INVALID, "rotary", "base %g: should be positive", o->base);
    return NULL;
}

/* x with its last axis parted into pairs: [0] and [1] their two elements. */
static void rotary_part(gr_node *x, bool interleaved, gr_node *half[2])
{
    const gr_shape in = gr_node_shape(x);
    const int last = in.rank - 1;
    int64_t start[GR_MAX_RANK] = {0}, stop[GR_MAX_RANK], step[GR_MAX_RANK];
    for (int i = 0; i < in.rank; i++) {
        stop[i] = in.dim[i];
        step[i] = 1;
    }
    for (int i = 0; i < 2; i++) {
        start[last] = interleaved ? i : i * in.dim[last] / 2;
        stop[last] = interleaved || i ? in.dim[last] : in.dim[last] / 2;
        step[last] = interleaved ? 2 : 1;
        half[i] = gr_slice(x, start, stop, step);
    }
}

static gr_node *rotary_join(gr_node *const half[2], bool interleaved)
{
    /* a node that lacks memory has no axes */
    if (!interleaved || gr_node_shape(half[0]).rank == 0) return gr_concat(half, 2, -1);
    gr_shape one = gr_node_shape(half[0]), both = one;
    both.dim[both.rank - 1] *= 2;
    one.dim[one.rank++] = 1;
    gr_node *pair[2] = {gr_reshape(half[0], one), gr_reshape(half[1], one)};
    return gr_reshape(gr_concat(pair, 2, -1), both);
}

gr_node *gr_rotary(gr_node *x, const gr_rotary_options *options)
{
    int axis = 0;
    gr_node *fault = rotary_refuse(x, options, &axis), *half[2], *turned[2];
    if (fault) return fault;
    const gr_shape in = gr_node_shape(x);
    const int64_t width = in.dim[in.rank - 1] / 2, first = options ? options->first : 0;
    const double base = options && options->base > 0 ? options->base : 10000;
    const bool interleaved = options && options->interleaved;
    gr_shape shape = {.rank = in.rank - axis};
    for (int i = 0; i < shape.rank; i++) shape.dim[i] = 1;
    shape.dim[0] = in.dim[axis];
    shape.dim[shape.rank - 1] = width;
    gr_graph *graph = gr_node_graph(x);
    gr_composite_begin(graph, "rotary");
    gr_node *c = position_table(x, shape, in.dim[axis], width, first, 2 * width, base, cos);
    gr_node *s = position_table(x, shape, in.dim[axis], width, first, 2 * width, base, sin);
    rotary_part(x, interleaved, half);
    turned[0] = gr_sub(gr_mul(half[0], c), gr_mul(half[1], s));
    turned[1] = gr_add(gr_mul(half[1], c), gr_mul(half[0], s));
    gr_node *y = rotary_join(turned, interleaved);
    gr_composite_end(graph);
    return y;
}

/* ---- Sinusoidal positions -------------------------------------------------------------------- */

gr_node *gr_sinusoidal_positions(gr_node *x)
{
    if (gr_is_error(x)) return x;
    const gr_shape in = gr_node_shape(x);
    gr_graph *graph = gr_node_graph(x);
    if (in.rank < 2)
        return gr_fault(graph, GR_SHAPE, "sinusoidal_positions",
                        "the input is %s: should be [..., T, width]", gr_shape_text(in));
    const int64_t steps = in.dim[in.rank - 2], width = in.dim[in.rank - 1];
    const int64_t pairs = (width + 1) / 2;
    const gr_shape column = GR_SHAPE(steps, pairs, 1);
    gr_composite_begin(graph, "sinusoidal_positions");
    gr_node *both[2] = {position_table(x, column, steps, pairs, 0, width, 10000, sin),
                        position_table(x, column, steps, pairs, 0, width, 10000, cos)};
    gr_node *table = gr_reshape(gr_concat(both, 2, -1), GR_SHAPE(steps, 2 * pairs));
    if (width % 2) table = gr_slice(table, (int64_t[]){0, 0}, (int64_t[]){steps, width}, NULL);
    gr_node *y = gr_add(x, table);
    gr_composite_end(graph);
    return y;
}

/* ---- Lengths --------------------------------------------------------------------------------- */

gr_node *gr_sequence_mask(gr_node *lengths, int64_t steps)
{
    if (gr_is_error(lengths)) return lengths;
    gr_graph *graph = gr_node_graph(lengths);
    gr_shape shape = gr_node_shape(lengths);
    const gr_dtype dtype = gr_node_dtype(lengths);
    gr_tensor order;
    if (dtype != GR_I32 && dtype != GR_I64)
        return gr_fault(graph, GR_DTYPE, "sequence_mask",
                        "the lengths are %s: should be i32 or i64", gr_dtype_name(dtype));
    if (steps < 0 || shape.rank == GR_MAX_RANK)
        return gr_fault(graph, GR_SHAPE, "sequence_mask", "%lld steps of lengths %s",
                        (long long)steps, gr_shape_text(shape));
    if (gr_tensor_new(dtype, GR_SHAPE(steps), &order) != GR_OK)
        return gr_fault(graph, GR_NO_MEMORY, "sequence_mask", "%s", gr_message());
    for (int64_t i = 0; i < steps; i++) gr_tensor_put(&order, i, (double)i);
    gr_composite_begin(graph, "sequence_mask");
    lengths = gr_within(lengths, 0, steps, "length");
    shape.dim[shape.rank++] = 1;
    gr_node *mask = gr_less(gr_constant(graph, &order), gr_reshape(lengths, shape));
    gr_composite_end(graph);
    gr_tensor_clear(&order);
    return mask;
}
