/* gr_grad and gr_vjp: what they build, and what they refuse. */
#include "support.h"

#include "ops/ops.h"

/* How often `op` stands among the nodes that `node` needs. */
static int count_ops(gr_node *node, const char *op)
{
    const gr_graph *g = gr_node_graph(node);
    bool *needed = gr_graph_needed(g, &node, 1);
    int count = 0;
    for (int i = 0; i < gr_graph_size(g); i++) {
        count += needed[i] && strcmp(gr_node_op(gr_graph_node(g, i)), op) == 0;
    }
    gr_free(needed);
    return count;
}

static void a_circuit_gets_backward_gates(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SCALAR);
    gr_node *y = gr_input(g, "y", GR_F64, GR_SCALAR);
    gr_node *z = gr_input(g, "z", GR_F64, GR_SCALAR);
    gr_node *f = gr_mul(gr_add(x, y), z);
    gr_node *df[3];
    assert_int_equal(gr_grad(f, (gr_node *[]){x, y, z}, 3, df), GR_OK);
    assert_ptr_equal(df[0], df[1]); /* addition copies its gradient */
    assert_string_equal(gr_node_op(df[2]), "mul");
    assert_string_equal(gr_node_name(df[2]), "grad(z)");
    assert_int_equal(gr_graph_verify(g), GR_OK);
    gr_graph_free(g);
}

static void forks_add(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *a = gr_input(g, "a", GR_F64, GR_SCALAR);
    gr_node *b = gr_add(a, a), *c = gr_add(b, b), *da;
    assert_int_equal(gr_grad(c, &a, 1, &da), GR_OK);
    assert_int_equal(count_ops(da, "add"), 2);
    gr_graph_free(g);
}

static void broadcasting_is_summed(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(4, 1, 3));
    gr_node *b = gr_input(g, "b", GR_F32, GR_SHAPE(2, 1));
    gr_node *s = gr_input(g, "s", GR_F32, GR_SCALAR);
    gr_node *y = gr_sum(gr_mul(gr_mul(x, b), s), GR_ALL), *d[3];
    assert_int_equal(gr_grad(y, (gr_node *[]){x, b, s}, 3, d), GR_OK);
    assert_true(gr_shape_equal(gr_node_shape(d[0]), GR_SHAPE(4, 1, 3)));
    assert_true(gr_shape_equal(gr_node_shape(d[1]), GR_SHAPE(2, 1)));
    assert_true(gr_shape_equal(gr_node_shape(d[2]), GR_SCALAR));
    assert_int_equal(count_ops(d[0], "sum"), 1);
    assert_int_equal(gr_graph_verify(g), GR_OK);
    gr_graph_free(g);
}

static void what_y_ignores_has_gradient_zero(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(3));
    gr_node *u = gr_input(g, "u", GR_F32, GR_SHAPE(2, 2));
    gr_node *y = gr_sum(gr_add(gr_square(x), gr_stop_gradient(gr_sum(u, GR_ALL))), GR_ALL);
    gr_node *late = gr_input(g, "late", GR_F32, GR_SCALAR), *d[3];
    assert_int_equal(gr_grad(y, (gr_node *[]){u, late, y}, 3, d), GR_OK);
    assert_string_equal(gr_node_op(d[0]), "broadcast");
    assert_true(gr_shape_equal(gr_node_shape(d[0]), GR_SHAPE(2, 2)));
    assert_true(gr_tensor_at(d[1]->attr[0].tensor, 0) == 0);
    assert_true(gr_tensor_at(d[2]->attr[0].tensor, 0) == 1); /* y by itself */
    gr_graph_free(g);
}

static void parts_of_a_tuple_pass_their_cotangents(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(6));
    gr_node *parts = gr_split(x, 3, 0), *dx, *dpart;
    gr_node *part = gr_get(parts, 1);
    gr_node *y = gr_sum(gr_mul(gr_get(parts, 0), part), GR_ALL);
    assert_int_equal(gr_grad(y, &x, 1, &dx), GR_OK);
    assert_string_equal(gr_node_op(dx), "concat");
    assert_string_equal(gr_node_op(gr_node_input(dx, 2)), "broadcast"); /* part 2 is unused: 0 */
    assert_int_equal(gr_grad(y, &part, 1, &dpart), GR_OK);
    assert_string_equal(gr_node_op(dpart), "mul");
    gr_graph_free(g);
}

