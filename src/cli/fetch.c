/* gradus data fetch: the files of known sets, or one file by its address and its checksum. */
#include "cli/fetch.h"

#include "cli/args.h"
#include "cli/json.h"
#include "cli/line.h"
#include "cli/module.h"
#include "cli/out.h"
#include "cli/stop.h"
#include "cli/unpack.h"

#include <gradus/data.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FETCH_PATH = 4096 };

/* One set, or one address. */
typedef struct fetch_job {
    const cli_args *args;
    const cli_fetch *fetch;
    const char *name;
    char folder[FETCH_PATH]; /* where it goes */
    cli_json *json;          /* NULL: text */
} fetch_job;

/* ---- The module ----------------------------------------------------------------------------- */

#if defined(GRADUS_CURL_BUILT)

const cli_transfer_module *cli_fetch_module(const char **reason)
{
    return cli_module("curl", CLI_TRANSFER_ABI, GRADUS_CURL_BUILT, GRADUS_CURL_INSTALLED, reason);
}

static const cli_transfer_module *fetch_module(void)
{
    const char *reason;
    const cli_transfer_module *module = cli_fetch_module(&reason);
    if (!module)
        cli_fault(CLI_ENVIRONMENT, "fetching needs libcurl (Debian package libgradus-modules): %s",
                  reason);
    return module;
}

#else

const cli_transfer_module *cli_fetch_module(const char **reason)
{
    *reason = "it is not built in";
    return NULL;
}

static const cli_transfer_module *fetch_module(void)
{
    cli_fault(CLI_ENVIRONMENT,
              "this build fetches nothing: it was made without libcurl (Debian package "
              "libcurl4-openssl-dev); 'gradus data fetch NAME --list' prints the addresses");
    return NULL;
}

#endif

/* ---- What is to be fetched ------------------------------------------------------------------ */

static bool fetch_is_address(const char *name)
{
    return strstr(name, "://") != NULL;
}

/* The last word of an address, as the name of a file; NULL if that would be none. */
static char *fetch_file_name(const char *url)
{
    const char *end = url + strcspn(url, "?#"), *start = strstr(url, "://") + 3, *slash = NULL;
    for (const char *at = start; at < end; at++)
        if (*at == '/') slash = at;
    if (!slash || slash + 1 >= end || slash[1] == '.') return NULL;
    return cli_format("%.*s", (int)(end - slash - 1), slash + 1);
}

/* 64 hexadecimal digits, in lower case; NULL if it is something else. To be freed. */
static char *fetch_digits(const char *text)
{
    char *digits = cli_format("%s", text);
    for (char *at = digits; *at; at++)
        if (*at >= 'A' && *at <= 'F') *at = (char)(*at - 'A' + 'a');
    if (strlen(digits) == 64 && strspn(digits, "0123456789abcdef") == 64) return digits;
    free(digits);
    return NULL;
}

static const char *fetch_nearest(const char *name)
{
    enum { FETCH_MOST_NAMES = 64 };
    const char *names[FETCH_MOST_NAMES];
    const gr_data_info *info;
    int n = 0;
    for (int i = 0; (info = gr_data_known(i)) && n < FETCH_MOST_NAMES; i++)
        if (gr_data_known_file(info->name, 0)) names[n++] = info->name;
    return cli_nearest(name, names, n);
}

/* Is it the name of a set that is published? CLI_YES, or the exit status after a message. */
static int fetch_check(const char *name)
{
    const gr_data_info *info = NULL;
    for (int i = 0; (info = gr_data_known(i)) && strcmp(info->name, name) != 0; i++) continue;
    if (info && gr_data_known_file(name, 0)) return CLI_YES;
    if (info) return cli_bad("%s: there is nothing to fetch: %s", name, info->get);
    const char *near = fetch_nearest(name);
    return cli_bad("no data set is called '%s'%s%s%s", name, near ? "; did you mean '" : "",
                   near ? near : ": 'gradus data' lists them", near ? "'?" : "");
}

/* ---- Telling -------------------------------------------------------------------------------- */

