/* The set of different labels of a table. Internal. */
#ifndef GR_DATA_CLASSES_H
#define GR_DATA_CLASSES_H

#include "data/dataset.h"

typedef struct gr_class_name {
    const char *text;
    double number; /* if `numeric` */
    size_t line;   /* where it occurred first */
    int32_t order; /* of occurrence: what labels are until the set is sorted */
    bool numeric;
} gr_class_name;

/* Zero-initialise but for the arena, which keeps the texts. */
typedef struct gr_class_set {
    gr_arena *arena;
    gr_class_name *names;
    size_t count, capacity;
    int32_t *slots; /* open addressing: number of a name + 1; 0: free */
    bool closed;    /* no other labels than these */
} gr_class_set;

/* Makes the set; with given names it is closed. Free it on failure too. */
gr_status gr_class_set_start(gr_class_set *set, gr_arena *arena, gr_class_list given);
void gr_class_set_free(gr_class_set *set);
/* The number of a label, which is added if it is new. The messages do not name the place. */
gr_status gr_class_set_find(gr_class_set *set, const char *text, size_t line, int32_t *number);
/* Sorts the set, as numbers if all are, and renumbers the n labels. GR_FORMAT, with the line, if
 * all are numbers but one is not whole. */
gr_status gr_class_set_sort(gr_class_set *set, int32_t *labels, int64_t n);

#endif
