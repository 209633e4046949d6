/* Models of sequences: tokens as input, a label at each position. */
#include <math.h>

#include "support_train.h"

enum { SEQ_LENGTH = 6, SEQ_TOKENS = 5 };

/* Tells each token from the one before it: scores [N, 6, 5]. */
static const char sequence_net[] = "h = x |> one_hot(5) |> reshape(-1, 5)\n"
                                   "y = h |> fc(8) |> tanh |> fc(5) |> reshape(-1, 6, 5)";

static gr_model *sequence_model(const char *net)
{
    gr_model *model;
    unit_ok(gr_model_new(GR_MODEL(.net = net, .input = GR_SHAPE(SEQ_LENGTH), .tokens = true,
                                  .positions = GR_SHAPE(SEQ_LENGTH), .classes = SEQ_TOKENS,
                                  .seed = 3, .threads = 1),
                         &model));
    return model;
}

/* ---- Prediction ----------------------------------------------------------------------------- */

/* Equal tokens get equal scores, wherever they stand, and one row asked for alone the same. */
static void test_scores_by_position(void **state)
{
    (void)state;
    gr_model *model = sequence_model(sequence_net);
    int32_t tokens[70 * SEQ_LENGTH];
    float scores[70][SEQ_LENGTH][SEQ_TOKENS], one[SEQ_LENGTH][SEQ_TOKENS];
    for (int i = 0; i < 70 * SEQ_LENGTH; i++) tokens[i] = (i * 7 + i / 3) % SEQ_TOKENS;
    gr_tensor x = {GR_I32, GR_SHAPE(70, SEQ_LENGTH), tokens};
    assert_true(gr_model_tokens(model));
    assert_true(gr_shape_equal(gr_model_positions(model), GR_SHAPE(SEQ_LENGTH)));
    unit_ok(gr_model_predict(model, &x, &scores[0][0][0]));
    for (int row = 0; row < 70; row++)
        for (int t = 0; t < SEQ_LENGTH; t++) {
            int token = tokens[row * SEQ_LENGTH + t], first = 0;
            while (tokens[first] != token) first++;
            for (int c = 0; c < SEQ_TOKENS; c++)
                assert_true(fabs((double)scores[row][t][c] -
                                 (double)scores[first / SEQ_LENGTH][first % SEQ_LENGTH][c]) < 1e-5);
        }
    x.shape.dim[0] = 1;
    x.data = tokens + 69 * SEQ_LENGTH;
    unit_ok(gr_model_predict(model, &x, &one[0][0]));
    for (int t = 0; t < SEQ_LENGTH; t++)
        for (int c = 0; c < SEQ_TOKENS; c++)
            assert_true(fabs((double)one[t][c] - (double)scores[69][t][c]) < 1e-5);
    gr_model_free(model);
}

static void test_sequence_refused(void **state)
{
    (void)state;
    gr_model *model = sequence_model(sequence_net);
    float scores[SEQ_LENGTH * SEQ_TOKENS], numbers[SEQ_LENGTH] = {0};
    gr_tensor x = {GR_F32, GR_SHAPE(1, SEQ_LENGTH), numbers};
    unit_refused(gr_model_predict(model, &x, scores), GR_DTYPE,
                 "the data are f32, but this model takes i32 tokens");
    gr_dataset *data = test_points(30, 0.3, 1);
    unit_refused(gr_model_fits(model, data), GR_SHAPE, "'points' is [4], but the model takes [6]");
    gr_dataset_free(data);
    gr_model_free(model);
    gr_shape length = GR_SHAPE(SEQ_LENGTH);
    unit_refused(gr_model_new(GR_MODEL(.net = "x |> one_hot(5)", .input = length, .tokens = true,
                                       .positions = length, .classes = 4),
                              &model),
                 GR_SHAPE,
                 "f32[1,6,5] for 1 examples: should be f32[1,6,4], a score for each of the 4 "
                 "classes at each position");
    unit_refused(gr_model_new(GR_MODEL(.net = "x |> one_hot(5)", .input = length, .classes = 5,
                                       .positions = length),
                              &model),
                 GR_DTYPE, "the index is f32");
    unit_refused(gr_model_new(GR_MODEL(.net = "x |> one_hot(5)", .input = length, .tokens = true,
                                       .positions = GR_SHAPE(0), .classes = 5),
                              &model),
                 GR_SHAPE, "the labels of an example are [0]: should be at least one");
    assert_null(model);
}

/* ---- Files and descriptions ----------------------------------------------------------------- */

static void test_sequence_file(void **state)
{
    (void)state;
    const char *path = test_files_path("sequence.safetensors");
    const char *again = test_files_path("again.safetensors");
    gr_model *model = sequence_model(sequence_net), *loaded;
    int32_t tokens[SEQ_LENGTH] = {4, 0, 3, 3, 1, 2};
    float a[SEQ_LENGTH * SEQ_TOKENS], b[SEQ_LENGTH * SEQ_TOKENS];
    gr_tensor x = {GR_I32, GR_SHAPE(1, SEQ_LENGTH), tokens};
    unit_ok(gr_model_predict(model, &x, a));
    unit_ok(gr_model_save(model, path));
    unit_ok(gr_model_load(path, GR_MODEL(.threads = 1), &loaded));
    assert_true(gr_model_tokens(loaded));
    assert_true(gr_shape_equal(gr_model_positions(loaded), GR_SHAPE(SEQ_LENGTH)));
    unit_ok(gr_model_predict(loaded, &x, b));
    assert_memory_equal(a, b, sizeof a);
    unit_ok(gr_model_save(loaded, again));
    assert_true(test_same_files(path, again));
    gr_model_free(model);
    gr_model_free(loaded);
}

/* A text does not say whether it is of tokens: its words do. */
static void test_sequence_description(void **state)
{
    (void)state;
    gr_net_info *info;
    unit_ok(gr_net_describe(sequence_net, GR_SHAPE(SEQ_LENGTH), &info));
    assert_int_equal(info->parameters, 8 * 5 + 8 + 5 * 8 + 5);
    assert_true(gr_shape_equal(info->layers[info->count - 1].output, GR_SHAPE(6, 5)));
    gr_net_info_free(info);
    unit_refused(gr_net_describe("x |> one_hot(5) |> one_hot(5)", GR_SHAPE(6), &info), GR_DTYPE,
                 "net:1:6): the index is f32");
    assert_null(info);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_by_position),
        cmocka_unit_test(test_sequence_refused),
        cmocka_unit_test(test_sequence_file),
        cmocka_unit_test(test_sequence_description),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
