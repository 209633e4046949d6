/* A training that is killed (SIGKILL) at random moments and resumed each time ends with the same
 * model file, byte by byte, as one that was left alone. GRADUS_KILLS moments (20), of as many
 * trainings as that takes; tests/train_kill_slow.sh takes 200. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support_train.h"

#define KILL_STEPS 240

static char kill_checkpoint[256], kill_model[256], kill_whole[256];

/* One life: goes on from the checkpoint, if there is one. Never returns. */
static void kill_live(const char *checkpoint, const char *result)
{
    gr_dataset *data = test_points(250, 1, 1);
    gr_model *model = test_model(test_moody_recipe, data, 3);
    gr_trainer *t;
    const gr_trainer_options *options =
        GR_TRAINER(.optimizer = GR_OPTIMIZER(GR_ADAM, .rate = 0.01), .batch = 32,
                   .steps = KILL_STEPS, .validation = 0.2, .keep_best = true,
                   .checkpoint = checkpoint, .checkpoint_steps = checkpoint ? 1 : 0);
    bool ok = gr_trainer_new(model, data, NULL, options, &t) == GR_OK;
    if (ok && checkpoint && access(checkpoint, F_OK) == 0)
        ok = gr_trainer_resume(t, checkpoint) == GR_OK;
    ok = ok && gr_train(t) == GR_OK && gr_model_save(model, result) == GR_OK;
    if (!ok) fprintf(stderr, "%s\n", gr_message());
    _exit(ok ? 0 : 1);
}

/* Lets a life run for that many microseconds (0: to its end). Returns whether it has ended itself.
 */
static bool kill_after(long microseconds, const char *checkpoint, const char *result)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) kill_live(checkpoint, result);
    if (microseconds > 0) {
        struct timespec pause = {microseconds / 1000000, microseconds % 1000000 * 1000};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) return false;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return true;
}

/* The steps that the checkpoint holds, which is whole whenever it is there; 0: none yet. */
static int64_t kill_steps_saved(void)
{
    int64_t steps = 0;
    gr_safetensors *file;
    if (access(kill_checkpoint, F_OK) != 0) return 0;
    unit_ok(gr_safetensors_open(kill_checkpoint, &file));
    unit_ok(gr_meta_get_int(gr_safetensors_meta(file), "state.step", &steps));
    gr_safetensors_close(file);
    return steps;
}

typedef struct kill_count {
    int kills, useful; /* useful: after which there was something new to go on from */
} kill_count;

/* One training, with at most so many kills, which are added to *count. */
static void kill_training(gr_rng *rng, uint64_t longest, int most, kill_count *count)
{
    int64_t saved = 0;
    unlink(kill_checkpoint);
    unlink(kill_model);
    for (int i = 0; i < most; i++) {
        if (kill_after(1 + (long)gr_rng_below(rng, longest), kill_checkpoint, kill_model)) break;
        count->kills++;
        count->useful += kill_steps_saved() > saved;
        saved = kill_steps_saved();
    }
    assert_true(kill_after(0, kill_checkpoint, kill_model));
}

static void test_killed(void **state)
{
    (void)state;
    gr_rng rng = gr_rng_new((uint64_t)time(NULL), 0);
    const uint64_t seed = rng.key;
    const char *text = getenv("GRADUS_KILLS");
    const int wanted = text ? atoi(text) : 20;
    int trainings = 0;
    kill_count count = {0};
    const double start = gr_seconds();
    assert_true(kill_after(0, NULL, kill_whole));
    const uint64_t longest = 10000 + (uint64_t)(1e6 * (gr_seconds() - start)); /* of a life */
    for (; count.kills < wanted; trainings++) {
        kill_training(&rng, longest, wanted - count.kills, &count);
        if (!test_same_files(kill_whole, kill_model))
            fail_msg("the model differs after %d kills (seed %llu)", count.kills,
                     (unsigned long long)seed);
    }
    print_message("killed %d times in %d trainings, %d of them with something new to go on from\n",
                  count.kills, trainings, count.useful);
    assert_true(count.useful > 0);
}

static int kill_setup(void **state)
{
    int failed = test_files_setup(state);
    snprintf(kill_checkpoint, sizeof kill_checkpoint, "%s", test_files_path("run.safetensors"));
    snprintf(kill_model, sizeof kill_model, "%s", test_files_path("model.safetensors"));
    snprintf(kill_whole, sizeof kill_whole, "%s", test_files_path("whole.safetensors"));
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed)};
    return cmocka_run_group_tests(tests, kill_setup, test_files_teardown);
}
