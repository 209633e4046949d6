/* Parts of the library that are loaded when they are first wanted, since what they stand on is
 * large or drags much behind it: oneDNN, FLANN, Graphviz. A part cannot see the library's functions
 * (they may be a static part of any program), so it is given those that it needs. Internal. */
#ifndef GR_BASE_PART_H
#define GR_BASE_PART_H

#include "base/base.h"

typedef struct gr_part_services {
    gr_status (*fail)(gr_status status, const char *format, ...) GR_PRINTF(2, 3);
    void *(*alloc)(size_t size);
    void (*free)(void *block);
} gr_part_services;

/* The one function that a part exports, gr_NAME_open: its functions and data, in a struct of its
 * own header, or NULL if it has another ABI or cannot serve. */
typedef const void *gr_part_open_fn(int abi, const gr_part_services *services);

/* Loads `part` from the first of `paths` (NULL ends them) that has it in this ABI, for as long as
 * the process lives. GR_UNSUPPORTED, with what stood against the last path; *answer is NULL then.
 */
GR_SHARED gr_status gr_part_load(const char *part, int abi, const char *const *paths,
                                 const void **answer);

#endif
