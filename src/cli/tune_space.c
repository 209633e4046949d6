/* gradus tune: what is tried: lists and ranges, and the settings of a grid or of draws. */
#include "cli/args.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/train.h"
#include "cli/tune.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SPACE_DRAWS = 200 }; /* before it is said that there are no new ones */

/* ---- Names ---------------------------------------------------------------------------------- */

/* Options that a training does not depend on, or that tune has another way for. */
static const char *const space_own[] = {
    "recipe",           "out",        "no-out",        "curves",
    "require-accuracy", "json",       "quiet",         "seed",
    "threads",          "resume",     "checkpoint",    "checkpoint-steps",
    "keep-checkpoints", "validation", "test-fraction", "gates",
    "streams",          "run",        "from"};

static bool space_is_own(const char *name)
{
    for (size_t i = 0; i < sizeof space_own / sizeof *space_own; i++)
        if (strcmp(space_own[i], name) == 0) return true;
    return strncmp(name, "profile", 7) == 0 || strcmp(name, "trace") == 0;
}

static const cli_option *space_option(const char *name)
{
    for (const cli_option *o = cli_train_options; o->name; o++)
        if (strcmp(o->name, name) == 0) return o;
    return NULL;
}

/* Length of "{name}" at `text`, with both braces; 0: there is none. */
static size_t space_hole(const char *text)
{
    if (*text != '{') return 0;
    size_t n = 1;
    while (isalnum((unsigned char)text[n]) || text[n] == '_') n++;
    return n > 1 && text[n] == '}' ? n + 1 : 0;
}

static bool space_has_hole(const char *net, const char *name)
{
    for (const char *at = net; at && (at = strchr(at, '{')); at++) {
        const size_t n = space_hole(at);
        if (n == strlen(name) + 2 && memcmp(at + 1, name, n - 2) == 0) return true;
    }
    return false;
}

static int space_unknown(const char *name)
{
    const char *names[128];
    int n = 0;
    for (const cli_option *o = cli_train_options; o->name && n < 128; o++)
        if (o->help && !space_is_own(o->name)) names[n++] = o->name;
    const char *near = cli_nearest(name, names, n);
    if (near)
        return cli_bad("--try: gradus train has no option '%s'; did you mean '%s'?", name, near);
    return cli_bad("--try: gradus train has no option '%s', and --net has no {%s}", name, name);
}

static int space_name(const cli_tune *tune, cli_tune_parameter *parameter)
{
    const char *name = parameter->name;
    for (int i = 0; i < tune->parameters; i++)
        if (strcmp(tune->parameter[i].name, name) == 0)
            return cli_bad("--try: '%s' is given twice", name);
    if (space_has_hole(tune->net, name)) return CLI_YES;
    parameter->option = space_option(name);
    if (!parameter->option) return space_unknown(name);
    if (strcmp(name, "seed") == 0)
        return cli_bad("--try: seeds are tried by --seeds N, each setting with as many");
    if (space_is_own(name))
        return cli_bad("--try: '%s' cannot be tried: it is the same for all settings", name);
    return CLI_YES;
}

/* ---- Values --------------------------------------------------------------------------------- */

double cli_tune_number(const char *value)
{
    char *end;
    const double number = strtod(value, &end);
    return end != value && *end == '\0' && isfinite(number) ? number : NAN;
}

/* A flag is tried as yes and no. */
static int space_check(const cli_tune_parameter *parameter, const char *text)
{
    const cli_option *option = parameter->option;
    if (*text == '\0') return cli_bad("--try %s: a value is empty", parameter->name);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20) return cli_bad("--try %s: a line break", parameter->name);
    if (!option) return CLI_YES;
    if (option->kind != CLI_FLAG) return cli_option_check(option, text);
    if (strcmp(text, "yes") == 0 || strcmp(text, "no") == 0) return CLI_YES;
    return cli_bad("--try %s: '%s' is neither yes nor no", parameter->name, text);
}

