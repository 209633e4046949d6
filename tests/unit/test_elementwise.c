/* Elementwise ops: spans agree to the bit at every CPU level, size and step; the engine agrees with
 * a walk over single elements on random shapes; values at the edges; refusals. */
#include "support.h"

#include <math.h>

#include "backend/backend.h"
#include "ops/elementwise.h"

enum { LONGEST = 67, GUARD = 64, MOST_INPUTS = 3 };

/* ---- Values ---------------------------------------------------------------------------------- */

/* Random values, one in four special. */
static void elem_fill(void *data, gr_dtype dtype, int64_t n, gr_rng *rng)
{
    const double specials[] = {0,   -0.0,     1,         -1,   0.5,          1e-40,
                               NAN, INFINITY, -INFINITY, 3e38, 2147483648.0, -1e30};
    for (int64_t i = 0; i < n; i++) {
        const bool special = gr_rng_below(rng, 4) == 0;
        const double x =
            special ? specials[gr_rng_below(rng, GR_LEN(specials))] : 8 * gr_rng_uniform(rng) - 4;
        const uint64_t bits = gr_rng_u64(rng);
        switch (dtype) {
        case GR_F64:
            ((double *)data)[i] = x;
            break;
        case GR_F32:
            ((float *)data)[i] = (float)x;
            break;
        case GR_BF16:
            ((uint16_t *)data)[i] = gr_f32_to_bf16((float)x);
            break;
        case GR_F16:
            ((uint16_t *)data)[i] = gr_f32_to_f16((float)x);
            break;
        case GR_I64:
            ((int64_t *)data)[i] = (int64_t)(bits >> (special ? 0 : 60));
            break;
        case GR_I32:
            ((int32_t *)data)[i] = (int32_t)(bits >> (special ? 32 : 60));
            break;
        case GR_I8:
        case GR_U8:
            ((uint8_t *)data)[i] = (uint8_t)(bits >> 56);
            break;
        case GR_BOOL:
            ((uint8_t *)data)[i] = bits >> 63 ? 1 : 0;
            break;
        case GR_DTYPE_COUNT:
            break;
        }
    }
}

/* The same bits, or both NaN. */
static bool elem_same(const void *a, const void *b, gr_dtype dtype, int64_t i)
{
    const size_t size = gr_dtype_size(dtype);
    if (memcmp((const char *)a + (size_t)i * size, (const char *)b + (size_t)i * size, size) == 0) {
        return true;
    }
    if (dtype == GR_F64) return isnan(((const double *)a)[i]) && isnan(((const double *)b)[i]);
    if (dtype == GR_F32) return isnan(((const float *)a)[i]) && isnan(((const float *)b)[i]);
    return false;
}

/* The node of op on inputs of `dtype` (what span_input is) and of these shapes, in a new graph. */
static gr_node *elem_node(gr_graph *graph, const gr_op *op, gr_dtype dtype, gr_dtype to,
                          const gr_shape *shape)
{
    gr_node *in[MOST_INPUTS];
    for (int i = 0; i < op->min_in; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        in[i] = gr_input(graph, name, i < op->span_input ? GR_BOOL : dtype, shape[i]);
    }
    gr_attr attrs[2] = {gr_attr_real(-0.5), gr_attr_real(1.5)};
    if (op == &gr_op_cast) attrs[0] = gr_attr_dtype(to);
    return gr_build(graph, op, in, op->min_in, attrs);
}

/* ---- Spans ----------------------------------------------------------------------------------- */

typedef struct elem_buffers {
    _Alignas(GR_ALIGN) unsigned char in[MOST_INPUTS][8 * (LONGEST + 1)];
    _Alignas(GR_ALIGN) unsigned char one[8 * LONGEST], out[8 * (LONGEST + 1) + 2 * GUARD];
} elem_buffers;

