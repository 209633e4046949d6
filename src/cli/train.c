/* gradus train: from a data set and a net to a model file. */
#include "cli/train.h"

#include "cli/dataset.h"
#include "cli/out.h"
#include "cli/profile.h"
#include "cli/runfolder.h"
#include "cli/score.h"
#include "cli/spool.h"
#include "cli/stop.h"

#include <gradus/plot.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TRAIN_FEW = 50 }; /* examples that are too few to hold some out unasked */

/* ---- Data ----------------------------------------------------------------------------------- */

/* Data without a test part give one, unless they are too few and it was not asked for. */
static int train_split_test(cli_training *training)
{
    double fraction = cli_real(training->args, "test-fraction");
    bool asked = cli_given(training->args, "test-fraction");
    if (training->test || fraction == 0 || cli_is_sequence(training->train)) return CLI_YES;
    if (!asked && gr_dataset_size(training->train) < TRAIN_FEW) return CLI_YES;
    return cli_split_test(fraction, training->trainer_options.seed, &training->train,
                          &training->test);
}

/* What the model takes is the example as it is cut out. */
static int train_check_input(const cli_training *training)
{
    char have[128], want[128];
    gr_shape shape = gr_model_input(training->model);
    if (training->input.rank == 0 || gr_shape_equal(shape, training->input)) return CLI_YES;
    return cli_bad("an example of '%s' is %s, but the net is made for %s (--input)",
                   gr_dataset_name(training->train), gr_shape_print(shape, have, sizeof have),
                   gr_shape_print(training->input, want, sizeof want));
}

int cli_training_open(cli_training *training)
{
    const cli_args *args = training->args;
    gr_data_options options;
    int code = cli_data_options(args, &options);
    if (code != CLI_YES) return code;
    options.held = cli_held(args);
    if (options.length == 0 && training->input.rank == 1) options.length = training->input.dim[0];
    if (cli_flag(args, "streams")) options.streams = training->trainer_options.batch;
    gr_status status = gr_data_open(cli_spool(cli_text(args, "data")), &options, &training->train,
                                    &training->test);
    if (status != GR_OK) return cli_failed(status);
    if (cli_flag(args, "streams") && !cli_is_sequence(training->train))
        return cli_bad("--streams is for texts");
    if (cli_is_sequence(training->train) && training->trainer_options.validation > 0)
        return cli_bad("--validation: what a text holds out (--test-fraction) validates, too");
    return train_split_test(training);
}

/* What validates, apart from a share that the trainer holds out. */
static const gr_dataset *train_validation(const cli_training *training)
{
    if (training->held) return training->held;
    return cli_is_sequence(training->train) ? training->test : NULL;
}

/* A run that was ended before its first checkpoint begins anew. */
static bool train_goes_on(const cli_training *training)
{
    if (!training->run_model || !cli_flag(training->args, "resume"))
        return cli_flag(training->args, "resume");
    char *older = cli_format("%s.1", training->checkpoint);
    const bool any = access(training->checkpoint, F_OK) == 0 || access(older, F_OK) == 0;
    free(older);
    return any;
}

