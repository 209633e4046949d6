/* Loaders: every example once an epoch, the same batches with and without a thread, and after a
 * stop at any moment. */
#include "support_data.h"

#define FEATURES 700 /* so that a batch is worth a thread */

/* n examples (i, i, …) of u8 or f32, label i mod 10, of which every second is selected. */
static gr_dataset *make(int64_t n, gr_dtype dtype)
{
    gr_tensor examples;
    gr_dataset *all, *some;
    int32_t *labels = calloc((size_t)(2 * n), sizeof *labels);
    int64_t *index = calloc((size_t)n, sizeof *index);
    assert_int_equal(gr_tensor_new(dtype, GR_SHAPE(2 * n, FEATURES), &examples), GR_OK);
    for (int64_t i = 0; i < 2 * n; i++) {
        labels[i] = (int32_t)(i % 10);
        if (i < n) index[i] = 2 * i;
        for (int64_t j = 0; j < FEATURES; j++) {
            int64_t at = i * FEATURES + j;
            if (dtype == GR_U8) {
                ((unsigned char *)examples.data)[at] = (unsigned char)i;
            } else {
                ((float *)examples.data)[at] = (float)i;
            }
        }
    }
    assert_int_equal(gr_dataset_new("made", &examples, labels, 10, NULL, &all), GR_OK);
    assert_int_equal(gr_dataset_select(all, index, n, &some), GR_OK);
    gr_dataset_free(all);
    gr_tensor_clear(&examples);
    free(labels);
    free(index);
    return some;
}

static gr_loader *start(const gr_dataset *set, const gr_loader_options *options)
{
    gr_loader *loader;
    gr_status status = gr_loader_new(set, options, &loader);
    if (status != GR_OK) print_error("%s\n", gr_message());
    assert_int_equal(status, GR_OK);
    return loader;
}

static void check_batch(const gr_batch *batch)
{
    assert_int_equal(batch->x.dtype, GR_F32);
    assert_true(gr_shape_equal(batch->x.shape, GR_SHAPE(batch->rows, FEATURES)));
    assert_true(gr_shape_equal(batch->y.shape, GR_SHAPE(batch->rows)));
    assert_int_equal((uintptr_t)batch->x.data % 64, 0);
    for (int64_t row = 0; row < batch->rows; row++) {
        int64_t index = batch->index[row];
        assert_int_equal(((int32_t *)batch->y.data)[row], index % 10);
        const float *x = (const float *)batch->x.data + row * FEATURES;
        assert_true(x[0] == (float)index && x[FEATURES - 1] == (float)index);
    }
}

static void every_example_once(void **state)
{
    (void)state;
    for (int variant = 0; variant < 16; variant++) {
        bool shuffle = variant & 1, drop = variant & 2, synchronous = variant & 4;
        gr_dataset *set = make(100, variant & 8 ? GR_F32 : GR_U8);
        gr_loader *loader = start(set, GR_LOADER(.batch = 32, .shuffle = shuffle, .drop_last = drop,
                                                 .synchronous = synchronous, .seed = 5));
        gr_dataset_free(set);
        assert_int_equal(gr_loader_batches(loader), drop ? 3 : 4);
        assert_int_equal(gr_loader_rows(loader), drop ? 96 : 100);
        for (int64_t epoch = 0; epoch < 3; epoch++) {
            int seen[200] = {0};
            int64_t rows = 0, batches = 0, in_order = 0;
            gr_batch batch;
            while (gr_loader_next(loader, &batch)) {
                check_batch(&batch);
                assert_int_equal(batch.epoch, epoch);
                assert_int_equal(batch.rows, batches == 3 ? 4 : 32);
                for (int64_t row = 0; row < batch.rows; row++) {
                    assert_int_equal(seen[batch.index[row]]++, 0);
                    in_order += batch.index[row] == 2 * (rows + row);
                }
                rows += batch.rows;
                batches++;
            }
            assert_int_equal(rows, gr_loader_rows(loader));
            assert_int_equal(batches, gr_loader_batches(loader));
            assert_true(shuffle ? in_order < 20 : in_order == rows);
        }
        gr_loader_free(loader);
    }
}

/* The numbers of the examples of `epochs` epochs, -1 at the end of each. */
static int64_t record(gr_loader *loader, int epochs, int64_t *list)
{
    int64_t n = 0;
    for (int epoch = 0; epoch < epochs; epoch++) {
        gr_batch batch;
        while (gr_loader_next(loader, &batch)) {
            check_batch(&batch);
            for (int64_t row = 0; row < batch.rows; row++) list[n++] = batch.index[row];
        }
        list[n++] = -1;
    }
    return n;
}

static void order_depends_on_seed_and_epoch(void **state)
{
    (void)state;
    gr_dataset *set = make(100, GR_U8);
    int64_t list[4][303];
    for (int i = 0; i < 4; i++) {
        gr_loader *loader = start(set, GR_LOADER(.batch = i == 3 ? 7 : 32, .shuffle = true,
                                                 .seed = i == 2, .synchronous = i == 1));
        assert_int_equal(record(loader, 3, list[i]), 303);
        gr_loader_free(loader);
    }
    assert_memory_equal(list[0], list[1], sizeof list[0]);
    assert_memory_equal(list[0], list[3], sizeof list[0]); /* whatever the size of a batch */
    assert_memory_not_equal(list[0], list[2], 100 * sizeof **list);
    assert_memory_not_equal(list[0], list[0] + 101, 100 * sizeof **list);
    gr_dataset_free(set);
}

