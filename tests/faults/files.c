/* Interposed file calls. Preloaded (LD_PRELOAD), the environment says what fails:
 *
 *   GRADUS_FILE_FOLDER=/tmp/x GRADUS_FILE_FAULT=write:ENOSPC:3 GRADUS_FILE_COUNT=/tmp/count
 *
 * See files.h; the numbers of calls are written to GRADUS_FILE_COUNT, a line each, at the end. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "files.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FILES_MOST = 4096 };

const char *const file_call_names[FILE_CALLS] = {"open",   "read",  "write", "fsync",
                                                 "rename", "close", "mmap",  "ftruncate"};

static struct {
    bool armed;
    char folder[512];
    file_call call;
    int fault;
    long at, count[FILE_CALLS];
    bool ours[FILES_MOST]; /* descriptors of files in the folder */
} faults;

/* The next definition of `name`: libc's, or a sanitizer's. */
static void *faults_next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

#define FAULTS_CALL(result, name, ...)                                                             \
    static result (*next)(__VA_ARGS__);                                                            \
    if (!next) *(void **)&next = faults_next(name)

/* ---- What fails ------------------------------------------------------------------------------ */

/* Counts a call; 0, FILE_SHORT or an errno. */
static int faults_due(file_call call)
{
    if (!faults.armed) return 0;
    const long n = ++faults.count[call];
    return call == faults.call && (faults.at < 0 || n == faults.at) ? faults.fault : 0;
}

static bool faults_fails(file_call call)
{
    const int fault = faults_due(call);
    if (fault > 0) errno = fault;
    return fault > 0;
}

/* How many of `size` bytes go through; -1: the call fails. */
static ssize_t faults_share(file_call call, size_t size)
{
    const int fault = faults_due(call);
    if (fault > 0) {
        errno = fault;
        return -1;
    }
    if (fault == 0 || size < 2) return (ssize_t)size;
    if (faults.at < 0) return size > 7 ? 7 : (ssize_t)size;
    return (ssize_t)(size / 2);
}

static bool faults_in_folder(const char *path)
{
    const size_t n = strlen(faults.folder);
    return faults.armed && strncmp(path, faults.folder, n) == 0 &&
           (path[n] == '/' || path[n] == '\0');
}

static bool faults_ours(int file)
{
    return faults.armed && file >= 0 && file < FILES_MOST && faults.ours[file];
}

static int faults_note(int file)
{
    if (file >= 0 && file < FILES_MOST) faults.ours[file] = true;
    return file;
}

void file_faults_arm(const char *folder, file_call call, int fault, long at)
{
    memset(&faults, 0, sizeof faults);
    snprintf(faults.folder, sizeof faults.folder, "%s", folder);
    faults.call = call;
    faults.fault = fault;
    faults.at = at;
    faults.armed = true;
}

long file_faults_end(file_call call)
{
    faults.armed = false;
    return faults.count[call];
}

/* ---- The calls ------------------------------------------------------------------------------- */

static int faults_open(const char *name, const char *path, int flags, unsigned mode)
{
    FAULTS_CALL(int, name, const char *, int, ...);
    if (!faults_in_folder(path)) return next(path, flags, mode);
    return faults_fails(FILE_OPEN) ? -1 : faults_note(next(path, flags, mode));
}

#define FAULTS_OPEN(name)                                                                          \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        const unsigned mode = flags & O_CREAT ? va_arg(more, unsigned) : 0;                        \
        va_end(more);                                                                              \
        return faults_open(#name, path, flags, mode);                                              \
    }
FAULTS_OPEN(open)
FAULTS_OPEN(open64)

int close(int file)
{
    FAULTS_CALL(int, "close", int);
    const bool ours = faults_ours(file), fails = ours && faults_fails(FILE_CLOSE);
    const int fault = errno;
    if (ours) faults.ours[file] = false;
    const int done = next(file); /* as Linux does: closed all the same */
    if (fails) errno = fault;
    return fails ? -1 : done;
}

ssize_t read(int file, void *data, size_t size)
{
    FAULTS_CALL(ssize_t, "read", int, void *, size_t);
    const ssize_t share = faults_ours(file) ? faults_share(FILE_READ, size) : (ssize_t)size;
    return share < 0 ? -1 : next(file, data, (size_t)share);
}

ssize_t write(int file, const void *data, size_t size)
{
    FAULTS_CALL(ssize_t, "write", int, const void *, size_t);
    const ssize_t share = faults_ours(file) ? faults_share(FILE_WRITE, size) : (ssize_t)size;
    return share < 0 ? -1 : next(file, data, (size_t)share);
}