static void a_gradient_can_be_differentiated(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SHAPE(3)), *d, *dd;
    gr_node *y = gr_sum(gr_mul(gr_square(x), x), GR_ALL);
    assert_int_equal(gr_grad(y, &x, 1, &d), GR_OK);
    assert_int_equal(gr_grad(gr_sum(d, GR_ALL), &x, 1, &dd), GR_OK);
    assert_true(gr_shape_equal(gr_node_shape(dd), GR_SHAPE(3)));
    assert_int_equal(gr_graph_verify(g), GR_OK);
    gr_graph_free(g);
}

static void backward_gates_come_from_their_gates_line(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F64, GR_SCALAR), *d;
    gr_node *y = gr_at(gr_square(x), "net.c:5");
    gr_grad(gr_at(gr_add(y, y), "net.c:6"), &x, 1, &d);
    assert_string_equal(gr_node_place(d), "net.c:5");
    gr_at(gr_neg(x), "net.c:9");
    assert_string_equal(gr_node_place(d), "net.c:5");
    gr_graph_free(g);
}

/* ---- Refusals ----------------------------------------------------------------------------- */

typedef struct refusal {
    gr_graph *g;
    gr_node *x, *k, *v; /* f32[3], i64[3], f32[2,3] */
} refusal;

static refusal refusal_begin(void)
{
    refusal r = {.g = gr_graph_new()};
    r.x = gr_input(r.g, "x", GR_F32, GR_SHAPE(3));
    r.k = gr_input(r.g, "k", GR_I64, GR_SHAPE(3));
    r.v = gr_input(r.g, "v", GR_F32, GR_SHAPE(2, 3));
    return r;
}

/* gr_grad, or gr_vjp if dy is given, must fail everywhere at once; the graph goes. */
static void refused(refusal r, gr_node *y, gr_node *dy, gr_node *wrt, gr_status status,
                    const char *message)
{
    gr_node *out = NULL;
    assert_int_equal(dy ? gr_vjp(y, dy, &wrt, 1, &out) : gr_grad(y, &wrt, 1, &out), status);
    assert_string_equal(gr_message(), message);
    assert_string_equal(gr_graph_message(r.g), message);
    assert_int_equal(gr_graph_status(r.g), status);
    assert_ptr_equal(out, gr_error_node(r.g));
    gr_graph_free(r.g);
}

static void refusals_say_why(void **state)
{
    (void)state;
    refusal r = refusal_begin();
    refused(r, gr_name(gr_square(r.x), "loss"), NULL, r.x, GR_SHAPE,
            "grad: y (square 'loss') has shape [3], not []: reduce it to a scalar (gr_sum, "
            "gr_mean), or give its cotangent to gr_vjp");
    r = refusal_begin();
    refused(r, gr_sum(r.k, GR_ALL), NULL, r.x, GR_DTYPE,
            "grad: y (sum) is i64; only f32 and f64 have gradients");
    r = refusal_begin();
    refused(r, gr_sum(r.x, GR_ALL), NULL, r.k, GR_DTYPE,
            "grad: wrt[0] (input 'k') is i64; only f32 and f64 have gradients");
    r = refusal_begin();
    refused(r, gr_sum(r.x, GR_ALL), NULL, NULL, GR_INVALID, "grad: a node of wrt is NULL");
    r = refusal_begin();
    refused(r, gr_split(r.x, 3, 0), NULL, r.x, GR_INVALID,
            "grad: y is a tuple of 3 (split): read it with gr_get");
    r = refusal_begin();
    refused(r, r.x, r.v, r.x, GR_SHAPE, "grad: dy is f32[2,3], but y (input 'x') is f32[3]");
    r = refusal_begin();
    refused(
        r,
        gr_at(gr_name(gr_assign(gr_var(r.g, "w", GR_F32, GR_SCALAR), gr_sum(r.x, GR_ALL)), "step"),
              "net.c:8"),
        NULL, r.x, GR_UNSUPPORTED,
        "grad: no gradient through assign 'step' (net.c:8); gr_stop_gradient would end the "
        "path there");
    r = refusal_begin();
    gr_node *bad = gr_add(r.x, r.k);
    refused(r, bad, NULL, r.x, GR_DTYPE,
            "add: element types differ: f32 and i64 (convert one by cast)");
    gr_node *out;
    assert_int_equal(gr_grad(NULL, &(gr_node *){NULL}, 1, &out), GR_INVALID);
    assert_true(gr_is_error(out));
}

