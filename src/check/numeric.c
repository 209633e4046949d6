/* The gradient of a C function of a vector, by differences. */
#include <math.h>

#include <gradus/check.h>

#include "base/base.h"

/* f where element i is `at`; x is then as it was. */
static gr_status numeric_value_at(gr_vector_function *f, void *user, double *x, int64_t n,
                                  int64_t i, double at, double *value)
{
    const double before = x[i];
    x[i] = at;
    gr_status status = f(user, x, n, value);
    x[i] = before;
    return status;
}

static gr_status numeric_check(gr_vector_function *f, const double *x, int64_t n, double h,
                               const double *gradient)
{
    if (!f || n < 0 || (n > 0 && (!x || !gradient)))
        return gr_fail(GR_INVALID, "gr_numeric_gradient: a function, x and gradient are needed");
    if (!(h > 0 && isfinite(h)))
        return gr_fail(GR_INVALID, "gr_numeric_gradient: the step is %g; it must be above 0", h);
    return GR_OK;
}

gr_status gr_numeric_gradient(gr_vector_function *f, void *user, double *x, int64_t n,
                              const gr_numeric_options *options, double *gradient)
{
    const double h = options && options->step != 0 ? options->step : 1e-5;
    const bool forward = options && options->difference == GR_DIFFERENCE_FORWARD;
    double middle = 0;
    GR_TRY(numeric_check(f, x, n, h, gradient));
    if (forward && n > 0) GR_TRY(f(user, x, n, &middle));
    for (int64_t i = 0; i < n; i++) {
        /* What was really added: x + h is rounded. */
        const double right = x[i] + h, left = forward ? x[i] : x[i] - h;
        double above, below = middle;
        if (!(right > left))
            return gr_fail(GR_INVALID,
                           "gr_numeric_gradient: x[%lld] = %g does not change by a step of %g",
                           (long long)i, x[i], h);
        GR_TRY(numeric_value_at(f, user, x, n, i, right, &above));
        if (!forward) GR_TRY(numeric_value_at(f, user, x, n, i, left, &below));
        gradient[i] = (above - below) / (right - left);
    }
    return GR_OK;
}
