/* Views of pictures: what is cut, scaled, mirrored, padded and blanked, in evaluation and by draws;
 * and that a model repeats its own. */
#include <math.h>

#include "support_data.h"
#include "support_train.h"

enum { N = 24, H = 9, W = 7 };

/* Pixel (c, r, k) of picture i is distinct from its neighbours. */
static float pixel(int64_t i, int64_t c, int64_t r, int64_t k)
{
    return (float)((i * 5 + c * 61 + r * 13 + k * 3) % 251 + 1);
}

static gr_dataset *pictures(gr_dtype dtype)
{
    gr_tensor examples;
    gr_dataset *set;
    int32_t labels[N];
    assert_int_equal(gr_tensor_new(dtype, GR_SHAPE(N, 3, H, W), &examples), GR_OK);
    for (int64_t at = 0; at < N * 3 * H * W; at++) {
        float value = pixel(at / (3 * H * W), at / (H * W) % 3, at / W % H, at % W);
        if (dtype == GR_U8) {
            ((unsigned char *)examples.data)[at] = (unsigned char)value;
        } else {
            ((float *)examples.data)[at] = value;
        }
    }
    for (int i = 0; i < N; i++) labels[i] = i % 2;
    assert_int_equal(gr_dataset_new("pictures", &examples, labels, 2, NULL, &set), GR_OK);
    gr_tensor_clear(&examples);
    return set;
}

/* All of an epoch's x after each other. */
static float *load(const gr_dataset *set, const gr_loader_options *options, int64_t epoch,
                   gr_shape *one)
{
    gr_loader *loader;
    gr_batch batch;
    size_t at = 0;
    gr_status status = gr_loader_new(set, options, &loader);
    if (status != GR_OK) print_error("%s\n", gr_message());
    assert_int_equal(status, GR_OK);
    assert_int_equal(gr_loader_seek(loader, (gr_cursor){epoch, 0}), GR_OK);
    float *x = NULL;
    while (gr_loader_next(loader, &batch)) {
        size_t bytes = gr_tensor_bytes(&batch.x);
        *one = gr_shape_of(batch.x.shape.rank - 1, batch.x.shape.dim + 1);
        if (!x) x = calloc((size_t)gr_dataset_size(set), bytes / (size_t)batch.rows);
        memcpy((char *)x + at, batch.x.data, bytes);
        at += bytes;
    }
    assert_int_equal(gr_loader_status(loader), GR_OK);
    gr_loader_free(loader);
    return x;
}

static void evaluation_cuts_the_middle(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < 2; dtype++) {
        gr_shape one;
        gr_dataset *set = pictures(dtype ? GR_F32 : GR_U8);
        float *x =
            load(set, GR_LOADER(.batch = 5, .preprocess = &(gr_preprocess){.crop = 4}), 0, &one);
        assert_true(gr_shape_equal(one, GR_SHAPE(3, 4, 4)));
        for (int64_t at = 0; at < N * 48; at++) {
            int64_t r = at / 4 % 4 + 2, k = at % 4 + 1;
            assert_true(x[at] == pixel(at / 48, at / 16 % 3, r, k));
        }
        free(x);
        gr_dataset_free(set);
    }
}

/* Is `x` [3,h,w] the picture with pixel (0,0) at (top, left), mirrored or not, 0 outside? */
static bool is_cut(const float *x, int64_t i, int64_t h, int64_t w, int64_t top, int64_t left,
                   bool mirror)
{
    for (int64_t at = 0; at < 3 * h * w; at++) {
        int64_t r = top + at / w % h, k = left + (mirror ? w - 1 - at % w : at % w);
        bool inside = r >= 0 && r < H && k >= 0 && k < W;
        if (x[at] != (inside ? pixel(i, at / (h * w), r, k) : 0)) return false;
    }
    return true;
}

