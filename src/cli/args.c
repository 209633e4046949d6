#include "cli/args.h"

#include "cli/config.h"
#include "cli/out.h"
#include "cli/recipe.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX_OPTIONS = 128, ARGS_MAX_KEPT = 8 };

typedef struct args_value {
    const cli_option *option;
    const char *text; /* as typed; "" for a flag; NULL: not given */
    double real;
    int64_t integer;
    bool elsewhere; /* set by cli_args_set */
} args_value;

typedef struct args_given {
    const cli_option *option;
    const char *text;
} args_given;

struct cli_args {
    args_value value[ARGS_MAX_OPTIONS];
    int values;
    args_given *given; /* of the command line, in its order */
    int n_given;
    const char **operand;
    int operands;
    const char *command;
    char **line; /* argv after the command's name */
    int words;
    void *kept[ARGS_MAX_KEPT];
    int n_kept;
};

const cli_option cli_common_options[] = {
    {.name = "color",
     .kind = CLI_WORD,
     .argument = "auto|always|never",
     .fallback = "auto",
     .help = "use colours"},
    {.name = "quiet", .help = "print results alone: no warnings, no progress"},
    {.name = "verbose", .help = "tell what the library remarks, and time and memory at the end"},
    {.name = "help", .letter = 'h', .help = "print this help and exit"},
    {0},
};

/* ---- Looking up ----------------------------------------------------------------------------- */

static args_value *args_find(cli_args *args, const char *name, size_t length)
{
    for (int i = 0; i < args->values; i++) {
        const char *known = args->value[i].option->name;
        if (strlen(known) == length && memcmp(known, name, length) == 0) return &args->value[i];
    }
    return NULL;
}

static args_value *args_find_letter(cli_args *args, char letter)
{
    for (int i = 0; i < args->values; i++)
        if (letter && args->value[i].option->letter == letter) return &args->value[i];
    return NULL;
}

static const args_value *args_get(const cli_args *args, const char *name)
{
    static const cli_option nothing = {.name = ""};
    static const args_value absent = {.option = &nothing};
    const args_value *value = args_find((cli_args *)args, name, strlen(name));
    return value ? value : &absent;
}

bool cli_given(const cli_args *args, const char *name)
{
    return args_get(args, name)->text != NULL;
}

bool cli_flag(const cli_args *args, const char *name)
{
    return cli_given(args, name);
}

const char *cli_text(const cli_args *args, const char *name)
{
    const args_value *value = args_get(args, name);
    return value->text ? value->text : value->option->fallback;
}

int64_t cli_int(const cli_args *args, const char *name)
{
    return args_get(args, name)->integer;
}

double cli_real(const cli_args *args, const char *name)
{
    return args_get(args, name)->real;
}

int cli_operands(const cli_args *args)
{
    return args->operands;
}

const char *cli_operand(const cli_args *args, int i)
{
    return i >= 0 && i < args->operands ? args->operand[i] : NULL;
}

const cli_option *cli_given_at(const cli_args *args, int i, const char **text)
{
    if (i < 0 || i >= args->n_given) return NULL;
    *text = args->given[i].text;
    return args->given[i].option;
}

static bool args_needs_quotes(const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-_=+,./:@%";
    return *word == '\0' || word[strspn(word, safe)] != '\0';
}

void cli_append_word(char **line, const char *word)
{
    char *text = cli_format("%s ", *line);
    bool quotes = args_needs_quotes(word);
    size_t length = strlen(text);
    text = cli_realloc(text, length + 4 * strlen(word) + 3, 1);
    if (quotes) text[length++] = '\'';
    for (; *word; word++) {
        if (*word == '\'') {
            memcpy(text + length, "'\\'", 3); /* end the quotes, a quote, begin them again */
            length += 3;
        }
        text[length++] = *word;
    }
    if (quotes) text[length++] = '\'';
    text[length] = '\0';
    free(*line);
    *line = text;
}

char *cli_command_line(const cli_args *args, const char *extra)
{
    char *line = cli_format("gradus %s", args->command);
    for (int i = 0; i < args->words; i++) {
        cli_append_word(&line, args->line[i]);
        if (extra && strcmp(args->line[i], extra) == 0) extra = NULL;
    }
    if (extra) cli_append_word(&line, extra);
    return line;
}

/* ---- Values --------------------------------------------------------------------------------- */

