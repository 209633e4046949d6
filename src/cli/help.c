#include "cli/args.h"
#include "cli/out.h"
#include "cli/topics.h"

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

int cli_help_width(void)
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

/* Bytes of the word at `text`, as a shell reads it: blanks within quotes belong to it. */
static size_t help_word(const char *text)
{
    size_t n = 0;
    for (char quote = 0; text[n] && (quote || text[n] != ' '); n++) {
        if (quote && text[n] == quote)
            quote = 0;
        else if (!quote && (text[n] == '\'' || text[n] == '"'))
            quote = text[n];
    }
    return n;
}

/* One line, which goes on where the terminal ends as a shell has it. */
static void help_line(char *line, int width)
{
    int column = 2;
    cli_print(" ");
    for (char *at = line; *at;) {
        const size_t length = help_word(at), gap = strspn(at + length, " ");
        char *word = cli_format("%.*s", (int)length, at);
        const int columns = cli_text_width(word);
        if (column > 2 && column + 1 + columns + 2 > width) {
            cli_print(" \\\n     ");
            column = 5;
        }
        cli_print(" %s", word);
        column += 1 + columns;
        free(word);
        at += length + gap;
    }
    cli_print("\n");
}

/* Lines as they are, each indented. */
static void help_lines(const char *text, int width)
{
    while (*text) {
        const size_t length = strcspn(text, "\n");
        char *line = cli_format("%.*s", (int)length, text);
        help_line(line, width);
        free(line);
        text += length + (text[length] == '\n');
    }
}

static void help_command(const cli_command *command)
{
    int width = cli_help_width();
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
        help_lines(command->examples, width);
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
    int width = cli_help_width();
    cli_print_wrapped("gradus: neural networks in C, gradient by gradient", 4, 0, width);
    cli_print("\n\n");
    cli_print("%sUsage:%s gradus COMMAND [ARGUMENT%s]\n\n", cli_color(CLI_BOLD),
              cli_color(CLI_PLAIN), cli_glyph("…", "..."));
    cli_print("%sCommands:%s\n", cli_color(CLI_BOLD), cli_color(CLI_PLAIN));
    for (int i = 0; cli_commands[i]; i++) {
        cli_print("  %-8s  ", cli_commands[i]->name);
        cli_print_wrapped(cli_commands[i]->summary, 12, 12, width);
        cli_print("\n");
    }
    cli_print("\n%sTopics%s of 'gradus help TOPIC':\n", cli_color(CLI_BOLD), cli_color(CLI_PLAIN));
    for (const cli_topic *topic = cli_topics; topic->name; topic++) {
        cli_print("  %-11s  ", topic->name);
        cli_print_wrapped(topic->summary, 15, 15, width);
        cli_print("\n");
    }
    cli_print("\n");
    cli_print_wrapped(
        "'gradus COMMAND --help' (or 'gradus help COMMAND') tells more, with examples. "
        "'gradus --version' tells what this build consists of.",
        0, 0, width);
    cli_print("\n");
}

void cli_help(const cli_command *command)
{
    if (command)
        help_command(command);
    else
        help_overview();
}
