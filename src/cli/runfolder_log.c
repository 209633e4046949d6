/* Run folders: the logs, which grow line by line. */
#include "cli/runfolder.h"

#include "cli/input.h"
#include "cli/out.h"

#include <errno.h>
#include <gradus/io.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const size_t log_limit = (size_t)1 << 28;

static const char *const log_columns[] = {"epoch",          "step",     "train_loss",
                                          "train_accuracy", "val_loss", "val_accuracy",
                                          "rate",           "seconds",  "gradient_norm"};
enum { LOG_COLUMNS = sizeof log_columns / sizeof *log_columns };

/* ---- Going on -------------------------------------------------------------------------------- */

/* The step of a line; -1: that of the end, or none. */
static int64_t log_step_json(const char *line)
{
    const char *at = strstr(line, "\"step\":");
    return at ? strtoll(at + strlen("\"step\":"), NULL, 10) : -1;
}

/* 0 of the line of names. */
static int64_t log_step_csv(const char *line)
{
    const char *at = strchr(line, ',');
    return at ? strtoll(at + 1, NULL, 10) : -1;
}

/* Keeps of a log what the checkpoint knows of: whole lines of epochs up to `last`. */
static int log_cut(const char *path, int64_t last, int64_t (*step)(const char *))
{
    char *text, *to;
    int code = cli_read_file(path, log_limit, &text);
    if (code != CLI_YES) return code;
    to = text;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        const size_t length = (size_t)(end + 1 - line);
        *end = '\0';
        const int64_t at = step(line);
        *end = '\n';
        if (at < 0 || at > last) continue;
        memmove(to, line, length);
        to += length;
    }
    const gr_status status = gr_file_write(path, text, (size_t)(to - text));
    free(text);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static int log_fault(const char *path)
{
    return cli_fault(CLI_ENVIRONMENT, "%s: %s", path, strerror(errno));
}

static FILE *log_open(const cli_training *training, const char *name, int64_t (*step)(const char *),
                      int *code)
{
    char *path = cli_runfolder_path(cli_text(training->args, "run"), name);
    FILE *file = NULL;
    *code = CLI_YES;
    if (cli_flag(training->args, "resume") && access(path, F_OK) == 0)
        *code = log_cut(path, gr_trainer_report(training->trainer).now.step, step);
    if (*code == CLI_YES && !(file = fopen(path, "ab"))) *code = log_fault(path);
    free(path);
    return file;
}

int cli_runfolder_open_logs(cli_training *training)
{
    int code;
    training->log = log_open(training, "log.jsonl", log_step_json, &code);
    if (code == CLI_YES) training->csv = log_open(training, "log.csv", log_step_csv, &code);
    if (code != CLI_YES) return code;
    fseek(training->csv, 0, SEEK_END);
    if (ftell(training->csv) > 0) return CLI_YES;
    for (int i = 0; i < LOG_COLUMNS; i++)
        fprintf(training->csv, "%s%s", i ? "," : "", log_columns[i]);
    fputc('\n', training->csv);
    return fflush(training->csv) == 0 ? CLI_YES : log_fault("log.csv");
}

/* A number, nothing for NaN. */
static void log_real(FILE *file, double value)
{
    char text[32];
    fprintf(file, ",%s", isfinite(value) ? cli_show_real(value, text, sizeof text) : "");
}

static void log_csv(FILE *file, const gr_epoch *epoch)
{
    fprintf(file, "%" PRId64 ",%" PRId64, epoch->epoch, epoch->step);
    log_real(file, epoch->train_loss);
    log_real(file, epoch->train_accuracy);
    log_real(file, epoch->val_loss);
    log_real(file, epoch->val_accuracy);
    log_real(file, epoch->rate);
    log_real(file, epoch->seconds);
    log_real(file, epoch->gradient_norm);
    fputc('\n', file);
}

int cli_runfolder_log(cli_training *training, const char *line, const gr_epoch *epoch)
{
    fputs(line, training->log);
    if (epoch) log_csv(training->csv, epoch);
    if (fflush(training->log) == 0 && fflush(training->csv) == 0) return CLI_YES;
    return log_fault("the log of the run");
}

void cli_runfolder_close(cli_training *training)
{
    if (training->log) fclose(training->log);
    if (training->csv) fclose(training->csv);
    training->log = training->csv = NULL;
    free(training->run_model);
    free(training->run_curves);
}
