/* Data sets in memory, selections, splits and normalisation. */
#include "support_data.h"

#include <math.h>

/* n examples [2] of f32, (i, −i), with label i mod classes (or of the given ones). */
static gr_dataset *make(int64_t n, int classes, const int32_t *labels)
{
    gr_tensor examples;
    int32_t own[1000];
    gr_dataset *set;
    assert_true(n <= 1000);
    assert_int_equal(gr_tensor_new(GR_F32, GR_SHAPE(n, 2), &examples), GR_OK);
    for (int64_t i = 0; i < n; i++) {
        ((float *)examples.data)[2 * i] = (float)i;
        ((float *)examples.data)[2 * i + 1] = (float)-i;
        own[i] = (int32_t)(classes ? i % classes : 0);
    }
    if (!labels && classes) labels = own;
    assert_int_equal(gr_dataset_new("made", &examples, labels, classes, NULL, &set), GR_OK);
    gr_tensor_clear(&examples);
    return set;
}

static void selections_share(void **state)
{
    (void)state;
    test_memory memory;
    test_memory_start(&memory, 0);
    gr_dataset *set = make(10, 3, NULL), *some, *fewer;
    assert_int_equal(gr_dataset_select(set, (int64_t[]){7, 2, 2}, 3, &some), GR_OK);
    const void *seventh = gr_dataset_example(set, 7);
    gr_dataset_free(set);
    assert_ptr_equal(gr_dataset_example(some, 0), seventh);
    assert_int_equal(gr_dataset_select(some, (int64_t[]){2, 0}, 2, &fewer), GR_OK);
    gr_dataset_free(some);
    assert_int_equal(gr_dataset_size(fewer), 2);
    assert_int_equal(gr_dataset_index(fewer, 0), 2);
    assert_int_equal(gr_dataset_index(fewer, 1), 7);
    assert_int_equal(gr_dataset_label(fewer, 1), 1);
    assert_true(((const float *)gr_dataset_example(fewer, 1))[1] == -7);
    assert_string_equal(gr_dataset_name(fewer), "made");
    assert_int_equal(gr_dataset_select(fewer, (int64_t[]){0, 2}, 2, &some), GR_RANGE);
    assert_string_equal(gr_message(), "data set 'made' has no example 2: it has 2");
    assert_null(some);
    gr_dataset_free(fewer);
    gr_dataset_free(NULL);
    test_memory_stop(&memory);
}

static uint64_t hash_and_free(gr_dataset *set)
{
    const uint64_t hash = gr_dataset_hash(set);
    gr_dataset_free(set);
    return hash;
}

static void hashes_tell_sets_apart(void **state)
{
    (void)state;
    const int32_t other[4] = {0, 1, 2, 1};
    gr_dataset *set = make(4, 3, NULL), *same, *turned, *fewer;
    const uint64_t hash = gr_dataset_hash(set);
    assert_int_equal(gr_dataset_select(set, (int64_t[]){0, 1, 2, 3}, 4, &same), GR_OK);
    assert_int_equal(gr_dataset_select(set, (int64_t[]){0, 1, 3, 2}, 4, &turned), GR_OK);
    assert_int_equal(gr_dataset_select(set, (int64_t[]){0, 1, 2}, 3, &fewer), GR_OK);
    gr_dataset_free(set);
    assert_true(hash_and_free(same) == hash);
    assert_true(hash_and_free(turned) != hash);
    assert_true(hash_and_free(fewer) != hash);
    assert_true(hash_and_free(make(4, 3, NULL)) == hash);
    assert_true(hash_and_free(make(4, 3, other)) != hash);
    assert_true(hash_and_free(make(4, 0, NULL)) != hash);
}

