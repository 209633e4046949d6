/* Stores: named tensors, found through a hash table. */
#include "run/store.h"

gr_store *gr_store_new(void)
{
    return gr_alloc_aligned(sizeof(gr_store)); /* `users` changes at every step */
}

void gr_store_free(gr_store *store)
{
    if (!store) return;
    for (size_t i = 0; i < store->count; i++) {
        gr_free(store->entries[i].name);
        gr_tensor_clear(&store->entries[i].value);
    }
    gr_free(store->entries);
    gr_free(store->slots);
    gr_free_aligned(store);
}

gr_status gr_store_enter(gr_store *store, bool writes)
{
    int users = atomic_load_explicit(&store->users, memory_order_relaxed);
    do {
        if (users < 0 || (writes && users > 0))
            return gr_fail(GR_BUSY, "the store is in use: %s",
                           users < 0 ? "another step is writing it"
                                     : "other steps are reading it while this one would write");
    } while (!atomic_compare_exchange_weak_explicit(&store->users, &users, writes ? -1 : users + 1,
                                                    memory_order_acquire, memory_order_relaxed));
    return GR_OK;
}

void gr_store_leave(gr_store *store, bool writes)
{
    if (writes) {
        atomic_store_explicit(&store->users, 0, memory_order_release);
    } else {
        atomic_fetch_sub_explicit(&store->users, 1, memory_order_release);
    }
}

static void store_insert(const gr_store *store, int *slots, size_t n_slots, int entry)
{
    size_t at = (size_t)gr_hash_text(store->entries[entry].name) & (n_slots - 1);
    while (slots[at]) at = (at + 1) & (n_slots - 1);
    slots[at] = entry + 1;
}

/* Keeps the table at most half full. */
static bool store_grow_slots(gr_store *store)
{
    if (2 * (store->count + 1) <= store->n_slots) return true;
    size_t n_slots = store->n_slots ? 2 * store->n_slots : 32;
    int *slots = gr_alloc_array(n_slots, sizeof *slots);
    if (!slots) return false;
    for (size_t i = 0; i < store->count; i++) store_insert(store, slots, n_slots, (int)i);
    gr_free(store->slots);
    store->slots = slots;
    store->n_slots = n_slots;
    return true;
}

static gr_status store_add(gr_store *store, const char *name, const gr_tensor *value)
{
    if (gr_store_find(store, name) >= 0)
        return gr_fail(GR_INVALID, "the store already holds a tensor '%s'", name);
    if (!gr_grow(&store->entries, store->count, &store->capacity, sizeof *store->entries) ||
        !store_grow_slots(store))
        return GR_NO_MEMORY;
    gr_store_entry entry = {.name = gr_strdup(name)};
    if (!entry.name) return GR_NO_MEMORY;
    gr_status status = gr_tensor_new(value->dtype, value->shape, &entry.value);
    if (status != GR_OK) {
        gr_free(entry.name);
        return gr_fail_prefix(status, "tensor '%s': ", name);
    }
    if (value->data) memcpy(entry.value.data, value->data, gr_tensor_bytes(value));
    store->entries[store->count] = entry;
    store_insert(store, store->slots, store->n_slots, (int)store->count);
    store->count++;
    return GR_OK;
}

gr_status gr_store_add(gr_store *store, const char *name, const gr_tensor *value)
{
    if (!store || !name || !*name || !value)
        return gr_fail(GR_INVALID, "gr_store_add needs a store, a name and a tensor");
    GR_TRY(gr_store_enter(store, true));
    gr_status status = store_add(store, name, value);
    gr_store_leave(store, true);
    return status;
}

void gr_store_take_back(gr_store *store, const char *name)
{
    if (gr_store_enter(store, true) != GR_OK) return;
    gr_store_entry *last = store->count ? &store->entries[store->count - 1] : NULL;
    if (last && !strcmp(last->name, name) &&
        !atomic_load_explicit(&last->used, memory_order_relaxed)) {
        gr_free(last->name);
        gr_tensor_clear(&last->value);
        store->count--;
        memset(store->slots, 0, store->n_slots * sizeof *store->slots);
        for (size_t i = 0; i < store->count; i++)
            store_insert(store, store->slots, store->n_slots, (int)i);
    }
    gr_store_leave(store, true);
}

int gr_store_size(const gr_store *store)
{
    return store ? (int)store->count : 0;
}

const char *gr_store_name(const gr_store *store, int i)
{
    return i >= 0 && i < gr_store_size(store) ? store->entries[i].name : NULL;
}

int gr_store_find(const gr_store *store, const char *name)
{
    if (!store || !name || !store->n_slots) return -1;
    size_t at = (size_t)gr_hash_text(name) & (store->n_slots - 1);
    for (; store->slots[at]; at = (at + 1) & (store->n_slots - 1))
        if (!strcmp(store->entries[store->slots[at] - 1].name, name)) return store->slots[at] - 1;
    return -1;
}

gr_tensor gr_store_type(const gr_store *store, int i)
{
    if (i < 0 || i >= gr_store_size(store)) return (gr_tensor){.dtype = GR_DTYPE_COUNT};
    gr_tensor type = store->entries[i].value;
    type.data = NULL;
    return type;
}

static gr_status store_entry(const gr_store *store, const char *name, size_t bytes,
                             gr_store_entry **entry)
{
    int i = gr_store_find(store, name);
    if (i < 0) return gr_fail(GR_NOT_FOUND, "the store holds no tensor '%s'", name ? name : "");
    *entry = &store->entries[i];
    size_t size = gr_tensor_bytes(&(*entry)->value);
    if (size != bytes)
        return gr_fail(GR_SHAPE, "tensor '%s' %s%s has %zu bytes, not %zu", name,
                       gr_dtype_name((*entry)->value.dtype), gr_shape_text((*entry)->value.shape),
                       size, bytes);
    return GR_OK;
}

gr_status gr_store_read(const gr_store *store, const char *name, void *data, size_t bytes)
{
    gr_store_entry *entry = NULL;
    GR_TRY(store_entry(store, name, bytes, &entry));
    GR_TRY(gr_store_enter((gr_store *)store, false));
    if (bytes) memcpy(data, entry->value.data, bytes);
    gr_store_leave((gr_store *)store, false);
    return GR_OK;
}

gr_status gr_store_write(gr_store *store, const char *name, const void *data, size_t bytes)
{
    gr_store_entry *entry = NULL;
    GR_TRY(store_entry(store, name, bytes, &entry));
    GR_TRY(gr_store_enter(store, true));
    if (bytes) memcpy(entry->value.data, data, bytes);
    gr_store_leave(store, true);
    return GR_OK;
}

gr_status gr_store_snapshot(const gr_store *store, gr_store **copy)
{
    *copy = NULL;
    if (!store) return gr_fail(GR_INVALID, "gr_store_snapshot needs a store");
    GR_TRY(gr_store_enter((gr_store *)store, false));
    gr_store *made = gr_store_new();
    gr_status status = made ? GR_OK : GR_NO_MEMORY;
    for (size_t i = 0; i < store->count && status == GR_OK; i++)
        status = store_add(made, store->entries[i].name, &store->entries[i].value);
    gr_store_leave((gr_store *)store, false);
    if (status == GR_OK)
        *copy = made;
    else
        gr_store_free(made);
    return status;
}
