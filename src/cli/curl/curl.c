/* The module that fetches over https. All that calls libcurl stands here. */
#include <curl/curl.h>
#include <gradus/base.h>
#include <stdio.h>
#include <string.h>

#include "cli/module.h"
#include "cli/transfer.h"

enum { CURL_LEAST_RATE = 100, CURL_MOST_PATIENCE = 86400 }; /* bytes a second, seconds */

typedef struct curl_job {
    cli_transfer *transfer;
    CURL *easy;
    int64_t at, size; /* by Content-Range; -1: it says nothing */
    bool begun, stopped;
} curl_job;

/* "Content-Range: bytes 100-199/200" */
static size_t curl_on_head(char *line, size_t size, size_t count, void *user)
{
    curl_job *job = user;
    char text[128];
    const size_t length = size * count, some = length < sizeof text ? length : sizeof text - 1;
    long long first, last, all;
    memcpy(text, line, some);
    text[some] = '\0';
    if (strncmp(text, "HTTP/", 5) == 0) job->at = job->size = -1; /* the head of another answer */
    if (curl_strnequal(text, "content-range:", 14)) {
        if (sscanf(text + 14, " bytes %lld-%lld/%lld", &first, &last, &all) == 3) job->size = all;
        if (sscanf(text + 14, " bytes %lld-", &first) == 1) job->at = first;
    }
    return length;
}

/* Tells of the answer when its head is complete; false if no more of it is wanted. */
static bool curl_begin(curl_job *job)
{
    cli_transfer *transfer = job->transfer;
    curl_off_t length = -1;
    if (job->begun) return true;
    job->begun = true;
    curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    curl_easy_getinfo(job->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (transfer->status == 200)
        job->stopped = !transfer->begin(transfer->user, 200, 0, length);
    else if (transfer->status == 206)
        job->stopped = !transfer->begin(transfer->user, 206, job->at, job->size);
    else
        return false; /* the page of an error or a redirection */
    return !job->stopped;
}

static size_t curl_on_data(char *bytes, size_t size, size_t count, void *user)
{
    curl_job *job = user;
    if (!curl_begin(job)) return CURL_WRITEFUNC_PAUSE + 1; /* no count of bytes: ends it */
    job->stopped = !job->transfer->data(job->transfer->user, bytes, size * count);
    return job->stopped ? CURL_WRITEFUNC_PAUSE + 1 : size * count;
}

static int curl_on_tick(void *user, curl_off_t all, curl_off_t now, curl_off_t out_all,
                        curl_off_t out_now)
{
    curl_job *job = user;
    (void)all, (void)now, (void)out_all, (void)out_now;
    if (job->transfer->tick(job->transfer->user)) return 0;
    job->stopped = true;
    return 1;
}

static void curl_set_up(curl_job *job, char *reason)
{
    const cli_transfer *transfer = job->transfer;
    CURL *easy = job->easy;
    double patience = transfer->patience < 1 ? 1 : transfer->patience;
    if (patience > CURL_MOST_PATIENCE) patience = CURL_MOST_PATIENCE;
    char range[32];
    snprintf(range, sizeof range, "%lld-", (long long)transfer->from);
    curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, transfer->plain ? "http" : "https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                     (long)(transfer->plain ? CURLPROTO_HTTP : CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* where one leads is looked at first */
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (transfer->ca) curl_easy_setopt(easy, CURLOPT_CAINFO, transfer->ca);
    if (transfer->plain) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    if (transfer->from > 0) curl_easy_setopt(easy, CURLOPT_RANGE, range);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "gradus");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)patience);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)CURL_LEAST_RATE);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)patience);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, curl_on_head);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, job);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, curl_on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, job);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, curl_on_tick);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, job);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
}

static cli_transfer_end curl_end(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return CLI_TRANSFER_DONE;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return CLI_TRANSFER_CUT;
    case CURLE_OPERATION_TIMEDOUT:
        return CLI_TRANSFER_STALLED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return CLI_TRANSFER_REFUSED;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
        return CLI_TRANSFER_DISTRUST;
    default:
        return CLI_TRANSFER_FAILED;
    }
}

static void curl_run(cli_transfer *transfer)
{
    char reason[CURL_ERROR_SIZE] = "";
    curl_job job = {.transfer = transfer, .easy = curl_easy_init(), .at = -1, .size = -1};
    transfer->status = 0;
    transfer->location[0] = '\0';
    if (!job.easy) {
        transfer->end = CLI_TRANSFER_FAILED;
        snprintf(transfer->reason, sizeof transfer->reason, "libcurl does not start");
        return;
    }
    curl_set_up(&job, reason);
    CURLcode code = curl_easy_perform(job.easy);
    curl_easy_getinfo(job.easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    if (code == CURLE_OK) curl_begin(&job); /* an answer without a byte */
    if (job.stopped)
        transfer->end = CLI_TRANSFER_STOPPED;
    else if (code == CURLE_WRITE_ERROR) /* the answer was no file */
        transfer->end = CLI_TRANSFER_DONE;
    else
        transfer->end = curl_end(code);
    const char *location = NULL;
    curl_easy_getinfo(job.easy, CURLINFO_REDIRECT_URL, &location);
    if (location && strlen(location) < sizeof transfer->location)
        strcpy(transfer->location, location);
    snprintf(transfer->reason, sizeof transfer->reason, "%s",
             reason[0] ? reason : curl_easy_strerror(code));
    curl_easy_cleanup(job.easy);
}

GR_API cli_module_open_fn gr_curl_open;

const void *gr_curl_open(int abi)
{
    static const cli_transfer_module module = {curl_run};
    if (abi != CLI_TRANSFER_ABI || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return NULL;
    return &module;
}
