/* How far a step moves the parameters, from elements of them that are noted before it. */
#include <math.h>

#include "run/store.h"
#include "train/trainer.h"

#define WATCH_MOST 16384 /* elements of one parameter */

/* Of a parameter every step-th element. */
typedef struct watch_entry {
    int at; /* in the store */
    int64_t count, step;
    float *before; /* [count] */
} watch_entry;

struct gr_watch {
    int n;
    watch_entry *entry;
    gr_update *update; /* [n]: of the last step looked at */
    bool noted, known; /* are there elements, are there updates? */
};

static gr_status watch_add(gr_watch *watch, const gr_store *store, gr_scope *scope, int i)
{
    gr_node *param = gr_scope_param(scope, i);
    const int at = gr_store_find(store, gr_node_name(param));
    /* A bias begins at 0: what an update is of it tells nothing. */
    if (at < 0 || gr_node_shape(param).rank < 2 || gr_scope_tuning(scope, param).rate == 0)
        return GR_OK;
    const int64_t all = gr_shape_count(gr_node_shape(param)), step = (all - 1) / WATCH_MOST + 1;
    watch_entry *entry = &watch->entry[watch->n];
    *entry = (watch_entry){.at = at, .count = (all - 1) / step + 1, .step = step};
    entry->before = gr_alloc_array((size_t)entry->count, sizeof *entry->before);
    if (!entry->before) return GR_NO_MEMORY;
    watch->update[watch->n++] = (gr_update){store->entries[at].name, (double)NAN};
    return GR_OK;
}

gr_status gr_watch_new(const gr_store *store, gr_scope *scope, gr_watch **watch)
{
    const size_t params = (size_t)gr_scope_params(scope);
    gr_watch *w = gr_alloc(sizeof *w);
    *watch = w;
    if (!w) return GR_NO_MEMORY;
    w->entry = gr_alloc_array(params + 1, sizeof *w->entry);
    w->update = gr_alloc_array(params + 1, sizeof *w->update);
    if (!w->entry || !w->update) return GR_NO_MEMORY;
    for (size_t i = 0; i < params; i++) GR_TRY(watch_add(w, store, scope, (int)i));
    return GR_OK;
}

void gr_watch_free(gr_watch *watch)
{
    if (!watch) return;
    for (int i = 0; i < watch->n; i++) gr_free(watch->entry[i].before);
    gr_free(watch->entry);
    gr_free(watch->update);
    gr_free(watch);
}

void gr_watch_before(gr_watch *watch, const gr_store *store)
{
    for (int i = 0; i < watch->n; i++) {
        const watch_entry *entry = &watch->entry[i];
        const float *now = store->entries[entry->at].value.data;
        for (int64_t k = 0; k < entry->count; k++) entry->before[k] = now[k * entry->step];
    }
    watch->noted = true;
}

void gr_watch_after(gr_watch *watch, const gr_store *store)
{
    if (!watch->noted) return;
    for (int i = 0; i < watch->n; i++) {
        const watch_entry *entry = &watch->entry[i];
        const float *now = store->entries[entry->at].value.data;
        double moved = 0, size = 0;
        for (int64_t k = 0; k < entry->count; k++) {
            const double before = (double)entry->before[k];
            moved +=
                ((double)now[k * entry->step] - before) * ((double)now[k * entry->step] - before);
            size += before * before;
        }
        watch->update[i].ratio = sqrt(moved / size);
    }
    watch->noted = false;
    watch->known = true;
}

int gr_trainer_updates(const gr_trainer *trainer, const gr_update **updates)
{
    const gr_watch *watch = trainer->watch;
    if (!watch || !watch->known) return 0;
    *updates = watch->update;
    return watch->n;
}
