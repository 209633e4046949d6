#include "cli/process.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
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