static void fetch_tell(const fetch_job *job, const cli_fetch_item *item, int64_t bytes)
{
    char size[32];
    if (job->json) {
        cli_json_object(job->json, NULL);
        cli_json_text(job->json, "path", item->path);
        cli_json_text(job->json, "url", item->from);
        cli_json_int(job->json, "bytes", bytes);
        cli_json_int(job->json, "kept", item->kept);
        cli_json_text(job->json, "sha256", item->sha256);
        cli_json_end(job->json);
    } else if (!cli_flag(job->args, "quiet")) {
        cli_print("%s  %s%s\n", item->path, cli_show_bytes((double)bytes, size, sizeof size),
                  item->from ? "" : ", there already");
        cli_flush();
    }
}

static void fetch_tell_begin(const fetch_job *job, const char *path)
{
    if (!job->json) return;
    cli_json_object(job->json, NULL);
    cli_json_text(job->json, "name", job->name);
    cli_json_text(job->json, "path", path);
    cli_json_array(job->json, "files");
}

static void fetch_tell_end(const fetch_job *job)
{
    if (!job->json) return;
    cli_json_end(job->json);
    cli_json_end(job->json);
}

/* ---- Fetching ------------------------------------------------------------------------------- */

/* The archive of a set becomes the folder that is in it. */
static int fetch_unpack(const fetch_job *job, const char *archive, const char *inner)
{
    char *place = cli_format("%s/%s", job->folder, inner);
    char *packed = cli_format("%s", archive);
    cli_unpack unpack = {.most_bytes = cli_int(job->args, "max-bytes"),
                         .most_files = cli_int(job->args, "max-files"),
                         .most_ratio = cli_real(job->args, "max-ratio"),
                         .inner = inner};
    int code = cli_unpack_archive(&unpack, packed, place);
    if (code == CLI_YES) {
        remove(packed);
        if (!job->json && !cli_flag(job->args, "quiet")) cli_print("%s  unpacked\n", place);
    }
    free(packed);
    free(place);
    return code;
}

static int fetch_file_of_set(const fetch_job *job, const gr_data_file *file)
{
    const char *mirror = cli_text(job->args, "from");
    char *path = cli_format("%s/%s", job->folder, file->path), *place = NULL;
    size_t length = mirror ? strlen(mirror) : 0;
    while (length > 0 && mirror[length - 1] == '/') length--;
    if (mirror) place = cli_format("%.*s/%s", (int)length, mirror, file->path);
    cli_fetch_item item = {.url = {mirror ? place : file->url[0], mirror ? NULL : file->url[1]},
                           .name = job->name,
                           .path = path,
                           .sha256 = file->sha256,
                           .bytes = file->bytes,
                           .most = file->bytes};
    int code = cli_fetch_file(job->fetch, &item);
    if (code == CLI_YES) fetch_tell(job, &item, file->bytes);
    if (code == CLI_YES && file->folder) code = fetch_unpack(job, path, file->folder);
    free(place);
    free(path);
    return code;
}

static bool fetch_exists(const char *path)
{
    FILE *file = fopen(path, "rb"); /* a folder as well */
    if (file) fclose(file);
    return file != NULL;
}

static int fetch_set(fetch_job *job)
{
    const gr_data_file *file = gr_data_known_file(job->name, 0);
    char *whole = file->folder ? cli_format("%s/%s", job->folder, file->folder)
                               : cli_format("%s", job->folder);
    int code = CLI_YES;
    fetch_tell_begin(job, whole);
    if (file->folder && fetch_exists(whole)) { /* unpacked it is only as a whole */
        if (!job->json && !cli_flag(job->args, "quiet")) cli_print("%s  there already\n", whole);
    } else {
        for (int i = 0; (file = gr_data_known_file(job->name, i)) && code == CLI_YES; i++)
            code = fetch_file_of_set(job, file);
    }
    fetch_tell_end(job);
    free(whole);
    return code;
}

