/* The kernel of fused nodes against their reference, bit for bit: chosen bodies on the edges of
 * pieces, units, blocks and bands, bodies with a contraction, and bodies made up at random; for
 * every CPU level, 1 to 3 threads, off alignment, and with each output in the memory of each input
 * that may be shared. */
#include "support_fused.h"

/* ---- Chosen bodies --------------------------------------------------------------------------- */

/* A chain with a mask, a byte and numbers of two types; scalars computed inside. */
static void test_chain(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 7, 16, 63, 255, 256, 257, 1023, 1024, 1025, 70001};
    for (size_t s = 0; s < GR_LEN(sizes); s++) {
        const gr_shape shape = GR_SHAPE(sizes[s]);
        fused_maker m = fused_new();
        gr_node *x = fused_in(&m, GR_F32, shape), *y = fused_in(&m, GR_F32, shape);
        gr_node *u = fused_in(&m, GR_U8, shape), *rate = fused_in(&m, GR_F64, GR_SCALAR);
        gr_node *step = gr_cast(gr_square(rate), GR_F32);
        gr_node *both = gr_add(gr_mul(x, y), gr_cast(u, GR_F32));
        gr_node *z = gr_tanh(both);
        fused_out(&m, gr_sub(x, gr_mul(z, step)));
        fused_out(&m, gr_greater(both, y));
        fused_out(&m, gr_where(m.out[1], z, gr_neg(y)));
        fused_out(&m, step);
        fused_check(&m);
    }
}

/* What comparisons choose, or 0: pairs in one instruction, NaN and -0 among the operands. */
static void test_choices(void **state)
{
    (void)state;
    static gr_node *(*const compare[])(gr_node *, gr_node *) = {
        (gr_equal), (gr_not_equal), (gr_less), (gr_less_equal), (gr_greater), (gr_greater_equal)};
    for (size_t k = 0; k < GR_LEN(compare); k++) {
        const gr_shape shape = GR_SHAPE(3, 333);
        fused_maker m = fused_new();
        gr_node *x = fused_in(&m, GR_F32, shape), *y = fused_in(&m, GR_F32, shape);
        gr_node *row = fused_in(&m, GR_F32, GR_SHAPE(333));
        gr_node *root = gr_sqrt(x), *none = gr_mul(gr_neg(gr_square(y)), gr_like(y, 0));
        gr_node *same = gr_clip(x, -0.25, 0.25);
        fused_out(&m, gr_where(compare[k](same, x), y, gr_like(y, 0)));
        fused_out(&m, gr_where(compare[k](root, y), none, gr_like(y, 0)));
        fused_out(&m, gr_where(compare[k](row, gr_like(row, 0)), root, gr_like(x, -0.0)));
        fused_out(&m, gr_where(compare[k](y, row), gr_like(row, 2), gr_like(row, 0)));
        fused_check(&m);
    }
}

static void test_broadcasts(void **state)
{
    (void)state;
    static const gr_shape cases[][4] = {
        {{2, {7, 10}}, {1, {10}}, {2, {7, 1}}, {0}},
        {{2, {300, 10}}, {1, {10}}, {2, {300, 1}}, {0}},
        {{2, {5, 1030}}, {1, {1030}}, {2, {5, 1}}, {0}},
        {{4, {3, 5, 4, 4}}, {4, {1, 5, 1, 1}}, {4, {3, 1, 4, 1}}, {2, {4, 4}}},
        {{4, {2, 3, 32, 33}}, {3, {3, 1, 1}}, {4, {2, 1, 1, 1}}, {3, {3, 32, 33}}},
        {{3, {9, 65, 3}}, {2, {65, 1}}, {3, {9, 1, 3}}, {3, {9, 1, 1}}},
        {{3, {40, 2, 300}}, {3, {40, 1, 300}}, {2, {2, 1}}, {1, {300}}},
        {{5, {3, 2, 3, 2, 5}}, {5, {1, 2, 1, 2, 1}}, {5, {3, 1, 3, 1, 5}}, {2, {2, 1}}},
    };
    for (size_t s = 0; s < GR_LEN(cases); s++) {
        fused_maker m = fused_new();
        gr_node *x = fused_in(&m, GR_F32, cases[s][0]), *a = fused_in(&m, GR_F32, cases[s][1]);
        gr_node *b = fused_in(&m, GR_F64, cases[s][2]), *c = fused_in(&m, GR_F32, cases[s][3]);
        gr_node *lean = gr_exp(gr_cast(b, GR_F32)); /* smaller than the space */
        gr_node *y = gr_add(gr_mul(x, a), lean);
        fused_out(&m, y);
        fused_out(&m, gr_maximum(gr_sub(y, c), gr_mul(lean, lean)));
        fused_out(&m, lean);
        fused_check(&m);
    }
}

