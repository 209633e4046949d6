/* The formulas of an LSTM's gates for their kernels. Internal. */
#ifndef GR_LSTM_H
#define GR_LSTM_H

#include "ops/formulas.h"

/* Where a node of lstm_gates or lstm_gates_grad has them: N rows of H units, the candidate g and
 * the output gate o of a row from `candidate` and `output` on. */
typedef struct gr_lstm_geometry {
    int64_t rows, units, candidate, output;
    bool two; /* the gates are the sum of two inputs */
} gr_lstm_geometry;

gr_lstm_geometry gr_lstm_geometry_of(const gr_node *node);

/* One row on one CPU level. Forward: in[] is c, x, u (or NULL); out[] h, c', a, tanh(c').
 * Backward: in[] is a, tanh(c'), c and the cotangents of h and c'; out[] those of the gates and c.
 */
typedef void gr_lstm_row(const gr_lstm_geometry *g, const void *const *in, void *const *out);

static GR_INLINE double gr_lstm_sigmoid_f64(double x)
{
    const double e = exp(-fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
}

/* c' = f·c + i·g,  h = o·tanh(c'). LOOP is GR_SIMD where SIGMOID and TANH are no calls of the C
 * library, which no compiler vectorises. Sums of two inputs go where the gates will be: a test of u
 * in the loop would become masked loads from NULL, which fault and are slow to be forgiven. */
#define GR_LSTM_FORWARD(NAME, T, SIGMOID, TANH, LOOP)                                              \
    static GR_INLINE void NAME##_row(const gr_lstm_geometry *s, const void *const *in,             \
                                     void *const *out)                                             \
    {                                                                                              \
        const int64_t n = s->units, at_g = s->candidate, at_o = s->output;                         \
        const T *c = in[0], *x = in[1], *u = in[2];                                                \
        T *h = out[0], *next = out[1], *a = out[2], *t = out[3];                                   \
        GR_SIMD for (int64_t k = 0; k < (u ? 4 * n : 0); k++) a[k] = x[k] + u[k];                  \
        if (u) x = a;                                                                              \
        LOOP for (int64_t k = 0; k < n; k++)                                                       \
        {                                                                                          \
            const T i = SIGMOID(x[k]), f = SIGMOID(x[n + k]);                                      \
            const T g = TANH(x[at_g + k]), o = SIGMOID(x[at_o + k]);                               \
            const T cell = f * c[k] + i * g, bent = TANH(cell);                                    \
            a[k] = i;                                                                              \
            a[n + k] = f;                                                                          \
            a[at_g + k] = g;                                                                       \
            a[at_o + k] = o;                                                                       \
            next[k] = cell;                                                                        \
            t[k] = bent;                                                                           \
            h[k] = o * bent;                                                                       \
        }                                                                                          \
    }

#define GR_LSTM_BACKWARD(NAME, T)                                                                  \
    static GR_INLINE void NAME##_row(const gr_lstm_geometry *s, const void *const *in,             \
                                     void *const *out)                                             \
    {                                                                                              \
        const int64_t n = s->units, at_g = s->candidate, at_o = s->output;                         \
        const T *a = in[0], *bent = in[1], *c = in[2], *dh = in[3], *dnext = in[4];                \
        T *dx = out[0], *dc = out[1];                                                              \
        GR_SIMD for (int64_t k = 0; k < n; k++)                                                    \
        {                                                                                          \
            const T i = a[k], f = a[n + k], g = a[at_g + k], o = a[at_o + k], t = bent[k];         \
            const T d = dnext[k] + dh[k] * o * (1 - t * t);                                        \
            dx[k] = d * g * (i * (1 - i));                                                         \
            dx[n + k] = d * c[k] * (f * (1 - f));                                                  \
            dx[at_g + k] = d * i * (1 - g * g);                                                    \
            dx[at_o + k] = dh[k] * t * (o * (1 - o));                                              \
            dc[k] = d * f;                                                                         \
        }                                                                                          \
    }

GR_LSTM_FORWARD(gr_lstm_f32, float, formula_sigmoid_f32, formula_tanh_f32, GR_SIMD)
GR_LSTM_FORWARD(gr_lstm_f64, double, gr_lstm_sigmoid_f64, tanh, )
GR_LSTM_BACKWARD(gr_lstm_grad_f32, float)
GR_LSTM_BACKWARD(gr_lstm_grad_f64, double)

/* Rows [begin, end) of a call by `row`. */
static inline void gr_lstm_rows(const gr_lstm_geometry *g, gr_lstm_row *row, size_t element,
                                bool backward, const gr_call *call, int64_t begin, int64_t end)
{
    const size_t unit = (size_t)g->units * element;
    for (int64_t r = begin; r < end; r++) {
        const size_t one = (size_t)r * unit, four = 4 * one;
        const char *const *from = (const char *const *)call->in;
        char *const *to = (char *const *)call->out;
        if (backward) {
            row(g,
                (const void *[]){from[0] + four, from[1] + one, from[2] + one, from[3] + one,
                                 from[4] + one},
                (void *[]){to[0] + four, to[1] + one});
        } else {
            row(g, (const void *[]){from[0] + one, from[1] + four, g->two ? from[2] + four : NULL},
                (void *[]){to[0] + one, to[1] + one, to[2] + four, to[3] + one});
        }
    }
}

#endif
