/* A hash table with linear probing, at most half full. */
#include "io/names.h"

typedef struct gr_names_slot {
    const char *name; /* NULL: free */
    uint64_t hash;
    int number;
} gr_names_slot;

/* The slot that has the name, or the free one where it belongs. */
static gr_names_slot *names_slot(gr_names_slot *slot, size_t slots, const char *name, uint64_t hash)
{
    size_t at = (size_t)hash & (slots - 1);
    while (slot[at].name && (slot[at].hash != hash || strcmp(slot[at].name, name) != 0)) {
        at = (at + 1) & (slots - 1);
    }
    return &slot[at];
}

int gr_names_find(const gr_names *names, const char *name)
{
    if (names->slots == 0) return -1;
    const gr_names_slot *slot = names_slot(names->slot, names->slots, name, gr_hash_text(name));
    return slot->name ? slot->number : -1;
}

static bool names_enlarge(gr_names *names)
{
    size_t slots = names->slots ? 2 * names->slots : 16;
    gr_names_slot *larger = gr_alloc_array(slots, sizeof *larger);
    if (!larger) return false;
    for (size_t i = 0; i < names->slots; i++) {
        const gr_names_slot *old = &names->slot[i];
        if (old->name) *names_slot(larger, slots, old->name, old->hash) = *old;
    }
    gr_free(names->slot);
    names->slot = larger;
    names->slots = slots;
    return true;
}

bool gr_names_add(gr_names *names, const char *name, int number)
{
    if (2 * (names->count + 1) > names->slots && !names_enlarge(names)) return false;
    uint64_t hash = gr_hash_text(name);
    *names_slot(names->slot, names->slots, name, hash) = (gr_names_slot){name, hash, number};
    names->count++;
    return true;
}

void gr_names_free(gr_names *names)
{
    gr_free(names->slot);
    *names = (gr_names){0};
}
