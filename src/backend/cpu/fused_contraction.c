/* Fused nodes with a contraction: its own kernel writes to the memory of the last output, and tells
 * which elements are complete; on these the gates run while they are in the cache. A kernel that
 * does not tell, and one before a program of one piece, runs to its end first. One that hands its
 * result over in pieces needs no memory for it: the outputs may lie where inputs do. */
#include <stdio.h>

#include "backend/cpu/fused.h"
#include "backend/cpu/gemm.h"
#include "ops/conv.h"
#include "ops/matmul.h"

static void fused_contraction_operands(const gr_call *call, void **in)
{
    const gr_fused_contraction *c = &((const gr_fused_plan *)call->ctx)->contraction;
    for (int i = 0; i < GR_FUSED_ARITY; i++) {
        in[i] = c->literal[i] ? c->literal[i] : call->in[c->operand[i]];
    }
}

static gr_status fused_contraction_begin(const gr_call *call)
{
    const gr_fused_contraction *c = &((const gr_fused_plan *)call->ctx)->contraction;
    void *in[GR_FUSED_ARITY];
    fused_contraction_operands(call, in);
    const gr_call inner = {.in = in, .ctx = c->ctx, .kept = call->kept, .threads = call->threads};
    return c->begin(&inner);
}

/* The gates on elements that lie at `values`. */
static void fused_contraction_take(void *ctx, int64_t begin, int64_t end, const void *values)
{
    gr_fused_work w = *(const gr_fused_work *)ctx;
    const gr_fused_plan *plan = w.call->ctx;
    const uintptr_t first = (uintptr_t)values - (uintptr_t)(begin * plan->contraction.size);
    w.root[GR_FUSED_ROOT_CONTRACTION] = (char *)first;
    gr_fused_part(&w, begin, end);
}

gr_status gr_fused_run_contraction(const gr_call *call)
{
    const gr_fused_plan *plan = call->ctx;
    const gr_fused_contraction *c = &plan->contraction;
    void *in[GR_FUSED_ARITY];
    fused_contraction_operands(call, in);
    gr_call inner = {.in = in,
                     .out = call->out + c->home,
                     .work = (char *)call->work + c->work,
                     .ctx = c->ctx,
                     .kept = call->kept,
                     .threads = call->threads};
    if (plan->step) {
        GR_TRY(c->fn(&inner));
        return gr_fused_run_straight(call);
    }
    const int last = plan->n_passes - 1;
    gr_fused_work w = gr_fused_work_of(call);
    gr_fused_run_passes(&w, 0, last);
    if (!c->finishes && !c->streams) {
        GR_TRY(c->fn(&inner));
        gr_fused_run_passes(&w, last, plan->n_passes);
        return GR_OK;
    }
    w.pass = &plan->pass[last];
    gr_fused_start_plain(&w);
    if (c->streams) {
        inner.take = fused_contraction_take;
    } else {
        inner.finish = gr_fused_part;
    }
    inner.finish_ctx = &w;
    return c->fn(&inner);
}

static void fused_contraction_destroy(void *ctx)
{
    const gr_fused_contraction *c = &((gr_fused_plan *)ctx)->contraction;
    c->destroy((void *)(uintptr_t)c->ctx);
}

/* Where operand i of the contraction lies. */
static void fused_contraction_operand(gr_fused_contraction *c, int i, const gr_body *body,
                                      const gr_node *operand)
{
    if (operand->op == &gr_op_constant) c->literal[i] = operand->attr[0].tensor->data;
    for (int k = 0; k < body->n_in; k++) {
        if (body->in[k] == operand) c->operand[i] = k;
    }
}

/* Operands of the contraction that stay the same over the calls of a loop. */
static uint32_t fused_contraction_steady(const gr_request *request, const gr_node *node)
{
    const gr_body *body = request->node->attr[GR_FUSED_BODY].body;
    uint32_t steady = 0;
    for (int i = 0; i < node->n_in; i++) {
        for (int k = 0; k < body->n_in && k < 32; k++) {
            if (body->in[k] == node->in[i] && request->steady >> k & 1) steady |= UINT32_C(1) << i;
        }
    }
    return steady;
}

/* Is it worth several threads? */
static bool fused_contraction_is_shared(const gr_node *node, int threads)
{
    double operations = 2;
    if (node->op == &gr_op_matmul) {
        const gr_matmul_geometry g = gr_matmul_geometry_of(node);
        operations *= (double)g.batch * (double)g.m * (double)g.n * (double)g.k;
    } else {
        const gr_conv_geometry g = gr_conv_geometry_of(node);
        const int64_t depth = g.c / g.groups;
        operations *= (double)g.n * (double)g.o * (double)gr_conv_volume(g.out) * (double)depth *
                      (double)gr_conv_volume(g.kernel);
    }
    return gr_gemm_threads(operations, threads) > 1;
}

/* Gates do not run on what is just finished where they are worth several threads, but the product
 * of a few terms before them is not. */
static bool fused_contraction_leads(const gr_request *request, const gr_node *node,
                                    const gr_fused_pass *gates)
{
    return request->threads == 1 || gates->grain >= gates->count ||
           fused_contraction_is_shared(node, request->threads);
}

gr_status gr_fused_add_contraction(gr_request *request, const gr_node *node, int home,
                                   gr_fused_plan *plan)
{
    const bool leads = fused_contraction_leads(request, node, &plan->pass[plan->n_passes - 1]);
    gr_request inner = {.node = node,
                        .arena = request->arena,
                        .level = request->level,
                        .threads = request->threads,
                        .exact = request->exact,
                        .steady = fused_contraction_steady(request, node),
                        .stream = leads && !plan->step};
    char name[64];
    GR_TRY(gr_backend_select(NULL, &inner));
    gr_fused_contraction *c = &plan->contraction;
    *c = (gr_fused_contraction){.fn = inner.fn,
                                .begin = inner.begin,
                                .ctx = inner.ctx,
                                .destroy = inner.destroy,
                                .home = home,
                                .streams = inner.streams,
                                .finishes = inner.finishes && leads,
                                .size = (int64_t)gr_dtype_size(gr_type_of(node).dtype)};
    if (c->begin) request->begin = fused_contraction_begin;
    request->kept = inner.kept;
    snprintf(name, sizeof name, "%s+", inner.kernel); /* and what follows it */
    request->kernel = gr_arena_strdup(request->arena, name);
    if (!request->kernel) {
        if (c->destroy) fused_contraction_destroy(plan);
        return GR_NO_MEMORY;
    }
    for (int i = 0; i < node->n_in; i++) {
        fused_contraction_operand(c, i, request->node->attr[GR_FUSED_BODY].body, node->in[i]);
    }
    c->work = (int64_t)gr_aligned(request->work);
    request->work = (size_t)c->work + inner.work;
    request->fn = gr_fused_run_contraction;
    if (c->destroy) request->destroy = fused_contraction_destroy;
    return GR_OK;
}
