/* What gradus train tells while it trains: a bar on a terminal, lines elsewhere, or JSON. */
#include "cli/dataset.h"
#include "cli/json.h"
#include "cli/line.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/runfolder.h"
#include "cli/score.h"
#include "cli/spool.h"
#include "cli/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const double report_pause = .1; /* seconds between two pictures of the bar */

static bool report_json(const cli_training *training)
{
    return cli_flag(training->args, "json");
}

static bool report_quiet(const cli_training *training)
{
    return cli_flag(training->args, "quiet");
}

static bool report_by_steps(const cli_training *training)
{
    return training->trainer_options.report_steps > 0;
}

/* ---- Before --------------------------------------------------------------------------------- */

void cli_training_announce(const cli_training *training)
{
    gr_train_report report = gr_trainer_report(training->trainer);
    char count[32], rate[32];
    if (report_json(training) || report_quiet(training)) return;
    cli_print("data      %s: %" PRId64 " examples to train",
              cli_spool_name(gr_dataset_name(training->train)), report.rows);
    if (report.val_rows) cli_print(", %" PRId64 " to validate", report.val_rows);
    if (training->test) cli_print(", %" PRId64 " to test", gr_dataset_size(training->test));
    cli_print("\nnet       %s parameters\n",
              cli_show_count((double)gr_model_parameters(training->model), count, sizeof count));
    if (cli_given(training->args, "weights"))
        cli_print("weights   %s: %d of %d variables\n", cli_text(training->args, "weights"),
                  training->taken, training->variables);
    if (cli_given(training->args, "teacher"))
        cli_print("teacher   %s, temperature %g, weight %g\n", cli_text(training->args, "teacher"),
                  cli_real(training->args, "temperature"),
                  cli_real(training->args, "teacher-weight"));
    double first = gr_schedule_rate(&training->optimizer, training->optimizer.schedule.warmup);
    cli_print("training  %s, rate %s (%s), %" PRId64 " epoch%s of %" PRId64 " step%s\n\n",
              gr_optimizer_name(training->optimizer.kind), cli_show_real(first, rate, sizeof rate),
              gr_schedule_name(training->optimizer.schedule.kind), report.epochs,
              report.epochs == 1 ? "" : "s", report.epoch_steps,
              report.epoch_steps == 1 ? "" : "s");
    if (cli_flag(training->args, "resume"))
        cli_print("resumed after step %" PRId64 " of %" PRId64 "\n", report.now.step, report.steps);
    cli_flush();
}

/* ---- On the way ----------------------------------------------------------------------------- */

/* What a narrow terminal has no room for is left out from the right. */
static void report_bar(const gr_train_report *report)
{
    char time[32];
    enum { BAR_PARTS = 5, BAR = 20, NARROW_BAR = 8 };
    const double share =
        report->epoch_steps ? (double)report->epoch_step / (double)report->epoch_steps : 0;
    const int width = cli_line_width();
    char *bar = cli_bar(share, width < 80 ? NARROW_BAR : BAR);
    char *part[BAR_PARTS] = {
        cli_format("epoch %" PRId64 "/%" PRId64 " %s %3.0f %%", report->now.epoch, report->epochs,
                   bar, 100 * share),
        cli_format("  loss %.4f", report->now.train_loss),
        isnan(report->now.train_accuracy)
            ? cli_format("%s", "")
            : cli_format("  accuracy %.4f", report->now.train_accuracy),
        cli_format("  %s left", cli_show_time(report->eta, time, sizeof time)),
        cli_format("  %.0f/s", report->rows_per_second),
    };
    char *line = cli_format("%s", part[0]);
    for (int i = 1, used = cli_text_width(line); i < BAR_PARTS; i++) {
        used += cli_text_width(part[i]);
        if (used > width) break;
        char *longer = cli_format("%s%s", line, part[i]);
        free(line);
        line = longer;
    }
    cli_line("%s", line);
    for (int i = 0; i < BAR_PARTS; i++) free(part[i]);
    free(line);
    free(bar);
}

static void report_epoch_json(const cli_training *training, const gr_epoch *epoch,
                              double rows_per_second)
{
    cli_json json = {0};
    cli_json_object(&json, NULL);
    cli_json_int(&json, "epoch", epoch->epoch);
    cli_json_int(&json, "step", epoch->step);
    cli_json_real(&json, "train_loss", epoch->train_loss);
    cli_json_real(&json, "train_accuracy", epoch->train_accuracy);
    cli_json_real(&json, "val_loss", epoch->val_loss);
    cli_json_real(&json, "val_accuracy", epoch->val_accuracy);
    cli_json_real(&json, "rate", epoch->rate);
    cli_json_real(&json, "rows_per_second", rows_per_second);
    cli_json_real(&json, "seconds", epoch->seconds);
    if (training->trainer_options.gradient_norm)
        cli_json_real(&json, "gradient_norm", epoch->gradient_norm);
    cli_training_alarms_json(&json, training);
    cli_json_end(&json);
}

/* Prints a captured line, or adds it to the run's log, or both. `epoch` as cli_runfolder_log. */
static int report_line(cli_training *training, char *line, const gr_epoch *epoch)
{
    int code = CLI_YES;
    if (report_json(training)) cli_print_text(line);
    if (training->log) code = cli_runfolder_log(training, line, epoch);
    free(line);
    return code;
}

