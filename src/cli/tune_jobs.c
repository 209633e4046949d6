/* gradus tune: the processes that train, several at a time. */
#include "cli/out.h"
#include "cli/process.h"
#include "cli/stop.h"
#include "cli/tune.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOBS_MOST = 1024, JOBS_PAUSE = 200 /* ms between two pictures of the progress */ };

typedef struct tune_job {
    pid_t process;
    int socket;
    int setting, run; /* run -1: the test */
} tune_job;

typedef struct jobs {
    cli_tune *tune;
    tune_job job[JOBS_MOST];
    int running;
    int next;   /* training, in the order of settings and their runs */
    bool ready; /* a worker has found data and net to be fine */
    int code;
} jobs;

/* ---- Workers -------------------------------------------------------------------------------- */

/* The command, not a terminal's Ctrl-C, ends them. */
static pid_t jobs_fork(const cli_tune *tune, const tune_job *job, int *socket)
{
    cli_tune_words words = {0};
    cli_tune_words_add(&words, "gradus");
    cli_tune_words_add(&words, "tune");
    cli_tune_words options = cli_tune_words_of(tune, &tune->setting[job->setting], true);
    for (int i = 0; i < options.n; i++) cli_tune_words_add(&words, "%s", options.word[i]);
    cli_tune_words_clear(&options);
    if (job->run >= 0) cli_tune_words_add(&words, "--threads=%d", tune->threads);
    cli_tune_words_add(&words, CLI_WORKER);
    const pid_t process = cli_process_start((const char *const *)words.word, true, socket);
    cli_tune_words_clear(&words);
    return process;
}

static void jobs_order(const cli_tune *tune, const tune_job *job, cli_tune_order *order)
{
    const int folds = tune->folds ? tune->folds : 1;
    char *label = cli_tune_label(tune, &tune->setting[job->setting]);
    *order = (cli_tune_order){.folds = tune->folds,
                              .fold = job->run < 0 ? 0 : job->run % folds,
                              .seed = job->run < 0 ? 0 : job->run / folds,
                              .validation = tune->validation,
                              .last = job->run < 0};
    snprintf(order->place, sizeof order->place, "%s", label);
    free(label);
}

static int jobs_start(jobs *jobs, int setting, int run)
{
    cli_tune_order order;
    tune_job *job = &jobs->job[jobs->running];
    *job = (tune_job){.setting = setting, .run = run};
    jobs_order(jobs->tune, job, &order);
    job->process = jobs_fork(jobs->tune, job, &job->socket);
    if (job->process < 0) return cli_fault(CLI_ENVIRONMENT, "no process: %s", strerror(errno));
    jobs->running++;
    cli_process_send(job->socket, &order, sizeof order);
    return CLI_YES;
}

/* Ends job number i; the last one takes its place. Returns what waitpid tells. */
static int jobs_leave(jobs *jobs, int i)
{
    const int status = cli_process_end(jobs->job[i].process, jobs->job[i].socket);
    jobs->job[i] = jobs->job[--jobs->running];
    return status;
}

static void jobs_kill(jobs *jobs)
{
    for (int i = 0; i < jobs->running; i++) kill(jobs->job[i].process, SIGTERM);
    while (jobs->running) jobs_leave(jobs, jobs->running - 1);
}

static int jobs_lost(const cli_tune *tune, const tune_job *job, int status)
{
    char *label = cli_tune_label(tune, &tune->setting[job->setting]);
    char *fate = cli_process_fate(status);
    const int code = cli_fault(CLI_ENVIRONMENT, "%s: %s", label, fate);
    free(fate);
    free(label);
    return code;
}

/* ---- Results -------------------------------------------------------------------------------- */

static int jobs_take_run(jobs *jobs, const tune_job *job, const cli_tune_message *message)
{
    cli_tune *tune = jobs->tune;
    cli_tune_setting *setting = &tune->setting[job->setting];
    setting->outcome[job->run] = message->outcome;
    setting->left--;
    tune->trained++;
    int code = cli_tune_write_run(tune, job->setting, job->run);
    cli_tune_tell(tune);
    return code;
}

