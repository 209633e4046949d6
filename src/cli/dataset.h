/* Data sets by name or path, with the options that tables need. */
#ifndef CLI_DATASET_H
#define CLI_DATASET_H

#include "cli/command.h"

#include <gradus/data.h>

/* Lines for a command's table of options. */
#define CLI_DATA_OPTIONS                                                                           \
    {.name = "label",                                                                              \
     .kind = CLI_TEXT,                                                                             \
     .argument = "COLUMN",                                                                         \
     .help = "column of the classes, by name or number (1 is the first, -1 the last; default: "    \
             "the last)",                                                                          \
     .group = "Tables (CSV)"},                                                                     \
        {.name = "ignore",                                                                         \
         .kind = CLI_TEXT,                                                                         \
         .argument = "COLUMNS",                                                                    \
         .help = "columns to leave out: id,7"},                                                    \
        {.name = "separator",                                                                      \
         .kind = CLI_TEXT,                                                                         \
         .argument = "CHARACTER",                                                                  \
         .help = "what separates columns: one of , ; : | tab space (default: found out)"},         \
    {                                                                                              \
        .name = "header", .kind = CLI_WORD, .argument = "auto|yes|no", .fallback = "auto",         \
        .help = "is the first line a header? auto: if no feature of it is a number"                \
    }

/* Fills *options from CLI_DATA_OPTIONS. Returns an exit status, after a message unless CLI_YES. */
int cli_data_options(const cli_args *args, gr_data_options *options);

/* gr_data_open with these options, and classes[n] if not NULL. */
int cli_open_data(const cli_args *args, const char *name, const char *const *classes, int n,
                  gr_dataset **train, gr_dataset **test);

/* Holds out a test part of a set that has none; *train becomes the rest. On a fault, which it
 * prints, *train is freed and both are NULL. */
int cli_split_test(double fraction, uint64_t seed, gr_dataset **train, gr_dataset **test);

#endif
