/* The program whose results are statistics of a net's layers. Internal. */
#ifndef GR_TRAIN_PROBE_H
#define GR_TRAIN_PROBE_H

#include "train/groups.h"

/* Where the program's results tell of a layer; -1: nowhere. */
typedef struct probe_slots {
    int mean, spread; /* the elements' mean, and the sum of their squared distances from it */
    int least, most;
    int active;   /* [units]: the largest magnitude of each */
    int flat;     /* how many elements have a derivative below the bound */
    int sample;   /* [samples] */
    int back;     /* sum of squares of the loss's gradient by the output, */
    int gradient; /* and by the parameters */
} probe_slots;

typedef struct gr_probe {
    gr_engine engine;
    gr_groups groups;
    probe_slots *slot;   /* [groups.n] */
    gr_shape *output;    /* [groups.n]: of the batch */
    int64_t *units;      /* [groups.n] */
    int64_t *samples;    /* [groups.n] */
    int64_t *parameters; /* [groups.n]: how many */
    double *weight;      /* [groups.n]: L2 norm of the parameters' values */
    gr_node **target;
    int n;
} gr_probe;

typedef struct gr_probe_wish {
    int64_t rows, examples; /* of a batch, of all batches */
    bool gradients;         /* loss and gradients are among the results */
    double bound;           /* of the derivative of a saturated element */
    int64_t sample;         /* elements of each layer, of all examples: about so many; 0: none */
} gr_probe_wish;

/* Builds and compiles the program. Clear *probe also on failure. */
gr_status gr_probe_make(gr_model *model, const gr_probe_wish *wish, gr_probe *probe);
void gr_probe_clear(gr_probe *probe);

#endif
