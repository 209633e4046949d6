/* Requests for the bytes that a part lacks: redirections, tries, what servers do wrong. */
#include "cli/fetch.h"
#include "cli/out.h"
#include "cli/stop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FETCH_MOST_HOPS = 5 };

/* What a request came to. */
typedef enum fetch_outcome {
    FETCH_COMPLETE,
    FETCH_AGAIN, /* worth another try, from where the part ends */
    FETCH_LATER, /* the same, after a pause */
    FETCH_HOP,   /* at another address */
    FETCH_NEVER, /* not from this address */
    FETCH_ENDED  /* by a signal */
} fetch_outcome;

bool cli_fetch_allowed(const char *url, bool loopback, bool *plain)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (int i = 0; i < 2; i++) {
        const size_t length = strlen(schemes[i]);
        if (strncmp(url, schemes[i], length) != 0) continue;
        const char *host = url + length;
        const size_t whole = strcspn(host, "/?#");
        if (whole == 0 || memchr(host, '@', whole)) return false; /* no names and passwords */
        *plain = i == 1;
        if (!*plain) return true;
        const size_t name = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
        const bool here = (name == 9 && memcmp(host, "localhost", 9) == 0) ||
                          (name == 5 && memcmp(host, "[::1]", 5) == 0) ||
                          (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == name);
        return loopback && here;
    }
    return false;
}

bool cli_fetch_empty(cli_fetch_part *part)
{
    part->have = 0;
    if (ftruncate(part->file, 0) == 0 && lseek(part->file, 0, SEEK_SET) == 0) return true;
    snprintf(part->fault, sizeof part->fault, "%s: %s", part->path, strerror(errno));
    return false;
}

/* ---- What the module calls ------------------------------------------------------------------ */

static bool fetch_begin(void *user, long status, int64_t at, int64_t size)
{
    cli_fetch_part *part = user;
    const cli_fetch_item *item = part->item;
    if (item->bytes >= 0 && size >= 0 && size != item->bytes) {
        snprintf(part->fault, sizeof part->fault,
                 "the file there has %" PRId64 " bytes, not the %" PRId64 " that were published",
                 size, item->bytes);
        return false;
    }
    if (size > item->most) {
        snprintf(part->fault, sizeof part->fault,
                 "the file there has %" PRId64 " bytes, more than the %" PRId64 " of --max-bytes",
                 size, item->most);
        return false;
    }
    if (status == 206 && at != part->have) {
        snprintf(part->fault, sizeof part->fault,
                 "the server sends the bytes from %" PRId64 " on in place of those from %" PRId64
                 " on",
                 at, part->have);
        return false;
    }
    if (status == 200 && part->have > 0) { /* it knows no ranges: from the start, then */
        part->item->kept = 0;
        return cli_fetch_empty(part);
    }
    return true;
}

static bool fetch_data(void *user, const void *bytes, size_t size)
{
    cli_fetch_part *part = user;
    const cli_fetch_item *item = part->item;
    const int64_t most = item->bytes >= 0 ? item->bytes : item->most;
    const char *from = bytes;
    if ((int64_t)size > most - part->have) {
        snprintf(part->fault, sizeof part->fault,
                 "the server sends more than the %" PRId64 " bytes %s", most,
                 item->bytes >= 0 ? "that were published" : "of --max-bytes");
        cli_fetch_empty(part); /* they are not those of the file */
        return false;
    }
    while (size > 0) {
        ssize_t done = write(part->file, from, size);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) {
            snprintf(part->fault, sizeof part->fault, "%s: cannot be written: %s", part->path,
                     strerror(errno));
            return false;
        }
        from += done;
        size -= (size_t)done;
        part->have += done;
    }
    return true;
}

static bool fetch_tick(void *user)
{
    cli_fetch_show(user);
    return !cli_stop_asked();
}

/* ---- One request ---------------------------------------------------------------------------- */

