#include "support_kernel.h"

#include <math.h>

void expect_shape(const gr_node *node, gr_shape shape)
{
    if (gr_is_error(node)) fail_msg("%s", gr_graph_message(gr_node_graph(node)));
    assert_string_equal(gr_shape_text(gr_node_shape(node)), gr_shape_text(shape));
}

void expect_fault(gr_graph *g, const gr_node *node, gr_status status, const char *words)
{
    assert_true(gr_is_error(node));
    if (!strstr(gr_graph_message(g), words))
        fail_msg("\"%s\" instead of \"%s\"", gr_graph_message(g), words);
    assert_int_equal(gr_graph_status(g), status);
    gr_graph_free(g);
}

#define KERNEL_GUARD 256

int64_t kernel_count(const gr_node *node)
{
    return gr_shape_count(gr_type_of(node).shape);
}

double kernel_at(const gr_node *node, const void *out, int64_t i)
{
    const gr_tensor tensor = {gr_type_of(node).dtype, GR_SHAPE(kernel_count(node)),
                              (void *)(uintptr_t)out};
    return gr_tensor_at(&tensor, i);
}

static size_t kernel_type_bytes(const gr_type *type)
{
    return (size_t)gr_shape_count(type->shape) * gr_dtype_size(type->dtype);
}

/* Of all outputs together. */
static size_t kernel_bytes(const gr_node *node)
{
    size_t bytes = 0;
    for (int i = 0; i < node->n_out; i++) bytes += kernel_type_bytes(&node->out[i]);
    return bytes;
}

void **kernel_inputs(const gr_node *node, uint64_t seed)
{
    void **in = gr_alloc_array((size_t)node->n_in + 1, sizeof *in);
    assert_non_null(in);
    gr_rng rng = gr_rng_new(seed, 0);
    for (int i = 0; i < node->n_in; i++) {
        const gr_node *source = node->in[i];
        assert_non_null(in[i] = gr_alloc_aligned(kernel_bytes(source)));
        for (int64_t k = 0; k < kernel_count(source); k++) {
            gr_tensor tensor = {gr_type_of(source).dtype, GR_SHAPE(kernel_count(source)), in[i]};
            double value = 2 * gr_rng_uniform(&rng) - 1;
            if (!gr_dtype_is_float(tensor.dtype)) value = floor(5 * (value + 1)); /* 0 to 9 */
            gr_tensor_put(&tensor, k, value);
        }
    }
    return in;
}

void kernel_free(void **inputs)
{
    for (int i = 0; inputs[i]; i++) gr_free_aligned(inputs[i]);
    gr_free(inputs);
}

/* ---- Guarded buffers ------------------------------------------------------------------------- */

typedef struct kernel_buffer {
    unsigned char *block, *data;
    size_t bytes;
} kernel_buffer;

static kernel_buffer kernel_guarded(size_t bytes, size_t offset)
{
    kernel_buffer b = {.bytes = bytes};
    b.block = gr_alloc_aligned(bytes + offset + 2 * KERNEL_GUARD);
    assert_non_null(b.block);
    b.data = b.block + KERNEL_GUARD + offset;
    memset(b.block, 0xa5, bytes + offset + 2 * KERNEL_GUARD);
    return b;
}

static void kernel_release(kernel_buffer *b)
{
    for (unsigned char *p = b->block; p < b->data; p++) assert_int_equal(*p, 0xa5);
    for (int i = 0; i < KERNEL_GUARD; i++) assert_int_equal(b->data[b->bytes + (size_t)i], 0xa5);
    gr_free_aligned(b->block);
}

/* Copies the results, one after the other, to `out` and frees their buffers. */
static void kernel_take(const gr_node *node, kernel_buffer *results, char *out)
{
    for (int i = 0; i < node->n_out; i++) {
        memcpy(out, results[i].data, results[i].bytes);
        out += results[i].bytes;
        kernel_release(&results[i]);
    }
}

enum { KERNEL_INPUTS = 8 };

