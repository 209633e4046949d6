/* The oneDNN module: loaded at the first contraction worth it, and asked before our own kernels. */
#include "backend/module.h"

#include "backend/backend.h"
#include "backend/cpu/conv_choice.h"

#if defined(GRADUS_ONEDNN_BUILT) && !defined(_WIN32)

#include <pthread.h>
#include <stdio.h>

/* ---- Loading --------------------------------------------------------------------------------- */

static const gr_module *module_found;
static char module_title[64];

/* The build tree's module belongs to this very build; the installed one serves installed copies. */
static void module_find(void)
{
    const char *given = getenv("GRADUS_MODULE_PATH");
    const bool told = given && *given;
    const char *const paths[] = {told ? given : GRADUS_ONEDNN_BUILT,
                                 told ? NULL : GRADUS_ONEDNN_INSTALLED, NULL};
    const void *answer;
    if (gr_part_load("onednn", GR_MODULE_ABI, paths, &answer) != GR_OK) return;
    module_found = answer;
    snprintf(module_title, sizeof module_title, "%s %s", module_found->name, module_found->version);
    gr_remark(GR_LOG_INFO, "%s is loaded", module_title);
}

static const gr_module *module_get(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, module_find);
    return module_found;
}

/* ---- What it is asked for -------------------------------------------------------------------- */

/* GRADUS_ONEDNN: "0" never, "all" for every contraction it can do, otherwise where it is faster. */
typedef enum module_wish { MODULE_NEVER, MODULE_FASTER, MODULE_ALL } module_wish;

static module_wish module_wished(void)
{
    const char *wish = getenv("GRADUS_ONEDNN");
    if (!wish) return MODULE_FASTER;
    return strcmp(wish, "0") == 0     ? MODULE_NEVER
           : strcmp(wish, "all") == 0 ? MODULE_ALL
                                      : MODULE_FASTER;
}

/* Loading takes 3 ms and the first call 40 ms: a node must be worth a visible part of that. */
#define MODULE_LEAST_OPERATIONS 2e6

static bool module_describe_matmul(const gr_node *node, gr_module_work *work)
{
    work->kind = GR_MODULE_MATMUL;
    work->matmul = gr_matmul_geometry_of(node);
    const gr_matmul_geometry *g = &work->matmul;
    return 2.0 * (double)g->m * (double)g->n * (double)g->k >= MODULE_LEAST_OPERATIONS;
}

static bool module_describe_conv(const gr_node *node, gr_module_work *work)
{
    work->kind = node->op == &gr_op_conv              ? GR_MODULE_CONV
                 : node->op == &gr_op_conv_input_grad ? GR_MODULE_CONV_INPUT_GRAD
                                                      : GR_MODULE_CONV_WEIGHT_GRAD;
    work->conv = gr_conv_geometry_of(node);
    work->rank = gr_type_of(node->in[0]).shape.rank - 2;
    const gr_conv_geometry *g = &work->conv;
    const int64_t channels = g->c / g->groups;
    const double each = 2.0 * (double)channels * (double)gr_conv_volume(g->kernel);
    return each * (double)(g->n * g->o) * (double)gr_conv_volume(g->out) >= MODULE_LEAST_OPERATIONS;
}

/* Measured: our own matrix product is as fast as oneDNN's. */
static bool module_is_faster(const gr_request *request, const gr_module_work *work)
{
    return work->kind != GR_MODULE_MATMUL && gr_conv_choose(request, true) == GR_CONV_ONEDNN;
}

/* Fills in what the module is to do for this node; false if it is not to do it. */
static bool module_describe(const gr_request *request, module_wish wish, gr_module_work *work)
{
    const gr_node *node = request->node;
    if (wish == MODULE_NEVER || request->exact || gr_type_of(node).dtype != GR_F32) return false;
    if (node->op == &gr_op_matmul) {
        if (!module_describe_matmul(node, work)) return false;
    } else if (node->op == &gr_op_conv || node->op == &gr_op_conv_input_grad ||
               node->op == &gr_op_conv_weight_grad) {
        if (!module_describe_conv(node, work)) return false;
    } else {
        return false;
    }
    return wish == MODULE_ALL || module_is_faster(request, work);
}

/* ---- Its answer ------------------------------------------------------------------------------
 *
 * What oneDNN prepares is made for one number of threads, and its gradients by the weights add up
 * what each thread has found, so that their bits depend on that number. So these are computed in
 * parts that the shape alone decides, by one thread each, and added in order; and sessions with
 * fewer threads than the program was compiled for have the rest computed by one. */

enum { MODULE_PARTS = 4 };

typedef struct module_answer {
    gr_module_work shared, alone; /* for all threads, for one; parts are for one */
    int64_t parts;                /* of the images; 0: the work is not divided */
    size_t slot;                  /* bytes of scratch memory of a part */
    size_t x, y, w;               /* bytes of a part's operands, and, rounded up, its gradient */
    int64_t count;                /* elements of the gradient */
} module_answer;

typedef struct module_job {
    const module_answer *answer;
    const gr_call *call;
    gr_status status[MODULE_PARTS];
} module_job;

