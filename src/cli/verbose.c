#include "cli/verbose.h"

#include "cli/out.h"
#include "cli/process.h"

#include <gradus/machine.h>
#include <stdio.h>

static bool verbose;
static double verbose_start;

/* Called by any thread: writes past the buffer of the output. */
static void verbose_log(void *user, gr_log_level level, const char *text)
{
    (void)user;
    fprintf(stderr, "gradus: %s%s\n", level == GR_LOG_WARNING ? "warning: " : "", text);
}

void cli_verbose_begin(void)
{
    verbose = true;
    verbose_start = cli_clock();
    gr_set_log(verbose_log, NULL);
    const gr_machine machine = gr_machine_info();
    fprintf(stderr, "gradus: version %s, %s, kernels of level %s, %d thread%s\n", gr_version(),
            *machine.cpu ? machine.cpu : "unknown processor", machine.level, machine.threads,
            machine.threads == 1 ? "" : "s");
}

bool cli_is_verbose(void)
{
    return verbose;
}

void cli_verbose_end(void)
{
    char time[32], memory[32];
    cli_flush();
    fprintf(stderr, "gradus: took %s, peak memory %s\n",
            cli_show_moment(cli_clock() - verbose_start, time, sizeof time),
            cli_show_bytes(cli_peak_bytes(), memory, sizeof memory));
}
