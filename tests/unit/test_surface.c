/* Losses along lines and over planes of parameters. */
#include <math.h>

#include <gradus/layers.h>
#include <gradus/losses.h>
#include <gradus/optim.h>
#include <gradus/surface.h>

#include "support_memory.h"

static const float surface_w[] = {1, -2, 3, -0.0f, 5, 6}, surface_b[] = {.5f, 0};
static const char *const surface_names[] = {"w", "b"};

/* w [3,2] of f32 and b [2] of f64. */
static gr_store *surface_store(void)
{
    gr_store *store = gr_store_new();
    const double b[] = {.5, 0};
    const gr_tensor w = {
        .dtype = GR_F32, .shape = GR_SHAPE(3, 2), .data = (void *)(uintptr_t)surface_w};
    const gr_tensor bias = {.dtype = GR_F64, .shape = GR_SHAPE(2), .data = (void *)(uintptr_t)b};
    const int32_t one = 1;
    const gr_tensor count = {.dtype = GR_I32, .shape = GR_SCALAR, .data = (void *)(uintptr_t)&one};
    unit_ok(gr_store_add(store, "w", &w));
    unit_ok(gr_store_add(store, "b", &bias));
    unit_ok(gr_store_add(store, "count", &count));
    return store;
}

static void store_moves_along_the_directions(void **state)
{
    (void)state;
    gr_store *store = surface_store();
    gr_surface *surface;
    float w[6];
    double b[2];
    unit_ok(gr_surface_new(store, GR_SURFACE(.names = surface_names, .n = 2, .seed = 3), &surface));
    const float *w1 = gr_surface_direction(surface, 0, 0);
    const float *w2 = gr_surface_direction(surface, 1, 0);
    const double *b1 = gr_surface_direction(surface, 0, 1);
    unit_ok(gr_surface_move(surface, .25, -2));
    unit_ok(gr_store_read(store, "w", w, sizeof w));
    unit_ok(gr_store_read(store, "b", b, sizeof b));
    for (int i = 0; i < 6; i++) {
        assert_true(w1[i] != w2[i]);
        const double at = (double)surface_w[i] + .25 * (double)w1[i] - 2 * (double)w2[i];
        assert_true(w[i] == (float)at);
    }
    const double *b2 = gr_surface_direction(surface, 1, 1);
    for (int i = 0; i < 2; i++) assert_true(b[i] == (double)surface_b[i] + .25 * b1[i] - 2 * b2[i]);
    unit_ok(gr_surface_move(surface, 0, 0));
    unit_ok(gr_store_read(store, "w", w, sizeof w));
    assert_memory_equal(w, surface_w, sizeof w); /* with the sign of −0 */
    assert_null(gr_surface_direction(surface, 2, 0));
    assert_null(gr_surface_direction(surface, 0, 2));
    gr_surface_free(surface);
    gr_store_free(store);
}

/* A draw depends on the seed and the variable's name alone. */
static void directions_are_seeded(void **state)
{
    (void)state;
    gr_store *store = surface_store();
    gr_surface *both, *alone, *other;
    unit_ok(gr_surface_new(store, GR_SURFACE(.names = surface_names, .n = 2, .seed = 3), &both));
    unit_ok(
        gr_surface_new(store, GR_SURFACE(.names = surface_names + 1, .n = 1, .seed = 3), &alone));
    unit_ok(gr_surface_new(store, GR_SURFACE(.names = surface_names, .n = 2, .seed = 4), &other));
    const double *first = gr_surface_direction(both, 0, 1);
    assert_memory_equal(first, gr_surface_direction(alone, 0, 0), 2 * sizeof *first);
    assert_memory_not_equal(first, gr_surface_direction(other, 0, 1), 2 * sizeof *first);
    gr_surface_free(both);
    gr_surface_free(alone);
    gr_surface_free(other);
    gr_store_free(store);
}

/* Mean 0 and deviation 1: of 10,000 draws, within four standard errors. */
static void normal_directions_are_normal(void **state)
{
    (void)state;
    enum { N = 10000 };
    gr_store *store = gr_store_new();
    gr_surface *surface;
    const char *name = "w";
    const gr_tensor zeros = {.dtype = GR_F64, .shape = GR_SHAPE(N)};
    unit_ok(gr_store_add(store, name, &zeros));
    unit_ok(gr_surface_new(store, GR_SURFACE(.names = &name, .n = 1, .seed = 1), &surface));
    for (int which = 0; which < 2; which++) {
        const double *w = gr_surface_direction(surface, which, 0);
        double sum = 0, squares = 0;
        for (int i = 0; i < N; i++) {
            sum += w[i];
            squares += w[i] * w[i];
        }
        assert_true(fabs(sum / N) < 4 / sqrt(N));
        assert_true(fabs(squares / N - 1) < 4 * sqrt(2.0 / N));
    }
    gr_surface_free(surface);
    gr_store_free(store);
}

