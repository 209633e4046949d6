/* gradus: the command. Finds the subcommand, parses its arguments, runs it. */
#include "cli/args.h"
#include "cli/config.h"
#include "cli/gates.h"
#include "cli/out.h"
#include "cli/pages.h"
#include "cli/process.h"
#include "cli/stop.h"
#include "cli/topics.h"
#include "cli/verbose.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { MAIN_MOST_COMMANDS = 64 };

static const cli_command *main_find(const char *name)
{
    for (int i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0) return cli_commands[i];
    return NULL;
}

/* `topics` too: of `gradus help NAME`. */
static int main_unknown(const char *name, bool topics)
{
    const char *names[MAIN_MOST_COMMANDS];
    int n = 0;
    for (; n < MAIN_MOST_COMMANDS && cli_commands[n]; n++) names[n] = cli_commands[n]->name;
    for (int i = 0; topics && cli_topics[i].name && n < MAIN_MOST_COMMANDS; i++)
        names[n++] = cli_topics[i].name;
    if (strcmp(name, "version") == 0)
        return cli_bad("there is no command 'version'; did you mean '--version'?");
    const char *near = cli_nearest(name, names, n);
    const char *what = topics ? "command or topic" : "command";
    if (near) return cli_bad("there is no %s '%s'; did you mean '%s'?", what, name, near);
    return cli_bad("there is no %s '%s'; 'gradus --help' lists them", what, name);
}

static int main_bad_option(const char *name)
{
    const char *const names[] = {"--version", "--help"};
    const char *near = cli_nearest(name, names, sizeof names / sizeof *names);
    if (near) return cli_bad("there is no option '%s'; did you mean '%s'?", name, near);
    return cli_bad("there is no option '%s'; a command comes first: see 'gradus --help'", name);
}

static int main_version(void)
{
    cli_print("gradus %s\n", gr_version());
    cli_print("parts: %s\n", *cli_parts() ? cli_parts() : "none beyond libc and libm");
    cli_print("compiler: %s\n", cli_compiler());
    return CLI_YES;
}

/* Is what the command prints for programs? */
static bool main_prints_text(const cli_command *command, const cli_args *args)
{
    static const char *const kinds[] = {"json", "dot", "graph"};
    for (const cli_option *option = command->options; option->name; option++)
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (strcmp(option->name, kinds[i]) == 0 && cli_given(args, option->name)) return true;
    return false;
}

/* `argv` is that of the process. */
static int main_run(const cli_command *command, int argc, char **argv)
{
    cli_args *args;
    cli_set_command(command->name);
    int code = cli_args_parse(command, argc - 2, argv + 2, &args);
    if (code != CLI_YES) return code;
    cli_set_color(cli_text(args, "color"));
    cli_set_quiet(cli_flag(args, "quiet"));
    if (main_prints_text(command, args)) cli_keep_lines();
    if (cli_flag(args, "help"))
        cli_help(command);
    else {
        if (cli_flag(args, "verbose")) cli_verbose_begin();
        if (command->computes) cli_calm_threads(argv);
        cli_return_blocks();
        code = cli_load_gates(args);
        if (code == CLI_YES) code = command->run(args);
        if (cli_flag(args, "verbose")) cli_verbose_end();
    }
    cli_args_free(args);
    return code;
}

/* For the build, which installs the pages. */
static int main_man(const char *name)
{
    const cli_command *command = name ? main_find(name) : NULL;
    if (name && !command) return main_unknown(name, false);
    cli_man(command);
    return CLI_YES;
}

static int main_help(const char *name)
{
    const cli_command *command = main_find(name);
    const cli_topic *topic = cli_topic_find(name);
    if (!command && !topic) return main_unknown(name, true);
    if (command)
        cli_help(command);
    else
        cli_topic_print(topic, cli_help_width());
    return CLI_YES;
}

/* A wrong line of the file is no reason to give no help, and the doctor tells it himself. */
static bool main_needs_config(int argc, char **argv)
{
    bool needs = strcmp(argv[1], "doctor") != 0;
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        needs = needs && strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "-h") != 0;
    return needs;
}

static int main_dispatch(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    cli_set_color("auto");
    if (argc < 2) return cli_bad("which command? 'gradus --help' lists them");
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) return main_version();
    bool help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (help && argc < 3) {
        cli_help(NULL);
        return CLI_YES;
    }
    if (help && strcmp(argv[2], "--man") == 0) return main_man(argv[3]);
    if (help && strcmp(argv[2], "--completion") == 0) return cli_completion(argv[3]);
    if (!help && name[0] == '-') return main_bad_option(name);
    if (help) return main_help(argv[2]);
    const cli_command *command = main_find(name);
    if (!command) return main_unknown(name, false);
    const int code = main_needs_config(argc, argv) ? cli_config_load() : CLI_YES;
    return code == CLI_YES ? main_run(command, argc, argv) : code;
}

int main(int argc, char **argv)
{
    /* A reader that goes away is an error of write() to look at, not the end of a training. */
    signal(SIGPIPE, SIG_IGN);
    return cli_finish(cli_stop_status(main_dispatch(argc, argv)));
}
