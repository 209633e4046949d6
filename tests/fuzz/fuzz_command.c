/* Command lines: arguments, one a line, then, after ff 00 each, the files a.net and a.csv, which
 * they may name. Every command line is parsed; those of commands that compute no longer than it
 * takes to print the result are run. */
#include "fuzz.h"

#include "cli/args.h"
#include "cli/out.h"
#include "cli/process.h"

#include <stdio.h>
#include <unistd.h>

enum { COMMAND_MOST_ARGUMENTS = 32, COMMAND_RUNS_PER_FOLDER = 64 };

static void command_start(void)
{
    static int runs;
    fuzz_start();
    if (runs++ % COMMAND_RUNS_PER_FOLDER == 0) fuzz_empty_folder();
    if (runs > 1) return;
    /* What the command prints; the sanitizers write to the descriptor itself. */
    FILE *nowhere = fopen("/dev/null", "w");
    FUZZ_REQUIRE(nowhere && chdir(fuzz_folder()) == 0 && freopen("/dev/null", "r", stdin));
    stdout = stderr = nowhere;
    cli_set_color("never");
}

static const cli_command *command_find(const char *name)
{
    for (int i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0) return cli_commands[i];
    return NULL;
}

/* Nothing outside of the folder, no objects to load, no run that is meant to take its time. */
static bool command_harmless(int argc, char **argv)
{
    static const char *const left_out[] = {"gates", "time", "repeat", "out", "profile"};
    for (int i = 0; i < argc; i++) {
        if (strstr(argv[i], "..") || argv[i][0] == '/' || strstr(argv[i], "=/")) return false;
        for (size_t k = 0; k < GR_LEN(left_out); k++)
            if (strstr(argv[i], left_out[k])) return false;
    }
    return true;
}

static void command_run(int argc, char **argv)
{
    static const char *const run[] = {"eval", "show", "check"};
    const cli_command *command = command_find(argv[0]);
    cli_args *args = NULL;
    if (!command) {
        cli_help(NULL);
        return;
    }
    cli_set_command(command->name);
    int code = cli_args_parse(command, argc - 1, argv + 1, &args);
    FUZZ_REQUIRE(code == CLI_YES || code == CLI_BAD);
    if (code != CLI_YES) return;
    bool runs = command_harmless(argc - 1, argv + 1);
    for (size_t i = 0; runs && i < GR_LEN(run); i++) {
        if (strcmp(run[i], command->name) != 0) continue;
        code = cli_flag(args, "help") ? CLI_YES : command->run(args);
        FUZZ_REQUIRE(code >= CLI_YES && code <= CLI_ENVIRONMENT);
        runs = false;
    }
    if (cli_flag(args, "help")) cli_help(command);
    cli_args_free(args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    command_start();
    fuzz_bytes bytes = {data, data + size};
    const fuzz_bytes line = fuzz_part(&bytes), net = fuzz_part(&bytes), table = fuzz_part(&bytes);
    fuzz_file("a.net", net.at, (size_t)(net.end - net.at));
    fuzz_file("a.csv", table.at, (size_t)(table.end - table.at));
    char *text = strndup((const char *)line.at, (size_t)(line.end - line.at));
    char *argv[COMMAND_MOST_ARGUMENTS + 1] = {NULL};
    int argc = 0;
    FUZZ_REQUIRE(text != NULL);
    for (char *at = text; at && argc < COMMAND_MOST_ARGUMENTS;) argv[argc++] = strsep(&at, "\n");
    command_run(argc, argv);
    free(text);
    return 0;
}
