/* Batches, prepared ahead by a thread.
 *
 * Two slots take turns: the caller reads one while the other is filled. What is in a slot depends
 * on its cursor alone, so the thread changes when work is done, never what. */
#include "data/normalize.h"

#include <pthread.h>

#define LOADER_STREAM UINT64_C(0x6C6F61640000) /* of the seed; epoch e shuffles with this + e */
/* Handing over to a thread costs about what it takes to fill this many bytes. */
#define LOADER_WORTH_A_THREAD 65536

#define LOADER_PREFETCH_ROWS 4
#define LOADER_PREFETCH_BYTES 1024

typedef struct loader_slot {
    int64_t rows, epoch;
    float *x;
    int32_t *y;
    int64_t *index;
} loader_slot;

struct gr_loader {
    gr_dataset *dataset;
    gr_normalizer normalizer;
    int64_t batch, epoch_rows; /* rows of a batch and, without those left out, of an epoch */
    size_t elements;           /* of one example */
    bool shuffle;
    uint64_t seed;

    gr_cursor next;      /* what the caller gets next */
    loader_slot slot[2]; /* slot[turn] is the caller's */
    int turn;
    bool ahead; /* the other slot has, or will have, what comes next */

    /* Of whoever fills slots: the thread while `wanted`, else the caller. */
    int64_t *order;    /* of the examples */
    int64_t ordered;   /* the epoch that `order` is for, or -1 */
    gr_cursor prepare; /* what to fill in: never the end of an epoch */

    bool threaded;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool wanted, quit; /* under the mutex: slot[!turn] is to be filled; the thread is to end */
};

/* ---- Filling a slot ----------------------------------------------------------------------- */

static void loader_set_order(gr_loader *loader, int64_t epoch)
{
    int64_t n = loader->dataset->count;
    if (loader->ordered == epoch) return;
    loader->ordered = epoch;
    for (int64_t i = 0; i < n; i++) loader->order[i] = i;
    if (!loader->shuffle) return;
    gr_rng rng = gr_rng_new(loader->seed, LOADER_STREAM + (uint64_t)epoch);
    gr_rng_shuffle(&rng, loader->order, n);
}

/* The end of an epoch is where the next one begins. */
static gr_cursor loader_settle(const gr_loader *loader, gr_cursor cursor)
{
    return cursor.row < loader->epoch_rows ? cursor : (gr_cursor){cursor.epoch + 1, 0};
}

/* Shuffled examples lie anywhere in memory: asks for one before it is needed. */
static void loader_prefetch(const gr_loader *loader, int64_t at)
{
    if (at >= loader->epoch_rows) return;
    const char *example = gr_dataset_example(loader->dataset, loader->order[at]);
    size_t bytes = loader->dataset->storage->example_bytes;
    if (bytes > LOADER_PREFETCH_BYTES) bytes = LOADER_PREFETCH_BYTES; /* then the CPU goes on */
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(example + i);
}

static void loader_fill(gr_loader *loader, loader_slot *slot)
{
    const gr_dataset *dataset = loader->dataset;
    const gr_cursor from = loader->prepare;
    int64_t left = loader->epoch_rows - from.row;
    slot->rows = left < loader->batch ? left : loader->batch;
    slot->epoch = from.epoch;
    loader_set_order(loader, from.epoch);
    for (int64_t row = 0; row < slot->rows; row++) {
        int64_t example = loader->order[from.row + row];
        loader_prefetch(loader, from.row + row + LOADER_PREFETCH_ROWS);
        slot->index[row] = gr_dataset_index(dataset, example);
        slot->y[row] = gr_dataset_label(dataset, example);
        gr_normalize_example(&loader->normalizer, dataset->storage->dtype,
                             gr_dataset_example(dataset, example), loader->elements,
                             slot->x + (size_t)row * loader->elements);
    }
    loader->prepare = loader_settle(loader, (gr_cursor){from.epoch, from.row + slot->rows});
}

