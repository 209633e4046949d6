#include "cli/stop.h"

#include "cli/command.h"
#include "cli/out.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

#define STOP_ONE_WISH 0.3 /* seconds within which signals count as one */

static volatile sig_atomic_t stop_signal; /* that came first; 0: none */
static struct timespec stop_wished;       /* when */
static gr_trainer *volatile stop_running;

static bool stop_is_same_wish(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const double since = (double)(now.tv_sec - stop_wished.tv_sec) +
                         1e-9 * (double)(now.tv_nsec - stop_wished.tv_nsec);
    return since < STOP_ONE_WISH;
}

static void stop_on_signal(int number)
{
    if (stop_signal == 0) {
        clock_gettime(CLOCK_MONOTONIC, &stop_wished);
        stop_signal = number;
        if (stop_running) gr_trainer_stop(stop_running);
    } else if (!stop_is_same_wish()) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

void cli_catch_stop(void)
{
    struct sigaction action = {.sa_handler = stop_on_signal};
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void cli_release_stop(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

void cli_stop_trainer(gr_trainer *trainer)
{
    stop_running = trainer;
}

bool cli_stop_asked(void)
{
    return stop_signal != 0;
}

bool cli_stop_wanted(void)
{
    return stop_signal != 0 || cli_lost();
}

int cli_stop_status(int code)
{
    return code == CLI_INTERRUPTED && stop_signal ? 128 + stop_signal : code;
}