/* Every place that a padded crop may have comes up, and nothing else. */
static void crops_are_drawn(void **state)
{
    (void)state;
    enum { SIDE = 6, PAD = 2 };
    gr_shape one;
    gr_dataset *set = pictures(GR_U8);
    const gr_preprocess crop = {.crop = SIDE};
    int seen[H + 2 * PAD - SIDE + 1][W + 2 * PAD - SIDE + 1][2] = {0}, epochs = 40;
    for (int epoch = 0; epoch < epochs; epoch++) {
        float *x = load(set,
                        GR_LOADER(.batch = 7, .seed = 3, .preprocess = &crop,
                                  .augment = GR_AUGMENT(.pad = PAD, .mirror = true)),
                        epoch, &one);
        for (int64_t i = 0; i < N; i++) {
            int found = 0;
            for (int top = -PAD; top <= H + PAD - SIDE; top++) {
                for (int left = -PAD; left <= W + PAD - SIDE; left++) {
                    for (int mirror = 0; mirror < 2; mirror++) {
                        bool is = is_cut(x + i * 108, i, SIDE, SIDE, top, left, mirror);
                        seen[top + PAD][left + PAD][mirror] += is;
                        found += is;
                    }
                }
            }
            assert_int_equal(found, 1);
        }
        free(x);
    }
    int kinds = (int)(sizeof seen / sizeof seen[0][0][0]), each = N * epochs / kinds;
    for (int k = 0; k < kinds; k++) assert_in_range((&seen[0][0][0])[k], each / 4, each * 3);
    gr_dataset_free(set);
}

/* Threads, the size of a batch and the start change nothing; epoch and seed do. */
static void draws_are_pure(void **state)
{
    (void)state;
    gr_shape one;
    gr_dataset *set = pictures(GR_U8);
    const gr_augment *all =
        GR_AUGMENT(.pad = 2, .mirror = true, .random_scale = true, .brightness = .4, .contrast = .4,
                   .saturation = .4, .cutout = 3);
    const gr_loader_options *options[] = {
        GR_LOADER(.batch = 24, .augment = all, .synchronous = true),
        GR_LOADER(.batch = 5, .augment = all, .threads = 3),
        GR_LOADER(.batch = 24, .augment = all, .seed = 1),
        GR_LOADER(.batch = 24, .augment = all, .same_draws = true)};
    float *x[5];
    for (int i = 0; i < 4; i++) x[i] = load(set, options[i], 1, &one);
    x[4] = load(set, options[0], 0, &one);
    size_t bytes = N * 3 * H * W * sizeof(float);
    assert_memory_equal(x[0], x[1], bytes);
    assert_memory_equal(x[3], x[4], bytes);
    assert_int_not_equal(memcmp(x[0], x[2], bytes), 0);
    assert_int_not_equal(memcmp(x[0], x[4], bytes), 0);
    for (int i = 0; i < 5; i++) free(x[i]);
    gr_dataset_free(set);
}

/* A side that shrinks by a whole factor takes the mean of so many pixels; one that keeps its size
 * keeps its pixels; and a plane of one value stays so at any size. */
