/* Recipes of the command: the first byte chooses the command that reads it, the rest is the file.
 */
#include "fuzz.h"

#include "cli/args.h"
#include "cli/out.h"

#include <stdio.h>
#include <unistd.h>

static const cli_command *recipe_command(uint8_t choice)
{
    int n = 0;
    while (cli_commands[n]) n++;
    return cli_commands[choice % n];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    cli_args *args = NULL;
    char recipe[] = "--recipe=./r.recipe", operand[] = "a";
    char *argv[] = {recipe, operand, operand, NULL};
    fuzz_start();
    if (size == 0) return 0;
    if (!nowhere) { /* what the command prints; the sanitizers write to the descriptor itself */
        nowhere = fopen("/dev/null", "w");
        FUZZ_REQUIRE(nowhere && chdir(fuzz_folder()) == 0 && freopen("/dev/null", "r", stdin));
        stdout = stderr = nowhere;
        cli_set_color("never");
    }
    fuzz_file("r.recipe", data + 1, size - 1);
    const cli_command *command = recipe_command(data[0]);
    const int operands = command->least < 2 ? command->least : 2;
    const int code = cli_args_parse(command, 1 + operands, argv, &args);
    FUZZ_REQUIRE(code == CLI_YES || code == CLI_BAD);
    cli_args_free(args);
    return 0;
}
