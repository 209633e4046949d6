/* Bytes of small data files, and the sweep that every reader must pass. */
#ifndef GR_TEST_SUPPORT_DATA_H
#define GR_TEST_SUPPORT_DATA_H

#include <gradus/data.h>

#include "support_files.h"
#include "support_memory.h"

/* Bytes that grow by what is put behind them. */
typedef struct test_bytes {
    unsigned char data[65536];
    size_t size;
} test_bytes;

void test_put(test_bytes *bytes, const void *data, size_t size);
/* The header of an IDX file: type code, rank, sizes. */
void test_put_idx(test_bytes *bytes, int type, int rank, const uint32_t *sizes);
/* The bytes gzipped, in a static buffer of *size bytes. Skips the test in a build without zlib. */
const unsigned char *test_gzip(const void *data, size_t n, size_t *size);
/* Writes n IDX images h × w, whose pixels count up from 0, and labels 0, 1, … (mod classes). */
void test_write_idx_pair(const char *images, const char *labels, uint32_t n, uint32_t h, uint32_t w,
                         unsigned classes);

/* Opens `path` and asserts that it is refused with this status and words in the message. */
void test_refuses(const char *path, const gr_data_options *options, gr_status status,
                  const char *words);
/* Opens `path` with the 1st, 2nd, … allocation failing, until it succeeds. */
void test_sweep_open(const char *path, const gr_data_options *options);

#endif