#define FAULTS_AT(name, call, pointer, offset)                                                     \
    ssize_t name(int file, pointer data, size_t size, offset at)                                   \
    {                                                                                              \
        FAULTS_CALL(ssize_t, #name, int, pointer, size_t, offset);                                 \
        const ssize_t share = faults_ours(file) ? faults_share(call, size) : (ssize_t)size;        \
        return share < 0 ? -1 : next(file, data, (size_t)share, at);                               \
    }
FAULTS_AT(pread, FILE_READ, void *, off_t)
FAULTS_AT(pread64, FILE_READ, void *, off64_t)
FAULTS_AT(pwrite, FILE_WRITE, const void *, off_t)
FAULTS_AT(pwrite64, FILE_WRITE, const void *, off64_t)

int fsync(int file)
{
    FAULTS_CALL(int, "fsync", int);
    return faults_ours(file) && faults_fails(FILE_FSYNC) ? -1 : next(file);
}

int rename(const char *from, const char *to)
{
    FAULTS_CALL(int, "rename", const char *, const char *);
    return faults_in_folder(to) && faults_fails(FILE_RENAME) ? -1 : next(from, to);
}

#define FAULTS_MMAP(name, offset)                                                                  \
    void *name(void *to, size_t size, int protection, int flags, int file, offset at)              \
    {                                                                                              \
        FAULTS_CALL(void *, #name, void *, size_t, int, int, int, offset);                         \
        if (faults_ours(file) && faults_fails(FILE_MMAP)) return MAP_FAILED;                       \
        return next(to, size, protection, flags, file, at);                                        \
    }
FAULTS_MMAP(mmap, off_t)
FAULTS_MMAP(mmap64, off64_t)

#define FAULTS_TRUNCATE(name, offset)                                                              \
    int name(int file, offset size)                                                                \
    {                                                                                              \
        FAULTS_CALL(int, #name, int, offset);                                                      \
        return faults_ours(file) && faults_fails(FILE_TRUNCATE) ? -1 : next(file, size);           \
    }
FAULTS_TRUNCATE(ftruncate, off_t)
FAULTS_TRUNCATE(ftruncate64, off64_t)

/* ---- Streams --------------------------------------------------------------------------------- */

/* libc's streams call no function that could be replaced: those of the folder get their bytes
 * through the calls above. */
static ssize_t faults_stream_read(void *cookie, char *data, size_t size)
{
    return read(*(int *)cookie, data, size);
}

static ssize_t faults_stream_write(void *cookie, const char *data, size_t size)
{
    const ssize_t done = write(*(int *)cookie, data, size);
    return done < 0 ? 0 : done; /* as fopencookie wants it */
}

static int faults_stream_seek(void *cookie, off64_t *at, int whence)
{
    *at = lseek64(*(int *)cookie, *at, whence);
    return *at < 0 ? -1 : 0;
}

static int faults_stream_close(void *cookie)
{
    const int done = close(*(int *)cookie);
    free(cookie);
    return done;
}

static FILE *faults_fopen(const char *name, const char *path, const char *mode)
{
    FAULTS_CALL(FILE *, name, const char *, const char *);
    /* Streams that append are asked for their descriptor (fileno), which these have not. */
    if (!faults_in_folder(path) || *mode == 'a') return next(path, mode);
    const int flags = *mode == 'r' ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;
    int *cookie = malloc(sizeof *cookie);
    if (!cookie) return NULL;
    *cookie = open(path, flags | O_CLOEXEC, 0666);
    FILE *file =
        *cookie < 0 ? NULL
                    : fopencookie(cookie, mode,
                                  (cookie_io_functions_t){faults_stream_read, faults_stream_write,
                                                          faults_stream_seek, faults_stream_close});
    if (!file) free(cookie);
    return file;
}

FILE *fopen(const char *path, const char *mode)
{
    return faults_fopen("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    return faults_fopen("fopen64", path, mode);
}

/* ---- Preloaded ------------------------------------------------------------------------------- */

static int faults_errno(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } known[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EINTR", EINTR},
                 {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE}, {"short", FILE_SHORT}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) return known[i].number;
    abort();
}

__attribute__((constructor)) static void faults_from_environment(void)
{
    char call[16], kind[16];
    long at;
    const char *folder = getenv("GRADUS_FILE_FOLDER"), *fault = getenv("GRADUS_FILE_FAULT");
    if (!folder || !fault || sscanf(fault, "%15[a-z]:%15[A-Za-z]:%ld", call, kind, &at) != 3)
        return;
    for (int i = 0; i < FILE_CALLS; i++)
        if (strcmp(call, file_call_names[i]) == 0)
            file_faults_arm(folder, (file_call)i, faults_errno(kind), at);
}

__attribute__((destructor)) static void faults_report(void)
{
    const char *path = getenv("GRADUS_FILE_COUNT");
    faults.armed = false;
    FILE *file = path ? fopen(path, "w") : NULL;
    for (int i = 0; file && i < FILE_CALLS; i++)
        fprintf(file, "%s %ld\n", file_call_names[i], faults.count[i]);
    if (file) fclose(file);
}
