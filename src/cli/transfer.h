/* What the command and its module that stands on libcurl know of each other: one request. */
#ifndef CLI_TRANSFER_H
#define CLI_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counts up with every change of this header. */
#define CLI_TRANSFER_ABI 1

typedef enum cli_transfer_end {
    CLI_TRANSFER_DONE,     /* the whole answer has come, or its head says that it is of no use */
    CLI_TRANSFER_CUT,      /* the connection ended before the answer did */
    CLI_TRANSFER_STALLED,  /* nothing came for too long */
    CLI_TRANSFER_REFUSED,  /* no connection: no such host, nobody there */
    CLI_TRANSFER_DISTRUST, /* the certificate or the encryption is not to be trusted */
    CLI_TRANSFER_STOPPED,  /* a callback said so */
    CLI_TRANSFER_FAILED    /* anything else */
} cli_transfer_end;

typedef struct cli_transfer {
    const char *url;
    const char *ca;  /* a file of certificates in place of the system's; or NULL */
    bool plain;      /* http, else https; then also past any proxy */
    int64_t from;    /* the first byte that is wanted, counted from 0 */
    double patience; /* seconds without a connection or with next to no bytes */
    void *user;
    /* Called once before the bytes of an answer with status 200 or 206. `at` is the place of its
     * first byte in the file, `size` the size of the file; -1 where the answer does not tell. */
    bool (*begin)(void *user, long status, int64_t at, int64_t size);
    bool (*data)(void *user, const void *bytes, size_t size);
    bool (*tick)(void *user); /* once a second at least */
    /* answer */
    cli_transfer_end end;
    long status;         /* of HTTP; 0: no answer */
    char location[2048]; /* where a redirection leads, as a whole address; "": it is none */
    char reason[256];    /* of every end but DONE and STOPPED */
} cli_transfer;

/* Makes one request, and follows no redirection. */
typedef struct cli_transfer_module {
    void (*run)(cli_transfer *transfer);
} cli_transfer_module;

#endif