static fetch_outcome fetch_by_status(cli_fetch_part *part, const cli_transfer *answer)
{
    char *fault = part->fault;
    const long status = answer->status;
    if (status == 200 || status == 206) {
        if (part->item->bytes < 0 || part->have == part->item->bytes) return FETCH_COMPLETE;
        snprintf(fault, sizeof part->fault,
                 "the file there ends after %" PRId64 " of %" PRId64 " bytes", part->have,
                 part->item->bytes);
        return FETCH_AGAIN;
    }
    if (status >= 300 && status < 400 && answer->location[0]) return FETCH_HOP;
    snprintf(fault, sizeof part->fault, "the server answers %ld", status);
    if (status == 416 && part->have > 0) return cli_fetch_empty(part) ? FETCH_AGAIN : FETCH_NEVER;
    return status >= 500 || status == 408 || status == 429 ? FETCH_LATER : FETCH_NEVER;
}

static fetch_outcome fetch_outcome_of(cli_fetch_part *part, const cli_transfer *answer)
{
    char *fault = part->fault;
    const size_t room = sizeof part->fault;
    switch (answer->end) {
    case CLI_TRANSFER_DONE:
        return fetch_by_status(part, answer);
    case CLI_TRANSFER_CUT:
        if (part->item->bytes >= 0)
            snprintf(fault, room, "the connection ended after %" PRId64 " of %" PRId64 " bytes",
                     part->have, part->item->bytes);
        else
            snprintf(fault, room, "the connection ended after %" PRId64 " bytes", part->have);
        return FETCH_AGAIN;
    case CLI_TRANSFER_STALLED:
        snprintf(fault, room, "nothing came for %g seconds, after %" PRId64 " bytes",
                 part->fetch->patience, part->have);
        return FETCH_AGAIN;
    case CLI_TRANSFER_STOPPED:
        return cli_stop_asked() ? FETCH_ENDED : FETCH_NEVER; /* a callback has said why */
    case CLI_TRANSFER_REFUSED:
        snprintf(fault, room, "%s", answer->reason);
        return FETCH_LATER;
    default:
        snprintf(fault, room, "%s", answer->reason);
        return FETCH_NEVER;
    }
}

/* Follows redirections: to https alone, or within the machine. */
static fetch_outcome fetch_request(cli_fetch_part *part, const char *first)
{
    cli_transfer transfer = {
        .ca = part->fetch->ca,
        .patience = part->fetch->patience,
        .user = part,
        .begin = fetch_begin,
        .data = fetch_data,
        .tick = fetch_tick,
    };
    char url[sizeof transfer.location];
    snprintf(url, sizeof url, "%s", first);
    bool loopback = true;
    for (int hop = 0; hop <= FETCH_MOST_HOPS; hop++) {
        if (!cli_fetch_allowed(url, loopback, &transfer.plain)) {
            snprintf(part->fault, sizeof part->fault,
                     "it redirects to %.800s, which is no https address", url);
            return FETCH_NEVER;
        }
        loopback = transfer.plain; /* from https nothing leads back */
        transfer.url = url;
        transfer.from = part->have;
        part->fetch->module->run(&transfer);
        fetch_outcome outcome = fetch_outcome_of(part, &transfer);
        if (outcome != FETCH_HOP) return outcome;
        snprintf(url, sizeof url, "%s", transfer.location);
    }
    snprintf(part->fault, sizeof part->fault, "it redirects more than %d times, at last to %.800s",
             FETCH_MOST_HOPS, url);
    return FETCH_NEVER;
}

/* A second, two, three: less if a signal comes. */
static void fetch_pause(int seconds)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    for (int i = 0; i < 10 * seconds && !cli_stop_asked(); i++) nanosleep(&tenth, NULL);
}

int cli_fetch_from(cli_fetch_part *part, const char *url)
{
    for (int attempt = 1;; attempt++) {
        fetch_outcome outcome = fetch_request(part, url);
        if (outcome == FETCH_COMPLETE) return CLI_YES;
        if (outcome == FETCH_LATER && attempt < part->fetch->tries) fetch_pause(attempt);
        if (outcome == FETCH_ENDED || cli_stop_asked()) return CLI_INTERRUPTED;
        if (outcome == FETCH_NEVER || attempt >= part->fetch->tries) return CLI_ENVIRONMENT;
    }
}
