/* ctc: minus the logarithm of the probability of a label sequence, summed over all its alignments
 * with a longer sequence of frames; and its gradient. Graves et al. 2006, "Connectionist temporal
 * classification", equations 5 to 16.
 *
 * Between and around the labels stands a blank that may be passed over: state 2i+1 of 2S+1 is label
 * i, the even ones are blanks. All sums are of logarithms, in f64. */
#include "ops/ctc.h"
#include "ops/sample.h"

#include <math.h>

static const gr_attr_desc ctc_attrs[] = {{"blank", GR_ATTR_INT}};

/* log_p [N,T,C], labels [N,S], frames [N], label counts [N] */
static bool ctc_infer(gr_infer *s)
{
    const gr_shape p = s->in[0].shape, labels = s->in[1].shape;
    if (!gr_infer_float(s, 0)) return false;
    for (int i = 1; i < 4; i++) {
        if (s->in[i].dtype != GR_I32)
            return gr_infer_fail(s, GR_DTYPE, "labels and lengths are i32, not %s",
                                 gr_dtype_name(s->in[i].dtype));
    }
    const gr_shape n = gr_shape_of(1, p.dim);
    if (p.rank != 3 || labels.rank != 2 || labels.dim[0] != p.dim[0] ||
        !gr_shape_equal(s->in[2].shape, n) || !gr_shape_equal(s->in[3].shape, n)) {
        return gr_infer_fail(s, GR_SHAPE,
                             "log-probabilities %s, labels %s, lengths %s and %s: should be "
                             "[N,T,C], [N,S], [N] and [N]",
                             gr_shape_text(p), gr_shape_text(labels), gr_shape_text(s->in[2].shape),
                             gr_shape_text(s->in[3].shape));
    }
    if (s->attr[0].i < 0 || s->attr[0].i >= p.dim[2])
        return gr_infer_fail(s, GR_INVALID, "blank %lld: should be in [0, %lld)",
                             (long long)s->attr[0].i, (long long)p.dim[2]);
    s->out[0] = s->op == &gr_op_ctc ? (gr_type){s->in[0].dtype, n} : s->in[0];
    return true;
}

gr_ctc_sizes gr_ctc_of(const gr_node *node)
{
    const gr_shape p = node->in[0]->out[0].shape;
    return (gr_ctc_sizes){.n = p.dim[0],
                          .frames = p.dim[1],
                          .classes = p.dim[2],
                          .labels = node->in[1]->out[0].shape.dim[1],
                          .blank = (int)node->attr[0].i,
                          .single = node->out[0].dtype == GR_F32,
                          .gradient = node->op == &gr_op_ctc_grad};
}

/* One sequence of the batch. */
typedef struct ctc_row {
    const gr_ctc_sizes *ctx;
    const void *p; /* [frames, classes] */
    const int32_t *label;
    int64_t frames, states; /* 2·labels + 1 */
} ctc_row;

static double ctc_at(const ctc_row *row, int64_t t, int64_t state)
{
    const int64_t c = state % 2 ? row->label[state / 2] : row->ctx->blank;
    const int64_t i = t * row->ctx->classes + c;
    return row->ctx->single ? (double)((const float *)row->p)[i] : ((const double *)row->p)[i];
}

/* alpha or beta of a state that may not be there. */
static double ctc_state(const ctc_row *row, const double *states, int64_t s)
{
    return s >= 0 && s < row->states ? states[s] : -INFINITY;
}

/* May the state be entered from two before, past a blank? Not between equal labels. */
static bool ctc_skips(const ctc_row *row, int64_t state)
{
    return state % 2 && state >= 3 && row->label[state / 2] != row->label[state / 2 - 1];
}

/* alpha[t, s]: log-probability of all ways to be in state s after frame t, its own included. */
static void ctc_forward(const ctc_row *row, int64_t t, const double *before, double *alpha)
{
    for (int64_t s = 0; s < row->states; s++) {
        double sum = s < 2 ? 0 : -INFINITY;
        if (t > 0)
            sum = gr_ctc_log_sum(before[s], ctc_state(row, before, s - 1),
                                 ctc_skips(row, s) ? before[s - 2] : -INFINITY);
        alpha[s] = sum + ctc_at(row, t, s);
    }
}

/* beta[t, s]: log-probability of all ways on from state s behind frame t, in place of beta[t+1]. */
static void ctc_backward(const ctc_row *row, int64_t t, double *beta)
{
    const bool last = t == row->frames - 1;
    if (!last) {
        for (int64_t s = 0; s < row->states; s++) beta[s] += ctc_at(row, t + 1, s);
    }
    for (int64_t s = 0; s < row->states; s++) {
        const bool skips = s + 2 < row->states && ctc_skips(row, s + 2);
        if (last)
            beta[s] = s >= row->states - 2 ? 0 : -INFINITY;
        else
            beta[s] = gr_ctc_log_sum(beta[s], ctc_state(row, beta, s + 1),
                                     skips ? beta[s + 2] : -INFINITY);
    }
}

