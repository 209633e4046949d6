/* Sampling from models of texts, against models whose scores are known. */
#include <math.h>

#include <gradus/sample.h>

#include "support_memory.h"
#include "support_train.h"

#define GR_NO_PLACES
#include <gradus/ops.h>

enum { CHARS = 4, WINDOW = 6 };
static const char *const char_names[CHARS] = {"\\n", "a", "b", "c"};

/* The score of what follows, for each character and the one before it. */
static const float now_table[CHARS][CHARS] = {
    {0.5f, 1.25f, -1, 0.25f}, {-2, 0, 1.5f, 0.75f}, {1, -0.5f, 0.25f, 2}, {0.125f, 1, 1, -3}};
static const float before_table[CHARS][CHARS] = {
    {0.25f, -1, 0.5f, 1}, {1.5f, 0.5f, -0.75f, 0}, {-1, 2, 0, 0.5f}, {0, 0.25f, -2, 1}};

static gr_node *sample_table(gr_scope *scope, const char *name)
{
    gr_init zeros = {GR_INIT_CONSTANT, 0, 0};
    return gr_param(scope, name, GR_SHAPE(CHARS, CHARS), zeros, CHARS, CHARS);
}

/* Knows the last character alone. */
static gr_node *one_back(gr_scope *scope, gr_node *x, void *user)
{
    (void)user;
    return gr_gather(sample_table(scope, "now"), x, 0);
}

/* Knows the last two; the first of a window has none before it. */
static gr_node *two_back(gr_scope *scope, gr_node *x, void *user)
{
    int64_t length = gr_node_shape(x).dim[1];
    const int64_t start[] = {0, 0, 0}, stop[] = {1, length - 1, CHARS}, before[] = {0, 1, 0};
    gr_node *old = gr_gather(sample_table(scope, "before"), x, 0);
    old = gr_pad(gr_slice(old, start, stop, NULL), before, (int64_t[]){0, 0, 0}, NULL, 0);
    return gr_add(one_back(scope, x, user), old);
}

static gr_node *all_around(gr_scope *scope, gr_node *x, void *user)
{
    gr_node *scores = one_back(scope, x, user);
    return gr_add(scores, gr_mean(scores, GR_KEEP(1)));
}

static gr_model *text_model(gr_recipe *recipe, const char *const *names)
{
    gr_model *model;
    unit_ok(gr_model_new(GR_MODEL(.recipe = recipe, .input = GR_SHAPE(WINDOW), .tokens = true,
                                  .positions = GR_SHAPE(WINDOW), .classes = CHARS, .names = names,
                                  .threads = 1),
                         &model));
    gr_store *store = gr_model_store(model);
    unit_ok(gr_store_write(store, "now", now_table, sizeof now_table));
    if (gr_store_find(store, "before") >= 0)
        unit_ok(gr_store_write(store, "before", before_table, sizeof before_table));
    return model;
}

static gr_model *net_model(const char *net)
{
    gr_model *model;
    unit_ok(gr_model_new(GR_MODEL(.net = net, .input = GR_SHAPE(WINDOW), .tokens = true,
                                  .positions = GR_SHAPE(WINDOW), .classes = CHARS,
                                  .names = char_names, .seed = 2, .threads = 1),
                         &model));
    return model;
}

static gr_text_sampler *sampler_of(gr_model *model, const gr_text_sampler_options *options)
{
    gr_text_sampler *sampler;
    unit_ok(gr_text_sampler_new(model, options, &sampler));
    return sampler;
}

/* The probabilities must be those of `scores`, by the temperature, where `in` says so. */
static void expect(gr_text_sampler *sampler, const double *scores, double temperature,
                   const bool *in)
{
    double p[CHARS], sum = 0;
    unit_ok(gr_text_sampler_probabilities(sampler, p));
    for (int i = 0; i < CHARS; i++) sum += in[i] ? exp(scores[i] / temperature) : 0;
    for (int i = 0; i < CHARS; i++) {
        double want = in[i] ? exp(scores[i] / temperature) / sum : 0;
        assert_true(fabs(p[i] - want) < 1e-6);
    }
}

