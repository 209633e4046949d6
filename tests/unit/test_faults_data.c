/* Memory that runs out while data are read, made, divided, loaded and searched, and while files are
 * read and written: a status, nothing left alive, the files as they were. */

#include <gradus/gradus.h>
#include <gradus/image.h>

#include "support_faults.h"
#include "support_pictures.h"
#include "support_savers.h"

/* ---- Hashes of what comes out ---------------------------------------------------------------- */

static uint64_t faults_hash_text(const char *text, uint64_t seed)
{
    return gr_hash(text, strlen(text), seed);
}

static gr_status faults_hash_streamed(const gr_dataset *data, uint64_t *hash)
{
    const gr_shape shape = gr_dataset_shape(data);
    for (int64_t i = 0; i < 4 && i < gr_dataset_size(data); i++) {
        gr_tensor x;
        int32_t y[64];
        if (shape.rank == 3 && shape.dim[1] == 0) {
            GR_TRY(gr_dataset_picture(data, i, &x));
        } else {
            GR_TRY(gr_tensor_new(gr_dataset_dtype(data), shape, &x));
            gr_status status = gr_dataset_read(data, i, 9, x.data, y);
            if (status != GR_OK) gr_tensor_clear(&x);
            GR_TRY(status);
        }
        *hash = test_hash_tensor(&x, *hash);
        gr_tensor_clear(&x);
    }
    return GR_OK;
}

/* Adds a set to *hash; NULL is none. */
static gr_status faults_hash_set(const gr_dataset *data, uint64_t *hash)
{
    if (!data) return GR_OK;
    const gr_shape shape = gr_dataset_shape(data);
    const size_t bytes = (size_t)gr_shape_count(shape) * gr_dtype_size(gr_dataset_dtype(data));
    for (int i = 0; i < gr_dataset_classes(data); i++)
        *hash = faults_hash_text(gr_dataset_class_name(data, i), *hash);
    for (int64_t i = 0; i < gr_dataset_size(data); i++) {
        const int64_t about[] = {gr_dataset_label(data, i), gr_dataset_index(data, i)};
        *hash = gr_hash(about, sizeof about, *hash);
        if (!gr_dataset_streamed(data)) *hash = gr_hash(gr_dataset_example(data, i), bytes, *hash);
    }
    return gr_dataset_streamed(data) ? faults_hash_streamed(data, hash) : GR_OK;
}

/* Of two sets, which are freed. */
static gr_status faults_hash_pair(gr_dataset *one, gr_dataset *two, uint64_t *result)
{
    *result = 1;
    gr_status status = faults_hash_set(one, result);
    if (status == GR_OK) status = faults_hash_set(two, result);
    gr_dataset_free(one);
    gr_dataset_free(two);
    return status;
}

/* ---- Reading sets ---------------------------------------------------------------------------- */

typedef struct faults_source {
    const char *path;
    gr_data_options options;
} faults_source;

static gr_status faults_open(void *user, uint64_t *result)
{
    const faults_source *source = user;
    gr_dataset *train, *test;
    gr_status status = gr_data_open(source->path, &source->options, &train, &test);
    if (status != GR_OK) assert_true(!train && !test);
    GR_TRY(status);
    return faults_hash_pair(train, test, result);
}

static void faults_run_open(const char *name, const char *path, const gr_data_options *options)
{
    const faults_source source = {path, options ? *options : *GR_DATA(.unlabelled = false)};
    const test_fault fault = {name, &source, NULL, faults_open, NULL, NULL};
    print_message("%-20s %ld allocations\n", name, test_fault_run(&fault, 60));
}

