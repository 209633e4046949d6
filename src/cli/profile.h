/* --profile and --trace: where the time of a command's steps goes. */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include "cli/command.h"

#include <gradus/machine.h>
#include <gradus/profile.h>

/* The options of a command that can be profiled. */
#define CLI_PROFILE_OPTIONS                                                                        \
    {.name = "profile",                                                                            \
     .help = "time each gate: a table of the costliest, with the machine's limits",                \
     .group = "Profile"},                                                                          \
        {.name = "profile-order", .help = "the same in the order of computation, all of them"},    \
    {                                                                                              \
        .name = "trace", .kind = CLI_TEXT, .argument = "FILE",                                     \
        .help = "write the newest calls for chrome://tracing or ui.perfetto.dev"                   \
    }

/* Makes the profile that the options ask for; *profile is NULL if they ask for none. Looks whether
 * the trace can be written. Returns an exit status, after a message if it is not CLI_YES. */
int cli_profile_open(const cli_args *args, gr_profile **profile);

/* Prints what the options ask for: a table, or with `json` a line for each gate
 * ({"profile":SECTION,"op":…}), and writes the trace. `speed` may be NULL: the machine is then
 * measured with the threads of the longest section. Frees the profile; NULL is fine. */
int cli_profile_close(const cli_args *args, bool json, const gr_machine_speed *speed,
                      gr_profile *profile);

#endif