static void expect_table(gr_text_sampler *sampler, int now, int before, double temperature)
{
    static const bool all[CHARS] = {true, true, true, true};
    double scores[CHARS];
    for (int i = 0; i < CHARS; i++) {
        scores[i] = (double)now_table[now][i];
        if (before >= 0) scores[i] += (double)before_table[before][i];
    }
    expect(sampler, scores, temperature, all);
}

/* ---- Probabilities -------------------------------------------------------------------------- */

static void test_temperature(void **state)
{
    (void)state;
    gr_model *model = text_model(one_back, char_names);
    static const double temperatures[] = {0, 0.5, 2};
    for (size_t i = 0; i < GR_LEN(temperatures); i++) {
        double t = temperatures[i];
        gr_text_sampler *sampler = sampler_of(model, GR_TEXT_SAMPLER(.temperature = t));
        assert_true(gr_text_sampler_recurrent(sampler));
        expect_table(sampler, 0, -1, t > 0 ? t : 1); /* a text begins after a new line */
        unit_ok(gr_text_sampler_feed(sampler, "cab", 3));
        expect_table(sampler, 2, -1, t > 0 ? t : 1);
        expect_table(sampler, 2, -1, t > 0 ? t : 1); /* asking changes nothing */
        unit_ok(gr_text_sampler_feed(sampler, "", 0));
        unit_ok(gr_text_sampler_feed(sampler, "\n", 1));
        expect_table(sampler, 0, -1, t > 0 ? t : 1);
        gr_text_sampler_free(sampler);
    }
    gr_model_free(model);
}

/* Of equal scores the first characters are taken. */
static void test_top_k(void **state)
{
    (void)state;
    gr_model *model = text_model(one_back, char_names);
    static const bool in[4][CHARS] = {{false, true, false, false},
                                      {false, true, true, false},
                                      {true, true, true, false},
                                      {true, true, true, true}};
    double scores[CHARS];
    for (int i = 0; i < CHARS; i++) scores[i] = (double)now_table[3][i];
    for (int k = 1; k <= 5; k++) {
        gr_text_sampler *sampler = sampler_of(model, GR_TEXT_SAMPLER(.top_k = k));
        unit_ok(gr_text_sampler_feed(sampler, "c", 1));
        expect(sampler, scores, 1, in[k > 4 ? 3 : k - 1]);
        gr_text_sampler_free(sampler);
    }
    gr_model_free(model);
}

/* A net that sees more than the last character looks at its window, of six. */
static void test_window(void **state)
{
    (void)state;
    static const char text[] = "abcabba\ncba";
    gr_model *model = text_model(two_back, char_names);
    gr_text_sampler *sampler = sampler_of(model, NULL);
    assert_false(gr_text_sampler_recurrent(sampler));
    int before = -1;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        int now = text[i] == '\n' ? 0 : text[i] - 'a' + 1;
        unit_ok(gr_text_sampler_feed(sampler, text + i, 1));
        expect_table(sampler, now, before, 1);
        before = now;
    }
    gr_text_sampler_free(sampler);
    gr_model_free(model);
}

/* Recurrent nets keep their state, whether they were told to carry it or not, and go beyond their
 * window; those in both directions are refused. */
