/* What the core and the FLANN module (base/part.h) know of each other. Internal. */
#ifndef GR_CLASSIC_TREES_H
#define GR_CLASSIC_TREES_H

#include "base/part.h"

#define GR_TREES_ABI 2 /* counts up with every change of this header */

/* Rows of u8 or f32, one after the other. */
typedef struct gr_trees_rows {
    void *data;
    gr_dtype dtype;
    int rows, columns;
} gr_trees_rows;

/* FLANN keeps the kind of distance in a global variable: callers take turns. */
typedef struct gr_trees_module {
    const char *name;
    /* An index of rows that stay where they are; NULL if that fails. */
    void *(*build)(const gr_trees_rows *rows, bool l1, int trees, int64_t seed);
    /* Up to k rows near each of the queries, in found[queries·k] (-1 where there are fewer), and
     * how far they are, as far as FLANN knows, in distances[queries·k]. */
    bool (*find)(void *index, const gr_trees_rows *queries, bool l1, int k, int checks, int threads,
                 int *found, float *distances);
    void (*free)(void *index, gr_dtype dtype, bool l1);
} gr_trees_module;

#endif
