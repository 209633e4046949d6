/* Folders of pictures, and record files of them: classes, sizes, bad files, refusals. */
#include "support_pictures.h"
#include "support_train.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static gr_data_options options_of(bool skip)
{
    return (gr_data_options){
        .size = sizeof(gr_data_options), .decoder = gr_image_decoder(), .skip_bad_files = skip};
}

static void open_both(const char *path, bool skip, gr_dataset **train, gr_dataset **test)
{
    gr_data_options options = options_of(skip);
    gr_status status = gr_data_open(path, &options, train, test);
    if (status != GR_OK) print_error("%s\n", gr_message());
    assert_int_equal(status, GR_OK);
}

/* Goes through a set in threads; checks labels by the red of what is seen. Returns the rows. */
static int64_t check_pass(const gr_dataset *set, int threads, const gr_augment *augment)
{
    gr_loader *loader;
    gr_batch batch;
    int64_t rows = 0;
    assert_int_equal(
        gr_loader_new(
            set,
            GR_LOADER(.batch = 4, .shuffle = true, .threads = threads, .synchronous = threads == 0,
                      .preprocess = &(gr_preprocess){.resize = 14, .crop = 12}, .augment = augment),
            &loader),
        GR_OK);
    while (gr_loader_next(loader, &batch)) {
        assert_true(gr_shape_equal(batch.x.shape, GR_SHAPE(batch.rows, 3, 12, 12)));
        const float *x = batch.x.data;
        const int32_t *y = batch.y.data;
        for (int64_t i = 0; i < batch.rows; i++) {
            for (int at = 0; at < 144; at++) {
                assert_true(fabsf(x[i * 432 + at] - (float)(50 * y[i] + 100)) < 2);
            }
        }
        rows += batch.rows;
    }
    if (gr_loader_status(loader) != GR_OK) rows = -1;
    gr_loader_free(loader);
    return rows;
}

static void check_photos(const char *path)
{
    gr_dataset *train, *test;
    gr_tensor picture;
    open_both(path, false, &train, &test);
    assert_int_equal(gr_dataset_size(train), 15);
    assert_int_equal(gr_dataset_size(test), 6);
    assert_true(gr_shape_equal(gr_dataset_shape(train), GR_SHAPE(3, 0, 0)));
    assert_true(gr_dataset_streamed(train) && gr_dataset_classes(train) == 3);
    assert_string_equal(gr_dataset_class_name(train, 1), "dog");
    for (int64_t i = 0; i < 15; i++) assert_int_equal(gr_dataset_label(train, i), i / 5);
    for (int threads = 0; threads < 4; threads++) {
        assert_int_equal(check_pass(train, threads, NULL), 15);
        assert_int_equal(
            check_pass(train, threads, GR_AUGMENT(.random_scale = true, .mirror = true)), 15);
    }
    assert_int_equal(check_pass(test, 2, NULL), 6);
    assert_int_equal(gr_dataset_picture(train, 6, &picture), GR_OK); /* grey, made colour */
    assert_true(gr_shape_equal(picture.shape, GR_SHAPE(3, 23, 28)));
    assert_in_range(((unsigned char *)picture.data)[2 * 23 * 28 + 5], 149, 151);
    gr_tensor_clear(&picture);
    float x[4];
    int32_t y;
    assert_int_equal(gr_dataset_read(train, 0, 0, x, &y), GR_INVALID);
    gr_dataset_free(train);
    gr_dataset_free(test);
}

static void folders_and_records(void **state)
{
    (void)state;
    test_needs_pictures();
    gr_dataset *train, *test;
    const char *photos = test_write_photos(), *record = test_files_path("photos.grr");
    check_photos(photos);
    open_both(photos, false, &train, &test);
    assert_int_equal(gr_data_pack(train, test, record), GR_OK);
    gr_dataset_free(train);
    gr_dataset_free(test);
    check_photos(record);
}

