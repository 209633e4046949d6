/* Random ops: pure functions of seed, stream name, step and element. */
#include "ops/sample.h"

#include "ops/random.h"

/* ---- Shape rules ----------------------------------------------------------------------------- */

static const gr_attr_desc random_attrs[] = {{"seed", GR_ATTR_INT},
                                            {"stream", GR_ATTR_TEXT},
                                            {"dtype", GR_ATTR_DTYPE},
                                            {"shape", GR_ATTR_INTS},
                                            {"p", GR_ATTR_REAL}};
static const gr_attr_desc random_permutation_attrs[] = {
    {"seed", GR_ATTR_INT}, {"stream", GR_ATTR_TEXT}, {"n", GR_ATTR_INT}};

static bool random_infer_stream(gr_infer *s)
{
    if (!s->attr[1].s || !*s->attr[1].s) {
        return gr_infer_fail(s, GR_INVALID, "the stream needs a name");
    }
    if (s->n_in == 0) return true;
    if (s->in[0].dtype == GR_I64 && s->in[0].shape.rank == 0) return true;
    return gr_infer_fail(s, GR_DTYPE, "the step is %s%s; it must be a scalar i64",
                         gr_dtype_name(s->in[0].dtype), gr_shape_text(s->in[0].shape));
}

static bool random_infer_float(gr_infer *s)
{
    gr_dtype dtype = (gr_dtype)s->attr[2].i;
    if (!random_infer_stream(s)) return false;
    if (dtype != GR_F32 && dtype != GR_F64) {
        return gr_infer_fail(s, GR_DTYPE, "draws f32 or f64, not %s", gr_dtype_name(dtype));
    }
    s->out[0] = (gr_type){dtype, gr_ints_shape(&s->attr[3].ints)};
    return true;
}

static bool random_infer_bernoulli(gr_infer *s)
{
    gr_dtype dtype = (gr_dtype)s->attr[2].i;
    if (!random_infer_stream(s)) return false;
    if (gr_dtype_size(dtype) == 0 || dtype == GR_BF16 || dtype == GR_F16 || dtype == GR_I8) {
        return gr_infer_fail(s, GR_DTYPE, "draws f64, f32, i64, i32, u8 or bool, not %s",
                             gr_dtype_name(dtype));
    }
    if (!(s->attr[4].f >= 0 && s->attr[4].f <= 1)) {
        return gr_infer_fail(s, GR_INVALID, "p = %g is not a probability", s->attr[4].f);
    }
    s->out[0] = (gr_type){dtype, gr_ints_shape(&s->attr[3].ints)};
    return true;
}

static bool random_infer_permutation(gr_infer *s)
{
    if (!random_infer_stream(s)) return false;
    if (s->attr[2].i < 0) {
        return gr_infer_fail(s, GR_INVALID, "n = %lld is negative", (long long)s->attr[2].i);
    }
    s->out[0] = (gr_type){GR_I64, GR_SHAPE(s->attr[2].i)};
    return true;
}

/* ---- Reference ------------------------------------------------------------------------------- */

gr_random_ctx *gr_random_prepare(const gr_request *request)
{
    const gr_node *node = request->node;
    gr_random_ctx *ctx = gr_arena_alloc(request->arena, sizeof *ctx);
    if (!ctx) {
        gr_no_memory(sizeof *ctx);
        return NULL;
    }
    const char *stream = node->attr[1].s;
    ctx->key = gr_hash(stream, strlen(stream), (uint64_t)node->attr[0].i);
    ctx->count = gr_shape_count(node->out[0].shape);
    ctx->dtype = node->out[0].dtype;
    ctx->size = gr_dtype_size(ctx->dtype);
    ctx->has_step = node->n_in > 0;
    if (node->op == &gr_op_random_bernoulli) {
        gr_tensor one = {ctx->dtype, GR_SCALAR, ctx->one};
        gr_tensor_put(&one, 0, 1);
        ctx->threshold = (uint64_t)(node->attr[4].f * 0x1p32);
    }
    return ctx;
}

static gr_status random_uniform_run(const gr_call *call)
{
    const gr_random_ctx *ctx = call->ctx;
    uint64_t step = gr_random_step(ctx, call);
    gr_tensor out = {ctx->dtype, GR_SHAPE(ctx->count), call->out[0]};
    for (int64_t i = 0; i < ctx->count; i++) {
        gr_philox4 block = gr_philox(ctx->key, (uint64_t)i / 4, step);
        gr_tensor_put(&out, i, (double)gr_random_fraction(block.v[i % 4]));
    }
    return GR_OK;
}

