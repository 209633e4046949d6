/* Watching the compiler: guards name the step that writes what is not its own, debug builds name
 * the pass that breaks the graph, and passes can be left out. */
#include "support.h"

#include <gradus/gradus.h>

#include "passes/pass.h"

enum { GUARD_SIZE = 5 };

/* ---- A gate that misbehaves -------------------------------------------------------------------
 */

typedef enum guard_fault {
    GUARD_FINE,
    GUARD_BEHIND,
    GUARD_BEFORE,
    GUARD_INPUT,
    GUARD_GAP
} guard_fault;

static gr_status guard_shape(void *user, const gr_tensor *in, gr_tensor *out)
{
    (void)user;
    *out = in[0];
    return GR_OK;
}

static gr_status guard_forward(void *user, const gr_tensor *in, gr_tensor *out)
{
    const guard_fault fault = *(const guard_fault *)user;
    const float *x = in[0].data;
    float *y = out[0].data;
    for (int i = 0; i < GUARD_SIZE; i++)
        if (fault != GUARD_GAP || i != 3) y[i] = 2 * x[i];
    if (fault == GUARD_BEHIND) memset(y + GUARD_SIZE, 0, 1);
    if (fault == GUARD_BEFORE) memset((char *)y - 1, 0, 1);
    if (fault == GUARD_INPUT) ((float *)in[0].data)[0] += 1;
    return GR_OK;
}

/* Runs relu → the gate → neg under the guards. */
static gr_status guard_run(guard_fault fault)
{
    static const float x[GUARD_SIZE] = {1, 2, 3, 4, 5};
    const gr_gate gate = {.size = sizeof gate,
                          .name = "doubled",
                          .inputs = 1,
                          .outputs = 1,
                          .shape = guard_shape,
                          .forward = guard_forward,
                          .user = &fault};
    gr_graph *g = gr_graph_new();
    gr_node *h = gr_relu(gr_input(g, "x", GR_F32, GR_SHAPE(GUARD_SIZE)));
    gr_node *y = gr_neg(gr_custom(g, &gate, &h, 1));
    gr_tensor out;
    setenv("GRADUS_GUARD", "1", 1);
    gr_status status = gr_evaluate(g, &y, 1, &(gr_feed){"x", x}, 1, NULL, &out);
    unsetenv("GRADUS_GUARD");
    if (status == GR_OK) assert_true(gr_tensor_at(&out, 4) == -10);
    gr_tensor_clear(&out);
    gr_graph_free(g);
    return status;
}

static void guard_names_step(void **state)
{
    (void)state;
    unit_ok(guard_run(GUARD_FINE));
    unit_refused(guard_run(GUARD_BEHIND), GR_INTERNAL, "wrote 0 bytes behind the 20 bytes");
    assert_non_null(strstr(gr_message(), "custom"));
    unit_refused(guard_run(GUARD_BEFORE), GR_INTERNAL, "wrote 1 bytes before the 20 bytes");
    unit_refused(guard_run(GUARD_INPUT), GR_INTERNAL, "changed its input 0");
    unit_refused(guard_run(GUARD_GAP), GR_INTERNAL, "element 3 of output 0 is unwritten");
}

/* ---- A pass that misbehaves -------------------------------------------------------------------
 */

/* Leaves a gate whose type is not the one that its op's rule gives. */
static gr_status guard_pass_broken(gr_unit *unit)
{
    unit->targets[0]->out[0].dtype = GR_I32;
    return GR_OK;
}

static gr_status guard_pass_fine(gr_unit *unit)
{
    return gr_rewrite(unit, NULL, NULL);
}

static void guard_names_pass(void **state)
{
    (void)state;
#ifdef NDEBUG
    skip(); /* the graph is verified in debug builds */
#endif
    gr_graph *g = gr_graph_new();
    gr_node *y = gr_exp(gr_input(g, "x", GR_F32, GR_SHAPE(GUARD_SIZE)));
    gr_unit unit;
    unit_ok(gr_unit_copy(&unit, &y, 1));
    unit_ok(gr_pass_run(&unit, "fine", guard_pass_fine));
    unit_refused(gr_pass_run(&unit, "broken", guard_pass_broken), GR_INTERNAL, "pass broken: ");
    gr_unit_free(&unit);
    gr_graph_free(g);
}

static int guard_steps(const char *passes)
{
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(GUARD_SIZE));
    gr_node *y = gr_mul(gr_exp(gr_neg(gr_neg(x))), gr_exp(x));
    gr_program *program = NULL;
    const gr_compile_options options = {.size = sizeof options, .passes = passes};
    unit_ok(gr_compile(g, &y, 1, &options, &program));
    int steps = gr_program_plan(program).steps;
    gr_program_free(program);
    gr_graph_free(g);
    return steps;
}

static void passes_left_out(void **state)
{
    (void)state;
    assert_int_equal(guard_steps("-all"), 5);
    assert_true(guard_steps("-cse") <= 3);
    assert_true(guard_steps("") <= 2);
    gr_program *program;
    gr_graph *g = gr_graph_new();
    gr_node *y = gr_scalar(g, GR_F32, 1);
    const gr_compile_options options = {.size = sizeof options, .passes = "-al"};
    unit_refused(gr_compile(g, &y, 1, &options, &program), GR_INVALID, "unknown pass choice '-al'");
    gr_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guard_names_step),
        cmocka_unit_test(guard_names_pass),
        cmocka_unit_test(passes_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
