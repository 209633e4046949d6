/* Tensors of as many axes as there may be, where a gate needs one more in between: refused. */
#include "support.h"

#include <gradus/gradus.h>

static gr_node *axes_most(gr_graph *g, const char *name, int64_t heads, int64_t rows, int64_t width)
{
    return gr_input(g, name, GR_F32, GR_SHAPE(1, 1, 1, 1, 1, heads, rows, width));
}

static void axes_refused(gr_graph *g, gr_node *y, const char *words)
{
    assert_true(gr_is_error(y));
    if (!strstr(gr_graph_message(g), words))
        fail_msg("no \"%s\" in: %s", words, gr_graph_message(g));
    gr_graph_free(g);
}

static void test_heads_that_share(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *q = axes_most(g, "q", 4, 2, 3), *k = axes_most(g, "k", 2, 2, 3);
    gr_node *bias = gr_input(g, "bias", GR_F32, GR_SHAPE(2, 2));
    if (gr_is_error(gr_attention(q, k, k, NULL))) fail_msg("%s", gr_graph_message(g));
    axes_refused(g, gr_attention(q, k, k, GR_ATTENTION(.mask = bias)),
                 "q [1,1,1,1,1,4,2,3] has no room for another axis: at most 7");
}

static void test_heads_in_rows(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = axes_most(g, "x", 1, 2, 6);
    axes_refused(g, gr_attention_rows(x, x, x, 2, 2, NULL),
                 "rows q [1,1,1,1,1,1,2,6]: at most 7 axes");
}

/* What fits is computed, with its gradient. */
static void test_one_axis_less(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *q = gr_input(g, "q", GR_F32, GR_SHAPE(1, 1, 1, 1, 4, 2, 6)), *grad;
    gr_node *k = gr_input(g, "k", GR_F32, GR_SHAPE(1, 1, 1, 1, 2, 2, 6));
    gr_node *bias = gr_input(g, "bias", GR_F32, GR_SHAPE(2, 2));
    gr_node *y = gr_attention(q, k, k, GR_ATTENTION(.mask = bias));
    gr_node *rows = gr_attention_rows(q, q, q, 2, 2, NULL);
    gr_node *sum = gr_add(gr_sum(y, GR_ALL), gr_sum(rows, GR_ALL));
    unit_ok(gr_grad(sum, &q, 1, &grad));
    assert_true(gr_shape_equal(gr_node_shape(grad), gr_node_shape(q)));
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads_that_share),
        cmocka_unit_test(test_heads_in_rows),
        cmocka_unit_test(test_one_axis_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
