/* What a data set is inside, and the readers that fill one. Internal. */
#ifndef GR_DATA_DATASET_H
#define GR_DATA_DATASET_H

#include "base/base.h"

#include <stdatomic.h>

#include <gradus/data.h>

#define GR_DATA_MAX_CLASSES 65536

typedef struct gr_pictures gr_pictures;

/* The examples themselves, shared by a set and what was selected from it. */
typedef struct gr_storage {
    atomic_int references;
    gr_arena arena; /* of the names */
    const char *name;
    gr_dtype dtype;
    gr_shape shape; /* of one example */
    int64_t count;
    size_t example_bytes;
    /* In memory: what gr_free frees, and in it, behind a file's header, the examples, aligned for
     * dtype. NULL if streamed: then either source.read is there, and user is the storage's, or
     * pictures of any size are, and the shape is [3,0,0]. */
    char *block;
    const char *examples;
    gr_source source;
    gr_pictures *pictures;
    gr_shape label_shape;
    size_t label_count; /* labels of one example */
    int32_t *labels;    /* one for each example; NULL: unlabelled, or source.read tells */
    int classes;
    const char **class_names;   /* [classes] */
    const char **feature_names; /* NULL, or one for each element of an example */
} gr_storage;

struct gr_dataset {
    gr_storage *storage;
    int64_t count;
    int64_t *index; /* NULL: all of the storage in order */
};

/* Storage with a name and one reference, for a reader to fill in; NULL when memory is out. */
gr_storage *gr_storage_new(const char *name);
void gr_storage_free(gr_storage *storage); /* drops a reference; accepts NULL */
/* Sets shape, dtype, count and example_bytes. GR_FORMAT if a size is 0 or the total exceeds the
 * address space. */
gr_status gr_storage_shape(gr_storage *storage, gr_dtype dtype, int64_t count, gr_shape shape);
/* gr_dataset_read of example `index` of the storage itself. */
gr_status gr_storage_read(const gr_storage *storage, int64_t index, uint64_t draw, void *x,
                          int32_t *y);
/* Copies class names; names = NULL calls them "0", "1", …. */
gr_status gr_storage_classes(gr_storage *storage, int classes, const char *const *names);
/* Copies `n` feature names. */
gr_status gr_storage_features(gr_storage *storage, int64_t n, const char *const *names);
/* A data set of all of the storage. Takes the caller's reference, on failure too. */
gr_status gr_storage_wrap(gr_storage *storage, gr_dataset **dataset);

/* ---- Known sets --------------------------------------------------------------------------- */

typedef enum gr_data_kind {
    GR_DATA_IDX,
    GR_DATA_CIFAR10,
    GR_DATA_CIFAR100,
    GR_DATA_TABLE,
    GR_DATA_TEXT,
    GR_DATA_TASK,  /* made, not read */
    GR_DATA_POINTS /* also */
} gr_data_kind;

typedef struct gr_known_set {
    gr_data_info info;
    gr_data_kind kind;
    const char *places[3];            /* under a root: folders or, of tables and texts, the file */
    const char *test;                 /* of tables: the test part, beside the other */
    const char *const *class_names;   /* NULL: as the files say */
    const char *const *feature_names; /* NULL: none */
    const char *label, *ignore;       /* of tables: columns */
    const gr_data_file *files;        /* what is published, up to one without a path; NULL: made */
} gr_known_set;

extern const gr_known_set gr_known_sets[];
extern const int gr_known_count;
extern const gr_data_file gr_fashion_files[], gr_mnist_files[], gr_cifar10_files[],
    gr_cifar100_files[], gr_digits_files[], gr_iris_files[], gr_wine_files[], gr_cancer_files[],
    gr_shakespeare_files[];
/* NULL if no set is called so. */
const gr_known_set *gr_known_find(const char *name);

extern const char *const gr_digit_names[10];
extern const char *const gr_cifar10_names[10];
extern const char *const gr_cifar100_names[100];

/* ---- Readers ------------------------------------------------------------------------------ */

/* The classes that labels must be among; count 0: as many as there are. */
typedef struct gr_class_list {
    int count;
    const char *const *names; /* may be NULL if numbers */
} gr_class_list;

/* Examples from the IDX file `images`, classes from `labels` (NULL: unlabelled). */
gr_status gr_read_idx_set(const char *name, const char *images, const char *labels,
                          gr_class_list classes, gr_dataset **dataset);

/* The records of `n` CIFAR files after each other. `fine`: CIFAR-100, whose records begin with a
 * coarse and a fine label, of which the fine one is read; else CIFAR-10. No classes: unlabelled. */
gr_status gr_read_cifar(const char *name, const char *const *paths, int n, bool fine,
                        gr_class_list classes, gr_dataset **dataset);

/* A table. `options` is complete; its class_names are replaced by `classes`. Examples have `shape`
 * if its rank is not 0, else one axis of all features. */
gr_status gr_read_table(const char *name, const char *path, const gr_data_options *options,
                        gr_class_list classes, gr_shape shape, gr_dataset **dataset);

#endif
