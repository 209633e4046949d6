#include "cli/config.h"

#include "cli/input.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/variables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_MOST_BYTES = 1 << 16, CONFIG_MOST_LINES = 256, CONFIG_MOST_NAMES = 512 };

/* A line of the file, for the options of commands. */
typedef struct config_line {
    const cli_command *command; /* NULL: all that have the option */
    const char *name, *text;    /* in config_text */
    int number;
} config_line;

static char *config_text, *config_file; /* for the process's life: options point into it */
static config_line config_lines[CONFIG_MOST_LINES];
static int config_n;

/* ---- The file -------------------------------------------------------------------------------- */

static const char *config_variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

char *cli_config_path(void)
{
    const char *const own = getenv("GRADUS_CONFIG");
    if (own) return *own ? cli_format("%s", own) : NULL;
    if (config_variable("XDG_CONFIG_HOME"))
        return cli_format("%s/gradus/config", getenv("XDG_CONFIG_HOME"));
    return config_variable("HOME") ? cli_format("%s/.config/gradus/config", getenv("HOME")) : NULL;
}

bool cli_config_overruled(const char *option)
{
    return (strcmp(option, "threads") == 0 && config_variable("GRADUS_THREADS")) ||
           (strcmp(option, "color") == 0 && config_variable("NO_COLOR"));
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* The option of a command by its name; NULL: it has none that a file may set. */
static const cli_option *config_option(const cli_command *command, const char *name)
{
    const cli_option *const tables[] = {command->options, command->also, cli_common_options};
    for (int i = 0; i < 3; i++)
        for (const cli_option *o = tables[i]; o && o->name; o++)
            if (o->help && strcmp(o->name, name) == 0) return o;
    return NULL;
}

static const cli_command *config_command(const char *name)
{
    for (int i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0) return cli_commands[i];
    return NULL;
}

static int config_add_name(const char **names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) return n;
    if (n < CONFIG_MOST_NAMES) names[n++] = name;
    return n;
}

/* `command` NULL: an option of any. */
static int config_unknown(const cli_command *command, const char *name)
{
    const char *names[CONFIG_MOST_NAMES];
    int n = 0;
    for (int i = 0; cli_commands[i]; i++) {
        const cli_option *const tables[] = {cli_commands[i]->options, cli_commands[i]->also,
                                            cli_common_options};
        for (int k = 0; k < 3 && (!command || command == cli_commands[i]); k++)
            for (const cli_option *o = tables[k]; o && o->name; o++)
                if (o->help) n = config_add_name(names, n, o->name);
    }
    const char *near = cli_nearest(name, names, n);
    const char *dot = command ? "." : "", *of = command ? command->name : "";
    if (near)
        return cli_bad("there is no option '%s%s%s'; did you mean '%s%s%s'?", of, dot, name, of,
                       dot, near);
    return cli_bad("there is no option '%s%s%s'; see 'gradus help config'", of, dot, name);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static int config_set_variable(const char *name, const char *value)
{
    const char *names[64];
    int n = 0;
    for (const cli_variable *v = cli_variables; v->name && n < 64; v++)
        if (strncmp(v->name, "GRADUS_", 7) == 0 && strcmp(v->name, "GRADUS_CONFIG") != 0)
            names[n++] = v->name;
    bool known = false;
    for (int i = 0; i < n; i++) known = known || strcmp(names[i], name) == 0;
    if (!known) {
        const char *near = cli_nearest(name, names, n);
        if (near) return cli_bad("there is no variable '%s'; did you mean '%s'?", name, near);
        return cli_bad("there is no variable '%s'; see 'gradus help environment'", name);
    }
    if (!*value) return cli_bad("'%s' needs a value", name);
    setenv(name, value, 0);
    return CLI_YES;
}

/* Is the text an argument of the option? */
static int config_check(const cli_option *option, const char *text)
{
    const bool flag = option->kind == CLI_FLAG;
    if (flag && *text) return cli_bad("'%s' takes no argument, but got '%s'", option->name, text);
    if (!flag && !*text)
        return cli_bad("'%s' needs an argument: %s %s", option->name, option->name,
                       option->argument);
    return cli_option_check(option, text);
}

static bool config_is_of_line(const char *name)
{
    static const char *const own[] = {"help", "recipe", "resume", "run", "from", "net", "gates"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i], name) == 0) return true;
    return false;
}

static int config_set_option(char *name, char *text, int number)
{
    config_line line = {.name = name, .text = text, .number = number};
    char *dot = strchr(name, '.');
    const cli_option *option = NULL;
    if (dot) {
        *dot = '\0';
        line.name = dot + 1;
        line.command = config_command(name);
        if (!line.command) return cli_bad("there is no command '%s'", name);
        option = config_option(line.command, line.name);
    }
    for (int i = 0; !dot && !option && cli_commands[i]; i++)
        option = config_option(cli_commands[i], name);
    if (!option) return config_unknown(line.command, line.name);
    if (config_is_of_line(line.name)) return cli_bad("'%s' belongs to the command line", line.name);
    for (int i = 0; i < config_n; i++)
        if (config_lines[i].command == line.command && strcmp(config_lines[i].name, line.name) == 0)
            return cli_bad("'%s' is given twice: it stands on line %d", line.name,
                           config_lines[i].number);
    if (config_n == CONFIG_MOST_LINES) return cli_bad("more than %d options", CONFIG_MOST_LINES);
    config_lines[config_n++] = line;
    return config_check(option, text);
}

static int config_setting(void *ctx, char *name, char *text, int number)
{
    (void)ctx;
    if (isupper((unsigned char)*name)) return config_set_variable(name, text);
    return config_set_option(name, text, number);
}

int cli_config_load(void)
{
    config_file = cli_config_path();
    if (!config_file || (!getenv("GRADUS_CONFIG") && access(config_file, F_OK) != 0))
        return CLI_YES;
    const int code = cli_read_file(config_file, CONFIG_MOST_BYTES, &config_text);
    if (code != CLI_YES) return code;
    return cli_read_settings(config_file, config_text, config_setting, NULL);
}

/* ---- Options --------------------------------------------------------------------------------- */

/* The option of this command may have another range than that of the first that has it. */
static int config_take(cli_args *args, const config_line *line)
{
    char *place = cli_format("%s:%d", config_file, line->number);
    cli_set_place(place);
    const int code = cli_args_default(args, line->name, line->text);
    cli_set_place(NULL);
    free(place);
    return code;
}

int cli_config_apply(const cli_command *command, cli_args *args)
{
    int code = CLI_YES;
    for (int own = 1; own >= 0; own--)
        for (int i = 0; i < config_n && code == CLI_YES; i++) {
            const config_line *line = &config_lines[i];
            const bool fits = own ? line->command == command : !line->command;
            if (fits && cli_args_has(args, line->name) && !cli_config_overruled(line->name))
                code = config_take(args, line);
        }
    return code;
}
