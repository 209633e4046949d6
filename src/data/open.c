/* Opening a data set by its name or path. */
#include "data/dataset.h"

#include <stdio.h>

#include "data/pictures.h"
#include "data/points.h"
#include "data/record.h"
#include "data/source.h"
#include "data/tasks.h"
#include "data/text.h"

/* What is asked for. */
typedef struct open_request {
    const char *name; /* as given: it names the data set */
    const gr_known_set *known;
    gr_data_options options;
    gr_dataset **train, **test; /* NULL: not wanted */
} open_request;

/* The classes that are settled before reading: none if unlabelled or yet to be found. */
static gr_class_list open_classes(const open_request *request, const char *const *names, int count)
{
    const gr_data_options *options = &request->options;
    if (options->unlabelled) return (gr_class_list){0};
    if (options->class_names) return (gr_class_list){options->classes, options->class_names};
    return (gr_class_list){count, names};
}

/* The test part must do with the training part's classes. */
static gr_class_list open_test_classes(const open_request *request, gr_class_list classes)
{
    if (classes.count || request->options.unlabelled || !request->train) return classes;
    const gr_storage *storage = (*request->train)->storage;
    return (gr_class_list){storage->classes, storage->class_names};
}

/* Writes the folder that `path` lies in. */
static void open_folder_of(const char *path, char folder[GR_SOURCE_PATH])
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        strcpy(folder, ".");
    } else if (slash == path) {
        strcpy(folder, "/");
    } else {
        snprintf(folder, GR_SOURCE_PATH, "%.*s", (int)(slash - path), path);
    }
}

/* ---- IDX ---------------------------------------------------------------------------------- */

/* The labels of the examples at `images`: "images" becomes "labels" and "idx3" "idx1" in the file's
 * name, with or without .gz. */
static gr_status open_idx_labels(const char *images, char *labels)
{
    const char *slash = strrchr(images, '/');
    char folder[GR_SOURCE_PATH], name[GR_SOURCE_PATH];
    open_folder_of(images, folder);
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : images);
    char *word = strstr(name, "images");
    if (!word) {
        return gr_fail(GR_NOT_FOUND,
                       "%s: no 'images' in the file's name, which 'labels' could take the place of "
                       "to find its labels",
                       images);
    }
    memcpy(word, "labels", 6);
    char *rank = strstr(name, "idx");
    if (rank && rank[3] >= '1' && rank[3] <= '8') rank[3] = '1';
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".gz") == 0) name[length - 3] = '\0';
    if (gr_source_locate(folder, name, labels)) return GR_OK;
    return gr_fail(GR_NOT_FOUND, "%s: its labels are not beside it: no %s, plain or .gz", images,
                   labels);
}

static gr_status open_idx(const open_request *request, const char *images, gr_class_list classes,
                          gr_dataset **dataset)
{
    char labels[GR_SOURCE_PATH];
    bool labelled = !request->options.unlabelled;
    if (labelled) GR_TRY(open_idx_labels(images, labels));
    return gr_read_idx_set(request->name, images, labelled ? labels : NULL, classes, dataset);
}

static gr_status open_idx_folder(const open_request *request, const char *folder)
{
    char images[GR_SOURCE_PATH];
    const gr_known_set *known = request->known;
    gr_class_list classes =
        open_classes(request, known ? known->class_names : NULL, known ? known->info.classes : 0);
    if (request->train) {
        gr_source_locate(folder, "train-images-idx3-ubyte", images);
        GR_TRY(open_idx(request, images, classes, request->train));
    }
    /* Of a known set the test part must be there. */
    if (!request->test) return GR_OK;
    if (!gr_source_locate(folder, "t10k-images-idx3-ubyte", images) && !known) return GR_OK;
    return open_idx(request, images, open_test_classes(request, classes), request->test);
}

/* ---- CIFAR -------------------------------------------------------------------------------- */

static gr_class_list open_cifar_classes(const open_request *request, bool fine)
{
    return fine ? open_classes(request, gr_cifar100_names, 100)
                : open_classes(request, gr_cifar10_names, 10);
}

/* Up to five files of a folder. */
static gr_status open_cifar_part(const open_request *request, const char *folder,
                                 const char *const *names, int n, bool fine, gr_dataset **dataset)
{
    char paths[5][GR_SOURCE_PATH];
    const char *list[5];
    for (int i = 0; i < n; i++) {
        gr_source_locate(folder, names[i], paths[i]);
        list[i] = paths[i];
    }
    return gr_read_cifar(request->name, list, n, fine, open_cifar_classes(request, fine), dataset);
}

static gr_status open_cifar_folder(const open_request *request, const char *folder, bool fine)
{
    static const char *const batches[] = {"data_batch_1.bin", "data_batch_2.bin",
                                          "data_batch_3.bin", "data_batch_4.bin",
                                          "data_batch_5.bin"};
    static const char *const test = "test_batch.bin", *const fine_train = "train.bin",
                             *const fine_test = "test.bin";
    if (request->train) {
        GR_TRY(open_cifar_part(request, folder, fine ? &fine_train : batches, fine ? 1 : 5, fine,
                               request->train));
    }
    if (!request->test) return GR_OK;
    return open_cifar_part(request, folder, fine ? &fine_test : &test, 1, fine, request->test);
}

