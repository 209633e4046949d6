/* matmul by gemm.h, batch element by batch element. */
#include "ops/matmul.h"

#include "backend/cpu/gemm.h"

typedef struct matmul_plan {
    gr_matmul_geometry geometry;
    gr_gemm gemm; /* of one batch element, without pointers */
    size_t slot;  /* scratch of one worker that has whole batch elements */
} matmul_plan;

typedef struct matmul_job {
    const matmul_plan *plan;
    const gr_call *call;
    int64_t workers;
    int threads; /* for each product */
} matmul_job;

static void matmul_elements(const matmul_job *job, int64_t begin, int64_t end, void *work)
{
    const matmul_plan *plan = job->plan;
    gr_gemm gemm = plan->gemm;
    gemm.call = job->call;
    gemm.packed = job->call->kept;
    const size_t bytes = gemm.kit->element;
    for (int64_t index = begin; index < end; index++) {
        int64_t a, b;
        gr_matmul_offsets(&plan->geometry, index, &a, &b);
        gemm.a.data = (const char *)job->call->in[0] + (size_t)a * bytes;
        gemm.b.data = (const char *)job->call->in[1] + (size_t)b * bytes;
        gemm.first = index * gemm.m * gemm.n;
        gemm.c = (char *)job->call->out[0] + (size_t)gemm.first * bytes;
        gr_gemm_run(&gemm, job->threads, work);
    }
}

static void matmul_share(void *ctx, int64_t begin, int64_t end)
{
    const matmul_job *job = ctx;
    const int64_t batch = job->plan->geometry.batch;
    const int64_t each = (batch + job->workers - 1) / job->workers;
    for (int64_t worker = begin; worker < end; worker++) {
        const int64_t first = worker * each, last = first + each < batch ? first + each : batch;
        matmul_elements(job, first, last,
                        (char *)job->call->work + (size_t)worker * job->plan->slot);
    }
}

static double matmul_operations(const matmul_plan *plan)
{
    const gr_gemm *g = &plan->gemm;
    return 2.0 * (double)g->m * (double)g->n * (double)g->k * (double)plan->geometry.batch;
}

static gr_status matmul_run(const gr_call *call)
{
    const matmul_plan *plan = call->ctx;
    matmul_job job = {.plan = plan, .call = call, .threads = call->threads};
    job.workers =
        plan->geometry.batch == 1 ? 1 : gr_gemm_threads(matmul_operations(plan), call->threads);
    if (job.workers > 1 && plan->geometry.batch >= job.workers) {
        job.threads = 1;
        gr_parallel((int)job.workers, job.workers, 1, matmul_share, &job);
    } else {
        matmul_elements(&job, 0, plan->geometry.batch, call->work);
    }
    return GR_OK;
}

/* Before a loop in which the second matrix stays the same. */
static gr_status matmul_begin(const gr_call *call)
{
    const matmul_plan *plan = call->ctx;
    gr_gemm gemm = plan->gemm;
    gemm.b.data = call->in[1];
    gr_gemm_pack_all(&gemm, call->threads, call->kept);
    return GR_OK;
}

gr_status gr_matmul_prepare(gr_request *request)
{
    const gr_matmul_geometry g = gr_matmul_geometry_of(request->node);
    matmul_plan plan = {.geometry = g, .gemm = {.m = g.m, .n = g.n, .k = g.k}};
    gr_gemm *gemm = &plan.gemm;
    gemm->kit = gr_gemm_kit_for(gr_type_of(request->node).dtype, request->level);
    gemm->a.row = g.transpose_a ? 1 : g.k;
    gemm->a.column = g.transpose_a ? g.m : 1;
    gemm->b.row = g.transpose_b ? 1 : g.n;
    gemm->b.column = g.transpose_b ? g.k : 1;
    if (g.batch == 1) {
        const gr_status status = gr_gemm_tiny_prepare(gemm, request);
        if (status != GR_UNSUPPORTED) return status;
    }
    gemm->stream = request->stream && g.batch == 1 && gr_gemm_streams(gemm);
    plan.slot = gr_gemm_work(gemm, 1);
    const int workers = gr_gemm_threads(matmul_operations(&plan), request->threads);
    const size_t apart = plan.slot * (size_t)workers,
                 together = gr_gemm_work(gemm, request->threads);
    request->work = g.batch == 1 || together > apart ? together : apart;
    request->ctx = gr_arena_copy(request->arena, &plan, sizeof plan);
    if (!request->ctx) return GR_NO_MEMORY;
    request->fn = matmul_run;
    if (request->steady & 2 && g.batch == 1 && gr_gemm_packs(gemm)) {
        request->begin = matmul_begin;
        request->kept = gr_gemm_packed_bytes(gemm);
    }
    request->finishes = !gemm->stream;
    request->streams = gemm->stream;
    request->kernel = gemm->kit->name;
    return GR_OK;
}
