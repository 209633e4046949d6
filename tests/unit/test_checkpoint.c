/* Checkpoints, and that training is always the same: whole, interrupted, on several threads. */
#include <unistd.h>

#include "base/crc64.h"
#include "support_train.h"

/* folder/name in memory of its own: test_files_path has few places. */
typedef struct test_path {
    char text[256];
} test_path;

static test_path path_of(const char *name)
{
    test_path path;
    snprintf(path.text, sizeof path.text, "%s", test_files_path(name));
    return path;
}

/* One training from a fresh model to its file. */
typedef struct train_case {
    gr_recipe *recipe;
    int64_t rows, stop_at; /* stop_at: end there, with a checkpoint; 0: do not */
    uint64_t model_seed;
    gr_trainer_options options;
} train_case;

static train_case case_of(gr_recipe *recipe)
{
    return (train_case){.recipe = recipe,
                        .rows = 250,
                        .model_seed = 3,
                        .options = {.size = sizeof(gr_trainer_options),
                                    .batch = 32,
                                    .epochs = 4,
                                    .validation = 0.2,
                                    .keep_best = true}};
}

/* Trains and writes folder/name; resumes from `from` first, unless it is NULL. */
static void case_run(const train_case *c, const char *from, const char *name)
{
    gr_dataset *data = test_points(c->rows, 1, 1);
    gr_model *model = test_model(c->recipe, data, c->model_seed);
    gr_trainer *t;
    unit_ok(gr_trainer_new(model, data, NULL, &c->options, &t));
    if (from) unit_ok(gr_trainer_resume(t, from));
    for (;;) {
        gr_train_event event;
        unit_ok(gr_train_step(t, &event));
        if (event == GR_TRAIN_FINISHED || event == GR_TRAIN_EARLY) break;
        if (event == GR_TRAIN_STOPPED) break;
        if (event == GR_TRAIN_STEP && gr_trainer_report(t).now.step == c->stop_at)
            gr_trainer_stop(t);
    }
    unit_ok(gr_model_save(model, test_files_path(name)));
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* ---- Sameness ------------------------------------------------------------------------------- */

static void test_same_bytes(void **state)
{
    (void)state;
    train_case c = case_of(test_moody_recipe);
    case_run(&c, NULL, "a.safetensors");
    case_run(&c, NULL, "b.safetensors");
    assert_true(
        test_same_files(test_files_path("a.safetensors"), test_files_path("b.safetensors")));
    c.model_seed++;
    case_run(&c, NULL, "c.safetensors");
    assert_false(
        test_same_files(test_files_path("a.safetensors"), test_files_path("c.safetensors")));
}

/* Trains a net with convolutions on noise and writes folder/name. */
static void case_convolutions(int threads, bool exact, const char *name)
{
    enum { ROWS = 90, PIXELS = 2 * 14 * 14 };
    gr_tensor x;
    int32_t labels[ROWS];
    gr_dataset *data;
    gr_model *model;
    gr_trainer *t;
    gr_rng rng = gr_rng_new(1, 2);
    unit_ok(gr_tensor_new(GR_U8, GR_SHAPE(ROWS, 2, 14, 14), &x));
    for (int i = 0; i < ROWS * PIXELS; i++) ((uint8_t *)x.data)[i] = (uint8_t)gr_rng_u64(&rng);
    for (int i = 0; i < ROWS; i++) labels[i] = i % 5;
    unit_ok(gr_dataset_new("noise", &x, labels, 5, NULL, &data));
    unit_ok(gr_model_new(GR_MODEL(.net = "conv(9,3,pad=1) |> batchnorm |> relu |> maxpool(2) |> "
                                         "conv(17,3) |> relu |> fc(40) |> relu |> dropout(.3) |> "
                                         "fc(5)",
                                  .data = data, .threads = threads, .exact = exact, .seed = 4),
                         &model));
    unit_ok(gr_trainer_new(model, data, NULL, GR_TRAINER(.batch = 32, .epochs = 4), &t));
    unit_ok(gr_train(t));
    unit_ok(gr_model_save(model, test_files_path(name)));
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
    gr_tensor_clear(&x);
}

static void test_same_bytes_for_threads(void **state)
{
    (void)state;
    case_convolutions(2, false, "a.safetensors");
    case_convolutions(2, false, "b.safetensors");
    assert_true(
        test_same_files(test_files_path("a.safetensors"), test_files_path("b.safetensors")));
    case_convolutions(1, true, "exact.safetensors");
    for (int threads = 2; threads <= 8; threads += threads == 3 ? 5 : 1) {
        case_convolutions(threads, true, "threads.safetensors");
        if (!test_same_files(test_files_path("exact.safetensors"),
                             test_files_path("threads.safetensors")))
            fail_msg("exact: %d threads give another model than 1", threads);
    }
}

/* Stopped after every step in turn (also at the ends of epochs and of the training) and resumed,
 * the result is the same to the last bit. Each kind of optimiser has its own state. */
static void test_resume(void **state)
{
    (void)state;
    const test_path checkpoint = path_of("resume.safetensors");
    for (int kind = GR_SGD; kind <= GR_ADAMW; kind++) {
        train_case c = case_of(test_moody_recipe);
        c.options.optimizer = GR_OPTIMIZER((gr_optimizer_kind)kind, .momentum = 0.9, .rate = 0.03,
                                           .schedule = {.kind = GR_SCHEDULE_COSINE, .warmup = 3});
        c.options.checkpoint = checkpoint.text;
        case_run(&c, NULL, "whole.safetensors");
        for (int64_t stop = 1 + kind; stop <= 28; stop += GR_ADAMW) {
            c.stop_at = stop;
            case_run(&c, NULL, "part.safetensors");
            c.stop_at = 0;
            case_run(&c, checkpoint.text, "resumed.safetensors");
            if (!test_same_files(test_files_path("whole.safetensors"),
                                 test_files_path("resumed.safetensors")))
                fail_msg("%s: resumed after step %lld, the result differs",
                         gr_optimizer_name((gr_optimizer_kind)kind), (long long)stop);
        }
    }
}

/* The history of a resumed training is that of the whole one; more epochs may be asked for. */
static void test_resume_history(void **state)
{
    (void)state;
    gr_dataset *data = test_points(250, 1, 1);
    gr_epoch whole[3], part;
    const test_path path = path_of("history.safetensors");
    for (int64_t epochs = 3; epochs >= 1; epochs -= 2) {
        gr_model *model = test_model(NULL, data, 3);
        gr_trainer *t;
        unit_ok(gr_trainer_new(
            model, data, NULL,
            GR_TRAINER(.epochs = epochs, .validation = 0.2, .checkpoint = path.text), &t));
        unit_ok(gr_train(t));
        for (int64_t i = 0; epochs == 3 && i < 3; i++)
            assert_true(gr_trainer_epoch(t, i, &whole[i]));
        gr_trainer_free(t);
        gr_model_free(model);
    }
    gr_model *model = test_model(NULL, data, 3);
    gr_trainer *t;
    unit_ok(gr_trainer_new(model, data, NULL, GR_TRAINER(.epochs = 3, .validation = 0.2), &t));
    unit_ok(gr_trainer_resume(t, path.text));
    assert_int_equal(gr_trainer_epochs(t), 1);
    unit_ok(gr_train(t));
    for (int64_t i = 0; i < 3; i++) {
        assert_true(gr_trainer_epoch(t, i, &part));
        assert_int_equal(part.step, whole[i].step);
        assert_true(part.train_loss == whole[i].train_loss && part.val_loss == whole[i].val_loss);
    }
    gr_trainer_free(t);
    gr_model_free(model);
    /* A checkpoint is a model as well. */
    unit_ok(gr_model_load(path.text, GR_MODEL(.recipe = test_recipe), &model));
    assert_int_equal(gr_store_size(gr_model_store(model)), 4);
    gr_model_free(model);
    gr_dataset_free(data);
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static void refuse_resume(train_case c, const char *path, gr_status status, const char *words)
{
    gr_dataset *data = test_points(c.rows, 1, 1);
    gr_model *model = test_model(c.recipe, data, c.model_seed);
    gr_trainer *t;
    unit_ok(gr_model_save(model, test_files_path("before.safetensors")));
    unit_ok(gr_trainer_new(model, data, NULL, &c.options, &t));
    unit_refused(gr_trainer_resume(t, path), status, words);
    assert_int_equal(gr_trainer_report(t).now.step, 0);
    gr_trainer_free(t);
    gr_model_free(model);
    gr_dataset_free(data);
}

static void test_resume_refused(void **state)
{
    (void)state;
    const test_path path = path_of("mine.safetensors");
    train_case c = case_of(NULL), other = c;
    c.stop_at = 5;
    c.options.checkpoint = path.text;
    case_run(&c, NULL, "part.safetensors");
    refuse_resume(c, test_files_path("none"), GR_NOT_FOUND, "none");
    refuse_resume(c, test_files_path("part.safetensors"), GR_FORMAT, "this is no checkpoint");
    other.recipe = test_moody_recipe;
    refuse_resume(other, path.text, GR_SHAPE,
                  "variable 'hidden/weight' is f32[8,4]: should be f32[16,4]");
    other = c;
    other.options.batch = 31;
    refuse_resume(other, path.text, GR_INVALID, "its batch is '32', here it is '31'");
    other = c;
    other.rows = 251;
    refuse_resume(other, path.text, GR_INVALID, "its data is '200 examples with hash");
    other = c;
    other.model_seed = 4;
    refuse_resume(other, path.text, GR_INVALID, "its seed is '3', here it is '4'");
    other = c;
    other.options.optimizer = GR_OPTIMIZER(GR_SGD);
    refuse_resume(other, path.text, GR_INVALID, "its optimizer is 'adam', here it is 'sgd'");
    other.options.optimizer = GR_OPTIMIZER(GR_ADAM, .l2 = 0.5);
    refuse_resume(other, path.text, GR_INVALID, "its optimizer_numbers is");
    gr_tensor scores;
    unit_ok(gr_tensor_new(GR_F32, GR_SHAPE(250, 3), &scores));
    other = c;
    other.options.teacher = &scores;
    refuse_resume(other, path.text, GR_INVALID,
                  "its teacher is 'not set', here it is 'shares with");
    gr_tensor_clear(&scores);
    other = c;
    other.options.in_order = true;
    refuse_resume(other, path.text, GR_INVALID, "its order is 'shuffled'");
}

/* ---- Damage --------------------------------------------------------------------------------- */

/* A file that a test changes. */
typedef struct test_bytes {
    char data[1 << 16];
    size_t size;
} test_bytes;

static void bytes_read(const char *path, test_bytes *bytes)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    bytes->size = fread(bytes->data, 1, sizeof bytes->data, file);
    fclose(file);
    assert_true(bytes->size > 1000 && bytes->size < sizeof bytes->data);
}

/* A trainer as new, of a case, with what it stands on. */
typedef struct test_fresh {
    gr_dataset *data;
    gr_model *model;
    gr_trainer *trainer;
} test_fresh;

static test_fresh fresh_of(const train_case *c)
{
    test_fresh fresh = {.data = test_points(c->rows, 1, 1)};
    fresh.model = test_model(c->recipe, fresh.data, c->model_seed);
    unit_ok(gr_trainer_new(fresh.model, fresh.data, NULL, &c->options, &fresh.trainer));
    return fresh;
}

static void fresh_free(test_fresh *fresh)
{
    gr_trainer_free(fresh->trainer);
    gr_model_free(fresh->model);
    gr_dataset_free(fresh->data);
}

/* One bit of each byte of the header, of each 13th of the values and of the last 64, or the file
 * cut there: each time a refusal that names the file. */
static void test_resume_damaged(void **state)
{
    (void)state;
    const test_path path = path_of("good.safetensors"), bad = path_of("bad");
    static test_bytes bytes;
    uint64_t header;
    train_case c = case_of(NULL);
    c.stop_at = 5;
    c.options.checkpoint = path.text;
    case_run(&c, NULL, "part.safetensors");
    bytes_read(path.text, &bytes);
    memcpy(&header, bytes.data, sizeof header);
    c.options.checkpoint = NULL;
    test_fresh fresh = fresh_of(&c);
    for (size_t at = 0; at < bytes.size; at++) {
        const char bit = (char)(1 << (at * 5 + at / 8) % 8);
        if (at >= sizeof header + header && at + 64 < bytes.size && at % 13) continue;
        bytes.data[at] = (char)(bytes.data[at] ^ bit);
        test_files_write("bad", bytes.data, bytes.size);
        unit_refused(gr_trainer_resume(fresh.trainer, bad.text), GR_FORMAT, bad.text);
        bytes.data[at] = (char)(bytes.data[at] ^ bit);
        if (at % 16) continue;
        test_files_write("bad", bytes.data, at);
        unit_refused(gr_trainer_resume(fresh.trainer, bad.text), GR_FORMAT, bad.text);
    }
    assert_int_equal(gr_trainer_report(fresh.trainer).now.step, 0);
    unit_ok(gr_trainer_resume(fresh.trainer, path.text));
    assert_int_equal(gr_trainer_report(fresh.trainer).now.step, 5);
    fresh_free(&fresh);
}

/* Replaces `old` by `new`, as long, and puts the checksum right. */
static void bytes_forge(test_bytes *bytes, const char *old, const char *new)
{
    char digits[17], *at = NULL, *sum = NULL;
    const char *key = "\"gradus.checksum\":\"";
    for (size_t i = 0; i + 64 < bytes->size; i++) {
        if (!at && memcmp(bytes->data + i, old, strlen(old)) == 0) at = bytes->data + i;
        if (!sum && memcmp(bytes->data + i, key, strlen(key)) == 0)
            sum = bytes->data + i + strlen(key);
    }
    assert_non_null(at);
    assert_non_null(sum);
    memcpy(at, new, strlen(old));
    memset(sum, '0', 16);
    static gr_crc64 crc;
    gr_crc64_start(&crc);
    gr_crc64_add(&crc, bytes->data, bytes->size);
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)gr_crc64_end(&crc));
    memcpy(sum, digits, 16);
}

