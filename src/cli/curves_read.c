/* gradus curves: reading what gradus train --json has printed. */
#include "cli/curves.h"
#include "cli/input.h"
#include "cli/out.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { READ_MOST_DEPTH = 32, READ_KEY_SIZE = 64 };
static const size_t read_limit = (size_t)1 << 28;

const char *const cli_curve_names[CLI_CURVES] = {
    "epoch",        "step",        "seconds",   "train_loss", "val_loss",      "train_accuracy",
    "val_accuracy", "train_error", "val_error", "rate",       "gradient_norm",
};

const char *const cli_curve_labels[CLI_CURVES] = {
    "epoch",
    "step",
    "seconds",
    "training loss",
    "validation loss",
    "training accuracy",
    "validation accuracy",
    "training error",
    "validation error",
    "learning rate",
    "gradient norm",
};

/* ---- A line of JSON -------------------------------------------------------------------------- */

/* The text after a line's start; NULL after a fault. */
typedef struct read_line {
    const char *source;
    int number;
    const char *at;
    const char *expected; /* what was not there; NULL: no fault */
} read_line;

static void read_fail(read_line *line, const char *expected)
{
    if (!line->expected) line->expected = expected;
}

static bool read_take(read_line *line, char c)
{
    line->at += strspn(line->at, " \t\r");
    if (line->expected || *line->at != c) return false;
    line->at++;
    return true;
}

/* A string, of which `text[size]` (may be NULL) gets the start, escapes as they are written. */
static void read_string(read_line *line, char *text, size_t size)
{
    size_t n = 0;
    if (!read_take(line, '"')) {
        read_fail(line, "a string");
        return;
    }
    while (*line->at && *line->at != '"' && *line->at != '\n') {
        if (*line->at == '\\' && line->at[1] && line->at[1] != '\n') line->at++;
        if (n + 1 < size) text[n++] = *line->at;
        line->at++;
    }
    if (size) text[n] = '\0';
    if (!read_take(line, '"')) read_fail(line, "the string's end");
}

/* A value other than an object or an array; *number is NaN unless it is a number. */
static void read_scalar(read_line *line, double *number)
{
    static const char *const words[] = {"null", "true", "false"};
    *number = NAN;
    line->at += strspn(line->at, " \t");
    if (*line->at == '"') {
        read_string(line, NULL, 0);
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(line->at, words[i], strlen(words[i])) != 0) continue;
        line->at += strlen(words[i]);
        return;
    }
    const bool begins = isdigit((unsigned char)*line->at) || *line->at == '-';
    char *end = (char *)line->at;
    if (begins) *number = strtod(line->at, &end);
    if (end == line->at) read_fail(line, "a value");
    line->at = end;
}

static void read_value(read_line *line, double *number, int depth);

static void read_array(read_line *line, int depth)
{
    double ignored;
    if (read_take(line, ']')) return;
    do read_value(line, &ignored, depth);
    while (read_take(line, ','));
    if (!read_take(line, ']')) read_fail(line, "',' or ']'");
}

/* An object; values of the outermost one are noted in `entry`[CLI_CURVES + 1], whose last is the
 * test's accuracy. */
static void read_object(read_line *line, int depth, double *entry)
{
    char key[READ_KEY_SIZE];
    double number;
    if (read_take(line, '}')) return;
    do {
        read_string(line, key, sizeof key);
        if (!read_take(line, ':')) read_fail(line, "':'");
        if (!line->expected) read_value(line, &number, depth);
        if (line->expected) return;
        for (int i = 0; entry && i < CLI_CURVES; i++)
            if (strcmp(key, cli_curve_names[i]) == 0) entry[i] = number;
        if (entry && strcmp(key, "test_accuracy") == 0) entry[CLI_CURVES] = number;
    } while (read_take(line, ','));
    if (!read_take(line, '}')) read_fail(line, "',' or '}'");
}

static void read_value(read_line *line, double *number, int depth)
{
    *number = NAN;
    if (line->expected) return;
    if (depth == READ_MOST_DEPTH)
        read_fail(line, "fewer brackets");
    else if (read_take(line, '{'))
        read_object(line, depth + 1, NULL);
    else if (read_take(line, '['))
        read_array(line, depth + 1);
    else
        read_scalar(line, number);
}

