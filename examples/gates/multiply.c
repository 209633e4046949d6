/* The lecture's MultiplyGate for texts: a shared object that gives it to the command by its name.
 *
 *     cc -shared -fPIC -o multiply.so multiply.c
 *     gradus check --gates multiply.so 'multiply(x, y)' x=-2 y=3 */
#include <gradus/gates.h>

static gr_status multiply_shape(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    if (in[0].dtype != in[1].dtype) return GR_DTYPE;
    if (!gr_shape_equal(in[0].shape, in[1].shape)) return GR_SHAPE;
    out[0].dtype = in[0].dtype;
    out[0].shape = in[0].shape;
    return GR_OK;
}

static gr_status multiply_forward(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    for (int64_t i = 0; i < gr_shape_count(in[0].shape); i++)
        gr_tensor_put(&out[0], i, gr_tensor_at(&in[0], i) * gr_tensor_at(&in[1], i));
    return GR_OK;
}

/* dx = y·dz, dy = x·dz */
static gr_status multiply_backward(void *user, const gr_tensor *in, const gr_tensor *out,
                                   const gr_tensor *dz, gr_tensor *dx)
{
    (void)user;
    (void)out;
    for (int64_t i = 0; i < gr_shape_count(in[0].shape); i++) {
        gr_tensor_put(&dx[0], i, gr_tensor_at(&in[1], i) * gr_tensor_at(&dz[0], i));
        gr_tensor_put(&dx[1], i, gr_tensor_at(&in[0], i) * gr_tensor_at(&dz[0], i));
    }
    return GR_OK;
}

const gr_gates *gradus_gates(void)
{
    static const gr_gate gate[] = {{.size = sizeof(gr_gate),
                                    .name = "multiply",
                                    .inputs = 2,
                                    .outputs = 1,
                                    .shape = multiply_shape,
                                    .forward = multiply_forward,
                                    .backward = multiply_backward}};
    static const gr_gates gates = {GR_GATES_VERSION, 1, gate};
    return &gates;
}