/* One call at `level`, off the alignment by `shift` elements, between guards. */
static void elem_span_call(elem_buffers *b, const gr_node *node, int level, const int *step,
                           int64_t n, size_t shift)
{
    const gr_op *op = node->op;
    const gr_dtype to = node->out[0].dtype;
    double param[GR_SPAN_PARAMS];
    gr_span_params(node, param);
    const void *in[MOST_INPUTS];
    for (int i = 0; i < op->min_in; i++) {
        in[i] = b->in[i] + shift * gr_dtype_size(gr_type_of(node->in[i]).dtype);
    }
    memset(b->out, 0xa5, sizeof b->out);
    unsigned char *out = b->out + GUARD + shift * gr_dtype_size(to);
    (*op->spans)[gr_type_of(node->in[op->span_input]).dtype][level](out, in, step, n, param);
    const size_t bytes = (size_t)n * gr_dtype_size(to);
    for (size_t i = 0; i < GUARD; i++) assert_int_equal(out[-1 - (int)i], 0xa5);
    for (size_t i = 0; i < GUARD; i++) assert_int_equal(out[bytes + i], 0xa5);
    memmove(b->out, out, bytes);
}

/* The specification: the base span on one element at a time. */
static void elem_span_singly(elem_buffers *b, const gr_node *node, const int *step, int64_t n,
                             size_t shift)
{
    const gr_op *op = node->op;
    double param[GR_SPAN_PARAMS];
    gr_span_params(node, param);
    const int still[MOST_INPUTS] = {1, 1, 1};
    for (int64_t k = 0; k < n; k++) {
        const void *in[MOST_INPUTS];
        for (int i = 0; i < op->min_in; i++) {
            const size_t at = shift + (step[i] ? (size_t)k : 0);
            in[i] = b->in[i] + at * gr_dtype_size(gr_type_of(node->in[i]).dtype);
        }
        (*op->spans)[gr_type_of(node->in[op->span_input]).dtype][GR_CPU_BASE](
            b->one + (size_t)k * gr_dtype_size(node->out[0].dtype), in, still, 1, param);
    }
}

static void elem_check_spans(const gr_node *node, gr_rng *rng)
{
    const gr_op *op = node->op;
    elem_buffers b;
    for (int64_t n = 0; n <= LONGEST; n++) {
        const int steps = (int)gr_rng_below(rng, 1u << op->min_in);
        const int mixed[MOST_INPUTS] = {steps & 1, steps >> 1 & 1, steps >> 2 & 1};
        const int forward[MOST_INPUTS] = {1, 1, 1};
        const int *step = n % 2 ? mixed : forward;
        const size_t shift = (size_t)n % 2;
        for (int i = 0; i < op->min_in; i++) {
            elem_fill(b.in[i], gr_type_of(node->in[i]).dtype, LONGEST + 1, rng);
        }
        elem_span_singly(&b, node, step, n, shift);
        for (int level = 0; level <= (int)gr_cpu(); level++) {
            elem_span_call(&b, node, level, step, n, shift);
            for (int64_t i = 0; i < n; i++) {
                if (elem_same(b.out, b.one, node->out[0].dtype, i)) continue;
                fail_msg("%s of %s at %s: element %d of %d differs from the scalar kernel",
                         op->name, gr_dtype_name(gr_type_of(node->in[op->span_input]).dtype),
                         gr_cpu_name((gr_cpu_level)level), (int)i, (int)n);
            }
        }
    }
}

/* Every op, element type and (cast) target type that has a span. */
static void elem_for_all(void (*check)(const gr_node *node, gr_rng *rng), const gr_shape *shape)
{
    int count;
    const gr_op *const *ops = gr_op_all(&count);
    gr_rng rng = gr_rng_new(1, 0);
    for (int k = 0; k < count; k++) {
        if (!ops[k]->spans) continue;
        assert_true(ops[k]->flags & GR_OP_ELEMENTWISE);
        for (int dtype = 0; dtype < GR_DTYPE_COUNT; dtype++) {
            if (!(*ops[k]->spans)[dtype][GR_CPU_BASE]) continue;
            for (int to = 0; to < (ops[k] == &gr_op_cast ? GR_DTYPE_COUNT : 1); to++) {
                gr_graph *graph = gr_graph_new();
                gr_node *node = elem_node(graph, ops[k], (gr_dtype)dtype, (gr_dtype)to, shape);
                assert_string_equal(gr_graph_message(graph), "");
                check(node, &rng);
                gr_graph_free(graph);
            }
        }
    }
}

static void spans_agree(void **state)
{
    (void)state;
    const gr_shape scalars[MOST_INPUTS] = {GR_SCALAR, GR_SCALAR, GR_SCALAR};
    elem_for_all(elem_check_spans, scalars);
}

