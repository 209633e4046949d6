/* gradus: the command. Finds the subcommand, parses its arguments, runs it. */
#include "cli/args.h"
#include "cli/gates.h"
#include "cli/out.h"
#include "cli/pages.h"
#include "cli/process.h"

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

static int main_unknown(const char *name)
{
    const char *names[MAIN_MOST_COMMANDS];
    int n = 0;
    for (; cli_commands[n] && n < MAIN_MOST_COMMANDS; n++) names[n] = cli_commands[n]->name;
    const char *near = cli_nearest(name, names, n);
    if (near) return cli_bad("there is no command '%s'; did you mean '%s'?", name, near);
    return cli_bad("there is no command '%s'; 'gradus --help' lists them", name);
}

static int main_version(void)
{
    cli_print("gradus %s\n", gr_version());
    cli_print("parts: %s\n", *cli_parts() ? cli_parts() : "none beyond libc and libm");
    cli_print("compiler: %s\n", cli_compiler());
    return CLI_YES;
}

/* `argv` is that of the process. */
static int main_run(const cli_command *command, int argc, char **argv)
{
    cli_args *args;
    cli_set_command(command->name);
    int code = cli_args_parse(command, argc - 2, argv + 2, &args);
    if (code != CLI_YES) return code;
    cli_set_color(cli_text(args, "color"));
    if (cli_flag(args, "help"))
        cli_help(command);
    else {
        if (command->computes) cli_calm_threads(argv);
        cli_return_blocks();
        code = cli_load_gates(args);
        if (code == CLI_YES) code = command->run(args);
    }
    cli_args_free(args);
    return code;
}

/* For the build, which installs the pages. */
static int main_man(const char *name)
{
    const cli_command *command = name ? main_find(name) : NULL;
    if (name && !command) return main_unknown(name);
    cli_man(command);
    return CLI_YES;
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
    if (!help && name[0] == '-')
        return cli_bad("there is no option '%s'; a command comes first: see 'gradus --help'", name);
    const cli_command *command = main_find(help ? argv[2] : name);
    if (!command) return main_unknown(help ? argv[2] : name);
    if (!help) return main_run(command, argc, argv);
    cli_help(command);
    return CLI_YES;
}

int main(int argc, char **argv)
{
    /* A reader that goes away is an error of write() to look at, not the end of a training. */
    signal(SIGPIPE, SIG_IGN);
    return cli_finish(main_dispatch(argc, argv));
}