static double ctc_total(const ctc_row *row, const double *alpha)
{
    return gr_ctc_log_sum(alpha[row->states - 1], ctc_state(row, alpha, row->states - 2),
                          -INFINITY);
}

/* Fills alpha: all rows for the gradient, else two in turn. Returns the log-probability. */
static double ctc_alphas(const ctc_row *row, double *alpha)
{
    const int64_t width = 2 * row->ctx->labels + 1;
    double *now = alpha, *before = alpha + width;
    for (int64_t t = 0; t < row->frames; t++) {
        if (row->ctx->gradient) {
            before = now;
            now = alpha + t * width;
        } else {
            double *other = before;
            before = now;
            now = other;
        }
        ctc_forward(row, t, before, now);
    }
    return ctc_total(row, now);
}

/* d(-log p)/d log_p[t, c] = -Σ_{s of c} exp(alpha + beta - log p); 0 where p = 0, whose loss no
 * finite step reduces. */
static void ctc_gradient(const ctc_row *row, double *alpha, void *out)
{
    const int64_t width = 2 * row->ctx->labels + 1;
    double *beta = alpha + row->ctx->frames * width;
    const double total = ctc_alphas(row, alpha);
    if (total == -INFINITY) return;
    for (int64_t t = row->frames - 1; t >= 0; t--) {
        ctc_backward(row, t, beta);
        for (int64_t s = 0; s < row->states; s++) {
            const int64_t c = s % 2 ? row->label[s / 2] : row->ctx->blank;
            const double share = gr_ctc_exp(alpha[t * width + s] + beta[s] - total);
            if (row->ctx->single)
                ((float *)out)[t * row->ctx->classes + c] -= (float)share;
            else
                ((double *)out)[t * row->ctx->classes + c] -= share;
        }
    }
}

/* ---- Running -----------------------------------------------------------------------------------
 */

static gr_status ctc_check_one(const gr_ctc_sizes *ctx, const int32_t *labels, int64_t i,
                               int32_t frames, int32_t count)
{
    if (frames < 1 || frames > ctx->frames)
        return gr_fail(GR_RANGE, "ctc: sequence %lld has length %d; it must be in [1, %lld]",
                       (long long)i, frames, (long long)ctx->frames);
    if (count < 0 || count > ctx->labels)
        return gr_fail(GR_RANGE, "ctc: sequence %lld has %d labels; it must be in [0, %lld]",
                       (long long)i, count, (long long)ctx->labels);
    for (int64_t k = 0; k < count; k++) {
        if (labels[k] < 0 || labels[k] >= ctx->classes || labels[k] == ctx->blank)
            return gr_fail(GR_RANGE,
                           "ctc: label [%lld,%lld] is %d; it must be in [0, %lld) and not the "
                           "blank, %d",
                           (long long)i, (long long)k, labels[k], (long long)ctx->classes,
                           ctx->blank);
    }
    return GR_OK;
}

gr_status gr_ctc_check(const gr_ctc_sizes *ctc, const int32_t *labels, const int32_t *frames,
                       const int32_t *counts)
{
    for (int64_t i = 0; i < ctc->n; i++)
        GR_TRY(ctc_check_one(ctc, labels + i * ctc->labels, i, frames[i], counts[i]));
    return GR_OK;
}

static gr_status ctc_run(const gr_call *call)
{
    const gr_ctc_sizes *ctx = call->ctx;
    const int32_t *labels = call->in[1], *frames = call->in[2], *count = call->in[3];
    const size_t size = ctx->single ? sizeof(float) : sizeof(double);
    const size_t row_bytes = (size_t)(ctx->frames * ctx->classes) * size;
    GR_TRY(gr_ctc_check(ctx, labels, frames, count));
    if (ctx->gradient) memset(call->out[0], 0, (size_t)ctx->n * row_bytes);
    for (int64_t i = 0; i < ctx->n; i++) {
        const ctc_row row = {.ctx = ctx,
                             .p = (const char *)call->in[0] + (size_t)i * row_bytes,
                             .label = labels + i * ctx->labels,
                             .frames = frames[i],
                             .states = 2 * (int64_t)count[i] + 1};
        if (ctx->gradient) {
            ctc_gradient(&row, call->work, (char *)call->out[0] + (size_t)i * row_bytes);
            continue;
        }
        const double loss = -ctc_alphas(&row, call->work);
        if (ctx->single)
            ((float *)call->out[0])[i] = (float)loss;
        else
            ((double *)call->out[0])[i] = loss;
    }
    return GR_OK;
}