static void scaling(void **state)
{
    (void)state;
    unsigned char bytes[2][12][8];
    float y[2 * 20 * 30];
    gr_tensor picture = {GR_U8, GR_SHAPE(2, 12, 8), bytes};
    for (int at = 0; at < 192; at++) (&bytes[0][0][0])[at] = (unsigned char)(at * 37 % 256);
    assert_int_equal(gr_preprocess_apply(&(gr_preprocess){.resize = 4}, &picture, y), GR_OK);
    for (int at = 0; at < 2 * 6 * 4; at++) {
        int c = at / 24, r = at / 4 % 6 * 2, k = at % 4 * 2;
        float mean = (float)(bytes[c][r][k] + bytes[c][r][k + 1] + bytes[c][r + 1][k] +
                             bytes[c][r + 1][k + 1]) /
                     4;
        assert_true(fabsf(y[at] - mean) < 1e-4f);
    }
    assert_int_equal(gr_preprocess_apply(&(gr_preprocess){.resize = 8}, &picture, y), GR_OK);
    for (int at = 0; at < 192; at++) assert_true(y[at] == (float)(&bytes[0][0][0])[at]);
    assert_int_equal(gr_preprocess_apply(NULL, &picture, y), GR_OK);
    for (int at = 0; at < 192; at++) assert_true(y[at] == (float)(&bytes[0][0][0])[at]);
    memset(bytes, 200, sizeof bytes);
    for (int64_t side = 1; side <= 19; side++) {
        gr_preprocess p = {.resize = side, .crop = side};
        assert_int_equal(gr_preprocess_apply(&p, &picture, y), GR_OK);
        for (int64_t at = 0; at < 2 * side * side; at++) assert_true(fabsf(y[at] - 200) < 1e-3f);
    }
}

/* A line through the centres where a side grows: a ramp stays a ramp. */
static void growing_is_linear(void **state)
{
    (void)state;
    float ramp[1][4][4], y[9 * 9];
    for (int at = 0; at < 16; at++) ramp[0][at / 4][at % 4] = (float)(at % 4);
    gr_tensor picture = {GR_F32, GR_SHAPE(1, 4, 4), ramp};
    assert_int_equal(gr_preprocess_apply(&(gr_preprocess){.resize = 8}, &picture, y), GR_OK);
    for (int at = 0; at < 64; at++) {
        float centre = ((float)(at % 8) + .5f) / 2 - .5f;
        float want = centre < 0 ? 0 : centre > 3 ? 3 : centre;
        assert_true(fabsf(y[at] - want) < 1e-5f);
    }
}

static void cutout_blanks_a_square(void **state)
{
    (void)state;
    gr_shape one;
    int sizes[10] = {0};
    gr_dataset *set = pictures(GR_U8);
    gr_normalizer norm;
    float *mean = calloc(3 * H * W, sizeof *mean), *scale = calloc(3 * H * W, sizeof *scale);
    for (int at = 0; at < 3 * H * W; at++) {
        mean[at] = -1; /* so that no pixel of a picture becomes 0 */
        scale[at] = 1;
    }
    assert_int_equal(gr_normalizer_new(GR_NORMALIZE_MEAN_IMAGE, 3 * H * W, mean, scale, &norm),
                     GR_OK);
    float *x =
        load(set, GR_LOADER(.batch = 8, .normalizer = &norm, .augment = GR_AUGMENT(.cutout = 3)), 0,
             &one);
    for (int64_t i = 0; i < N; i++) {
        int blank = 0;
        for (int64_t at = 0; at < H * W; at++) {
            const float *p = x + i * 3 * H * W + at;
            assert_true((p[0] == 0) == (p[H * W] == 0) && (p[0] == 0) == (p[2 * H * W] == 0));
            if (p[0] == 0)
                blank++;
            else
                assert_true(p[0] == pixel(i, 0, at / W, at % W) + 1);
        }
        assert_true(blank == 9 || blank == 6 || blank == 4);
        sizes[blank]++;
    }
    assert_true(sizes[9] > N / 3 && sizes[6] > 0);
    free(x);
    free(mean);
    free(scale);
    gr_normalizer_clear(&norm);
    gr_dataset_free(set);
}