static void filter_directions_have_the_norms_of_units(void **state)
{
    (void)state;
    gr_store *store = surface_store();
    gr_surface *surface;
    unit_ok(gr_surface_new(
        store,
        GR_SURFACE(.names = surface_names, .n = 2, .seed = 1, .directions = GR_DIRECTIONS_FILTER),
        &surface));
    for (int which = 0; which < 2; which++) {
        const float *w = gr_surface_direction(surface, which, 0);
        const double *b = gr_surface_direction(surface, which, 1);
        for (int row = 0; row < 3; row++) {
            const double norm = hypot((double)w[2 * row], (double)w[2 * row + 1]);
            const double wanted = hypot((double)surface_w[2 * row], (double)surface_w[2 * row + 1]);
            assert_true(fabs(norm - wanted) < 1e-6 * wanted);
        }
        assert_true(b[0] == 0 && b[1] == 0);
    }
    gr_surface_free(surface);
    unit_refused(gr_surface_new(store,
                                GR_SURFACE(.names = surface_names + 1, .n = 1,
                                           .directions = GR_DIRECTIONS_FILTER),
                                &surface),
                 GR_INVALID, "zero everywhere");
    assert_null(surface);
    gr_store_free(store);
}

/* ---- Losses --------------------------------------------------------------------------------- */

/* x·w of one example; its hinge loss is linear in pieces, its scores are linear in a and b. */
typedef struct surface_net {
    gr_graph *graph;
    gr_store *store;
    gr_scope *scope;
    gr_node *loss;
    gr_program *program;
    gr_session *session;
} surface_net;

static const float surface_x[] = {1, 2, -1};
static const int32_t surface_y[] = {1};

static void surface_open(surface_net *net, bool gradient)
{
    gr_node *target[3];
    net->graph = gr_graph_new();
    net->store = gr_store_new();
    net->scope = gr_scope_new(net->graph, net->store, NULL);
    gr_node *x = gr_input(net->graph, "x", GR_F32, GR_SHAPE(1, 3));
    gr_node *y = gr_input(net->graph, "y", GR_I32, GR_SHAPE(1));
    net->loss = gr_multiclass_hinge(gr_dense(net->scope, "fc", x, GR_DENSE(.units = 4)), y, NULL);
    target[0] = net->loss;
    gr_node *wrt[] = {gr_scope_param(net->scope, 0), gr_scope_param(net->scope, 1)};
    if (gradient) unit_ok(gr_grad(net->loss, wrt, 2, target + 1));
    unit_ok(gr_compile(net->graph, target, gradient ? 3 : 1, NULL, &net->program));
    unit_ok(gr_session_new(net->program, net->store, NULL, &net->session));
    const int ix = gr_program_find_input(net->program, "x");
    const int iy = gr_program_find_input(net->program, "y");
    unit_ok(gr_session_write(net->session, ix, surface_x, sizeof surface_x));
    unit_ok(gr_session_write(net->session, iy, surface_y, sizeof surface_y));
}

static void surface_close(surface_net *net)
{
    gr_session_free(net->session);
    gr_program_free(net->program);
    gr_scope_free(net->scope);
    gr_store_free(net->store);
    gr_graph_free(net->graph);
}

static gr_surface *surface_plane(const surface_net *net)
{
    const char *names[] = {gr_node_name(gr_scope_param(net->scope, 0)),
                           gr_node_name(gr_scope_param(net->scope, 1))};
    gr_surface *surface;
    unit_ok(gr_surface_new(net->store, GR_SURFACE(.names = names, .n = 2, .seed = 7), &surface));
    return surface;
}

/* Second differences of the hinge loss along a line are 0 but at its corners, of which three
 * classes make three; and never below 0. */
static void hinge_is_linear_in_pieces(void **state)
{
    (void)state;
    enum { N = 401 };
    surface_net net;
    double a[N], loss[N];
    int corners = 0;
    surface_open(&net, false);
    gr_surface *surface = surface_plane(&net);
    for (int i = 0; i < N; i++) a[i] = (i - 200) / 100.0;
    unit_ok(gr_surface_grid(surface, gr_surface_step, net.session, a, N, NULL, 1, loss));
    for (int i = 1; i + 1 < N; i++) {
        const double bend = loss[i - 1] - 2 * loss[i] + loss[i + 1];
        assert_true(bend > -1e-4);
        corners += bend > 1e-4;
    }
    assert_in_range(corners, 1, 6); /* a corner between two points bends at both */
    gr_surface_free(surface);
    surface_close(&net);
}

static void grid_has_rows_of_b(void **state)
{
    (void)state;
    const double a[] = {-1, 0, 2}, b[] = {-.5, 0};
    surface_net net;
    double loss[6], line[3], one;
    surface_open(&net, false);
    gr_surface *surface = surface_plane(&net);
    unit_ok(gr_surface_grid(surface, gr_surface_step, net.session, a, 3, b, 2, loss));
    unit_ok(gr_surface_grid(surface, gr_surface_step, net.session, a, 3, NULL, 1, line));
    assert_memory_equal(loss + 3, line, sizeof line);
    unit_ok(gr_surface_step(net.session, &one)); /* back at W */
    assert_true(one == line[1]);
    unit_ok(gr_surface_move(surface, 2, -.5));
    unit_ok(gr_surface_step(net.session, &one));
    assert_true(one == loss[2]);
    gr_surface_free(surface);
    surface_close(&net);
}

