/* Writing files whole or not at all. */
#include "io/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gradus/io.h>

struct gr_output {
    char *path;      /* as the caller wrote it, for messages */
    char *target;    /* where it leads: links followed */
    char *temporary; /* NULL where the target is written directly */
    int file;        /* the temporary file, or the target */
    int keep;        /* files to be left by the commit */
    gr_text direct;  /* what goes to a device or a pipe */
};

static gr_status output_fault(const char *path, const char *what, int fault)
{
    return gr_fail(GR_IO, "%s: %s: %s", path, what, strerror(fault));
}

static void output_free(gr_output *output)
{
    if (output->file >= 0) close(output->file);
    gr_text_free(&output->direct);
    gr_free(output->temporary);
    gr_free(output->target);
    gr_free(output->path);
    gr_free(output);
}

void gr_output_discard(gr_output *output)
{
    if (!output) return;
    if (output->temporary) unlink(output->temporary);
    output_free(output);
}

/* Names a new file beside the target that no other writer has. */
static gr_status output_create(gr_output *output, mode_t mode)
{
    static atomic_uint next;
    const size_t size = strlen(output->target) + 48;
    char *temporary = gr_alloc(size);
    if (!temporary) return GR_NO_MEMORY;
    do {
        snprintf(temporary, size, "%s.%ld-%u.tmp", output->target, (long)getpid(),
                 atomic_fetch_add_explicit(&next, 1, memory_order_relaxed));
        output->file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    } while (output->file < 0 && (errno == EEXIST || errno == EINTR));
    if (output->file < 0) {
        int fault = errno;
        gr_free(temporary);
        if (fault == ENOENT) {
            return gr_fail(GR_IO, "%s: cannot be written: its folder does not exist", output->path);
        }
        return output_fault(output->path, "cannot be written", fault);
    }
    output->temporary = temporary;
    return GR_OK;
}

static gr_status output_open(gr_output *output)
{
    char real[PATH_MAX];
    struct stat old;
    bool exists = stat(output->path, &old) == 0;
    const char *target = exists && realpath(output->path, real) ? real : output->path;
    output->target = gr_strdup(target);
    if (!output->target) return GR_NO_MEMORY;
    if (exists && S_ISDIR(old.st_mode)) {
        return gr_fail(GR_IO, "%s: cannot be written: it is a folder", output->path);
    }
    if (exists && !S_ISREG(old.st_mode)) {
        output->file = open(output->target, O_WRONLY | O_CLOEXEC);
        if (output->file >= 0) return GR_OK;
        return output_fault(output->path, "cannot be written", errno);
    }
    if (exists && access(output->target, W_OK) != 0) {
        return output_fault(output->path, "cannot be overwritten", errno);
    }
    GR_TRY(output_create(output, 0666));
    /* The new file takes over the permissions of the old; where the file system has none, fine. */
    if (exists && fchmod(output->file, old.st_mode & 07777) != 0 && errno != EPERM) {
        return output_fault(output->path, "cannot set its permissions", errno);
    }
    return GR_OK;
}

gr_status gr_output_new(const char *path, gr_output **out)
{
    *out = NULL;
    gr_output *output = gr_alloc(sizeof *output);
    if (!output) return GR_NO_MEMORY;
    output->file = -1;
    output->keep = 1;
    output->path = gr_strdup(path);
    gr_status status = output->path ? output_open(output) : GR_NO_MEMORY;
    if (status != GR_OK) {
        gr_output_discard(output);
        return status;
    }
    *out = output;
    return GR_OK;
}

/* All of the bytes, at the file's end (at < 0) or at a place in it. */
static gr_status output_put(gr_output *output, const char *data, size_t size, off_t at)
{
    while (size > 0) {
        /* Linux writes at most 2 GiB less a page in one call. */
        size_t some = size < (size_t)1 << 30 ? size : (size_t)1 << 30;
        ssize_t done =
            at < 0 ? write(output->file, data, some) : pwrite(output->file, data, some, at);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return output_fault(output->path, "cannot be written", errno);
        data += done;
        size -= (size_t)done;
        if (at >= 0) at += done;
    }
    return GR_OK;
}

gr_status gr_output_write(gr_output *output, const void *data, size_t size)
{
    if (output->temporary) return output_put(output, data, size, -1);
    gr_text_append(&output->direct, data, size);
    return output->direct.failed ? GR_NO_MEMORY : GR_OK;
}