static void *loader_run(void *user)
{
    gr_loader *loader = user;
    pthread_mutex_lock(&loader->mutex);
    for (;;) {
        while (!loader->wanted && !loader->quit)
            pthread_cond_wait(&loader->changed, &loader->mutex);
        if (loader->quit) break;
        loader_slot *slot = &loader->slot[!loader->turn];
        pthread_mutex_unlock(&loader->mutex);
        loader_fill(loader, slot);
        pthread_mutex_lock(&loader->mutex);
        loader->wanted = false;
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

/* ---- Making and freeing ------------------------------------------------------------------- */

static gr_status loader_check(const gr_dataset *dataset, const gr_loader_options *options)
{
    if (dataset->count < 1) {
        return gr_fail(GR_INVALID, "loader of '%s': there are no examples",
                       gr_dataset_name(dataset));
    }
    if (options->batch < 0) {
        return gr_fail(GR_INVALID, "loader of '%s': a batch of %lld rows", gr_dataset_name(dataset),
                       (long long)options->batch);
    }
    if (options->drop_last && options->batch > dataset->count) {
        return gr_fail(GR_INVALID,
                       "loader of '%s': %lld examples do not fill a batch of %lld, and drop_last "
                       "leaves out what does not",
                       gr_dataset_name(dataset), (long long)dataset->count,
                       (long long)options->batch);
    }
    if (!options->normalizer) return GR_OK;
    gr_status status = gr_normalize_fits(options->normalizer, gr_dataset_shape(dataset));
    if (status == GR_OK) return GR_OK;
    return gr_fail_prefix(status, "loader of '%s': ", gr_dataset_name(dataset));
}

static gr_status loader_take_dataset(gr_loader *loader, const gr_dataset *dataset)
{
    int64_t n = dataset->count;
    loader->order = gr_alloc_array((size_t)n, sizeof *loader->order);
    if (!loader->order) return GR_NO_MEMORY;
    loader->ordered = -1;
    /* Its own reference: the set may be freed by whoever opened it. */
    for (int64_t i = 0; i < n; i++) loader->order[i] = i;
    return gr_dataset_select(dataset, loader->order, n, &loader->dataset);
}

static gr_status loader_take_slots(gr_loader *loader)
{
    size_t rows = (size_t)loader->batch, x;
    if (!gr_mul_size(rows, loader->elements, &x) || !gr_mul_size(x, sizeof(float), &x)) {
        return gr_no_memory(SIZE_MAX);
    }
    for (int i = 0; i < (loader->threaded ? 2 : 1); i++) {
        loader_slot *slot = &loader->slot[i];
        slot->x = gr_alloc_aligned(x);
        slot->y = gr_alloc_aligned(rows * sizeof *slot->y);
        slot->index = gr_alloc_array(rows, sizeof *slot->index);
        if (!slot->x || !slot->y || !slot->index) return GR_NO_MEMORY;
    }
    return GR_OK;
}

static gr_status loader_take_normalizer(gr_loader *loader, const gr_normalizer *normalizer)
{
    if (!normalizer) {
        return gr_normalizer_learn(GR_NORMALIZE_NONE, loader->dataset, &loader->normalizer);
    }
    return gr_normalizer_new(normalizer->kind, normalizer->channels, normalizer->shift,
                             normalizer->scale, &loader->normalizer);
}

/* Starts the thread. Without one (none can be had, or it is not worth it) the batches are made when
 * they are asked for. */
static void loader_start_thread(gr_loader *loader)
{
    if (!loader->threaded) return;
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->changed, NULL);
    if (pthread_create(&loader->thread, NULL, loader_run, loader) == 0) return;
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->mutex);
    loader->threaded = false;
    gr_remark(GR_LOG_WARNING, "loader: no thread could be started: batches are made when needed");
}

/* Asks the thread to fill the other slot. */
static void loader_ask(gr_loader *loader)
{
    pthread_mutex_lock(&loader->mutex);
    loader->wanted = true;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
}

static void loader_wait(gr_loader *loader)
{
    pthread_mutex_lock(&loader->mutex);
    while (loader->wanted) pthread_cond_wait(&loader->changed, &loader->mutex);
    pthread_mutex_unlock(&loader->mutex);
}

