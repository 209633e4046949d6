/* What convolution and pooling share: from a user's gr_window to numbers for each axis. Internal.
 */
#ifndef GR_WINDOW_H
#define GR_WINDOW_H

#include "ops/ops.h"

#define GR_SPACE 3 /* most spatial axes */

/* A window with every default filled in. */
typedef struct gr_window_values {
    int rank; /* spatial axes */
    gr_geometry axes;
    int64_t groups;
    bool ceil, count_include_pad;
} gr_window_values;

/* Resolves `window` (NULL: all defaults) for a tensor [N, C, space…] of that rank. false with the
 * graph's fault noted under `op` if it cannot be read. */
bool gr_window_resolve(gr_graph *graph, const char *op, const gr_window *window, int tensor_rank,
                       gr_window_values *out);

/* Fails unless x is [N, C, space…] with 1 to 3 spatial axes. */
bool gr_infer_spatial(gr_infer *s, const char *what, gr_shape x);
/* Fails unless the attribute has one entry for each of `rank` axes, none below `least`. */
bool gr_infer_each_axis(gr_infer *s, int attr, int rank, int64_t least);

/* "[5,5]" of one attribute's entries; see gr_shape_text. */
static inline const char *gr_ints_text(const gr_ints *ints)
{
    return gr_shape_text(gr_shape_of(ints->n, ints->v));
}

#endif