static void readers(void **state)
{
    (void)state;
    static unsigned char records[2 * 3073];
    char path[8][256];
    test_bytes bytes = {0};
    test_write_idx_pair("idx/train-images-idx3-ubyte", "idx/train-labels-idx1-ubyte", 9, 4, 3, 3);
    test_write_idx_pair("idx/t10k-images-idx3-ubyte", "idx/t10k-labels-idx1-ubyte", 4, 4, 3, 3);
    faults_run_open("idx", strcpy(path[0], test_files_path("idx")), NULL);
    records[3073] = 1;
    strcpy(path[1], test_files_write("cifar.bin", records, sizeof records));
    faults_run_open("cifar", path[1], NULL);
    strcpy(path[2], test_files_text("t.csv", "id,x,y,kind\n1,2,3,b\n4,5,6,\"a\"\n7,8,9,b\n"));
    faults_run_open("table", path[2], GR_DATA(.ignore = "id", .label = "kind"));
    strcpy(path[3], test_files_text("t.txt", "To be, or not to be: that is the question.\n"));
    faults_run_open("text", path[3], GR_DATA(.text = GR_TEXT_CHARS, .length = 4, .held = 0.3));
    faults_run_open("streams", path[3],
                    GR_DATA(.text = GR_TEXT_BYTES, .length = 4, .streams = 2, .held = -1));
    faults_run_open("points", "spiral", NULL);
    faults_run_open("task", "ntm-copy", NULL);
#if defined(GRADUS_HAVE_ZLIB)
    size_t size;
    test_put_idx(&bytes, 0x0D, 2, (uint32_t[]){2, 1});
    test_put(&bytes, "\0\0\0\0\0\0\0\0", 8);
    const unsigned char *packed = test_gzip(bytes.data, bytes.size, &size);
    strcpy(path[4], test_files_write("floats.idx.gz", packed, size));
    faults_run_open("gzip", path[4], GR_DATA(.unlabelled = true));
#else
    (void)bytes;
#endif
}

static void pictures(void **state)
{
    (void)state;
    test_needs_pictures();
    char photos[256], record[256];
    gr_dataset *train, *test;
    strcpy(photos, test_write_photos());
    strcpy(record, test_files_path("photos.grr"));
    faults_run_open("folder", photos, GR_DATA(.decoder = gr_image_decoder()));
    unit_ok(gr_data_open(photos, GR_DATA(.decoder = gr_image_decoder()), &train, &test));
    unit_ok(gr_data_pack(train, test, record));
    gr_dataset_free(train);
    gr_dataset_free(test);
    faults_run_open("record", record, GR_DATA(.decoder = gr_image_decoder()));
}

/* ---- Sets of sets, loaders, neighbours ------------------------------------------------------- */

static const gr_dataset *faults_set; /* made before any allocation fails */

static gr_status faults_divide(void *user, uint64_t *result)
{
    const int way = *(const int *)user;
    gr_dataset *one, *two = NULL;
    if (way == 0)
        GR_TRY(gr_dataset_split(faults_set, GR_DATA_SPLIT(.fraction = 0.3, .seed = 1), &one, &two));
    else if (way == 1)
        GR_TRY(gr_dataset_fold(faults_set, 3, 1, 5, &one, &two));
    else if (way == 2)
        GR_TRY(gr_dataset_bootstrap(faults_set, 1, 5, &one, &two));
    else
        GR_TRY(gr_dataset_select(faults_set, (const int64_t[]){3, 1, 1}, 3, &one));
    return faults_hash_pair(one, two, result);
}

static gr_status faults_load_all(gr_loader *loader, uint64_t *result)
{
    gr_batch batch;
    *result = 1;
    while (gr_loader_next(loader, &batch)) {
        *result = test_hash_tensor(&batch.x, *result);
        *result = test_hash_tensor(&batch.y, *result);
    }
    return gr_loader_status(loader);
}

static gr_status faults_load(void *user, uint64_t *result)
{
    const bool threads = *(const int *)user != 0;
    gr_normalizer normalizer;
    gr_loader *loader;
    GR_TRY(gr_normalizer_learn(GR_NORMALIZE_STANDARD, faults_set, &normalizer));
    gr_status status = gr_loader_new(faults_set,
                                     GR_LOADER(.batch = 5, .shuffle = true, .seed = 2,
                                               .normalizer = &normalizer, .synchronous = !threads),
                                     &loader);
    gr_normalizer_clear(&normalizer);
    GR_TRY(status);
    status = faults_load_all(loader, result);
    gr_loader_free(loader);
    return status;
}

