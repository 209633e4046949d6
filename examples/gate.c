/* A gate of your own: the lecture's MultiplyGate with forward and backward, in a graph beside the
 * built-in gates, and checked like them. */
#include <stdio.h>

#include <gradus/gradus.h>

static gr_status multiply_shape(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    out[0].dtype = in[0].dtype;
    out[0].shape = in[0].shape;
    return GR_OK;
}

static gr_status multiply_forward(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    const double *x = in[0].data, *y = in[1].data;
    *(double *)out[0].data = *x * *y;
    return GR_OK;
}

/* dx = y·dz, dy = x·dz */
static gr_status multiply_backward(void *user, const gr_tensor *in, const gr_tensor *out,
                                   const gr_tensor *dy, gr_tensor *dx)
{
    (void)user;
    (void)out;
    const double *x = in[0].data, *y = in[1].data, *dz = dy[0].data;
    *(double *)dx[0].data = *y * *dz;
    *(double *)dx[1].data = *x * *dz;
    return GR_OK;
}

int main(void)
{
    gr_gate multiply = {.size = sizeof multiply,
                        .name = "multiply",
                        .inputs = 2,
                        .outputs = 1,
                        .shape = multiply_shape,
                        .forward = multiply_forward,
                        .backward = multiply_backward};
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SCALAR), *y = gr_input(g, "y", GR_F64, GR_SCALAR);
    gr_node *z = gr_sigmoid(gr_custom(g, &multiply, (gr_node *[]){x, y}, 2));

    gr_feed at[] = {{"x", &(double){-2}}, {"y", &(double){3}}};
    gr_check_report report;
    gr_status status = gr_check(z, (gr_node *[]){x, y}, 2, at, 2, NULL, NULL, &report);
    if (status != GR_OK) fprintf(stderr, "%s\n", gr_message());
    for (int i = 0; i < report.entries; i++)
        printf("dz/d%s = %.9f, by differences %.9f\n", report.entry[i].name,
               report.entry[i].analytic, report.entry[i].numeric);
    printf("the gradient check %s\n", report.passed ? "passed" : "failed");
    bool passed = report.passed;
    gr_check_clear(&report);
    gr_graph_free(g);
    return !passed;
}
