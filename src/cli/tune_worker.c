/* gradus tune: one training, in a process of its own. */
#include "cli/dataset.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/train.h"
#include "cli/tune.h"

#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Data ----------------------------------------------------------------------------------- */

/* Holds out what validates, by --seed alone, so that all seeds of a setting have the same. */
static gr_status trial_divide(cli_training *training, const cli_tune_order *order)
{
    gr_dataset *whole = training->train, *rest = NULL, *held = NULL;
    const uint64_t seed = training->trainer_options.seed;
    gr_status status =
        order->folds
            ? gr_dataset_fold(whole, order->folds, order->fold, seed, &rest, &held)
            : gr_dataset_split(whole, GR_DATA_SPLIT(.fraction = order->validation, .seed = seed),
                               &rest, &held);
    if (status != GR_OK) return status;
    gr_dataset_free(whole);
    training->train = rest;
    training->held = held;
    return GR_OK;
}

/* As gradus train does it, but that nothing is written on the way. */
static int trial_prepare(cli_training *training, const cli_tune_order *order)
{
    int code = cli_training_open(training);
    if (code != CLI_YES) return code;
    if (cli_is_sequence(training->train) && order->folds)
        return cli_bad("--folds: what a text holds out (--test-fraction) validates");
    const bool divides = !cli_is_sequence(training->train) && !(order->last && order->folds) &&
                         (order->folds || order->validation > 0);
    gr_status status = divides ? trial_divide(training, order) : GR_OK;
    if (status != GR_OK) return cli_failed(status);
    training->trainer_options.validation = 0;
    training->trainer_options.seed += (uint64_t)order->seed;
    training->model_options.seed += (uint64_t)order->seed;
    return cli_training_make(training);
}

/* ---- Training ------------------------------------------------------------------------------- */

/* Has the command gone? */
static bool trial_is_alone(int socket)
{
    struct pollfd end = {.fd = socket};
    return poll(&end, 1, 0) > 0 && (end.revents & (POLLHUP | POLLERR)) != 0;
}

/* The figures of the weights that the training ends with. */
static void trial_note(const cli_training *training, cli_tune_outcome *outcome)
{
    const gr_train_report report = gr_trainer_report(training->trainer);
    gr_epoch epoch = report.now;
    const int64_t n = gr_trainer_epochs(training->trainer);
    if (n > 0) gr_trainer_epoch(training->trainer, n - 1, &epoch);
    if (training->trainer_options.keep_best && report.best.epoch > 0) epoch = report.best;
    outcome->train_loss = epoch.train_loss;
    outcome->val_loss = epoch.val_loss;
    outcome->val_accuracy = epoch.val_accuracy;
    outcome->seconds = report.now.seconds;
}

static int trial_train(const cli_training *training, int socket, cli_tune_outcome *outcome)
{
    gr_status status;
    gr_train_event event = GR_TRAIN_STEP;
    do {
        status = gr_train_step(training->trainer, &event);
        if (event == GR_TRAIN_EPOCH && trial_is_alone(socket)) return CLI_INTERRUPTED;
    } while (status == GR_OK && (event == GR_TRAIN_STEP || event == GR_TRAIN_EPOCH));
    outcome->done = true;
    trial_note(training, outcome);
    if (status == GR_NUMERIC) {
        outcome->diverged = true;
        outcome->train_loss = outcome->val_loss = outcome->val_accuracy = NAN;
        return CLI_YES;
    }
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* ---- The test ------------------------------------------------------------------------------- */

static int trial_test(const cli_training *training, cli_tune_test *test)
{
    gr_metrics score;
    test->done = true;
    if (training->out && gr_model_save(training->model, training->out) != GR_OK)
        return cli_failed(GR_IO);
    if (!training->test || cli_is_sequence(training->train)) return CLI_YES;
    gr_status status = gr_model_test(training->model, training->test, &score);
    if (status != GR_OK) return cli_failed(status);
    test->tested = true;
    test->accuracy = score.accuracy;
    test->loss = score.loss;
    test->count = score.count;
    test->correct = score.correct;
    gr_metrics_clear(&score);
    return CLI_YES;
}

static int trial_work(cli_training *training, const cli_tune_order *order, int socket,
                      cli_tune_message *message)
{
    cli_tune_message ready = {.news = TUNE_READY};
    free(training->checkpoint);
    training->checkpoint = NULL;
    training->trainer_options.checkpoint = NULL;
    training->trainer_options.checkpoint_steps = 0;
    training->trainer_options.keep_checkpoints = 0;
    training->trainer_options.checkpoint_seconds = 0;
    int code = trial_prepare(training, order);
    ready.sequence = code == CLI_YES && cli_is_sequence(training->train);
    if (code == CLI_YES && !cli_process_send(socket, &ready, sizeof ready)) return CLI_INTERRUPTED;
    if (code == CLI_YES) code = trial_train(training, socket, &message->outcome);
    if (code == CLI_YES && order->last && !message->outcome.diverged)
        code = trial_test(training, &message->test);
    return code;
}

int cli_tune_worker(const cli_args *args, int socket)
{
    cli_tune_order order;
    cli_training training;
    cli_tune_message message = {.news = TUNE_DONE};
    if (!cli_process_receive(socket, &order, sizeof order))
        return cli_bad("--worker is for the command's own use");
    order.place[sizeof order.place - 1] = '\0';
    if (*order.place) cli_set_place(order.place);
    int code = cli_training_read(args, &training);
    if (code == CLI_YES) code = trial_work(&training, &order, socket, &message);
    if (code != CLI_YES) message = (cli_tune_message){.news = TUNE_FAILED, .code = code};
    cli_training_clear(&training);
    cli_set_place(NULL);
    cli_process_send(socket, &message, sizeof message);
    return code;
}