static void refuses_bad_sets(void **state)
{
    (void)state;
    gr_dataset *set;
    int32_t data[4] = {0, 1, 2, 3};
    gr_tensor examples = {GR_I32, GR_SHAPE(4), data};
    assert_int_equal(gr_dataset_new("n", &examples, NULL, 0, NULL, &set), GR_DTYPE);
    assert_string_equal(gr_message(), "data set 'n': examples are i32, but a data set holds u8 or "
                                      "f32");
    examples.dtype = GR_F32;
    assert_int_equal(gr_dataset_new("n", &examples, data, 3, NULL, &set), GR_RANGE);
    assert_string_equal(gr_message(), "data set 'n': label 3 of example 3 is not one of 0 to 2");
    assert_int_equal(gr_dataset_new("n", &examples, data, 0, NULL, &set), GR_INVALID);
    assert_int_equal(gr_dataset_new("n", &examples, NULL, 3, NULL, &set), GR_INVALID);
    const char *names[] = {"M\xC3\xB6we", "M\xF6we"}; /* in UTF-8, in Latin 1 */
    int32_t two[4] = {0, 1, 0, 1};
    assert_int_equal(gr_dataset_new("n", &examples, two, 2, names, &set), GR_INVALID);
    assert_string_equal(gr_message(), "data set 'n': byte 1 of the name of class 1, 'M\xF6we', is "
                                      "not UTF-8");
    examples.shape = GR_SCALAR;
    assert_int_equal(gr_dataset_new("n", &examples, NULL, 0, NULL, &set), GR_SHAPE);
    examples.shape = GR_SHAPE(0, 3);
    assert_int_equal(gr_dataset_new("n", &examples, NULL, 0, NULL, &set), GR_INVALID);
    examples.shape = GR_SHAPE(2, INT64_MAX, 2);
    assert_int_equal(gr_dataset_new("n", &examples, NULL, 0, NULL, &set), GR_INVALID);
    assert_null(set);
}

/* ---- Splits ------------------------------------------------------------------------------- */

static void split_is_stratified(void **state)
{
    (void)state;
    int32_t labels[100];
    int64_t of_class[3] = {50, 30, 20}, held_of[3] = {0};
    for (int i = 0; i < 100; i++) labels[i] = i < 50 ? 0 : i < 80 ? 1 : 2;
    gr_dataset *set = make(100, 3, labels), *rest, *held;
    assert_int_equal(gr_dataset_split(set, GR_DATA_SPLIT(.fraction = .25, .seed = 3), &rest, &held),
                     GR_OK);
    assert_int_equal(gr_dataset_size(held), 25);
    assert_int_equal(gr_dataset_size(rest), 75);
    bool seen[100] = {false};
    for (int64_t i = 0; i < 100; i++) {
        const gr_dataset *part = i < 75 ? rest : held;
        int64_t at = i < 75 ? i : i - 75, index = gr_dataset_index(part, at);
        assert_false(seen[index]);
        seen[index] = true;
        if (at > 0) assert_true(index > gr_dataset_index(part, at - 1));
        if (i >= 75) held_of[gr_dataset_label(part, at)]++;
    }
    for (int c = 0; c < 3; c++) {
        double share = (double)of_class[c] * .25;
        assert_true(fabs((double)held_of[c] - share) < 1);
    }
    gr_dataset_free(rest);
    gr_dataset_free(held);
    gr_dataset_free(set);
}

static int64_t common(const gr_dataset *a, const gr_dataset *b)
{
    int64_t n = 0;
    for (int64_t i = 0; i < gr_dataset_size(a); i++) {
        for (int64_t j = 0; j < gr_dataset_size(b); j++) {
            n += gr_dataset_index(a, i) == gr_dataset_index(b, j);
        }
    }
    return n;
}

static void split_depends_on_the_seed_alone(void **state)
{
    (void)state;
    gr_dataset *set = make(200, 4, NULL), *rest, *held[4];
    const uint64_t seed[4] = {1, 1, 2, 1};
    for (int i = 0; i < 4; i++) {
        gr_data_split_options *options =
            GR_DATA_SPLIT(.count = 40, .seed = seed[i], .unstratified = i == 3);
        assert_int_equal(gr_dataset_split(set, options, &rest, &held[i]), GR_OK);
        assert_int_equal(gr_dataset_size(held[i]), 40);
        gr_dataset_free(rest);
    }
    assert_int_equal(common(held[0], held[1]), 40);
    assert_true(common(held[0], held[2]) < 25);
    assert_true(common(held[0], held[3]) < 25);
    /* Example i is of class i mod 4: one draw for all classes would take neighbours together. */
    int64_t neighbours = 0;
    for (int64_t i = 1; i < 40; i++) {
        neighbours += gr_dataset_index(held[0], i) == gr_dataset_index(held[0], i - 1) + 1;
    }
    assert_true(neighbours < 20);
    for (int i = 0; i < 4; i++) gr_dataset_free(held[i]);
    gr_dataset_free(set);
}