static int fetch_address(const fetch_job *job, const char *url)
{
    bool plain;
    const char *sum = cli_text(job->args, "sha256");
    if (!cli_fetch_allowed(url, true, &plain))
        return cli_bad("%s: only https addresses are fetched (and http from this machine itself)",
                       url);
    if (!sum) return cli_bad("%s: --sha256 must say what comes", url);
    char *digits = fetch_digits(sum), *name = fetch_file_name(url);
    int code = CLI_YES;
    if (!digits)
        code = cli_bad("--sha256: 64 hexadecimal digits are wanted, not '%s'", sum);
    else if (!name)
        code = cli_bad("%s: the address ends in no name of a file", url);
    else {
        char *path = cli_format("%s/%s", job->folder, name);
        cli_fetch_item item = {.url = {url},
                               .name = name,
                               .path = path,
                               .sha256 = digits,
                               .bytes = -1,
                               .most = cli_int(job->args, "max-bytes")};
        code = cli_fetch_file(job->fetch, &item);
        fetch_tell_begin(job, job->folder);
        if (code == CLI_YES) fetch_tell(job, &item, cli_file_bytes(path));
        fetch_tell_end(job);
        free(path);
    }
    free(name);
    free(digits);
    return code;
}

/* ---- The command ---------------------------------------------------------------------------- */

static int fetch_list(const char *name)
{
    const gr_data_file *file;
    for (int i = 0; (file = gr_data_known_file(name, i)); i++)
        for (int k = 0; k < 2 && file->url[k]; k++)
            cli_print("%s  %s  %s\n", file->sha256, file->path, file->url[k]);
    return CLI_YES;
}

/* Nothing begins before all of the command line is right. */
static int fetch_check_all(const cli_args *args)
{
    const char *mirror = cli_text(args, "from");
    const int n = cli_operands(args);
    bool plain;
    if (n < 2) return cli_bad("fetch what? 'gradus data' lists the known sets");
    if (mirror && !cli_fetch_allowed(mirror, true, &plain))
        return cli_bad("--from %s: an https address is wanted (or http of this machine itself)",
                       mirror);
    for (int i = 1; i < n; i++) {
        const char *name = cli_operand(args, i);
        if (fetch_is_address(name) && n > 2) return cli_bad("%s: one address at a time", name);
        if (fetch_is_address(name) && mirror) return cli_bad("--from is for known sets");
        int code = fetch_is_address(name) ? CLI_YES : fetch_check(name);
        if (code != CLI_YES) return code;
        if (!fetch_is_address(name) && cli_given(args, "sha256"))
            return cli_bad("--sha256: that of %s is known", name);
    }
    return CLI_YES;
}

static int fetch_one(fetch_job *job)
{
    const char *to = cli_text(job->args, "to");
    const bool address = fetch_is_address(job->name);
    int length = snprintf(job->folder, sizeof job->folder, "%s", to ? to : ".");
    if (!to && !address) {
        gr_status status = gr_data_cache(job->folder, sizeof job->folder);
        if (status != GR_OK) return cli_failed(status);
    }
    if (length < 0 || (size_t)length >= sizeof job->folder) return cli_bad("--to: too long");
    return address ? fetch_address(job, job->name) : fetch_set(job);
}

int cli_data_fetch(const cli_args *args)
{
    cli_fetch fetch = {
        .ca = cli_text(args, "ca"),
        .patience = cli_real(args, "patience"),
        .tries = (int)cli_int(args, "tries"),
        .progress = cli_line_can() && !cli_flag(args, "quiet") && !cli_flag(args, "json"),
    };
    int code = fetch_check_all(args);
    if (code != CLI_YES) return code;
    if (cli_flag(args, "list")) {
        for (int i = 1; i < cli_operands(args); i++) fetch_list(cli_operand(args, i));
        return CLI_YES;
    }
    fetch.module = fetch_module();
    if (!fetch.module) return CLI_ENVIRONMENT;
    cli_catch_stop();
    for (int i = 1; i < cli_operands(args) && code == CLI_YES; i++) {
        cli_json json = {0};
        fetch_job job = {.args = args,
                         .fetch = &fetch,
                         .name = cli_operand(args, i),
                         .json = cli_flag(args, "json") ? &json : NULL};
        code = fetch_one(&job);
    }
    return code;
}
