/* Runs a harness on files and on folders of files, without a fuzzer: for the committed corpus, and
 * to look into one input that a fuzzer found.
 *
 *     fuzz_npy corpus/npy                 each file
 *     fuzz_npy --mutate 1000 corpus/npy   and a thousand inputs made of them by chance, of
 *                                         --seed N (default 1); blind, but needs no clang
 *
 * An input that ends the process, or takes longer than a minute, is left in ./fuzz_NAME.input. */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DRIVER_MOST_SEEDS = 4096, DRIVER_MOST_BYTES = 1 << 16, DRIVER_SECONDS = 60 };

typedef struct driver_input {
    uint8_t *data;
    size_t size;
} driver_input;

static driver_input driver_seeds[DRIVER_MOST_SEEDS];
static int driver_n_seeds;
static long driver_runs;
static driver_input driver_now;
static char driver_crash[4096];

/* ---- Running ----------------------------------------------------------------------------------
 */

static void driver_keep(int number)
{
    static const char words[] = "the input is left in ";
    const int file = open(driver_crash, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    bool kept = file >= 0 && write(file, driver_now.data, driver_now.size) >= 0;
    kept = kept && write(STDERR_FILENO, words, sizeof words - 1) > 0 &&
           write(STDERR_FILENO, driver_crash, strlen(driver_crash)) > 0 &&
           write(STDERR_FILENO, "\n", 1) > 0;
    signal(number, SIG_DFL);
    raise(kept ? number : SIGKILL);
}

static void driver_run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1); /* for the sanitizer's sake: nothing behind it */
    FUZZ_REQUIRE(exact != NULL);
    memcpy(exact, data, size);
    driver_now = (driver_input){exact, size};
    alarm(DRIVER_SECONDS);
    LLVMFuzzerTestOneInput(exact, size);
    alarm(0);
    driver_runs++;
    free(exact);
}

/* ---- Files ------------------------------------------------------------------------------------
 */

static bool driver_read(const char *path, driver_input *input)
{
    struct stat about;
    FILE *file = fopen(path, "rb");
    const bool known = file && stat(path, &about) == 0;
    *input = (driver_input){malloc(known ? (size_t)about.st_size + 1 : 1), 0};
    FUZZ_REQUIRE(input->data != NULL);
    if (known) input->size = fread(input->data, 1, (size_t)about.st_size, file);
    if (file) fclose(file);
    if (!known) fprintf(stderr, "%s: cannot be read\n", path);
    return known;
}

static bool driver_file(const char *path)
{
    driver_input input;
    bool read = driver_read(path, &input);
    if (read) {
        if (getenv("FUZZ_VERBOSE")) fprintf(stderr, "%s\n", path);
        driver_run(input.data, input.size);
    }
    if (read && driver_n_seeds < DRIVER_MOST_SEEDS)
        driver_seeds[driver_n_seeds++] = input;
    else
        free(input.data);
    return read;
}

static int driver_compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool driver_path(const char *path)
{
    struct stat about;
    struct dirent **entries;
    if (stat(path, &about) == 0 && !S_ISDIR(about.st_mode)) return driver_file(path);
    bool fine = true;
    const int n = scandir(path, &entries, NULL, driver_compare);
    if (n < 0) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    for (int i = 0; i < n; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') fine = driver_path(inner) && fine;
        free(entries[i]);
    }
    free(entries);
    return fine;
}

/* ---- Chance -----------------------------------------------------------------------------------
 */

static size_t driver_below(gr_rng *rng, size_t bound)
{
    return (size_t)gr_rng_below(rng, bound ? bound : 1);
}

/* Puts `from` over bytes [at, at + cut) of the input. */
static size_t driver_splice(uint8_t *data, size_t size, size_t at, size_t cut, const uint8_t *from,
                            size_t n)
{
    if (size - cut + n > DRIVER_MOST_BYTES) return size;
    memmove(data + at + n, data + at + cut, size - at - cut);
    memcpy(data + at, from, n);
    return size - cut + n;
}

static size_t driver_mutate(gr_rng *rng, uint8_t *data, size_t size)
{
    static const char *const words[] = {"0",     "-1",  "9999999999",       "9223372036854775808",
                                        "1e309", "nan", "\xff\xff\xff\xff", "\x7f\xff\xff\xff",
                                        "(",     "["};
    const size_t at = driver_below(rng, size), cut = driver_below(rng, size - at);
    const driver_input *other = &driver_seeds[driver_below(rng, (size_t)driver_n_seeds)];
    const size_t from = driver_below(rng, other->size);
    const char *word = words[driver_below(rng, GR_LEN(words))];
    uint8_t byte = (uint8_t)gr_rng_u64(rng);
    switch (driver_below(rng, 7)) {
    case 0:
        if (size) data[at] ^= (uint8_t)(1 << (byte & 7));
        return size;
    case 1:
        if (size) data[at] = byte;
        return size;
    case 2:
        return driver_splice(data, size, at, cut < 8 ? cut : cut % 8, &byte, 0);
    case 3:
        return driver_splice(data, size, at, 0, &byte, 1);
    case 4:
        return driver_splice(data, size, at, cut % 4, (const uint8_t *)word, strlen(word));
    case 5:
        return driver_splice(data, size, at, cut, other->data + from,
                             driver_below(rng, other->size - from));
    default:
        return driver_splice(data, size, at, 0, other->data + from,
                             driver_below(rng, other->size - from) % 32);
    }
}

static void driver_chance(uint64_t seed, long runs)
{
    static uint8_t data[DRIVER_MOST_BYTES];
    gr_rng rng = gr_rng_new(seed, 77);
    for (long run = 0; run < runs && driver_n_seeds > 0; run++) {
        const driver_input *start = &driver_seeds[driver_below(&rng, (size_t)driver_n_seeds)];
        size_t size = start->size < sizeof data ? start->size : sizeof data;
        memcpy(data, start->data, size);
        for (size_t n = 1 + driver_below(&rng, 6); n > 0; n--)
            size = driver_mutate(&rng, data, size);
        driver_run(data, size);
    }
}

int main(int argc, char **argv)
{
    static const int ends[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM};
    const char *slash = strrchr(argv[0], '/');
    uint64_t seed = 1;
    long runs = 0;
    bool fine = true;
    /* The harness may go to a folder of its own. */
    if (!getcwd(driver_crash, sizeof driver_crash - 256)) return 1;
    snprintf(driver_crash + strlen(driver_crash), 256, "/%.200s.input",
             slash ? slash + 1 : argv[0]);
    for (size_t i = 0; i < GR_LEN(ends); i++) signal(ends[i], driver_keep);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mutate") == 0 && i + 1 < argc)
            runs = strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else
            fine = driver_path(argv[i]) && fine;
    }
    driver_chance(seed, runs);
    for (int i = 0; i < driver_n_seeds; i++) free(driver_seeds[i].data);
    dprintf(STDERR_FILENO, "%ld inputs\n", driver_runs);
    return fine && driver_runs > 0 ? 0 : 1;
}