/* An output that is an input of the same size gives what a separate one does. */
static void elem_check_inplace(const gr_node *node, gr_rng *rng)
{
    const gr_op *op = node->op;
    const gr_dtype to = node->out[0].dtype;
    const int step[MOST_INPUTS] = {1, 1, 1};
    double param[GR_SPAN_PARAMS];
    gr_span_params(node, param);
    elem_buffers b;
    for (int level = 0; level <= (int)gr_cpu(); level++) {
        gr_span_fn *span = (*op->spans)[gr_type_of(node->in[op->span_input]).dtype][level];
        for (int j = 0; j < op->min_in; j++) {
            if (gr_dtype_size(gr_type_of(node->in[j]).dtype) != gr_dtype_size(to)) continue;
            const void *in[MOST_INPUTS];
            for (int i = 0; i < op->min_in; i++) {
                elem_fill(b.in[i], gr_type_of(node->in[i]).dtype, LONGEST, rng);
                in[i] = b.in[i];
            }
            span(b.one, in, step, LONGEST, param);
            span(b.in[j], in, step, LONGEST, param);
            for (int64_t i = 0; i < LONGEST; i++) {
                if (!elem_same(b.in[j], b.one, to, i)) fail_msg("%s in place differs", op->name);
            }
        }
    }
}

static void spans_work_in_place(void **state)
{
    (void)state;
    const gr_shape scalars[MOST_INPUTS] = {GR_SCALAR, GR_SCALAR, GR_SCALAR};
    elem_for_all(elem_check_inplace, scalars);
}

/* ---- The engine ------------------------------------------------------------------------------ */

static int64_t elem_offset(gr_shape shape, gr_shape out, int64_t i)
{
    int64_t offset = 0, stride[GR_MAX_RANK];
    gr_shape_strides(shape, stride);
    for (int d = out.rank - 1; d >= 0; d--) {
        const int64_t index = i % out.dim[d];
        i /= out.dim[d];
        const int axis = d - (out.rank - shape.rank);
        if (axis >= 0 && shape.dim[axis] != 1) offset += index * stride[axis];
    }
    return offset;
}

/* The engine on random data against the base span on single elements found by their index. */
static void elem_check_engine(const gr_node *node, gr_rng *rng)
{
    const gr_op *op = node->op;
    const gr_type out = node->out[0];
    const int64_t n = gr_shape_count(out.shape);
    const size_t size = gr_dtype_size(out.dtype);
    char *in[MOST_INPUTS], *expected = gr_alloc_aligned((size_t)n * size);
    for (int i = 0; i < node->n_in; i++) {
        const gr_type type = gr_type_of(node->in[i]);
        const int64_t count = gr_shape_count(type.shape);
        in[i] = gr_alloc_aligned((size_t)count * gr_dtype_size(type.dtype));
        elem_fill(in[i], type.dtype, count, rng);
    }
    double param[GR_SPAN_PARAMS];
    gr_span_params(node, param);
    const int step[MOST_INPUTS] = {0, 0, 0};
    for (int64_t k = 0; k < n; k++) {
        const void *at[MOST_INPUTS];
        for (int i = 0; i < node->n_in; i++) {
            const gr_type type = gr_type_of(node->in[i]);
            at[i] =
                in[i] + elem_offset(type.shape, out.shape, k) * (int64_t)gr_dtype_size(type.dtype);
        }
        (*op->spans)[gr_type_of(node->in[op->span_input]).dtype][GR_CPU_BASE](
            expected + (size_t)k * size, at, step, 1, param);
    }
    for (int level = 0; level <= (int)gr_cpu(); level++) {
        for (int threads = 1; threads <= 3; threads += 2) {
            gr_arena arena = {0};
            gr_request r = {
                .node = node, .arena = &arena, .level = (gr_cpu_level)level, .threads = threads};
            assert_int_equal(gr_backend_select(NULL, &r), GR_OK);
            assert_int_equal(r.work, 0);
            for (int i = 0; i < node->n_in; i++) {
                const gr_type type = gr_type_of(node->in[i]);
                const bool fits =
                    gr_shape_count(type.shape) == n && gr_dtype_size(type.dtype) == size;
                assert_int_equal(r.inplace[0] >> i & 1, fits);
            }
            char *y = gr_alloc_aligned((size_t)n * size + GUARD);
            memset(y + (size_t)n * size, 0xa5, GUARD);
            const gr_call call = {
                .in = (void *const *)in, .out = (void *[]){y}, .ctx = r.ctx, .threads = threads};
            assert_int_equal(r.fn(&call), GR_OK);
            for (int64_t k = 0; k < n; k++) {
                if (elem_same(y, expected, out.dtype, k)) continue;
                fail_msg("%s %s %s: element %d differs", op->name, r.kernel,
                         gr_shape_text(out.shape), (int)k);
            }
            for (int i = 0; i < GUARD; i++) {
                assert_int_equal((unsigned char)y[(size_t)n * size + (size_t)i], 0xa5);
            }
            gr_free_aligned(y);
            gr_arena_free(&arena);
        }
    }
    for (int i = 0; i < node->n_in; i++) gr_free_aligned(in[i]);
    gr_free_aligned(expected);
}

