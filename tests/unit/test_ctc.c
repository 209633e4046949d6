/* Kernels of ctc and its gradient against the reference, bit for bit. */
#include "support_kernel.h"

#include <math.h>

#include "ops/ops.h"

extern gr_prepare_fn gr_ctc_prepare;

typedef struct ctc_case {
    int64_t n, frames, classes, labels;
} ctc_case;

/* Log-probabilities, some impossible and, if `odd`, some no numbers; labels with repeats. */
static void ctc_fill(const ctc_case *c, void **in, bool single, bool odd, gr_rng *rng)
{
    gr_tensor p = {single ? GR_F32 : GR_F64, GR_SHAPE(c->n * c->frames * c->classes), in[0]};
    for (int64_t i = 0; i < p.shape.dim[0]; i++) {
        double value = -4 * gr_rng_uniform(rng);
        if (gr_rng_below(rng, 20) == 0) value = gr_rng_below(rng, 2) ? -INFINITY : -900;
        if (odd && gr_rng_below(rng, 50) == 0) value = NAN;
        gr_tensor_put(&p, i, value);
    }
    int32_t *labels = in[1], *frames = in[2], *counts = in[3];
    for (int64_t i = 0; i < c->n * c->labels; i++)
        labels[i] = 1 + (int32_t)gr_rng_below(rng, (uint64_t)c->classes - 1);
    for (int64_t i = 0; i < c->n; i++) {
        counts[i] = (int32_t)gr_rng_below(rng, (uint64_t)c->labels + 1);
        frames[i] = 1 + (int32_t)gr_rng_below(rng, (uint64_t)c->frames);
        if (frames[i] < 2 * counts[i]) frames[i] = (int32_t)c->frames;
    }
}

static void ctc_check_case(const ctc_case *c, gr_dtype dtype, gr_rng *rng)
{
    gr_graph *g = gr_graph_new();
    gr_node *p = gr_input(g, "p", dtype, GR_SHAPE(c->n, c->frames, c->classes));
    gr_node *labels = gr_input(g, "labels", GR_I32, GR_SHAPE(c->n, c->labels));
    gr_node *frames = gr_input(g, "frames", GR_I32, GR_SHAPE(c->n));
    gr_node *counts = gr_input(g, "counts", GR_I32, GR_SHAPE(c->n));
    const gr_node *loss = (gr_ctc)(p, labels, frames, counts, 0);
    const gr_node *nodes[] = {loss, gr_build(NULL, &gr_op_ctc_grad, loss->in, 4, loss->attr)};
    for (int k = 0; k < 4; k++) {
        void **in = kernel_inputs(nodes[k % 2], gr_rng_u64(rng));
        ctc_fill(c, in, dtype == GR_F32, k > 1, rng);
        kernel_check_bits(nodes[k % 2], gr_ctc_prepare, in);
        kernel_free(in);
    }
    gr_graph_free(g);
}

static void kernels_equal_the_reference(void **state)
{
    (void)state;
    static const ctc_case cases[] = {{1, 1, 2, 0},  {2, 3, 2, 1},    {3, 9, 4, 4},
                                     {5, 20, 7, 9}, {4, 40, 30, 19}, {0, 3, 3, 1}};
    gr_rng rng = gr_rng_new(41, 0);
    for (size_t k = 0; k < GR_LEN(cases); k++) {
        ctc_check_case(&cases[k], GR_F32, &rng);
        ctc_check_case(&cases[k], GR_F64, &rng);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kernels_equal_the_reference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
