/* Completions for bash, zsh and fish: commands, options, the words of options, files. */
#include "cli/args.h"
#include "cli/out.h"
#include "cli/pages.h"
#include "cli/topics.h"

#include <gradus/data.h>

#include <stdlib.h>
#include <string.h>

static const char *const completion_letters = "abcdefghijklmnopqrstuvwxyz_";

/* What may stand at a place of the command line. */
typedef struct completion_choice {
    char *words; /* separated by spaces; to be freed */
    bool files;
} completion_choice;

/* ---- What the tables say --------------------------------------------------------------------- */

static void completion_add(char **words, const char *word, size_t length)
{
    char *longer = cli_format("%s%s%.*s", *words, **words ? " " : "", (int)length, word);
    free(*words);
    *words = longer;
}

/* Of "[machine | ops | NAME|PATH FILE…]": words in small letters stand for themselves, those in
 * capitals for a file, or for one of the known data sets. */
static completion_choice completion_of_text(const char *text)
{
    static const char *const files[] = {"FILE", "PATH", "MODEL", "DATA", "LOG", "NET.net"};
    completion_choice choice = {.words = cli_format("%s", "")};
    if (!text) return choice;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        choice.files = choice.files || strstr(text, files[i]);
    for (const char *at = text; *at;) {
        const size_t length = strcspn(at, " |[]");
        const bool word = length > 0 && strspn(at, completion_letters) == length;
        if (word) completion_add(&choice.words, at, length);
        at += length;
        at += strspn(at, " |[]");
    }
    const gr_data_info *set;
    for (int i = 0; strstr(text, "NAME|PATH") && (set = gr_data_known(i)); i++)
        completion_add(&choice.words, set->name, strlen(set->name));
    return choice;
}

static completion_choice completion_of_option(const cli_option *option)
{
    if (option->kind == CLI_INT || option->kind == CLI_REAL) return completion_of_text(NULL);
    if (option->kind == CLI_TEXT) return completion_of_text(option->argument);
    completion_choice choice = {.words = cli_format("%s", option->argument)};
    for (char *at = choice.words; *at; at++)
        if (*at == '|') *at = ' ';
    return choice;
}

static completion_choice completion_of_operands(const cli_command *command)
{
    return completion_of_text(command->most == 0 ? NULL : command->operands);
}

/* Has the command an option of its own of that name? */
static bool completion_has(const cli_command *command, const char *name)
{
    for (const cli_option *option = command->options; option && option->name; option++)
        if (strcmp(option->name, name) == 0) return true;
    return false;
}

/* Calls `each` with every option that is shown, those of another command's table too. */
static void completion_options(const cli_command *command,
                               void (*each)(const cli_command *, const cli_option *))
{
    const cli_option *const tables[] = {command->options, command->also, cli_common_options};
    for (int i = 0; i < 3; i++)
        for (const cli_option *option = tables[i]; option && option->name; option++)
            if (option->help && (i != 1 || !completion_has(command, option->name)))
                each(command, option);
}

static void completion_names(void)
{
    for (int i = 0; cli_commands[i]; i++) cli_print("%s ", cli_commands[i]->name);
}

static void completion_topics(void)
{
    for (const cli_topic *topic = cli_topics; topic->name; topic++) cli_print("%s ", topic->name);
}

/* The first line of `text` within single quotes, with a backslash before each of `special`. */
static void completion_text(const char *text, const char *special)
{
    for (; *text && *text != '\n'; text++) {
        if (*text == '\'')
            cli_print_text("'\\''");
        else
            cli_print(strchr(special, *text) ? "\\%c" : "%c", *text);
    }
}

/* ---- bash ------------------------------------------------------------------------------------ */

static void completion_bash_name(const cli_command *command, const cli_option *option)
{
    (void)command;
    if (option->letter) cli_print("-%c ", option->letter);
    cli_print("--%s ", option->name);
}

