/* The networks that gradus bench times. The definitions are those of bench/peers, so that figures
 * compare. */
#ifndef CLI_WORKLOADS_H
#define CLI_WORKLOADS_H

#include <gradus/optim.h>

typedef struct cli_workload cli_workload;

int cli_workloads(void);
const cli_workload *cli_workload_at(int i);
/* Single layers, called "op-…", the table of workload_ops.def. */
int cli_ops(void);
const cli_workload *cli_op_at(int i);
/* Among both. */
const cli_workload *cli_workload_find(const char *name); /* NULL: there is none */
const char *cli_workload_name(const cli_workload *workload);
const char *cli_workload_about(const cli_workload *workload); /* one line; of a layer its net */
gr_shape cli_workload_shape(const cli_workload *workload);    /* of x */
/* Rows of a step: examples, or elements of a vector. */
int64_t cli_workload_batch(const cli_workload *workload);

/* The graph of a step, the store that its variables lie in, and its data. */
typedef struct cli_workload_graph {
    const cli_workload *workload;
    gr_graph *graph;
    gr_store *store, *own_store; /* own: freed with the graph */
    gr_scope *scope;
    gr_node **targets; /* the first is the loss, or the scores */
    int n;
    gr_tensor *inputs;
    int n_inputs;
    int64_t classes; /* whole numbers among the data are below this */
} cli_workload_graph;

/* Builds it on the variables of `store`, or (NULL) on fresh ones. Clear *out also on failure. */
gr_status cli_workload_build(const cli_workload *workload, gr_store *store,
                             cli_workload_graph *out);
/* No session may use its data any more. */
void cli_workload_clear(cli_workload_graph *graph);
/* Binds every input of the session to random data, always the same: numbers of [-1, 1), whole
 * ones below graph->classes, or what the table of single layers says. */
gr_status cli_workload_feed(cli_workload_graph *graph, const gr_program *program,
                            gr_session *session);

/* ---- For those that build the graphs --------------------------------------------------------- */

#define CLI_WORKLOAD_RANK 5
#define CLI_SIZES(...) ((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))

typedef struct cli_range {
    double low, high;
} cli_range;

void cli_workload_target(cli_workload_graph *g, gr_node *node);
/* A single layer: its result, its gradients by its inputs and parameters from a given one of the
 * result, and what it keeps. */
void cli_workload_layer(const cli_workload *w, cli_workload_graph *g);
/* Sets the range of a layer's input, if the table names one. */
void cli_workload_range(const cli_workload *w, const char *input, cli_range *range);

#endif
