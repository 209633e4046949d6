/* gradus tune: the file of results, one line of JSON for each training.
 *
 * A training is known by a hash of all it depends on, so a search takes from the file what any
 * earlier search has left there, and one that was interrupted goes on. A line is one write at the
 * file's end: what is cut off is the last line, which is then dropped. */
#include "cli/hash.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/tune.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESULTS_MOST_BYTES = 1 << 28, RESULTS_NUMBER = 32 };

/* ---- Keys ----------------------------------------------------------------------------------- */

/* `run` -1: the test. */
static uint64_t results_key(const cli_tune *tune, const cli_tune_setting *setting, int run)
{
    char text[64];
    const int folds = tune->folds ? tune->folds : 1;
    if (run < 0)
        snprintf(text, sizeof text, "test");
    else
        snprintf(text, sizeof text, "fold %d seed %d", run % folds, run / folds);
    const uint64_t known = cli_hash(CLI_HASH_START, setting->known, strlen(setting->known));
    return cli_hash(known, text, strlen(text));
}

/* ---- Reading -------------------------------------------------------------------------------- */

typedef struct results_line {
    uint64_t key;
    bool test;
    cli_tune_outcome outcome;
    cli_tune_test score;
} results_line;

/* A number or null. */
static bool results_number(const char *text, double *value)
{
    *value = strcmp(text, "null") == 0 ? NAN : cli_tune_number(text);
    return !isnan(*value) || strcmp(text, "null") == 0;
}

/* Reads a line as it is written below. */
static bool results_parse(const char *text, results_line *line)
{
    char number[4][RESULTS_NUMBER];
    char diverged[8];
    cli_tune_outcome *o = &line->outcome;
    cli_tune_test *t = &line->score;
    *line = (results_line){0};
    const size_t length = strlen(text);
    if (length < 2 || text[length - 1] != '}') return false;
    if (sscanf(text,
               "{\"test\":\"%16" SCNx64
               "\",\"accuracy\":%31[^,],\"loss\":%31[^,],\"correct\":%" SCNd64 ",\"count\":%" SCNd64
               ",",
               &line->key, number[0], number[1], &t->correct, &t->count) == 5) {
        line->test = t->done = t->tested = true;
        return results_number(number[0], &t->accuracy) && results_number(number[1], &t->loss);
    }
    if (sscanf(text,
               "{\"trial\":\"%16" SCNx64 "\",\"train_loss\":%31[^,],\"val_loss\":%31[^,],"
               "\"val_accuracy\":%31[^,],\"seconds\":%31[^,],\"diverged\":%7[a-z],",
               &line->key, number[0], number[1], number[2], number[3], diverged) != 6)
        return false;
    o->done = true;
    o->diverged = strcmp(diverged, "true") == 0;
    return results_number(number[0], &o->train_loss) && results_number(number[1], &o->val_loss) &&
           results_number(number[2], &o->val_accuracy) && results_number(number[3], &o->seconds);
}

/* Trainings of this search by their keys, sorted. */
typedef struct results_place {
    uint64_t key;
    int setting, run;
} results_place;