/* Decodes on the loader's threads; whoever goes on after a failure seeks. */
static gr_status faults_load_pictures(void *user, uint64_t *result)
{
    const gr_preprocess view = {.resize = 9, .crop = 8};
    gr_loader *loader;
    GR_TRY(gr_loader_new(user, GR_LOADER(.batch = 4, .preprocess = &view, .threads = 2), &loader));
    gr_status status = faults_load_all(loader, result);
    if (status != GR_OK) assert_int_equal(gr_loader_seek(loader, (gr_cursor){0, 0}), GR_OK);
    gr_loader_free(loader);
    return status;
}

static gr_status faults_neighbors(void *user, uint64_t *result)
{
    const gr_knn_options *options = user;
    const int k[] = {1, 3};
    double accuracy[2];
    gr_neighbor near[2 * 3];
    gr_knn *knn;
    GR_TRY(gr_knn_new(faults_set, options, &knn));
    gr_status status = gr_knn_find(knn, faults_set, 0, 2, 3, near);
    if (status == GR_OK)
        status = gr_knn_test(knn, faults_set, GR_VOTE_MAJORITY, k, 2, NULL, NULL, accuracy);
    gr_knn_free(knn);
    if (status == GR_OK)
        *result = gr_hash(near, sizeof near, gr_hash(accuracy, sizeof accuracy, 1));
    return status;
}

static void sets(void **state)
{
    (void)state;
    static const int ways[] = {0, 1, 2, 3};
    gr_dataset *set;
    test_write_idx_pair("s/train-images-idx3-ubyte", "s/train-labels-idx1-ubyte", 40, 4, 3, 3);
    unit_ok(gr_data_open(test_files_path("s"), NULL, &set, NULL));
    faults_set = set;
    const test_fault faults[] = {
        {"split", &ways[0], NULL, faults_divide, NULL, NULL},
        {"fold", &ways[1], NULL, faults_divide, NULL, NULL},
        {"bootstrap", &ways[2], NULL, faults_divide, NULL, NULL},
        {"select", &ways[3], NULL, faults_divide, NULL, NULL},
        {"loader", &ways[0], NULL, faults_load, NULL, NULL},
        {"loader's thread", &ways[1], NULL, faults_load, NULL, NULL},
        {"neighbours", GR_KNN(.distance = GR_DISTANCE_L2), NULL, faults_neighbors, NULL, NULL},
        {"cosine", GR_KNN(.distance = GR_DISTANCE_COSINE), NULL, faults_neighbors, NULL, NULL},
    };
    for (size_t i = 0; i < GR_LEN(faults); i++)
        print_message("%-20s %ld allocations\n", faults[i].name, test_fault_run(&faults[i], 60));
    gr_dataset_free(set);
}