/* A grey picture keeps its tint, stays in range, and its brightness spreads as far as asked for. */
static void colours_vary(void **state)
{
    (void)state;
    gr_tensor examples;
    gr_dataset *set;
    gr_shape one;
    float least = 255, most = 0;
    assert_int_equal(gr_tensor_new(GR_U8, GR_SHAPE(200, 3, 2, 2), &examples), GR_OK);
    memset(examples.data, 100, gr_tensor_bytes(&examples));
    assert_int_equal(gr_dataset_new("grey", &examples, NULL, 0, NULL, &set), GR_OK);
    gr_tensor_clear(&examples);
    float *x = load(
        set, GR_LOADER(.augment = GR_AUGMENT(.brightness = .3, .contrast = .5, .saturation = .5)),
        0, &one);
    for (int i = 0; i < 200; i++) {
        for (int at = 0; at < 12; at++) assert_true(fabsf(x[12 * i + at] - x[12 * i]) < 1e-3f);
        least = fminf(least, x[12 * i]);
        most = fmaxf(most, x[12 * i]);
    }
    assert_true(least > 69.99f && least < 75 && most < 130.01f && most > 125);
    free(x);
    gr_dataset_free(set);
}

/* A part of random size shows the picture: between the least and the greatest of its pixels, and
 * not always the same. */
static void random_scale_shows_parts(void **state)
{
    (void)state;
    gr_tensor examples;
    gr_dataset *set;
    gr_shape one;
    assert_int_equal(gr_tensor_new(GR_F32, GR_SHAPE(300, 1, 40, 30), &examples), GR_OK);
    for (int at = 0; at < 300 * 1200; at++) ((float *)examples.data)[at] = (float)(at / 30 % 40);
    assert_int_equal(gr_dataset_new("ramp", &examples, NULL, 0, NULL, &set), GR_OK);
    gr_tensor_clear(&examples);
    float *x = load(set,
                    GR_LOADER(.preprocess = &(gr_preprocess){.crop = 10},
                              .augment = GR_AUGMENT(.random_scale = true)),
                    0, &one);
    assert_true(gr_shape_equal(one, GR_SHAPE(1, 10, 10)));
    float least = 40, most = 0;
    for (int i = 0; i < 300; i++) {
        const float *p = x + 100 * i;
        float tall = (p[90] - p[0]) / 9; /* rows of the picture in one of the result */
        least = fminf(least, tall);
        most = fmaxf(most, tall);
        for (int at = 0; at < 100; at++) assert_true(p[at] >= 0 && p[at] <= 39);
        for (int at = 10; at < 100; at++) assert_true(p[at] > p[at - 10]);
    }
    assert_true(least > .75f && least < 1.2f); /* sqrt(1200·.08·.75) = 8.5 rows of 40 */
    assert_true(most > 3 && most <= 4);
    free(x);
    gr_dataset_free(set);
}

/* The mean over all pictures at one place. */
static float mean_pixel(int64_t c, int64_t row, int64_t column)
{
    double sum = 0;
    for (int64_t i = 0; i < N; i++) sum += (double)pixel(i, c, row, column);
    return (float)(sum / N);
}