static void slope_is_the_difference_quotient(void **state)
{
    (void)state;
    const double h = 1e-3;
    surface_net net;
    float w[12], bias[4];
    double slope[2], loss, left, right;
    surface_open(&net, true);
    gr_surface *surface = surface_plane(&net);
    unit_ok(gr_surface_move(surface, .7, .3));
    unit_ok(gr_surface_step(net.session, &loss));
    unit_ok(gr_session_read(net.session, 1, w, sizeof w));
    unit_ok(gr_session_read(net.session, 2, bias, sizeof bias));
    gr_surface_slope(surface, (const void *const[]){w, bias}, slope);
    for (int i = 0; i < 2; i++) {
        unit_ok(gr_surface_move(surface, .7 - h * (i == 0), .3 - h * (i == 1)));
        unit_ok(gr_surface_step(net.session, &left));
        unit_ok(gr_surface_move(surface, .7 + h * (i == 0), .3 + h * (i == 1)));
        unit_ok(gr_surface_step(net.session, &right));
        assert_true(fabs((right - left) / (2 * h) - slope[i]) < 2e-3 * (1 + fabs(slope[i])));
    }
    gr_surface_free(surface);
    surface_close(&net);
}

/* The line from one point to another: (1 − t)·W + t·W' at a = t. */
static void directions_can_be_given(void **state)
{
    (void)state;
    gr_store *store = surface_store();
    gr_surface *surface;
    const float towards[] = {1, 1, 1, 1, 1, 1};
    float w[6];
    unit_ok(gr_surface_new(store, GR_SURFACE(.names = surface_names, .n = 1), &surface));
    unit_ok(gr_surface_direct(surface, 1, 0, towards, sizeof towards));
    unit_ok(gr_surface_move(surface, 0, .5));
    unit_ok(gr_store_read(store, "w", w, sizeof w));
    for (int i = 0; i < 6; i++) assert_true(w[i] == surface_w[i] + .5f);
    unit_refused(gr_surface_direct(surface, 1, 0, towards, 8), GR_SHAPE,
                 "8 bytes for 'w', which is f32[3,2] of 24");
    unit_refused(gr_surface_direct(surface, 0, 1, towards, 8), GR_RANGE,
                 "no direction 0 of variable 1");
    gr_surface_free(surface);
    gr_store_free(store);
}

static gr_status surface_fail_later(void *user, double *loss)
{
    *loss = 0;
    if (++*(int *)user < 3) return GR_OK;
    return gr_fail(GR_CANCELLED, "the third time");
}

static void faults_bring_the_values_back(void **state)
{
    (void)state;
    gr_store *store = surface_store();
    gr_surface *surface;
    const char *names[] = {"w", "count"}, *missing = "v";
    const double a[] = {1, 2, 3, 4};
    double loss[4];
    float w[6];
    int calls = 0;
    unit_ok(gr_surface_new(store, GR_SURFACE(.names = surface_names, .n = 2), &surface));
    unit_refused(gr_surface_grid(surface, surface_fail_later, &calls, a, 4, NULL, 1, loss),
                 GR_CANCELLED, "the third time");
    unit_ok(gr_store_read(store, "w", w, sizeof w));
    assert_memory_equal(w, surface_w, sizeof w);
    unit_refused(gr_surface_grid(surface, surface_fail_later, &calls, a, 4, NULL, 2, loss),
                 GR_INVALID, "points along a and b");
    gr_surface_free(surface);
    unit_refused(gr_surface_new(store, GR_SURFACE(.names = names, .n = 2), &surface), GR_DTYPE,
                 "'count' is of type i32");
    unit_refused(gr_surface_new(store, GR_SURFACE(.names = &missing, .n = 1), &surface),
                 GR_NOT_FOUND, "no variable 'v'");
    unit_refused(gr_surface_new(store, GR_SURFACE(.n = 1), &surface), GR_INVALID, "names");
    gr_store_free(store);
}

static gr_status surface_flow(void *user)
{
    gr_surface *surface;
    GR_TRY(gr_surface_new(user, GR_SURFACE(.names = surface_names, .n = 2), &surface));
    gr_status status = gr_surface_move(surface, 1, 1);
    if (status == GR_OK) status = gr_surface_move(surface, 0, 0);
    gr_surface_free(surface);
    return status;
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    gr_store *store = surface_store();
    assert_in_range(test_memory_sweep(surface_flow, store), 5, 100);
    gr_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_moves_along_the_directions),
        cmocka_unit_test(directions_are_seeded),
        cmocka_unit_test(normal_directions_are_normal),
        cmocka_unit_test(filter_directions_have_the_norms_of_units),
        cmocka_unit_test(hinge_is_linear_in_pieces),
        cmocka_unit_test(grid_has_rows_of_b),
        cmocka_unit_test(slope_is_the_difference_quotient),
        cmocka_unit_test(directions_can_be_given),
        cmocka_unit_test(faults_bring_the_values_back),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
