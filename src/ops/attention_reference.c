/* The specification of attention and attention_grad: sums in double, rounded once. */
#include "ops/attention.h"

#include <math.h>

typedef struct attention_ctx {
    gr_attention_geometry g;
    gr_dtype dtype;
} attention_ctx;

static double attention_at(const gr_call *call, gr_dtype dtype, int input, int64_t at)
{
    const void *data = call->in[input];
    return dtype == GR_F64 ? ((const double *)data)[at] : (double)((const float *)data)[at];
}

static void attention_put(const gr_call *call, gr_dtype dtype, int output, int64_t at, double value)
{
    if (dtype == GR_F64)
        ((double *)call->out[output])[at] = value;
    else
        ((float *)call->out[output])[at] = (float)value;
}

static int64_t attention_place(const gr_attention_operand *o, int64_t n, int64_t h, int64_t i)
{
    return o->start + n * o->batch + h * o->head + i * o->row;
}

/* The scores of query i against all keys, -inf where it does not see one. */
static void attention_score(const gr_call *call, const attention_ctx *ctx, int64_t n, int64_t h,
                            int64_t i, double *score)
{
    const gr_attention_geometry *g = &ctx->g;
    const int64_t q = attention_place(&g->q, n, h, i), kh = h / (g->heads / g->key_heads);
    for (int64_t j = 0; j < g->keys; j++) {
        const int64_t k = attention_place(&g->k, n, kh, j);
        double sum = 0;
        for (int64_t c = 0; c < g->depth; c++)
            sum += attention_at(call, ctx->dtype, 0, q + c) *
                   attention_at(call, ctx->dtype, g->packed ? 0 : 1, k + c);
        bool seen = j < gr_attention_reach(g, i);
        if (g->mask >= 0)
            seen &= ((const bool *)call->in[g->mask])[gr_attention_mask_start(g, n, h) +
                                                      i * g->mask_row + j * g->mask_column];
        score[j] = seen ? g->scale * sum : -INFINITY;
    }
}

/* What dropout multiplies the weight of key j by, the first draw of whose query is `first`. */
static double attention_kept(const gr_call *call, const attention_ctx *ctx, uint64_t first,
                             int64_t j)
{
    const gr_attention_geometry *g = &ctx->g;
    if (g->step < 0) return 1;
    const uint64_t draw = first + (uint64_t)j, step = (uint64_t) * (int64_t *)call->in[g->step];
    const gr_philox4 block = gr_philox(g->key, draw / 4, step);
    return block.v[draw % 4] < g->threshold ? 1 / (1 - g->dropout) : 0;
}

static void attention_query(const gr_call *call, const attention_ctx *ctx, int64_t n, int64_t h,
                            int64_t i, double *p)
{
    const gr_attention_geometry *g = &ctx->g;
    const int64_t kh = h / (g->heads / g->key_heads), y = attention_place(&g->y, n, h, i);
    const uint64_t draw = gr_attention_draw(g, n, h, i);
    double top = -INFINITY, total = 0;
    attention_score(call, ctx, n, h, i, p);
    for (int64_t j = 0; j < g->keys; j++) top = p[j] > top ? p[j] : top;
    for (int64_t j = 0; j < g->keys; j++) {
        p[j] = exp(p[j] - (top == -INFINITY ? 0 : top));
        total += p[j];
    }
    for (int64_t j = 0; j < g->keys; j++) p[j] *= attention_kept(call, ctx, draw, j);
    for (int64_t c = 0; c < g->width; c++) {
        double sum = 0;
        for (int64_t j = 0; j < g->keys; j++)
            sum += p[j] * attention_at(call, ctx->dtype, g->packed ? 0 : 2,
                                       attention_place(&g->v, n, kh, j) + c);
        attention_put(call, ctx->dtype, 0, y + c, total == 0 ? 0 : sum / total);
    }
    attention_put(call, ctx->dtype, 1, attention_place(&g->row, n, h, i),
                  total == 0 ? 0 : top + log(total));
}

static gr_status attention_run(const gr_call *call)
{
    const attention_ctx *ctx = call->ctx;
    const gr_attention_geometry *g = &ctx->g;
    for (int64_t n = 0; n < g->batch; n++)
        for (int64_t h = 0; h < g->heads; h++)
            for (int64_t i = 0; i < g->queries; i++)
                attention_query(call, ctx, n, h, i, call->work);
    return GR_OK;
}

