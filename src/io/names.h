/* A hash table from names to numbers. Internal. */
#ifndef GR_IO_NAMES_H
#define GR_IO_NAMES_H

#include "base/base.h"

/* Zero-initialise. The names belong to the caller and must outlive the table. */
typedef struct gr_names {
    struct gr_names_slot *slot;
    size_t slots, count;
} gr_names;

/* The number of `name`, or -1. */
int gr_names_find(const gr_names *names, const char *name);
/* Adds a name that is not there yet. false when memory is out; the table is then unchanged. */
bool gr_names_add(gr_names *names, const char *name, int number);
void gr_names_free(gr_names *names);

#endif