static void split_rounds_to_the_exact_total(void **state)
{
    (void)state;
    for (int64_t count = 1; count < 30; count++) {
        gr_dataset *set = make(30, 7, NULL), *rest, *held;
        assert_int_equal(gr_dataset_split(set, GR_DATA_SPLIT(.count = count), &rest, &held), GR_OK);
        assert_int_equal(gr_dataset_size(held), count);
        int64_t of_class[7] = {0};
        for (int64_t i = 0; i < count; i++) of_class[gr_dataset_label(held, i)]++;
        for (int c = 0; c < 7; c++) {
            double share = (c < 2 ? 5. : 4.) * (double)count / 30;
            assert_true(fabs((double)of_class[c] - share) < 1);
        }
        gr_dataset_free(rest);
        gr_dataset_free(held);
        gr_dataset_free(set);
    }
}

static void split_refuses(void **state)
{
    (void)state;
    gr_dataset *set = make(10, 0, NULL), *rest, *held;
    assert_int_equal(gr_dataset_split(set, GR_DATA_SPLIT(.fraction = .01), &rest, &held),
                     GR_INVALID);
    assert_string_equal(gr_message(),
                        "split of 'made': 0 of 10 examples held out would leave a part empty");
    assert_int_equal(gr_dataset_split(set, GR_DATA_SPLIT(.count = 10), &rest, &held), GR_INVALID);
    assert_int_equal(gr_dataset_split(set, GR_DATA_SPLIT(.count = -1), &rest, &held), GR_INVALID);
    assert_int_equal(gr_dataset_split(set, GR_DATA_SPLIT(.fraction = 1), &rest, &held), GR_INVALID);
    assert_string_equal(gr_message(), "split of 'made': the fraction 1 is not between 0 and 1");
    assert_int_equal(gr_dataset_split(set, GR_DATA_SPLIT(.fraction = (double)NAN), &rest, &held),
                     GR_INVALID);
    assert_int_equal(gr_dataset_split(set, GR_DATA_SPLIT(.fraction = .5, .count = 5), &rest, &held),
                     GR_INVALID);
    assert_null(rest);
    assert_null(held);
    assert_int_equal(gr_dataset_split(set, GR_DATA_SPLIT(.fraction = .5), &rest, &held), GR_OK);
    gr_dataset_free(rest);
    gr_dataset_free(held);
    gr_dataset_free(set);
}

/* ---- Normalisation ------------------------------------------------------------------------ */

static void bytes_by_channel(void **state)
{
    (void)state;
    unsigned char pixel[2][2][1][3] = {{{{0, 10, 20}}, {{7, 7, 7}}}, {{{30, 40, 50}}, {{7, 7, 7}}}};
    gr_tensor examples = {GR_U8, GR_SHAPE(2, 2, 1, 3), pixel};
    gr_dataset *set;
    gr_normalizer norm;
    float y[12];
    assert_int_equal(gr_dataset_new("p", &examples, NULL, 0, NULL, &set), GR_OK);
    assert_int_equal(gr_normalizer_learn(GR_NORMALIZE_STANDARD, set, &norm), GR_OK);
    assert_int_equal(norm.channels, 2);
    assert_true(norm.shift[0] == 25 && norm.shift[1] == 7);
    assert_true(fabsf(norm.scale[0] - 1 / sqrtf(1750.0f / 6)) < 1e-8f);
    assert_true(norm.scale[1] == 1);
    assert_int_equal(gr_normalizer_apply(&norm, &examples, y), GR_OK);
    for (int i = 0; i < 12; i++) {
        int channel = i / 3 % 2;
        float x = (float)((unsigned char *)pixel)[i];
        assert_true(y[i] == (x - norm.shift[channel]) * norm.scale[channel]);
    }
    examples.shape = GR_SHAPE(1, 1, 4, 3);
    assert_int_equal(gr_normalizer_apply(&norm, &examples, y), GR_SHAPE);
    assert_string_equal(gr_message(),
                        "the normaliser is for 2 channels, but examples [1,4,3] have 1");
    gr_normalizer_clear(&norm);

    assert_int_equal(gr_normalizer_learn(GR_NORMALIZE_UNIT, set, &norm), GR_OK);
    assert_true(norm.shift[0] == 0 && norm.scale[1] == 1 / 255.0f);
    gr_normalizer_clear(&norm);
    assert_int_equal(gr_normalizer_learn(GR_NORMALIZE_NONE, set, &norm), GR_OK);
    assert_true(norm.shift[0] == 0 && norm.scale[1] == 1);
    gr_normalizer_clear(&norm);
    gr_dataset_free(set);
}

