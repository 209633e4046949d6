/* Pages of the manual, in the macros of man(7), which every formatter knows. */
#include "cli/args.h"
#include "cli/out.h"
#include "cli/pages.h"
#include "cli/topics.h"
#include "cli/variables.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- Text ------------------------------------------------------------------------------------ */

/* One character of UTF-8 at `text`, as roff writes it, without a meaning of its own. Returns its
 * bytes. */
static size_t man_character(const char *text)
{
    static const struct {
        char character;
        const char *roff;
    } special[] = {{'\\', "\\(rs"}, {'-', "\\-"},   {'\'', "\\(aq"}, {'`', "\\(ga"},
                   {'^', "\\(ha"},  {'~', "\\(ti"}, {'"', "\\(dq"}};
    const unsigned char first = (unsigned char)*text;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (special[i].character == *text) {
            cli_print_text(special[i].roff);
            return 1;
        }
    }
    if (first < 0x80) {
        cli_print_bytes(text, 1);
        return 1;
    }
    size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    unsigned code = first & (0xffu >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++) code = code << 6 | ((unsigned char)text[i] & 0x3f);
    cli_print("\\[u%04X]", code);
    return bytes;
}

static void man_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        const bool begins = i == 0 || text[i - 1] == '\n';
        if (begins && text[i] == '.') cli_print_text("\\&"); /* no request */
        i += man_character(text + i);
    }
}

/* Words, the names of options among them bold; a new line begins a paragraph. */
static void man_words(const char *text)
{
    bool begins = true;
    while (*text) {
        size_t name = 0;
        if (begins && strncmp(text, "--", 2) == 0)
            name = 2 + strspn(text + 2, "abcdefghijklmnopqrstuvwxyz-");
        if (name > 2) {
            cli_print_text("\\fB");
            man_plain(text, name);
            cli_print_text("\\fR");
            text += name;
        } else if (*text == '\n') {
            text += strspn(text, "\n");
            cli_print_text("\n.PP\n");
        } else {
            begins = strchr(" (/", *text) != NULL;
            text += man_character(text);
        }
    }
    cli_print_text("\n");
}

static void man_example(const char *text)
{
    cli_print_text(".SH EXAMPLES\n.nf\n");
    man_plain(text, strlen(text));
    if (*text && text[strlen(text) - 1] != '\n') cli_print_text("\n");
    cli_print_text(".fi\n");
}

/* ---- Parts of a page ------------------------------------------------------------------------- */

static void man_begin(const char *name, const char *summary)
{
    char day[16] = "";
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    const time_t seconds = epoch ? (time_t)strtoll(epoch, NULL, 10) : 0;
    struct tm date;
    if (epoch && gmtime_r(&seconds, &date)) strftime(day, sizeof day, "%Y-%m-%d", &date);
    cli_print_text(".TH ");
    for (const char *at = name; *at; at++) cli_print("%c", toupper((unsigned char)*at));
    cli_print(" 1 \"%s\" \"Gradus %s\" \"User Commands\"\n.SH NAME\n", day, gr_version());
    man_plain(name, strlen(name));
    cli_print_text(" \\- ");
    man_plain(summary, strlen(summary));
    cli_print_text("\n.SH SYNOPSIS\n");
}

/* "-o, --out FILE", then what it does. */
static void man_option(const cli_option *option)
{
    cli_print_text(".TP\n");
    if (option->letter) cli_print("\\fB\\-%c\\fR, ", option->letter);
    cli_print_text("\\fB\\-\\-");
    man_plain(option->name, strlen(option->name));
    cli_print_text("\\fR");
    if (option->argument) {
        cli_print_text(option->kind == CLI_WORD ? " " : " \\fI");
        man_plain(option->argument, strlen(option->argument));
        cli_print_text(option->kind == CLI_WORD ? "" : "\\fR");
    }
    cli_print_text("\n");
    char *help = option->fallback && *option->fallback
                     ? cli_format("%s (default: %s)", option->help, option->fallback)
                     : cli_format("%s", option->help);
    man_words(help);
    free(help);
}

static void man_options(const cli_option *options, const char *heading)
{
    for (; options && options->name; options++) {
        if (!options->help) continue; /* for the command's own use */
        if (options->group) heading = options->group;
        if (heading) {
            cli_print_text(".SS ");
            man_plain(heading, strlen(heading));
            cli_print_text("\n");
        }
        heading = NULL;
        man_option(options);
    }
}

