/* The module that reads archives. All that calls libarchive stands here; what may be unpacked, and
 * where, is decided in cli/unpack.c. */
#include <archive.h>
#include <archive_entry.h>
#include <gradus/base.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/archive.h"
#include "cli/module.h"

struct cli_archive {
    struct archive *reader;
    locale_t utf8;
    char reason[256];
};

static cli_archive *archive_open(int file)
{
    cli_archive *archive = calloc(1, sizeof *archive);
    if (!archive) return NULL;
    archive->reader = archive_read_new();
    if (!archive->reader) {
        free(archive);
        return NULL;
    }
    archive->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    archive_read_support_format_tar(archive->reader);
    archive_read_support_format_zip(archive->reader);
    /* It warns where it would call a program to unpack: none is called. */
    if (archive_read_support_filter_gzip(archive->reader) != ARCHIVE_OK)
        snprintf(archive->reason, sizeof archive->reason, "libarchive was built without zlib");
    else if (archive_read_open_fd(archive->reader, file, 1 << 16) != ARCHIVE_OK)
        snprintf(archive->reason, sizeof archive->reason, "%s",
                 archive_error_string(archive->reader));
    return archive;
}

static int archive_fault(cli_archive *archive)
{
    const char *words = archive_error_string(archive->reader);
    snprintf(archive->reason, sizeof archive->reason, "%s", words ? words : "damaged");
    return -1;
}

static cli_entry_kind archive_kind(struct archive_entry *entry)
{
    if (archive_entry_hardlink(entry)) return CLI_ENTRY_LINK;
    if (archive_entry_symlink(entry)) return CLI_ENTRY_SOFT_LINK;
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return CLI_ENTRY_FILE;
    case AE_IFDIR:
        return CLI_ENTRY_FOLDER;
    case AE_IFLNK:
        return CLI_ENTRY_SOFT_LINK;
    case AE_IFCHR:
    case AE_IFBLK:
        return CLI_ENTRY_DEVICE;
    case AE_IFIFO:
        return CLI_ENTRY_PIPE;
    case AE_IFSOCK:
        return CLI_ENTRY_SOCKET;
    default:
        return CLI_ENTRY_STRANGE;
    }
}

/* libarchive turns names from UTF-8 into the locale's letters, of which "C" has too few. */
static int archive_header(cli_archive *archive, struct archive_entry **header)
{
    const locale_t before = archive->utf8 ? uselocale(archive->utf8) : (locale_t)0;
    const int code = archive_read_next_header(archive->reader, header);
    if (archive->utf8) uselocale(before);
    return code;
}

static int archive_next(cli_archive *archive, cli_entry *entry)
{
    struct archive_entry *header;
    if (archive->reason[0]) return -1;
    const int code = archive_header(archive, &header);
    if (code == ARCHIVE_EOF) return 0;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return archive_fault(archive);
    entry->kind = archive_kind(header);
    entry->name = archive_entry_pathname(header);
    if (!entry->name) entry->name = archive_entry_pathname_utf8(header);
    entry->size = archive_entry_size_is_set(header) ? (long long)archive_entry_size(header) : -1;
    return 1;
}

static long archive_read(cli_archive *archive, void *bytes, size_t size)
{
    const la_ssize_t got = archive_read_data(archive->reader, bytes, size);
    return got < 0 ? archive_fault(archive) : (long)got;
}

static const char *archive_reason(cli_archive *archive)
{
    return archive->reason;
}

static void archive_close(cli_archive *archive)
{
    archive_read_free(archive->reader);
    if (archive->utf8) freelocale(archive->utf8);
    free(archive);
}

GR_API cli_module_open_fn gr_archive_open;

const void *gr_archive_open(int abi)
{
    static const cli_archive_module module = {archive_open, archive_next, archive_read,
                                              archive_reason, archive_close};
    return abi == CLI_ARCHIVE_ABI ? &module : NULL;
}
