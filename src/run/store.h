/* Inside of a store. Internal. */
#ifndef GR_STORE_INTERNAL_H
#define GR_STORE_INTERNAL_H

#include <stdatomic.h>

#include <gradus/run.h>

#include "base/base.h"

typedef struct gr_store_entry {
    char *name;
    gr_tensor value;  /* its memory stays where it is as long as the entry lives */
    atomic_bool used; /* a session has taken its address: it lives as long as the store */
} gr_store_entry;

struct gr_store {
    gr_store_entry *entries;
    size_t count, capacity;
    int *slots; /* open addressing: entry + 1, 0: free */
    size_t n_slots;
    atomic_int users; /* readers inside a step or a call; -1: one writer */
};

/* Enter and leave around every access. GR_BUSY at once if a conflicting access is under way. */
gr_status gr_store_enter(gr_store *store, bool writes);
void gr_store_leave(gr_store *store, bool writes);

/* Takes the entry out again if it is the last one, so that no index moves, and no session uses it.
 */
void gr_store_take_back(gr_store *store, const char *name);

#endif