/* Adds query i's part to dk and dv of its keys, in f64, and writes its dq. */
static void attention_back(const gr_call *call, const attention_ctx *ctx, int64_t n, int64_t h,
                           int64_t i, double *p, double *dk, double *dv)
{
    const gr_attention_geometry *g = &ctx->g;
    const int64_t kh = h / (g->heads / g->key_heads), q = attention_place(&g->q, n, h, i);
    const int64_t dy = attention_place(&g->y, n, h, i), row = attention_place(&g->row, n, h, i);
    const double lse = attention_at(call, ctx->dtype, g->first_more, row);
    const double delta = attention_at(call, ctx->dtype, g->first_more + 1, row);
    const uint64_t draw = gr_attention_draw(g, n, h, i);
    double *ds = p + g->keys;
    attention_score(call, ctx, n, h, i, p);
    for (int64_t j = 0; j < g->keys; j++) {
        const int64_t v = attention_place(&g->v, n, kh, j);
        const double kept = attention_kept(call, ctx, draw, j);
        double sum = 0;
        p[j] = p[j] == -INFINITY ? 0 : exp(p[j] - lse);
        for (int64_t c = 0; c < g->width; c++) {
            const double d = attention_at(call, ctx->dtype, g->first_more + 2, dy + c);
            sum += d * attention_at(call, ctx->dtype, g->packed ? 0 : 2, v + c);
            dv[j * g->width + c] += p[j] * kept * d;
        }
        ds[j] = g->scale * p[j] * (kept * sum - delta);
    }
    for (int64_t c = 0; c < g->depth; c++) {
        double sum = 0;
        for (int64_t j = 0; j < g->keys; j++) {
            const int64_t k = attention_place(&g->k, n, kh, j);
            sum += ds[j] * attention_at(call, ctx->dtype, g->packed ? 0 : 1, k + c);
            dk[j * g->depth + c] += ds[j] * attention_at(call, ctx->dtype, 0, q + c);
        }
        attention_put(call, ctx->dtype, 0, q + c, sum);
    }
}

static gr_status attention_grad_run(const gr_call *call)
{
    const attention_ctx *ctx = call->ctx;
    const gr_attention_geometry *g = &ctx->g;
    const int64_t group = g->heads / g->key_heads;
    double *p = call->work, *dk = p + 2 * g->keys, *dv = dk + g->keys * g->depth;
    for (int64_t n = 0; n < g->batch; n++) {
        for (int64_t kh = 0; kh < g->key_heads; kh++) {
            for (int64_t c = 0; c < g->keys * (g->depth + g->width); c++) dk[c] = 0;
            for (int64_t h = kh * group; h < (kh + 1) * group; h++)
                for (int64_t i = 0; i < g->queries; i++)
                    attention_back(call, ctx, n, h, i, p, dk, dv);
            for (int64_t j = 0; j < g->keys; j++) {
                for (int64_t c = 0; c < g->depth; c++)
                    attention_put(call, ctx->dtype, g->packed ? 0 : 1,
                                  attention_place(&g->k, n, kh, j) + c, dk[j * g->depth + c]);
                for (int64_t c = 0; c < g->width; c++)
                    attention_put(call, ctx->dtype, g->packed ? 0 : 2,
                                  attention_place(&g->v, n, kh, j) + c, dv[j * g->width + c]);
            }
        }
    }
    return GR_OK;
}

gr_status gr_attention_reference(gr_request *request)
{
    const bool backward = request->node->op == &gr_op_attention_grad;
    const attention_ctx ctx = {.g = gr_attention_geometry_of(request->node),
                               .dtype = gr_type_of(request->node->in[0]).dtype};
    const int64_t keep = backward ? 2 + ctx.g.depth + ctx.g.width : 1;
    request->ctx = gr_arena_copy(request->arena, &ctx, sizeof ctx);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = backward ? attention_grad_run : attention_run;
    request->work = (size_t)(keep * ctx.g.keys) * sizeof(double);
    request->kernel = backward ? "attention-grad-reference" : "attention-reference";
    return GR_OK;
}
