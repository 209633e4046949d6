/* The kernel of fused nodes beside their reference, and bodies to try it on. */
#include "support_fused.h"

#include "support_kernel.h"

#include <math.h>

gr_prepare_fn gr_fused_prepare;

/* ---- Running --------------------------------------------------------------------------------- */

enum { FUSED_GUARD = 128, FUSED_FILL = 0xa5 };

typedef struct fused_buffer {
    unsigned char *block, *data;
    size_t bytes;
} fused_buffer;

static size_t fused_bytes(gr_type type)
{
    return (size_t)gr_shape_count(type.shape) * gr_dtype_size(type.dtype);
}

static fused_buffer fused_guarded(size_t bytes, size_t offset)
{
    fused_buffer b = {.block = gr_alloc_aligned(bytes + offset + 2 * FUSED_GUARD), .bytes = bytes};
    assert_non_null(b.block);
    memset(b.block, FUSED_FILL, bytes + offset + 2 * FUSED_GUARD);
    b.data = b.block + FUSED_GUARD + offset;
    return b;
}

static void fused_release(fused_buffer *b)
{
    for (unsigned char *p = b->block; p < b->data; p++) assert_int_equal(*p, FUSED_FILL);
    for (size_t i = 0; i < FUSED_GUARD; i++) assert_int_equal(b->data[b->bytes + i], FUSED_FILL);
    gr_free_aligned(b->block);
}

typedef struct fused_run_case {
    const gr_node *node;
    gr_cpu_level level;
    int threads;
    size_t offset;             /* elements off alignment */
    int shares_out, shares_in; /* the output that lies in an input's memory; -1 */
} fused_run_case;

/* An output's bits must be those of the reference, but any NaN will do for a NaN. */
static void fused_compare(const fused_run_case *what, int j, void *right, void *got)
{
    const gr_type type = what->node->out[j];
    const size_t size = gr_dtype_size(type.dtype);
    if (memcmp(right, got, fused_bytes(type)) == 0) return;
    const gr_tensor a = {type.dtype, GR_SHAPE(gr_shape_count(type.shape)), right};
    const gr_tensor b = {type.dtype, GR_SHAPE(gr_shape_count(type.shape)), got};
    for (int64_t i = 0; i < gr_shape_count(type.shape); i++) {
        if (memcmp((char *)right + (size_t)i * size, (char *)got + (size_t)i * size, size) == 0) {
            continue;
        }
        const double x = gr_tensor_at(&a, i), y = gr_tensor_at(&b, i);
        if (x != x && y != y) continue;
        const gr_body *body = what->node->attr[GR_FUSED_BODY].body;
        char *text = NULL;
        unit_ok(gr_graph_print(body->graph, body->out, body->n_out, &text));
        print_error("%s", text);
        fail_msg("%s, %d threads, output %d%s in input %d, element %lld: %.17g instead of %.17g",
                 gr_cpu_name(what->level), what->threads, j, gr_shape_text(type.shape),
                 what->shares_out == j ? what->shares_in : -1, (long long)i, y, x);
    }
}

/* Runs the kernel; prepares it first. Returns what it would share. */
static void fused_run_kernel(const fused_run_case *what, void *const *in, void *const *right,
                             uint32_t *shares)
{
    const gr_node *node = what->node;
    gr_arena arena = {0};
    gr_request request = {.node = node,
                          .arena = &arena,
                          .level = what->level,
                          .threads = what->threads,
                          .exact = true}; /* products too give the reference's bits */
    unit_ok(gr_fused_prepare(&request));
    memcpy(shares, request.inplace, sizeof request.inplace);
    fused_buffer buffers[GR_FUSED_INPUTS], outs[GR_FUSED_OUTPUTS];
    void *data[GR_FUSED_INPUTS], *out[GR_FUSED_OUTPUTS];
    for (int i = 0; i < node->n_in; i++) {
        const gr_type type = gr_type_of(node->in[i]);
        buffers[i] = fused_guarded(fused_bytes(type), what->offset * gr_dtype_size(type.dtype));
        memcpy(buffers[i].data, in[i], buffers[i].bytes);
        data[i] = buffers[i].data;
    }
    for (int j = 0; j < node->n_out; j++) {
        const size_t size = gr_dtype_size(node->out[j].dtype);
        outs[j] = fused_guarded(fused_bytes(node->out[j]), what->offset * size);
        out[j] = j == what->shares_out ? data[what->shares_in] : outs[j].data;
    }
    fused_buffer work = fused_guarded(request.work, 0);
    const gr_call call = {
        .in = data, .out = out, .work = work.data, .ctx = request.ctx, .threads = what->threads};
    unit_ok(request.fn(&call));
    if (request.destroy) request.destroy((void *)(uintptr_t)request.ctx);
    for (int j = 0; j < node->n_out; j++) fused_compare(what, j, right[j], out[j]);
    for (int i = 0; i < node->n_in; i++) {
        if (what->shares_out < 0 || i != what->shares_in) {
            assert_memory_equal(buffers[i].data, in[i], buffers[i].bytes);
        }
        fused_release(&buffers[i]);
    }
    for (int j = 0; j < node->n_out; j++) fused_release(&outs[j]);
    fused_release(&work);
    gr_arena_free(&arena);
}

