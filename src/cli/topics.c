#include "cli/topics.h"

#include "cli/out.h"
#include "cli/variables.h"

#include <gradus/data.h>
#include <gradus/lang.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Lists ----------------------------------------------------------------------------------- */

static void topics_variables(void (*line)(const char *name, const char *meaning))
{
    for (const cli_variable *variable = cli_variables; variable->name; variable++)
        line(variable->name, variable->meaning);
}

static void topics_sets(void (*line)(const char *name, const char *meaning))
{
    const gr_data_info *set;
    for (int i = 0; (set = gr_data_known(i)); i++) line(set->name, set->title);
}

static void topics_words(void (*line)(const char *name, const char *meaning))
{
    const gr_word *word;
    for (int i = 0; (word = gr_lang_word(i)); i++) line(word->signature, word->help);
}

/* ---- Texts ----------------------------------------------------------------------------------- */

const cli_topic cli_topics[] = {
    {"config", "the configuration file, and what goes before what",
     "What counts, first to last: options of the command line; the environment; the recipe or the "
     "run's settings; the configuration file; the default.\n"
     "The file is $XDG_CONFIG_HOME/gradus/config, else ~/.config/gradus/config; GRADUS_CONFIG "
     "names another, and none if it is empty. Each line is a name and a value; # starts a "
     "comment:\n"
     "  color never\n"
     "  threads 4\n"
     "  train.epochs 20\n"
     "  GRADUS_DATA /srv/data\n"
     "A name is a long option without dashes, for every command that has it, or COMMAND.OPTION for "
     "one command, which goes before the former; an option without an argument stands alone. Or it "
     "is a variable of 'gradus help environment', which is set where the environment leaves it "
     "open. What belongs to one call (net, recipe, run, from, resume) stands on the command line. "
     "A "
     "wrong line is refused with its file and number.",
     NULL},
    {"environment", "the variables that are read",
     "Options go before the environment, the environment before recipes and the configuration "
     "file. GRADUS_THREADS says what --threads would, NO_COLOR what --color never would.",
     topics_variables},
    {"datasets", "names and paths for --data",
     "--data takes one of the names below, or a path: a folder of IDX or CIFAR files, an IDX file, "
     "a table (CSV), a folder with a folder of pictures for each class, a record file, or a text "
     "with --text. 'gradus data' tells where the sets are looked for and how to get them; 'gradus "
     "data PATH' tells what is in a file.",
     topics_sets},
    {"files", "what is read and written, and how",
     "Models (.safetensors) hold a net's text, its parameters and how its data were prepared; they "
     "run no code. A checkpoint is a model with the state of its training. Nets (.net) are texts, "
     "recipes (.recipe) options. Figures end in .svg, .png or .pdf.\n"
     "A file is written beside the old one, flushed to the disk and renamed: whoever reads it "
     "finds "
     "the old or the new one, whole. A command that refuses its input has written nothing.\n"
     "- is standard input where a text, a table or a log is read: --net -, --data -, gradus curves "
     "-, gradus data -, gradus predict MODEL -. /dev/stdout is where figures and models may go.",
     NULL},
    {"language", "the words of expressions and nets",
     "An expression is of numbers, names, + - * / ^ @, comparisons, brackets and the functions "
     "below; 'a |> f(2)' is f(a, 2). Statements end with a line or a semicolon, and may be called: "
     "'h = relu(x)'. A net is an expression of its input:\n"
     "  fc(100) |> relu |> fc(10)\n"
     "Its layers have parameters of their own. 'gradus eval' computes expressions, 'gradus train "
     "--net' takes a net or a file of it.",
     topics_words},
    {"recipes", "files of options for gradus train",
     "A recipe has an option on each line, by its long name without dashes, then its argument; # "
     "starts a comment:\n"
     "  net lenet.net\n"
     "  data mnist\n"
     "  batch 64\n"
     "'gradus train --recipe lenet' looks for lenet.recipe in ./nets, then where Gradus was built, "
     "then where it was installed; a path is taken as it is. Files that lie beside the recipe are "
     "found there. What the command line says goes before it. A net's file finds the recipe beside "
     "it: 'gradus show nets/lenet.net'.",
     NULL},
    {"runs", "folders that keep a training and repeat it",
     "'gradus train ... --run FOLDER' keeps settings, environment, logs, curves, checkpoint and "
     "model "
     "in a new folder.\n"
     "  gradus train --run FOLDER --resume\n"
     "goes on after an interruption, and\n"
     "  gradus train --from FOLDER --run OTHER\n"
     "repeats it to the same bytes, or tells what has changed: data, files, version, CPU.",
     NULL},
    {"status", "exit statuses",
     "  0    success\n"
     "  1    the answer is no\n"
     "  2    wrong usage or bad input\n"
     "  3    a file or the memory failed\n"
     "  130  stopped by Ctrl-C (SIGINT)\n"
     "  143  stopped by SIGTERM\n"
     "The answer is no where a gradient is wrong, an accuracy that is required is not reached, a "
     "loss is no number any more, a run does not come out again, or 'gradus doctor' finds a "
     "problem. A reader that closes a pipe early is no fault. Results go to standard output, "
     "everything else to standard error.",
     NULL},
    {NULL, NULL, NULL, NULL},
};

const cli_topic *cli_topic_find(const char *name)
{
    for (const cli_topic *topic = cli_topics; topic->name; topic++)
        if (strcmp(topic->name, name) == 0) return topic;
    return NULL;
}

/* ---- Printing -------------------------------------------------------------------------------- */

enum { TOPICS_COLUMN = 20, TOPICS_NARROW = 60 };
static int topics_width;

static void topics_line(const char *name, const char *meaning)
{
    const int column = topics_width < TOPICS_NARROW ? 4 : TOPICS_COLUMN;
    const int used = 2 + cli_text_width(name);
    cli_print("  ");
    cli_print_wrapped(name, 8, 2, topics_width);
    if (used + 2 > column)
        cli_print("\n%*s", column, "");
    else
        cli_print("%*s", column - used, "");
    cli_print_wrapped(meaning ? meaning : "", column, column, topics_width);
    cli_print("\n");
}

void cli_topic_print(const cli_topic *topic, int width)
{
    topics_width = width;
    char *title = cli_format("gradus help %s: %s", topic->name, topic->summary);
    cli_print_wrapped(title, 4, 0, width);
    cli_print("\n");
    free(title);
    bool listed = false; /* is the line before one that stands as it is? */
    for (const char *at = topic->text; *at;) {
        const size_t length = strcspn(at, "\n");
        const bool plain = strncmp(at, "  ", 2) == 0;
        char *line = cli_format("%.*s", (int)length, at);
        if (!plain || !listed) cli_print("\n");
        if (plain)
            cli_print_text(line);
        else
            cli_print_wrapped(line, 0, 0, width);
        cli_print("\n");
        free(line);
        listed = plain;
        at += length + (at[length] == '\n');
    }
    if (topic->list) cli_print("\n");
    if (topic->list) topic->list(topics_line);
}
