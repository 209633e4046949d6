/* Run folders: which they are, their settings, their beginning. */
#include "cli/runfolder.h"

#include "cli/input.h"
#include "cli/out.h"

#include <dirent.h>
#include <errno.h>
#include <gradus/io.h>
#include <gradus/machine.h>
#include <gradus/plot.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUNFOLDER_SETTINGS "settings.recipe"

char *cli_runfolder_path(const char *folder, const char *name)
{
    const size_t length = strlen(folder);
    return cli_format("%s%s%s", folder, length > 0 && folder[length - 1] == '/' ? "" : "/", name);
}

static bool runfolder_has(const char *folder, const char *name)
{
    char *path = cli_runfolder_path(folder, name);
    const bool has = access(path, F_OK) == 0;
    free(path);
    return has;
}

/* ---- Which folder ---------------------------------------------------------------------------- */

/* Is the folder missing or empty? */
static bool runfolder_is_free(const char *folder)
{
    DIR *dir = opendir(folder);
    bool empty = dir != NULL;
    if (!dir) return errno == ENOENT;
    for (struct dirent *entry; empty && (entry = readdir(dir));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(dir);
    return empty;
}

/* What another option would write, or read, elsewhere. */
static int runfolder_exclusive(const cli_args *args)
{
    static const char *const elsewhere[] = {"out", "no-out", "curves", "checkpoint"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (cli_given(args, "run") && cli_given(args, elsewhere[i]))
            return cli_bad("--%s: with --run it has its place in the folder", elsewhere[i]);
    if (cli_given(args, "from") && cli_given(args, "recipe"))
        return cli_bad("--from and --recipe exclude each other: a run has its own settings");
    return CLI_YES;
}

static int runfolder_existing(const char *option, const char *folder)
{
    struct stat status;
    if (stat(folder, &status) != 0)
        return cli_fault(CLI_ENVIRONMENT, "--%s: %s: %s", option, folder, strerror(errno));
    if (!S_ISDIR(status.st_mode) || !runfolder_has(folder, RUNFOLDER_SETTINGS))
        return cli_bad("--%s: %s is no folder of a run: it has no %s", option, folder,
                       RUNFOLDER_SETTINGS);
    return CLI_YES;
}

/* The folder of --run when a training begins. */
static int runfolder_fresh(const char *folder)
{
    if (runfolder_is_free(folder)) {
        struct stat status;
        /* A folder to be made needs what a file would; one that is there must take files. */
        if (stat(folder, &status) != 0) return cli_check_output(folder);
        char *inside = cli_runfolder_path(folder, RUNFOLDER_SETTINGS);
        const int code = cli_check_output(inside);
        free(inside);
        return code;
    }
    if (runfolder_has(folder, RUNFOLDER_SETTINGS))
        return cli_bad("--run: %s holds a run: '--run %s --resume' goes on with it, '--from %s' "
                       "repeats it",
                       folder, folder, folder);
    return cli_bad("--run: %s is there and not an empty folder", folder);
}

int cli_runfolder_recipe(const cli_args *args, char **path)
{
    const char *run = cli_text(args, "run"), *from = cli_text(args, "from");
    int code = runfolder_exclusive(args);
    *path = NULL;
    if (code == CLI_YES && from) {
        code = runfolder_existing("from", from);
        *path = cli_runfolder_path(from, RUNFOLDER_SETTINGS);
    }
    if (code == CLI_YES && run && cli_flag(args, "resume")) {
        if (from) code = cli_bad("--from begins anew; to go on: --run %s --resume", run);
        if (code == CLI_YES) code = runfolder_existing("run", run);
        if (code == CLI_YES) *path = cli_runfolder_path(run, RUNFOLDER_SETTINGS);
    } else if (code == CLI_YES && run) {
        code = runfolder_fresh(run);
    }
    return code;
}

int cli_runfolder_paths(cli_training *training)
{
    const char *folder = cli_text(training->args, "run");
    gr_optimizer plain = training->optimizer;
    /* The settings will name the rate, and who goes on by them must have the same optimiser. */
    plain.schedule = (gr_schedule){0};
    training->optimizer.rate = gr_schedule_rate(&plain, 0);
    char *figure = cli_runfolder_path(folder, "curves.svg");
    training->run_model = cli_runfolder_path(folder, "model.safetensors");
    training->out = training->run_model;
    training->checkpoint = cli_runfolder_path(folder, "checkpoint");
    if (gr_figure_check(figure) == GR_OK)
        training->curves = training->run_curves = figure;
    else
        free(figure); /* a build that draws nothing */
    return CLI_YES;
}

/* ---- Settings -------------------------------------------------------------------------------- */

/* Where results go and how they are told, which another training need not have. */
static bool runfolder_is_setting(const cli_option *option)
{
    static const char *const others[] = {"recipe", "run",     "from",   "net",
                                         "out",    "no-out",  "curves", "json",
                                         "quiet",  "verbose", "resume", "checkpoint"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i], option->name) == 0) return false;
    return option->help && strncmp(option->name, "profile", 7) != 0 &&
           strcmp(option->name, "trace") != 0;
}

