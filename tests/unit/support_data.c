#include "support_data.h"

#if defined(GRADUS_HAVE_ZLIB)
#include <zlib.h>
#endif

void test_put(test_bytes *bytes, const void *data, size_t size)
{
    assert_true(bytes->size + size <= sizeof bytes->data);
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void test_put_idx(test_bytes *bytes, int type, int rank, const uint32_t *sizes)
{
    unsigned char head[4] = {0, 0, (unsigned char)type, (unsigned char)rank};
    test_put(bytes, head, 4);
    for (int i = 0; i < rank; i++) {
        unsigned char size[4] = {(unsigned char)(sizes[i] >> 24), (unsigned char)(sizes[i] >> 16),
                                 (unsigned char)(sizes[i] >> 8), (unsigned char)sizes[i]};
        test_put(bytes, size, 4);
    }
}

const unsigned char *test_gzip(const void *data, size_t n, size_t *size)
{
    static unsigned char packed[131072];
#if defined(GRADUS_HAVE_ZLIB)
    unsigned char copy[65536];
    z_stream stream = {0};
    assert_true(n <= sizeof copy);
    memcpy(copy, data, n);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    stream.next_in = copy;
    stream.avail_in = (unsigned)n;
    stream.next_out = packed;
    stream.avail_out = sizeof packed;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *size = (size_t)stream.total_out;
    deflateEnd(&stream);
#else
    (void)data;
    (void)n;
    *size = 0;
    print_message("skipped: this build has no zlib\n");
    skip();
#endif
    return packed;
}

void test_write_idx_pair(const char *images, const char *labels, uint32_t n, uint32_t h, uint32_t w,
                         unsigned classes)
{
    test_bytes bytes = {0};
    test_put_idx(&bytes, 8, 3, (uint32_t[]){n, h, w});
    for (uint32_t i = 0; i < n * h * w; i++)
        test_put(&bytes, &(unsigned char){(unsigned char)i}, 1);
    test_files_write(images, bytes.data, bytes.size);
    bytes.size = 0;
    test_put_idx(&bytes, 8, 1, &n);
    for (uint32_t i = 0; i < n; i++) {
        test_put(&bytes, &(unsigned char){(unsigned char)(i % classes)}, 1);
    }
    test_files_write(labels, bytes.data, bytes.size);
}

void test_refuses(const char *path, const gr_data_options *options, gr_status status,
                  const char *words)
{
    gr_dataset *train, *test;
    test_memory memory;
    test_memory_start(&memory, 0);
    gr_status found = gr_data_open(path, options, &train, &test);
    if (found != status || !strstr(gr_message(), words)) {
        print_error("expected: %s: …%s…\n   found: %s: %s\n", gr_status_text(status), words,
                    gr_status_text(found), gr_message());
    }
    assert_int_equal(found, status);
    assert_non_null(strstr(gr_message(), words));
    assert_null(train);
    assert_null(test);
    test_memory_stop(&memory);
}

typedef struct open_job {
    const char *path;
    const gr_data_options *options;
} open_job;

static gr_status open_flow(void *user)
{
    const open_job *job = user;
    gr_dataset *train, *test;
    gr_status status = gr_data_open(job->path, job->options, &train, &test);
    if (status != GR_OK) assert_true(!train && !test);
    gr_dataset_free(train);
    gr_dataset_free(test);
    return status;
}

void test_sweep_open(const char *path, const gr_data_options *options)
{
    assert_true(test_memory_sweep(open_flow, &(open_job){path, options}) > 4);
}