static void numbers_by_feature(void **state)
{
    (void)state;
    float x[4][3] = {{1e6f, 0, .1f}, {1e6f + 1, 10, .1f}, {1e6f + 2, 20, .1f}, {1e6f + 3, 30, .1f}};
    gr_tensor examples = {GR_F32, GR_SHAPE(4, 3), x};
    gr_dataset *set;
    gr_normalizer norm;
    float y[12];
    assert_int_equal(gr_dataset_new("x", &examples, NULL, 0, NULL, &set), GR_OK);
    assert_int_equal(gr_normalizer_learn(GR_NORMALIZE_STANDARD, set, &norm), GR_OK);
    assert_int_equal(norm.channels, 3);
    assert_true(norm.shift[0] == 1000001.5f && norm.shift[1] == 15 && norm.shift[2] == .1f);
    assert_true(fabsf(norm.scale[0] - 1 / sqrtf(1.25f)) < 1e-6f);
    assert_true(norm.scale[2] == 1);
    assert_int_equal(gr_normalizer_apply(&norm, &examples, y), GR_OK);
    assert_true(y[2] == 0 && y[11] == 0);
    assert_true(y[1] == -15 * norm.scale[1]);
    gr_normalizer_clear(&norm);
    assert_int_equal(gr_normalizer_learn(GR_NORMALIZE_UNIT, set, &norm), GR_OK);
    assert_int_equal(gr_normalizer_apply(&norm, &examples, y), GR_OK);
    assert_true(y[0] == 0 && fabsf(y[9] - 1) < 1e-6f && y[1] == 0 && y[2] == 0);
    gr_normalizer_clear(&norm);
    gr_dataset_free(set);
}

static void normalizers_are_checked(void **state)
{
    (void)state;
    gr_normalizer norm;
    float one[1] = {1};
    assert_int_equal(gr_normalizer_new((gr_normalize)9, 1, one, one, &norm), GR_INVALID);
    assert_int_equal(gr_normalizer_new(GR_NORMALIZE_UNIT, 0, one, one, &norm), GR_INVALID);
    assert_int_equal(gr_normalizer_new(GR_NORMALIZE_UNIT, 1, one, one, &norm), GR_OK);
    gr_tensor scalar = {GR_F32, GR_SCALAR, one}, whole = {GR_I32, GR_SHAPE(1), one};
    assert_int_equal(gr_normalizer_apply(&norm, &scalar, one), GR_SHAPE);
    assert_int_equal(gr_normalizer_apply(&norm, &whole, one), GR_DTYPE);
    gr_normalizer_clear(&norm);
    gr_normalizer_clear(&norm);
    assert_int_equal(gr_normalize_find("unit"), GR_NORMALIZE_UNIT);
    assert_int_equal(gr_normalize_find("units"), -1);
    assert_string_equal(gr_normalize_name(GR_NORMALIZE_NONE), "none");
}

static gr_status everything(void *user)
{
    (void)user;
    gr_tensor examples;
    gr_dataset *set = NULL, *rest = NULL, *held = NULL;
    gr_normalizer norm = {0};
    int32_t labels[6] = {0, 1, 0, 1, 0, 1};
    gr_status status = gr_tensor_new(GR_F32, GR_SHAPE(6, 2), &examples);
    if (status == GR_OK) status = gr_dataset_new("n", &examples, labels, 2, NULL, &set);
    if (status == GR_OK) status = gr_dataset_split(set, GR_DATA_SPLIT(.count = 2), &rest, &held);
    if (status == GR_OK) status = gr_normalizer_learn(GR_NORMALIZE_UNIT, rest, &norm);
    gr_tensor_clear(&examples);
    gr_dataset_free(set);
    gr_dataset_free(rest);
    gr_dataset_free(held);
    gr_normalizer_clear(&norm);
    return status;
}

static void survives_failure_of_memory(void **state)
{
    (void)state;
    test_memory_sweep(everything, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selections_share),
        cmocka_unit_test(hashes_tell_sets_apart),
        cmocka_unit_test(refuses_bad_sets),
        cmocka_unit_test(split_is_stratified),
        cmocka_unit_test(split_depends_on_the_seed_alone),
        cmocka_unit_test(split_rounds_to_the_exact_total),
        cmocka_unit_test(split_refuses),
        cmocka_unit_test(bytes_by_channel),
        cmocka_unit_test(numbers_by_feature),
        cmocka_unit_test(normalizers_are_checked),
        cmocka_unit_test(survives_failure_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
