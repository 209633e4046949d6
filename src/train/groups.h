/* A net's gates, those of a layer taken together. Internal. */
#ifndef GR_TRAIN_GROUPS_H
#define GR_TRAIN_GROUPS_H

#include "train/model.h"

/* A layer, or a gate that stands for itself. Gates that only change the shape within a net's text
 * or recipe show as flatten or reshape; leaves belong to the layer that reads them. */
typedef struct gr_group {
    const char *name, *kind; /* "conv1", "conv"; the op's for a gate without one. In the arena */
    gr_node *last;           /* its result */
} gr_group;

typedef struct gr_groups {
    int n;
    gr_group *group; /* [n], in the order of computation */
    int *owner;      /* by node: its group, or -1: a leaf, or not needed */
    int *reader;     /* by parameter of the scope: the first group that reads it, or -1 */
    gr_arena arena;  /* of all these */
} gr_groups;

/* Groups the gates that the net's result needs. Free with gr_groups_clear, on failure too. */
gr_status gr_groups_make(const gr_model_graph *graph, gr_groups *groups);
void gr_groups_clear(gr_groups *groups);

#endif
