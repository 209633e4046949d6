/* File calls that fail (tests/faults/files.c): every saver and reader, every call of each kind,
 * with every fault. Right bytes or a status; the old file whole, and no other file left. */
#include <errno.h>

#include <gradus/gradus.h>
#include <gradus/image.h>

#include "../faults/files.h"
#include "support_faults.h"
#include "support_pictures.h"
#include "support_savers.h"

typedef struct files_fault {
    file_call call;
    int fault;
} files_fault;

static const files_fault files_faults[] = {
    {FILE_OPEN, EIO},     {FILE_OPEN, EMFILE},      {FILE_OPEN, EINTR},    {FILE_READ, EIO},
    {FILE_READ, EINTR},   {FILE_READ, FILE_SHORT},  {FILE_WRITE, EIO},     {FILE_WRITE, ENOSPC},
    {FILE_WRITE, EINTR},  {FILE_WRITE, FILE_SHORT}, {FILE_FSYNC, EIO},     {FILE_FSYNC, ENOSPC},
    {FILE_FSYNC, EINTR},  {FILE_RENAME, EIO},       {FILE_RENAME, ENOSPC}, {FILE_CLOSE, EIO},
    {FILE_CLOSE, ENOSPC}, {FILE_CLOSE, EINTR},      {FILE_MMAP, ENOMEM},   {FILE_TRUNCATE, EIO},
};

static char files_where[512]; /* of the fault under way, for messages */

static void files_say(const char *name, const files_fault *f, long at)
{
    snprintf(files_where, sizeof files_where, "%s: %s number %ld: %s", name,
             file_call_names[f->call], at, f->fault > 0 ? strerror(f->fault) : "short");
}

/* A call that is asked again, or for the rest, is no fault. */
static bool files_harmless(const files_fault *f)
{
    const bool part = f->call == FILE_READ || f->call == FILE_WRITE || f->call == FILE_FSYNC;
    return f->fault == FILE_SHORT || (f->fault == EINTR && part);
}