/* Products of a column and a row: alone, read once and twice, in batches whose rows begin anew,
 * with as many rows as no piece divides, of rows that are too short or too long for an instruction.
 */
static void test_outer_products(void **state)
{
    (void)state;
    static const gr_shape cases[][3] = {
        {{2, {20, 128}}, {2, {20, 1}}, {2, {1, 128}}},
        {{2, {2, 32}}, {2, {2, 1}}, {1, {32}}},
        {{2, {301, 33}}, {2, {301, 1}}, {2, {1, 33}}},
        {{2, {1000, 100}}, {1, {100}}, {2, {1000, 1}}},
        {{2, {50, 31}}, {2, {50, 1}}, {2, {1, 31}}},
        {{2, {9, 255}}, {2, {9, 1}}, {2, {1, 255}}},
        {{2, {9, 256}}, {2, {9, 1}}, {2, {1, 256}}},
        {{3, {3, 20, 128}}, {3, {3, 20, 1}}, {3, {3, 1, 128}}},
        {{3, {3, 20, 128}}, {3, {1, 20, 1}}, {3, {3, 1, 128}}},
        {{3, {3, 20, 128}}, {3, {3, 20, 1}}, {3, {1, 1, 128}}},
        {{3, {40, 7, 64}}, {3, {40, 7, 1}}, {3, {40, 1, 64}}},
        {{3, {5, 127, 100}}, {3, {5, 127, 1}}, {3, {5, 1, 100}}},
        {{4, {2, 3, 4, 50}}, {4, {2, 3, 4, 1}}, {4, {2, 1, 1, 50}}},
        {{4, {2, 6, 4, 50}}, {4, {2, 1, 4, 1}}, {4, {2, 6, 1, 50}}},
    };
    for (size_t s = 0; s < GR_LEN(cases); s++) {
        fused_maker m = fused_new();
        gr_node *x = fused_in(&m, GR_F32, cases[s][0]), *column = fused_in(&m, GR_F32, cases[s][1]);
        gr_node *row = fused_in(&m, GR_F32, cases[s][2]);
        gr_node *other = fused_in(&m, GR_F32, cases[s][1]);
        gr_node *outer = gr_mul(column, row), *second = gr_mul(row, gr_exp(other));
        fused_out(&m, gr_add(gr_add(x, gr_mul(x, outer)), second));
        if (s % 2) fused_out(&m, outer);
        fused_check(&m);
        m = fused_new();
        x = fused_in(&m, GR_F32, cases[s][0]);
        outer = gr_mul(fused_in(&m, GR_F32, cases[s][1]), fused_in(&m, GR_F32, cases[s][2]));
        fused_out(&m, gr_sub(gr_tanh(outer), gr_mul(x, outer)));
        fused_check(&m);
    }
}