/* The folders that a path is looked for in change; its absolute form does not. */
static char *runfolder_absolute(const char *path)
{
    char *whole = access(path, F_OK) == 0 ? realpath(path, NULL) : NULL;
    return whole ? whole : cli_format("%s", path);
}

static char *runfolder_data(const char *name)
{
    for (int i = 0; gr_data_known(i); i++)
        if (strcmp(gr_data_known(i)->name, name) == 0) return cli_format("%s", name);
    return runfolder_absolute(name);
}

/* What the option was worth in this training, to be freed; NULL: nothing. */
static char *runfolder_effect(const cli_training *training, const char *name)
{
    const cli_args *args = training->args;
    const char *text = cli_text(args, name);
    char number[32];
    const gr_optimizer *optimizer = &training->optimizer;
    const bool distils = cli_given(args, "teacher");
    const bool of_teacher = !strcmp(name, "temperature") || !strcmp(name, "teacher-weight");
    if (of_teacher && !distils) return NULL;
    if (!strcmp(name, "data")) return runfolder_data(text);
    if (text && (!strcmp(name, "weights") || !strcmp(name, "teacher") || !strcmp(name, "gates")))
        return runfolder_absolute(text);
    if (text && !strcmp(name, "separator") && strspn(text, " \t") > 0)
        return cli_format("%s", *text == ' ' ? "space" : "tab");
    if (text) return cli_format("%s", text);
    if (!strcmp(name, "threads")) return cli_format("%d", gr_machine_info().threads);
    if (!strcmp(name, "rate"))
        return cli_format("%s", cli_show_real(optimizer->rate, number, sizeof number));
    if (!strcmp(name, "epochs") && !cli_given(args, "steps"))
        return cli_format("%" PRId64, gr_trainer_report(training->trainer).epochs);
    if (!strcmp(name, "momentum") && optimizer->momentum > 0)
        return cli_format("%s", cli_show_real(optimizer->momentum, number, sizeof number));
    return NULL;
}

/* Prints all settings as a recipe. */
static int runfolder_print_settings(const cli_training *training)
{
    int code = CLI_YES;
    char *unset = cli_format("%s", "");
    cli_print("# Every option of a training as it took effect, by gradus %s.\n"
              "# 'gradus train --from FOLDER' repeats it.\nnet net.net\n",
              gr_version());
    for (const cli_option *o = cli_train_options; o->name && code == CLI_YES; o++) {
        if (!runfolder_is_setting(o)) continue;
        if (o->kind == CLI_FLAG) {
            if (cli_flag(training->args, o->name)) cli_print("%s\n", o->name);
            continue;
        }
        char *value = runfolder_effect(training, o->name);
        if (!value) {
            char *longer = cli_format("%s%s%s", unset, *unset ? ", " : "", o->name);
            free(unset);
            unset = longer;
        } else if (strpbrk(value, "\n\r")) {
            code = cli_bad("--%s: a run folder keeps no value with a line break", o->name);
        } else {
            cli_print("%s %s\n", o->name, value);
        }
        free(value);
    }
    if (*unset) cli_print("# left open: %s\n", unset);
    free(unset);
    return code;
}

/* ---- Beginning ------------------------------------------------------------------------------- */

/* Writes a file of the folder, whole. `text` is freed. */
static int runfolder_write(const char *folder, const char *name, char *text)
{
    char *path = cli_runfolder_path(folder, name);
    const gr_status status = gr_file_write(path, text, strlen(text));
    free(path);
    free(text);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

int cli_runfolder_begin(cli_training *training)
{
    const char *folder = cli_text(training->args, "run");
    if (!folder) return CLI_YES;
    cli_capture();
    int code = runfolder_print_settings(training);
    char *settings = cli_captured();
    if (code == CLI_YES && mkdir(folder, 0777) != 0 && errno != EEXIST)
        code = cli_fault(CLI_ENVIRONMENT, "--run: %s: %s", folder, strerror(errno));
    if (code != CLI_YES) {
        free(settings);
        return code;
    }
    /* The settings, which make it the folder of a run, come last. */
    if (!cli_flag(training->args, "resume")) {
        cli_capture();
        cli_runfolder_environment(training);
        code = runfolder_write(folder, "environment.txt", cli_captured());
        if (code == CLI_YES)
            code = runfolder_write(folder, "net.net", cli_format("%s", training->net));
    }
    if (code == CLI_YES)
        code = runfolder_write(folder, RUNFOLDER_SETTINGS, settings);
    else
        free(settings);
    return code == CLI_YES ? cli_runfolder_open_logs(training) : code;
}
