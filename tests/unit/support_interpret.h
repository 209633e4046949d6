/* Runs a graph node by node with the ops' scalar reference kernels: no pass, no plan, no memory
 * that is used twice. What the compiled programs are tested against. */
#ifndef GR_TEST_SUPPORT_INTERPRET_H
#define GR_TEST_SUPPORT_INTERPRET_H

#include "support.h"

#include <gradus/run.h>

#include "graph/graph.h"

typedef struct interpreter interpreter;

/* Prepares `targets` of `graph`, which must outlive it; float variables and inputs take the f32
 * content of the store and of the inputs' data, given by name, in their own element type. */
gr_status interpreter_new(gr_graph *graph, gr_node *const *targets, int n, const gr_store *store,
                          interpreter **out);
void interpreter_free(interpreter *it);
void interpreter_feed(interpreter *it, const char *name, const gr_tensor *value);

/* Every result that is rounded is from now on off by δ times its size, |δ| ≤ `units`·2⁻²⁴, δ drawn
 * anew for each element (Parker 1997, "Monte Carlo arithmetic"); a sum of products is off by δ
 * times the sum of their sizes, since its terms may cancel. How far the outcome moves is how far
 * f32 may be off. 0 switches it off. Convolutions may have more units of their
 * own, which then count from the largest element: Winograd's method leaves a trace of neighbours
 * where all terms are zero. */
void interpreter_perturb(interpreter *it, double units, double convolution, uint64_t seed);

/* One step, with the assigns at its end. */
gr_status interpreter_step(interpreter *it);
/* The value of a target, or of a variable by name; owned by the interpreter. */
const gr_tensor *interpreter_target(const interpreter *it, int target);
const gr_tensor *interpreter_variable(const interpreter *it, const char *name);

#endif
