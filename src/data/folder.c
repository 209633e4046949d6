/* Folders of pictures: a class for each folder in them. */
#include "data/pictures.h"

#include "base/file.h"
#include "data/classes.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

/* The files of a set, by their names under the root. */
typedef struct folder_files {
    char *root;
    gr_text names;  /* each with a NUL at its end */
    size_t *offset; /* [count] */
    int32_t *labels;
    size_t count, offsets, labelled; /* labelled: capacity of `labels` */
} folder_files;

bool gr_is_picture_name(const char *name)
{
    static const char *const ends[] = {".jpg", ".jpeg", ".png"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot > name && i < GR_LEN(ends); i++) {
        if (strcasecmp(dot, ends[i]) == 0) return true;
    }
    return false;
}

/* ---- The set's functions ------------------------------------------------------------------ */

static void folder_free(void *user)
{
    folder_files *files = user;
    gr_free(files->root);
    gr_text_free(&files->names);
    gr_free(files->offset);
    gr_free(files->labels);
    gr_free(files);
}

static gr_status folder_fetch(void *user, int64_t i, gr_encoded *encoded)
{
    const folder_files *files = user;
    const char *name = files->names.data + files->offset[i];
    char *data;
    snprintf(encoded->name, sizeof encoded->name, "%s%s%s", files->root, *name ? "/" : "", name);
    GR_TRY(gr_file_read(encoded->name, 0, &data, &encoded->size));
    encoded->data = encoded->block = data;
    return GR_OK;
}

/* ---- Listing ------------------------------------------------------------------------------ */

/* Names of a folder in the order of their bytes. */
typedef struct folder_list {
    char **names;
    size_t count, capacity;
} folder_list;

static void folder_list_free(folder_list *list)
{
    for (size_t i = 0; i < list->count; i++) gr_free(list->names[i]);
    gr_free(list->names);
}

static int folder_by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static gr_status folder_add_name(folder_list *list, const char *name)
{
    if (!gr_grow(&list->names, list->count, &list->capacity, sizeof *list->names)) {
        return GR_NO_MEMORY;
    }
    list->names[list->count] = gr_strdup(name);
    if (!list->names[list->count]) return GR_NO_MEMORY;
    list->count++;
    return GR_OK;
}

/* The folders in `folder`, or the pictures; hidden ones are left out. */
static gr_status folder_read(const char *folder, bool folders, folder_list *list)
{
    char path[GR_SOURCE_PATH];
    const struct dirent *entry;
    gr_status status = GR_OK;
    DIR *open = opendir(folder);
    if (!open) return gr_fail(GR_IO, "%s: %s", folder, strerror(errno));
    while (status == GR_OK && (entry = readdir(open))) {
        const char *name = entry->d_name;
        if (name[0] == '.') continue;
        bool wanted = gr_is_picture_name(name);
        if (folders) {
            int length = snprintf(path, sizeof path, "%s/%s", folder, name);
            wanted = length < GR_SOURCE_PATH && gr_source_is_folder(path);
        }
        if (wanted) status = folder_add_name(list, name);
    }
    closedir(open);
    if (status == GR_OK && list->count > 1) {
        qsort(list->names, list->count, sizeof *list->names, folder_by_name);
    }
    return status;
}

static gr_status folder_add_file(folder_files *files, const char *part, const char *name,
                                 int32_t label)
{
    if (!gr_grow(&files->offset, files->count, &files->offsets, sizeof *files->offset) ||
        !gr_grow(&files->labels, files->count, &files->labelled, sizeof *files->labels)) {
        return GR_NO_MEMORY;
    }
    files->offset[files->count] = files->names.size;
    files->labels[files->count] = label;
    if (part) {
        gr_text_append(&files->names, part, strlen(part));
        gr_text_append(&files->names, "/", 1);
    }
    gr_text_append(&files->names, name, strlen(name) + 1);
    if (files->names.failed) return GR_NO_MEMORY;
    files->count++;
    return GR_OK;
}

/* The pictures of one folder: `part` under the root, or (NULL) the root itself. */
static gr_status folder_add_part(folder_files *files, const char *part, int32_t label)
{
    char path[GR_SOURCE_PATH];
    folder_list list = {0};
    int length =
        snprintf(path, sizeof path, "%s%s%s", files->root, part ? "/" : "", part ? part : "");
    if (length >= GR_SOURCE_PATH) {
        return gr_fail(GR_INVALID, "%s: the path is too long", files->root);
    }
    gr_status status = folder_read(path, false, &list);
    if (status == GR_OK && part && list.count == 0) {
        status = gr_fail(GR_FORMAT, "%s: the folder of class '%s' holds no picture (.jpg, .png)",
                         path, part);
    }
    for (size_t i = 0; i < list.count && status == GR_OK; i++) {
        status = folder_add_file(files, part, list.names[i], label);
    }
    folder_list_free(&list);
    return status;
}