static bool args_in_range(const cli_option *option, double value)
{
    return (option->min == 0 && option->max == 0) || (value >= option->min && value <= option->max);
}

static int args_bad_number(const cli_option *option, const char *text)
{
    const char *kind = option->kind == CLI_INT ? "a whole number" : "a number";
    char low[32], high[32];
    if (option->min == 0 && option->max == 0)
        return cli_bad("--%s: '%s' is not %s", option->name, text, kind);
    cli_show_real(option->min, low, sizeof low);
    cli_show_real(option->max, high, sizeof high);
    if (option->max >= 9e15 || isinf(option->max))
        return cli_bad("--%s: '%s' is not %s from %s", option->name, text, kind, low);
    return cli_bad("--%s: '%s' is not %s from %s to %s", option->name, text, kind, low, high);
}

static bool args_read_int(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *value = number;
    return end != text && *end == '\0' && errno == 0 && text[0] != ' ';
}

static bool args_read_real(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && text[0] != ' ' && isfinite(*value);
}

static int args_check_word(const cli_option *option, const char *text)
{
    const char *words[32];
    char *copy = cli_format("%s", option->argument);
    char *rest = copy;
    int n = 0, code = CLI_YES;
    bool found = false;
    for (char *word; n < 32 && (word = strsep(&rest, "|"));) {
        found = found || strcmp(word, text) == 0;
        words[n++] = word;
    }
    if (!found) {
        const char *near = cli_nearest(text, words, n);
        code = near ? cli_bad("--%s: there is no '%s'; did you mean '%s'? (%s)", option->name, text,
                              near, option->argument)
                    : cli_bad("--%s: there is no '%s'; it is one of %s", option->name, text,
                              option->argument);
    }
    free(copy);
    return code;
}

static int args_set(args_value *value, const char *text)
{
    const cli_option *option = value->option;
    switch (option->kind) {
    case CLI_FLAG:
    case CLI_TEXT:
        break;
    case CLI_WORD:
        if (args_check_word(option, text)) return CLI_BAD;
        break;
    case CLI_INT:
        if (!args_read_int(text, &value->integer) || !args_in_range(option, (double)value->integer))
            return args_bad_number(option, text);
        break;
    case CLI_REAL:
        if (!args_read_real(text, &value->real) || !args_in_range(option, value->real))
            return args_bad_number(option, text);
        break;
    }
    value->text = text;
    return CLI_YES;
}

int cli_option_check(const cli_option *option, const char *text)
{
    return args_set(&(args_value){.option = option}, text);
}

/* ---- Parsing -------------------------------------------------------------------------------- */

static int args_unknown(const cli_args *args, const char *text)
{
    const char *names[ARGS_MAX_OPTIONS];
    for (int i = 0; i < args->values; i++) names[i] = args->value[i].option->name;
    char *name = cli_format("%.*s", (int)strcspn(text, "="), text);
    const char *word = name + strspn(name, "-");
    const char *near = *word && word[1] ? cli_nearest(word, names, args->values) : NULL;
    int code;
    if (near)
        code = cli_bad("there is no option '%s'; did you mean '--%s'?", name, near);
    else
        code = cli_bad("there is no option '%s' (see --help); what is no option but begins with "
                       "'-' goes after '--'",
                       name);
    free(name);
    return code;
}

/* Is `text` "-net" for "--net"? As letters with arguments those mean nothing: -n et. */
static bool args_lacks_dash(cli_args *args, const char *text)
{
    const size_t length = strcspn(text + 1, "=");
    return length > 1 && args_find(args, text + 1, length);
}

static int args_give(cli_args *args, args_value *value, const char *text)
{
    args->given[args->n_given++] = (args_given){value->option, text};
    return args_set(value, text);
}