static gr_status random_normal_run(const gr_call *call)
{
    const gr_random_ctx *ctx = call->ctx;
    uint64_t step = gr_random_step(ctx, call);
    gr_tensor out = {ctx->dtype, GR_SHAPE(ctx->count), call->out[0]};
    for (int64_t i = 0; i < ctx->count; i++) {
        gr_philox4 block = gr_philox(ctx->key, (uint64_t)i / 4, step);
        double draw[2];
        const uint32_t *pair = &block.v[i % 4 / 2 * 2];
        gr_random_normals(pair[0], pair[1], &draw[0], &draw[1]);
        gr_tensor_put(&out, i, draw[i % 2]);
    }
    return GR_OK;
}

static gr_status random_bernoulli_run(const gr_call *call)
{
    const gr_random_ctx *ctx = call->ctx;
    uint64_t step = gr_random_step(ctx, call);
    gr_tensor out = {ctx->dtype, GR_SHAPE(ctx->count), call->out[0]};
    for (int64_t i = 0; i < ctx->count; i++) {
        gr_philox4 block = gr_philox(ctx->key, (uint64_t)i / 4, step);
        gr_tensor_put(&out, i, block.v[i % 4] < ctx->threshold);
    }
    return GR_OK;
}

static uint64_t random_sort_key(const gr_random_ctx *ctx, uint64_t step, int64_t i)
{
    gr_philox4 block = gr_philox(ctx->key, (uint64_t)i / 2, step);
    const uint32_t *pair = &block.v[i % 2 * 2];
    return (uint64_t)pair[1] << 32 | pair[0];
}

/* Each element's place is the number of those before it: plain, and quadratic. */
static gr_status random_permutation_run(const gr_call *call)
{
    const gr_random_ctx *ctx = call->ctx;
    uint64_t step = gr_random_step(ctx, call), *key = call->work;
    int64_t *out = call->out[0];
    for (int64_t i = 0; i < ctx->count; i++) key[i] = random_sort_key(ctx, step, i);
    for (int64_t i = 0; i < ctx->count; i++) {
        int64_t place = 0;
        for (int64_t j = 0; j < ctx->count; j++) {
            place += key[j] < key[i] || (key[j] == key[i] && j < i);
        }
        out[place] = i;
    }
    return GR_OK;
}

static gr_status random_reference(gr_request *request)
{
    const gr_op *op = request->node->op;
    gr_random_ctx *ctx = gr_random_prepare(request);
    if (!ctx) return GR_NO_MEMORY;
    request->ctx = ctx;
    request->kernel = "random-reference";
    if (op == &gr_op_random_permutation) request->work = (size_t)ctx->count * sizeof(uint64_t);
    request->fn = op == &gr_op_random_uniform     ? random_uniform_run
                  : op == &gr_op_random_normal    ? random_normal_run
                  : op == &gr_op_random_bernoulli ? random_bernoulli_run
                                                  : random_permutation_run;
    return GR_OK;
}

/* ---- Builders -------------------------------------------------------------------------------- */

static gr_node *random_build(gr_graph *graph, const gr_op *op, gr_stream stream, gr_attr *attr)
{
    attr[0] = gr_attr_int((int64_t)stream.seed);
    attr[1] = gr_attr_text(stream.name);
    return gr_build(graph, op, &stream.step, stream.step ? 1 : 0, attr);
}

static gr_node *random_build_shaped(gr_graph *graph, const gr_op *op, gr_dtype dtype,
                                    gr_shape shape, double p, gr_stream stream)
{
    if (shape.rank < 0 || shape.rank > GR_MAX_RANK) {
        return gr_build_fail(graph, GR_SHAPE, op->name, "rank %d is not between 0 and %d",
                             shape.rank, GR_MAX_RANK);
    }
    gr_attr attr[5];
    attr[2] = gr_attr_dtype(dtype);
    attr[3] = gr_attr_shape(shape);
    attr[4] = gr_attr_real(p);
    return random_build(graph, op, stream, attr);
}

gr_node *gr_random_uniform(gr_graph *graph, gr_dtype dtype, gr_shape shape, gr_stream stream)
{
    return random_build_shaped(graph, &gr_op_random_uniform, dtype, shape, 0, stream);
}

gr_node *gr_random_normal(gr_graph *graph, gr_dtype dtype, gr_shape shape, gr_stream stream)
{
    return random_build_shaped(graph, &gr_op_random_normal, dtype, shape, 0, stream);
}

