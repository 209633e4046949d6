/* Inside of a scope. Internal. */
#ifndef GR_SCOPE_INTERNAL_H
#define GR_SCOPE_INTERNAL_H

/* Layers carry no places of their own: their nodes belong to the user's line. */
#ifndef GR_NO_PLACES
#define GR_NO_PLACES
#endif

#include <gradus/layers.h>
#include <gradus/losses.h>

#include "base/base.h"

/* Groups of more elements are normalised by one gate, shorter ones by several, which fuse with what
 * is around them. */
enum { GR_NORM_LONG = 128 };

typedef struct gr_scope_kind {
    const char *kind;
    int count;
} gr_scope_kind;

/* A layer that stands in no other: its result, full name and the word of its kind. */
typedef struct gr_scope_layer {
    const gr_node *result;
    const char *name, *kind;
} gr_scope_layer;

struct gr_scope {
    gr_graph *graph;
    gr_store *store;
    gr_mode mode;
    bool carry;
    uint64_t seed;
    gr_arena arena;
    char *prefix; /* "block1/", or "" */
    size_t prefix_capacity;
    gr_scope_kind *kinds;
    size_t n_kinds, kinds_capacity;
    const char **made; /* variables that the store did not have, as long as the graph may fail */
    size_t n_made, made_capacity;
    gr_node **params, **updates;
    size_t n_params, params_capacity, n_updates, updates_capacity;
    gr_tuning *tunings; /* of the first n_tunings parameters; the others have none */
    size_t n_tunings, tunings_capacity;
    gr_scope_layer *layers;
    size_t n_layers, layers_capacity;
    int layer_depth;        /* of layers that have begun */
    const char *layer_kind; /* of the outermost of them */
};

/* Fills `value` (f32) by the initialiser. */
gr_status gr_init_fill(gr_init init, uint64_t seed, const char *name, int64_t fan_in,
                       int64_t fan_out, gr_tensor *value);
/* A loss of what each example or element costs: the mean unless `options` (may be NULL) ask for
 * another. */
gr_node *gr_loss_reduce(gr_node *losses, const gr_loss_options *options);
/* A fresh name for a layer, if the user gave none, and the start of its composite. */
const char *gr_layer_begin(gr_scope *scope, const char *kind, const char *name);
/* The end of the layer, whose result `node` gets its name. */
gr_node *gr_layer_end(gr_scope *scope, const char *name, gr_node *node);
/* The end of a layer that leaves its input x as it is where `node` is x. */
gr_node *gr_layer_end_unless(gr_scope *scope, const char *name, gr_node *x, gr_node *node);
/* The layer whose result a node is; NULL: of none. */
const gr_scope_layer *gr_scope_layer_of(const gr_scope *scope, const gr_node *node);
/* What the user wants, or the layer's own choice of `kind`. */
gr_init gr_layer_init(gr_init wanted, gr_init_kind kind);

#endif
