/* Gradients by differences of C functions of a vector. */
#include <math.h>

#include <gradus/check.h>

#include "support.h"

static gr_status product(void *user, const double *x, int64_t n, double *value)
{
    (void)n;
    ++*(int *)user;
    *value = x[0] * x[1];
    return GR_OK;
}

static void products_switch(void **state)
{
    (void)state;
    int calls = 0;
    double x[] = {-2, 3}, gradient[2];
    assert_int_equal(gr_numeric_gradient(product, &calls, x, 2, NULL, gradient), GR_OK);
    assert_int_equal(calls, 4);
    assert_true(fabs(gradient[0] - 3) < 1e-9 && fabs(gradient[1] + 2) < 1e-9);
    calls = 0;
    assert_int_equal(gr_numeric_gradient(
                         product, &calls, x, 2,
                         GR_NUMERIC(.difference = GR_DIFFERENCE_FORWARD, .step = 1e-4), gradient),
                     GR_OK);
    assert_int_equal(calls, 3);
    assert_true(fabs(gradient[0] - 3) < 1e-9 && fabs(gradient[1] + 2) < 1e-9);
    assert_true(x[0] == -2 && x[1] == 3);
}

static gr_status cube(void *user, const double *x, int64_t n, double *value)
{
    (void)user;
    (void)n;
    *value = x[0] * x[0] * x[0];
    return x[0] > 100 ? GR_CANCELLED : GR_OK;
}

/* The forward difference of x³ is off by 3xh + h², the central one by h². */
static void errors_have_their_orders(void **state)
{
    (void)state;
    double x = 2, gradient;
    for (double h = 0.1; h > 1e-3; h /= 2) {
        gr_numeric_options options = {.size = sizeof options, .step = h};
        assert_int_equal(gr_numeric_gradient(cube, NULL, &x, 1, &options, &gradient), GR_OK);
        assert_true(fabs(gradient - 12 - h * h) < 1e-9);
        options.difference = GR_DIFFERENCE_FORWARD;
        assert_int_equal(gr_numeric_gradient(cube, NULL, &x, 1, &options, &gradient), GR_OK);
        assert_true(fabs(gradient - 12 - 6 * h - h * h) < 1e-9);
    }
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    double x = 1e20, gradient;
    assert_int_equal(gr_numeric_gradient(cube, NULL, &x, 1, NULL, &gradient), GR_INVALID);
    assert_string_equal(gr_message(),
                        "gr_numeric_gradient: x[0] = 1e+20 does not change by a step of 1e-05");
    x = 101;
    assert_int_equal(gr_numeric_gradient(cube, NULL, &x, 1, NULL, &gradient), GR_CANCELLED);
    assert_true(x == 101);
    assert_int_equal(gr_numeric_gradient(cube, NULL, &x, 1, GR_NUMERIC(.step = -1), &gradient),
                     GR_INVALID);
    assert_string_equal(gr_message(), "gr_numeric_gradient: the step is -1; it must be above 0");
    assert_int_equal(gr_numeric_gradient(NULL, NULL, &x, 1, NULL, &gradient), GR_INVALID);
    assert_int_equal(gr_numeric_gradient(cube, NULL, NULL, 0, NULL, NULL), GR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_switch),
        cmocka_unit_test(errors_have_their_orders),
        cmocka_unit_test(wrong_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
