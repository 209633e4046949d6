/* Sources: sets that are read as they are needed. The same batches with any number of threads,
 * draws that depend on seed, epoch and example alone, and faults that come through. */
#include "support_data.h"
#include "support_train.h"

#include <stdatomic.h>

#include <gradus/train.h>

enum { COUNT = 90, WIDTH = 33, PLACES = 5 };

/* What a test's source does: counts its readers' calls, fails at one example. */
typedef struct made_source {
    atomic_int reads, freed;
    int64_t bad; /* -1: none */
} made_source;

static gr_status read_floats(void *user, int64_t i, uint64_t draw, void *x, int32_t *y)
{
    made_source *made = user;
    float *to = x;
    atomic_fetch_add(&made->reads, 1);
    if (i == made->bad) return gr_source_fail(GR_FORMAT, "record %d: is damaged", (int)i);
    for (int k = 0; k < WIDTH; k++) to[k] = (float)(i * 100 + k);
    to[1] = (float)(draw % 65536);
    if (y) y[0] = (int32_t)(i % 3);
    return GR_OK;
}

static gr_status read_tokens(void *user, int64_t i, uint64_t draw, void *x, int32_t *y)
{
    int32_t *to = x;
    (void)draw;
    atomic_fetch_add(&((made_source *)user)->reads, 1);
    for (int k = 0; k < PLACES; k++) {
        to[k] = (int32_t)(i + k);
        y[k] = (int32_t)(i + k + 1);
    }
    return GR_OK;
}

static void free_source(void *user)
{
    atomic_fetch_add(&((made_source *)user)->freed, 1);
}

static void start(made_source *made, int64_t bad)
{
    atomic_init(&made->reads, 0);
    atomic_init(&made->freed, 0);
    made->bad = bad;
}

static gr_dataset *floats(made_source *made, const int32_t *labels)
{
    gr_dataset *set;
    assert_int_equal(
        gr_dataset_from_source(GR_SOURCE(.name = "made", .count = COUNT, .dtype = GR_F32,
                                         .shape = GR_SHAPE(WIDTH), .classes = 3, .labels = labels,
                                         .read = read_floats, .free = free_source, .user = made),
                               &set),
        GR_OK);
    return set;
}

static gr_loader *load(const gr_dataset *set, const gr_loader_options *options)
{
    gr_loader *loader;
    assert_int_equal(gr_loader_new(set, options, &loader), GR_OK);
    return loader;
}

/* Two epochs of x, y and index, whole batches after each other. */
typedef struct record {
    float x[2 * COUNT][WIDTH];
    int32_t y[2 * COUNT];
    int64_t index[2 * COUNT];
} record;

static void record_epochs(gr_loader *loader, int epochs, record *r)
{
    size_t n = 0;
    gr_batch batch;
    for (int epoch = 0; epoch < epochs; epoch++) {
        while (gr_loader_next(loader, &batch)) {
            size_t rows = (size_t)batch.rows;
            memcpy(r->x[n], batch.x.data, rows * sizeof r->x[0]);
            memcpy(&r->y[n], batch.y.data, rows * sizeof r->y[0]);
            memcpy(&r->index[n], batch.index, rows * sizeof r->index[0]);
            n += rows;
        }
        assert_int_equal(gr_loader_status(loader), GR_OK);
    }
    assert_int_equal(n, epochs * COUNT);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    static record got[4];
    made_source made;
    start(&made, -1);
    for (int i = 0; i < 4; i++) {
        gr_dataset *set = floats(&made, NULL);
        gr_loader *loader =
            load(set, GR_LOADER(.batch = 16, .shuffle = true, .seed = 7, .synchronous = i == 0,
                                .threads = i ? 2 * i - 1 : 0));
        gr_dataset_free(set);
        assert_int_equal(atomic_load(&made.freed), i); /* the loader has it still */
        record_epochs(loader, 2, &got[i]);
        gr_loader_free(loader);
        assert_int_equal(atomic_load(&made.freed), i + 1);
        assert_memory_equal(&got[i], &got[0], sizeof got[0]);
    }
    for (int n = 0; n < COUNT; n++) {
        int64_t i = got[0].index[n];
        assert_int_equal(got[0].y[n], i % 3);
        assert_true(got[0].x[n][0] == (float)(i * 100) && got[0].x[n][2] == (float)(i * 100 + 2));
    }
}

/* Draws differ between examples, epochs and seeds; not for validation, and not by what a batch is.
 */