static void test_recurrent(void **state)
{
    (void)state;
    static const char text[] = "abcab\n";
    static const char *const nets[] = {
        "embedding(4, 5) |> lstm(6, layers=2, name=\"r\") |> linear(4)",
        "embedding(4, 5) |> lstm(6, layers=2, carry=true, name=\"r\") |> linear(4)"};
    double p[2][CHARS];
    float scores[WINDOW][CHARS];
    const int32_t tokens[WINDOW] = {1, 2, 3, 1, 2, 0};
    for (int i = 0; i < 2; i++) {
        gr_model *model = net_model(nets[i]);
        gr_text_sampler *sampler = sampler_of(model, NULL);
        assert_true(gr_text_sampler_recurrent(sampler));
        unit_ok(gr_text_sampler_feed(sampler, text, WINDOW));
        unit_ok(gr_text_sampler_probabilities(sampler, p[i]));
        gr_tensor x = {GR_I32, GR_SHAPE(1, WINDOW), (void *)tokens};
        unit_ok(gr_model_predict(model, &x, scores[0]));
        gr_model_probabilities(model, scores[WINDOW - 1]);
        for (int c = 0; c < CHARS; c++)
            assert_true(fabs(p[i][c] - (double)scores[WINDOW - 1][c]) < 1e-5);
        unit_ok(gr_text_sampler_feed(sampler, text, WINDOW));
        unit_ok(gr_text_sampler_probabilities(sampler, p[i]));
        gr_text_sampler_free(sampler);
        gr_model_free(model);
    }
    for (int c = 0; c < CHARS; c++) assert_true(fabs(p[0][c] - p[1][c]) < 1e-6);
    gr_text_sampler *none;
    gr_model *both = net_model("embedding(4, 5) |> gru(6, bidirectional=true) |> linear(4)");
    unit_refused(gr_text_sampler_new(both, NULL, &none), GR_INVALID, "depend on later ones");
    gr_model_free(both);
}

/* ---- Drawing -------------------------------------------------------------------------------- */

static void write_on(gr_text_sampler *sampler, char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        size_t size;
        char piece[4];
        unit_ok(gr_text_sampler_next(sampler, piece, &size));
        assert_int_equal(size, 1);
        text[i] = piece[0];
    }
}

static void test_seed(void **state)
{
    (void)state;
    gr_model *model = text_model(two_back, char_names);
    char text[3][200];
    for (int i = 0; i < 3; i++) {
        gr_text_sampler *sampler = sampler_of(model, GR_TEXT_SAMPLER(.seed = i < 2 ? 7 : 8));
        write_on(sampler, text[i], sizeof text[i]);
        gr_text_sampler_free(sampler);
    }
    assert_memory_equal(text[0], text[1], sizeof text[0]);
    assert_memory_not_equal(text[0], text[2], sizeof text[0]);
    gr_model_free(model);
}

