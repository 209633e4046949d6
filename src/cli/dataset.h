/* Data sets by name or path, with the options that tables need. */
#ifndef CLI_DATASET_H
#define CLI_DATASET_H

#include "cli/command.h"
#include "cli/json.h"

#include <gradus/train.h>

/* Lines for a command's table of options. */
#define CLI_DATA_OPTIONS                                                                           \
    {.name = "bad-files",                                                                          \
     .kind = CLI_WORD,                                                                             \
     .argument = "stop|skip",                                                                      \
     .fallback = "stop",                                                                           \
     .help = "where a picture cannot be read: end, or name it and take another of its class",      \
     .group = "Folders of pictures"},                                                              \
        {.name = "label",                                                                          \
         .kind = CLI_TEXT,                                                                         \
         .argument = "COLUMN",                                                                     \
         .help =                                                                                   \
             "column of the classes, by name or number (1 is the first, -1 the last; default: "    \
             "the last)",                                                                          \
         .group = "Tables (CSV)"},                                                                 \
        {.name = "ignore",                                                                         \
         .kind = CLI_TEXT,                                                                         \
         .argument = "COLUMNS",                                                                    \
         .help = "columns to leave out: id,7"},                                                    \
        {.name = "separator",                                                                      \
         .kind = CLI_TEXT,                                                                         \
         .argument = "CHARACTER",                                                                  \
         .help = "what separates columns: one of , ; : | tab space (default: found out)"},         \
        {.name = "header",                                                                         \
         .kind = CLI_WORD,                                                                         \
         .argument = "auto|yes|no",                                                                \
         .fallback = "auto",                                                                       \
         .help = "is the first line a header? auto: if no feature of it is a number"},             \
        {.name = "bad-rows",                                                                       \
         .kind = CLI_WORD,                                                                         \
         .argument = "stop|skip",                                                                  \
         .fallback = "stop",                                                                       \
         .help = "where a feature is missing or no number, or a label missing: end, or leave "     \
                 "out the row"},                                                                   \
        {.name = "text",                                                                           \
         .kind = CLI_WORD,                                                                         \
         .argument = "chars|bytes",                                                                \
         .help = "the file is a text, to be taken apart into these",                               \
         .group = "Texts"},                                                                        \
    {                                                                                              \
        .name = "length", .kind = CLI_INT, .argument = "N", .min = 1, .max = 1 << 20,              \
        .help = "characters or bytes of an example (default: 64)"                                  \
    }

/* The same for what pictures go through; the second alone makes sense for a training. */
#define CLI_PREPROCESS_OPTIONS                                                                     \
    {.name = "resize",                                                                             \
     .kind = CLI_INT,                                                                              \
     .argument = "N",                                                                              \
     .min = 1,                                                                                     \
     .max = 1 << 15,                                                                               \
     .help = "scale pictures so that their shorter side has N pixels",                             \
     .group = "Pictures"},                                                                         \
    {                                                                                              \
        .name = "crop", .kind = CLI_INT, .argument = "N", .min = 1, .max = 1 << 15,                \
        .help = "cut N by N pixels out of them: anywhere to train, out of the middle to test"      \
    }
#define CLI_AUGMENT_OPTIONS                                                                        \
    {.name = "crop-pad",                                                                           \
     .kind = CLI_INT,                                                                              \
     .argument = "N",                                                                              \
     .max = 1 << 15,                                                                               \
     .help = "in training the cut may reach N pixels beyond the picture"},                         \
        {.name = "mirror", .help = "mirror every second picture in training, by chance"},          \
        {.name = "random-scale",                                                                   \
         .help = "train on a part of random size and proportions, scaled to --crop"},              \
        {.name = "jitter",                                                                         \
         .kind = CLI_REAL,                                                                         \
         .argument = "X",                                                                          \
         .max = 1,                                                                                 \
         .help = "vary brightness, contrast and saturation in training, each by a factor from "    \
                 "1-X to 1+X"},                                                                    \
    {                                                                                              \
        .name = "cutout", .kind = CLI_INT, .argument = "N", .max = 1 << 15,                        \
        .help = "blank N by N pixels at a random place in training"                                \
    }

/* Of the parts that cli_open_examples gives. */
#define CLI_EXAMPLES_OPTIONS                                                                       \
    {.name = "train-examples",                                                                     \
     .kind = CLI_INT,                                                                              \
     .argument = "N",                                                                              \
     .min = 1,                                                                                     \
     .max = 9e15,                                                                                  \
     .help = "learn the first N examples only"},                                                   \
        {.name = "test-examples",                                                                  \
         .kind = CLI_INT,                                                                          \
         .argument = "N",                                                                          \
         .min = 1,                                                                                 \
         .max = 9e15,                                                                              \
         .help = "test the first N examples only"},                                                \
    {                                                                                              \
        .name = "test-fraction", .kind = CLI_REAL, .argument = "F", .min = .001, .max = .95,       \
        .fallback = "0.2", .help = "share held out for the test where the data have no test part"  \
    }

/* Prints how many examples a second are read, cut and varied. */
int cli_data_speed(const cli_args *args, const gr_dataset *set);

/* What these say. Returns whether pictures are varied. */
gr_preprocess cli_preprocess(const cli_args *args);
bool cli_augment(const cli_args *args, gr_augment *augment);

/* From now on the library's warnings go to the error output. */
void cli_log_warnings(void);

/* Fills *options from CLI_DATA_OPTIONS. Returns an exit status, after a message unless CLI_YES. */
int cli_data_options(const cli_args *args, gr_data_options *options);

/* gr_data_open with these options, and classes[n] if not NULL. */
int cli_open_data(const cli_args *args, const char *name, const char *const *classes, int n,
                  gr_dataset **train, gr_dataset **test);

/* The share of a text that --test-fraction holds out, as gr_data_options has it. */
double cli_held(const cli_args *args);
/* " nats, 2.1203 bits, perplexity 4.3478": what a loss in nats is besides, if it is the softmax
 * loss of a sequence; else "". To be freed. */
char *cli_sequence_figures(const gr_model *model, double loss);
/* The same as "…bits" and "…perplexity" of an object, the names beginning with `prefix`. */
void cli_sequence_json(cli_json *json, const gr_model *model, const char *prefix, double loss);
/* Has it a label at each position of an example, as texts have? */
bool cli_is_sequence(const gr_dataset *set);

/* Both parts of --data, of examples in memory, as CLI_EXAMPLES_OPTIONS say; `use` is what they are
 * for, in the message that refuses others: "neighbours are looked for among". On failure what has
 * been opened is there to be freed. */
int cli_open_examples(const cli_args *args, const char *use, uint64_t seed, gr_dataset **train,
                      gr_dataset **test);

/* Holds out a test part of a set that has none; *train becomes the rest. On a fault, which it
 * prints, *train is freed and both are NULL. */
int cli_split_test(double fraction, uint64_t seed, gr_dataset **train, gr_dataset **test);

#endif