/* Of another format, and of another version of the library. */
static void test_resume_versions(void **state)
{
    (void)state;
    const test_path path = path_of("mine.safetensors"), other = path_of("other");
    static test_bytes bytes;
    char old[64];
    train_case c = case_of(NULL);
    c.stop_at = 5;
    c.options.checkpoint = path.text;
    case_run(&c, NULL, "part.safetensors");
    c.options.checkpoint = NULL;
    bytes_read(path.text, &bytes);
    bytes_forge(&bytes, "\"gradus.format\":\"1\"", "\"gradus.format\":\"7\"");
    test_files_write("other", bytes.data, bytes.size);
    refuse_resume(c, other.text, GR_UNSUPPORTED,
                  "the file is of format '7', but this version of Gradus reads format '1' only");
    bytes_read(path.text, &bytes);
    snprintf(old, sizeof old, "\"gradus.version\":\"%s", gr_version());
    char *new = strdup(old);
    new[strlen(new) - 1] ^= 1;
    bytes_forge(&bytes, old, new);
    test_files_write("other", bytes.data, bytes.size);
    refuse_resume(c, other.text, GR_INVALID, "it was written by Gradus ");
    free(new);
}

/* ---- Several -------------------------------------------------------------------------------- */

static char warnings[2048];

static void note_warning(void *user, gr_log_level level, const char *text)
{
    (void)user;
    if (level == GR_LOG_WARNING)
        snprintf(warnings + strlen(warnings), sizeof warnings - strlen(warnings), "%s\n", text);
}

