/* What the command and its module that stands on libarchive know of each other: reading the entries
 * of an archive in their order. */
#ifndef CLI_ARCHIVE_H
#define CLI_ARCHIVE_H

#include <stddef.h>

/* Counts up with every change of this header. */
#define CLI_ARCHIVE_ABI 1

typedef enum cli_entry_kind {
    CLI_ENTRY_FILE,
    CLI_ENTRY_FOLDER,
    CLI_ENTRY_LINK,      /* hard */
    CLI_ENTRY_SOFT_LINK, /* symbolic */
    CLI_ENTRY_DEVICE,
    CLI_ENTRY_PIPE,
    CLI_ENTRY_SOCKET,
    CLI_ENTRY_STRANGE
} cli_entry_kind;

typedef struct cli_entry {
    cli_entry_kind kind;
    const char *name; /* as the archive says it: it may be anything; NULL: it has none */
    long long size;   /* as the archive states it; -1: it does not */
} cli_entry;

typedef struct cli_archive cli_archive;

/* tar (ustar, pax, GNU) and zip, plain or gzipped. What fails has its words in reason(). */
typedef struct cli_archive_module {
    cli_archive *(*open)(int file); /* NULL: no memory */
    /* 1: *entry is the next one, valid until the next call; 0: there is none; -1: a fault */
    int (*next)(cli_archive *archive, cli_entry *entry);
    /* Bytes of the entry, at most `size`; 0 at its end, -1 for a fault. */
    long (*read)(cli_archive *archive, void *bytes, size_t size);
    const char *(*reason)(cli_archive *archive);
    void (*close)(cli_archive *archive);
} cli_archive_module;

#endif
