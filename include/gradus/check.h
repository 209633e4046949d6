/* check.h: does the gradient tell the truth? Analytic gradients against numerical ones. */
#ifndef GRADUS_CHECK_H
#define GRADUS_CHECK_H

#include <gradus/run.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gr_check_options {
    size_t size;      /* sizeof(gr_check_options) */
    double step;      /* h of the differences, times max(1, |x|); 0 means 1e-4 */
    double tolerance; /* largest relative error that passes; 0 means 1e-6 */
    int64_t samples;  /* elements tried per input, drawn at random; 0 means 200; -1: all */
    uint64_t seed;    /* of the draw */
} gr_check_options;

/* What was found for one input or variable. */
typedef struct gr_check_entry {
    char name[64];  /* of the node, cut to fit */
    gr_shape shape; /* of the node */
    int64_t tried;  /* elements compared, */
    int64_t kinks;  /* of them at corners of the function, */
    int64_t faults; /* and of them wrong */
    /* The worst element that is no kink: |a − n| / max(|a|, |n|, 1e-4·max|grad|), the divisor being
     * at least so large that the differences' own rounding noise stays below the tolerance. */
    double error;
    int64_t index;
    double analytic, numeric;
    bool vacuous; /* all gradients tried are zero, both ways: nothing was shown */
} gr_check_entry;

/* What gr_check found. */
typedef struct gr_check_report {
    bool passed;           /* no fault, and nothing vacuous */
    int entries;           /* as many as `wrt` had */
    gr_check_entry *entry; /* by wrt; freed by gr_check_clear */
} gr_check_report;

/* Compares the gradient of the scalar y by each of wrt (inputs or variables) with central
 * differences, Richardson-extrapolated, in f64: the graph and the values of the inputs (`feeds`,
 * in their own types) and variables are copied and retyped first, so nothing is changed. Where
 * they disagree at a point where the function has a corner (left and right differences do not
 * meet, however small the step) a kink is reported and not a fault. GR_OK means that
 * the check ran; the verdict is report->passed. On failure *report is empty. */
GR_API gr_status gr_check(gr_node *y, gr_node *const *wrt, int n, const gr_feed *feeds, int n_feeds,
                          const gr_store *store, const gr_check_options *options,
                          gr_check_report *report);
/* Frees what gr_check put into a report; accepts an empty one. */
GR_API void gr_check_clear(gr_check_report *report);

/* ---- Functions of a vector in C ----------------------------------------------------------- */

/* f(x[0], …, x[n − 1]). May fail: the status ends the work and is returned. */
typedef gr_status gr_vector_function(void *user, const double *x, int64_t n, double *value);

/* How gr_numeric_gradient takes differences. */
typedef enum gr_difference {
    GR_DIFFERENCE_CENTRAL, /* (f(x + h) − f(x − h)) / 2h: 2n evaluations, error of order h² */
    GR_DIFFERENCE_FORWARD  /* (f(x + h) − f(x)) / h: n + 1 evaluations, error of order h */
} gr_difference;

typedef struct gr_numeric_options {
    size_t size;              /* sizeof(gr_numeric_options) */
    gr_difference difference; /* central unless set */
    double step;              /* h; 0: 1e-5 */
} gr_numeric_options;
#define GR_NUMERIC(...) (&(gr_numeric_options){.size = sizeof(gr_numeric_options), __VA_ARGS__})

/* The gradient of any function by differences: gradient[i] = df/dx[i]. x is moved in place, one
 * element at a time, and is as it was at the end. `options` may be NULL. GR_INVALID for a step that
 * is not above 0, a missing argument, or an element so large that x + h is x. */
GR_API gr_status gr_numeric_gradient(gr_vector_function *f, void *user, double *x, int64_t n,
                                     const gr_numeric_options *options, double *gradient);

#ifdef __cplusplus
}
#endif
#endif