static gr_status ctc_reference(gr_request *request)
{
    gr_ctc_sizes *ctx = gr_arena_alloc(request->arena, sizeof *ctx);
    if (!ctx) return gr_no_memory(sizeof *ctx);
    *ctx = gr_ctc_of(request->node);
    /* alpha of every frame and beta, or two rows of alpha */
    const size_t rows = ctx->gradient ? (size_t)ctx->frames + 1 : 2;
    request->work = rows * (2 * (size_t)ctx->labels + 1) * sizeof(double);
    request->ctx = ctx;
    request->fn = ctc_run;
    request->checks = true;
    request->kernel = "ctc-reference";
    return GR_OK;
}

/* ---- Builders and records ----------------------------------------------------------------------
 */

gr_node *gr_ctc(gr_node *log_p, gr_node *labels, gr_node *frames, gr_node *counts, int blank)
{
    const gr_attr attr = gr_attr_int(blank);
    return gr_build(NULL, &gr_op_ctc, (gr_node *[]){log_p, labels, frames, counts}, 4, &attr);
}

static void ctc_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_node *each = gr_build(NULL, &gr_op_ctc_grad, node->in, 4, node->attr);
    const gr_shape n = node->out[0].shape;
    dx[0] = gr_mul(each, gr_reshape(dy[0], GR_SHAPE(n.dim[0], 1, 1)));
}

/* Frames and counts for the sample: constants, so that every draw is legal. */
static gr_node *ctc_sample_lengths(gr_sampler *sampler, int64_t n, int least, int most)
{
    int32_t lengths[8];
    for (int i = 0; i < n; i++) lengths[i] = i % 2 ? least : most;
    const gr_tensor value = {GR_I32, GR_SHAPE(n), lengths};
    return gr_constant(sampler->graph, &value);
}

static gr_node *ctc_sample_of(gr_sampler *sampler, int k, gr_node **labels, gr_node **frames,
                              gr_node **counts)
{
    static const struct {
        int n, frames, classes, labels, least;
    } samples[] = {{1, 1, 2, 1, 1}, {3, 7, 4, 3, 5}, {2, 5, 3, 0, 4}, {0, 4, 3, 2, 3}};
    if ((size_t)k >= GR_LEN(samples)) return NULL;
    const int n = samples[k].n, most = samples[k].labels;
    *labels = gr_draw_typed(sampler, GR_I32, GR_SHAPE(n, most), 1, samples[k].classes);
    *frames = ctc_sample_lengths(sampler, n, samples[k].least, samples[k].frames);
    *counts = ctc_sample_lengths(sampler, n, most > 0 ? most - 1 : 0, most);
    return gr_draw(sampler, GR_SHAPE(n, samples[k].frames, samples[k].classes), -3, -0.5);
}

static gr_node *ctc_sample(gr_sampler *sampler, int k)
{
    gr_node *labels, *frames, *counts;
    gr_node *p = ctc_sample_of(sampler, k, &labels, &frames, &counts);
    return p ? gr_ctc(p, labels, frames, counts, 0) : NULL;
}

static gr_node *ctc_grad_sample(gr_sampler *sampler, int k)
{
    gr_node *in[4];
    const gr_attr blank = gr_attr_int(0);
    in[0] = ctc_sample_of(sampler, k, &in[1], &in[2], &in[3]);
    return in[0] ? gr_build(NULL, &gr_op_ctc_grad, in, 4, &blank) : NULL;
}

const gr_op gr_op_ctc = {
    .name = "ctc",
    .doc = "-log of the probability of the labels over all alignments with the frames",
    .min_in = 4,
    .max_in = 4,
    .flags = GR_OP_GRAD_ONCE,
    .attrs = ctc_attrs,
    .n_attrs = GR_LEN(ctc_attrs),
    .infer = ctc_infer,
    .grad = ctc_grad,
    .reference = ctc_reference,
    .sample = ctc_sample,
};

const gr_op gr_op_ctc_grad = {
    .name = "ctc_grad",
    .doc = "derivative of ctc by the log-probabilities",
    .min_in = 4,
    .max_in = 4,
    .flags = GR_OP_GRAD_NONE,
    .attrs = ctc_attrs,
    .n_attrs = GR_LEN(ctc_attrs),
    .infer = ctc_infer,
    .reference = ctc_reference,
    .sample = ctc_grad_sample,
};
