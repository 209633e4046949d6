/* What a node costs, whatever kernel runs it. Internal. */
#ifndef GR_PLAN_COST_H
#define GR_PLAN_COST_H

#include "graph/graph.h"

typedef struct gr_cost {
    double flops; /* floating point operations: nominal, see gr_node_cost */
    double bytes; /* that it must read and write: each operand and result once */
} gr_cost;

/* Cost of one run of the node. A multiply-add counts as two operations, products with padding
 * count, and a function such as exp counts what its polynomial needs in f32, from one table: so a
 * figure does not change when a kernel finds a shorter way (Winograd, say), and speeds of two
 * kernels compare. A fused node costs the arithmetic of its body and the traffic of its own ends; a
 * loop, its body's costs as often as it runs. GR_NO_MEMORY is the only fault. */
gr_status gr_node_cost(const gr_node *node, gr_cost *cost);

#endif
