/* Options of another size than this header's: of an older program, of a newer one, of none. */
#include "support.h"

#include <stddef.h>

#include <gradus/gradus.h>

static gr_graph *options_graph(gr_node **y)
{
    gr_graph *graph = gr_graph_new();
    *y = gr_sqrt(gr_input(graph, "x", GR_F32, GR_SCALAR));
    return graph;
}

static gr_status options_compile(const gr_compile_options *options, gr_program **program)
{
    gr_node *y;
    gr_graph *graph = options_graph(&y);
    const gr_status status = gr_compile(graph, &y, 1, options, program);
    gr_graph_free(graph);
    return status;
}

/* What a shorter struct lacks is zero, whatever lies behind it. */
static void test_older(void **state)
{
    (void)state;
    const float minus = -1;
    const gr_compile_options older = {
        .size = offsetof(gr_compile_options, check_finite), .threads = 1, .check_finite = true};
    gr_program *program;
    gr_session *session;
    unit_ok(options_compile(&older, &program));
    const gr_session_options none = {.size = sizeof(size_t), .threads = -5};
    unit_ok(gr_session_new(program, NULL, &none, &session));
    unit_ok(gr_session_write(session, 0, &minus, sizeof minus));
    unit_ok(gr_session_step(session));
    gr_session_free(session);
    gr_program_free(program);
}

/* A longer struct says nothing new, or what this library does not know. */
static void test_newer(void **state)
{
    (void)state;
    struct {
        gr_compile_options known;
        size_t more;
    } newer = {.known = {.size = sizeof newer, .threads = 1}};
    gr_program *program;
    unit_ok(options_compile(&newer.known, &program));
    gr_program_free(program);
    newer.more = 1;
    unit_refused(options_compile(&newer.known, &program), GR_UNSUPPORTED,
                 "gr_compile_options.size");
    unit_refused(options_compile(&newer.known, &program), GR_UNSUPPORTED, "is not zero");
    assert_null(program);
}

static void test_none(void **state)
{
    (void)state;
    gr_program *program;
    gr_dataset *data;
    unit_refused(options_compile(&(gr_compile_options){.threads = 1}, &program), GR_INVALID,
                 "gr_compile_options.size is 0: should be the size of the struct");
    unit_refused(gr_points_dataset(GR_POINTS_MOONS, &(gr_points_options){0}, &data), GR_INVALID,
                 "gr_points_options.size is 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_older),
        cmocka_unit_test(test_newer),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