/* Softmax with cross-entropy, as a body in three phases with lean gates. */
static void test_softmax(void **state)
{
    (void)state;
    static const gr_shape shapes[] = {
        {2, {256, 10}}, {2, {3, 1}},     {2, {1, 7}},       {2, {130, 33}},  {2, {9, 100}},
        {2, {4, 511}},  {2, {5, 1000}},  {2, {2, 2048}},    {1, {300}},      {3, {5, 7, 12}},
        {2, {1024, 2}}, {2, {3, 128}},   {3, {2, 2, 1025}}, {2, {9001, 17}}, {2, {23, 256}},
        {2, {11, 127}}, {2, {150, 130}}, {2, {7, 1023}}};
    for (size_t s = 0; s < GR_LEN(shapes); s++) {
        gr_shape shape = shapes[s], rows = shape;
        if (shape.dim[shape.rank - 1] == 1) continue;
        rows.dim[rows.rank - 1] = 1;
        fused_maker m = fused_new();
        gr_node *x = fused_in(&m, GR_F32, shape), *wanted = fused_in(&m, GR_F32, shape);
        gr_node *weight = fused_in(&m, GR_F32, rows), *scale = fused_in(&m, GR_F32, GR_SCALAR);
        gr_node *shifted = gr_sub(x, gr_max(x, GR_KEEP(-1)));
        gr_node *e = gr_exp(shifted), *sum = gr_sum(e, GR_KEEP(-1));
        gr_node *p = gr_div(e, sum);
        fused_out(&m, gr_mul(gr_sub(p, wanted), scale));
        fused_out(
            &m, gr_mul(gr_sub(gr_log(sum), gr_sum(gr_mul(wanted, shifted), GR_KEEP(-1))), weight));
        fused_check(&m);
    }
}

/* Batch norm, forward: groups of several rows. */
static void test_norm(void **state)
{
    (void)state;
    static const gr_shape shapes[] = {
        {4, {3, 5, 2, 2}},   {4, {2, 3, 7, 7}},    {4, {8, 64, 4, 4}},  {4, {5, 3, 32, 32}},
        {4, {2, 2, 48, 50}}, {4, {40, 3, 8, 9}},   {4, {300, 2, 3, 5}}, {4, {1, 4, 5, 5}},
        {4, {2, 1, 70, 70}}, {4, {16, 17, 30, 31}}};
    for (size_t s = 0; s < GR_LEN(shapes); s++) {
        const int64_t c = shapes[s].dim[1];
        fused_maker m = fused_new();
        gr_node *x = fused_in(&m, GR_F32, shapes[s]), *old = fused_in(&m, GR_F32, GR_SHAPE(c));
        gr_node *gamma = fused_in(&m, GR_F32, GR_SHAPE(1, c, 1, 1));
        gr_node *beta = fused_in(&m, GR_F32, GR_SHAPE(c, 1, 1));
        gr_node *scale = gr_square(gamma); /* lean, before any reduction */
        gr_node *sum = gr_sum(x, GR_AXES(0, 2, 3));
        gr_node *mean = gr_reshape(gr_scale(sum, 0.125), GR_SHAPE(1, c, 1, 1));
        gr_node *centred = gr_sub(x, mean);
        gr_node *variance = gr_sum(gr_square(centred), GR_KEEP(0, 2, 3));
        gr_node *factor = gr_mul(gr_rsqrt(gr_shift(variance, 1)), scale);
        fused_out(&m, gr_relu(gr_add(gr_mul(centred, factor), beta)));
        fused_out(&m, gr_add(old, gr_scale(sum, 0.5)));
        fused_check(&m);
    }
}

/* The gradient of a normalisation: what is reduced last waits in the result's memory for what is
 * subtracted from it, beside an output that reads an input as late as that. */
