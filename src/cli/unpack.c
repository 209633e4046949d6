#include "cli/unpack.h"

#include "cli/archive.h"
#include "cli/fetch.h"
#include "cli/module.h"
#include "cli/out.h"
#include "cli/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    UNPACK_NAME = 1024, /* bytes of an entry's name */
    UNPACK_DEPTH = 32,
    UNPACK_PIECE = 1 << 16,
    UNPACK_FREE = 1 << 20, /* bytes below which no ratio is suspicious */
};

typedef struct unpack_job {
    cli_unpack *limits;
    const cli_archive_module *module;
    const char *path; /* of the archive */
    cli_archive *archive;
    int64_t packed;          /* its bytes */
    int root;                /* the folder that is filled */
    char shown[UNPACK_NAME]; /* the entry's name, fit to be printed */
    char piece[UNPACK_PIECE];
} unpack_job;

int64_t cli_file_bytes(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 ? (int64_t)about.st_size : 0;
}

#if defined(GRADUS_ARCHIVE_BUILT)

const cli_archive_module *cli_unpack_module(const char **reason)
{
    return cli_module("archive", CLI_ARCHIVE_ABI, GRADUS_ARCHIVE_BUILT, GRADUS_ARCHIVE_INSTALLED,
                      reason);
}

static const cli_archive_module *unpack_module(void)
{
    const char *reason;
    const cli_archive_module *module = cli_unpack_module(&reason);
    if (!module)
        cli_fault(CLI_ENVIRONMENT,
                  "unpacking needs libarchive (Debian package libgradus-modules): %s", reason);
    return module;
}

#else

const cli_archive_module *cli_unpack_module(const char **reason)
{
    *reason = "it is not built in";
    return NULL;
}

static const cli_archive_module *unpack_module(void)
{
    cli_fault(CLI_ENVIRONMENT, "this build unpacks nothing: it was made without libarchive (Debian "
                               "package libarchive-dev)");
    return NULL;
}

#endif

/* ---- What may be unpacked ------------------------------------------------------------------- */

/* The name with ? for what would move the terminal's cursor. */
static void unpack_show(unpack_job *job, const char *name)
{
    snprintf(job->shown, sizeof job->shown, "%s", name && *name ? name : "an entry without a name");
    for (char *at = job->shown; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f) *at = '?';
}

static int unpack_refuse(const unpack_job *job, const char *why)
{
    return cli_bad("%s: %s %s; nothing of the archive is kept", job->path, job->shown, why);
}

/* What stands against a name; NULL: nothing. */
static const char *unpack_fault_of_name(const char *name)
{
    if (!name || !*name) return "cannot be unpacked";
    if (*name == '/') return "is an absolute path";
    if (strlen(name) >= UNPACK_NAME) return "has too long a name";
    int depth = 0;
    for (const char *at = name; *at;) {
        const size_t length = strcspn(at, "/");
        if (length == 2 && memcmp(at, "..", 2) == 0) return "leads out of the folder";
        if (length > 0 && ++depth > UNPACK_DEPTH) return "lies in too many folders";
        at += length;
        at += strspn(at, "/");
    }
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f) return "has control characters in its name";
    return NULL;
}

static int unpack_check(const unpack_job *job, const cli_entry *entry)
{
    static const char *const kinds[] = {
        [CLI_ENTRY_LINK] = "a hard link", [CLI_ENTRY_SOFT_LINK] = "a symbolic link",
        [CLI_ENTRY_DEVICE] = "a device",  [CLI_ENTRY_PIPE] = "a named pipe",
        [CLI_ENTRY_SOCKET] = "a socket",  [CLI_ENTRY_STRANGE] = "of a strange kind",
    };
    const cli_unpack *limits = job->limits;
    const char *fault = unpack_fault_of_name(entry->name);
    char why[128];
    if (fault) return unpack_refuse(job, fault);
    if (entry->kind != CLI_ENTRY_FILE && entry->kind != CLI_ENTRY_FOLDER) {
        snprintf(why, sizeof why, "is %s, and only files and folders are unpacked",
                 kinds[entry->kind]);
        return unpack_refuse(job, why);
    }
    if (limits->files > limits->most_files) {
        snprintf(why, sizeof why, "is one more than the %" PRId64 " entries of --max-files",
                 limits->most_files);
        return unpack_refuse(job, why);
    }
    const char *name = entry->name;
    while (strncmp(name, "./", 2) == 0) name += 2;
    const size_t inner = limits->inner ? strlen(limits->inner) : 0;
    if (inner > 0 && strcmp(name, ".") != 0 && *name &&
        (strncmp(name, limits->inner, inner) != 0 || (name[inner] != '/' && name[inner]))) {
        snprintf(why, sizeof why, "is not in the folder %.64s", limits->inner);
        return unpack_refuse(job, why);
    }
    return CLI_YES;
}