/* The first part's gradient goes to the result, each other's to its slot's begin. */
static void module_run_parts(void *ctx, int64_t begin, int64_t end)
{
    module_job *job = ctx;
    const module_answer *a = job->answer;
    for (int64_t i = begin; i < end; i++) {
        char *slot = (char *)job->call->work + (size_t)i * a->slot;
        void *in[] = {(char *)job->call->in[0] + (size_t)i * a->x,
                      (char *)job->call->in[1] + (size_t)i * a->y};
        void *out[] = {i == 0 ? job->call->out[0] : slot};
        gr_call part = *job->call;
        part.in = in;
        part.out = out;
        part.ctx = a->alone.ctx;
        part.work = slot + a->w;
        part.threads = 1;
        job->status[i] = a->alone.fn(&part);
    }
}

static gr_status module_run_divided(const gr_call *call)
{
    const module_answer *a = call->ctx;
    module_job job = {.answer = a, .call = call};
    gr_parallel(call->threads, a->parts, 1, module_run_parts, &job);
    float *sum = call->out[0];
    for (int64_t i = 0; i < a->parts; i++) {
        if (job.status[i] != GR_OK)
            return gr_fail(job.status[i], "oneDNN fails in part %lld of a gradient", (long long)i);
        const float *part = (const float *)(const void *)((char *)call->work + (size_t)i * a->slot);
        if (i == 0) continue;
        GR_SIMD for (int64_t k = 0; k < a->count; k++) sum[k] += part[k];
    }
    return GR_OK;
}

static gr_status module_run(const gr_call *call)
{
    const module_answer *answer = call->ctx;
    const gr_module_work *work =
        call->threads == answer->shared.threads ? &answer->shared : &answer->alone;
    gr_call inner = *call;
    inner.ctx = work->ctx;
    inner.threads = work->threads;
    return work->fn(&inner);
}

static void module_destroy(void *ctx)
{
    const module_answer *answer = ctx;
    if (answer->shared.destroy) answer->shared.destroy(answer->shared.ctx);
    if (answer->alone.destroy) answer->alone.destroy(answer->alone.ctx);
}

static gr_status module_prepare_divided(const gr_module *module, gr_request *request,
                                        module_answer *a)
{
    const gr_conv_geometry *g = &a->alone.conv;
    a->parts = MODULE_PARTS;
    while (g->n % a->parts != 0) a->parts--;
    const int64_t images = g->n / a->parts;
    a->x = (size_t)(images * g->c * gr_conv_volume(g->in)) * sizeof(float);
    a->y = (size_t)(images * g->o * gr_conv_volume(g->out)) * sizeof(float);
    a->count = gr_shape_count(gr_type_of(request->node).shape);
    a->w = gr_aligned((size_t)a->count * sizeof(float));
    a->alone.conv.n = images;
    GR_TRY(module->prepare(&a->alone));
    a->slot = a->w + gr_aligned(a->alone.scratch);
    request->work = a->slot * (size_t)a->parts;
    request->fn = module_run_divided;
    return GR_OK;
}

static gr_status module_prepare_shared(const gr_module *module, gr_request *request,
                                       module_answer *a)
{
    GR_TRY(module->prepare(&a->shared));
    if (request->threads > 1) GR_TRY(module->prepare(&a->alone));
    const size_t shared = a->shared.scratch, alone = a->alone.scratch;
    request->work = shared > alone ? shared : alone;
    request->fn = module_run;
    return GR_OK;
}

static gr_status module_prepare_as(gr_request *request, module_wish wish)
{
    gr_module_work work = {.threads = request->threads};
    if (!module_describe(request, wish, &work)) return GR_UNSUPPORTED;
    const gr_module *module = module_get();
    if (!module) return GR_UNSUPPORTED;
    module_answer *answer = gr_arena_alloc(request->arena, sizeof *answer);
    if (!answer) return GR_NO_MEMORY;
    *answer = (module_answer){.shared = work, .alone = work};
    answer->alone.threads = 1;
    const bool divided = work.kind == GR_MODULE_CONV_WEIGHT_GRAD;
    gr_status status = divided ? module_prepare_divided(module, request, answer)
                               : module_prepare_shared(module, request, answer);
    if (status != GR_OK) {
        module_destroy(answer);
        return status;
    }
    request->ctx = answer;
    request->destroy = module_destroy;
    request->kernel = divided ? answer->alone.kernel : answer->shared.kernel;
    return GR_OK;
}

static gr_status module_prepare(gr_request *request)
{
    return module_prepare_as(request, module_wished());
}

static gr_status module_prepare_all(gr_request *request)
{
    return module_prepare_as(request, module_wished() == MODULE_NEVER ? MODULE_NEVER : MODULE_ALL);
}

static const gr_backend module_backend = {"onednn", module_prepare};
static const gr_backend module_backend_all = {"onednn-all", module_prepare_all};

const gr_backend *gr_backend_onednn(void)
{
    return &module_backend;
}

const gr_backend *gr_backend_onednn_all(void)
{
    return &module_backend_all;
}

const char *gr_backend_module_title(void)
{
    return module_wished() != MODULE_NEVER && module_get() ? module_title : NULL;
}

#else

const gr_backend *gr_backend_onednn(void)
{
    return NULL;
}

const gr_backend *gr_backend_onednn_all(void)
{
    return NULL;
}

const char *gr_backend_module_title(void)
{
    return NULL;
}

#endif