/* Random shapes that broadcast, of rank to 5, at times with no elements. */
static void elem_random_shapes(gr_rng *rng, int n, gr_shape *shape)
{
    const int64_t sizes[] = {1, 2, 3, 5, 7, 11, 70};
    gr_shape out = {.rank = (int)gr_rng_below(rng, 6)};
    int64_t count = 1;
    for (int d = 0; d < out.rank; d++) {
        out.dim[d] = gr_rng_below(rng, 60) ? sizes[gr_rng_below(rng, GR_LEN(sizes))] : 0;
        if (count * out.dim[d] > 20000) out.dim[d] = 1;
        if (out.dim[d]) count *= out.dim[d];
    }
    for (int i = 0; i < n; i++) {
        const int drop = (int)gr_rng_below(rng, (uint64_t)out.rank + 1);
        const int skip = gr_rng_below(rng, 2) ? drop : 0;
        shape[i] = gr_shape_of(out.rank - skip, out.dim + skip);
        for (int d = 0; d < shape[i].rank; d++) {
            if (gr_rng_below(rng, 3) == 0) shape[i].dim[d] = 1;
        }
    }
}

static void engine_on_random_shapes(void **state)
{
    (void)state;
    const struct {
        const gr_op *op;
        gr_dtype dtype;
    } cases[] = {{&gr_op_sub, GR_F32},  {&gr_op_sub, GR_F64},   {&gr_op_sub, GR_U8},
                 {&gr_op_less, GR_F32}, {&gr_op_where, GR_F32}, {&gr_op_where, GR_F64},
                 {&gr_op_where, GR_U8}, {&gr_op_pow, GR_F32},   {&gr_op_sigmoid, GR_F32}};
    gr_rng rng = gr_rng_new(2, 0);
    for (int k = 0; k < 900; k++) {
        gr_shape shape[MOST_INPUTS];
        const size_t c = (size_t)k % GR_LEN(cases);
        elem_random_shapes(&rng, MOST_INPUTS, shape);
        gr_graph *graph = gr_graph_new();
        elem_check_engine(elem_node(graph, cases[c].op, cases[c].dtype, GR_F32, shape), &rng);
        assert_string_equal(gr_graph_message(graph), "");
        gr_graph_free(graph);
    }
}

/* Large enough for several threads: one run, long runs, short runs. */
static void engine_on_large_shapes(void **state)
{
    (void)state;
    const gr_shape pairs[][2] = {{GR_SHAPE(100003), GR_SHAPE(100003)},
                                 {GR_SHAPE(300, 1, 333), GR_SHAPE(1, 3, 333)},
                                 {GR_SHAPE(10007, 10), GR_SHAPE(10)},
                                 {GR_SHAPE(10007, 1), GR_SHAPE(10007, 10)},
                                 {GR_SHAPE(64, 1, 3), GR_SHAPE(1, 640, 1)}};
    gr_rng rng = gr_rng_new(3, 0);
    for (size_t k = 0; k < GR_LEN(pairs); k++) {
        gr_graph *graph = gr_graph_new();
        elem_check_engine(elem_node(graph, &gr_op_sub, GR_F32, GR_F32, pairs[k]), &rng);
        assert_string_equal(gr_graph_message(graph), "");
        gr_graph_free(graph);
    }
}