/* Changes one bit of the last value in folder/name. */
static void damage(const char *name)
{
    const test_path path = path_of(name);
    static test_bytes bytes;
    bytes_read(path.text, &bytes);
    bytes.data[bytes.size - 1] ^= 8;
    test_files_write(name, bytes.data, bytes.size);
}

/* Resumes and trains to the end: the same model as ever. */
static void resume_newest(const train_case *c, const char *path, int age, const char *words)
{
    test_fresh fresh = fresh_of(c);
    int taken = -1;
    warnings[0] = '\0';
    gr_set_log(note_warning, NULL);
    unit_ok(gr_trainer_resume_newest(fresh.trainer, path, &taken));
    gr_set_log(NULL, NULL);
    assert_int_equal(taken, age);
    if (words) assert_non_null(strstr(warnings, words));
    if (!words) assert_string_equal(warnings, "");
    unit_ok(gr_train(fresh.trainer));
    unit_ok(gr_model_save(fresh.model, test_files_path("resumed.safetensors")));
    assert_true(test_same_files(test_files_path("whole.safetensors"),
                                test_files_path("resumed.safetensors")));
    fresh_free(&fresh);
}

/* The step that folder/name holds; -1: there is no such file. */
static int64_t step_saved(const char *name)
{
    gr_safetensors *file;
    int64_t step;
    if (gr_safetensors_open(test_files_path(name), &file) == GR_NOT_FOUND) return -1;
    unit_ok(gr_meta_get_int(gr_safetensors_meta(file), "state.step", &step));
    gr_safetensors_close(file);
    return step;
}

