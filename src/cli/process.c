#include "cli/process.h"

#include "cli/command.h"
#include "cli/out.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#ifndef GRADUS_PARTS
#define GRADUS_PARTS ""
#endif

const char *cli_parts(void)
{
    return GRADUS_PARTS;
}

const char *cli_compiler(void)
{
#if defined(__clang__)
    return __VERSION__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "unknown";
#endif
}

bool cli_has_part(const char *name)
{
    size_t length = strlen(name);
    const char *at = GRADUS_PARTS;
    while (*at) {
        size_t n = strcspn(at, " ");
        if (n == length && memcmp(at, name, n) == 0) return true;
        at += n + strspn(at + n, " ");
    }
    return false;
}

/* glibc takes ever larger blocks from the heap once blocks of that size have been freed, where they
 * leave holes: what a large net is made of then takes some MB more than it is. */
void cli_return_blocks(void)
{
#if defined(__GLIBC__)
    mallopt(M_MMAP_THRESHOLD, 1 << 20); /* pictures under way stay in the heap */
#endif
}

/* Linux tells it apart from that of the process before exec, which getrusage includes. */
double cli_peak_bytes(void)
{
    char line[256];
    long kib = 0;
    struct rusage usage;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1) break;
    if (status) fclose(status);
    if (kib > 0) return 1024 * (double)kib;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? 1024 * (double)usage.ru_maxrss : NAN;
}

/* At the end of every parallel loop libgomp's threads spin for 300000 pauses before they sleep,
 * which is 14 ms where a pause takes 140 cycles: where other programs want the cores too, a step of
 * a few milliseconds takes ten times as long. 4000 pauses outlast a kernel that one thread runs
 * between two that all share. libgomp reads the setting while the process starts, so it has to
 * start again. */
void cli_calm_threads(char **argv)
{
    if (!cli_has_part("openmp") || getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY")) return;
    if (setenv("GOMP_SPINCOUNT", "4000", 1) == 0) execv("/proc/self/exe", argv);
}

/* A worker that looks at its socket only once it is done would otherwise go on for minutes after
 * the command was killed. */
static void process_end_with(pid_t parent)
{
#if defined(__linux__)
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(CLI_ENVIRONMENT); /* gone before that */
#else
    (void)parent;
#endif
}

pid_t cli_process_start(const char *const *argv, bool apart, int *socket)
{
    int end[2];
    cli_flush(); /* what follows in the child must not print it again */
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, end) != 0) return -1;
    fcntl(end[0], F_SETFD, FD_CLOEXEC); /* later workers must not keep it open */
    const pid_t parent = getpid(), process = fork();
    if (process == 0) {
        if (apart) {
            signal(SIGINT, SIG_IGN);
            signal(SIGTERM, SIG_DFL);
        } else {
            process_end_with(parent);
        }
        if (dup2(end[1], CLI_WORKER_SOCKET) >= 0) execv("/proc/self/exe", (char **)argv);
        _exit(CLI_ENVIRONMENT);
    }
    const int fault = errno;
    close(end[1]);
    if (process < 0) close(end[0]);
    errno = fault;
    *socket = end[0];
    return process;
}

int cli_process_end(pid_t process, int socket)
{
    int status = 0;
    close(socket);
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

char *cli_process_fate(int status)
{
    if (WIFSIGNALED(status)) return cli_format("its process ended by signal %d", WTERMSIG(status));
    return cli_format("its process ended with status %d", WEXITSTATUS(status));
}

bool cli_process_send(int socket, const void *data, size_t size)
{
    for (const char *at = data; size > 0;) {
        const ssize_t n = write(socket, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool cli_process_receive(int socket, void *data, size_t size)
{
    for (char *at = data; size > 0;) {
        const ssize_t n = read(socket, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}