/* ---- Values at the edges --------------------------------------------------------------------- */

static double elem_value(gr_node *node, const double *x, gr_dtype dtype)
{
    union {
        double f64;
        float f32;
        int64_t i64;
        int32_t i32;
        uint8_t bool_;
    } data[MOST_INPUTS];
    double result = 0, param[GR_SPAN_PARAMS];
    const void *in[MOST_INPUTS];
    const int step[MOST_INPUTS] = {1, 1, 1};
    assert_string_equal(gr_graph_message(node->graph), "");
    for (int i = 0; i < node->n_in; i++) {
        in[i] = &data[i];
        switch (gr_type_of(node->in[i]).dtype) {
        case GR_F64:
            data[i].f64 = x[i];
            break;
        case GR_F32:
            data[i].f32 = (float)x[i];
            break;
        case GR_I64:
            data[i].i64 = (int64_t)x[i];
            break;
        case GR_I32:
            data[i].i32 = (int32_t)x[i];
            break;
        default:
            data[i].bool_ = x[i] != 0;
            break;
        }
    }
    gr_span_params(node, param);
    (*node->op->spans)[dtype][gr_cpu()](&result, in, step, 1, param);
    return gr_tensor_at(&(gr_tensor){node->out[0].dtype, GR_SCALAR, &result}, 0);
}

static void elem_expect(const gr_op *op, gr_dtype dtype, gr_dtype to, const double *x,
                        double expected)
{
    gr_graph *graph = gr_graph_new();
    const gr_shape scalars[MOST_INPUTS] = {GR_SCALAR, GR_SCALAR, GR_SCALAR};
    const double y = elem_value(elem_node(graph, op, dtype, to, scalars), x, dtype);
    if (!(y == expected || (isnan(y) && isnan(expected)))) {
        fail_msg("%s of %s at %g, %g: %g, expected %g", op->name, gr_dtype_name(dtype), x[0], x[1],
                 y, expected);
    }
    gr_graph_free(graph);
}

static void values_at_the_edges(void **state)
{
    (void)state;
    const struct {
        const gr_op *op;
        double x[2], y;
    } cases[] = {
        {&gr_op_maximum, {NAN, 1}, NAN},
        {&gr_op_maximum, {1, NAN}, NAN},
        {&gr_op_minimum, {NAN, 1}, NAN},
        {&gr_op_minimum, {1, NAN}, NAN},
        {&gr_op_maximum, {-1, 2}, 2},
        {&gr_op_minimum, {-1, 2}, -1},
        {&gr_op_maximum, {-INFINITY, 2}, 2},
        {&gr_op_sign, {-3, 0}, -1},
        {&gr_op_sign, {0, 0}, 0},
        {&gr_op_sign, {NAN, 0}, NAN},
        {&gr_op_relu, {-1, 0}, 0},
        {&gr_op_relu, {NAN, 0}, NAN},
        {&gr_op_relu, {2, 0}, 2},
        {&gr_op_clip, {NAN, 0}, NAN},
        {&gr_op_clip, {-9, 0}, -0.5},
        {&gr_op_clip, {9, 0}, 1.5},
        {&gr_op_clip, {1, 0}, 1},
        {&gr_op_leaky_relu, {-2, 0}, 1},
        {&gr_op_leaky_relu, {3, 0}, 3},
        {&gr_op_elu, {3, 0}, 3},
        {&gr_op_elu, {-INFINITY, 0}, 0.5},
        {&gr_op_hard_swish, {-3, 0}, 0},
        {&gr_op_hard_swish, {-7, 0}, 0},
        {&gr_op_hard_swish, {3, 0}, 3},
        {&gr_op_hard_swish, {INFINITY, 0}, INFINITY},
        {&gr_op_hard_swish, {NAN, 0}, NAN},
        {&gr_op_hard_swish_grad, {-3, 2}, 0}, /* as PyTorch 2.15 */
        {&gr_op_hard_swish_grad, {3, 2}, 2},
        {&gr_op_hard_swish_grad, {0, 2}, 1},
        {&gr_op_hard_swish_grad, {INFINITY, 2}, 2},
        {&gr_op_hard_swish_grad, {NAN, 2}, NAN},
        {&gr_op_floor, {-0.5, 0}, -1},
        {&gr_op_abs, {-INFINITY, 0}, INFINITY},
        {&gr_op_sqrt, {-1, 0}, NAN},
        {&gr_op_div, {1, 0}, INFINITY},
        {&gr_op_div, {0, 0}, NAN},
        {&gr_op_pow, {0, 0}, 1},
        {&gr_op_pow, {-2, 3}, -8},
        {&gr_op_pow, {-2, 0.5}, NAN},
        {&gr_op_equal, {NAN, NAN}, 0},
        {&gr_op_not_equal, {NAN, NAN}, 1},
        {&gr_op_less, {1, 1}, 0},
        {&gr_op_less_equal, {1, 1}, 1},
        {&gr_op_greater, {2, 1}, 1},
        {&gr_op_greater_equal, {NAN, 1}, 0},
        {&gr_op_equal, {0, -0.0}, 1},
    };
    for (size_t k = 0; k < GR_LEN(cases); k++) {
        elem_expect(cases[k].op, GR_F32, GR_F32, cases[k].x, cases[k].y);
        elem_expect(cases[k].op, GR_F64, GR_F64, cases[k].x, cases[k].y);
    }
}

