/* Runs one node's kernels on buffers with guard zones: what the tests of kernels share. */
#ifndef GR_TEST_SUPPORT_KERNEL_H
#define GR_TEST_SUPPORT_KERNEL_H

#include "support.h"

#include "backend/backend.h"
#include "graph/graph.h"

/* The node must be there and have this shape. */
void expect_shape(const gr_node *node, gr_shape shape);
/* Building `node` must have failed with this status and words in the message. Frees the graph. */
void expect_fault(gr_graph *g, const gr_node *node, gr_status status, const char *words);

typedef struct kernel_case {
    const gr_node *node;
    gr_prepare_fn *prepare; /* NULL: the op's reference */
    gr_cpu_level level;
    int threads;
    bool exact;
    size_t offset;   /* elements by which buffers are off their alignment */
    uint32_t steady; /* inputs that stay the same over the calls of a loop: see gr_request */
} kernel_case;

/* Random values in [-1, 1), for integers from 0 to 9, for every input of `node`; free with
 * kernel_free. */
void **kernel_inputs(const gr_node *node, uint64_t seed);
void kernel_free(void **inputs);

/* Runs the kernel on copies of `in`, checks the guards around every buffer and that no input
 * changed, and leaves the results, one after the other, in out. GR_UNSUPPORTED if the kernel
 * declines. */
gr_status kernel_run(const kernel_case *what, void *const *in, void *out);

/* Compares the kernel with the reference at every CPU level for 1, 2, 3 and 8 threads, aligned and
 * not: within `tolerance` (times the larger of 1 and the value), and bit for bit among the
 * threads. */
void kernel_check(const gr_node *node, gr_prepare_fn *prepare, double tolerance);

/* The same at the levels from `least` on: below it the kernel declines. */
void kernel_check_from(const gr_node *node, gr_prepare_fn *prepare, double tolerance,
                       gr_cpu_level least);

/* The same of a loop in which these inputs stay the same: bit i stands for input i. */
void kernel_check_steady(const gr_node *node, gr_prepare_fn *prepare, double tolerance,
                         uint32_t steady);

/* Compares the kernel on `in` with the reference at every CPU level for 1, 2 and 3 threads,
 * aligned and not: bit for bit. */
void kernel_check_bits(const gr_node *node, gr_prepare_fn *prepare, void *const *in);

/* Output elements, and one of them. */
int64_t kernel_count(const gr_node *node);
double kernel_at(const gr_node *node, const void *out, int64_t i);

#endif