/* What job number i says. */
static int jobs_hear(jobs *jobs, int i)
{
    cli_tune_message message;
    const tune_job job = jobs->job[i];
    if (!cli_process_receive(job.socket, &message, sizeof message))
        return jobs_lost(jobs->tune, &job, jobs_leave(jobs, i));
    if (message.news == TUNE_READY) {
        jobs->tune->sequence = message.sequence;
        jobs->ready = true;
        cli_tune_announce(jobs->tune);
        cli_tune_tell(jobs->tune);
        return CLI_YES;
    }
    jobs_leave(jobs, i);
    if (message.news == TUNE_FAILED) return message.code;
    if (job.run >= 0) return jobs_take_run(jobs, &job, &message);
    jobs->tune->test = message.test;
    return CLI_YES;
}

static int jobs_listen(jobs *jobs)
{
    struct pollfd end[JOBS_MOST];
    for (int i = 0; i < jobs->running; i++)
        end[i] = (struct pollfd){.fd = jobs->job[i].socket, .events = POLLIN};
    const int n = poll(end, (nfds_t)jobs->running, JOBS_PAUSE);
    if (n < 0 && errno != EINTR) return cli_fault(CLI_ENVIRONMENT, "poll: %s", strerror(errno));
    int code = CLI_YES;
    /* from the last, which takes the place of one that leaves */
    for (int i = jobs->running - 1; n > 0 && i >= 0 && code == CLI_YES; i--)
        if (end[i].revents) code = jobs_hear(jobs, i);
    if (jobs->ready) cli_tune_progress(jobs->tune);
    return code;
}

/* ---- The search ----------------------------------------------------------------------------- */

/* The next training that is not known yet. False: there is none. */
static bool jobs_next(jobs *jobs, int *setting, int *run)
{
    const cli_tune *tune = jobs->tune;
    for (; jobs->next < tune->settings * tune->runs; jobs->next++) {
        *setting = jobs->next / tune->runs;
        *run = jobs->next % tune->runs;
        if (!tune->setting[*setting].outcome[*run].done) {
            jobs->next++;
            return true;
        }
    }
    return false;
}

static int jobs_interrupted(const cli_tune *tune)
{
    char *line = cli_command_line(tune->args, NULL);
    const int code =
        cli_fault(CLI_INTERRUPTED,
                  "stopped after %d of %d trainings, which are in %s. To go on, the same again:\n"
                  "  %s",
                  tune->remembered + tune->trained, tune->settings * tune->runs, tune->path, line);
    free(line);
    return code;
}

/* Until the first worker has found nothing wrong it is the only one, so that a fault that all would
 * have is told once. */
static int jobs_fill(jobs *jobs)
{
    int setting, run, code = CLI_YES;
    while (code == CLI_YES && jobs->running < (jobs->ready ? jobs->tune->jobs : 1) &&
           jobs_next(jobs, &setting, &run))
        code = jobs_start(jobs, setting, run);
    return code;
}

int cli_tune_run_all(cli_tune *tune)
{
    jobs *all = cli_alloc(1, sizeof *all);
    all->tune = tune;
    cli_catch_stop();
    if (tune->remembered == tune->settings * tune->runs) {
        cli_tune_announce(tune);
        cli_tune_tell(tune);
    }
    int code = jobs_fill(all);
    while (code == CLI_YES && all->running && !cli_stop_wanted()) {
        code = jobs_listen(all);
        if (code == CLI_YES) code = jobs_fill(all);
    }
    jobs_kill(all);
    free(all);
    if (code == CLI_YES && cli_stop_wanted()) code = jobs_interrupted(tune);
    return code;
}

int cli_tune_run_test(cli_tune *tune)
{
    jobs *one = cli_alloc(1, sizeof *one);
    one->tune = tune;
    int code = jobs_start(one, tune->best, -1);
    while (code == CLI_YES && one->running && !cli_stop_asked()) code = jobs_listen(one);
    jobs_kill(one);
    free(one);
    if (code == CLI_YES && cli_stop_asked()) code = jobs_interrupted(tune);
    return code;
}