static void goes_on_from_any_cursor(void **state)
{
    (void)state;
    gr_dataset *set = make(100, GR_U8);
    int64_t all[303], rest[303];
    const gr_loader_options *options = GR_LOADER(.batch = 32, .shuffle = true, .seed = 9);
    gr_loader *loader = start(set, options);
    record(loader, 3, all);
    gr_loader_free(loader);
    loader = start(set, options);
    gr_loader *other = start(set, options);
    int64_t position = 0;
    for (;;) {
        gr_cursor cursor = gr_loader_cursor(loader);
        assert_int_equal(gr_loader_seek(other, cursor), GR_OK);
        if (cursor.epoch == 3) break;
        int64_t n = record(other, (int)(3 - cursor.epoch), rest);
        assert_int_equal(n, 303 - position);
        assert_memory_equal(rest, all + position, (size_t)n * sizeof *all);
        gr_batch batch;
        position += gr_loader_next(loader, &batch) ? batch.rows : 1;
    }
    assert_int_equal(position, 303);

    assert_int_equal(gr_loader_seek(other, (gr_cursor){0, 5}), GR_RANGE);
    assert_string_equal(gr_message(), "loader of 'made': no batch begins at row 5 of epoch 0: an "
                                      "epoch has 100 rows in batches of 32");
    assert_int_equal(gr_loader_seek(other, (gr_cursor){-1, 0}), GR_RANGE);
    assert_int_equal(gr_loader_seek(other, (gr_cursor){0, 128}), GR_RANGE);
    gr_loader_free(loader);
    gr_loader_free(other);
    gr_dataset_free(set);
}

static void normalises(void **state)
{
    (void)state;
    gr_dataset *set = make(10, GR_U8);
    float shift[FEATURES], scale[FEATURES];
    gr_normalizer norm, other;
    for (int i = 0; i < FEATURES; i++) shift[i] = (float)i, scale[i] = .5f;
    assert_int_equal(gr_normalizer_new(GR_NORMALIZE_STANDARD, FEATURES, shift, scale, &norm),
                     GR_OK);
    assert_int_equal(gr_normalizer_new(GR_NORMALIZE_STANDARD, 1, shift, scale, &other), GR_OK);
    gr_loader *loader = start(set, GR_LOADER(.normalizer = &norm));
    gr_normalizer_clear(&norm);
    gr_batch batch;
    assert_true(gr_loader_next(loader, &batch));
    assert_int_equal(batch.rows, 10);
    assert_true(((float *)batch.x.data)[9 * FEATURES + 3] == (18.0f - 3) * .5f);
    gr_loader_free(loader);

    assert_int_equal(gr_loader_new(set, GR_LOADER(.normalizer = &other), &loader), GR_SHAPE);
    assert_string_equal(gr_message(), "loader of 'made': the normaliser is for 1 channels, but "
                                      "examples [700] have 700");
    gr_normalizer_clear(&other);
    gr_dataset_free(set);
}

static void refuses(void **state)
{
    (void)state;
    gr_dataset *set = make(10, GR_U8), *empty;
    gr_loader *loader;
    assert_int_equal(gr_dataset_select(set, NULL, 0, &empty), GR_OK);
    assert_int_equal(gr_loader_new(empty, GR_LOADER(.batch = 1), &loader), GR_INVALID);
    assert_string_equal(gr_message(), "loader of 'made': there are no examples");
    assert_int_equal(gr_loader_new(set, GR_LOADER(.batch = -1), &loader), GR_INVALID);
    assert_int_equal(gr_loader_new(set, GR_LOADER(.drop_last = true), &loader), GR_INVALID);
    assert_string_equal(gr_message(), "loader of 'made': 10 examples do not fill a batch of 64, "
                                      "and drop_last leaves out what does not");
    assert_null(loader);
    gr_dataset_free(set);
    gr_dataset_free(empty);
}

/* Memory is taken when a loader is made, and never after. */
static void takes_memory_once(void **state)
{
    (void)state;
    gr_dataset *set = make(100, GR_U8);
    gr_status status = GR_NO_MEMORY;
    for (long fail_at = 1; status != GR_OK; fail_at++) {
        test_memory memory;
        gr_loader *loader;
        test_memory_start(&memory, fail_at);
        status = gr_loader_new(set, GR_LOADER(.batch = 32, .shuffle = true), &loader);
        if (status == GR_OK) {
            int64_t list[303];
            long calls = memory.calls;
            record(loader, 3, list);
            assert_int_equal(memory.calls, calls);
        } else {
            assert_int_equal(status, GR_NO_MEMORY);
            assert_null(loader);
        }
        gr_loader_free(loader);
        test_memory_stop(&memory);
    }
    gr_dataset_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_once),
        cmocka_unit_test(order_depends_on_seed_and_epoch),
        cmocka_unit_test(goes_on_from_any_cursor),
        cmocka_unit_test(normalises),
        cmocka_unit_test(refuses),
        cmocka_unit_test(takes_memory_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