/* ---- A log ----------------------------------------------------------------------------------- */

static void read_append(cli_run *run, const double *entry, int *room)
{
    if (run->n == *room) {
        *room = *room ? 2 * *room : 64;
        for (int i = 0; i < CLI_CURVES; i++)
            run->value[i] = cli_realloc(run->value[i], (size_t)*room, sizeof **run->value);
    }
    for (int i = 0; i < CLI_CURVES; i++) run->value[i][run->n] = entry[i];
    run->value[CLI_CURVE_TRAIN_ERROR][run->n] = 1 - entry[CLI_CURVE_TRAIN_ACCURACY];
    run->value[CLI_CURVE_VAL_ERROR][run->n] = 1 - entry[CLI_CURVE_VAL_ACCURACY];
    run->n++;
}

/* One line: an entry of the history, the result, or something else, such as a profile. */
static int read_one(read_line *line, cli_run *run, int *room)
{
    double entry[CLI_CURVES + 1];
    for (int i = 0; i <= CLI_CURVES; i++) entry[i] = NAN;
    if (!read_take(line, '{'))
        read_fail(line, "an object");
    else
        read_object(line, 0, entry);
    line->at += strspn(line->at, " \t\r");
    if (!line->expected && *line->at && *line->at != '\n') read_fail(line, "the line's end");
    if (line->expected)
        return cli_bad("%s:%d: expected %s, found '%.*s'; a log is what gradus train --json prints",
                       line->source, line->number, line->expected,
                       (int)strcspn(line->at, "\n") < 20 ? (int)strcspn(line->at, "\n") : 20,
                       line->at);
    if (!isnan(entry[CLI_CURVE_EPOCH])) read_append(run, entry, room);
    if (!isnan(entry[CLI_CURVES])) run->test_accuracy = entry[CLI_CURVES];
    return CLI_YES;
}

/* "runs/relu.json": "relu" */
static char *read_default_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = cli_format("%s", strcmp(path, "-") == 0 ? "stdin" : slash ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot && dot > name) *dot = '\0';
    return name;
}

int cli_run_read(const char *operand, cli_run *run)
{
    const char *equals = strchr(operand, '='), *path = equals ? equals + 1 : operand;
    char *text;
    int room = 0;
    *run = (cli_run){.test_accuracy = NAN};
    int code = cli_read_file(path, read_limit, &text);
    if (code != CLI_YES) return code;
    run->name =
        equals ? cli_format("%.*s", (int)(equals - operand), operand) : read_default_name(path);
    read_line line = {.source = path, .number = 1, .at = text};
    for (; code == CLI_YES && *line.at; line.number++) {
        if (line.at[strspn(line.at, " \t\r")] != '\n') code = read_one(&line, run, &room);
        line.at += strcspn(line.at, "\n");
        line.at += *line.at == '\n';
    }
    free(text);
    if (code == CLI_YES && run->n == 0)
        code =
            cli_bad("%s: no entry of a training: a log is what gradus train --json prints", path);
    if (code != CLI_YES) cli_run_clear(run);
    return code;
}

void cli_run_clear(cli_run *run)
{
    free(run->name);
    for (int i = 0; i < CLI_CURVES; i++) free(run->value[i]);
    *run = (cli_run){0};
}

bool cli_run_has(const cli_run *run, cli_curve curve)
{
    for (int i = 0; i < run->n; i++)
        if (!isnan(run->value[curve][i])) return true;
    return false;
}

bool cli_curve_rises(cli_curve curve)
{
    return curve == CLI_CURVE_TRAIN_ACCURACY || curve == CLI_CURVE_VAL_ACCURACY;
}

double cli_run_reach(const cli_run *run, cli_curve curve, double goal, cli_curve by)
{
    const double *y = run->value[curve], *x = run->value[by];
    for (int i = 0; i < run->n; i++) {
        const bool there = cli_curve_rises(curve) ? y[i] >= goal : y[i] <= goal;
        if (!there) continue;
        if (i == 0 || isnan(y[i - 1]) || y[i] == y[i - 1]) return x[i];
        return x[i - 1] + (x[i] - x[i - 1]) * (goal - y[i - 1]) / (y[i] - y[i - 1]);
    }
    return NAN;
}