static void test_norm_gradient(void **state)
{
    (void)state;
    static const gr_shape shapes[] = {{2, {3, 2049}}, {2, {5, 4100}},      {2, {1, 40000}},
                                      {2, {7, 300}},  {4, {5, 3, 32, 32}}, {4, {300, 2, 3, 5}}};
    for (size_t k = 0; k < 2 * GR_LEN(shapes); k++) {
        const gr_shape shape = shapes[k / 2];
        const gr_axes rows = GR_KEEP(-1), planes = GR_KEEP(0, 2, 3);
        const gr_axes axes = shape.rank == 2 ? rows : planes;
        const gr_dtype dtype = k % 4 < 2 ? GR_F32 : GR_F64;
        fused_maker m = fused_new();
        gr_node *x = fused_in(&m, dtype, shape), *dy = fused_in(&m, dtype, shape);
        gr_node *gamma = fused_in(
            &m, dtype, shape.rank == 2 ? GR_SHAPE(shape.dim[1]) : GR_SHAPE(shape.dim[1], 1, 1));
        gr_node *centred = gr_sub(x, gr_scale(gr_sum(x, axes), 0.125));
        gr_node *each = gr_mul(dy, gamma), *along = gr_sum(gr_mul(each, centred), axes);
        gr_node *slope = gr_add(gr_mul(each, gr_shift(along, 1)), gr_mul(centred, along));
        gr_node *total = gr_sum(slope, axes);
        gr_node *late = k % 2 ? gr_mul(x, total) : NULL;
        fused_out(&m, gr_sub(slope, gr_scale(total, 0.25)));
        if (late) fused_out(&m, late);
        fused_check(&m);
    }
}

/* Everything is reduced: blocks combine as a tree, on one thread and on several. */
static void test_whole(void **state)
{
    (void)state;
    static const int64_t sizes[] = {2,         63,        2047,         2048,          2049,
                                    5 * 2048,  6 * 2048,  7 * 2048 + 1, 11 * 2048,     40000,
                                    64 * 2048, 65 * 2048, 200001,       130 * 2048 + 5};
    for (size_t s = 0; s < GR_LEN(sizes); s++) {
        fused_maker m = fused_new();
        gr_node *x = fused_in(&m, GR_F32, GR_SHAPE(sizes[s]));
        gr_node *y = fused_in(&m, GR_F32, GR_SHAPE(sizes[s]));
        gr_node *z = gr_mul(x, y), *sum = gr_sum(z, GR_ALL);
        fused_out(&m, gr_sqrt(gr_abs(sum)));
        fused_out(&m, gr_max(gr_sub(x, y), GR_ALL));
        fused_out(&m, z);
        fused_out(&m, gr_div(gr_add(x, z), gr_shift(gr_square(sum), 1)));
        fused_check(&m);
    }
}

/* Units longer than a part, of values that are computed in f64: what is to be reduced stays while
 * the next part is computed. */
static void test_parts(void **state)
{
    (void)state;
    static const int64_t sizes[] = {2048, 2049, 2499, 4096, 4097, 9000};
    for (size_t s = 0; s < GR_LEN(sizes); s++) {
        fused_maker m = fused_new();
        gr_node *x = fused_in(&m, GR_F32, GR_SHAPE(sizes[s]));
        gr_node *y = gr_cast(gr_square(gr_cast(x, GR_F64)), GR_F32);
        fused_out(&m, gr_sum(gr_scale(y, 0.395), GR_ALL));
        fused_check(&m);
    }
}

static void test_columns(void **state)
{
    (void)state;
    static const gr_shape shapes[] = {{2, {2, 3}},     {2, {256, 10}},  {2, {7, 1023}},
                                      {2, {5, 1025}},  {2, {300, 129}}, {2, {2049, 5}},
                                      {2, {9000, 20}}, {2, {3, 5000}},  {2, {1000, 300}}};
    for (size_t s = 0; s < GR_LEN(shapes); s++) {
        fused_maker m = fused_new();
        gr_node *y = fused_in(&m, GR_F32, shapes[s]), *dy = fused_in(&m, GR_F32, shapes[s]);
        gr_node *bias = fused_in(&m, GR_F32, GR_SHAPE(shapes[s].dim[1]));
        gr_node *dx = gr_mul(dy, gr_sub(y, gr_square(y)));
        fused_out(&m, dx);
        fused_out(&m, gr_sum(dx, GR_AXES(0)));
        fused_out(&m, gr_min(gr_add(y, gr_exp(bias)), GR_KEEP(0)));
        fused_check(&m);
    }
    fused_maker m = fused_new(); /* two axes out of four */
    gr_node *x = fused_in(&m, GR_I32, GR_SHAPE(11, 3, 7, 5));
    gr_node *y = gr_add(x, fused_in(&m, GR_I32, GR_SHAPE(7, 1)));
    fused_out(&m, gr_sum(y, GR_AXES(0, 2)));
    fused_out(&m, gr_prod(gr_square(y), GR_AXES(0, 2)));
    fused_check(&m);
}