static void man_status(const char *no)
{
    cli_print_text(".SH EXIT STATUS\n.TP\n0\nSuccess.\n");
    if (no) {
        char *sentence = cli_format("%.*s.", (int)strcspn(no, ";"), no);
        cli_print_text(".TP\n1\n");
        man_words(sentence);
        free(sentence);
    }
    cli_print_text(".TP\n2\nWrong usage or bad input: an option, an expression, a file that is "
                   "damaged or does not fit.\n"
                   ".TP\n3\nThe environment failed: no such file, no permission, full disk, no "
                   "memory.\n"
                   ".TP\n130\nStopped by SIGINT.\n.TP\n143\nStopped by SIGTERM.\n");
}

/* The pages of all commands but `self`. */
static void man_others(const cli_command *self)
{
    cli_print_text(".SH SEE ALSO\n");
    if (self) cli_print_text(".BR gradus (1),\n");
    for (int i = 0; cli_commands[i]; i++)
        if (cli_commands[i] != self) cli_print(".BR gradus\\-%s (1),\n", cli_commands[i]->name);
    cli_print_text(".BR gradus (3)\n");
}

/* A chapter for a topic; its list stands in chapters and pages of its own. */
static void man_topic(const cli_topic *topic)
{
    bool plain = false;
    if (topic->list) return;
    cli_print_text(".SH ");
    for (const char *at = topic->name; *at; at++) cli_print("%c", toupper((unsigned char)*at));
    cli_print_text("\n");
    for (const char *at = topic->text; *at;) {
        const size_t length = strcspn(at, "\n");
        const bool as_is = strncmp(at, "  ", 2) == 0;
        char *line = cli_format("%.*s", (int)length, at);
        if (as_is && !plain) cli_print_text(at == topic->text ? ".nf\n" : ".PP\n.nf\n");
        if (!as_is && plain) cli_print_text(".fi\n");
        if (!as_is && at != topic->text) cli_print_text(".PP\n");
        man_words(line);
        free(line);
        plain = as_is;
        at += length + (at[length] == '\n');
    }
    if (plain) cli_print_text(".fi\n");
}

/* ---- Pages ----------------------------------------------------------------------------------- */

static void man_command(const cli_command *command)
{
    char *name = cli_format("gradus-%s", command->name);
    man_begin(name, command->summary);
    free(name);
    cli_print("\\fBgradus %s\\fR ", command->name);
    if (command->operands) man_plain(command->operands, strlen(command->operands));
    cli_print_text(" [\\fIOPTION\\fR ...]\n");
    if (command->about) {
        cli_print_text(".SH DESCRIPTION\n");
        man_words(command->about);
    }
    cli_print_text(".SH OPTIONS\n");
    man_options(command->options, NULL);
    if (command->also)
        cli_print(".PP\nAll other options are those of \\fBgradus-%s\\fR(1).\n", command->also_of);
    man_options(cli_common_options,
                command->options && command->options->name ? "Everywhere" : NULL);
    man_status(command->exits);
    if (command->examples) man_example(command->examples);
    man_others(command);
}

static void man_overview(void)
{
    man_begin("gradus", "neural networks in C, gradient by gradient");
    cli_print_text("\\fBgradus\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR ...]\n.br\n"
                   "\\fBgradus help\\fR [\\fICOMMAND\\fR]\n.br\n"
                   "\\fBgradus \\-\\-version\\fR\n.SH DESCRIPTION\n");
    man_words("A network is a graph of gates. The forward pass computes values, the backward pass "
              "applies the chain rule. The commands compute and check gradients, train, test and "
              "draw networks and classifiers.\n"
              "Options may stand anywhere; --name=value and --name value are the same, and so are "
              "-e 5 and -e5. What follows -- is no option. Of an option that is given twice the "
              "last one counts. Results go to standard output, everything else to standard error.");
    cli_print_text(".SH COMMANDS\n");
    for (int i = 0; cli_commands[i]; i++) {
        cli_print(".TP\n.BR gradus\\-%s (1)\n", cli_commands[i]->name);
        man_words(cli_commands[i]->summary);
    }
    man_status("The answer is no: a gradient is wrong, a required accuracy is not reached, a loss "
               "is no number any more");
    cli_print_text(".SH ENVIRONMENT\n");
    for (const cli_variable *variable = cli_variables; variable->name; variable++) {
        cli_print(".TP\n.B %s\n", variable->name);
        man_words(variable->meaning);
    }
    for (const cli_topic *topic = cli_topics; topic->name; topic++) man_topic(topic);
    man_others(NULL);
}

void cli_man(const cli_command *command)
{
    if (command)
        man_command(command);
    else
        man_overview();
}
