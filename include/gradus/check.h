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
    char name[64];
    gr_shape shape;
    int64_t tried, kinks, faults;
    /* The worst element that is no kink: |a − n| / max(|a|, |n|, 1e-4·max|grad|), the divisor being
     * at least so large that the differences' own rounding noise stays below the tolerance. */
    double error;
    int64_t index;
    double analytic, numeric;
    bool vacuous; /* all gradients tried are zero, both ways: nothing was shown */
} gr_check_entry;

typedef struct gr_check_report {
    bool passed; /* no fault, and nothing vacuous */
    int entries;
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
GR_API void gr_check_clear(gr_check_report *report);

#ifdef __cplusplus
}
#endif
#endif
