/* The lecture's first circuit, f = (x + y)·z: values forward, the chain rule backward. */
#include <stdio.h>

#include <gradus/gradus.h>

int main(void)
{
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SCALAR);
    gr_node *y = gr_input(g, "y", GR_F64, GR_SCALAR);
    gr_node *z = gr_input(g, "z", GR_F64, GR_SCALAR);
    gr_node *q = gr_name(gr_add(x, y), "q");
    gr_node *f = gr_name(gr_mul(q, z), "f");

    gr_node *nodes[6] = {q, f};
    gr_grad(f, (gr_node *[]){x, y, z, q}, 4, nodes + 2); /* four more nodes; still one graph */

    const char *name[] = {"q", "f", "df/dx", "df/dy", "df/dz", "df/dq"};
    gr_feed at[] = {{"x", &(double){-2}}, {"y", &(double){5}}, {"z", &(double){-4}}};
    gr_tensor value[6];
    gr_status status = gr_evaluate(g, nodes, 6, at, 3, NULL, value);
    if (status != GR_OK) fprintf(stderr, "%s\n", gr_message());
    for (int i = 0; i < 6 && status == GR_OK; i++) {
        printf("%-5s = %g\n", name[i], gr_tensor_at(&value[i], 0));
        gr_tensor_clear(&value[i]);
    }
    gr_graph_free(g);
    return status != GR_OK;
}