/* All class folders. */
static gr_status folder_add_classes(folder_files *files, const folder_list *parts,
                                    gr_class_list given, gr_storage *storage)
{
    gr_class_set set = {0};
    gr_status status = gr_class_set_start(&set, &storage->arena, given);
    for (size_t i = 0; i < parts->count && status == GR_OK; i++) {
        int32_t label;
        status = gr_class_set_find(&set, parts->names[i], 0, &label);
        if (status != GR_OK) {
            status = gr_fail_prefix(status, "%s/%s: ", files->root, parts->names[i]);
        } else {
            status = folder_add_part(files, parts->names[i], label);
        }
    }
    if (status == GR_OK) status = gr_class_set_sort(&set, files->labels, (int64_t)files->count);
    const char **names = status == GR_OK ? gr_alloc_array(set.count, sizeof *names) : NULL;
    if (status == GR_OK && !names) status = GR_NO_MEMORY;
    for (size_t i = 0; names && i < set.count; i++) names[i] = set.names[i].text;
    if (status == GR_OK) status = gr_storage_classes(storage, (int)set.count, names);
    gr_free(names);
    gr_class_set_free(&set);
    return status;
}

static gr_status folder_fill(folder_files *files, bool unlabelled, gr_class_list classes,
                             gr_storage *storage)
{
    folder_list parts = {0};
    gr_status status = folder_read(files->root, true, &parts);
    if (status == GR_OK && unlabelled) {
        status = folder_add_part(files, NULL, 0);
        for (size_t i = 0; i < parts.count && status == GR_OK; i++) {
            status = folder_add_part(files, parts.names[i], 0);
        }
    } else if (status == GR_OK) {
        status = folder_add_classes(files, &parts, classes, storage);
    }
    folder_list_free(&parts);
    if (status == GR_OK && files->count == 0 && !unlabelled) {
        status = folder_add_part(files, NULL, 0);
        if (status == GR_OK && files->count > 0) {
            status = gr_fail(GR_FORMAT,
                             "%s: holds pictures, but no folder of pictures for each class: a data "
                             "set is the folder above",
                             files->root);
        }
    }
    if (status == GR_OK && files->count == 0) {
        status = gr_fail(GR_FORMAT, "%s: found no picture (.jpg, .png)%s", files->root,
                         unlabelled ? "" : " in a folder for each class");
    }
    return status;
}

/* ---- Sets --------------------------------------------------------------------------------- */

static gr_status folder_finish(folder_files *files, const gr_data_options *options, bool unlabelled,
                               gr_storage *storage)
{
    storage->count = (int64_t)files->count;
    storage->source.hash = gr_hash(files->names.data, files->names.size, files->count);
    if (!unlabelled) {
        storage->labels = files->labels;
        files->labels = NULL;
    }
    return gr_storage_pictures(
        storage, options->decoder, options->skip_bad_files,
        &(gr_pictures){.fetch = folder_fetch, .free = folder_free, .user = files});
}

/* A set of what `fill` finds under the root. */
static gr_status folder_make(const char *name, const char *root, const gr_data_options *options,
                             gr_class_list classes, bool one_file, gr_dataset **dataset)
{
    const bool unlabelled = one_file || options->unlabelled;
    gr_storage *storage = gr_storage_new(name);
    folder_files *files = gr_alloc(sizeof *files);
    gr_status status = storage && files ? GR_OK : GR_NO_MEMORY;
    if (status == GR_OK) {
        files->root = gr_strdup(root);
        if (!files->root) status = GR_NO_MEMORY;
    }
    if (status == GR_OK) {
        status = one_file ? folder_add_file(files, NULL, "", 0)
                          : folder_fill(files, unlabelled, classes, storage);
    }
    if (status == GR_OK) {
        status = folder_finish(files, options, unlabelled, storage);
    } else if (files) {
        folder_free(files);
    }
    if (status == GR_OK) return gr_storage_wrap(storage, dataset);
    gr_storage_free(storage);
    return status;
}

gr_status gr_read_picture_folder(const char *name, const char *folder,
                                 const gr_data_options *options, gr_class_list classes,
                                 gr_dataset **dataset)
{
    return folder_make(name, folder, options, classes, false, dataset);
}

gr_status gr_read_picture_file(const char *name, const char *path, const gr_data_options *options,
                               gr_dataset **dataset)
{
    if (!options->unlabelled) {
        return gr_fail(GR_INVALID,
                       "%s: one picture is no data set to learn from: should be a "
                       "folder with a folder of pictures for each class",
                       path);
    }
    return folder_make(name, path, options, (gr_class_list){0}, true, dataset);
}