static void integers_wrap(void **state)
{
    (void)state;
    const double least = INT32_MIN, most = INT32_MAX;
    elem_expect(&gr_op_add, GR_I32, GR_I32, (double[]){most, 1}, least);
    elem_expect(&gr_op_sub, GR_I32, GR_I32, (double[]){least, 1}, most);
    elem_expect(&gr_op_mul, GR_I32, GR_I32, (double[]){65536, 65536}, 0);
    elem_expect(&gr_op_neg, GR_I32, GR_I32, (double[]){least, 0}, least);
    elem_expect(&gr_op_abs, GR_I32, GR_I32, (double[]){least, 0}, least);
    elem_expect(&gr_op_neg, GR_I64, GR_I64, (double[]){-0x1p63, 0}, -0x1p63);
    elem_expect(&gr_op_square, GR_I32, GR_I32, (double[]){-65537, 0}, 131073);
}

static void casts_at_the_edges(void **state)
{
    (void)state;
    const struct {
        gr_dtype from, to;
        double x, y;
    } cases[] = {
        {GR_F64, GR_I32, 1e10, INT32_MAX},
        {GR_F64, GR_I32, -1e10, INT32_MIN},
        {GR_F64, GR_I32, NAN, 0},
        {GR_F64, GR_I32, -2.9, -2},
        {GR_F32, GR_I64, 1e30, 0x1p63},
        {GR_F32, GR_I64, -INFINITY, -0x1p63},
        {GR_F32, GR_U8, -0.9, 0},
        {GR_F32, GR_U8, -5, 0},
        {GR_F32, GR_U8, 255.9, 255},
        {GR_F32, GR_U8, 300, 255},
        {GR_F32, GR_I8, -129, -128},
        {GR_F32, GR_I8, 127.5, 127},
        {GR_F32, GR_BOOL, 0.25, 1},
        {GR_F32, GR_BOOL, -0.0, 0},
        {GR_F32, GR_BOOL, NAN, 1},
        {GR_I32, GR_U8, 257, 1},
        {GR_I64, GR_BOOL, 256, 1},
        {GR_F64, GR_F32, 1e300, INFINITY},
        {GR_F64, GR_BF16, 1 + 0x1p-8, 1},
        {GR_F64, GR_F16, 1 + 0x1p-11, 1},
        /* just above a tie of bf16 and f16, by less than f32 can hold: must still round up */
        {GR_F64, GR_BF16, 1 + 0x1p-8 + 0x1p-40, 1 + 0x1p-7},
        {GR_F64, GR_F16, 1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-10},
        {GR_F64, GR_F16, -65520 + 0x1p-30, -65504},
        {GR_F64, GR_F16, 1e300, INFINITY},
        {GR_I64, GR_BF16, 0x1p60 + 0x1p52, 0x1p60},
        {GR_I64, GR_F32, 16777217, 16777216},
    };
    for (size_t k = 0; k < GR_LEN(cases); k++) {
        elem_expect(&gr_op_cast, cases[k].from, cases[k].to, (double[]){cases[k].x, 0}, cases[k].y);
    }
}