gr_status gr_loader_new(const gr_dataset *dataset, const gr_loader_options *options,
                        gr_loader **loader)
{
    gr_loader_options known;
    *loader = NULL;
    GR_TRY(GR_OPTIONS(known, options));
    if (known.batch == 0) known.batch = 64;
    GR_TRY(loader_check(dataset, &known));
    gr_loader *made = gr_alloc(sizeof *made);
    if (!made) return GR_NO_MEMORY;
    int64_t n = dataset->count;
    made->epoch_rows = known.drop_last ? n - n % known.batch : n;
    made->batch = known.batch < n ? known.batch : n;
    made->elements = (size_t)gr_shape_count(gr_dataset_shape(dataset));
    made->shuffle = known.shuffle;
    made->seed = known.seed;
    size_t batch_bytes = (size_t)made->batch * made->elements * sizeof(float);
    made->threaded = !known.synchronous && batch_bytes >= LOADER_WORTH_A_THREAD;
    gr_status status = loader_take_dataset(made, dataset);
    if (status == GR_OK) status = loader_take_normalizer(made, known.normalizer);
    if (status == GR_OK) status = loader_take_slots(made);
    if (status != GR_OK) {
        made->threaded = false; /* there is none yet */
        gr_loader_free(made);
        return status;
    }
    loader_start_thread(made);
    *loader = made;
    return GR_OK;
}

void gr_loader_free(gr_loader *loader)
{
    if (!loader) return;
    if (loader->threaded) {
        pthread_mutex_lock(&loader->mutex);
        loader->quit = true;
        pthread_cond_broadcast(&loader->changed);
        pthread_mutex_unlock(&loader->mutex);
        pthread_join(loader->thread, NULL);
        pthread_cond_destroy(&loader->changed);
        pthread_mutex_destroy(&loader->mutex);
    }
    for (int i = 0; i < 2; i++) {
        gr_free_aligned(loader->slot[i].x);
        gr_free_aligned(loader->slot[i].y);
        gr_free(loader->slot[i].index);
    }
    gr_dataset_free(loader->dataset);
    gr_normalizer_clear(&loader->normalizer);
    gr_free(loader->order);
    gr_free(loader);
}

/* ---- Going through ------------------------------------------------------------------------ */

/* Makes slot[turn] the next batch, and has the one after it prepared. */
static void loader_turn(gr_loader *loader)
{
    if (!loader->threaded) {
        loader_fill(loader, &loader->slot[loader->turn]);
        return;
    }
    if (!loader->ahead) loader_ask(loader);
    loader_wait(loader);
    loader->turn = !loader->turn;
    loader->ahead = true;
    loader_ask(loader);
}

bool gr_loader_next(gr_loader *loader, gr_batch *batch)
{
    if (loader->next.row == loader->epoch_rows) {
        loader->next = loader_settle(loader, loader->next);
        return false;
    }
    loader_turn(loader);
    const loader_slot *slot = &loader->slot[loader->turn];
    gr_shape shape = gr_dataset_shape(loader->dataset), rows = {.rank = shape.rank + 1};
    rows.dim[0] = slot->rows;
    for (int axis = 0; axis < shape.rank; axis++) rows.dim[axis + 1] = shape.dim[axis];
    *batch = (gr_batch){
        .x = {GR_F32, rows, slot->x},
        .y = {GR_I32, GR_SHAPE(slot->rows), slot->y},
        .index = slot->index,
        .rows = slot->rows,
        .epoch = slot->epoch,
    };
    loader->next.row += slot->rows;
    return true;
}

int64_t gr_loader_rows(const gr_loader *loader)
{
    return loader->epoch_rows;
}

int64_t gr_loader_batches(const gr_loader *loader)
{
    return (loader->epoch_rows + loader->batch - 1) / loader->batch;
}

gr_cursor gr_loader_cursor(const gr_loader *loader)
{
    return loader->next;
}

gr_status gr_loader_seek(gr_loader *loader, gr_cursor cursor)
{
    bool begins =
        cursor.row >= 0 && cursor.row < loader->epoch_rows && cursor.row % loader->batch == 0;
    if (cursor.epoch < 0 || !(begins || cursor.row == loader->epoch_rows)) {
        return gr_fail(GR_RANGE,
                       "loader of '%s': no batch begins at row %lld of epoch %lld: an epoch has "
                       "%lld rows in batches of %lld",
                       gr_dataset_name(loader->dataset), (long long)cursor.row,
                       (long long)cursor.epoch, (long long)loader->epoch_rows,
                       (long long)loader->batch);
    }
    if (loader->ahead) loader_wait(loader);
    loader->ahead = false;
    loader->next = cursor;
    loader->prepare = loader_settle(loader, cursor);
    return GR_OK;
}