/* The system's words, of the file; a descriptor or memory that there is none of has its own. */
static void files_check_status(const files_fault *f, gr_status status, const char *path)
{
    if (status == GR_OK) return;
    const bool told = status == GR_IO || (status == GR_NO_MEMORY && f->fault == ENOMEM);
    if (told && !files_harmless(f) && strstr(gr_message(), path)) return;
    fail_msg("%s: %s: %s", files_where, gr_status_text(status), gr_message());
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct files_job {
    const test_saver *saver;
    char folder[256], path[300];
    uint64_t first, second; /* hashes of the file's two variants */
} files_job;

/* Returns how many calls of that kind there were. */
static long files_write_once(const files_job *job, const files_fault *f, long at)
{
    unit_ok(job->saver->write(job->path, 1));
    const int before = test_files_count(job->folder);
    files_say(job->saver->name, f, at);
    file_faults_arm(job->folder, f->call, f->fault, at);
    gr_status status = job->saver->write(job->path, 2);
    const long calls = file_faults_end(f->call);
    files_check_status(f, status, job->path);
    /* The folder is flushed when the file is in its place. */
    const bool placed = status == GR_OK || strstr(gr_message(), "is written, but its folder");
    const uint64_t hash = test_hash_file(job->path);
    if (hash != (placed ? job->second : job->first))
        fail_msg("%s: %s is %s", files_where, placed ? "the new file" : "the old file",
                 hash == job->first ? "the old one" : "damaged");
    if (test_files_count(job->folder) != before) fail_msg("%s: a file is left behind", files_where);
    return calls;
}

static void every_saver(void **state)
{
    (void)state;
    files_job job = {0};
    for (int i = 0; (job.saver = test_saver_of(i)); i++) {
        test_files_text("w/other", "another file");
        snprintf(job.folder, sizeof job.folder, "%s", test_files_path("w"));
        snprintf(job.path, sizeof job.path, "%s/%s", job.folder, job.saver->name);
        if (job.saver->write(job.path, 2) == GR_UNSUPPORTED) continue;
        job.second = test_hash_file(job.path);
        unit_ok(job.saver->write(job.path, 1));
        job.first = test_hash_file(job.path);
        assert_true(job.first != job.second);
        long faults = 0;
        for (size_t k = 0; k < GR_LEN(files_faults); k++) {
            const files_fault *f = &files_faults[k];
            if (f->fault != EINTR) files_write_once(&job, f, -1);
            for (long at = 1; files_write_once(&job, f, at) >= at; at++) faults++;
        }
        print_message("%s: %ld faults\n", job.saver->name, faults);
        assert_true(faults > 10);
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef gr_status files_reader(const void *about, const char *path, uint64_t *hash);

static long files_read_once(files_reader *reader, const void *about, const char *path,
                            uint64_t expected, const files_fault *f, long at)
{
    uint64_t hash = 0;
    files_say(path, f, at);
    file_faults_arm(test_files_folder(), f->call, f->fault, at);
    gr_status status = reader(about, path, &hash);
    const long calls = file_faults_end(f->call);
    files_check_status(f, status, test_files_folder());
    if (status == GR_OK && hash != expected) fail_msg("%s: read otherwise", files_where);
    return calls;
}

static void files_read(files_reader *reader, const void *about, const char *path)
{
    char kept[300]; /* test_files_path has few */
    uint64_t expected = 0;
    long faults = 0;
    snprintf(kept, sizeof kept, "%s", path);
    unit_ok(reader(about, kept, &expected));
    for (size_t k = 0; k < GR_LEN(files_faults); k++) {
        const files_fault *f = &files_faults[k];
        if (f->fault != EINTR) files_read_once(reader, about, kept, expected, f, -1);
        for (long at = 1; files_read_once(reader, about, kept, expected, f, at) >= at; at++)
            faults++;
    }
    print_message("%s: %ld faults\n", strrchr(kept, '/') + 1, faults);
    assert_true(faults > 3);
}

static gr_status files_read_saved(const void *about, const char *path, uint64_t *hash)
{
    return ((const test_saver *)about)->read(path, hash);
}

static gr_status files_hash_set(const gr_dataset *set, uint64_t *hash)
{
    gr_tensor x;
    int32_t y[64]; /* a text has a label for each of its tokens */
    assert_true(gr_shape_count(gr_dataset_label_shape(set)) <= (int64_t)GR_LEN(y));
    const gr_shape shape = gr_dataset_shape(set);
    for (int64_t i = 0; i < gr_dataset_size(set); i++) {
        if (shape.rank == 3 && shape.dim[1] == 0) {
            GR_TRY(gr_dataset_picture(set, i, &x));
        } else {
            GR_TRY(gr_tensor_new(gr_dataset_dtype(set), shape, &x));
            gr_status status = gr_dataset_read(set, i, 0, x.data, y);
            if (status != GR_OK) gr_tensor_clear(&x);
            GR_TRY(status);
        }
        *hash = test_hash_tensor(&x, *hash);
        gr_tensor_clear(&x);
    }
    return GR_OK;
}

static gr_status files_read_set(const void *about, const char *path, uint64_t *hash)
{
    gr_dataset *train, *test;
    *hash = 1;
    GR_TRY(gr_data_open(path, about, &train, &test));
    gr_status status = files_hash_set(train, hash);
    if (status == GR_OK && test) status = files_hash_set(test, hash);
    gr_dataset_free(train);
    gr_dataset_free(test);
    return status;
}

static void every_reader(void **state)
{
    (void)state;
    static unsigned char records[2 * 3073];
    const test_saver *saver;
    for (int i = 0; (saver = test_saver_of(i)); i++) {
        if (!saver->read || saver->write(test_files_path(saver->name), 1) == GR_UNSUPPORTED)
            continue;
        files_read(files_read_saved, saver, test_files_path(saver->name));
    }
    test_write_idx_pair("idx/train-images-idx3-ubyte", "idx/train-labels-idx1-ubyte", 9, 4, 3, 3);
    test_write_idx_pair("idx/t10k-images-idx3-ubyte", "idx/t10k-labels-idx1-ubyte", 4, 4, 3, 3);
    files_read(files_read_set, NULL, test_files_path("idx"));
    files_read(files_read_set, NULL, test_files_write("cifar.bin", records, sizeof records));
    files_read(files_read_set, NULL, test_files_text("t.csv", "x,y,kind\n2,3,b\n5,6,a\n8,9,b\n"));
    files_read(files_read_set, GR_DATA(.text = GR_TEXT_CHARS, .length = 4),
               test_files_text("t.txt", "To be, or not to be: that is the question.\n"));
}

static void every_reader_of_pictures(void **state)
{
    (void)state;
    test_needs_pictures();
    const gr_data_options *options = GR_DATA(.decoder = gr_image_decoder());
    char photos[256], record[256];
    gr_dataset *train, *test;
    snprintf(photos, sizeof photos, "%s", test_write_photos());
    snprintf(record, sizeof record, "%s", test_files_path("photos.grr"));
    files_read(files_read_set, options, photos);
    unit_ok(gr_data_open(photos, options, &train, &test));
    unit_ok(gr_data_pack(train, test, record));
    gr_dataset_free(train);
    gr_dataset_free(test);
    files_read(files_read_set, options, record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_saver),
        cmocka_unit_test(every_reader),
        cmocka_unit_test(every_reader_of_pictures),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
