/* An LSTM's gates, rows of which are shared among threads. */
#include "ops/lstm.h"

#include "backend/backend.h"
#include "backend/cpu/gemm.h"

#define LSTM_COPY(NAME, LEVEL, TARGET)                                                             \
    TARGET static void lstm_##NAME##_##LEVEL(const gr_lstm_geometry *g, const void *const *in,     \
                                             void *const *out)                                     \
    {                                                                                              \
        gr_lstm_##NAME##_row(g, in, out);                                                          \
    }
#if defined(GR_X86_LEVELS)
#define LSTM_LEVELS(NAME)                                                                          \
    LSTM_COPY(NAME, base, )                                                                        \
    LSTM_COPY(NAME, avx2, GR_TARGET_AVX2)                                                          \
    LSTM_COPY(NAME, avx512, GR_TARGET_AVX512)
#else
#define LSTM_LEVELS(NAME) LSTM_COPY(NAME, base, )
#endif

LSTM_LEVELS(f32)
LSTM_LEVELS(f64)
LSTM_LEVELS(grad_f32)
LSTM_LEVELS(grad_f64)

/* [dtype is f64][level] */
static gr_lstm_row *const lstm_forward[2][GR_CPU_LEVELS] = {GR_LEVELS(lstm_f32),
                                                            GR_LEVELS(lstm_f64)};
static gr_lstm_row *const lstm_backward[2][GR_CPU_LEVELS] = {GR_LEVELS(lstm_grad_f32),
                                                             GR_LEVELS(lstm_grad_f64)};

typedef struct lstm_plan {
    gr_lstm_geometry g;
    gr_lstm_row *row;
    size_t element;
    bool backward;
    double each; /* operations of a matrix product that a unit costs as much as */
} lstm_plan;

typedef struct lstm_job {
    const lstm_plan *plan;
    const gr_call *call;
} lstm_job;

static void lstm_share(void *ctx, int64_t begin, int64_t end)
{
    const lstm_job *job = ctx;
    const lstm_plan *p = job->plan;
    gr_lstm_rows(&p->g, p->row, p->element, p->backward, job->call, begin, end);
}

static gr_status lstm_run(const gr_call *call)
{
    const lstm_plan *p = call->ctx;
    lstm_job job = {p, call};
    const double units = (double)p->g.rows * (double)p->g.units;
    const int workers = gr_gemm_threads(p->each * units, call->threads);
    gr_parallel(workers, p->g.rows, (p->g.rows + workers - 1) / workers, lstm_share, &job);
    return GR_OK;
}

gr_status gr_lstm_prepare(gr_request *request)
{
    const gr_node *node = request->node;
    const gr_dtype dtype = gr_type_of(node).dtype;
    const bool backward = node->op == &gr_op_lstm_gates_grad;
    const lstm_plan plan = {
        .g = gr_lstm_geometry_of(node),
        .row = (backward ? lstm_backward : lstm_forward)[dtype == GR_F64][request->level],
        .element = gr_dtype_size(dtype),
        .backward = backward,
        .each = backward ? 100 : 300};
    request->ctx = gr_arena_copy(request->arena, &plan, sizeof plan);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = lstm_run;
    request->kernel = backward ? "lstm-gates-grad" : "lstm-gates";
    return GR_OK;
}
