/* gradus tune: the command lines of gradus train that settings stand for. */
#include "cli/args.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/train.h"
#include "cli/tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Lists of words ------------------------------------------------------------------------- */

void cli_tune_words_add(cli_tune_words *words, const char *format, ...)
{
    va_list list;
    if (words->n + 2 > words->room) {
        words->room = words->room ? 2 * words->room : 32;
        words->word = cli_realloc(words->word, (size_t)words->room, sizeof *words->word);
    }
    va_start(list, format);
    words->word[words->n++] = cli_format_list(format, list);
    va_end(list);
    words->word[words->n] = NULL;
}

void cli_tune_words_clear(cli_tune_words *words)
{
    for (int i = 0; i < words->n; i++) free(words->word[i]);
    free(words->word);
    *words = (cli_tune_words){0};
}

/* A flag's text is "". */
static void words_option(cli_tune_words *words, const cli_option *option, const char *text,
                         bool joined)
{
    if (option->kind == CLI_FLAG) {
        cli_tune_words_add(words, "--%s", option->name);
    } else if (joined || *text == '-') {
        cli_tune_words_add(words, "--%s=%s", option->name, text);
    } else {
        cli_tune_words_add(words, "--%s", option->name);
        cli_tune_words_add(words, "%s", text);
    }
}

/* ---- A setting's words ---------------------------------------------------------------------- */

static const cli_option *words_find(const char *name)
{
    for (const cli_option *o = cli_train_options; o->name; o++)
        if (strcmp(o->name, name) == 0) return o;
    return NULL;
}

/* Does the setting say it, or is it not gradus train's? */
static bool words_skips(const cli_tune *tune, const cli_option *option)
{
    for (int i = 0; i < tune->parameters; i++)
        if (tune->parameter[i].option && strcmp(tune->parameter[i].name, option->name) == 0)
            return true;
    if (tune->net && strcmp(option->name, "net") == 0) return true;
    if (strcmp(option->name, "json") == 0 || strcmp(option->name, "quiet") == 0) return true;
    return !words_find(option->name);
}

/* The net with the setting's values instead of the names in braces. */
static char *words_net(const cli_tune *tune, const cli_tune_setting *setting)
{
    char *net = cli_format("%s", "");
    for (const char *at = tune->net; *at;) {
        size_t n = strcspn(at + 1, "{") + 1;
        const char *value = NULL;
        for (int i = 0; i < tune->parameters && *at == '{' && !value; i++) {
            const char *name = tune->parameter[i].name;
            const size_t length = strlen(name);
            if (strncmp(at + 1, name, length) != 0 || at[length + 1] != '}') continue;
            value = setting->value[i];
            at += length + 2;
            n = strcspn(at, "{");
        }
        char *longer = cli_format("%s%s%.*s", net, value ? value : "", (int)n, at);
        free(net);
        net = longer;
        at += n;
    }
    return net;
}

cli_tune_words cli_tune_words_of(const cli_tune *tune, const cli_tune_setting *setting, bool joined)
{
    cli_tune_words words = {0};
    const cli_option *option;
    const char *text;
    for (int i = 0; (option = cli_given_at(tune->args, i, &text)); i++)
        if (!words_skips(tune, option)) words_option(&words, option, text, joined);
    if (tune->net) {
        char *net = words_net(tune, setting);
        words_option(&words, words_find("net"), net, joined);
        free(net);
    }
    for (int i = 0; i < tune->parameters; i++) {
        const cli_option *tried = tune->parameter[i].option;
        if (!tried || (tried->kind == CLI_FLAG && strcmp(setting->value[i], "no") == 0)) continue;
        words_option(&words, tried, setting->value[i], joined);
    }
    return words;
}

char *cli_tune_command(const cli_tune *tune, const cli_tune_setting *setting)
{
    char share[32];
    cli_tune_words words = cli_tune_words_of(tune, setting, false);
    char *line = cli_format("gradus train");
    snprintf(share, sizeof share, "%g", tune->validation);
    if (tune->folds == 0 && tune->validation > 0 && !cli_given(tune->args, "validation"))
        words_option(&words, words_find("validation"), share, false);
    for (int i = 0; i < words.n; i++) cli_append_word(&line, words.word[i]);
    cli_tune_words_clear(&words);
    return line;
}

char *cli_tune_label(const cli_tune *tune, const cli_tune_setting *setting)
{
    char *label = cli_format("%s", "");
    for (int i = 0; i < tune->parameters; i++) {
        char *longer = cli_format("%s%s%s=%s", label, i ? " " : "", tune->parameter[i].name,
                                  setting->value[i]);
        free(label);
        label = longer;
    }
    return label;
}

/* ---- What a training depends on ------------------------------------------------------------- */