/* ---- Bodies with a contraction --------------------------------------------------------------- */

typedef enum fused_product {
    FUSED_MATMUL,
    FUSED_TURNED,
    FUSED_CONV,
    FUSED_CONV_BACK
} fused_product;

typedef struct fused_product_case {
    fused_product kind;
    gr_shape x, w;
} fused_product_case;

static gr_node *fused_make_product(fused_maker *m, const fused_product_case *c, gr_dtype dtype)
{
    gr_node *x = fused_in(m, dtype, c->x), *w = fused_in(m, dtype, c->w);
    switch (c->kind) {
    case FUSED_MATMUL:
        return gr_matmul(x, w);
    case FUSED_TURNED:
        return gr_matmul_t(x, false, w, true);
    case FUSED_CONV:
        return gr_conv(x, w, GR_WINDOW(0, .pad = 1));
    case FUSED_CONV_BACK: {
        gr_shape shape = c->x;
        shape.dim[1] = c->w.dim[1];
        return gr_conv_input_grad(x, w, shape, GR_WINDOW(0, .pad = c->w.dim[2] / 2));
    }
    }
    return NULL;
}

/* A bias for each channel of a convolution, or each column of a matrix. */
static gr_node *fused_make_bias(fused_maker *m, const fused_product_case *c, const gr_node *product)
{
    const gr_shape shape = gr_node_shape(product);
    const bool convolves = c->kind == FUSED_CONV || c->kind == FUSED_CONV_BACK;
    return fused_in(m, gr_node_dtype(product),
                    convolves ? GR_SHAPE(shape.dim[1], 1, 1) : GR_SHAPE(shape.dim[shape.rank - 1]));
}

/* Bias and activation; a residual; the mask of an activation, which is shown too. */
static void fused_check_product(const fused_product_case *c, gr_dtype dtype)
{
    fused_maker m = fused_new();
    gr_node *product = fused_make_product(&m, c, dtype);
    fused_out(&m, gr_relu(gr_add(product, fused_make_bias(&m, c, product))));
    fused_check_as(&m, true);
    m = fused_new();
    product = fused_make_product(&m, c, dtype);
    const bool same = gr_shape_equal(c->x, gr_node_shape(product)); /* what is multiplied */
    fused_out(&m, gr_add(same ? m.inner[0] : fused_in(&m, dtype, gr_node_shape(product)), product));
    fused_check_as(&m, true);
    m = fused_new();
    product = fused_make_product(&m, c, dtype);
    gr_node *y = fused_in(&m, dtype, gr_node_shape(product)), *zero = gr_like(y, 0);
    gr_node *biased = gr_add(y, fused_make_bias(&m, c, product));
    fused_out(&m, gr_greater(biased, zero));
    fused_out(&m, biased);
    fused_out(&m, gr_where(m.out[0], product, gr_like(product, 0)));
    fused_check_as(&m, true);
}

/* One row, one column, few elements, one k, several blocks of k, more columns than a block, rows
 * times rows, batches; odd channels, few and many places, part of a vector. */
