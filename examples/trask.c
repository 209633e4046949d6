/* "A neural network in 11 lines of Python" (iamtrask, 2015), from the very values it begins with:
 * the mean error of its 3-4-1 net before every 10,000 of 60,000 steps of gradient descent.
 *
 *     trask [FILE]      FILE: trask.safetensors, which is beside this text
 */
#include <gradus/gradus.h>
#include <stdio.h>

/* The mean |y − p| of the net in `store`, which then learns for `steps` steps. */
static gr_status trask_learn(gr_store *store, const gr_feed data[2], int64_t steps, double *error)
{
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *y = gr_input(g, "y", GR_F32, GR_SHAPE(4, 1));
    gr_node *p = gr_input(g, "x", GR_F32, GR_SHAPE(4, 3));
    p = gr_sigmoid(gr_dense(s, "hidden", p, GR_DENSE(4, .no_bias = true)));
    p = gr_sigmoid(gr_dense(s, "output", p, GR_DENSE(1, .no_bias = true)));
    gr_node *mean = gr_mean(gr_abs(gr_sub(y, p)), GR_ALL);
    gr_node *squares = gr_mse(p, y, GR_LOSS(GR_REDUCE_SUM));
    gr_tensor out = {0};
    gr_status status = gr_evaluate(g, &mean, 1, data, 2, store, &out);
    if (status == GR_OK) {
        *error = gr_tensor_at(&out, 0);
        /* The text descends along ½Σ(y − p)² at rate 1. */
        status = gr_fit(s, squares, GR_OPTIMIZER(GR_SGD, .rate = .5), data, 2, steps);
    }
    gr_tensor_clear(&out);
    gr_scope_free(s);
    gr_graph_free(g);
    return status;
}

int main(int argc, char **argv)
{
    const float x[] = {0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1}, y[] = {0, 1, 1, 0};
    const gr_feed data[] = {{"x", x}, {"y", y}};
    gr_store *store;
    double error;
    gr_status status =
        gr_store_load(argc > 1 ? argv[1] : "examples/trask.safetensors", &store, NULL);
    for (int step = 0; status == GR_OK && step < 60000; step += 10000) {
        status = trask_learn(store, data, 10000, &error);
        if (status == GR_OK) printf("step %5d  mean error %.5f\n", step, error);
    }
    if (status != GR_OK) fprintf(stderr, "%s\n", gr_message());
    gr_store_free(store);
    return status != GR_OK;
}