/* Words between commas that stand in no brackets, so that nets may be tried. */
static int space_list(cli_tune_parameter *parameter, const char *text)
{
    const char *start = text;
    int depth = 0, code = CLI_YES;
    for (const char *c = text; code == CLI_YES; c++) {
        depth += (*c == '(' || *c == '[') - (*c == ')' || *c == ']');
        if (*c && (*c != ',' || depth > 0)) continue;
        if (parameter->n == CLI_TUNE_WORDS)
            return cli_bad("--try %s: more than %d values", parameter->name, CLI_TUNE_WORDS);
        char *word = cli_format("%.*s", (int)(c - start), start);
        parameter->word[parameter->n++] = word;
        code = space_check(parameter, word);
        for (int i = 0; i + 1 < parameter->n && code == CLI_YES; i++)
            if (strcmp(parameter->word[i], word) == 0)
                code = cli_bad("--try %s: '%s' is given twice", parameter->name, word);
        if (!*c) break;
        start = c + 1;
    }
    return code;
}

static int space_end(const cli_tune_parameter *parameter, const char *text, double *value)
{
    *value = cli_tune_number(text);
    if (isnan(*value)) return cli_bad("--try %s: '%s' is not a number", parameter->name, text);
    if (parameter->option && parameter->option->kind != CLI_INT &&
        parameter->option->kind != CLI_REAL)
        return cli_bad("--try %s: --%s takes no number; name its values: %s=A,B", parameter->name,
                       parameter->name, parameter->name);
    return space_check(parameter, text);
}

static bool space_is_whole(const char *text)
{
    return text[strspn(text, "+-0123456789")] == '\0';
}

/* ":log", ":int" or ":5", a number of points. */
static int space_word(cli_tune_parameter *parameter, const char *word)
{
    const double points = cli_tune_number(word);
    if (strcmp(word, "log") == 0)
        parameter->log = true;
    else if (strcmp(word, "int") == 0)
        parameter->whole = true;
    else if (space_is_whole(word) && points >= 2 && points <= CLI_TUNE_WORDS)
        parameter->points = (int)points;
    else
        return cli_bad("--try %s: '%s' is not log, int or a number of points from 2 to %d",
                       parameter->name, word, CLI_TUNE_WORDS);
    return CLI_YES;
}

/* "1e-4..1e-1:log", cut into its parts. */
static int space_range(cli_tune_parameter *parameter, char *text)
{
    char *rest = text, *range = strsep(&rest, ":");
    char *high = strstr(range, "..");
    const char *const name = parameter->name;
    *high = '\0';
    high += 2;
    int code = space_end(parameter, range, &parameter->low);
    if (code == CLI_YES) code = space_end(parameter, high, &parameter->high);
    parameter->whole = parameter->option ? parameter->option->kind == CLI_INT
                                         : space_is_whole(range) && space_is_whole(high);
    for (char *word; code == CLI_YES && (word = strsep(&rest, ":"));)
        code = space_word(parameter, word);
    if (code != CLI_YES) return code;
    if (!(parameter->low < parameter->high))
        return cli_bad("--try %s: %s..%s is no range from low to high", name, range, high);
    if (parameter->log && parameter->low <= 0)
        return cli_bad("--try %s: a logarithmic range begins above 0, not at %s", name, range);
    if (parameter->whole && (parameter->low != floor(parameter->low) ||
                             parameter->high != floor(parameter->high) || parameter->high > 9e15))
        return cli_bad("--try %s: %s..%s: the ends are not whole numbers", name, range, high);
    return CLI_YES;
}

/* "name=values" */
static int space_parameter(cli_tune *tune, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return cli_bad("--try: '%s' is not NAME=VALUES, as in rate=1e-4..1e-1:log or l2=0,1e-4",
                       text);
    if (tune->parameters == CLI_TUNE_PARAMETERS)
        return cli_bad("--try: more than %d", CLI_TUNE_PARAMETERS);
    cli_tune_parameter *parameter = &tune->parameter[tune->parameters];
    parameter->name = cli_format("%.*s", (int)(equals - text), text);
    int code = space_name(tune, parameter);
    tune->parameters++;
    if (code != CLI_YES) return code;
    const bool word = parameter->option && parameter->option->kind != CLI_INT &&
                      parameter->option->kind != CLI_REAL;
    if (!strstr(equals, "..") || (word && strpbrk(equals, "/,("))) {
        return space_list(parameter, equals + 1);
    }
    char *copy = cli_format("%s", equals + 1);
    code = space_range(parameter, copy);
    free(copy);
    return code;
}