static void test_products(void **state)
{
    (void)state;
    static const fused_product_case cases[] = {
        {FUSED_MATMUL, {2, {1, 300}}, {2, {300, 701}}},
        {FUSED_MATMUL, {2, {301, 33}}, {2, {33, 1}}},
        {FUSED_MATMUL, {2, {1, 1}}, {2, {1, 1}}},
        {FUSED_MATMUL, {2, {7, 7}}, {2, {7, 7}}},
        {FUSED_MATMUL, {2, {67, 1}}, {2, {1, 45}}},
        {FUSED_MATMUL, {2, {61, 1700}}, {2, {1700, 83}}},
        {FUSED_MATMUL, {2, {37, 40}}, {2, {40, 1111}}},
        {FUSED_MATMUL, {2, {3001, 2}}, {2, {2, 64}}},
        {FUSED_MATMUL, {2, {200, 200}}, {2, {200, 200}}},
        {FUSED_MATMUL, {3, {5, 60, 61}}, {3, {5, 61, 59}}},
        {FUSED_TURNED, {2, {9, 1000}}, {2, {401, 1000}}},
        {FUSED_TURNED, {2, {401, 1000}}, {2, {9, 1000}}},
        {FUSED_CONV, {4, {3, 7, 9, 11}}, {4, {17, 7, 3, 3}}},
        {FUSED_CONV, {4, {7, 1, 12, 12}}, {4, {33, 1, 5, 5}}},
        {FUSED_CONV, {4, {2, 3, 32, 30}}, {4, {3, 3, 3, 3}}},
        {FUSED_CONV, {4, {1, 96, 4, 4}}, {4, {40, 96, 3, 3}}},
        {FUSED_CONV_BACK, {4, {3, 17, 9, 11}}, {4, {17, 7, 3, 3}}},
        {FUSED_CONV_BACK, {4, {1, 33, 20, 3}}, {4, {33, 1, 5, 5}}},
    };
    for (size_t i = 0; i < GR_LEN(cases); i++) {
        fused_check_product(&cases[i], GR_F32);
        fused_check_product(&cases[i], GR_F64);
    }
}

/* ---- Bodies at random ------------------------------------------------------------------------ */

typedef struct fused_dice {
    gr_rng rng;
    gr_shape space;
    unsigned reduced;
    int n;
    gr_node *value[GR_FUSED_VALUES];
} fused_dice;

static int fused_below(fused_dice *d, int bound)
{
    return (int)gr_rng_below(&d->rng, (uint64_t)bound);
}

static void fused_random_space(fused_dice *d)
{
    static const int64_t dims[] = {1, 2, 3, 4, 5, 7, 10, 16, 33, 64, 100, 129, 256, 600, 2100};
    d->space.rank = 1 + fused_below(d, 4);
    int64_t count = 1;
    for (int k = 0; k < d->space.rank; k++) {
        int64_t dim = dims[fused_below(d, (int)GR_LEN(dims))];
        if (count * dim > 40000) dim = 3;
        count *= d->space.dim[k] = dim;
    }
    d->reduced = (unsigned)fused_below(d, 1 << d->space.rank);
    if (fused_below(d, 4) == 0) d->reduced = 0;
}

/* Full, or with some axes left out. */
static gr_node *fused_random_input(fused_dice *d, fused_maker *m)
{
    gr_shape shape = d->space;
    if (d->n > 0 && fused_below(d, 2)) {
        for (int k = 0; k < shape.rank; k++) {
            if (fused_below(d, 2)) shape.dim[k] = 1;
        }
        const int drop = shape.dim[0] == 1 ? fused_below(d, 2) : 0;
        shape = gr_shape_of(shape.rank - drop, shape.dim + drop);
    }
    return fused_in(m, fused_below(d, 5) ? GR_F32 : GR_F64, shape);
}

static gr_node *fused_random_value(fused_dice *d)
{
    const int recent = d->n > 6 && fused_below(d, 3) ? d->n - 6 : 0;
    return d->value[recent + fused_below(d, d->n - recent)];
}

static gr_node *fused_random_reduction(fused_dice *d, gr_node *x)
{
    gr_axes axes = {.keep = fused_below(d, 4) > 0};
    const gr_shape shape = gr_node_shape(x);
    if (shape.rank != d->space.rank || d->reduced == 0) return NULL;
    for (int k = 0; k < shape.rank; k++) {
        if (d->reduced >> k & 1) axes.axis[axes.count++] = k;
    }
    switch (fused_below(d, 3)) {
    case 0:
        return gr_max(x, axes);
    case 1:
        return gr_min(x, axes);
    default:
        return gr_sum(x, axes);
    }
}

