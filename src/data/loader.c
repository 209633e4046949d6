/* Batches, prepared ahead by threads.
 *
 * Slots take turns: the caller reads one while others are filled, row by row, by whatever thread is
 * free. What is in a slot depends on its cursor alone, so threads change when work is done, never
 * what. */
#include "data/normalize.h"
#include "data/pictures.h"

#include <pthread.h>
#include <stdio.h>

#define LOADER_STREAM UINT64_C(0x6C6F61640000)    /* of the seed; epoch e shuffles with this + e */
#define LOADER_DRAWS UINT64_C(0x6472617700000000) /* of the seed; epoch e draws with this + e */
/* Handing over to a thread costs about what it takes to fill this many bytes. */
#define LOADER_WORTH_A_THREAD 65536
#define LOADER_MAX_THREADS 256
#define LOADER_SLOTS 2
#define LOADER_FAULT 512

#define LOADER_PREFETCH_ROWS 4
#define LOADER_PREFETCH_BYTES 1024

typedef enum loader_state {
    LOADER_FREE,   /* nobody wants it filled */
    LOADER_WANTED, /* it is to be filled from its cursor */
    LOADER_LISTED, /* somebody finds out which examples it gets */
    LOADER_FILLED, /* its rows are being given out and filled */
    LOADER_READY
} loader_state;

typedef struct loader_slot {
    loader_state state;
    gr_cursor from;
    int64_t rows;
    void *x; /* f32, or i32: tokens */
    int32_t *y;
    int64_t *index;      /* of the rows, in the storage */
    int64_t given, done; /* rows */
    int64_t failed;      /* the first row that failed, if status is not GR_OK */
    gr_status status;
    char fault[LOADER_FAULT];
} loader_slot;

/* What a thread works with. */
typedef struct loader_hand {
    void *raw;   /* an example as it is read */
    float *seen; /* what is seen of it, not normalised yet */
    gr_view_scratch scratch;
} loader_hand;

struct gr_loader {
    gr_dataset *dataset;
    gr_normalizer normalizer;
    gr_view view;
    int64_t batch, epoch_rows; /* rows of a batch and, without those left out, of an epoch */
    size_t elements;           /* of one example */
    bool shuffle, same_draws;
    uint64_t seed;

    gr_cursor next;   /* what the caller gets next */
    gr_status status; /* why it gets no more */
    char fault[LOADER_FAULT];

    int64_t *order;  /* of the examples: of whoever lists a slot, one at a time */
    int64_t ordered; /* the epoch that `order` is for, or -1 */

    loader_slot slot[LOADER_SLOTS];
    int slots;
    int turn;          /* the slot that the caller gets next */
    bool held;         /* the one before is still the caller's */
    gr_cursor prepare; /* what the next slot to be wanted gets: never the end of an epoch */

