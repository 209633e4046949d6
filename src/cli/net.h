/* A net as it is typed, or that of a model file, and the graphs built from it. */
#ifndef CLI_NET_H
#define CLI_NET_H

#include "cli/command.h"

#include <gradus/train.h>

typedef struct cli_net {
    gr_model *model;    /* NULL: a text */
    char *text;         /* the text, or the model's net */
    const char *source; /* its name in messages */
    gr_shape input;     /* of one example; rank 0: not told */
    gr_store *store;    /* the model's; of a text, what the caller puts there, freed with the net.
                           NULL: variables are declared, but have no values */
    uint64_t seed;      /* of initial values and random gates */
} cli_net;

/* Opens what the options "net", "input" and "seed" or operand 0, a model file, say. Returns an exit
 * status, after a message if it is not CLI_YES. Close *net also on failure. */
int cli_net_open(const cli_args *args, cli_net *net);
void cli_net_close(cli_net *net);

/* Is it a model file rather than an expression or a data set? By its name or its first bytes. */
bool cli_is_model(const char *path);

/* Its graph on some rows. */
typedef struct cli_net_graph {
    gr_graph *graph;
    gr_scope *scope;
    gr_node *x;      /* input "x", f32 [rows, …]; i32 if the net takes only whole numbers */
    gr_node *output; /* the net's result */
    gr_node *y;      /* input "y", i32 [rows], and the loss, of a text with a loss of its own; */
    gr_node *loss;   /* else NULL */
} cli_net_graph;

/* Clear *out also on failure. Net and store must outlive it. */
gr_status cli_net_build(const cli_net *net, gr_mode mode, int64_t rows, cli_net_graph *out);
void cli_net_graph_clear(cli_net_graph *graph);

/* Is the output a row of at least two scores for each example, or for each token of it? */
bool cli_net_has_scores(const cli_net_graph *graph);
/* How many scores are in a row. */
int64_t cli_net_classes(const cli_net_graph *graph);
/* The loss of scores [N, …, C] on a new input "y", i32 [N, …]. */
gr_node *cli_net_loss(gr_node *scores, gr_loss_kind kind);

#endif