/* One argument that begins with '-'; *i moves on if it takes the next one. */
static int args_option(cli_args *args, int argc, char **argv, int *i)
{
    char *text = argv[*i];
    const char *given = NULL; /* the argument that stands in the same word */
    args_value *value;
    if (text[1] == '-') {
        size_t length = strcspn(text + 2, "=");
        value = args_find(args, text + 2, length);
        if (text[2 + length] == '=') given = text + 3 + length;
    } else {
        value = args_find_letter(args, text[1]);
        if (text[2] == '=')
            given = text + 3;
        else if (text[2])
            given = text + 2;
    }
    if (text[1] != '-' && args_lacks_dash(args, text)) return args_unknown(args, text);
    if (!value || (given && text[1] != '-' && value->option->kind == CLI_FLAG))
        return args_unknown(args, text);
    const cli_option *option = value->option;
    if (option->kind == CLI_FLAG) {
        if (given) return cli_bad("--%s takes no argument, but got '%s'", option->name, given);
        return args_give(args, value, "");
    }
    if (!given) {
        if (*i + 1 >= argc)
            return cli_bad("--%s needs an argument: --%s %s", option->name, option->name,
                           option->argument);
        given = argv[++*i];
    }
    return args_give(args, value, given);
}

static void args_add_options(cli_args *args, const cli_option *options)
{
    for (; options && options->name && args->values < ARGS_MAX_OPTIONS; options++) {
        if (cli_args_has(args, options->name)) continue;
        args_value *value = &args->value[args->values++];
        *value = (args_value){.option = options};
        if (options->fallback && options->kind == CLI_INT)
            value->integer = strtoll(options->fallback, NULL, 10);
        if (options->fallback && options->kind == CLI_REAL)
            value->real = strtod(options->fallback, NULL);
    }
}

static int args_check_operands(const cli_command *command, const cli_args *args)
{
    if (cli_flag(args, "help")) return CLI_YES;
    if (args->operands < command->least)
        return cli_bad("something is missing: gradus %s %s (see gradus %s --help)", command->name,
                       command->operands, command->name);
    if (command->most >= 0 && args->operands > command->most)
        return cli_bad("'%s' is too much%s", args->operand[command->most],
                       command->most == 0 ? ": there are only options" : "");
    return CLI_YES;
}

int cli_args_parse(const cli_command *command, int argc, char **argv, cli_args **out)
{
    cli_args *args = cli_alloc(1, sizeof *args);
    int code = CLI_YES;
    bool options = true;
    args->given = cli_alloc((size_t)argc + 1, sizeof *args->given);
    args->operand = cli_alloc((size_t)argc + 1, sizeof *args->operand);
    args->command = command->name;
    args->line = argv;
    args->words = argc;
    args_add_options(args, command->options);
    args_add_options(args, command->also);
    args_add_options(args, cli_common_options);
    for (int i = 0; i < argc && code == CLI_YES; i++) {
        const char *text = argv[i];
        if (options && strcmp(text, "--") == 0)
            options = false;
        else if (options && text[0] == '-' && text[1] != '\0')
            code = args_option(args, argc, argv, &i);
        else
            args->operand[args->operands++] = text;
    }
    if (code == CLI_YES && !cli_flag(args, "help")) code = cli_recipe_read(command, args);
    if (code == CLI_YES) code = cli_config_apply(command, args);
    if (code == CLI_YES) code = args_check_operands(command, args);
    if (code != CLI_YES) {
        cli_args_free(args);
        args = NULL;
    }
    *out = args;
    return code;
}

/* ---- Options from elsewhere ----------------------------------------------------------------- */

bool cli_args_has(const cli_args *args, const char *name)
{
    return args_find((cli_args *)args, name, strlen(name)) != NULL;
}

int cli_args_set(cli_args *args, const char *name, const char *text)
{
    args_value *value = args_find(args, name, strlen(name));
    if (!value) return args_unknown(args, name);
    if (value->elsewhere) return cli_bad("'%s' is given twice", name);
    value->elsewhere = true;
    if (value->text || cli_config_overruled(name)) return CLI_YES;
    bool flag = value->option->kind == CLI_FLAG;
    if (flag && *text) return cli_bad("'%s' takes no argument, but got '%s'", name, text);
    if (!flag && !*text)
        return cli_bad("'%s' needs an argument: %s %s", name, name, value->option->argument);
    return args_set(value, text);
}

int cli_args_default(cli_args *args, const char *name, const char *text)
{
    args_value *value = args_find(args, name, strlen(name));
    if (!value) return args_unknown(args, name);
    return value->text ? CLI_YES : args_set(value, text);
}

void *cli_args_keep(cli_args *args, void *memory)
{
    args->kept[args->n_kept++] = memory;
    return memory;
}

void cli_args_free(cli_args *args)
{
    if (!args) return;
    for (int i = 0; i < args->n_kept; i++) free(args->kept[i]);
    free(args->given);
    free(args->operand);
    free(args);
}