/* A line of the case that tells what the argument of an option may be. */
static void completion_bash_argument(const cli_command *command, const cli_option *option)
{
    if (option->kind == CLI_FLAG) return;
    completion_choice choice = completion_of_option(option);
    cli_print("        '%s --%s'", command->name, option->name);
    if (option->letter) cli_print(" | '%s -%c'", command->name, option->letter);
    cli_print(") words='%s' files=%s ;;\n", choice.words, choice.files ? "yes" : "");
    free(choice.words);
}

static void completion_bash(void)
{
    cli_print_text(
        "# bash completion for gradus; made by 'gradus help --completion bash'\n"
        "_gradus()\n{\n"
        "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    local command=${COMP_WORDS[1]} words= files= options= commands='");
    completion_names();
    cli_print_text(
        "'\n    COMPREPLY=()\n"
        "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
        "        COMPREPLY=($(compgen -W \"$commands help --help --version\" -- \"$current\"))\n"
        "        return\n"
        "    fi\n"
        "    # --name=value comes as three words\n"
        "    if [ \"$current\" = = ]; then\n"
        "        current=\n"
        "    elif [ \"$previous\" = = ]; then\n"
        "        previous=${COMP_WORDS[COMP_CWORD-2]}\n"
        "    fi\n"
        "    case \"$command $previous\" in\n");
    for (int i = 0; cli_commands[i]; i++)
        completion_options(cli_commands[i], completion_bash_argument);
    cli_print_text("        *)\n            case $command in\n"
                   "            help) words=\"$commands ");
    completion_topics();
    cli_print_text("\" ;;\n");
    for (int i = 0; cli_commands[i]; i++) {
        completion_choice choice = completion_of_operands(cli_commands[i]);
        cli_print("            %s) words='%s' files=%s options='", cli_commands[i]->name,
                  choice.words, choice.files ? "yes" : "");
        completion_options(cli_commands[i], completion_bash_name);
        cli_print_text("' ;;\n");
        free(choice.words);
    }
    cli_print_text("            esac\n            ;;\n    esac\n"
                   "    case $current in\n"
                   "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$current\")) ;;\n"
                   "    *)\n"
                   "        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                   "        if [ -n \"$files\" ]; then\n"
                   "            local IFS=$'\\n'\n"
                   "            COMPREPLY+=($(compgen -f -- \"$current\"))\n"
                   "            compopt -o filenames 2>/dev/null\n"
                   "        fi\n"
                   "        ;;\n"
                   "    esac\n}\ncomplete -F _gradus gradus\n");
}

/* ---- zsh ------------------------------------------------------------------------------------- */

/* ":message:action" of _arguments. */
static void completion_zsh_choice(const char *message, completion_choice choice)
{
    cli_print_text(":");
    completion_text(message, ":\\");
    if (choice.files && *choice.words)
        cli_print(":{ compadd -- %s; _files }", choice.words);
    else if (*choice.words)
        cli_print(":(%s)", choice.words);
    else
        cli_print_text(choice.files ? ":_files" : ": ");
    free(choice.words);
}

static void completion_zsh_option(const cli_command *command, const cli_option *option)
{
    (void)command;
    const bool flag = option->kind == CLI_FLAG;
    cli_print_text("        ");
    if (option->letter)
        cli_print("'(-%c --%s)'{-%c%s,--%s%s}'[", option->letter, option->name, option->letter,
                  flag ? "" : "+", option->name, flag ? "" : "=");
    else
        cli_print("'--%s%s[", option->name, flag ? "" : "=");
    completion_text(option->help, ":\\[]");
    cli_print_text("]");
    if (!flag)
        completion_zsh_choice(option->kind == CLI_WORD ? option->name : option->argument,
                              completion_of_option(option));
    cli_print_text("' \\\n");
}

static void completion_zsh(void)
{
    cli_print_text("#compdef gradus\n# made by 'gradus help --completion zsh'\n\n"
                   "_gradus_commands() {\n    local -a commands=(\n");
    for (int i = 0; cli_commands[i]; i++) {
        cli_print("        '%s:", cli_commands[i]->name);
        completion_text(cli_commands[i]->summary, ":\\");
        cli_print_text("'\n");
    }
    cli_print_text("    )\n    _describe command commands\n}\n\n"
                   "_gradus() {\n"
                   "    if (( CURRENT == 2 )); then\n"
                   "        _gradus_commands\n"
                   "        compadd -- help --help --version\n"
                   "        return\n"
                   "    fi\n"
                   "    local command=$words[2]\n"
                   "    shift words\n"
                   "    (( CURRENT-- ))\n"
                   "    case $command in\n"
                   "    help)\n        _gradus_commands\n        compadd -- ");
    completion_topics();
    cli_print_text(";;\n");
    for (int i = 0; cli_commands[i]; i++) {
        cli_print("    %s) _arguments -s -S \\\n", cli_commands[i]->name);
        completion_options(cli_commands[i], completion_zsh_option);
        if (cli_commands[i]->most != 0) {
            cli_print_text("        '*");
            completion_zsh_choice(cli_commands[i]->operands,
                                  completion_of_operands(cli_commands[i]));
            cli_print_text("' ;;\n");
        } else {
            cli_print_text("        ;;\n");
        }
    }
    cli_print_text("    esac\n}\n\n_gradus \"$@\"\n");
}

/* ---- fish ------------------------------------------------------------------------------------ */

static void completion_fish_text(const char *text)
{
    cli_print_text("'");
    for (; *text && *text != '\n'; text++) cli_print(strchr("'\\", *text) ? "\\%c" : "%c", *text);
    cli_print_text("'");
}

static void completion_fish_option(const cli_command *command, const cli_option *option)
{
    cli_print("complete -c gradus -n '__gradus_is %s' -l %s", command->name, option->name);
    if (option->letter) cli_print(" -s %c", option->letter);
    if (option->kind != CLI_FLAG) {
        completion_choice choice = completion_of_option(option);
        cli_print_text(choice.files ? " -r -F" : " -x");
        if (*choice.words) cli_print(" -a '%s'", choice.words);
        free(choice.words);
    }
    cli_print_text(" -d ");
    completion_fish_text(option->help);
    cli_print_text("\n");
}

static void completion_fish(void)
{
    cli_print_text(
        "# fish completion for gradus; made by 'gradus help --completion fish'\n"
        "function __gradus_is --description 'is it this command of gradus?'\n"
        "    set --local words (commandline --tokenize --cut-at-cursor "
        "--current-process)\n"
        "    test (count $words) -ge 2; and test $words[2] = $argv[1]\n"
        "end\n"
        "complete -c gradus -f\n"
        "complete -c gradus -n __fish_use_subcommand -l version -d 'print the version'\n"
        "complete -c gradus -n __fish_use_subcommand -s h -l help -d 'list the commands'\n"
        "complete -c gradus -n __fish_use_subcommand -a help -d 'tell more of a command'\n"
        "complete -c gradus -n '__gradus_is help' -a '");
    completion_names();
    completion_topics();
    cli_print_text("'\n");
    for (int i = 0; cli_commands[i]; i++) {
        const cli_command *command = cli_commands[i];
        completion_choice choice = completion_of_operands(command);
        cli_print("complete -c gradus -n __fish_use_subcommand -a %s -d ", command->name);
        completion_fish_text(command->summary);
        cli_print_text("\n");
        completion_options(command, completion_fish_option);
        if (choice.files) cli_print("complete -c gradus -n '__gradus_is %s' -F\n", command->name);
        if (*choice.words)
            cli_print("complete -c gradus -n '__gradus_is %s' -a '%s'\n", command->name,
                      choice.words);
        free(choice.words);
    }
}

int cli_completion(const char *shell)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
    for (size_t i = 0; shell && i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shell, shells[i].name) == 0) {
            shells[i].print();
            return CLI_YES;
        }
    }
    return cli_bad("--completion: which shell? One of bash, zsh, fish");
}