static void draws_are_pure(void **state)
{
    (void)state;
    static record got[4];
    made_source made;
    start(&made, -1);
    gr_dataset *set = floats(&made, NULL);
    const gr_loader_options *options[] = {
        GR_LOADER(.batch = 16, .seed = 7), GR_LOADER(.batch = 7, .seed = 7),
        GR_LOADER(.batch = 16, .seed = 8), GR_LOADER(.batch = 16, .seed = 7, .same_draws = true)};
    for (int i = 0; i < 4; i++) {
        gr_loader *loader = load(set, options[i]);
        record_epochs(loader, 2, &got[i]);
        gr_loader_free(loader);
    }
    int alike[4] = {0};
    for (int n = 0; n < COUNT; n++) {
        assert_true(got[0].x[n][1] == got[1].x[n][1]);
        assert_true(got[3].x[n][1] == got[0].x[n][1]);
        assert_true(got[3].x[n][1] == got[3].x[n + COUNT][1]);
        alike[0] += got[0].x[n][1] == got[0].x[n + COUNT][1];
        alike[1] += got[0].x[n][1] == got[2].x[n][1];
        alike[2] += n > 0 && got[0].x[n][1] == got[0].x[n - 1][1];
    }
    for (int k = 0; k < 3; k++) assert_in_range(alike[k], 0, 3);
    gr_dataset_free(set);
}

static void tokens_and_labels_for_each_place(void **state)
{
    (void)state;
    made_source made;
    gr_dataset *set;
    gr_batch batch;
    start(&made, -1);
    assert_int_equal(
        gr_dataset_from_source(GR_SOURCE(.count = 20, .dtype = GR_I32, .shape = GR_SHAPE(PLACES),
                                         .label_shape = GR_SHAPE(PLACES), .classes = 100,
                                         .read = read_tokens, .user = &made),
                               &set),
        GR_OK);
    assert_true(gr_dataset_streamed(set) && !gr_dataset_example(set, 0));
    assert_true(gr_shape_equal(gr_dataset_label_shape(set), GR_SHAPE(PLACES)));
    assert_int_equal(gr_dataset_label(set, 3), -1);
    gr_normalizer norm;
    assert_int_equal(gr_normalizer_learn(GR_NORMALIZE_STANDARD, set, &norm), GR_OK);
    assert_int_equal(norm.kind, GR_NORMALIZE_NONE);
    gr_loader *loader = load(set, GR_LOADER(.batch = 8, .shuffle = true, .normalizer = &norm));
    while (gr_loader_next(loader, &batch)) {
        assert_int_equal(batch.x.dtype, GR_I32);
        assert_true(gr_shape_equal(batch.x.shape, GR_SHAPE(batch.rows, PLACES)));
        assert_true(gr_shape_equal(batch.y.shape, GR_SHAPE(batch.rows, PLACES)));
        const int32_t *x = batch.x.data, *y = batch.y.data;
        for (int64_t row = 0; row < batch.rows; row++) {
            for (int k = 0; k < PLACES; k++) {
                assert_int_equal(x[row * PLACES + k], batch.index[row] + k);
                assert_int_equal(y[row * PLACES + k], batch.index[row] + k + 1);
            }
        }
    }
    assert_int_equal(gr_loader_status(loader), GR_OK);
    gr_loader_free(loader);
    gr_normalizer_clear(&norm);
    gr_dataset_free(set);
}

/* Of a batch the first bad row is told, whoever read it; a seek goes on. */
static void faults_come_through(void **state)
{
    (void)state;
    made_source made;
    gr_batch batch;
    start(&made, 40);
    gr_dataset *set = floats(&made, NULL);
    for (int threads = 0; threads < 4; threads++) {
        gr_loader *loader =
            load(set, GR_LOADER(.batch = 16, .synchronous = threads == 0, .threads = threads));
        for (int again = 0; again < 2; again++) {
            int batches = 0;
            while (gr_loader_next(loader, &batch)) batches++;
            assert_int_equal(batches, again ? 1 : 2);
            assert_false(gr_loader_next(loader, &batch));
            assert_int_equal(gr_loader_status(loader), GR_FORMAT);
            assert_string_equal(gr_message(), "record 40: is damaged");
            assert_int_equal(gr_loader_cursor(loader).row, 32);
            assert_int_equal(gr_loader_seek(loader, (gr_cursor){0, 16}), GR_OK);
            assert_int_equal(gr_loader_status(loader), GR_OK);
        }
        assert_int_equal(gr_loader_seek(loader, (gr_cursor){0, 48}), GR_OK);
        assert_true(gr_loader_next(loader, &batch));
        assert_int_equal(batch.index[0], 48);
        gr_loader_free(loader);
    }
    gr_dataset_free(set);
}

static void splits_and_selections(void **state)
{
    (void)state;
    made_source made;
    gr_dataset *rest, *held;
    int32_t labels[COUNT], y;
    float x[WIDTH];
    start(&made, -1);
    for (int i = 0; i < COUNT; i++) labels[i] = i < 60 ? 0 : i % 2 + 1;
    gr_dataset *set = floats(&made, labels);
    assert_int_equal(gr_dataset_split(set, GR_DATA_SPLIT(.fraction = .1, .seed = 3), &rest, &held),
                     GR_OK);
    gr_dataset_free(set);
    int of_class[3] = {0};
    for (int64_t i = 0; i < gr_dataset_size(held); i++) {
        int64_t index = gr_dataset_index(held, i);
        of_class[gr_dataset_label(held, i)]++;
        assert_int_equal(gr_dataset_read(held, i, 0, x, &y), GR_OK);
        assert_true(x[0] == (float)(100 * index));
        assert_int_equal(y, labels[index]);
    }
    assert_true(of_class[0] == 6 && of_class[1] + of_class[2] == 3);
    assert_int_equal(gr_dataset_read(held, 9, 0, x, &y), GR_RANGE);
    gr_dataset_free(rest);
    assert_int_equal(atomic_load(&made.freed), 0);
    gr_dataset_free(held);
    assert_int_equal(atomic_load(&made.freed), 1);
}

