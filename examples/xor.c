/* XOR learnt by the 3-4-1 net of iamtrask's "A neural network in 11 lines of Python". */
#include <gradus/gradus.h>
#include <stdio.h>

int main(void)
{
    float x[] = {0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1}, y[] = {0, 1, 1, 0};
    gr_feed data[] = {{"x", x}, {"y", y}};
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *h = gr_dense(s, "hidden", gr_input(g, "x", GR_F32, GR_SHAPE(4, 3)), GR_DENSE(4));
    gr_node *p = gr_sigmoid(gr_dense(s, "output", gr_sigmoid(h), GR_DENSE(1)));
    gr_node *loss = gr_mse(p, gr_input(g, "y", GR_F32, GR_SHAPE(4, 1)), GR_LOSS(GR_REDUCE_SUM));
    gr_tensor out = {0};
    gr_status status = gr_fit(s, loss, GR_OPTIMIZER(GR_SGD, .rate = 1), data, 2, 10000);
    if (status == GR_OK) status = gr_evaluate(g, &p, 1, data, 2, store, &out);
    if (status != GR_OK) fprintf(stderr, "%s\n", gr_message());
    for (int i = 0; i < 4 && status == GR_OK; i++)
        printf("%g xor %g = %.3f\n", x[3 * i], x[3 * i + 1], gr_tensor_at(&out, i));
    gr_tensor_clear(&out), gr_scope_free(s), gr_store_free(store), gr_graph_free(g);
    return status != GR_OK;
}