static void sizes_must_be_asked_for(void **state)
{
    (void)state;
    test_needs_pictures();
    gr_dataset *train, *test;
    gr_loader *loader;
    gr_model *model;
    gr_normalizer norm;
    open_both(test_write_photos(), false, &train, &test);
    assert_int_equal(gr_loader_new(train, NULL, &loader), GR_SHAPE);
    assert_non_null(strstr(gr_message(), "the pictures are of many sizes: a crop"));
    assert_int_equal(gr_normalizer_learn(GR_NORMALIZE_STANDARD, train, &norm), GR_SHAPE);
    assert_int_equal(gr_model_new(GR_MODEL(.net = "fc(3)", .data = train), &model), GR_SHAPE);
    assert_int_equal(
        gr_loader_new(train, GR_LOADER(.preprocess = &(gr_preprocess){.resize = 8, .crop = 9}),
                      &loader),
        GR_SHAPE);
    /* One size gives the other, and the model keeps both. */
    assert_int_equal(
        gr_model_new(GR_MODEL(.net = "fc(3)", .data = train, .preprocess = {.crop = 8}), &model),
        GR_OK);
    assert_int_equal(gr_model_preprocess(model)->resize, 8);
    gr_model_free(model);
    gr_dataset_free(train);
    gr_dataset_free(test);
}

static void trains_and_tests(void **state)
{
    (void)state;
    test_needs_pictures();
    gr_dataset *train, *test;
    gr_model *model;
    gr_trainer *trainer;
    gr_metrics metrics;
    open_both(test_write_photos(), false, &train, &test);
    assert_int_equal(gr_model_new(GR_MODEL(.net = "avgpool(8) |> fc(3)", .data = train,
                                           .preprocess = {.resize = 10, .crop = 8}),
                                  &model),
                     GR_OK);
    assert_int_equal(
        gr_trainer_new(model, train, test,
                       GR_TRAINER(.epochs = 60, .batch = 5, .augment = GR_AUGMENT(.mirror = true),
                                  .optimizer = GR_OPTIMIZER(.kind = GR_ADAM, .rate = .1)),
                       &trainer),
        GR_OK);
    assert_int_equal(gr_train(trainer), GR_OK);
    assert_int_equal(gr_model_test(model, test, &metrics), GR_OK);
    assert_int_equal(metrics.count, 6);
    assert_true(metrics.accuracy > .9);
    gr_metrics_clear(&metrics);
    gr_trainer_free(trainer);
    gr_model_free(model);
    gr_dataset_free(train);
    gr_dataset_free(test);
}

/* What the log was told. */
typedef struct remarks {
    int count;
    char text[4][256];
} remarks;

static void remember(void *user, gr_log_level level, const char *text)
{
    remarks *said = user;
    (void)level;
    if (said->count < 4) snprintf(said->text[said->count], sizeof said->text[0], "%s", text);
    said->count++;
}

/* Pictures that cannot be read: cut, of CMYK, no picture at all. */
static void bad_files(void **state)
{
    (void)state;
    test_needs_pictures();
    gr_dataset *train, *test;
    remarks said = {0};
    char photos[512];
    snprintf(photos, sizeof photos, "%s", test_write_photos());
    char jpeg[4096];
    FILE *file = fopen(test_files_path("photos/train/dog/3.JPG"), "rb");
    size_t size = fread(jpeg, 1, sizeof jpeg, file);
    fclose(file);
    test_files_write("photos/train/dog/3.JPG", jpeg, size / 2);
    test_write_jpeg("photos/train/owl/1.JPG", 9, 9, 4, 9);
    open_both(photos, false, &train, &test);
    assert_int_equal(check_pass(train, 0, NULL), -1);
    gr_dataset_free(train);
    gr_dataset_free(test);

    gr_set_log(remember, &said);
    open_both(photos, true, &train, &test);
    for (int threads = 1; threads < 4; threads++) {
        assert_int_equal(check_pass(train, threads, NULL), 15); /* labels are right still */
    }
    gr_set_log(NULL, NULL);
    assert_int_equal(said.count, 2); /* each once */
    for (int i = 0; i < 2; i++) {
        bool cut = strstr(said.text[i], "dog/3.JPG: the JPEG image is damaged before byte");
        bool cmyk = strstr(said.text[i], "owl/1.JPG: the JPEG image has CMYK colours");
        assert_true(cut || cmyk);
        assert_non_null(strstr(said.text[i], "; left out: another of its class stands in"));
    }
    said.count = 0;
    gr_set_log(remember, &said);
    assert_int_equal(gr_data_pack(train, test, test_files_path("some.grr")), GR_OK);
    gr_set_log(NULL, NULL);
    assert_int_equal(said.count, 2);
    gr_dataset_free(train);
    gr_dataset_free(test);
    open_both(test_files_path("some.grr"), false, &train, &test);
    assert_int_equal(gr_dataset_size(train), 13);
    assert_int_equal(check_pass(train, 2, NULL), 13);
    gr_dataset_free(train);
    gr_dataset_free(test);

    for (int i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "photos/train/dog/%d.%s", i, i % 2 ? "JPG" : "png");
        test_files_text(name, "nothing");
    }
    open_both(photos, true, &train, &test);
    assert_int_equal(check_pass(train, 2, NULL), -1);
    gr_dataset_free(train);
    gr_dataset_free(test);
    unlink(test_files_path("photos/train/dog/3.JPG"));
}