static void check_refused(const gr_source *source, gr_status status, const char *words)
{
    gr_dataset *set;
    made_source made;
    gr_source given = *source;
    start(&made, -1);
    given.user = &made;
    given.free = free_source;
    assert_int_equal(gr_dataset_from_source(&given, &set), status);
    assert_null(set);
    assert_int_equal(atomic_load(&made.freed), 1);
    if (!strstr(gr_message(), words)) fail_msg("'%s' lacks '%s'", gr_message(), words);
}

static void refuses_bad_sources(void **state)
{
    (void)state;
    static const int32_t labels[] = {0, 3};
    gr_source good = {.size = sizeof good,
                      .name = "bad",
                      .count = 2,
                      .dtype = GR_F32,
                      .shape = GR_SHAPE(4),
                      .classes = 3,
                      .read = read_floats};
    gr_source bad = good;
    bad.read = NULL;
    check_refused(&bad, GR_INVALID, "source 'bad': there is no function `read`");
    bad = good;
    bad.count = 0;
    check_refused(&bad, GR_INVALID, "there are no examples");
    bad = good;
    bad.dtype = GR_F64;
    check_refused(&bad, GR_DTYPE, "examples are f64");
    bad = good;
    bad.shape = GR_SHAPE(4, 0);
    check_refused(&bad, GR_INVALID, "examples of shape [4,0] hold nothing");
    bad = good;
    bad.label_shape = GR_SHAPE(0);
    check_refused(&bad, GR_SHAPE, "labels of shape [0]");
    bad = good;
    bad.classes = -1;
    check_refused(&bad, GR_INVALID, "-1 classes");
    bad = good;
    bad.labels = labels;
    check_refused(&bad, GR_RANGE, "label 3 of example 1 is not one of 0 to 2");
    bad.label_shape = GR_SHAPE(2);
    check_refused(&bad, GR_INVALID, "labels of shape [2]");
}

/* Learns from all of a small set; the trainer tells a bad example and goes on after it. */
static void trains_on_a_source(void **state)
{
    (void)state;
    made_source made;
    gr_model *model;
    gr_trainer *trainer;
    gr_metrics metrics;
    start(&made, -1);
    gr_dataset *set = floats(&made, NULL);
    assert_int_equal(gr_model_new(GR_MODEL(.net = "fc(8) |> relu |> fc(3)", .data = set), &model),
                     GR_OK);
    assert_int_equal(gr_trainer_new(model, set, NULL,
                                    GR_TRAINER(.epochs = 2, .batch = 16, .validation = .2),
                                    &trainer),
                     GR_OK);
    assert_int_equal(gr_train(trainer), GR_OK);
    gr_trainer_free(trainer);
    assert_int_equal(gr_model_test(model, set, &metrics), GR_OK);
    assert_int_equal(metrics.count, COUNT);
    gr_metrics_clear(&metrics);
    made.bad = 40;
    assert_int_equal(gr_model_test(model, set, &metrics), GR_FORMAT);
    assert_int_equal(gr_trainer_new(model, set, NULL,
                                    GR_TRAINER(.epochs = 1, .batch = 16, .in_order = true),
                                    &trainer),
                     GR_OK);
    assert_int_equal(gr_train(trainer), GR_FORMAT);
    assert_string_equal(gr_message(), "epoch 1, step 3: record 40: is damaged");
    made.bad = -1;
    assert_int_equal(gr_train(trainer), GR_OK);
    gr_trainer_free(trainer);
    gr_model_free(model);
    gr_dataset_free(set);
}

/* The set, the loader on it and a batch. */
static gr_status flow(void *user)
{
    gr_dataset *set = NULL;
    gr_loader *loader = NULL;
    gr_batch batch;
    gr_status status = gr_dataset_from_source(
        GR_SOURCE(.name = "made", .count = COUNT, .dtype = GR_F32, .shape = GR_SHAPE(WIDTH),
                  .classes = 3, .read = read_floats, .free = free_source, .user = user),
        &set);
    if (status == GR_OK) status = gr_loader_new(set, GR_LOADER(.threads = 2), &loader);
    if (status == GR_OK) assert_true(gr_loader_next(loader, &batch));
    gr_loader_free(loader);
    gr_dataset_free(set);
    return status;
}

static void memory_may_be_out(void **state)
{
    (void)state;
    made_source made;
    start(&made, -1);
    assert_true(test_memory_sweep(flow, &made) > 8);
    assert_true(atomic_load(&made.freed) > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(draws_are_pure),
        cmocka_unit_test(tokens_and_labels_for_each_place),
        cmocka_unit_test(faults_come_through),
        cmocka_unit_test(splits_and_selections),
        cmocka_unit_test(refuses_bad_sources),
        cmocka_unit_test(trains_on_a_source),
        cmocka_unit_test(memory_may_be_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