static int results_compare(const void *a, const void *b)
{
    const results_place *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static results_place *results_places(const cli_tune *tune)
{
    const size_t n = (size_t)tune->settings * (size_t)tune->runs;
    results_place *place = cli_alloc(n, sizeof *place);
    for (size_t i = 0; i < n; i++) {
        const int s = (int)i / tune->runs, run = (int)i % tune->runs;
        place[i] = (results_place){results_key(tune, &tune->setting[s], run), s, run};
    }
    qsort(place, n, sizeof *place, results_compare);
    return place;
}

static void results_take(cli_tune *tune, const results_place *place, const results_line *line)
{
    const size_t n = (size_t)tune->settings * (size_t)tune->runs;
    const results_place wanted = {.key = line->key};
    const results_place *found = bsearch(&wanted, place, n, sizeof *place, results_compare);
    if (!found) return;
    cli_tune_setting *setting = &tune->setting[found->setting];
    if (setting->outcome[found->run].done) return;
    setting->outcome[found->run] = line->outcome;
    setting->left--;
    tune->remembered++;
}

static int results_read(cli_tune *tune, char *text)
{
    results_place *place = results_places(tune);
    int number = 0, code = CLI_YES;
    for (char *end; code == CLI_YES && (end = strchr(text, '\n')); text = end + 1) {
        results_line line;
        *end = '\0';
        number++;
        if (!results_parse(text, &line))
            code = cli_bad("%s:%d: no result of gradus tune; another --results FILE keeps this "
                           "one as it is",
                           tune->path, number);
        else if (!line.test)
            results_take(tune, place, &line);
    }
    free(place);
    return code;
}

/* A line that was cut off goes; new ones follow whole ones. */
static int results_trim(const cli_tune *tune, const char *text)
{
    const char *last = strrchr(text, '\n');
    const off_t whole = last ? (off_t)(last + 1 - text) : 0;
    if (whole == (off_t)strlen(text) || ftruncate(fileno(tune->results), whole) == 0)
        return CLI_YES;
    return cli_fault(CLI_ENVIRONMENT, "%s: %s", tune->path, strerror(errno));
}

/* A file that is none of ours is not cut, either. */
static bool results_is_foreign(const char *text)
{
    const char *const begin = "{\"trial\":\"", *const test = "{\"test\":\"";
    const size_t n = strlen(text);
    return strncmp(text, begin, n < strlen(begin) ? n : strlen(begin)) != 0 &&
           strncmp(text, test, n < strlen(test) ? n : strlen(test)) != 0;
}

int cli_tune_open_results(cli_tune *tune)
{
    char *text = NULL;
    int code = cli_check_output(tune->path);
    if (code == CLI_YES && (!cli_is_plain_file(tune->path) || strcmp(tune->path, "-") == 0))
        code = cli_bad("--results: %s is not a file", tune->path);
    if (code != CLI_YES) return code;
    tune->results = fopen(tune->path, "a");
    if (!tune->results) return cli_fault(CLI_ENVIRONMENT, "%s: %s", tune->path, strerror(errno));
    if (flock(fileno(tune->results), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return cli_fault(CLI_ENVIRONMENT, "%s: another gradus tune writes it now", tune->path);
    code = cli_read_file(tune->path, RESULTS_MOST_BYTES, &text);
    if (code == CLI_YES && results_is_foreign(text))
        code = cli_bad("%s: no results of gradus tune; another --results FILE keeps it as it is",
                       tune->path);
    if (code == CLI_YES) code = results_trim(tune, text);
    if (code == CLI_YES) code = results_read(tune, text);
    free(text);
    return code;
}

void cli_tune_close_results(cli_tune *tune)
{
    struct stat status;
    if (!tune->results) return;
    if (fstat(fileno(tune->results), &status) == 0 && status.st_size == 0) remove(tune->path);
    fclose(tune->results);
}

/* The test of the best setting, if it has been made; and has that of another one? */
int cli_tune_find_test(cli_tune *tune)
{
    char *text, *rest, *line_text;
    const uint64_t key = results_key(tune, &tune->setting[tune->best], -1);
    int code = cli_read_file(tune->path, RESULTS_MOST_BYTES, &text);
    for (rest = text; code == CLI_YES && (line_text = strsep(&rest, "\n"));) {
        results_line line;
        if (!results_parse(line_text, &line) || !line.test) continue;
        if (line.key == key) {
            tune->test = line.score;
            tune->test.known = true;
        } else {
            tune->tested_before = true;
        }
    }
    free(text);
    return code;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void results_json_number(char text[RESULTS_NUMBER], double value)
{
    if (isfinite(value))
        cli_show_real(value, text, RESULTS_NUMBER);
    else
        snprintf(text, RESULTS_NUMBER, "null");
}

/* {"rate":"0.01","optimizer":"adam"}, to be freed. */
static char *results_settings(const cli_tune *tune, const cli_tune_setting *setting)
{
    char *all = cli_format("{");
    for (int i = 0; i < tune->parameters; i++) {
        const char *value = setting->value[i];
        char *quoted = cli_alloc(2 * strlen(value) + 1, 1), *to = quoted;
        for (; *value; value++) {
            if (*value == '"' || *value == '\\') *to++ = '\\';
            *to++ = *value;
        }
        char *longer =
            cli_format("%s%s\"%s\":\"%s\"", all, i ? "," : "", tune->parameter[i].name, quoted);
        free(quoted);
        free(all);
        all = longer;
    }
    char *closed = cli_format("%s}", all);
    free(all);
    return closed;
}

/* Takes `line`. */
static int results_append(const cli_tune *tune, char *line)
{
    const bool fine = fputs(line, tune->results) >= 0 && fflush(tune->results) == 0;
    free(line);
    return fine ? CLI_YES : cli_fault(CLI_ENVIRONMENT, "%s: %s", tune->path, strerror(errno));
}

int cli_tune_write_run(cli_tune *tune, int s, int run)
{
    const cli_tune_setting *setting = &tune->setting[s];
    const cli_tune_outcome *o = &setting->outcome[run];
    const int folds = tune->folds ? tune->folds : 1;
    char number[4][RESULTS_NUMBER];
    char *settings = results_settings(tune, setting);
    results_json_number(number[0], o->train_loss);
    results_json_number(number[1], o->val_loss);
    results_json_number(number[2], o->val_accuracy);
    results_json_number(number[3], o->seconds);
    char *line = cli_format("{\"trial\":\"%016" PRIx64 "\",\"train_loss\":%s,\"val_loss\":%s,"
                            "\"val_accuracy\":%s,\"seconds\":%s,\"diverged\":%s,\"fold\":%d,"
                            "\"seed\":%" PRId64 ",\"settings\":%s}\n",
                            results_key(tune, setting, run), number[0], number[1], number[2],
                            number[3], o->diverged ? "true" : "false", run % folds,
                            cli_int(tune->args, "seed") + run / folds, settings);
    free(settings);
    return results_append(tune, line);
}

int cli_tune_write_test(cli_tune *tune)
{
    const cli_tune_setting *setting = &tune->setting[tune->best];
    char accuracy[RESULTS_NUMBER], loss[RESULTS_NUMBER];
    char *settings = results_settings(tune, setting);
    results_json_number(accuracy, tune->test.accuracy);
    results_json_number(loss, tune->test.loss);
    char *line =
        cli_format("{\"test\":\"%016" PRIx64 "\",\"accuracy\":%s,\"loss\":%s,\"correct\":%" PRId64
                   ",\"count\":%" PRId64 ",\"settings\":%s}\n",
                   results_key(tune, setting, -1), accuracy, loss, tune->test.correct,
                   tune->test.count, settings);
    free(settings);
    return results_append(tune, line);
}