/* ---- Tables ------------------------------------------------------------------------------- */

static gr_status open_known_part(const open_request *request, const char *path,
                                 gr_class_list classes, gr_dataset **dataset)
{
    const gr_known_set *known = request->known;
    GR_TRY(
        gr_read_table(request->name, path, &request->options, classes, known->info.shape, dataset));
    if (!known->feature_names) return GR_OK;
    return gr_storage_features((*dataset)->storage, gr_shape_count(known->info.shape),
                               known->feature_names);
}

static gr_status open_known_table(open_request *request, const char *path)
{
    const gr_known_set *known = request->known;
    if (request->options.label || request->options.ignore || request->options.separator) {
        return gr_fail(GR_INVALID,
                       "data set '%s': its columns are known: give the path %s to choose others",
                       request->name, path);
    }
    request->options.label = known->label;
    request->options.ignore = known->ignore;
    request->options.header = -1;
    gr_class_list classes =
        open_classes(request, known->class_names, known->class_names ? known->info.classes : 0);
    if (request->train) GR_TRY(open_known_part(request, path, classes, request->train));
    if (!request->test || !known->test) return GR_OK;
    char folder[GR_SOURCE_PATH], test[GR_SOURCE_PATH];
    open_folder_of(path, folder);
    gr_source_locate(folder, known->test, test);
    return open_known_part(request, test, open_test_classes(request, classes), request->test);
}

/* ---- Pictures ----------------------------------------------------------------------------- */

/* Is there a folder of that name in the folder? Writes its path. */
static bool open_folder_has(const char *folder, const char *name, char path[GR_SOURCE_PATH])
{
    int length = snprintf(path, GR_SOURCE_PATH, "%s/%s", folder, name);
    return length < GR_SOURCE_PATH && gr_source_is_folder(path);
}

/* train/ with test/ or val/ beside it, or the class folders themselves. */
static gr_status open_pictures(const open_request *request, const char *folder)
{
    char train[GR_SOURCE_PATH], test[GR_SOURCE_PATH];
    const gr_class_list classes = open_classes(request, NULL, 0);
    const bool parts = open_folder_has(folder, "train", train);
    if (request->train) {
        GR_TRY(gr_read_picture_folder(request->name, parts ? train : folder, &request->options,
                                      classes, request->train));
    }
    if (!request->test || !parts) return GR_OK;
    if (!open_folder_has(folder, "test", test) && !open_folder_has(folder, "val", test)) {
        return GR_OK;
    }
    return gr_read_picture_folder(request->name, test, &request->options,
                                  open_test_classes(request, classes), request->test);
}

/* ---- Whatever it is ----------------------------------------------------------------------- */

static gr_status open_folder(const open_request *request, const char *folder)
{
    char path[GR_SOURCE_PATH];
    if (gr_source_locate(folder, "train-images-idx3-ubyte", path)) {
        return open_idx_folder(request, folder);
    }
    if (gr_source_locate(folder, "data_batch_1.bin", path)) {
        return open_cifar_folder(request, folder, false);
    }
    if (gr_source_locate(folder, "train.bin", path)) {
        return open_cifar_folder(request, folder, true);
    }
    gr_status status = open_pictures(request, folder);
    if (status != GR_FORMAT || !strstr(gr_message(), "found no picture")) return status;
    return gr_fail(
        GR_NOT_FOUND,
        "%s: found none of train-images-idx3-ubyte (IDX), data_batch_1.bin (CIFAR-10) "
        "and train.bin (CIFAR-100) in the folder, plain or .gz, nor a folder of pictures "
        "for each class",
        folder);
}

/* What a file is, by its name, else by how it begins. */
static gr_status open_file_kind(const char *path, gr_data_kind *kind)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (strstr(name, "-ubyte") || strstr(name, ".idx")) {
        *kind = GR_DATA_IDX;
        return GR_OK;
    }
    if (strstr(name, ".bin")) {
        bool fine = strncmp(name, "train.", 6) == 0 || strncmp(name, "test.", 5) == 0;
        *kind = fine ? GR_DATA_CIFAR100 : GR_DATA_CIFAR10;
        return GR_OK;
    }
    char *data;
    size_t size;
    GR_TRY(gr_source_read(path, &data, &size));
    *kind = size >= 2 && data[0] == 0 && data[1] == 0 ? GR_DATA_IDX : GR_DATA_TABLE;
    gr_free(data);
    return GR_OK;
}

/* Both parts are in one file. */
static gr_status open_record_file(const open_request *request, const char *path)
{
    const gr_class_list classes = open_classes(request, NULL, 0);
    if (request->train) {
        GR_TRY(gr_read_record_file(request->name, path, &request->options, classes, false,
                                   request->train));
        if (!*request->train) {
            return gr_fail(GR_FORMAT, "%s: the record file holds no examples to train on", path);
        }
    }
    if (!request->test) return GR_OK;
    return gr_read_record_file(request->name, path, &request->options, classes, true,
                               request->test);
}