/* The sizes so far, `more` included, against the limits. */
static int unpack_check_size(unpack_job *job, int64_t more)
{
    cli_unpack *limits = job->limits;
    char why[128];
    limits->bytes += more;
    if (limits->bytes > limits->most_bytes) {
        snprintf(why, sizeof why, "goes beyond the %" PRId64 " bytes of --max-bytes",
                 limits->most_bytes);
        return unpack_refuse(job, why);
    }
    if (limits->bytes > UNPACK_FREE &&
        (double)limits->bytes > limits->most_ratio * (double)job->packed) {
        snprintf(why, sizeof why,
                 "makes it more than %g times as large as it is packed (--max-ratio)",
                 limits->most_ratio);
        return unpack_refuse(job, why);
    }
    return CLI_YES;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static int unpack_system_fault(const unpack_job *job)
{
    return cli_fault(CLI_ENVIRONMENT, "%s: %s: %s; nothing of the archive is kept", job->path,
                     job->shown, strerror(errno));
}

/* Goes down to the folder `name` (of `length` bytes), making what is missing. No link is followed:
 * there is none, since none was made. Returns its descriptor, or -1. */
static int unpack_enter(int root, const char *name, size_t length)
{
    int folder = dup(root);
    char part[UNPACK_NAME];
    for (size_t at = 0; at < length && folder >= 0;) {
        const size_t some = strcspn(name + at, "/");
        memcpy(part, name + at, some);
        part[some] = '\0';
        at += some;
        at += strspn(name + at, "/");
        if (some == 0 || strcmp(part, ".") == 0) continue;
        int inner = -1;
        if (mkdirat(folder, part, 0777) == 0 || errno == EEXIST)
            inner = openat(folder, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        const int fault = errno;
        close(folder);
        errno = fault;
        folder = inner;
    }
    return folder;
}

static int unpack_copy(unpack_job *job, int file, int64_t stated)
{
    int64_t size = 0;
    if (stated > job->limits->most_bytes) return unpack_check_size(job, stated);
    for (;;) {
        const long got = job->module->read(job->archive, job->piece, sizeof job->piece);
        if (got == 0 && stated >= 0 && size != stated) { /* a hole at its end, say */
            char why[128];
            snprintf(why, sizeof why,
                     "has %" PRId64 " bytes, not the %" PRId64 " that the archive states", size,
                     stated);
            return unpack_refuse(job, why);
        }
        if (got == 0) return CLI_YES;
        size += got;
        if (got < 0) return unpack_refuse(job, job->module->reason(job->archive));
        int code = unpack_check_size(job, got);
        if (code != CLI_YES) return code;
        if (cli_stop_asked()) return CLI_INTERRUPTED;
        for (long done = 0; done < got;) {
            const ssize_t some = write(file, job->piece + done, (size_t)(got - done));
            if (some < 0 && errno != EINTR) return unpack_system_fault(job);
            if (some > 0) done += some;
        }
    }
}

static int unpack_file(unpack_job *job, const char *name, int64_t stated)
{
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    if (!*last || strcmp(last, ".") == 0) return unpack_refuse(job, "has no name of a file");
    const int folder = unpack_enter(job->root, name, (size_t)(last - name));
    if (folder < 0 && (errno == ENOTDIR || errno == ELOOP))
        return unpack_refuse(job, "lies in what is a file");
    if (folder < 0) return unpack_system_fault(job);
    const int file =
        openat(folder, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    const int fault = errno;
    close(folder);
    errno = fault;
    if (file < 0 && errno == EEXIST) return unpack_refuse(job, "comes twice");
    if (file < 0) return unpack_system_fault(job);
    int code = unpack_copy(job, file, stated);
    if (close(file) != 0 && code == CLI_YES) code = unpack_system_fault(job);
    return code;
}

static int unpack_entry(unpack_job *job, const cli_entry *entry)
{
    job->limits->files++;
    unpack_show(job, entry->name);
    int code = unpack_check(job, entry);
    if (code != CLI_YES) return code;
    if (entry->kind == CLI_ENTRY_FILE) return unpack_file(job, entry->name, entry->size);
    const int folder = unpack_enter(job->root, entry->name, strlen(entry->name));
    if (folder < 0 && (errno == ENOTDIR || errno == ELOOP))
        return unpack_refuse(job, "comes twice");
    if (folder < 0) return unpack_system_fault(job);
    close(folder);
    return CLI_YES;
}

static int unpack_all(unpack_job *job)
{
    cli_entry entry;
    int more, code = CLI_YES;
    while (code == CLI_YES && (more = job->module->next(job->archive, &entry)) != 0) {
        if (more < 0)
            code = cli_bad("%s: %s; nothing of the archive is kept", job->path,
                           job->module->reason(job->archive));
        else
            code = unpack_entry(job, &entry);
        if (code == CLI_YES && cli_stop_asked()) code = CLI_INTERRUPTED;
    }
    if (code == CLI_YES && job->limits->files == 0) code = cli_bad("%s: holds nothing", job->path);
    if (code == CLI_INTERRUPTED)
        cli_fault(code, "%s: stopped; nothing of the archive is kept", job->path);
    return code;
}

/* ---- The folder ----------------------------------------------------------------------------- */

static int unpack_remove_one(const char *path, const struct stat *about, int kind,
                             struct FTW *where)
{
    (void)about, (void)kind, (void)where;
    remove(path);
    return 0;
}

static void unpack_remove(const char *folder)
{
    nftw(folder, unpack_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Fills `folder`, which is new and this process's alone, and puts it at its place. */
static int unpack_into(unpack_job *job, const char *folder, const char *place)
{
    const char *inner = job->limits->inner;
    job->root = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (job->root < 0) return cli_fault(CLI_ENVIRONMENT, "%s: %s", folder, strerror(errno));
    int code = unpack_all(job);
    if (code == CLI_YES) {
        const mode_t mask = umask(0); /* it can only be read so */
        umask(mask);
        fchmod(job->root, 0777 & ~mask);
        syncfs(job->root);
    }
    close(job->root);
    if (code != CLI_YES) return code;
    char *from = cli_format("%s%s%s", folder, inner ? "/" : "", inner ? inner : "");
    if (rename(from, place) != 0)
        code = cli_fault(CLI_ENVIRONMENT, "%s: cannot be made: %s", place, strerror(errno));
    free(from);
    return code;
}

static int unpack_open(unpack_job *job, int file, const char *place)
{
    struct stat about;
    if (lstat(place, &about) == 0) return cli_bad("%s: is there already", place);
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode))
        return cli_bad("%s: is no file", job->path);
    job->packed = about.st_size;
    job->archive = job->module->open(file);
    if (!job->archive) return cli_fault(CLI_ENVIRONMENT, "out of memory");
    char *folder = cli_format("%s.part-XXXXXX", place);
    int code = CLI_YES;
    if (!mkdtemp(folder))
        code = cli_fault(CLI_ENVIRONMENT, "%s: cannot be made: %s", place, strerror(errno));
    if (code == CLI_YES) {
        code = unpack_into(job, folder, place);
        unpack_remove(folder); /* all of it, or what was around the inner folder */
    }
    free(folder);
    job->module->close(job->archive);
    return code;
}

int cli_unpack_archive(cli_unpack *unpack, const char *archive, const char *place)
{
    unpack->bytes = unpack->files = 0;
    const cli_archive_module *module = unpack_module();
    if (!module) return CLI_ENVIRONMENT;
    const int file = open(archive, O_RDONLY | O_CLOEXEC);
    if (file < 0) return cli_fault(CLI_ENVIRONMENT, "%s: %s", archive, strerror(errno));
    unpack_job *job = cli_alloc(1, sizeof *job);
    *job = (unpack_job){.limits = unpack, .module = module, .path = archive};
    int code = unpack_open(job, file, place);
    free(job);
    close(file);
    return code;
}

int cli_data_unpack(const cli_args *args)
{
    char size[32];
    cli_unpack unpack = {.most_bytes = cli_int(args, "max-bytes"),
                         .most_files = cli_int(args, "max-files"),
                         .most_ratio = cli_real(args, "max-ratio")};
    if (cli_operands(args) != 3) return cli_bad("unpack what, and where? ARCHIVE FOLDER");
    cli_catch_stop();
    int code = cli_unpack_archive(&unpack, cli_operand(args, 1), cli_operand(args, 2));
    if (code != CLI_YES || cli_flag(args, "quiet")) return code;
    cli_print("%s: %" PRId64 " files and folders, %s\n", cli_operand(args, 2), unpack.files,
              cli_show_bytes((double)unpack.bytes, size, sizeof size));
    return CLI_YES;
}