/* ---- Own gates ---------------------------------------------------------------------------- */

static gr_status multiply_shape(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    out[0] = in[0];
    return gr_shape_equal(in[0].shape, in[1].shape) ? GR_OK : GR_SHAPE;
}

static gr_status multiply_forward(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    ((double *)out[0].data)[0] = ((double *)in[0].data)[0] * ((double *)in[1].data)[0];
    return GR_OK;
}

static gr_gate multiply_gate(void)
{
    return (gr_gate){.size = sizeof(gr_gate),
                     .name = "multiply",
                     .inputs = 2,
                     .outputs = 1,
                     .shape = multiply_shape,
                     .forward = multiply_forward};
}

static void own_gates_are_checked(void **state)
{
    (void)state;
    gr_gate gate = multiply_gate();
    refusal r = refusal_begin();
    gr_node *y = gr_custom(r.g, &gate, (gr_node *[]){r.x, r.x}, 2);
    assert_true(gr_shape_equal(gr_node_shape(y), GR_SHAPE(3)));
    refused(r, gr_sum(y, GR_ALL), NULL, r.x, GR_UNSUPPORTED,
            "custom: gate 'multiply' has no backward callback, so no gradient goes through it");

    r = refusal_begin();
    gr_custom(r.g, &gate, (gr_node *[]){r.x, r.v}, 2);
    assert_string_equal(gr_graph_message(r.g),
                        "custom: gate 'multiply' refuses f32[3], f32[2,3]: shapes do not fit");
    gr_graph_free(r.g);

    r = refusal_begin();
    gr_custom(r.g, &gate, &r.x, 1);
    assert_string_equal(gr_graph_message(r.g), "custom: gate 'multiply' takes 2 inputs, not 1");
    gr_graph_free(r.g);

    r = refusal_begin();
    gate.size = 3;
    gr_custom(r.g, &gate, (gr_node *[]){r.x, r.x}, 2);
    assert_non_null(
        strstr(gr_graph_message(r.g), "custom: the gate's size is not sizeof(gr_gate)"));
    gr_graph_free(r.g);
}

static void own_gates_outlive_their_graph(void **state)
{
    (void)state;
    gr_gate *gate = malloc(sizeof *gate);
    *gate = multiply_gate();
    refusal r = refusal_begin();
    gr_node *y = gr_custom(r.g, gate, (gr_node *[]){r.x, r.x}, 2), *copied;
    free(gate); /* the graph has its own */
    gr_graph *copy;
    unit_ok(gr_graph_retype(r.g, GR_F32, GR_F64, &y, 1, &copy, &copied));
    assert_true(gr_attr_equal(&y->attr[0], &copied->attr[0]));
    gr_graph_free(r.g);
    unit_ok(gr_graph_verify(copy));
    assert_int_equal(gr_node_dtype(copied), GR_F64);
    gr_graph_free(copy);
}

/* ---- Loops -------------------------------------------------------------------------------- */

/* carry = carry + factor·slice², output = carry·slice. */
static gr_node *loop(gr_graph *g, gr_node *start, gr_node *slices, gr_node *factor)
{
    gr_graph *body = gr_graph_new();
    gr_node *carry = gr_input(body, "carry", GR_F32, GR_SHAPE(3));
    gr_node *slice = gr_input(body, "slice", GR_F32, GR_SHAPE(3));
    gr_node *scale = gr_input(body, "scale", GR_F32, GR_SCALAR);
    gr_node *next = gr_add(carry, gr_mul(gr_square(slice), scale));
    gr_scan_spec spec = {.size = sizeof spec,
                         .body = body,
                         .body_in = (gr_node *[]){carry, slice, scale},
                         .body_out = (gr_node *[]){next, gr_mul(next, slice)},
                         .carries = 1,
                         .slices = 1,
                         .captures = 1,
                         .outputs = 1};
    return gr_scan(g, &spec, (gr_node *[]){start, slices, factor});
}