static void fused_run_reference(const gr_node *node, void *const *in, void **out)
{
    gr_arena arena = {0};
    gr_request request = {.node = node, .arena = &arena, .threads = 1};
    unit_ok(node->op->reference(&request));
    for (int j = 0; j < node->n_out; j++) out[j] = gr_alloc_aligned(fused_bytes(node->out[j]));
    void *work = gr_alloc_aligned(request.work);
    const gr_call call = {.in = in, .out = out, .work = work, .ctx = request.ctx, .threads = 1};
    unit_ok(request.fn(&call));
    gr_free_aligned(work);
    gr_arena_free(&arena);
}

/* Makes the inputs odd multiples of 1/16: sums of their products are then exact in any order, and
 * no product is a zero with a sign. */
static void fused_coarsen(const gr_node *node, void **in)
{
    for (int i = 0; i < node->n_in; i++) {
        const gr_type type = gr_type_of(node->in[i]);
        gr_tensor t = {type.dtype, type.shape, in[i]};
        for (int64_t k = 0; k < gr_shape_count(t.shape); k++) {
            gr_tensor_put(&t, k, (floor(8 * gr_tensor_at(&t, k)) + 0.5) / 8);
        }
    }
}

void fused_check_node(const gr_node *node, bool coarse)
{
    void **in = kernel_inputs(node, 11), *right[GR_FUSED_OUTPUTS];
    if (coarse) fused_coarsen(node, in);
    fused_run_reference(node, in, right);
    for (int level = 0; level <= (int)gr_cpu(); level++) {
        for (int threads = 1; threads <= 3; threads++) {
            fused_run_case what = {node, (gr_cpu_level)level, threads, (size_t)threads - 1, -1, -1};
            uint32_t shares[GR_INPLACE_OUTPUTS], again[GR_INPLACE_OUTPUTS];
            fused_run_kernel(&what, in, right, shares);
            for (int j = 0; j < node->n_out; j++) {
                for (int i = 0; i < node->n_in; i++) {
                    if (!(shares[j] >> i & 1)) continue;
                    what.shares_out = j;
                    what.shares_in = i;
                    fused_run_kernel(&what, in, right, again);
                }
            }
        }
    }
    for (int j = 0; j < node->n_out; j++) gr_free_aligned(right[j]);
    kernel_free(in);
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

fused_maker fused_new(void)
{
    fused_maker m = {.outside = gr_graph_new(), .body = gr_graph_new()};
    assert_true(m.outside && m.body);
    return m;
}

gr_node *fused_in(fused_maker *m, gr_dtype dtype, gr_shape shape)
{
    char name[16];
    snprintf(name, sizeof name, "x%d", m->n_in);
    m->outer[m->n_in] = gr_input(m->outside, name, dtype, shape);
    m->inner[m->n_in] = gr_input(m->body, name, dtype, shape);
    return m->inner[m->n_in++];
}

void fused_out(fused_maker *m, gr_node *node)
{
    m->out[m->n_out++] = node;
}

gr_node *fused_node(fused_maker *m)
{
    const gr_body *body = gr_graph_adopt(m->outside, m->body, m->inner, m->n_in, m->out, m->n_out);
    assert_non_null(body);
    gr_node *node = gr_fused(m->outside, body, m->outer);
    return gr_is_error(node) ? NULL : node;
}

void fused_check_as(fused_maker *m, bool coarse)
{
    gr_node *node = fused_node(m);
    if (!node) fail_msg("%s", gr_graph_message(m->outside));
    fused_check_node(node, coarse);
    gr_graph_free(m->outside);
}

void fused_check(fused_maker *m)
{
    fused_check_as(m, false);
}