static gr_status open_file(const open_request *request, const char *path)
{
    gr_data_kind kind;
    bool record;
    GR_TRY(gr_is_record_file(path, &record));
    if (record) return open_record_file(request, path);
    if (gr_is_picture_name(path)) {
        if (!request->train) return GR_OK;
        return gr_read_picture_file(request->name, path, &request->options, request->train);
    }
    GR_TRY(open_file_kind(path, &kind));
    if (!request->train) return GR_OK;
    if (kind == GR_DATA_IDX) {
        return open_idx(request, path, open_classes(request, NULL, 0), request->train);
    }
    if (kind == GR_DATA_TABLE) {
        return gr_read_table(request->name, path, &request->options, open_classes(request, NULL, 0),
                             GR_SCALAR, request->train);
    }
    bool fine = kind == GR_DATA_CIFAR100;
    return gr_read_cifar(request->name, &path, 1, fine, open_cifar_classes(request, fine),
                         request->train);
}

static gr_status open_known(open_request *request)
{
    char path[GR_SOURCE_PATH];
    bool text = request->known->kind == GR_DATA_TEXT;
    if (request->options.text && !text)
        return gr_fail(GR_INVALID, "'%s' is no text", request->name);
    if (request->known->kind == GR_DATA_TASK)
        return gr_task_parts(request->name, request->train, request->test);
    if (request->known->kind == GR_DATA_POINTS)
        return gr_points_parts(request->name, &request->options, request->train, request->test);
    GR_TRY(gr_data_find(request->name, path, sizeof path));
    if (text)
        return gr_read_text(request->name, path, &request->options, request->train, request->test);
    switch (request->known->kind) {
    case GR_DATA_IDX:
        return open_idx_folder(request, path);
    case GR_DATA_CIFAR10:
        return open_cifar_folder(request, path, false);
    case GR_DATA_CIFAR100:
        return open_cifar_folder(request, path, true);
    default:
        return open_known_table(request, path);
    }
}

static gr_status open_nothing(const char *path)
{
    const char *near = NULL;
    if (!strchr(path, '/')) {
        const char *names[32];
        int n = 0;
        for (; n < gr_known_count && n < 32; n++) names[n] = gr_known_sets[n].info.name;
        near = gr_nearest(path, names, (size_t)n);
    }
    return gr_fail(GR_NOT_FOUND,
                   "%s: neither a file, nor a folder, nor the name of a data set%s%s%s", path,
                   near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static gr_status open_check_options(const gr_data_options *options)
{
    if (!options->class_names != !options->classes || options->classes < 0 ||
        options->classes > GR_DATA_MAX_CLASSES) {
        return gr_fail(GR_INVALID, "%d class names: there may be 1 to %d, or none and NULL",
                       options->classes, GR_DATA_MAX_CLASSES);
    }
    if (options->separator && !strchr(",;:|\t ", options->separator)) {
        return gr_fail(GR_INVALID, "the separator '%c' is none of , ; : | tab and space",
                       options->separator);
    }
    return GR_OK;
}

/* Training and test examples must be alike. */
static gr_status open_check_parts(const gr_dataset *train, const gr_dataset *test)
{
    gr_shape of_train = gr_dataset_shape(train), of_test = gr_dataset_shape(test);
    if (gr_shape_equal(of_train, of_test) && gr_dataset_dtype(train) == gr_dataset_dtype(test)) {
        return GR_OK;
    }
    return gr_fail(GR_FORMAT, "%s: the test part has examples %s %s, the training part %s %s",
                   gr_dataset_name(train), gr_dtype_name(gr_dataset_dtype(test)),
                   gr_shape_text(of_test), gr_dtype_name(gr_dataset_dtype(train)),
                   gr_shape_text(of_train));
}

gr_status gr_data_open(const char *name_or_path, const gr_data_options *options, gr_dataset **train,
                       gr_dataset **test)
{
    open_request request = {name_or_path, gr_known_find(name_or_path), {0}, train, test};
    if (train) *train = NULL;
    if (test) *test = NULL;
    GR_TRY(GR_OPTIONS(gr_data_options, &request.options, options));
    GR_TRY(open_check_options(&request.options));
    gr_status status;
    if (request.known) {
        status = open_known(&request);
    } else if (!gr_source_exists(name_or_path)) {
        status = open_nothing(name_or_path);
    } else if (gr_source_is_folder(name_or_path)) {
        status = open_folder(&request, name_or_path);
    } else if (request.options.text) {
        status = gr_read_text(name_or_path, name_or_path, &request.options, train, test);
    } else {
        status = open_file(&request, name_or_path);
    }
    if (status == GR_OK && train && test && *train && *test)
        status = open_check_parts(*train, *test);
    if (status == GR_OK) return GR_OK;
    if (train) {
        gr_dataset_free(*train);
        *train = NULL;
    }
    if (test) {
        gr_dataset_free(*test);
        *test = NULL;
    }
    return status;
}