static void loops_are_differentiated_twice(void **state)
{
    (void)state;
    gr_graph *g = gr_graph_new();
    gr_node *start = gr_input(g, "start", GR_F32, GR_SHAPE(3));
    gr_node *slices = gr_input(g, "slices", GR_F32, GR_SHAPE(7, 3));
    gr_node *factor = gr_input(g, "factor", GR_F32, GR_SCALAR);
    gr_node *wrt[] = {start, slices, factor}, *d[3], *dd[3];
    gr_node *all = loop(g, start, slices, factor);
    gr_node *y = gr_add(gr_sum(gr_get(all, 0), GR_ALL), gr_sum(gr_get(all, 1), GR_ALL));
    assert_int_equal(gr_grad(y, wrt, 3, d), GR_OK);
    gr_node *sum = gr_add(gr_sum(d[1], GR_ALL), d[2]);
    assert_int_equal(gr_grad(sum, wrt, 3, dd), GR_OK);
    for (int i = 0; i < 3; i++) {
        assert_true(gr_shape_equal(gr_node_shape(d[i]), gr_node_shape(wrt[i])));
        assert_true(gr_shape_equal(gr_node_shape(dd[i]), gr_node_shape(wrt[i])));
    }
    assert_int_equal(gr_graph_verify(g), GR_OK);

    gr_node *only; /* what is not asked is not computed */
    assert_int_equal(gr_grad(y, &factor, 1, &only), GR_OK);
    assert_int_equal(gr_node_outputs(gr_node_input(only, 0)), 2); /* carry, capture; no slices */
    gr_graph_free(g);
}

static void loops_are_checked(void **state)
{
    (void)state;
    refusal r = refusal_begin();
    gr_node *s = gr_input(r.g, "s", GR_F32, GR_SCALAR);
    loop(r.g, r.v, r.v, s);
    assert_string_equal(gr_graph_message(r.g),
                        "scan: carry 0 is f32[2,3] outside and f32[3] in the body");
    gr_graph_free(r.g);
    r = refusal_begin();
    loop(r.g, r.x, r.k, gr_input(r.g, "s", GR_F32, GR_SCALAR));
    assert_string_equal(gr_graph_message(r.g),
                        "scan: slice 0 is i64[] outside and f32[3] in the body");
    gr_graph_free(r.g);

    r = refusal_begin();
    gr_graph *body = gr_graph_new();
    gr_node *x = gr_input(body, "x", GR_F32, GR_SHAPE(3));
    gr_scan_spec spec = {.size = sizeof spec, .body = body, .carries = 1, .length = 3};
    spec.body_in = &x;
    spec.body_out = (gr_node *[]){gr_add(x, gr_var(body, "w", GR_F32, GR_SCALAR))};
    gr_scan(r.g, &spec, &r.x);
    assert_string_equal(gr_graph_message(r.g), "scan: the body has var 'w'; variables are read "
                                               "outside and passed in as captures");
    gr_graph_free(r.g);

    r = refusal_begin();
    spec.body = gr_graph_new();
    x = gr_input(spec.body, "x", GR_F32, GR_SHAPE(3));
    gr_input(spec.body, "unlisted", GR_F32, GR_SHAPE(3));
    spec.body_out = (gr_node *[]){x};
    gr_scan(r.g, &spec, &r.x);
    assert_string_equal(gr_graph_message(r.g), "scan: the body has 2 inputs, but body_in lists 1");
    gr_graph_free(r.g);

    r = refusal_begin();
    spec.body = gr_graph_new();
    x = gr_input(spec.body, "x", GR_F32, GR_SHAPE(3));
    spec.body_out = (gr_node *[]){gr_add(x, gr_input(spec.body, "y", GR_F32, GR_SHAPE(4)))};
    gr_scan(r.g, &spec, &r.x);
    assert_string_equal(gr_graph_message(r.g),
                        "scan: in the body: add: shapes do not broadcast: [3] and [4]");
    gr_graph_free(r.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_circuit_gets_backward_gates),
        cmocka_unit_test(forks_add),
        cmocka_unit_test(broadcasting_is_summed),
        cmocka_unit_test(what_y_ignores_has_gradient_zero),
        cmocka_unit_test(parts_of_a_tuple_pass_their_cotangents),
        cmocka_unit_test(a_gradient_can_be_differentiated),
        cmocka_unit_test(backward_gates_come_from_their_gates_line),
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(own_gates_are_checked),
        cmocka_unit_test(own_gates_outlive_their_graph),
        cmocka_unit_test(loops_are_differentiated_twice),
        cmocka_unit_test(loops_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
