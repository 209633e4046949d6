/* Random training graphs from a seed: the same seed gives the same graph on every machine. */
#ifndef GR_TEST_SUPPORT_RANDOM_H
#define GR_TEST_SUPPORT_RANDOM_H

#include "support.h"

#include <gradus/gradus.h>

enum {
    RANDOM_VALUES = 128,     /* gates to choose operands from */
    RANDOM_TARGETS = 256,    /* results and updates of a step */
    RANDOM_INPUTS = 64,      /* fed from outside */
    RANDOM_ELEMENTS = 65536, /* most of one tensor */
    RANDOM_WORK = 300000     /* most multiplications of the contractions of a forward pass */
};

/* A gate that others may be built on. `bound`: no element should be larger, roughly. */
typedef struct random_value {
    gr_node *node;
    double bound;
    bool used;
} random_value;

/* How an input is drawn. */
typedef struct random_input {
    gr_node *node;
    int64_t below; /* whole numbers from 0; for floats 0: from [-1, 1) */
} random_input;

typedef struct random_graph {
    uint64_t seed;
    gr_rng rng;
    const uint8_t *choice, *choices_end; /* bytes that choose, as long as there are some */
    gr_graph *graph;
    gr_store *store; /* with the variables' first values */
    gr_scope *scope;
    random_value value[RANDOM_VALUES];
    int n_values;
    random_input input[RANDOM_INPUTS];
    int n_inputs, n_names;
    gr_node *target[RANDOM_TARGETS]; /* the loss, other results, gradients; then the updates */
    int n_results, n_targets;
    int64_t work; /* multiplications left */
} random_graph;

/* Builds the graph of `seed`: forward, gradient and update. Fails if the library refuses it. Free
 * with random_graph_clear, also on failure. */
gr_status random_graph_new(uint64_t seed, random_graph *r);
/* The same, choosing by bytes, as a fuzzer makes them up, and after their end by a seed of 0. */
gr_status random_graph_of_bytes(const uint8_t *bytes, size_t size, random_graph *r);
void random_graph_clear(random_graph *r);
/* Draws inputs number `draw`: data[i] of the type of r->input[i], freed by the caller. */
void random_graph_draw(const random_graph *r, uint64_t draw, gr_tensor *data);

/* ---- For the parts of the generator ------------------------------------------------------------
 */

/* A whole number of [low, high]; true with a probability of one in n. */
int64_t random_from(random_graph *r, int64_t low, int64_t high);
bool random_one_in(random_graph *r, int64_t n);
/* A size that is often odd: 1, 3, 7, 17, 33, 100, … up to `most`. */
int64_t random_size(random_graph *r, int64_t most);
gr_shape random_shape(random_graph *r, int rank, int64_t most);

/* A gate of the pool, later ones more often. */
random_value *random_pick(random_graph *r);
/* Adds a gate, scaled or squashed if its bound is large. NULL gates are left out. */
void random_put(random_graph *r, gr_node *node, double bound);
/* A new leaf: an input or a parameter with elements in [-1, 1). */
gr_node *random_leaf(random_graph *r, gr_shape shape);
/* A new input of whole numbers in [0, below). */
gr_node *random_index(random_graph *r, gr_dtype dtype, gr_shape shape, int64_t below);
/* May a contraction of so many multiplications be added? Takes them off if so. */
bool random_afford(random_graph *r, double multiplications);
/* A name that no other node has. */
const char *random_name(random_graph *r, const char *kind, char name[32]);

/* Adds some gate, or nothing if the operand picked does not suit. */
void random_gate(random_graph *r);     /* elementwise, reduction, movement */
void random_layer(random_graph *r);    /* contraction, window, normalisation, loop, draw */
void random_order(random_graph *r);    /* order, conditions, sequences, attention */
void random_net(random_graph *r);      /* a whole convolutional or dense net */
gr_node *random_loss(random_graph *r); /* a scalar of all gates that nothing else uses */

#endif
