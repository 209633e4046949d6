#include "cli/stop.h"

#include "cli/out.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t stop_asked;

static void stop_on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

void cli_catch_stop(void)
{
    struct sigaction action = {.sa_handler = stop_on_signal};
    action.sa_flags = (int)(SA_RESTART | SA_RESETHAND);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool cli_stop_asked(void)
{
    return stop_asked;
}

bool cli_stop_wanted(void)
{
    return stop_asked || cli_lost();
}
