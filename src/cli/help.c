#include "cli/args.h"
#include "cli/out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const cli_command *const cli_commands[] = {
#define CLI_COMMAND(name) &cli_command_##name,
#include "cli/commands.def"
#undef CLI_COMMAND
    NULL,
};

enum { HELP_WIDTH = 100, HELP_DEFAULT_WIDTH = 80, HELP_COLUMN = 30 };

static int help_width(void)
{
    int width = cli_width();
    if (width == 0) width = HELP_DEFAULT_WIDTH;
    return width < HELP_WIDTH ? width : HELP_WIDTH;
}

/* "  -o, --out FILE" and, from a column of its own, what it does. */
static void help_option(const cli_option *option, int width)
{
    char letter[8] = "    ";
    if (option->letter) snprintf(letter, sizeof letter, "-%c, ", option->letter);
    char *left = cli_format("  %s--%s%s%s", letter, option->name, option->argument ? " " : "",
                            option->argument ? option->argument : "");
    char *right = option->fallback && *option->fallback
                      ? cli_format("%s (default: %s)", option->help, option->fallback)
                      : cli_format("%s", option->help);
    int column = width < 60 ? 8 : HELP_COLUMN;
    int used = cli_text_width(left);
    cli_print_wrapped(left, 8, 0, used > width ? width : used);
    if (used + 2 > column)
        cli_print("\n%*s", column, "");
    else
        cli_print("%*s", column - used, "");
    cli_print_wrapped(right, column, column, width);
    cli_print("\n");
    free(left);
    free(right);
}

static void help_options(const cli_option *options, const char *heading, int width)
{
    for (; options && options->name; options++) {
        if (!options->help) continue; /* for the command's own use */
        if (options->group) heading = options->group;
        if (heading) cli_print("\n%s%s:%s\n", cli_color(CLI_BOLD), heading, cli_color(CLI_PLAIN));
        heading = NULL;
        help_option(options, width);
    }
}

/* Lines as they are, each indented. */
static void help_lines(const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        cli_print("  %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void help_command(const cli_command *command)
{
    int width = help_width();
    char *title = cli_format("gradus %s: %s", command->name, command->summary);
    cli_print_wrapped(title, 4, 0, width);
    free(title);
    bool operands = command->operands && *command->operands;
    cli_print("\n\n%sUsage:%s ", cli_color(CLI_BOLD), cli_color(CLI_PLAIN));
    char *usage = cli_format("gradus %s%s%s [OPTION%s]", command->name, operands ? " " : "",
                             operands ? command->operands : "", cli_glyph("…", "..."));
    cli_print_wrapped(usage, 11, 7, width);
    free(usage);
    cli_print("\n");
    if (command->about) {
        cli_print("\n");
        cli_print_wrapped(command->about, 0, 0, width);
        cli_print("\n");
    }
    bool grouped = command->options && command->options->name;
    help_options(command->options, "Options", width);
    if (command->also) {
        char *also = cli_format("All other options are those of gradus %s.", command->also_of);
        cli_print("\n");
        cli_print_wrapped(also, 0, 0, width);
        cli_print("\n");
        free(also);
    }
    help_options(cli_common_options, grouped ? "Everywhere" : "Options", width);
    if (command->examples) {
        cli_print("\n%sExamples:%s\n", cli_color(CLI_BOLD), cli_color(CLI_PLAIN));
        help_lines(command->examples);
    }
    char *exits = cli_format("Exit status: 0 success;%s%s 2 wrong usage or bad input; 3 a file or "
                             "the memory failed.",
                             command->exits ? " 1 " : "", command->exits ? command->exits : "");
    cli_print("\n");
    cli_print_wrapped(exits, 0, 0, width);
    cli_print("\n");
    free(exits);
}

static void help_overview(void)
{
    int width = help_width();
    cli_print("gradus: neural networks in C, gradient by gradient\n\n");
    cli_print("%sUsage:%s gradus COMMAND [ARGUMENT%s]\n\n", cli_color(CLI_BOLD),
              cli_color(CLI_PLAIN), cli_glyph("…", "..."));
    cli_print("%sCommands:%s\n", cli_color(CLI_BOLD), cli_color(CLI_PLAIN));
    for (int i = 0; cli_commands[i]; i++) {
        cli_print("  %-8s  ", cli_commands[i]->name);
        cli_print_wrapped(cli_commands[i]->summary, 12, 12, width);
        cli_print("\n");
    }
    cli_print("\n'gradus COMMAND --help' (or 'gradus help COMMAND') tells more, with examples.\n"
              "'gradus --version' tells what this build consists of.\n");
}

void cli_help(const cli_command *command)
{
    if (command)
        help_command(command);
    else
        help_overview();
}