static void loaded_pictures(void **state)
{
    (void)state;
    test_needs_pictures();
    gr_dataset *photos;
    unit_ok(
        gr_data_open(test_write_photos(), GR_DATA(.decoder = gr_image_decoder()), &photos, NULL));
    const test_fault fault = {"pictures", photos, NULL, faults_load_pictures, NULL, NULL};
    print_message("%-20s %ld allocations\n", fault.name, test_fault_run(&fault, 60));
    gr_dataset_free(photos);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* What is written over: a file that is there already, in a folder of its own. */
typedef struct faults_written {
    const test_saver *saver;
    char path[256], folder[256];
} faults_written;

static void *faults_make_file(const void *about)
{
    faults_written *made = gr_alloc(sizeof *made);
    made->saver = about;
    snprintf(made->folder, sizeof made->folder, "%s", test_files_path("files"));
    test_files_text("files/other", "another file");
    snprintf(made->path, sizeof made->path, "%.200s/%s", made->folder, made->saver->name);
    unit_ok(made->saver->write(made->path, 1));
    return made;
}

static uint64_t faults_file_state(const void *user)
{
    const faults_written *made = user;
    return test_hash_file(made->path) + (uint64_t)test_files_count(made->folder);
}

static void faults_clear_file(void *user)
{
    gr_free(user);
}

static gr_status faults_write(void *user, uint64_t *result)
{
    const faults_written *made = user;
    GR_TRY(made->saver->write(made->path, 2));
    *result = test_hash_file(made->path);
    return GR_OK;
}

static gr_status faults_read(void *user, uint64_t *result)
{
    const faults_written *made = user;
    return made->saver->read(made->path, result);
}

static void files(void **state)
{
    (void)state;
    const test_saver *saver;
    for (int i = 0; (saver = test_saver_of(i)); i++) {
        if (saver->write(test_files_path(saver->name), 1) == GR_UNSUPPORTED) continue;
        const test_fault write = {saver->name,       saver,
                                  faults_make_file,  faults_write,
                                  faults_file_state, faults_clear_file};
        const test_fault read = {saver->name,       saver,
                                 faults_make_file,  faults_read,
                                 faults_file_state, faults_clear_file};
        print_message("%-20s %ld allocations to write", saver->name, test_fault_run(&write, 60));
        print_message(", %ld to read\n", saver->read ? test_fault_run(&read, 60) : 0);
    }
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static gr_status texts_vocabulary(void *user, uint64_t *result)
{
    const char *text = user;
    int32_t tokens[64];
    int64_t n;
    gr_vocabulary *learnt, *again = NULL;
    GR_TRY(gr_vocabulary_learn(text, strlen(text), GR_TEXT_CHARS, &learnt));
    const char *names[64];
    for (int i = 0; i < gr_vocabulary_size(learnt); i++) names[i] = gr_vocabulary_name(learnt, i);
    gr_status status = gr_vocabulary_new(names, gr_vocabulary_size(learnt), &again);
    if (status == GR_OK) status = gr_vocabulary_encode(again, text, strlen(text), tokens, &n);
    if (status == GR_OK) *result = gr_hash(tokens, (size_t)n * sizeof *tokens, 1);
    gr_vocabulary_free(learnt);
    gr_vocabulary_free(again);
    return status;
}

static gr_status texts_expression(void *user, uint64_t *result)
{
    gr_expr *expr;
    char *text = NULL;
    GR_TRY(gr_expr_parse(user, NULL, &expr));
    gr_status status = gr_expr_check(expr, NULL);
    if (status == GR_OK) status = gr_expr_print(expr, &text);
    if (status == GR_OK) *result = faults_hash_text(text, 1);
    gr_text_release(text);
    gr_expr_free(expr);
    return status;
}

static gr_status texts_value(void *user, uint64_t *result)
{
    gr_tensor value;
    GR_TRY(gr_value_parse(user, NULL, &value));
    *result = test_hash_tensor(&value, 1);
    gr_tensor_clear(&value);
    return GR_OK;
}

static gr_status texts_net(void *user, uint64_t *result)
{
    gr_net_info *info;
    GR_TRY(gr_net_describe(user, GR_SHAPE(3, 8, 8), NULL, &info));
    gr_net_info_free(info);
    *result = 1;
    return GR_OK;
}

static void texts(void **state)
{
    (void)state;
    const test_fault faults[] = {
        {"vocabulary", "größer als ein Byte\n", NULL, texts_vocabulary, NULL, NULL},
        {"expression", "a = x * w\nsigmoid(a + b) ^ 2 - [1, 2, 3][0]", NULL, texts_expression, NULL,
         NULL},
        {"value", "[[1, 2.5], [3, -4e2]]", NULL, texts_value, NULL, NULL},
        {"net", "conv(4, 3) |> batchnorm |> relu |> maxpool(2) |> fc(5)", NULL, texts_net, NULL,
         NULL},
    };
    for (size_t i = 0; i < GR_LEN(faults); i++)
        print_message("%-20s %ld allocations\n", faults[i].name, test_fault_run(&faults[i], 60));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers),         cmocka_unit_test(pictures), cmocka_unit_test(sets),
        cmocka_unit_test(loaded_pictures), cmocka_unit_test(files),    cmocka_unit_test(texts),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
