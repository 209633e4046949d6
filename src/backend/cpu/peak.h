/* Loops that do one thing as fast as the CPU can: what the machine is measured with. Internal. */
#ifndef GR_CPU_PEAK_H
#define GR_CPU_PEAK_H

#include "base/base.h"

typedef struct gr_peak_kernels {
    /* Multiply-adds in registers; returns how many floating point operations they were. `*sink`
     * takes a result, so that none is left out. */
    double (*fma)(int64_t rounds, float *sink);
    /* Sum of x[n]. */
    float (*read)(const float *x, int64_t n);
    /* a[i] = b[i] + s·c[i] */
    void (*triad)(float *a, const float *b, const float *c, float s, int64_t n);
    /* a[i] = s·a[i] */
    void (*update)(float *a, float s, int64_t n);
} gr_peak_kernels;

/* For x, a, b, c aligned to GR_ALIGN and n a multiple of GR_PEAK_GRAIN. */
#define GR_PEAK_GRAIN 256
const gr_peak_kernels *gr_peak(gr_cpu_level level);

#endif