static void stop_names_the_file(void **state)
{
    (void)state;
    test_needs_pictures();
    gr_dataset *set;
    gr_loader *loader;
    gr_batch batch;
    test_write_picture("one/a/1.png", 8, 8, 1);
    test_files_text("one/b/2.png", "this is no picture");
    gr_data_options options = options_of(false);
    assert_int_equal(gr_data_open(test_files_path("one"), &options, &set, NULL), GR_OK);
    assert_int_equal(
        gr_loader_new(set, GR_LOADER(.preprocess = &(gr_preprocess){.crop = 4}), &loader), GR_OK);
    assert_false(gr_loader_next(loader, &batch));
    assert_int_equal(gr_loader_status(loader), GR_FORMAT);
    assert_non_null(strstr(gr_message(), "one/b/2.png: byte 0: found 74 68 69 73, but PNG begins"));
    gr_loader_free(loader);
    gr_dataset_free(set);
}

static void unlabelled_sets(void **state)
{
    (void)state;
    test_needs_pictures();
    gr_dataset *set;
    gr_data_options options = options_of(false);
    const char *one = test_write_picture("loose/1.png", 8, 8, 1);
    assert_int_equal(gr_data_open(one, &options, &set, NULL), GR_INVALID);
    assert_non_null(strstr(gr_message(), "one picture is no data set to learn from"));
    options.unlabelled = true;
    assert_int_equal(gr_data_open(one, &options, &set, NULL), GR_OK);
    assert_int_equal(gr_dataset_size(set), 1);
    gr_dataset_free(set);
    test_write_picture("loose/2.png", 9, 9, 1);
    assert_int_equal(gr_data_open(test_files_path("loose"), &options, &set, NULL), GR_OK);
    assert_int_equal(gr_dataset_size(set), 2);
    assert_int_equal(gr_dataset_classes(set), 0);
    gr_dataset_free(set);
}

static void folders_refused(void **state)
{
    (void)state;
    test_needs_pictures();
    static const char *const names[] = {"cat", "dog"};
    gr_data_options options = options_of(false), known = options, none = options;
    known.class_names = names;
    known.classes = 2;
    none.decoder = NULL;
    const char *photos = test_write_photos();
    test_refuses(photos, &known, GR_FORMAT, "owl: label 'owl' is none of the 2 classes: cat, dog");
    test_refuses(photos, &none, GR_UNSUPPORTED, "pictures need a decoder, which libgradus-extra");
    test_files_text("gap/bird/readme.txt", "soon");
    test_write_picture("gap/ant/1.png", 4, 4, 1);
    test_refuses(test_files_path("gap"), &options, GR_FORMAT,
                 "gap/bird: the folder of class 'bird' holds no picture (.jpg, .png)");
    test_files_text("bare/readme.txt", "nothing here");
    test_refuses(test_files_path("bare"), &options, GR_NOT_FOUND,
                 "nor a folder of pictures for each class");
}

static void memory_may_be_out(void **state)
{
    (void)state;
    test_needs_pictures();
    gr_data_options options = options_of(false);
    const char *photos = test_write_photos();
    test_sweep_open(photos, &options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_and_records), cmocka_unit_test(sizes_must_be_asked_for),
        cmocka_unit_test(trains_and_tests),    cmocka_unit_test(bad_files),
        cmocka_unit_test(stop_names_the_file), cmocka_unit_test(unlabelled_sets),
        cmocka_unit_test(folders_refused),     cmocka_unit_test(memory_may_be_out),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
