/* What the harnesses share. Each harness is one file with an LLVMFuzzerTestOneInput, which takes
 * any bytes: libFuzzer and AFL++ call it with what they make up, driver.c with the files of the
 * committed corpus (docs/fuzzing.md). */
#ifndef GR_FUZZ_H
#define GR_FUZZ_H

#include "base/base.h"

#include <gradus/gradus.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process if what must hold does not: the fuzzer keeps the input. */
#define FUZZ_REQUIRE(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) fuzz_fail(__FILE__, __LINE__, #condition);                               \
    } while (0)
_Noreturn void fuzz_fail(const char *file, int line, const char *words);

/* Checks a status that came back: a known one, never GR_INTERNAL, and with words if it is a
 * refusal. Returns whether it is GR_OK. */
bool fuzz_status(gr_status status);

/* The first call of every harness: limits of memory and sizes, so that an input that asks for much
 * is refused rather than computed, and a folder for files. */
void fuzz_start(void);

/* The private folder, which is gone when the process ends; in memory where the system has that. */
const char *fuzz_folder(void);
/* Writes a file there, over what has been there; its path is valid until the next but seven call.
 */
const char *fuzz_file(const char *name, const void *data, size_t size);
/* Removes all that lies there. */
void fuzz_empty_folder(void);

/* ---- Bytes as a list of choices ----------------------------------------------------------- */

/* Reads from the input; after its end everything is 0. */
typedef struct fuzz_bytes {
    const uint8_t *at, *end;
} fuzz_bytes;

uint8_t fuzz_byte(fuzz_bytes *bytes);
/* A whole number in [low, high]; of one byte where that is enough. */
int64_t fuzz_from(fuzz_bytes *bytes, int64_t low, int64_t high);
bool fuzz_done(const fuzz_bytes *bytes);
/* The next part: up to the next two bytes 0xff 0x00, or the rest. Not terminated. */
fuzz_bytes fuzz_part(fuzz_bytes *bytes);

/* Writes a safetensors file whose header, but for the length in front, is the next part, and whose
 * data is the part behind that, cut or filled with zeros to the largest offset that the header has:
 * so an input stays well-formed when its texts change, and tensors of zeros take no bytes. The
 * checksum, if the header has one, is put right. */
const char *fuzz_safetensors(const char *name, fuzz_bytes *bytes);

/* ---- Graphs ------------------------------------------------------------------------------- */

/* Is the graph small enough to be run in no time? Counts what its nodes hold and multiply. */
bool fuzz_small(const gr_graph *graph);
/* Runs the targets without passes and with all of them, with inputs of numbers drawn by `seed`,
 * whole numbers small. Both must be refused alike or give the same: equal where they are whole
 * numbers, close for floats, where NaN is as good as any value that NaN or infinity has touched. */
void fuzz_compare(gr_graph *graph, gr_node *const *targets, int n, gr_store *store, uint64_t seed);

#endif