/* The mean is of whole pictures, and lies under each part of them. */
static void mean_image(void **state)
{
    (void)state;
    gr_normalizer norm;
    gr_shape one;
    gr_dataset *set = pictures(GR_U8);
    const gr_preprocess crop = {.crop = 4};
    assert_int_equal(gr_normalizer_learn_view(GR_NORMALIZE_MEAN_IMAGE, set, &crop, &norm), GR_OK);
    assert_int_equal(norm.channels, 3 * H * W);
    assert_true(gr_shape_equal(norm.picture, GR_SHAPE(3, H, W)));
    for (int64_t at = 0; at < 3 * H * W; at++) {
        const float mean = mean_pixel(at / (H * W), at / W % H, at % W);
        assert_true(fabsf(norm.shift[at] - mean) < 1e-4f && norm.scale[at] == 1);
    }
    float *x = load(set, GR_LOADER(.preprocess = &crop, .normalizer = &norm), 0, &one);
    for (int64_t at = 0; at < 48; at++) /* the middle of picture 1 */
        assert_true(fabsf(x[48 + at] - pixel(1, at / 16, at / 4 % 4 + 2, at % 4 + 1) +
                          mean_pixel(at / 16, at / 4 % 4 + 2, at % 4 + 1)) < 1e-3f);
    /* A part by itself is taken for the middle. */
    float part[48], y[48];
    for (int64_t at = 0; at < 48; at++) part[at] = pixel(1, at / 16, at / 4 % 4 + 2, at % 4 + 1);
    assert_int_equal(
        gr_normalizer_apply(&norm, &(gr_tensor){GR_F32, GR_SHAPE(1, 3, 4, 4), part}, y), GR_OK);
    assert_memory_equal(y, x + 48, sizeof y);
    assert_int_equal(
        gr_normalizer_apply(&norm, &(gr_tensor){GR_F32, GR_SHAPE(1, 1, 4, 12), part}, y), GR_SHAPE);
    assert_non_null(strstr(gr_message(), "the mean image is [3,9,7], but examples are [1,4,12]"));
    free(x);
    gr_normalizer_clear(&norm);
    /* In memory and whole it is learnt from the bytes. */
    assert_int_equal(gr_normalizer_learn(GR_NORMALIZE_MEAN_IMAGE, set, &norm), GR_OK);
    assert_int_equal(norm.channels, 3 * H * W);
    gr_normalizer_clear(&norm);
    gr_dataset_free(set);
}

/* Is x picture i at some place of a crop of 4x4, mirrored or not, minus the mean of that place? */
static bool is_part(const float *x, int64_t i)
{
    for (int64_t place = 0; place < 2 * (H - 3) * (W - 3); place++) {
        const int64_t top = place / 2 % (H - 3), left = place / 2 / (H - 3);
        int same = 0;
        for (int64_t at = 0; at < 48; at++) {
            const int64_t c = at / 16, row = top + at / 4 % 4, k = at % 4;
            const int64_t column = left + (place % 2 ? 3 - k : k);
            same += fabsf(x[at] - pixel(i, c, row, column) + mean_pixel(c, row, column)) < 1e-3f;
        }
        if (same == 48) return true;
    }
    return false;
}

static void mean_image_of_parts(void **state)
{
    (void)state;
    gr_normalizer norm;
    gr_shape one;
    gr_dataset *set = pictures(GR_U8);
    const gr_preprocess crop = {.crop = 4};
    assert_int_equal(gr_normalizer_learn_view(GR_NORMALIZE_MEAN_IMAGE, set, &crop, &norm), GR_OK);
    float *x = load(set,
                    GR_LOADER(.batch = 8, .preprocess = &crop, .normalizer = &norm,
                              .augment = GR_AUGMENT(.mirror = true)),
                    0, &one);
    for (int64_t i = 0; i < N; i++) assert_true(is_part(x + 48 * i, i));
    free(x);
    gr_normalizer_clear(&norm);
    gr_dataset_free(set);
}

static void check_refused(const gr_dataset *set, gr_preprocess preprocess,
                          const gr_augment *augment, gr_status status, const char *words)
{
    gr_loader *loader;
    assert_int_equal(
        gr_loader_new(set, GR_LOADER(.preprocess = &preprocess, .augment = augment), &loader),
        status);
    assert_null(loader);
    if (!strstr(gr_message(), words)) fail_msg("'%s' lacks '%s'", gr_message(), words);
}

