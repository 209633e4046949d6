/* Memory, files and bytes for the harnesses. */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/crc64.h"

_Noreturn void fuzz_fail(const char *file, int line, const char *words)
{
    fprintf(stderr, "%s:%d: does not hold: %s\nlast message: %s\n", file, line, words,
            gr_message());
    abort();
}

bool fuzz_status(gr_status status)
{
    FUZZ_REQUIRE(status >= GR_OK && status < GR_STATUS_COUNT);
    FUZZ_REQUIRE(status != GR_INTERNAL);
    FUZZ_REQUIRE(status == GR_OK || *gr_message());
    return status == GR_OK;
}

/* ---- Memory -----------------------------------------------------------------------------------
 */

enum { FUZZ_MOST_BYTES = 256 << 20, FUZZ_MOST_FILE = 1 << 18 };

static atomic_size_t fuzz_live;

/* malloc that refuses when the library as a whole has had enough. */
static void *fuzz_resize(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user;
    if (new_size == 0) {
        free(block);
        atomic_fetch_sub(&fuzz_live, old_size);
        return NULL;
    }
    if (new_size > FUZZ_MOST_BYTES || atomic_load(&fuzz_live) + new_size > FUZZ_MOST_BYTES)
        return NULL;
    void *moved = realloc(block, new_size);
    if (!moved) return NULL;
    atomic_fetch_add(&fuzz_live, new_size);
    atomic_fetch_sub(&fuzz_live, old_size);
    return moved;
}

/* ---- Files ------------------------------------------------------------------------------------
 */

static char fuzz_folder_path[64];

static void fuzz_remove_inside(const char *path, int depth)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char inner[1024];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner)
            continue;
        if (unlink(inner) == 0 || depth == 0) continue;
        fuzz_remove_inside(inner, depth - 1);
        rmdir(inner);
    }
    if (folder) closedir(folder);
}

void fuzz_empty_folder(void)
{
    fuzz_remove_inside(fuzz_folder_path, 4);
}

static void fuzz_remove_folder(void)
{
    fuzz_empty_folder();
    rmdir(fuzz_folder_path);
}

void fuzz_start(void)
{
    static const gr_allocator allocator = {fuzz_resize, NULL};
    if (*fuzz_folder_path) return;
    gr_set_allocator(&allocator);
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(fuzz_folder_path, sizeof fuzz_folder_path, "%s/gradus-fuzz-XXXXXX", parent);
    FUZZ_REQUIRE(mkdtemp(fuzz_folder_path) != NULL);
    atexit(fuzz_remove_folder);
}

const char *fuzz_folder(void)
{
    return fuzz_folder_path;
}

const char *fuzz_file(const char *name, const void *data, size_t size)
{
    static char ring[8][256];
    static unsigned turn;
    char *path = ring[turn++ % 8];
    snprintf(path, sizeof ring[0], "%s/%s", fuzz_folder_path, name);
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_REQUIRE(file >= 0);
    FUZZ_REQUIRE(size == 0 || write(file, data, size) == (ssize_t)size);
    close(file);
    return path;
}

/* ---- Bytes ------------------------------------------------------------------------------------
 */

uint8_t fuzz_byte(fuzz_bytes *bytes)
{
    return bytes->at < bytes->end ? *bytes->at++ : 0;
}

int64_t fuzz_from(fuzz_bytes *bytes, int64_t low, int64_t high)
{
    const uint64_t range = (uint64_t)high - (uint64_t)low;
    uint64_t value = fuzz_byte(bytes);
    for (uint64_t covered = 0xff; covered < range; covered = covered << 8 | 0xff)
        value = value << 8 | fuzz_byte(bytes);
    return (int64_t)((uint64_t)low + (range == UINT64_MAX ? value : value % (range + 1)));
}

bool fuzz_done(const fuzz_bytes *bytes)
{
    return bytes->at >= bytes->end;
}

fuzz_bytes fuzz_part(fuzz_bytes *bytes)
{
    fuzz_bytes part = *bytes;
    for (const uint8_t *at = bytes->at; at + 1 < bytes->end; at++) {
        if (at[0] != 0xff || at[1] != 0x00) continue;
        part.end = at;
        bytes->at = at + 2;
        return part;
    }
    bytes->at = bytes->end;
    return part;
}

/* The largest number within the brackets behind "data_offsets". */
static size_t fuzz_offsets_end(const char *text)
{
    size_t most = 0;
    for (const char *at = text; (at = strstr(at, "\"data_offsets\"")); at++) {
        const char *comma = strchr(at, ',');
        const size_t end = comma ? (size_t)strtoull(comma + 1, NULL, 10) : 0;
        if (end > most && end < FUZZ_MOST_FILE) most = end;
    }
    return most;
}

/* Writes the checksum where the header has 16 characters for one. */
static void fuzz_sum(char *file, size_t size)
{
    static const char key[] = "\"gradus.checksum\":\"";
    static gr_crc64 crc;
    char digits[17], *at = strstr(file + 8, key);
    if (!at || strlen(at) < sizeof key + 15) return;
    at += sizeof key - 1;
    memset(at, '0', 16);
    gr_crc64_start(&crc);
    gr_crc64_add(&crc, file, size);
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)gr_crc64_end(&crc));
    memcpy(at, digits, 16);
}

const char *fuzz_safetensors(const char *name, fuzz_bytes *bytes)
{
    const fuzz_bytes header = fuzz_part(bytes), data = fuzz_part(bytes);
    const uint64_t length = (uint64_t)(header.end - header.at);
    size_t given = (size_t)(data.end - data.at);
    char *file = calloc(1, 8 + (size_t)length + FUZZ_MOST_FILE);
    FUZZ_REQUIRE(file != NULL);
    memcpy(file, &length, 8);
    if (length) memcpy(file + 8, header.at, (size_t)length);
    const size_t size = fuzz_offsets_end(file + 8);
    if (given > size) given = size;
    if (given) memcpy(file + 8 + length, data.at, given);
    fuzz_sum(file, 8 + (size_t)length + size);
    const char *path = fuzz_file(name, file, 8 + (size_t)length + size);
    free(file);
    return path;
}