static void test_keep(void **state)
{
    (void)state;
    const test_path path = path_of("kept");
    train_case c = case_of(test_moody_recipe), other;
    case_run(&c, NULL, "whole.safetensors");
    c.options.checkpoint = path.text;
    c.options.checkpoint_steps = 2;
    c.options.keep_checkpoints = 3;
    c.stop_at = 9;
    case_run(&c, NULL, "part.safetensors");
    assert_int_equal(step_saved("kept"), 9);
    assert_int_equal(step_saved("kept.1"), 8);
    assert_int_equal(step_saved("kept.2"), 6);
    assert_int_equal(step_saved("kept.3"), -1);
    c.options.checkpoint = NULL;
    c.options.checkpoint_steps = c.options.keep_checkpoints = 0;

    resume_newest(&c, path.text, 0, NULL);
    damage("kept");
    resume_newest(&c, path.text, 1, "kept: the file is damaged");
    assert_non_null(strstr(warnings, "going on from "));
    assert_non_null(strstr(warnings, "kept.1\n"));
    damage("kept.1");
    resume_newest(&c, path.text, 2, "kept.1: the file is damaged");
    unlink(path.text);
    resume_newest(&c, path.text, 2, "kept: No such file");

    /* Another training's is no reason to look further. */
    other = c;
    other.options.batch = 31;
    test_fresh fresh = fresh_of(&other);
    unit_refused(gr_trainer_resume_newest(fresh.trainer, path.text, NULL), GR_INVALID,
                 "kept.2: it is of another training: its batch is '32', here it is '31'");
    fresh_free(&fresh);
    /* Where all are lost, the newest tells. */
    damage("kept.2");
    fresh = fresh_of(&c);
    unit_refused(gr_trainer_resume_newest(fresh.trainer, path.text, NULL), GR_NOT_FOUND, "kept: ");
    assert_int_equal(gr_trainer_report(fresh.trainer).now.step, 0);
    fresh_free(&fresh);
}