static gr_node *fused_random_gate(fused_dice *d)
{
    gr_node *x = fused_random_value(d), *y = fused_random_value(d);
    const int choice = fused_below(d, 14);
    if (choice < 2) return fused_random_reduction(d, x);
    if (choice == 2) return gr_tanh(x);
    if (choice == 3) return gr_square(x);
    if (choice == 4) return gr_cast(x, gr_node_dtype(x) == GR_F32 ? GR_F64 : GR_F32);
    if (choice == 5) return gr_shift(gr_neg(x), 0.5);
    gr_shape shape;
    if (gr_node_dtype(x) != gr_node_dtype(y)) y = gr_cast(y, gr_node_dtype(x));
    if (!gr_shape_broadcast(gr_node_shape(x), gr_node_shape(y), &shape)) return NULL;
    if (choice == 6) {
        gr_node *less = gr_less(x, y); /* made first by every compiler: ids follow it */
        return gr_where(less, y, gr_mul(x, y));
    }
    if (choice == 10) return gr_relu(gr_sub(x, y));
    gr_node *zero = gr_like(y, 0);
    if (choice == 11) return gr_where(gr_greater(x, zero), y, zero);
    if (choice == 7) return gr_maximum(x, y);
    if (choice == 8) return gr_sub(x, y);
    return choice == 9 ? gr_mul(x, y) : gr_add(x, y);
}

/* Is the node read by another one of the body? */
static bool fused_is_read(const gr_graph *graph, const gr_node *node)
{
    for (size_t id = 0; id < graph->count; id++) {
        for (int i = 0; i < graph->nodes[id]->n_in; i++) {
            if (graph->nodes[id]->in[i] == node) return true;
        }
    }
    return false;
}

static bool fused_random_outputs(fused_dice *d, fused_maker *m)
{
    for (size_t id = 0; id < m->body->count; id++) {
        gr_node *node = m->body->nodes[id];
        if (node->op->flags & (GR_OP_LEAF | GR_OP_VIEW)) continue;
        if (fused_is_read(m->body, node) && fused_below(d, 8)) continue;
        if (m->n_out == GR_FUSED_OUTPUTS) return false;
        fused_out(m, node);
    }
    return m->n_out > 0;
}

/* Returns whether the dice made a legal body. */
static bool fused_check_random(uint64_t seed)
{
    fused_dice d = {.rng = gr_rng_new(seed, 5)};
    fused_maker m = fused_new();
    fused_random_space(&d);
    for (int i = 1 + fused_below(&d, 4); i > 0; i--) {
        gr_node *input = fused_random_input(&d, &m); /* looks at d.n */
        d.value[d.n++] = input;
    }
    for (int k = 2 + fused_below(&d, 12); k > 0; k--) {
        gr_node *node = fused_random_gate(&d);
        if (node && !gr_is_error(node)) d.value[d.n++] = node;
    }
    gr_node *node = NULL;
    if (fused_random_outputs(&d, &m)) {
        node = fused_node(&m);
    } else {
        gr_graph_free(m.body);
    }
    if (node) fused_check_node(node, false);
    gr_graph_free(m.outside);
    return node != NULL;
}

#if defined(NDEBUG)
enum { WANTED = 400 };
#else
enum { WANTED = 120 }; /* sanitizers and assertions take their time */
#endif

static void test_random(void **state)
{
    (void)state;
    int legal = 0;
    uint64_t seed = 1;
    for (; legal < WANTED && seed < 100 * WANTED; seed++) legal += fused_check_random(seed);
    assert_int_equal(legal, WANTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),          cmocka_unit_test(test_broadcasts),
        cmocka_unit_test(test_choices),        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_norm),           cmocka_unit_test(test_norm_gradient),
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_columns),
        cmocka_unit_test(test_parts),          cmocka_unit_test(test_products),
        cmocka_unit_test(test_outer_products), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
