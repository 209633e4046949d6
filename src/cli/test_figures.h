/* What gradus test draws of a net's results. */
#ifndef CLI_TEST_FIGURES_H
#define CLI_TEST_FIGURES_H

#include "cli/command.h"

#include <gradus/train.h>

#define CLI_TEST_FIGURE_OPTIONS                                                                    \
    {.name = "confusion",                                                                          \
     .kind = CLI_TEXT,                                                                             \
     .argument = "FILE",                                                                           \
     .help = "draw which class was taken for which (.svg, .png or .pdf)",                          \
     .group = "Figures"},                                                                          \
        {.name = "embedding",                                                                      \
         .kind = CLI_TEXT,                                                                         \
         .argument = "FILE",                                                                       \
         .help = "draw the two numbers that the net makes of each example, coloured by class"},    \
        {.name = "reconstructions",                                                                \
         .kind = CLI_TEXT,                                                                         \
         .argument = "FILE",                                                                       \
         .help = "draw pictures above those that the net, an autoencoder, makes of them"},         \
        {.name = "sigmoid",                                                                        \
         .help = "reconstructions: the net's numbers are before a sigmoid, not from 0 to 1"},      \
    {                                                                                              \
        .name = "examples", .kind = CLI_INT, .argument = "N", .min = 1, .max = 1 << 20,            \
        .help = "how many to draw (default: 2000 points, 10 pictures)"                             \
    }

/* Refuses, before anything is computed, what cannot be drawn of this model or written. */
int cli_test_figures_check(const cli_args *args, const gr_model *model);
/* Draws what was asked for. */
gr_status cli_test_figures(const cli_args *args, gr_model *model, const gr_dataset *set,
                           const gr_metrics *score);

#endif