/* What comes before a loop sees nothing but the steady inputs. */
static gr_status kernel_begin(const gr_request *request, const kernel_case *what, gr_call call)
{
    void *in[KERNEL_INPUTS] = {NULL};
    for (int i = 0; i < what->node->n_in; i++)
        if (what->steady >> i & 1) in[i] = call.in[i];
    call.in = in;
    call.out = NULL;
    call.work = NULL;
    return request->begin(&call);
}

static gr_status kernel_call(const gr_request *request, const kernel_case *what, void *const *in,
                             void *out)
{
    enum { MOST = KERNEL_INPUTS };
    const gr_node *node = what->node;
    kernel_buffer buffers[MOST], results[MOST], work = kernel_guarded(request->work, 0);
    kernel_buffer kept = kernel_guarded(request->kept, 0);
    void *data[MOST], *outs[MOST];
    assert_true(node->n_in <= MOST && node->n_out <= MOST);
    for (int i = 0; i < node->n_out; i++) {
        const size_t size = gr_dtype_size(node->out[i].dtype);
        results[i] = kernel_guarded(kernel_type_bytes(&node->out[i]), what->offset * size);
        outs[i] = results[i].data;
    }
    for (int i = 0; i < node->n_in; i++) {
        const gr_node *source = node->in[i];
        const size_t size = gr_dtype_size(gr_type_of(source).dtype);
        buffers[i] = kernel_guarded(kernel_bytes(source), what->offset * size);
        memcpy(buffers[i].data, in[i], buffers[i].bytes);
        data[i] = buffers[i].data;
    }
    const gr_call call = {.in = data,
                          .out = outs,
                          .work = work.data,
                          .ctx = request->ctx,
                          .kept = request->begin ? kept.data : NULL,
                          .threads = what->threads};
    gr_status status = request->begin ? kernel_begin(request, what, call) : GR_OK;
    if (status == GR_OK) status = request->fn(&call);
    for (int i = 0; i < node->n_in; i++) {
        assert_memory_equal(buffers[i].data, in[i], buffers[i].bytes);
        kernel_release(&buffers[i]);
    }
    kernel_take(node, results, out);
    kernel_release(&work);
    kernel_release(&kept);
    return status;
}

gr_status kernel_run(const kernel_case *what, void *const *in, void *out)
{
    gr_arena arena = {0};
    gr_request request = {.node = what->node,
                          .arena = &arena,
                          .level = what->level,
                          .threads = what->threads,
                          .exact = what->exact,
                          .steady = what->steady};
    gr_prepare_fn *prepare = what->prepare ? what->prepare : what->node->op->reference;
    gr_status status = prepare(&request);
    if (status == GR_OK) {
        assert_non_null(request.kernel);
        status = kernel_call(&request, what, in, out);
        if (request.destroy) request.destroy((void *)(uintptr_t)request.ctx);
    }
    gr_arena_free(&arena);
    return status;
}

/* ---- Comparison ------------------------------------------------------------------------------ */

static void kernel_compare_output(const kernel_case *what, int output, const void *right,
                                  const void *got, double tolerance)
{
    const gr_type *type = &what->node->out[output];
    const gr_shape flat = GR_SHAPE(gr_shape_count(type->shape));
    const gr_tensor one = {type->dtype, flat, (void *)(uintptr_t)right};
    const gr_tensor other = {type->dtype, flat, (void *)(uintptr_t)got};
    for (int64_t i = 0; i < flat.dim[0]; i++) {
        const double a = gr_tensor_at(&one, i), b = gr_tensor_at(&other, i);
        if (isnan(a) && isnan(b)) continue;
        if (a == b) continue;
        if (fabs(a - b) <= tolerance * fmax(1, fabs(a))) continue;
        char text[256];
        fail_msg("%s, %s, %d threads, output %d, element %lld: %.17g instead of %.17g",
                 gr_node_text(what->node, text, sizeof text), gr_cpu_name(what->level),
                 what->threads, output, (long long)i, b, a);
    }
}

static void kernel_compare(const gr_node *node, const char *right, const char *got,
                           double tolerance, const kernel_case *what)
{
    for (int i = 0; i < node->n_out; i++) {
        kernel_compare_output(what, i, right, got, tolerance);
        right += kernel_type_bytes(&node->out[i]);
        got += kernel_type_bytes(&node->out[i]);
    }
}