static bool words_counts(const char *name)
{
    static const char *const idle[] = {"recipe",
                                       "net",
                                       "out",
                                       "no-out",
                                       "curves",
                                       "json",
                                       "quiet",
                                       "require-accuracy",
                                       "threads",
                                       "resume",
                                       "run",
                                       "from",
                                       "checkpoint",
                                       "checkpoint-steps",
                                       "keep-checkpoints",
                                       "validation"};
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (strcmp(idle[i], name) == 0) return false;
    return strncmp(name, "profile", 7) != 0 && strcmp(name, "trace") != 0;
}

/* A file may be written anew under its name. */
static void words_know_file(char **known, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) return;
    char *longer = cli_format("%s  %lld bytes of %lld\n", *known, (long long)status.st_size,
                              (long long)status.st_mtime);
    free(*known);
    *known = longer;
}

static char *words_know(const cli_tune *tune, const cli_args *args, const char *net)
{
    char *known = cli_format("gradus %s\nnet %s\nfolds %d\nhold %.17g\n", gr_version(), net,
                             tune->folds, tune->validation);
    for (const cli_option *o = cli_train_options; o->name; o++) {
        const char *text = cli_text(args, o->name);
        if (!text || !words_counts(o->name)) continue;
        char *longer = cli_format("%s%s %s\n", known, o->name, text);
        free(known);
        known = longer;
        if (o->kind == CLI_TEXT) words_know_file(&known, text);
    }
    return known;
}

/* A flag that the recipe gives cannot be taken back. */
static int words_check_flags(const cli_tune *tune, const cli_tune_setting *setting,
                             const cli_args *args)
{
    for (int i = 0; i < tune->parameters; i++) {
        const cli_option *option = tune->parameter[i].option;
        if (option && option->kind == CLI_FLAG && strcmp(setting->value[i], "no") == 0 &&
            cli_given(args, option->name))
            return cli_bad("--try: the recipe says --%s, so it cannot be tried without",
                           option->name);
    }
    return CLI_YES;
}

/* ---- Checks --------------------------------------------------------------------------------- */

/* The shape of an example, where nets differ that all take it; rank 0: there is nothing to check.
 * A net that does not fit would else be found when its turn comes. */
static int words_example(const cli_tune *tune, cli_training *training, gr_shape *shape)
{
    static const char *const shaping[] = {"data",   "label",  "ignore", "header",   "text",
                                          "length", "resize", "crop",   "separator"};
    bool differ = tune->net != NULL;
    for (int i = 0; i < tune->parameters; i++) {
        const char *name = tune->parameter[i].name;
        differ = differ || strcmp(name, "net") == 0;
        for (size_t k = 0; k < sizeof shaping / sizeof *shaping; k++)
            if (strcmp(shaping[k], name) == 0) return CLI_YES;
    }
    if (!differ) return CLI_YES;
    int code = cli_training_open(training);
    if (code != CLI_YES) return code;
    const gr_status status = gr_preprocess_shape(&training->model_options.preprocess,
                                                 gr_dataset_shape(training->train), shape);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

static int words_check_net(const cli_training *training, gr_shape shape)
{
    gr_net_info *info = NULL;
    if (shape.rank == 0) return CLI_YES;
    const gr_status status =
        gr_net_describe(training->net, shape, training->model_options.gates, &info);
    gr_net_info_free(info);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* Reads the setting as its training will. `shape` is found with the first one. */
static int words_read(const cli_tune *tune, cli_tune_setting *setting, const cli_args *args,
                      gr_shape *shape)
{
    cli_training training;
    int code = words_check_flags(tune, setting, args);
    if (code != CLI_YES) return code;
    code = cli_training_read(args, &training);
    if (code == CLI_YES && setting == tune->setting) code = words_example(tune, &training, shape);
    if (code == CLI_YES) code = words_check_net(&training, *shape);
    if (code == CLI_YES) setting->known = words_know(tune, args, training.net);
    cli_training_clear(&training);
    return code;
}

static int words_check(const cli_tune *tune, cli_tune_setting *setting, gr_shape *shape)
{
    static const cli_option none[] = {{0}};
    static const cli_command trains = {.name = "tune", .options = none, .also = cli_train_options};
    cli_tune_words words = cli_tune_words_of(tune, setting, true);
    char *label = cli_tune_label(tune, setting);
    cli_args *args = NULL;
    cli_tune_words_add(&words, "--no-out");
    cli_set_place(*label ? label : NULL);
    int code = cli_args_parse(&trains, words.n, words.word, &args);
    cli_set_place(*label ? label : NULL); /* the recipe's place is gone */
    if (code == CLI_YES) code = words_read(tune, setting, args, shape);
    cli_set_place(NULL);
    cli_args_free(args);
    cli_tune_words_clear(&words);
    free(label);
    return code;
}

int cli_tune_check_settings(cli_tune *tune)
{
    int code = CLI_YES;
    gr_shape shape = GR_SCALAR;
    for (int s = 0; s < tune->settings && code == CLI_YES; s++)
        code = words_check(tune, &tune->setting[s], &shape);
    return code;
}