/* "epoch   3/120": the same width on each line. */
static void report_print_place(const char *what, int64_t now, int64_t all)
{
    int width = 1;
    for (int64_t rest = all; rest >= 10; rest /= 10) width++;
    cli_print("%s %*" PRId64 "/%" PRId64, what, width, now, all);
}

/* "epoch 3" */
static void report_print_best(const cli_training *training, const gr_epoch *best)
{
    const bool steps = report_by_steps(training);
    cli_print("%s %" PRId64, steps ? "step" : "epoch", steps ? best->step : best->epoch);
}

static void report_epoch(const cli_training *training, const gr_train_report *report)
{
    const gr_epoch *epoch = &report->now;
    char time[32];
    cli_line_clear();
    if (report_by_steps(training))
        report_print_place("step", epoch->step, report->steps);
    else
        report_print_place("epoch", epoch->epoch, report->epochs);
    cli_print("  loss %.4f", epoch->train_loss);
    if (!isnan(epoch->train_accuracy)) cli_print("  accuracy %.4f", epoch->train_accuracy);
    if (!isnan(epoch->val_loss)) cli_print("  validation %.4f", epoch->val_loss);
    if (!isnan(epoch->val_accuracy)) cli_print(" %.4f", epoch->val_accuracy);
    cli_print("  %.0f/s  %s\n", report->rows_per_second,
              cli_show_time(epoch->seconds, time, sizeof time));
}

int cli_training_progress(cli_training *training, gr_train_event event)
{
    static double last;
    int code = CLI_YES;
    gr_train_report report;
    bool bar = !report_quiet(training) && !report_json(training) && cli_line_can();
    if (event == GR_TRAIN_STEP) {
        double now = bar ? cli_clock() : 0;
        if (!bar || now - last < report_pause) return CLI_YES;
        last = now;
        report = gr_trainer_report(training->trainer);
        report_bar(&report);
        return CLI_YES;
    }
    report = gr_trainer_report(training->trainer);
    if (event == GR_TRAIN_EPOCH && (report_json(training) || training->log)) {
        cli_capture();
        report_epoch_json(training, &report.now, report.rows_per_second);
        code = report_line(training, cli_captured(), &report.now);
    }
    if (event == GR_TRAIN_EPOCH && !report_quiet(training) && !report_json(training))
        report_epoch(training, &report);
    if (event == GR_TRAIN_EPOCH) cli_flush();
    if (event == GR_TRAIN_STOPPED) cli_line_clear();
    if (event == GR_TRAIN_EARLY && !report_quiet(training) && !report_json(training)) {
        cli_print("stopped early: no improvement since ");
        report_print_best(training, &report.best);
        cli_print("\n");
    }
    return code;
}

/* ---- At the end ----------------------------------------------------------------------------- */

static double report_seconds(const cli_training *training)
{
    return gr_trainer_report(training->trainer).now.seconds;
}

static void report_conclude_json(const cli_training *training, const gr_metrics *score)
{
    cli_json json = {0};
    cli_json_object(&json, NULL);
    cli_json_real(&json, "test_accuracy", training->test ? score->accuracy : NAN);
    cli_json_real(&json, "test_loss", training->test ? score->loss : NAN);
    if (training->test) cli_sequence_json(&json, training->model, "test_", score->loss);
    cli_json_int(&json, "test_examples", training->test ? score->count : 0);
    if (!training->test) cli_json_real(&json, "train_accuracy", score->accuracy);
    cli_score_json(&json, score);
    cli_json_text(&json, "model", training->out);
    cli_json_text(&json, "curves", training->curves);
    if (cli_given(training->args, "from"))
        cli_json_text(&json, "repeated", cli_runfolder_sameness(training));
    cli_json_real(&json, "seconds", report_seconds(training));
    cli_json_real(&json, "peak_bytes", cli_peak_bytes());
    cli_json_end(&json);
}

int cli_training_conclude(cli_training *training, const gr_metrics *score)
{
    char text[32];
    struct stat status;
    int code = CLI_YES;
    if (report_json(training) || training->log) {
        cli_capture();
        report_conclude_json(training, score);
        code = report_line(training, cli_captured(), NULL);
    }
    if (report_json(training)) return code;
    if (!report_quiet(training)) {
        gr_train_report report = gr_trainer_report(training->trainer);
        cli_print("\n");
        if (training->trainer_options.keep_best && report.best.epoch) {
            cli_print("weights   of ");
            report_print_best(training, &report.best);
            cli_print(", the best\n");
        }
        if (training->out && stat(training->out, &status) == 0)
            cli_print("model     %s, %s\n", training->out,
                      cli_show_bytes((double)status.st_size, text, sizeof text));
        if (training->curves) cli_print("curves    %s\n", training->curves);
        cli_print("time      %s", cli_show_time(report_seconds(training), text, sizeof text));
        cli_print(", peak memory %s\n", cli_show_bytes(cli_peak_bytes(), text, sizeof text));
        const char *sameness = cli_runfolder_sameness(training);
        if (sameness)
            cli_print("repeated  %s: %s model%s\n", cli_text(training->args, "from"), sameness,
                      *sameness == 't' ? ", byte for byte" : "");
    }
    cli_score_print(training->model, training->test ? "test" : "training", score);
    return code;
}