gr_node *gr_random_bernoulli(gr_graph *graph, gr_dtype dtype, gr_shape shape, double p,
                             gr_stream stream)
{
    return random_build_shaped(graph, &gr_op_random_bernoulli, dtype, shape, p, stream);
}

gr_node *gr_random_permutation(gr_graph *graph, int64_t n, gr_stream stream)
{
    gr_attr attr[3];
    attr[2] = gr_attr_int(n);
    return random_build(graph, &gr_op_random_permutation, stream, attr);
}

/* ---- Samples and records --------------------------------------------------------------------- */

static bool random_sample_shape(int k, gr_shape *shape)
{
    const gr_shape shapes[] = {GR_SHAPE(7), GR_SCALAR, GR_SHAPE(3, 5, 11), GR_SHAPE(0, 3),
                               GR_SHAPE(67)};
    if ((size_t)k >= GR_LEN(shapes)) return false;
    *shape = shapes[k];
    return true;
}

static gr_stream random_sample_stream(gr_sampler *sampler)
{
    gr_node *step = gr_draw_typed(sampler, GR_I64, GR_SCALAR, 0, 1000);
    return (gr_stream){.seed = 5, .name = "sample", .step = step};
}

static gr_node *random_uniform_sample(gr_sampler *sampler, int k)
{
    gr_shape shape;
    if (!random_sample_shape(k, &shape)) return NULL;
    gr_stream stream = random_sample_stream(sampler);
    return gr_random_uniform(gr_node_graph(stream.step), sampler->dtype, shape, stream);
}

static gr_node *random_normal_sample(gr_sampler *sampler, int k)
{
    gr_shape shape;
    if (!random_sample_shape(k, &shape)) return NULL;
    gr_stream stream = random_sample_stream(sampler);
    return gr_random_normal(gr_node_graph(stream.step), sampler->dtype, shape, stream);
}

static gr_node *random_bernoulli_sample(gr_sampler *sampler, int k)
{
    gr_shape shape;
    if (!random_sample_shape(k, &shape)) return NULL;
    gr_stream stream = random_sample_stream(sampler);
    return gr_random_bernoulli(gr_node_graph(stream.step), sampler->dtype, shape, 0.3, stream);
}

static gr_node *random_permutation_sample(gr_sampler *sampler, int k)
{
    const int64_t sizes[] = {5, 0, 1, 100, 777};
    if ((size_t)k >= GR_LEN(sizes)) return NULL;
    gr_stream stream = random_sample_stream(sampler);
    return gr_random_permutation(gr_node_graph(stream.step), sizes[k], stream);
}

const gr_op gr_op_random_uniform = {
    .name = "random_uniform",
    .doc = "uniform draws from [0, 1)",
    .max_in = 1,
    .flags = GR_OP_GRAD_NONE | GR_OP_NO_FOLD,
    .attrs = random_attrs,
    .n_attrs = GR_LEN(random_attrs) - 1, /* without p */
    .infer = random_infer_float,
    .reference = random_reference,
    .sample = random_uniform_sample,
};

const gr_op gr_op_random_normal = {
    .name = "random_normal",
    .doc = "normal draws of mean 0 and deviation 1",
    .max_in = 1,
    .flags = GR_OP_GRAD_NONE | GR_OP_NO_FOLD,
    .attrs = random_attrs,
    .n_attrs = GR_LEN(random_attrs) - 1,
    .infer = random_infer_float,
    .reference = random_reference,
    .sample = random_normal_sample,
};

const gr_op gr_op_random_bernoulli = {
    .name = "random_bernoulli",
    .doc = "1 with probability p, else 0",
    .max_in = 1,
    .flags = GR_OP_GRAD_NONE | GR_OP_NO_FOLD,
    .attrs = random_attrs,
    .n_attrs = GR_LEN(random_attrs),
    .infer = random_infer_bernoulli,
    .reference = random_reference,
    .sample = random_bernoulli_sample,
};

const gr_op gr_op_random_permutation = {
    .name = "random_permutation",
    .doc = "a random order of 0 ... n-1",
    .max_in = 1,
    .flags = GR_OP_GRAD_NONE | GR_OP_NO_FOLD,
    .attrs = random_permutation_attrs,
    .n_attrs = GR_LEN(random_permutation_attrs),
    .infer = random_infer_permutation,
    .reference = random_reference,
    .sample = random_permutation_sample,
};
