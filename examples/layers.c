/* The forward pass of a three-layer net as the lecture writes it, 3 → 4 → 4 → 1 on a column of
 * three numbers: h1 = f(W1·x + b1), h2 = f(W2·h1 + b2), out = W3·h2 + b3, f the sigmoid. */
#include <stdio.h>

#include <gradus/gradus.h>

/* W·x + b, with W [out,in] and b [out,1] full of small numbers. */
static gr_node *layer(gr_node *x, int out, double scale)
{
    double w[4 * 4], b[4];
    const int in = (int)gr_node_shape(x).dim[0];
    for (int i = 0; i < out * in; i++) w[i] = scale * (i % 5 - 2);
    for (int i = 0; i < out; i++) b[i] = 0.1 * i;
    gr_graph *g = gr_node_graph(x);
    gr_node *weights = gr_constant(g, &(gr_tensor){GR_F64, GR_SHAPE(out, in), w});
    gr_node *bias = gr_constant(g, &(gr_tensor){GR_F64, GR_SHAPE(out, 1), b});
    return gr_add(gr_matmul(weights, x), bias);
}

int main(void)
{
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(3, 1));
    gr_node *h1 = gr_sigmoid(layer(x, 4, 0.5));
    gr_node *h2 = gr_sigmoid(layer(h1, 4, 0.3));
    gr_node *nodes[] = {h1, h2, layer(h2, 1, 0.7)};
    gr_feed at = {"x", (double[]){1, -2, 3}};
    gr_tensor value[3];
    gr_status status = gr_evaluate(g, nodes, 3, &at, 1, NULL, value);
    if (status != GR_OK) fprintf(stderr, "%s\n", gr_message());
    for (int k = 0; k < 3 && status == GR_OK; k++) {
        printf("%s", k == 2 ? "out" : k == 1 ? "h2 " : "h1 ");
        for (int i = 0; i < gr_shape_count(value[k].shape); i++)
            printf(" %7.4f", gr_tensor_at(&value[k], i));
        printf("\n");
        gr_tensor_clear(&value[k]);
    }
    gr_graph_free(g);
    return status != GR_OK;
}
