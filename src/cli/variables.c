#include "cli/variables.h"

#include <stddef.h>

const cli_variable cli_variables[] = {
    {"GRADUS_DATA", "Folders in which known data sets are looked for first, separated by ':'."},
    {"GRADUS_THREADS", "How many threads at most, 1 to 1024. The option --threads wins."},
    {"GRADUS_MEMORY", "Most memory for the values of a step, 200M or 1G: what does not fit is "
                      "computed again instead of kept, with the same bits."},
    {"GRADUS_MAX_TENSOR",
     "Most bytes of one tensor, 512M or 8G: what texts and files ask for beyond "
     "that is refused. 64G unless set."},
    {"GRADUS_MAX_FILE", "Most bytes of a file that is read, unpacked if it is packed. 64G unless "
                        "set; record files may be larger."},
    {"GRADUS_MAX_NESTING", "How deep brackets may nest in a text: 200 unless set, at most 2000."},
    {"GRADUS_CPU", "The most that kernels may use of the CPU: base, avx2 or avx512."},
    {"GRADUS_PASSES", "Passes over the graph to leave out: -cse,-fold, or all of them: -all."},
    {"GRADUS_GUARD", "If set, every step is watched: a gate that writes outside of its memory, "
                     "changes an input, or leaves part of its result unwritten fails by name."},
    {"GRADUS_ONEDNN", "When contractions are left to oneDNN. 0: never; all: whenever it can do "
                      "them; else where it is faster."},
    {"GRADUS_CONV", "The way of every convolution that it can do: gemm, rows, places, winograd or "
                    "onednn; else the one that should be the fastest."},
    {"GRADUS_MODULE_PATH", "The file of the oneDNN module, if it is not where it was installed."},
    {"GRADUS_CONFIG", "The configuration file; none if empty. Else it is gradus/config in "
                      "XDG_CONFIG_HOME or ~/.config."},
    {"XDG_CONFIG_HOME", "Where the configuration file is looked for. Else that is ~/.config."},
    {"XDG_CACHE_HOME", "Where data sets are looked for after GRADUS_DATA, in its folder gradus. "
                       "Else that is ~/.cache."},
    {"COLUMNS", "The width to lay tables and help out for, at least 40."},
    {"NO_COLOR", "If set, no colours are used unless --color asks for them."},
    {NULL, NULL},
};
