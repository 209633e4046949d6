#include "cli/input.h"

#include "cli/out.h"
#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <gradus/lang.h>
#include <gradus/plot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

size_t cli_read(void *data, size_t size, FILE *file)
{
    size_t got = fread(data, 1, size, file);
    while (got < size && ferror(file) && errno == EINTR) {
        clearerr(file);
        got += fread((char *)data + got, 1, size - got, file);
    }
    return got;
}

int cli_read_file(const char *path, size_t limit, char **text)
{
    int code = CLI_YES;
    size_t size = 0, room = 0;
    *text = NULL;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file) return cli_fault(CLI_ENVIRONMENT, "%s: %s", path, strerror(errno));
    while (size <= limit && !feof(file) && !ferror(file)) {
        if (size == room) *text = cli_realloc(*text, room = room ? 2 * room : 4096, 1);
        size += cli_read(*text + size, room - size, file);
    }
    if (ferror(file))
        code = cli_fault(CLI_ENVIRONMENT, "%s: %s", path, strerror(errno));
    else if (size > limit)
        code = cli_bad("%s: longer than %zu bytes", path, limit);
    else if (size > 0 && memchr(*text, '\0', size))
        code = cli_bad("%s: not a text: it has a NUL byte", path);
    if (file != stdin) fclose(file);
    if (code != CLI_YES) {
        free(*text);
        *text = NULL;
        return code;
    }
    *text = cli_realloc(*text, size + 1, 1);
    (*text)[size] = '\0';
    return CLI_YES;
}

int cli_read_settings(const char *path, char *text, cli_setting setting, void *ctx)
{
    const char *blank = " \t\r";
    int number = 0, code = CLI_YES;
    for (char *line; code == CLI_YES && (line = strsep(&text, "\n"));) {
        char *name = line + strspn(line, blank);
        number++;
        if (*name == '\0' || *name == '#') continue;
        char *value = name + strcspn(name, blank);
        if (*value) *value++ = '\0';
        value += strspn(value, blank);
        for (size_t n = strlen(value); n > 0 && strchr(blank, value[n - 1]); n--)
            value[n - 1] = '\0';
        char *place = cli_format("%s:%d", path, number);
        cli_set_place(place);
        code = setting(ctx, name, value, number);
        cli_set_place(NULL);
        free(place);
    }
    return code;
}

int cli_read_net(const char *argument, char **text, const char **source)
{
    struct stat status;
    bool exists = stat(argument, &status) == 0;
    size_t length = strlen(argument);
    bool named = length > 4 && strcmp(argument + length - 4, ".net") == 0;
    if (exists || named || strcmp(argument, "-") == 0) {
        *source = argument;
        return cli_read_file(argument, GR_EXPR_MAX_BYTES, text);
    }
    *source = "--net";
    *text = cli_format("%s", argument);
    return CLI_YES;
}

int cli_check_output(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0) {
        if (S_ISDIR(status.st_mode)) return cli_fault(CLI_ENVIRONMENT, "%s: is a folder", path);
        if (access(path, W_OK) != 0)
            return cli_fault(CLI_ENVIRONMENT, "%s: %s", path, strerror(errno));
        if (!S_ISREG(status.st_mode)) return CLI_YES; /* a device or pipe is written directly */
    }
    /* Files are written beside the old one and renamed, which the folder must allow. */
    char *folder = cli_format("%s", path);
    char *slash = strrchr(folder, '/');
    const char *where = !slash ? "." : slash == folder ? "/" : folder;
    if (slash) *slash = '\0';
    if (slash == folder) where = "/";
    int code = CLI_YES;
    if (stat(where, &status) != 0 || access(where, W_OK | X_OK) != 0)
        code = cli_fault(CLI_ENVIRONMENT, "%s: cannot write to the folder '%s': %s", path, where,
                         strerror(errno));
    else if (!S_ISDIR(status.st_mode))
        code = cli_fault(CLI_ENVIRONMENT, "%s: '%s' is not a folder", path, where);
    free(folder);
    return code;
}

int cli_check_figure(const char *option, const char *path, bool diagram)
{
    const char *dot = strrchr(path, '.');
    if (!dot || (strcasecmp(dot, ".svg") != 0 && strcasecmp(dot, ".png") != 0 &&
                 strcasecmp(dot, ".pdf") != 0))
        return cli_bad("--%s: '%s' does not end in .svg, .png or .pdf", option, path);
    if (gr_figure_check(path) != GR_OK || (diagram && gr_diagram_check() != GR_OK))
        return cli_fault(CLI_ENVIRONMENT, "--%s: %s", option, gr_message());
    return cli_check_output(path);
}

bool cli_is_plain_file(const char *path)
{
    struct stat status;
    return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

bool cli_read_shape(const char *text, gr_shape *shape)
{
    *shape = GR_SCALAR;
    bool bracket = *text == '[';
    if (bracket) text++;
    for (;;) {
        char *end;
        errno = 0;
        long long size = strtoll(text, &end, 10);
        if (end == text || errno || size < 1 || *text == ' ' || shape->rank == GR_MAX_RANK)
            return false;
        shape->dim[shape->rank++] = size;
        text = end + (*end == ',');
        if (*end != ',') break;
    }
    if (bracket && *text++ != ']') return false;
    return *text == '\0' && gr_shape_count(*shape) > 0;
}