int cli_training_make(cli_training *training)
{
    const cli_args *args = training->args;
    int code = CLI_YES;
    training->model_options.data = training->train;
    gr_status status = gr_model_new(&training->model_options, &training->model);
    if (status == GR_OK) code = train_check_input(training);
    if (status == GR_OK && code == CLI_YES && cli_given(args, "weights")) {
        training->variables = gr_store_size(gr_model_store(training->model));
        status = gr_model_take(training->model, cli_text(args, "weights"), &training->taken);
    }
    if (status == GR_OK && code == CLI_YES) code = cli_score_require(args, training->model);
    if (status == GR_OK && code == CLI_YES) code = cli_training_teach(training);
    if (code != CLI_YES) return code;
    if (status == GR_OK)
        status = gr_trainer_new(training->model, training->train, train_validation(training),
                                &training->trainer_options, &training->trainer);
    if (status == GR_OK && train_goes_on(training)) {
        cli_log_warnings();
        status = gr_trainer_resume_newest(training->trainer, training->checkpoint, NULL);
    }
    if (status == GR_OK) status = gr_trainer_profile(training->trainer, training->profile);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* ---- Training ------------------------------------------------------------------------------- */

/* What goes on with a run: its settings are in its folder. */
static char *train_resume_line(const char *folder)
{
    char *line = cli_format("gradus train --run");
    cli_append_word(&line, folder);
    cli_append_word(&line, "--resume");
    return line;
}

static int train_stopped(const cli_training *training)
{
    gr_train_report report = gr_trainer_report(training->trainer);
    if (!training->checkpoint)
        return cli_fault(CLI_INTERRUPTED, "stopped after step %" PRId64, report.now.step);
    char *line = training->run_model ? train_resume_line(cli_text(training->args, "run"))
                                     : cli_command_line(training->args, "--resume");
    int code = cli_fault(CLI_INTERRUPTED,
                         "stopped after step %" PRId64 " of %" PRId64
                         "; the state is in %s. To go on:\n  %s",
                         report.now.step, report.steps, training->checkpoint, line);
    free(line);
    return code;
}

/* Is there a checkpoint, and of this training? */
static bool train_has_checkpoint(const cli_training *training)
{
    struct stat file;
    if (!training->checkpoint || stat(training->checkpoint, &file) != 0) return false;
    const double age = difftime(time(NULL), file.st_mtime);
    return cli_flag(training->args, "resume") ||
           age <= gr_trainer_report(training->trainer).now.seconds + 1;
}

/* A NaN or an infinity: what may help, and where the last good numbers are. */
static int train_lost(const cli_training *training)
{
    const bool named = training->model_options.check_finite, kept = train_has_checkpoint(training);
    return cli_fault(CLI_NO, "%s; a smaller --rate or --clip may help%s%s%s", gr_message(),
                     named ? "" : "; --check-finite names the gate that made it",
                     kept ? "; the last good state is in " : "", kept ? training->checkpoint : "");
}

static int train_loop(cli_training *training)
{
    int code = CLI_YES;
    gr_status status;
    gr_train_event event = GR_TRAIN_STEP;
    cli_stop_trainer(training->trainer);
    cli_catch_stop();
    do {
        status = gr_train_step(training->trainer, &event);
        if (status == GR_OK && event == GR_TRAIN_EPOCH) code = cli_training_watch(training);
        if (status == GR_OK && code == CLI_YES) code = cli_training_progress(training, event);
    } while (status == GR_OK && code == CLI_YES &&
             (event == GR_TRAIN_STEP || event == GR_TRAIN_EPOCH));
    cli_release_stop();
    cli_stop_trainer(NULL);
    if (status == GR_NUMERIC) return train_lost(training);
    if (status != GR_OK) return cli_failed(status);
    if (code != CLI_YES) return code;
    return event == GR_TRAIN_STOPPED ? train_stopped(training) : CLI_YES;
}

/* ---- Results -------------------------------------------------------------------------------- */

static double *train_series(const cli_training *training, size_t offset)
{
    int64_t n = gr_trainer_epochs(training->trainer);
    double *series = cli_alloc((size_t)n, sizeof *series);
    bool any = false;
    gr_epoch epoch;
    for (int64_t i = 0; i < n && gr_trainer_epoch(training->trainer, i, &epoch); i++) {
        series[i] = *(const double *)((const char *)&epoch + offset);
        any = any || !isnan(series[i]);
    }
    if (any) return series;
    free(series);
    return NULL;
}

/* Where in the training an entry of its history stands, in epochs. */
static double train_place(const cli_training *training, const gr_epoch *entry)
{
    if (training->trainer_options.report_steps == 0) return (double)entry->epoch;
    return (double)entry->step / (double)gr_trainer_report(training->trainer).epoch_steps;
}

static double *train_places(const cli_training *training)
{
    int64_t n = gr_trainer_epochs(training->trainer);
    double *places = cli_alloc((size_t)n, sizeof *places);
    gr_epoch epoch;
    for (int64_t i = 0; i < n && gr_trainer_epoch(training->trainer, i, &epoch); i++)
        places[i] = train_place(training, &epoch);
    return places;
}

/* The learning rate, if a schedule changes it. */
static double *train_rates(const cli_training *training)
{
    double *rate = train_series(training, offsetof(gr_epoch, rate));
    const int64_t n = gr_trainer_epochs(training->trainer);
    for (int64_t i = 1; rate && i < n; i++)
        if (rate[i] != rate[0]) return rate;
    free(rate);
    return NULL;
}

static gr_status train_draw(const cli_training *training, const gr_metrics *score)
{
    gr_train_report report = gr_trainer_report(training->trainer);
    const double best = train_place(training, &report.best);
    double *epoch = train_places(training);
    double *train_loss = train_series(training, offsetof(gr_epoch, train_loss));
    double *val_loss = train_series(training, offsetof(gr_epoch, val_loss));
    double *train_accuracy = train_series(training, offsetof(gr_epoch, train_accuracy));
    double *val_accuracy = train_series(training, offsetof(gr_epoch, val_accuracy));
    double *rate = train_rates(training);
    double *norm = train_series(training, offsetof(gr_epoch, gradient_norm));
    gr_curves curves = {
        .size = sizeof curves,
        .rate = rate,
        .gradient_norm = norm,
        .title = gr_dataset_name(training->train),
        .n = (int)gr_trainer_epochs(training->trainer),
        .epoch = epoch,
        .train_loss = train_loss,
        .val_loss = val_loss,
        .train_accuracy = train_accuracy,
        .val_accuracy = val_accuracy,
        .test_accuracy = training->test && !isnan(score->accuracy) ? &score->accuracy : NULL,
        .best_epoch = training->trainer_options.keep_best && best > 0 ? &best : NULL,
    };
    gr_status status = gr_plot_curves(training->curves, &curves);
    free(epoch);
    free(train_loss);
    free(val_loss);
    free(train_accuracy);
    free(val_accuracy);
    free(rate);
    free(norm);
    return status;
}

static void train_remove_checkpoints(const cli_training *training)
{
    remove(training->checkpoint);
    for (int64_t i = 1; i < training->trainer_options.keep_checkpoints; i++) {
        char *name = cli_format("%s.%" PRId64, training->checkpoint, i);
        remove(name);
        free(name);
    }
}

static int train_finish(cli_training *training)
{
    gr_metrics score;
    const gr_dataset *part = training->test ? training->test : training->train;
    gr_status status = GR_OK;
    if (training->out) status = gr_model_save(training->model, training->out);
    if (status == GR_OK) status = gr_model_test(training->model, part, &score);
    if (status != GR_OK) return cli_failed(status);
    if (training->curves) status = train_draw(training, &score);
    if (status == GR_OK && training->checkpoint_is_ours) train_remove_checkpoints(training);
    int code = cli_training_conclude(training, &score);
    double accuracy = score.accuracy;
    gr_metrics_clear(&score);
    if (status != GR_OK) return cli_failed(status);
    if (code == CLI_YES) code = cli_runfolder_verdict(training);
    return code == CLI_YES ? cli_score_judge(training->args, accuracy) : code;
}

static int train_run(const cli_args *args)
{
    cli_training training;
    int code = cli_training_read(args, &training);
    if (code == CLI_YES) code = cli_profile_open(args, &training.profile);
    if (code == CLI_YES) code = cli_training_open(&training);
    if (code == CLI_YES) code = cli_runfolder_compare(&training);
    if (code == CLI_YES) code = cli_training_make(&training);
    if (code == CLI_YES) code = cli_runfolder_begin(&training);
    if (code == CLI_YES) {
        cli_training_announce(&training);
        code = train_loop(&training);
    }
    if (code == CLI_YES) code = train_finish(&training);
    gr_profile *profile = training.profile;
    cli_training_clear(&training);
    int after = cli_profile_close(args, cli_flag(args, "json"), NULL, profile);
    if (code == CLI_YES) code = after;
    return code;
}

const cli_command cli_command_train = {
    .name = "train",
    .summary = "train a network on a data set",
    .operands = "--net TEXT|FILE | --recipe NAME | --from RUN",
    .about =
        "Writes the trained model as one file that 'gradus test', 'gradus predict' and 'gradus "
        "show' read, and tells its accuracy on examples that it was not trained on. Data without "
        "a test part of their own give some of their examples for that, unless they are fewer "
        "than 50. Ctrl-C ends the step, saves a checkpoint and says how to go on (exit status "
        "130); a second one ends the process at once.",
    .examples = "gradus train --recipe lenet\n"
                "gradus train --net 'fc(100) |> relu |> fc(10)' --epochs 5 --out mlp.safetensors\n"
                "gradus train --data fashion-mnist --net nets/demo.net --curves curves.svg\n"
                "gradus train --data iris --net 'fc(16) |> tanh |> fc(3)' --epochs 200 --json\n"
                "gradus train --net nets/demo.net --optimizer sgd --rate 0.05 --schedule cosine\n"
                "gradus train --recipe lenet --run runs/1\n"
                "gradus train --from runs/1 --run runs/2",
    .exits = "the accuracy required is not reached, or the loss is no number any more;",
    .options = cli_train_options,
    .computes = true,
    .run = train_run,
};