static void kernel_check_levels(const gr_node *node, gr_prepare_fn *prepare, double tolerance,
                                int least, uint32_t steady)
{
    static const int threads[] = {1, 2, 3, 8};
    assert_false(gr_is_error(node));
    const size_t bytes = kernel_bytes(node);
    void **in = kernel_inputs(node, 7 + bytes);
    void *right = gr_alloc_aligned(bytes), *first = gr_alloc_aligned(bytes);
    void *got = gr_alloc_aligned(bytes);
    assert_true(right && first && got);
    assert_int_equal(kernel_run(&(kernel_case){.node = node, .threads = 1}, in, right), GR_OK);
    for (int level = least; level <= (int)gr_cpu(); level++) {
        for (size_t t = 0; t < GR_LEN(threads); t++) {
            const kernel_case what = {.node = node,
                                      .prepare = prepare,
                                      .level = (gr_cpu_level)level,
                                      .threads = threads[t],
                                      .offset = t,
                                      .steady = steady};
            void *out = t == 0 ? first : got;
            assert_int_equal(kernel_run(&what, in, out), GR_OK);
            kernel_compare(node, right, out, tolerance, &what);
            if (t > 0) assert_memory_equal(first, got, bytes);
        }
    }
    gr_free_aligned(right);
    gr_free_aligned(first);
    gr_free_aligned(got);
    kernel_free(in);
}

void kernel_check(const gr_node *node, gr_prepare_fn *prepare, double tolerance)
{
    kernel_check_levels(node, prepare, tolerance, 0, 0);
}

void kernel_check_from(const gr_node *node, gr_prepare_fn *prepare, double tolerance,
                       gr_cpu_level least)
{
    kernel_check_levels(node, prepare, tolerance, (int)least, 0);
}

void kernel_check_steady(const gr_node *node, gr_prepare_fn *prepare, double tolerance,
                         uint32_t steady)
{
    kernel_check_levels(node, prepare, tolerance, 0, steady);
}

static void kernel_assert_bits(const kernel_case *what, const char *right, const char *got)
{
    const gr_node *node = what->node;
    for (int k = 0; k < node->n_out; k++) {
        const size_t size = gr_dtype_size(node->out[k].dtype);
        const int64_t count = gr_shape_count(node->out[k].shape);
        for (int64_t i = 0; i < count; i++, right += size, got += size) {
            if (memcmp(right, got, size) == 0) continue;
            const gr_tensor one = {node->out[k].dtype, GR_SCALAR, (void *)(uintptr_t)right};
            const gr_tensor other = {node->out[k].dtype, GR_SCALAR, (void *)(uintptr_t)got};
            const double a = gr_tensor_at(&one, 0), b = gr_tensor_at(&other, 0);
            if (isnan(a) && isnan(b)) continue; /* which NaN it is depends on the compiler */
            char text[256];
            fail_msg("%s of %s, %s, %d threads, output %d, element %lld: %.17g instead of %.17g",
                     gr_node_text(node, text, sizeof text),
                     gr_shape_text(gr_type_of(node->in[0]).shape), gr_cpu_name(what->level),
                     what->threads, k, (long long)i, b, a);
        }
    }
}

void kernel_check_bits(const gr_node *node, gr_prepare_fn *prepare, void *const *in)
{
    static const int threads[] = {1, 2, 3};
    assert_false(gr_is_error(node));
    char *right = gr_alloc_aligned(kernel_bytes(node)), *got = gr_alloc_aligned(kernel_bytes(node));
    assert_true(right && got);
    assert_int_equal(kernel_run(&(kernel_case){.node = node, .threads = 1}, in, right), GR_OK);
    for (int level = 0; level <= (int)gr_cpu(); level++) {
        for (size_t t = 0; t < GR_LEN(threads); t++) {
            const kernel_case what = {.node = node,
                                      .prepare = prepare,
                                      .level = (gr_cpu_level)level,
                                      .threads = threads[t],
                                      .offset = t};
            assert_int_equal(kernel_run(&what, in, got), GR_OK);
            kernel_assert_bits(&what, right, got);
        }
    }
    gr_free_aligned(right);
    gr_free_aligned(got);
}