static void refuses(void **state)
{
    (void)state;
    gr_dataset *bytes = pictures(GR_U8), *numbers = pictures(GR_F32);
    gr_dataset *points = test_points(9, .3, 1);
    const gr_preprocess none = {0};
    check_refused(bytes, (gr_preprocess){.crop = 8}, NULL, GR_SHAPE,
                  "loader of 'pictures': a crop of 8x8 pixels out of pictures of 7x9");
    check_refused(bytes, (gr_preprocess){.resize = 3, .crop = 4}, NULL, GR_SHAPE,
                  "a crop of 4x4 pixels out of pictures of 3x4");
    check_refused(bytes, (gr_preprocess){.resize = -1}, NULL, GR_RANGE, "resize of -1 pixels");
    check_refused(bytes, none, GR_AUGMENT(.pad = -2), GR_RANGE, "pad of -2 pixels");
    check_refused(bytes, none, GR_AUGMENT(.contrast = 2), GR_RANGE,
                  "jitter of the contrast by 2: should be 0 to 1");
    check_refused(numbers, none, GR_AUGMENT(.contrast = .2), GR_DTYPE,
                  "the colours of examples f32 [3,9,7] cannot vary");
    check_refused(points, none, GR_AUGMENT(.mirror = true), GR_SHAPE,
                  "examples f32 [4] are no pictures");
    gr_dataset_free(bytes);
    gr_dataset_free(numbers);
    gr_dataset_free(points);
}

/* A model keeps what its pictures go through; a resumed training varies them alike. */
static void models_repeat_it(void **state)
{
    (void)state;
    gr_model *model, *loaded;
    gr_trainer *trainer;
    gr_metrics a, b;
    gr_dataset *set = pictures(GR_U8);
    const char *path = test_files_path("view.safetensors");
    assert_int_equal(gr_model_new(GR_MODEL(.net = "conv(2,3) |> relu |> fc(2)", .data = set,
                                           .preprocess = {.resize = 8, .crop = 6},
                                           .normalize = GR_NORMALIZE_MEAN_IMAGE),
                                  &model),
                     GR_OK);
    assert_true(gr_shape_equal(gr_model_input(model), GR_SHAPE(3, 6, 6)));
    assert_int_equal(gr_trainer_new(model, set, NULL,
                                    GR_TRAINER(.epochs = 2, .batch = 10, .validation = .25,
                                               .augment = GR_AUGMENT(.pad = 1, .mirror = true)),
                                    &trainer),
                     GR_OK);
    assert_int_equal(gr_train(trainer), GR_OK);
    gr_trainer_free(trainer);
    assert_int_equal(gr_model_test(model, set, &a), GR_OK);
    assert_int_equal(gr_model_save(model, path), GR_OK);
    assert_int_equal(gr_model_load(path, NULL, &loaded), GR_OK);
    assert_int_equal(gr_model_preprocess(loaded)->resize, 8);
    assert_int_equal(gr_model_preprocess(loaded)->crop, 6);
    assert_int_equal(gr_model_test(loaded, set, &b), GR_OK);
    assert_true(a.loss == b.loss && a.correct == b.correct);
    gr_metrics_clear(&a);
    gr_metrics_clear(&b);
    gr_model_free(model);
    gr_model_free(loaded);
    gr_dataset_free(set);
}

static gr_status flow(void *set)
{
    gr_loader *loader;
    gr_batch batch;
    gr_status status =
        gr_loader_new(set,
                      GR_LOADER(.preprocess = &(gr_preprocess){.resize = 8, .crop = 6},
                                .augment = GR_AUGMENT(.random_scale = true)),
                      &loader);
    if (status == GR_OK) assert_true(gr_loader_next(loader, &batch));
    gr_loader_free(loader);
    return status;
}

static void memory_may_be_out(void **state)
{
    (void)state;
    gr_dataset *set = pictures(GR_U8);
    assert_true(test_memory_sweep(flow, set) > 8);
    gr_dataset_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluation_cuts_the_middle),
        cmocka_unit_test(crops_are_drawn),
        cmocka_unit_test(draws_are_pure),
        cmocka_unit_test(scaling),
        cmocka_unit_test(growing_is_linear),
        cmocka_unit_test(cutout_blanks_a_square),
        cmocka_unit_test(colours_vary),
        cmocka_unit_test(random_scale_shows_parts),
        cmocka_unit_test(mean_image),
        cmocka_unit_test(mean_image_of_parts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(models_repeat_it),
        cmocka_unit_test(memory_may_be_out),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