/* What is drawn comes as often as its probability says. */
static void test_frequencies(void **state)
{
    (void)state;
    enum { DRAWS = 40000 };
    gr_model *model = text_model(one_back, char_names);
    gr_text_sampler *sampler = sampler_of(model, GR_TEXT_SAMPLER(.top_k = 3, .seed = 5));
    char *text = gr_alloc(DRAWS);
    assert_non_null(text);
    write_on(sampler, text, DRAWS);
    double count[CHARS][CHARS] = {{0}}, p[CHARS];
    for (int i = 1; i < DRAWS; i++) {
        int now = text[i - 1] == '\n' ? 0 : text[i - 1] - 'a' + 1;
        count[now][text[i] == '\n' ? 0 : text[i] - 'a' + 1]++;
    }
    for (int now = 0; now < CHARS; now++) {
        double n = count[now][0] + count[now][1] + count[now][2] + count[now][3];
        char last = "\nabc"[now];
        unit_ok(gr_text_sampler_feed(sampler, &last, 1));
        unit_ok(gr_text_sampler_probabilities(sampler, p));
        for (int i = 0; i < CHARS; i++)
            assert_true(fabs(count[now][i] - n * p[i]) <= 4 * sqrt(n * p[i] * (1 - p[i])));
    }
    gr_free(text);
    gr_text_sampler_free(sampler);
    gr_model_free(model);
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void test_sampler_refused(void **state)
{
    (void)state;
    static const char *const words[CHARS] = {"\\n", "a", "bb", "c"};
    gr_text_sampler *sampler;
    gr_model *model = text_model(one_back, char_names);
    unit_refused(gr_text_sampler_new(model, GR_TEXT_SAMPLER(.temperature = -1), &sampler),
                 GR_INVALID, "temperature -1: should be positive");
    unit_refused(gr_text_sampler_new(model, GR_TEXT_SAMPLER(.top_k = -2), &sampler), GR_INVALID,
                 "top_k -2");
    assert_null(sampler);
    sampler = sampler_of(model, NULL);
    unit_refused(gr_text_sampler_feed(sampler, "ab\nad", 5), GR_RANGE,
                 "line 2, column 2: the character 'd' is none of the vocabulary's 4");
    expect_table(sampler, 0, -1, 1); /* nothing of it was taken */
    gr_text_sampler_free(sampler);
    float wrong[CHARS][CHARS];
    memcpy(wrong, now_table, sizeof wrong);
    wrong[1][2] = NAN;
    unit_ok(gr_store_write(gr_model_store(model), "now", wrong, sizeof wrong));
    sampler = sampler_of(model, NULL);
    unit_ok(gr_text_sampler_feed(sampler, "a", 1));
    char piece[4];
    size_t size;
    unit_refused(gr_text_sampler_next(sampler, piece, &size), GR_NUMERIC,
                 "the model's score of 'b' is nan");
    gr_text_sampler_free(sampler);
    gr_model_free(model);

    model = text_model(one_back, words);
    unit_refused(gr_text_sampler_new(model, NULL, &sampler), GR_INVALID,
                 "the model is none of texts: class 2, 'bb', is no character");
    gr_model_free(model);
    model = text_model(all_around, char_names);
    unit_refused(gr_text_sampler_new(model, NULL, &sampler), GR_INVALID, "depend on later ones");
    gr_model_free(model);
    gr_dataset *data = test_points(30, 0.3, 1);
    model = test_model(NULL, data, 5);
    unit_refused(gr_text_sampler_new(model, NULL, &sampler), GR_INVALID,
                 "the model is none of texts: they take tokens");
    gr_model_free(model);
    gr_dataset_free(data);
}

/* ---- Memory --------------------------------------------------------------------------------- */

typedef struct sample_flow {
    gr_model *model;
    char text[8]; /* what is written; empty before the first time */
} sample_flow;

static gr_status flow_write(gr_text_sampler *sampler, char text[8])
{
    GR_TRY(gr_text_sampler_feed(sampler, "ab", 2));
    for (int i = 0; i < 7; i++) {
        size_t size;
        char piece[4];
        GR_TRY(gr_text_sampler_next(sampler, piece, &size));
        text[i] = piece[0];
    }
    return GR_OK;
}

static gr_status flow_run(void *user)
{
    sample_flow *flow = user;
    gr_text_sampler *sampler;
    char text[8] = "";
    GR_TRY(gr_text_sampler_new(flow->model, NULL, &sampler));
    gr_status status = flow_write(sampler, text);
    gr_text_sampler_free(sampler);
    if (status != GR_OK) return status;
    if (!*flow->text) memcpy(flow->text, text, sizeof text);
    return memcmp(flow->text, text, sizeof text) ? gr_fail(GR_INTERNAL, "another text") : GR_OK;
}

/* Wherever memory runs out, that is the status, and nothing leaks. */
static void test_no_memory(void **state)
{
    (void)state;
    gr_recipe *const recipes[] = {one_back, two_back};
    for (size_t i = 0; i < GR_LEN(recipes); i++) {
        sample_flow flow = {.model = text_model(recipes[i], char_names)};
        unit_ok(flow_run(&flow));
        assert_true(test_memory_sweep(flow_run, &flow) > 50);
        gr_model_free(flow.model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_temperature),
        cmocka_unit_test(test_top_k),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_recurrent),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_frequencies),
        cmocka_unit_test(test_sampler_refused),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
