#include "cli/spool.h"

#include "cli/command.h"
#include "cli/out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char spool_path[32]; /* of what was read; "": nothing yet */

const char *cli_spool_name(const char *name)
{
    return *spool_path && strcmp(name, spool_path) == 0 ? "-" : name;
}

char *cli_spool_message(const char *message)
{
    const char *at = *spool_path ? strstr(message, spool_path) : NULL;
    if (!at) return cli_format("%s", message);
    return cli_format("%.*s-%s", (int)(at - message), message, at + strlen(spool_path));
}

static bool spool_copy(int from, int to)
{
    char part[1 << 16];
    for (;;) {
        const ssize_t n = read(from, part, sizeof part);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0;
        for (ssize_t done = 0; done < n;) {
            const ssize_t written = write(to, part + done, (size_t)(n - done));
            if (written < 0 && errno != EINTR) return false;
            if (written > 0) done += written;
        }
    }
}

/* Readers look at a file more than once, and some map it: a pipe is copied first. The copy has no
 * name, so that nothing is left of it however the process ends. */
const char *cli_spool(const char *name)
{
    char *path = spool_path;
    if (!name || strcmp(name, "-") != 0) return name;
    if (*path) return path;
    const char *folder = getenv("TMPDIR");
    char *file = cli_format("%s/gradus-XXXXXX", folder && *folder ? folder : "/tmp");
    const int to = mkstemp(file);
    if (to >= 0) unlink(file);
    if (to < 0 || !spool_copy(STDIN_FILENO, to)) {
        cli_fault(CLI_ENVIRONMENT, "standard input, copied to %s: %s", file, strerror(errno));
        free(file);
        exit(CLI_ENVIRONMENT);
    }
    free(file);
    snprintf(path, sizeof spool_path, "/dev/fd/%d", to);
    return path;
}