/* What a cut between two renames leaves, a name that is missing, costs no older checkpoint. */
static void test_keep_gap(void **state)
{
    (void)state;
    const test_path path = path_of("gap");
    train_case c = case_of(NULL);
    c.options.checkpoint = path.text;
    c.options.checkpoint_steps = 2;
    c.options.keep_checkpoints = 3;
    c.stop_at = 7;
    case_run(&c, NULL, "part.safetensors");
    assert_int_equal(step_saved("gap.2"), 4);
    unlink(path.text);
    test_fresh fresh = fresh_of(&c);
    int age;
    unit_ok(gr_trainer_resume_newest(fresh.trainer, path.text, &age));
    assert_int_equal(age, 1);
    while (step_saved("gap") < 0) unit_ok(gr_train_step(fresh.trainer, NULL));
    assert_int_equal(step_saved("gap"), 8);
    assert_int_equal(step_saved("gap.1"), 6);
    assert_int_equal(step_saved("gap.2"), 4);
    fresh_free(&fresh);
}

static void test_keep_refused(void **state)
{
    (void)state;
    gr_dataset *data = test_points(250, 1, 1);
    gr_model *model = test_model(NULL, data, 3);
    gr_trainer *t;
    unit_refused(gr_trainer_new(model, data, NULL,
                                GR_TRAINER(.checkpoint = "none", .keep_checkpoints = 101), &t),
                 GR_INVALID, "keep_checkpoints = 101: should be at most 100");
    unit_refused(gr_trainer_new(model, data, NULL, GR_TRAINER(.keep_checkpoints = 2), &t),
                 GR_INVALID, "checkpoints are wanted, but no file is given");
    gr_model_free(model);
    gr_dataset_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),      cmocka_unit_test(test_same_bytes_for_threads),
        cmocka_unit_test(test_resume),          cmocka_unit_test(test_resume_history),
        cmocka_unit_test(test_resume_refused),  cmocka_unit_test(test_resume_damaged),
        cmocka_unit_test(test_resume_versions), cmocka_unit_test(test_keep),
        cmocka_unit_test(test_keep_gap),        cmocka_unit_test(test_keep_refused),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
