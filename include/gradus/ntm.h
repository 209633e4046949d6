/* ntm.h: the Neural Turing Machine of Graves, Wayne and Danihelka 2014: a controller with a memory
 * of its own, M rows of W numbers, which it reads and writes by weightings over the rows.
 *
 * The layer is one loop (gr_scan) over the steps of its sequences. At each step, from the memory,
 * the vectors read and the weightings of the step before:
 *
 *     controller  h = LSTM([x, r]), or tanh(W·[x, r] + b) where it is feed-forward
 *     heads       from h by one product, for each head: key k = tanh(·) [W],
 *                 strength β = softplus(·), gate g = σ(·), shift s = softmax(·)
 *                 over −S … S, sharpening γ = 1 + softplus(·); for each that
 *                 writes: erase e = σ(·) [W], add a = tanh(·) [W]
 *     content     u_i = softmax_i(β·cos(k, M_i))                eq. 5 and 6
 *     location    v = g·u + (1 − g)·w                           eq. 7
 *                 ṽ_i = Σ_j v_(i−j)·s_j, rows in a circle       eq. 8
 *                 w' = ṽ^γ / Σ ṽ^γ                              eq. 9
 *     read        r' = Σ_i w'_i·M_i                             eq. 2
 *     write       M'_i = M_i·Π(1 − w'_i·e) + Σ w'_i·a           eq. 3 and 4
 *                 over the writing heads
 *     output      y = W_o·[h, r'] + b_o
 *
 * All heads act on the memory as the step before left it. The memory begins at 1e-6 throughout
 * (Collier and Beel 2018 found that to learn fastest); controller, vectors read and weightings
 * begin where training puts them. The cosine is k·M_i/√((k·k + 1e-8)(M_i·M_i + 1e-8)), and 1e-12 is
 * added to ṽ, so that neither is 0/0. */
#ifndef GRADUS_NTM_H
#define GRADUS_NTM_H

#include <gradus/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gr_ntm_options {
    size_t size;
    int64_t out;           /* width of the output, ≥ 1 */
    int64_t units;         /* of the controller; 0 means 100 */
    bool feedforward;      /* the controller has no state of its own */
    int64_t memory, width; /* rows and their width; 0 means 128 and 20 */
    int reads, writes;     /* heads; 0 means 1 */
    int shift;             /* rows that a head may move at a step, S, 2·S < memory; 0 means 1 */
    /* If not NULL, receives the weightings of all steps [N, T, reads + writes, memory], the reading
     * heads first. */
    gr_node **weightings;
} gr_ntm_options;
/* gr_ntm(s, "ntm", x, GR_NTM(8, .reads = 2)) */
#define GR_NTM(...) (&(gr_ntm_options){.size = sizeof(gr_ntm_options), .out = __VA_ARGS__})

/* x f32 [N, T, C] → [N, T, out]. Parameters, with G = 4·units (feed-forward: units), H heads and
 * P = H·(W + 2·S + 4) + 2·W·writes: "controller/weight" [G, C + reads·W (+ units)] of [x, r, h]
 * with the LSTM's gates in the order i, f, g, o, "controller/bias" [G], "heads/weight" [P, units]
 * and "heads/bias" [P] in the order of k, β, g, s, γ of all heads (reading heads first), then e and
 * a; "output/weight" [out, units + reads·W], "output/bias" [out]; and the beginnings "initial/h",
 * "initial/c" [1, units], "initial/read" [1, reads·W], "initial/weighting" [H, M], of which the
 * softmax is taken. Refused: x of another rank or type, a sequence of length zero, options below 1
 * or a shift around the whole memory. */
GR_API gr_node *gr_ntm(gr_scope *scope, const char *name, gr_node *x,
                       const gr_ntm_options *options);

#ifndef GR_NO_PLACES
#define gr_ntm(...) gr_at((gr_ntm)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