gr_status gr_output_patch(gr_output *output, size_t at, const void *data, size_t size)
{
    if (output->temporary) return output_put(output, data, size, (off_t)at);
    memcpy(output->direct.data + at, data, size);
    return GR_OK;
}

gr_status gr_output_name(const char *path, int age, char **name)
{
    const size_t size = strlen(path) + 16;
    *name = gr_alloc(size);
    if (!*name) return GR_NO_MEMORY;
    snprintf(*name, size, age > 0 ? "%s.%d" : "%s", path, age);
    return GR_OK;
}

void gr_output_keep(gr_output *output, int files)
{
    output->keep = files;
}

/* `keep`: the file keeps its first name too, where the file system knows links, so that there is
 * never none of that name. */
static int output_rename(const char *newer, const char *older, bool keep)
{
    if (keep) {
        unlink(older);
        if (link(newer, older) == 0) return 0;
    }
    return rename(newer, older);
}

/* Makes NAME.`age` of NAME.`age - 1`, after having made room for it. A name that is missing, since
 * a commit was cut short here, ends that: what is older stays. */
static gr_status output_shift(const gr_output *output, int age)
{
    char *older = NULL, *newer = NULL;
    gr_status status = gr_output_name(output->target, age - 1, &newer);
    if (status == GR_OK) status = gr_output_name(output->target, age, &older);
    if (status == GR_OK && access(newer, F_OK) == 0) {
        if (age + 1 < output->keep) status = output_shift(output, age + 1);
        if (status == GR_OK && output_rename(newer, older, age == 1) != 0)
            status = output_fault(older, "cannot be written", errno);
    }
    gr_free(newer);
    gr_free(older);
    return status;
}

/* Opens the folder of the target, to flush it; *file is -1 where that is impossible: a folder may
 * be writable but not readable. */
static gr_status output_open_folder(const gr_output *output, int *file)
{
    char *folder = gr_strdup(output->target);
    if (!folder) return GR_NO_MEMORY;
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder ? 1 : 0] = '\0';
    do {
        *file = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (*file < 0 && errno == EINTR);
    gr_free(folder);
    return GR_OK;
}

/* 0, or what the system says is wrong. */
static int output_flush(int file)
{
    while (fsync(file) != 0)
        if (errno != EINTR) return errno;
    return 0;
}

/* The rename is on the disk only when its folder is. Some file systems cannot flush one. */
static gr_status output_sync_folder(const gr_output *output, int folder)
{
    if (folder < 0) return GR_OK;
    const int fault = output_flush(folder);
    if (fault != EIO && fault != ENOSPC && fault != EDQUOT) return GR_OK;
    return output_fault(output->path, "is written, but its folder cannot be flushed to the disk",
                        fault);
}

/* The old file stays until nothing but the disk can fail. */
static gr_status output_replace(gr_output *output)
{
    int folder = -1;
    gr_status status = output_open_folder(output, &folder);
    if (status == GR_OK && output->keep > 1) status = output_shift(output, 1);
    if (status == GR_OK && rename(output->temporary, output->target) != 0)
        status = output_fault(output->path, "cannot be replaced", errno);
    if (status == GR_OK) {
        gr_free(output->temporary);
        output->temporary = NULL;
        status = output_sync_folder(output, folder);
    }
    if (folder >= 0) close(folder);
    return status;
}

static gr_status output_finish(gr_output *output)
{
    if (!output->temporary) {
        GR_TRY(output_put(output, output->direct.data, output->direct.size, -1));
    } else {
        const int fault = output_flush(output->file);
        if (fault) return output_fault(output->path, "cannot be flushed to the disk", fault);
    }
    int file = output->file;
    output->file = -1;
    if (close(file) != 0 && errno != EINTR) { /* some file systems tell of a full disk here */
        return output_fault(output->path, "cannot be written", errno);
    }
    return output->temporary ? output_replace(output) : GR_OK;
}

gr_status gr_output_commit(gr_output *output)
{
    gr_status status = output_finish(output);
    gr_output_discard(output);
    return status;
}

gr_status gr_file_write(const char *path, const void *data, size_t size)
{
    gr_output *output;
    GR_TRY(gr_output_new(path, &output));
    gr_status status = gr_output_write(output, data, size);
    if (status != GR_OK) {
        gr_output_discard(output);
        return status;
    }
    return gr_output_commit(output);
}