/* ---- Refusals -------------------------------------------------------------------------------- */

static gr_graph *refusal_graph;

static gr_node *elem_in(const char *name, gr_dtype dtype, gr_shape shape)
{
    return gr_input(refusal_graph, name, dtype, shape);
}

static void elem_refused(gr_node *node, gr_status status, const char *message)
{
    assert_true(gr_is_error(node));
    assert_int_equal(gr_graph_status(refusal_graph), status);
    assert_string_equal(gr_graph_message(refusal_graph), message);
    gr_graph_free(refusal_graph);
    refusal_graph = gr_graph_new();
}

static void refusals(void **state)
{
    (void)state;
    const gr_shape two = GR_SHAPE(2), three = GR_SHAPE(3);
    refusal_graph = gr_graph_new();
    elem_refused(gr_add(elem_in("a", GR_F32, two), elem_in("b", GR_F32, three)), GR_SHAPE,
                 "add: shapes do not broadcast: [2] and [3]");
    elem_refused(gr_mul(elem_in("a", GR_F32, two), elem_in("b", GR_F64, two)), GR_DTYPE,
                 "mul: element types differ: f32 and f64 (convert one by cast)");
    elem_refused(gr_exp(elem_in("a", GR_I32, two)), GR_DTYPE,
                 "exp: input 0 is i32; this op takes f32 and f64 (convert by cast)");
    elem_refused(gr_neg(elem_in("a", GR_U8, two)), GR_DTYPE,
                 "neg: input 0 is u8, which has no negative numbers");
    elem_refused(gr_less(elem_in("a", GR_BOOL, two), elem_in("b", GR_BOOL, two)), GR_DTYPE,
                 "less: input 0 is bool; this op takes f64, f32, i64, i32 and u8 (convert by "
                 "cast)");
    elem_refused(gr_and(elem_in("a", GR_BOOL, two), elem_in("b", GR_F32, two)), GR_DTYPE,
                 "and: input 1 is f32; logic takes bool (compare first)");
    elem_refused(
        gr_where(elem_in("c", GR_F32, two), elem_in("a", GR_F32, two), elem_in("b", GR_F32, two)),
        GR_DTYPE, "where: the condition is f32; it must be bool (compare first)");
    elem_refused(
        gr_where(elem_in("c", GR_BOOL, two), elem_in("a", GR_F32, two), elem_in("b", GR_F64, two)),
        GR_DTYPE,
        "where: the two choices are f32 and f64; they must be of one element type "
        "(convert one by cast)");
    elem_refused(gr_where(elem_in("c", GR_BOOL, three), elem_in("a", GR_F32, two),
                          elem_in("b", GR_F32, GR_SCALAR)),
                 GR_SHAPE, "where: shapes do not broadcast: [3], [2] and []");
    elem_refused(gr_clip(elem_in("a", GR_F32, two), 1, -1), GR_INVALID,
                 "clip: low 1 is not at most high -1");
    elem_refused(gr_cast(elem_in("a", GR_F32, two), GR_DTYPE_COUNT), GR_DTYPE,
                 "cast: unknown element type 9");
    gr_graph_free(refusal_graph);
}

static void no_such_device(void **state)
{
    (void)state;
    gr_graph *graph = gr_graph_new();
    gr_node *x = gr_input(graph, "x", GR_F32, GR_SCALAR);
    gr_request request = {.node = gr_neg(x)};
    assert_int_equal(gr_backend_select("abacus", &request), GR_UNSUPPORTED);
    assert_string_equal(gr_message(), "no device 'abacus' in this build; there is 'cpu'");
    request.node = x;
    assert_int_equal(gr_backend_select("cpu", &request), GR_UNSUPPORTED);
    assert_string_equal(gr_message(), "input 'x': no kernel for f32 on the CPU");
    gr_graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_agree),
        cmocka_unit_test(spans_work_in_place),
        cmocka_unit_test(engine_on_random_shapes),
        cmocka_unit_test(engine_on_large_shapes),
        cmocka_unit_test(values_at_the_edges),
        cmocka_unit_test(integers_wrap),
        cmocka_unit_test(casts_at_the_edges),
        cmocka_unit_test(refusals),
        cmocka_unit_test(no_such_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
