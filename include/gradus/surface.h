/* surface.h: a loss along a line or over a plane through the parameters of a net.
 *
 *     L(W + a·W1 + b·W2)
 *
 * W are the values that variables of a store have, W1 and W2 two directions with an element for
 * each of theirs. For the loss that a session computes as its target 0:
 *
 *     gr_surface *surface;
 *     double a[61], b[61], loss[61 * 61];                // fill a and b
 *     gr_surface_new(store, GR_SURFACE(.names = names, .n = 2, .seed = 1), &surface);
 *     gr_surface_grid(surface, gr_surface_step, session, a, 61, b, 61, loss);
 *     gr_surface_free(surface); */
#ifndef GRADUS_SURFACE_H
#define GRADUS_SURFACE_H

#include <gradus/run.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A plane through the values of a store. */
typedef struct gr_surface gr_surface;

/* How the directions are drawn. */
typedef enum gr_directions {
    /* Every element is drawn from the normal distribution of mean 0 and deviation 1. */
    GR_DIRECTIONS_NORMAL,
    /* Drawn so too, and then each unit's part (a filter, a row of a matrix: what one index of the
     * first axis has) is scaled to the L2 norm of that unit's weights, so that planes of nets whose
     * weights are large and small compare. Variables of fewer than two axes do not move. Li, Xu,
     * Taylor, Studer and Goldstein 2018, "Visualizing the loss landscape of neural nets". */
    GR_DIRECTIONS_FILTER
} gr_directions;

typedef struct gr_surface_options {
    size_t size;              /* sizeof(gr_surface_options) */
    const char *const *names; /* [n]: the variables that move, of f32 or f64 */
    int n;                    /* of `names` */
    gr_directions directions; /* how they are drawn */
    uint64_t seed; /* of both directions: a draw depends on it and on the variable's name alone */
} gr_surface_options;
#define GR_SURFACE(...) (&(gr_surface_options){.size = sizeof(gr_surface_options), __VA_ARGS__})

/* Takes the present values of the store, which must outlive it, for the plane's origin, and draws
 * the directions. GR_INVALID for no variables, GR_NOT_FOUND, GR_DTYPE, GR_BUSY, GR_NO_MEMORY;
 * GR_INVALID also if nothing would move. *surface is then NULL; else the caller frees it. */
GR_API gr_status gr_surface_new(gr_store *store, const gr_surface_options *options,
                                gr_surface **surface);
/* Accepts NULL. The store keeps the values that it has. */
GR_API void gr_surface_free(gr_surface *surface);

/* Replaces direction `which` (0: W1, 1: W2) of variable i (by `names`): `data` is of the variable's
 * type and shape, `bytes` its size. For a line from one net to another (Goodfellow, Vinyals and
 * Saxe 2015), or the directions in which a training went. GR_RANGE, GR_SHAPE. */
GR_API gr_status gr_surface_direct(gr_surface *surface, int which, int i, const void *data,
                                   size_t bytes);
/* The same direction as it is: of the variable's type and shape. NULL if there is none. */
GR_API const void *gr_surface_direction(const gr_surface *surface, int which, int i);

/* Writes W + a·W1 + b·W2 to the store, computed in f64; (0, 0) brings back W to the bit.
 * GR_BUSY. */
GR_API gr_status gr_surface_move(gr_surface *surface, double a, double b);
/* The derivatives of a loss by a and b, slope[2], from its gradients by the variables,
 * gradient[n], each of its variable's type and shape: Σ gradient·W1 and Σ gradient·W2. */
GR_API void gr_surface_slope(const gr_surface *surface, const void *const *gradient,
                             double slope[2]);

/* The loss at the store's present values. May fail: the status ends the work and is returned. */
typedef gr_status gr_surface_loss(void *user, double *loss);
/* One for `user` a gr_session: a step, whose target 0, an f32 scalar, is the loss. */
GR_API gr_status gr_surface_step(void *session, double *loss);

/* The loss at each of the points: values[rows·columns], row-major, row r being b[r]. b = NULL with
 * rows = 1 is the line b = 0. The store has W again at the end, also after a fault. */
GR_API gr_status gr_surface_grid(gr_surface *surface, gr_surface_loss *loss, void *user,
                                 const double *a, int columns, const double *b, int rows,
                                 double *values);

#ifdef __cplusplus
}
#endif
#endif