    int64_t share; /* rows that a thread fills at a time */
    int threads;   /* 0: the caller does the work */
    pthread_t thread[LOADER_MAX_THREADS];
    loader_hand *hand; /* [hands], one a thread */
    size_t hands;
    int workers;           /* threads that have taken theirs */
    pthread_mutex_t mutex; /* over the slots' states and counts, `quit`, `workers` */
    pthread_cond_t changed;
    bool quit;
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

static void loader_list(gr_loader *loader, loader_slot *slot)
{
    loader_set_order(loader, slot->from.epoch);
    for (int64_t row = 0; row < slot->rows; row++) {
        slot->index[row] = gr_dataset_index(loader->dataset, loader->order[slot->from.row + row]);
    }
}

/* Shuffled examples lie anywhere in memory: asks for one before it is needed. */
static void loader_prefetch(const gr_storage *storage, const loader_slot *slot, int64_t row)
{
    if (row >= slot->rows) return;
    const char *example = storage->examples + (size_t)slot->index[row] * storage->example_bytes;
    size_t bytes = storage->example_bytes;
    if (bytes > LOADER_PREFETCH_BYTES) bytes = LOADER_PREFETCH_BYTES; /* then the CPU goes on */
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(example + i);
}

static uint64_t loader_draw(const gr_loader *loader, int64_t epoch, int64_t index)
{
    uint64_t stream = LOADER_DRAWS + (uint64_t)(loader->same_draws ? 0 : epoch);
    gr_philox4 bits = gr_philox(loader->seed, (uint64_t)index, stream);
    return (uint64_t)bits.v[1] << 32 | bits.v[0];
}

static void loader_finish(const gr_loader *loader, const gr_frame *frame, const float *seen,
                          float *x)
{
    gr_normalize_example(&loader->normalizer, GR_F32, seen, loader->view.result,
                         (gr_normalize_place){frame->down, frame->right, frame->mirror}, x);
    gr_view_blank(frame, loader->view.result.dim[0], x);
}

/* What is seen of an example, normalised, to x. */
static gr_status loader_show(const gr_loader *loader, const void *example, uint64_t draw,
                             loader_hand *hand, float *x)
{
    const gr_storage *storage = loader->dataset->storage;
    const gr_view *view = &loader->view;
    if (view->plain) {
        gr_normalize_example(&loader->normalizer, storage->dtype, example, view->result,
                             (gr_normalize_place){0}, x);
        return GR_OK;
    }
    gr_frame frame;
    const gr_shape shape = storage->shape;
    gr_view_frame(view, shape.dim[1], shape.dim[2], draw, &frame);
    GR_TRY(gr_view_apply(&frame, storage->dtype, shape, example, &hand->scratch, hand->seen));
    loader_finish(loader, &frame, hand->seen, x);
    return GR_OK;
}

static gr_status loader_read_row(const gr_loader *loader, const loader_slot *slot, int64_t row,
                                 loader_hand *hand)
{
    const gr_storage *storage = loader->dataset->storage;
    const size_t at = (size_t)row * loader->elements;
    int32_t *y = slot->y + (size_t)row * storage->label_count;
    uint64_t draw = loader_draw(loader, slot->from.epoch, slot->index[row]);
    if (storage->pictures) {
        gr_frame frame;
        y[0] = storage->labels ? storage->labels[slot->index[row]] : -1;
        GR_TRY(gr_pictures_view(storage, slot->index[row], &loader->view, draw, &hand->scratch,
                                &frame, hand->seen));
        loader_finish(loader, &frame, hand->seen, (float *)slot->x + at);
        return GR_OK;
    }
    if (storage->dtype == GR_I32) {
        return gr_storage_read(storage, slot->index[row], draw, (int32_t *)slot->x + at, y);
    }
    GR_TRY(gr_storage_read(storage, slot->index[row], draw, hand->raw, y));
    return loader_show(loader, hand->raw, draw, hand, (float *)slot->x + at);
}

/* In memory: nothing is copied before it is seen. */
static gr_status loader_take_row(const gr_loader *loader, const loader_slot *slot, int64_t row,
                                 loader_hand *hand)
{
    const gr_storage *storage = loader->dataset->storage;
    const size_t index = (size_t)slot->index[row];
    const uint64_t draw =
        loader->view.varies ? loader_draw(loader, slot->from.epoch, slot->index[row]) : 0;
    loader_prefetch(storage, slot, row + LOADER_PREFETCH_ROWS);
    slot->y[row] = storage->labels ? storage->labels[index] : -1;
    return loader_show(loader, storage->examples + index * storage->example_bytes, draw, hand,
                       (float *)slot->x + (size_t)row * loader->elements);
}

/* ---- Sharing the work --------------------------------------------------------------------- */

/* The oldest slot with something to do, under the mutex; NULL: there is nothing now. */
static loader_slot *loader_find_work(gr_loader *loader)
{
    bool listing = false;
    for (int i = 0; i < loader->slots; i++) {
        loader_slot *slot = &loader->slot[(loader->turn + i) % loader->slots];
        if (slot->state == LOADER_FILLED && slot->given < slot->rows) return slot;
        if (slot->state == LOADER_WANTED && !listing) return slot;
        listing = listing || slot->state == LOADER_LISTED;
    }
    return NULL;
}

static void loader_note_fault(loader_slot *slot, gr_status status, int64_t row)
{
    if (slot->status != GR_OK && slot->failed <= row) return;
    slot->status = status;
    slot->failed = row;
    snprintf(slot->fault, sizeof slot->fault, "%.*s", (int)sizeof slot->fault - 1, gr_message());
}

/* Does a share of the slot's work. The mutex is held before and after, not meanwhile. */
static void loader_work(gr_loader *loader, loader_slot *slot, loader_hand *hand)
{
    if (slot->state == LOADER_WANTED) {
        slot->state = LOADER_LISTED;
        pthread_mutex_unlock(&loader->mutex);
        loader_list(loader, slot);
        pthread_mutex_lock(&loader->mutex);
        slot->given = slot->done = 0;
        slot->status = GR_OK;
        slot->state = LOADER_FILLED;
        pthread_cond_broadcast(&loader->changed);
        return;
    }
    const int64_t first = slot->given, left = slot->rows - first;
    const int64_t end = first + (left < loader->share ? left : loader->share);
    gr_status status = GR_OK;
    int64_t row = first;
    slot->given = end;
    pthread_mutex_unlock(&loader->mutex);
    const bool streamed = gr_dataset_streamed(loader->dataset);
    for (; row < end && status == GR_OK; row++) {
        status = streamed ? loader_read_row(loader, slot, row, hand)
                          : loader_take_row(loader, slot, row, hand);
    }
    pthread_mutex_lock(&loader->mutex);
    if (status != GR_OK) loader_note_fault(slot, status, row - 1);
    slot->done += end - first;
    if (slot->done < slot->rows) return;
    slot->state = LOADER_READY;
    pthread_cond_broadcast(&loader->changed);
}

static void *loader_run(void *user)
{
    gr_loader *loader = user;
    pthread_mutex_lock(&loader->mutex);
    loader_hand *hand = &loader->hand[loader->workers++];
    while (!loader->quit) {
        loader_slot *slot = loader_find_work(loader);
        if (slot) {
            loader_work(loader, slot, hand);
        } else {
            pthread_cond_wait(&loader->changed, &loader->mutex);
        }
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

/* Wants all free slots filled with what comes next, under the mutex. */
static void loader_want(gr_loader *loader)
{
    bool any = false;
    for (int i = 0; i < loader->slots; i++) {
        loader_slot *slot = &loader->slot[(loader->turn + i) % loader->slots];
        if (slot->state != LOADER_FREE) continue;
        int64_t left = loader->epoch_rows - loader->prepare.row;
        slot->from = loader->prepare;
        slot->rows = left < loader->batch ? left : loader->batch;
        slot->state = LOADER_WANTED;
        loader->prepare =
            loader_settle(loader, (gr_cursor){slot->from.epoch, slot->from.row + slot->rows});
        any = true;
    }
    if (any && loader->threads) pthread_cond_broadcast(&loader->changed);
}

/* Works on a slot or waits for it, under the mutex, until it is ready. */
static void loader_await(gr_loader *loader, loader_slot *slot)
{
    while (slot->state != LOADER_READY) {
        if (loader->threads) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
        } else {
            loader_work(loader, slot, &loader->hand[0]);
        }
    }
}

/* Frees all slots, under the mutex, once nobody fills them any more. */
static void loader_drain(gr_loader *loader)
{
    for (;;) {
        bool busy = false;
        for (int i = 0; i < loader->slots; i++) {
            loader_slot *slot = &loader->slot[i];
            if (slot->state == LOADER_FILLED) { /* rows that nobody has begun need no filling */
                slot->done += slot->rows - slot->given;
                slot->given = slot->rows;
                if (slot->done == slot->rows) slot->state = LOADER_READY;
            }
            bool filled = slot->state == LOADER_LISTED || slot->state == LOADER_FILLED;
            if (!filled) slot->state = LOADER_FREE;
            busy = busy || filled;
        }
        if (!busy) return;
        pthread_cond_wait(&loader->changed, &loader->mutex);
    }
}

/* ---- Making and freeing ------------------------------------------------------------------- */

static gr_status loader_check(const gr_dataset *dataset, const gr_loader_options *options,
                              gr_view *view)
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
    if (options->threads < 0 || options->threads > LOADER_MAX_THREADS) {
        return gr_fail(GR_INVALID, "loader of '%s': %d threads: should be 0 to %d",
                       gr_dataset_name(dataset), options->threads, LOADER_MAX_THREADS);
    }
    gr_status status = gr_view_settle(dataset->storage->dtype, dataset->storage->shape,
                                      options->preprocess, options->augment, view);
    if (status == GR_OK && options->normalizer && dataset->storage->dtype != GR_I32) {
        status = gr_normalize_fits(options->normalizer, view->result);
    }
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
    const gr_storage *storage = loader->dataset->storage;
    size_t rows = (size_t)loader->batch, x, y;
    if (!gr_mul_size(rows, loader->elements, &x) || !gr_mul_size(x, sizeof(float), &x) ||
        !gr_mul_size(rows, storage->label_count, &y) || !gr_mul_size(y, sizeof(int32_t), &y)) {
        return gr_no_memory(SIZE_MAX);
    }
    for (int i = 0; i < loader->slots; i++) {
        loader_slot *slot = &loader->slot[i];
        slot->x = gr_alloc_aligned(x);
        slot->y = gr_alloc_aligned(y);
        slot->index = gr_alloc_array(rows, sizeof *slot->index);
        if (!slot->x || !slot->y || !slot->index) return GR_NO_MEMORY;
    }
    return GR_OK;
}

/* What each thread works with. */
static gr_status loader_take_hands(gr_loader *loader, int threads)
{
    const gr_storage *storage = loader->dataset->storage;
    const gr_view *view = &loader->view;
    const size_t n = threads > 0 ? (size_t)threads : 1;
    loader->hand = gr_alloc_array(n, sizeof *loader->hand);
    if (!loader->hand) return GR_NO_MEMORY;
    loader->hands = n;
    for (size_t i = 0; i < n; i++) {
        loader_hand *hand = &loader->hand[i];
        if (storage->source.read && storage->dtype != GR_I32) {
            hand->raw = gr_alloc_aligned(storage->example_bytes);
            if (!hand->raw) return GR_NO_MEMORY;
        }
        if (view->plain) continue;
        hand->seen = gr_alloc_aligned(loader->elements * sizeof(float));
        if (!hand->seen) return GR_NO_MEMORY;
        GR_TRY(gr_view_prepare(view, storage->shape.dim[1], storage->shape.dim[2], &hand->scratch));
    }
    return GR_OK;
}

static gr_status loader_take_normalizer(gr_loader *loader, const gr_normalizer *normalizer)
{
    if (!normalizer) {
        return gr_normalizer_none(loader->view.result, &loader->normalizer);
    }
    GR_TRY(gr_normalizer_new(normalizer->kind, normalizer->channels, normalizer->shift,
                             normalizer->scale, &loader->normalizer));
    loader->normalizer.picture = normalizer->picture;
    return GR_OK;
}

/* How many threads prepare batches. */
static int loader_choose_threads(const gr_loader *loader, const gr_loader_options *options)
{
    const bool streamed =
        gr_dataset_streamed(loader->dataset) && !loader->dataset->storage->source.quick;
    size_t bytes = (size_t)loader->batch * loader->elements * sizeof(float);
    if (options->synchronous || (!streamed && bytes < LOADER_WORTH_A_THREAD)) return 0;
    if (options->threads > 0) return options->threads;
    int cores = streamed ? gr_default_threads() : 1;
    return cores < LOADER_MAX_THREADS ? cores : LOADER_MAX_THREADS;
}

/* Starts the threads, as many as can be had. Without any, batches are made when asked for. */
static void loader_start_threads(gr_loader *loader, int wanted)
{
    pthread_mutex_lock(&loader->mutex); /* nobody looks at the loader yet */
    while (loader->threads < wanted &&
           pthread_create(&loader->thread[loader->threads], NULL, loader_run, loader) == 0) {
        loader->threads++;
    }
    pthread_mutex_unlock(&loader->mutex);
    if (loader->threads == wanted) return;
    gr_remark(GR_LOG_WARNING, "loader: %d of %d threads could be started", loader->threads, wanted);
}

gr_status gr_loader_new(const gr_dataset *dataset, const gr_loader_options *options,
                        gr_loader **loader)
{
    gr_loader_options known;
    gr_view view;
    *loader = NULL;
    GR_TRY(GR_OPTIONS(gr_loader_options, &known, options));
    if (known.batch == 0) known.batch = 64;
    GR_TRY(loader_check(dataset, &known, &view));
    gr_loader *made = gr_alloc(sizeof *made);
    if (!made) return GR_NO_MEMORY;
    int64_t n = dataset->count;
    made->epoch_rows = known.drop_last ? n - n % known.batch : n;
    made->batch = known.batch < n ? known.batch : n;
    made->view = view;
    made->elements = (size_t)gr_shape_count(view.result);
    made->shuffle = known.shuffle;
    made->same_draws = known.same_draws;
    made->seed = known.seed;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    gr_status status = loader_take_dataset(made, dataset);
    int threads = 0;
    if (status == GR_OK) {
        threads = loader_choose_threads(made, &known);
        made->slots = threads > 0 ? LOADER_SLOTS : 1;
        /* Alone, a thread need not tell of each row; together, none should wait long at the end. */
        made->share = threads < 2 ? made->batch : 1 + made->batch / (16 * threads);
        status = loader_take_normalizer(made, known.normalizer);
    }
    if (status == GR_OK) status = loader_take_slots(made);
    if (status == GR_OK) status = loader_take_hands(made, threads);
    if (status != GR_OK) {
        gr_loader_free(made);
        return status;
    }
    loader_start_threads(made, threads);
    *loader = made;
    return GR_OK;
}

void gr_loader_free(gr_loader *loader)
{
    if (!loader) return;
    pthread_mutex_lock(&loader->mutex);
    loader->quit = true;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
    for (int i = 0; i < loader->threads; i++) pthread_join(loader->thread[i], NULL);
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->mutex);
    for (size_t i = 0; i < loader->hands; i++) {
        gr_free_aligned(loader->hand[i].raw);
        gr_free_aligned(loader->hand[i].seen);
        gr_view_scratch_clear(&loader->hand[i].scratch);
    }
    gr_free(loader->hand);
    for (int i = 0; i < LOADER_SLOTS; i++) {
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

/* Makes slot[turn] the caller's, filled, and has the others filled meanwhile. */
static loader_slot *loader_take_turn(gr_loader *loader)
{
    pthread_mutex_lock(&loader->mutex);
    if (loader->held) {
        loader->slot[loader->turn].state = LOADER_FREE;
        loader->turn = (loader->turn + 1) % loader->slots;
    }
    loader->held = true;
    loader_want(loader);
    loader_slot *slot = &loader->slot[loader->turn];
    loader_await(loader, slot);
    pthread_mutex_unlock(&loader->mutex);
    return slot;
}

/* [rows, axes…] */
static gr_shape loader_shape(int64_t rows, gr_shape axes)
{
    gr_shape shape = {.rank = axes.rank + 1};
    shape.dim[0] = rows;
    for (int axis = 0; axis < axes.rank; axis++) shape.dim[axis + 1] = axes.dim[axis];
    return shape;
}

bool gr_loader_next(gr_loader *loader, gr_batch *batch)
{
    if (loader->status != GR_OK) return false;
    if (loader->next.row == loader->epoch_rows) {
        loader->next = loader_settle(loader, loader->next);
        return false;
    }
    const loader_slot *slot = loader_take_turn(loader);
    const gr_storage *storage = loader->dataset->storage;
    if (slot->status != GR_OK) {
        loader->status = slot->status;
        memcpy(loader->fault, slot->fault, sizeof loader->fault);
        return false;
    }
    *batch = (gr_batch){
        .x = {storage->dtype == GR_I32 ? GR_I32 : GR_F32,
              loader_shape(slot->rows, loader->view.result), slot->x},
        .y = {GR_I32, loader_shape(slot->rows, storage->label_shape), slot->y},
        .index = slot->index,
        .rows = slot->rows,
        .epoch = slot->from.epoch,
    };
    loader->next.row += slot->rows;
    return true;
}

gr_status gr_loader_status(const gr_loader *loader)
{
    if (loader->status == GR_OK) return GR_OK;
    return gr_fail(loader->status, "%s", loader->fault);
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
    pthread_mutex_lock(&loader->mutex);
    loader_drain(loader);
    loader->held = false;
    loader->prepare = loader_settle(loader, cursor);
    pthread_mutex_unlock(&loader->mutex);
    loader->next = cursor;
    loader->status = GR_OK;
    return GR_OK;
}
