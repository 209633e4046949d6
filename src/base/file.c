/* Reading a file whole. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

#define FILE_DEVICE ((uint64_t)1 << 28) /* bytes: devices such as /dev/zero have no end */

static gr_status file_system_fault(const char *path)
{
    int fault = errno;
    return gr_fail(fault == ENOENT || fault == ENOTDIR ? GR_NOT_FOUND : GR_IO, "%s: %s", path,
                   strerror(fault));
}

static gr_status file_too_large(const char *path, uint64_t limit)
{
    if (limit >= gr_limit_file()) return gr_limit_refuse_file(path, "is");
    return gr_fail(GR_FORMAT, "%s: the file is larger than the %llu bytes that are read at most",
                   path, (unsigned long long)limit);
}

/* Bytes to make room for: all of a regular file, and one more by which its end is seen. */
static gr_status file_first_room(const char *path, const struct stat *about, uint64_t limit,
                                 size_t *room)
{
    *room = 65536;
    if (!S_ISREG(about->st_mode)) return GR_OK;
    if (about->st_size < 0 || (uintmax_t)about->st_size > SIZE_MAX - 64) {
        return gr_no_memory(SIZE_MAX);
    }
    size_t size = (size_t)about->st_size;
    if (size > limit) return file_too_large(path, limit);
    *room = size + 2;
    return GR_OK;
}

static gr_status file_read_all(const char *path, int file, uint64_t limit, size_t room, char **data,
                               size_t *size)
{
    size_t used = 0;
    *data = gr_realloc(NULL, room);
    if (!*data) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", path);
    for (;;) {
        ssize_t got = read(file, *data + used, room - 1 - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return file_system_fault(path);
        if (got == 0) break;
        used += (size_t)got;
        if (used > limit) return file_too_large(path, limit);
        if (used + 1 < room) continue;
        char *larger = NULL;
        if (gr_mul_size(room, 2, &room)) larger = gr_realloc(*data, room);
        if (!larger) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", path);
        *data = larger;
    }
    (*data)[used] = '\0';
    *size = used;
    return GR_OK;
}

gr_status gr_file_read(const char *path, size_t limit, char **data, size_t *size)
{
    *data = NULL;
    *size = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return file_system_fault(path);
    struct stat about;
    size_t room;
    gr_status status;
    if (fstat(file, &about) != 0) {
        status = file_system_fault(path);
    } else if (S_ISDIR(about.st_mode)) {
        status = gr_fail(GR_IO, "%s: is a folder, not a file", path);
    } else {
        uint64_t most = limit && limit < gr_limit_file() ? limit : gr_limit_file();
        if (S_ISCHR(about.st_mode) && most > FILE_DEVICE) most = FILE_DEVICE;
        status = file_first_room(path, &about, most, &room);
        if (status == GR_OK) status = file_read_all(path, file, most, room, data, size);
    }
    close(file);
    if (status != GR_OK) {
        gr_free(*data);
        *data = NULL;
    }
    return status;
}

gr_status gr_file_peek(const char *path, void *head, size_t size, size_t *got)
{
    *got = 0;
    struct stat about;
    gr_status status = GR_OK;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return file_system_fault(path);
    if (fstat(file, &about) != 0) status = file_system_fault(path);
    const bool regular = status == GR_OK && S_ISREG(about.st_mode);
    while (regular && status == GR_OK && *got < size) {
        ssize_t some = read(file, (char *)head + *got, size - *got);
        if (some < 0 && errno == EINTR) continue;
        if (some < 0) status = file_system_fault(path);
        if (some <= 0) break;
        *got += (size_t)some;
    }
    close(file);
    return status;
}
