/* A program of somebody else's: tanh(x / 2) has slope 0.5 at 0. */
#include <gradus/gradus.h>
#include <stdio.h>

int main(void)
{
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SCALAR);
    gr_node *y = gr_tanh(gr_mul(x, gr_scalar(g, GR_F64, 0.5)));
    gr_node *dx;
    gr_grad(y, &x, 1, &dx);
    gr_tensor value = {0};
    gr_status status = gr_evaluate(g, &dx, 1, &(gr_feed){"x", &(double){0}}, 1, NULL, &value);
    if (status != GR_OK)
        fprintf(stderr, "%s\n", gr_message());
    else
        printf("gradus %s: %g\n", gr_version(), gr_tensor_at(&value, 0));
    gr_tensor_clear(&value);
    gr_graph_free(g);
    return status != GR_OK;
}