/* The net's text, if it has names in braces. */
static int space_net(cli_tune *tune)
{
    const char *argument = cli_text(tune->args, "net"), *source;
    if (!argument) return CLI_YES;
    int code = cli_read_net(argument, &tune->net, &source);
    if (code != CLI_YES) return code;
    for (const char *at = tune->net; (at = strchr(at, '{')); at++)
        if (space_hole(at)) return CLI_YES;
    free(tune->net);
    tune->net = NULL;
    return CLI_YES;
}

static int space_check_holes(const cli_tune *tune)
{
    for (const char *at = tune->net; at && (at = strchr(at, '{')); at++) {
        const int n = (int)space_hole(at);
        bool known = n == 0;
        for (int i = 0; i < tune->parameters && !known; i++)
            known = (int)strlen(tune->parameter[i].name) == n - 2 &&
                    memcmp(tune->parameter[i].name, at + 1, (size_t)n - 2) == 0;
        if (!known)
            return cli_bad("--net: what is {%.*s}? --try %.*s=VALUES", n - 2, at + 1, n - 2,
                           at + 1);
    }
    return CLI_YES;
}

int cli_tune_read_space(cli_tune *tune)
{
    const char *text;
    int code = space_net(tune);
    const cli_option *option;
    for (int i = 0; code == CLI_YES && (option = cli_given_at(tune->args, i, &text)); i++)
        if (strcmp(option->name, "try") == 0) code = space_parameter(tune, text);
    if (code == CLI_YES) code = space_check_holes(tune);
    if (code == CLI_YES && tune->parameters == 0 && tune->seeds == 1)
        code = cli_bad("what is to be tried? --try NAME=VALUES, as in --try rate=1e-4..1e-1:log, "
                       "or --seeds N");
    return code;
}

/* ---- Points --------------------------------------------------------------------------------- */

/* Where in the range `place`, from 0 to 1, is: with three digits, so that it can be typed. */
static char *space_value(const cli_tune_parameter *p, double place)
{
    char text[64];
    double value =
        p->log ? p->low * pow(p->high / p->low, place) : p->low + place * (p->high - p->low);
    if (p->whole) {
        value = floor(value + .5);
    } else if (p->log) {
        snprintf(text, sizeof text, "%.2e", value);
        value = strtod(text, NULL);
    } else {
        const double grain = pow(10, floor(log10((p->high - p->low) / 1000)));
        snprintf(text, sizeof text, "%.12g", floor(value / grain + .5) * grain);
        value = strtod(text, NULL);
    }
    value = fmin(fmax(value, p->low), p->high);
    if (p->whole) return cli_format("%.0f", value);
    return cli_format("%s", cli_show_real(value, text, sizeof text));
}

/* A draw: of whole numbers each is as likely as its neighbours, the ends too. */
static char *space_draw(const cli_tune_parameter *p, double place)
{
    if (p->n) return cli_format("%s", p->word[(int)(place * p->n)]);
    if (!p->whole) return space_value(p, place);
    const double below = p->log ? (p->low - .5) * pow((p->high + .5) / (p->low - .5), place)
                                : p->low - .5 + place * (p->high - p->low + 1);
    return cli_format("%.0f", fmin(fmax(floor(below + .5), p->low), p->high));
}

int cli_tune_points(const cli_tune *tune, const cli_tune_parameter *p, char **value)
{
    for (int i = 0; i < p->n; i++) value[i] = cli_format("%s", p->word[i]);
    if (p->n) return p->n;
    const int points = p->points ? p->points : (int)cli_int(tune->args, "points");
    int n = 0;
    for (int i = 0; i < points; i++) {
        value[n] = space_value(p, (double)i / (points - 1));
        if (n > 0 && strcmp(value[n], value[n - 1]) == 0)
            free(value[n]); /* whole numbers that lie closer than the points */
        else
            n++;
    }
    return n;
}

/* ---- Settings ------------------------------------------------------------------------------- */

