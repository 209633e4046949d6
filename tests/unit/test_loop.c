/* Where a loop's carries and outputs lie: a carry that an output repeats, as a step finds it or as
 * it leaves it, is not copied, and comes out the same. */
#include "support.h"

#include <gradus/gradus.h>

enum { LOOP_WIDEST = 40, LOOP_LONGEST = 5 };

typedef struct loop_case {
    int64_t width; /* 16, 32: whole lines of the cache */
    int64_t length;
    bool reverse;
} loop_case;

static gr_node *loop_input(gr_graph *graph, const char *name, int64_t width)
{
    return gr_input(graph, name, GR_F32, GR_SHAPE(width));
}

/* a, b and c: a becomes 2·a + x, b goes on to c, and c to b. Outputs: a as found, twice, b as
 * found, a as left, c as found. */
static gr_node *loop_build(gr_graph *graph, const loop_case *l)
{
    gr_graph *body = gr_graph_new();
    gr_node *a = loop_input(body, "a", l->width), *b = loop_input(body, "b", l->width);
    gr_node *c = loop_input(body, "c", l->width), *x = loop_input(body, "x", l->width);
    gr_node *next = gr_add(gr_add(a, a), x);
    const gr_scan_spec spec = {.size = sizeof spec,
                               .body = body,
                               .body_in = (gr_node *[]){a, b, c, x},
                               .body_out = (gr_node *[]){next, c, b, a, a, b, next, c},
                               .carries = 3,
                               .slices = 1,
                               .outputs = 5,
                               .reverse = l->reverse};
    gr_node *in[] = {loop_input(graph, "a", l->width), loop_input(graph, "b", l->width),
                     loop_input(graph, "c", l->width),
                     gr_input(graph, "x", GR_F32, GR_SHAPE(l->length, l->width))};
    return gr_scan(graph, &spec, in);
}

static float loop_start(int which, int64_t i)
{
    return (float)(100 * which + i);
}

static float loop_slice(int64_t t, int64_t i)
{
    return (float)(7 * t - i);
}

typedef float loop_values[LOOP_LONGEST * LOOP_WIDEST];

static void loop_expect(const loop_case *l, loop_values *out)
{
    for (int64_t i = 0; i < l->width; i++) {
        float a = loop_start(1, i), b = loop_start(2, i), c = loop_start(3, i);
        for (int64_t k = 0; k < l->length; k++) {
            const int64_t t = l->reverse ? l->length - 1 - k : k;
            const float found = a, kept = b;
            a = a + a + loop_slice(t, i);
            b = c;
            c = kept;
            const float outputs[] = {found, found, kept, a, b};
            for (int r = 0; r < 5; r++) out[3 + r][t * l->width + i] = outputs[r];
        }
        out[0][i] = a;
        out[1][i] = b;
        out[2][i] = c;
    }
}

static void loop_check(const loop_case *l)
{
    static loop_values expected[8];
    gr_graph *graph = gr_graph_new();
    gr_node *loop = loop_build(graph, l), *targets[8];
    for (int r = 0; r < 8; r++) targets[r] = gr_get(loop, r);
    gr_program *program;
    gr_session *session;
    unit_ok(gr_compile(graph, targets, 8, NULL, &program));
    unit_ok(gr_session_new(program, NULL, NULL, &session));
    loop_values in;
    const size_t row = (size_t)l->width * sizeof *in;
    for (int which = 0; which < 3; which++) {
        for (int64_t i = 0; i < l->width; i++) in[i] = loop_start(which + 1, i);
        unit_ok(gr_session_write(session, which, in, row));
    }
    for (int64_t t = 0; t < l->length; t++)
        for (int64_t i = 0; i < l->width; i++) in[t * l->width + i] = loop_slice(t, i);
    unit_ok(gr_session_write(session, 3, in, (size_t)l->length * row));
    loop_expect(l, expected);
    for (int again = 0; again < 2; again++) {
        unit_ok(gr_session_step(session));
        for (int r = 0; r < 8; r++) {
            const size_t bytes = (r < 3 ? 1 : (size_t)l->length) * row;
            loop_values out;
            unit_ok(gr_session_read(session, r, out, bytes));
            assert_memory_equal(out, expected[r], bytes);
        }
    }
    gr_session_free(session);
    gr_program_free(program);
    gr_graph_free(graph);
}

static void test_carries_that_are_outputs(void **state)
{
    (void)state;
    static const int64_t widths[] = {3, 16, 32, LOOP_WIDEST}, lengths[] = {1, 2, LOOP_LONGEST};
    for (size_t k = 0; k < 24; k++) {
        const loop_case l = {widths[k % 4], lengths[k / 4 % 3], k / 12};
        loop_check(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_carries_that_are_outputs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
