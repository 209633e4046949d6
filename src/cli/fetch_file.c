/* A file that is fetched: its part, its checksum, its place. */
#include "cli/fetch.h"
#include "cli/out.h"
#include "cli/sha256.h"
#include "cli/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Folders -------------------------------------------------------------------------------- */

/* Makes the folders above `path`; the mode is that of the XDG base directory specification. */
static int fetch_folders(const char *path)
{
    char *folder = cli_format("%s", path);
    int code = CLI_YES;
    for (char *at = strchr(folder + 1, '/'); at && code == CLI_YES; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            code = cli_fault(CLI_ENVIRONMENT, "%s: cannot be made: %s", folder, strerror(errno));
        *at = '/';
    }
    free(folder);
    return code;
}

/* A rename is on the disk when its folder is. */
static void fetch_flush_folder(const char *path)
{
    char *folder = cli_format("%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    int file = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (file < 0) return;
    fsync(file); /* some file systems cannot: then nothing can be done */
    close(file);
}

/* ---- The checksum --------------------------------------------------------------------------- */

/* 1: the file has the sum; 0: it has another, which is in `text`; -1: it cannot be read. */
static int fetch_compare(int file, const char *sha256, char text[CLI_SHA256_TEXT])
{
    enum { PIECE = 1 << 16 };
    cli_sha256 hash;
    char *piece = cli_alloc(PIECE, 1);
    ssize_t got = lseek(file, 0, SEEK_SET) == 0 ? 1 : -1;
    cli_sha256_begin(&hash);
    while (got > 0) {
        got = read(file, piece, PIECE);
        if (got > 0) cli_sha256_add(&hash, piece, (size_t)got);
        if (got < 0 && errno == EINTR) got = 1;
    }
    free(piece);
    if (got < 0) return -1;
    cli_sha256_end(&hash, text);
    return strcmp(text, sha256) == 0;
}

/* Is the file at its path, and is it the right one? */
static bool fetch_is_there(const cli_fetch_item *item)
{
    char text[CLI_SHA256_TEXT];
    int file = open(item->path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    int same = fetch_compare(file, item->sha256, text);
    close(file);
    if (same != 1) cli_warn("%s: is not the file that was published: fetched again", item->path);
    return same == 1;
}

/* ---- The part ------------------------------------------------------------------------------- */

/* Opens the part for this process alone. */
static int fetch_open(cli_fetch_part *part)
{
    struct stat held, named;
    for (int i = 0; i < 100; i++) {
        part->file = open(part->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (part->file < 0)
            return cli_fault(CLI_ENVIRONMENT, "%s: cannot be written: %s", part->path,
                             strerror(errno));
        if (flock(part->file, LOCK_EX | LOCK_NB) != 0) {
            close(part->file);
            return cli_fault(CLI_ENVIRONMENT, "%s: another process is fetching it", part->path);
        }
        /* Between the two calls another process may have ended, and renamed it. */
        if (fstat(part->file, &held) == 0 && stat(part->path, &named) == 0 &&
            held.st_ino == named.st_ino && held.st_dev == named.st_dev && S_ISREG(held.st_mode)) {
            part->have = lseek(part->file, 0, SEEK_END);
            if (part->have < 0) part->have = 0;
            return CLI_YES;
        }
        close(part->file);
    }
    return cli_fault(CLI_ENVIRONMENT, "%s: is no file", part->path);
}

/* Compares the whole part; true if it is the file. What is not is emptied. */
static bool fetch_verify(cli_fetch_part *part)
{
    char text[CLI_SHA256_TEXT];
    int same = fetch_compare(part->file, part->item->sha256, text);
    if (same == 1) return true;
    if (same < 0) {
        snprintf(part->fault, sizeof part->fault, "%s: cannot be read: %s", part->path,
                 strerror(errno));
        return false;
    }
    if (!cli_fetch_empty(part)) return false;
    snprintf(part->fault, sizeof part->fault,
             "what came is not the file that was published: its SHA-256 is %s, not %s", text,
             part->item->sha256);
    return false;
}

/* Completes the part from one address. Bytes of an earlier try may have been others': where the
 * checksum disagrees they are fetched again. */
static int fetch_complete(cli_fetch_part *part, const char *url)
{
    for (int i = 0; i < 2; i++) {
        const bool old = part->have > 0;
        int code = part->have == part->item->bytes ? CLI_YES : cli_fetch_from(part, url);
        if (code != CLI_YES) return code;
        if (fetch_verify(part)) return CLI_YES;
        if (!old) return CLI_ENVIRONMENT;
        part->item->kept = 0;
    }
    return CLI_ENVIRONMENT;
}

static int fetch_place(cli_fetch_part *part)
{
    if (fsync(part->file) != 0)
        return cli_fault(CLI_ENVIRONMENT, "%s: cannot be flushed to the disk: %s", part->path,
                         strerror(errno));
    if (rename(part->path, part->item->path) != 0)
        return cli_fault(CLI_ENVIRONMENT, "%s: cannot be replaced: %s", part->item->path,
                         strerror(errno));
    fetch_flush_folder(part->item->path);
    return CLI_YES;
}

/* Says what stays, and removes the part where that is nothing. */
static int fetch_leave(cli_fetch_part *part, int code, const char *url)
{
    char kept[1024] = "";
    if (part->have > 0) {
        fsync(part->file);
        snprintf(kept, sizeof kept,
                 "; its first %" PRId64 " bytes are kept in %.800s, and the same command goes on "
                 "from there",
                 part->have, part->path);
    } else {
        unlink(part->path);
    }
    if (code == CLI_INTERRUPTED) return cli_fault(code, "%s: stopped%s", part->item->name, kept);
    return cli_fault(code, "%s: %s: %s%s", part->item->name, url, part->fault, kept);
}

int cli_fetch_file(const cli_fetch *fetch, cli_fetch_item *item)
{
    cli_fetch_part part = {.fetch = fetch, .item = item, .begun = cli_clock()};
    int code = fetch_folders(item->path);
    item->from = NULL;
    if (code != CLI_YES || fetch_is_there(item)) return code;
    part.path = cli_format("%s.part", item->path);
    code = fetch_open(&part);
    if (code != CLI_YES) {
        free(part.path);
        return code;
    }
    if (part.have > (item->bytes >= 0 ? item->bytes : item->most)) cli_fetch_empty(&part);
    item->kept = part.have;
    part.counted = part.have;
    code = CLI_ENVIRONMENT;
    for (int i = 0; i < 2 && item->url[i] && code == CLI_ENVIRONMENT; i++) {
        if (i > 0) cli_warn("%s: %s: %s", item->name, item->from, part.fault);
        item->from = item->url[i];
        code = fetch_complete(&part, item->from);
        cli_fetch_hide(&part);
    }
    if (code == CLI_YES)
        code = fetch_place(&part);
    else
        code = fetch_leave(&part, code, item->from);
    close(part.file);
    free(part.path);
    return code;
}