static cli_tune_setting *space_add(cli_tune *tune, bool drawn)
{
    tune->setting = cli_realloc(tune->setting, (size_t)tune->settings + 1, sizeof *tune->setting);
    cli_tune_setting *setting = &tune->setting[tune->settings++];
    *setting = (cli_tune_setting){.drawn = drawn, .left = tune->runs};
    setting->outcome = cli_alloc((size_t)tune->runs, sizeof *setting->outcome);
    return setting;
}

/* All combinations; the last parameter changes fastest. */
static int space_grid(cli_tune *tune)
{
    char *value[CLI_TUNE_PARAMETERS][CLI_TUNE_WORDS];
    int n[CLI_TUNE_PARAMETERS], code = CLI_YES;
    double all = 1;
    for (int i = 0; i < tune->parameters; i++)
        all *= n[i] = cli_tune_points(tune, &tune->parameter[i], value[i]);
    if (all > CLI_TUNE_SETTINGS)
        code = cli_bad("a grid of %.0f settings: more than %d", all, CLI_TUNE_SETTINGS);
    for (int s = 0; code == CLI_YES && s < (int)all; s++) {
        cli_tune_setting *setting = space_add(tune, false);
        for (int i = tune->parameters - 1, rest = s; i >= 0; rest /= n[i], i--)
            /* NOLINTNEXTLINE(clang-analyzer-core.*): each parameter has points, n[i] of them */
            setting->value[i] = cli_format("%s", value[i][rest % n[i]]);
    }
    for (int i = 0; i < tune->parameters; i++)
        for (int k = 0; k < n[i]; k++) free(value[i][k]);
    return code;
}

/* A number from 0 to 1, without 1, of seed and place alone: splitmix64 (Steele, Lea and Flood
 * 2014, "Fast splittable pseudorandom number generators"). */
static double space_random(uint64_t seed, uint64_t draw, uint64_t parameter)
{
    uint64_t z = seed;
    const uint64_t part[2] = {draw, parameter};
    for (int i = 0; i < 2; i++) {
        z += 0x9e3779b97f4a7c15u * (part[i] + 1);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
    }
    return (double)(z >> 11) / 9007199254740992.0; /* 2^53 */
}

static bool space_is_new(const cli_tune *tune, char *const *value)
{
    for (int s = 0; s < tune->settings; s++) {
        bool equal = true;
        for (int i = 0; i < tune->parameters && equal; i++)
            equal = strcmp(tune->setting[s].value[i], value[i]) == 0;
        if (equal) return false;
    }
    return true;
}

/* Settings of which none is another's double; fewer than `n` where there are no more. */
static void space_random_settings(cli_tune *tune, int n)
{
    const uint64_t seed = (uint64_t)cli_int(tune->args, "seed");
    uint64_t draw = 0;
    for (int s = 0, failed = 0; s < n && failed < SPACE_DRAWS; draw++) {
        char *value[CLI_TUNE_PARAMETERS] = {0};
        for (int i = 0; i < tune->parameters; i++)
            value[i] = space_draw(&tune->parameter[i], space_random(seed, draw, (uint64_t)i));
        if (space_is_new(tune, value)) {
            memcpy(space_add(tune, true)->value, value, sizeof value);
            failed = 0;
            s++;
        } else {
            for (int i = 0; i < tune->parameters; i++) free(value[i]);
            failed++;
        }
    }
}

/* A grid and as many draws, to be compared. */
static int space_both(cli_tune *tune)
{
    int code = space_grid(tune);
    if (code == CLI_YES) space_random_settings(tune, tune->settings);
    return code;
}

int cli_tune_make_settings(cli_tune *tune)
{
    if (cli_given(tune->args, "against")) return space_both(tune);
    if (!tune->random) return space_grid(tune);
    space_random_settings(tune, (int)cli_int(tune->args, "trials"));
    return CLI_YES;
}

void cli_tune_clear_space(cli_tune *tune)
{
    for (int i = 0; i < tune->parameters; i++) {
        free(tune->parameter[i].name);
        for (int k = 0; k < tune->parameter[i].n; k++) free(tune->parameter[i].word[k]);
    }
    for (int s = 0; s < tune->settings; s++) {
        for (int i = 0; i < tune->parameters; i++) free(tune->setting[s].value[i]);
        free(tune->setting[s].known);
        free(tune->setting[s].outcome);
    }
    free(tune->setting);
    free(tune->net);
}
