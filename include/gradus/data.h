/* data.h: data sets, splits, normalisation, batches.
 *
 *     gr_dataset *train, *test, *fit, *held;
 *     gr_normalizer norm;
 *     gr_loader *loader;
 *     gr_batch batch;
 *
 *     gr_data_open("fashion-mnist", NULL, &train, &test);
 *     gr_dataset_split(train, GR_DATA_SPLIT(.fraction = .1, .seed = 1), &fit, &held);
 *     gr_normalizer_learn(GR_NORMALIZE_STANDARD, fit, &norm);
 *     gr_loader_new(fit, GR_LOADER(.batch = 128, .shuffle = true, .normalizer = &norm), &loader);
 *     for (int epoch = 0; epoch < 10; epoch++) {
 *         while (gr_loader_next(loader, &batch)) {
 *             // batch.x: f32 [128,1,28,28], batch.y: i32 [128]
 *         }
 *     }
 *
 *     if (gr_loader_status(loader) != GR_OK) …    // a set that is streamed may fail on the way
 *
 * Every call but gr_loader_next can fail, and says so by its status. */
#ifndef GRADUS_DATA_H
#define GRADUS_DATA_H

#include <gradus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Data sets ---------------------------------------------------------------------------- */

/* Examples of one shape and type (u8: images keep their bytes; i32: tokens; f32: everything else),
 * and for each a class or several, unless the set is unlabelled. They lie in memory, or come from a
 * source as they are needed. Never changes, so any number of threads may read it. A split or
 * selection is a data set too, which shares the examples: nothing is copied, and either may be
 * freed first. */
typedef struct gr_dataset gr_dataset;

/* A set of n examples in memory. `examples` is u8 or f32 of shape [n, …]; labels[n] lie in
 * 0 ≤ label < classes (both NULL and 0: unlabelled); class_names may be NULL, which names them
 * "0", "1", …. All is copied. GR_INVALID, GR_DTYPE, GR_SHAPE, GR_RANGE (a label, named by its
 * place) or GR_NO_MEMORY; *dataset is then NULL. */
GR_API gr_status gr_dataset_new(const char *name, const gr_tensor *examples, const int32_t *labels,
                                int classes, const char *const *class_names, gr_dataset **dataset);

/* Where examples come from that are not kept in memory: larger than memory, cut from a text,
 * generated, … */
typedef struct gr_source {
    size_t size;          /* sizeof(gr_source) */
    const char *name;     /* of the set, copied */
    int64_t count;        /* examples */
    gr_dtype dtype;       /* GR_U8, GR_F32, or GR_I32: tokens, which reach a net as they are */
    gr_shape shape;       /* of one example */
    gr_shape label_shape; /* GR_SCALAR: one class for an example; [T]: a label for each position */
    int classes;          /* 0: unlabelled */
    const char *const *class_names; /* [classes]; NULL: "0", "1", … */
    /* [count], if each example has one class, known without reading it; else NULL. Splits by class
     * and counts of classes need it. */
    const int32_t *labels;
    bool padded;   /* labels at positions may be -1: padding, which counts for nothing */
    bool quick;    /* an example costs little more than to copy it: small batches need no threads */
    uint64_t hash; /* tells this content from any other to a resumed training; 0: nothing does */
    /* Writes example i: its elements, row-major, to x, and its labels to y, which is NULL where
     * `labels` tells them or the set is unlabelled. A pure function of i and `draw`, which is a
     * random number of seed, epoch and example, for what is generated or varied. Several threads
     * call it at a time. A status other than GR_OK, with a message (gr_source_fail), ends the
     * epoch; gr_loader_status tells it. */
    gr_status (*read)(void *user, int64_t i, uint64_t draw, void *x, int32_t *y);
    void (*free)(void *user); /* called when no set has the source any more; may be NULL */
    void *user;               /* handed to both */
} gr_source;
#define GR_SOURCE(...) (&(gr_source){.size = sizeof(gr_source), __VA_ARGS__})

/* A set whose examples are read from a source as they are needed. All but `user` is copied; `user`
 * belongs to the set from now on, on failure too. Refusals as gr_dataset_new. */
GR_API gr_status gr_dataset_from_source(const gr_source *source, gr_dataset **dataset);
/* What a source's `read` returns where it fails: sets gr_message() and returns `status`. */
GR_API gr_status gr_source_fail(gr_status status, const char *format, ...) GR_PRINTF(2, 3);

/* Accepts NULL. */
GR_API void gr_dataset_free(gr_dataset *dataset);

/* What it was opened or made as. Lives as long as the data set. */
GR_API const char *gr_dataset_name(const gr_dataset *dataset);
GR_API int64_t gr_dataset_size(const gr_dataset *dataset); /* examples */
/* Of one example: [1,28,28], [3,32,32], [4]; [3,0,0]: pictures of many sizes. */
GR_API gr_shape gr_dataset_shape(const gr_dataset *dataset);
GR_API gr_dtype gr_dataset_dtype(const gr_dataset *dataset);       /* GR_U8, GR_F32 or GR_I32 */
GR_API int gr_dataset_classes(const gr_dataset *dataset);          /* 0: unlabelled */
GR_API gr_shape gr_dataset_label_shape(const gr_dataset *dataset); /* of one example's labels */
GR_API bool gr_dataset_padded(const gr_dataset *dataset);          /* gr_source's `padded` */
GR_API bool gr_dataset_streamed(const gr_dataset *dataset); /* from a source, not in memory */
/* "Ankle boot"; NULL if there is no such class. Names live as long as the data set. */
GR_API const char *gr_dataset_class_name(const gr_dataset *dataset, int label);
/* The name of feature i of a table whose header (or documentation) names it, else NULL. */
GR_API const char *gr_dataset_feature_name(const gr_dataset *dataset, int64_t i);

/* For 0 ≤ i < gr_dataset_size: the elements of example i, row-major, of gr_dataset_dtype (NULL if
 * the set is streamed); its class, or -1 if the set is unlabelled or only reading tells; its number
 * in the set that this one was selected from first (so in the file), which stays the same through
 * splits. */
GR_API const void *gr_dataset_example(const gr_dataset *dataset, int64_t i);
GR_API int32_t gr_dataset_label(const gr_dataset *dataset, int64_t i);
GR_API int64_t gr_dataset_index(const gr_dataset *dataset, int64_t i);

/* A hash of all examples with their labels, in order, to tell whether two sets are the same: 64
 * bits, not made to withstand forgers. Reads the whole set, except one that is streamed: of that it
 * is the source's own `hash` with the examples' numbers and labels. */
GR_API uint64_t gr_dataset_hash(const gr_dataset *dataset);

/* Writes example i, in memory or streamed, to x, and its labels, as many as gr_dataset_label_shape
 * says (-1 if unlabelled), to y. `draw`: as for gr_source's read, whose faults come back.
 * GR_RANGE. */
GR_API gr_status gr_dataset_read(const gr_dataset *dataset, int64_t i, uint64_t draw, void *x,
                                 int32_t *y);

/* Example i as a picture, u8 [c,h,w], for gr_tensor_clear: of a folder of pictures as it is there,
 * in colour. GR_SHAPE if the examples are none. */
GR_API gr_status gr_dataset_picture(const gr_dataset *dataset, int64_t i, gr_tensor *picture);

/* The examples index[0] … index[n-1] of `dataset`, in this order; repetitions are allowed.
 * GR_RANGE for an index that does not exist. */
GR_API gr_status gr_dataset_select(const gr_dataset *dataset, const int64_t *index, int64_t n,
                                   gr_dataset **selection);

typedef struct gr_data_split_options {
    size_t size;       /* sizeof(gr_data_split_options) */
    double fraction;   /* of the examples that is held out, 0 < fraction < 1; or */
    int64_t count;     /* how many are held out, if not 0 */
    uint64_t seed;     /* of the draw */
    bool unstratified; /* draw from all alike; else each class gives its share, rounded so that the
                          total is exact (largest remainders), if classes are known unread */
} gr_data_split_options;
#define GR_DATA_SPLIT(...)                                                                         \
    (&(gr_data_split_options){.size = sizeof(gr_data_split_options), __VA_ARGS__})

/* Divides a set in two by the seed, both in the order of the set. GR_INVALID if either would be
 * empty. */
GR_API gr_status gr_dataset_split(const gr_dataset *dataset, const gr_data_split_options *options,
                                  gr_dataset **rest, gr_dataset **held);

/* Fold number `fold` (from 0) of m-fold cross-validation: an m-th of the examples, drawn by the
 * seed so that each class gives its share, is *held out, and *rest is the others. Every example is
 * held out in one fold. GR_RANGE unless 0 ≤ fold < folds and 2 ≤ folds ≤ examples; GR_INVALID if
 * either part has examples of one class alone. */
GR_API gr_status gr_dataset_fold(const gr_dataset *dataset, int folds, int fold, uint64_t seed,
                                 gr_dataset **rest, gr_dataset **held);

/* Bootstrap: *drawn is as many examples as `dataset` has, drawn with replacement by the seed and
 * the number of the draw; *left is those that were not drawn, about 37 % (Efron 1979, "Bootstrap
 * methods: another look at the jackknife"). GR_INVALID as above. */
GR_API gr_status gr_dataset_bootstrap(const gr_dataset *dataset, int draw, uint64_t seed,
                                      gr_dataset **drawn, gr_dataset **left);

/* ---- Reading files ------------------------------------------------------------------------ */

/* What a token of a text is. */
typedef enum gr_text_unit { GR_TEXT_NONE, GR_TEXT_CHARS, GR_TEXT_BYTES } gr_text_unit;

/* What decodes pictures: gr_image_decoder() of image.h, in libgradus-extra, gives one. */
typedef struct gr_picture_decoder {
    size_t size; /* sizeof(gr_picture_decoder) */
    /* The sides of an encoded picture, by its header. `name` begins the messages. */
    gr_status (*measure)(const void *data, size_t size, const char *name, int64_t *height,
                         int64_t *width);
    /* Decodes it as u8 [1,h,w] (grey) or [3,h,w], for gr_tensor_clear. Where it is quicker, both
     * sides may be shrunk, by up to `shrink` ≥ 1. */
    gr_status (*decode)(const void *data, size_t size, const char *name, double shrink,
                        gr_tensor *picture);
} gr_picture_decoder;

typedef struct gr_data_options {
    size_t size;     /* sizeof(gr_data_options) */
    bool unlabelled; /* read no labels: for data to predict */
    /* The classes that labels must be among, as those of a trained model. NULL: IDX files have as
     * many as their largest label says, tables the different texts that occur, sorted (as numbers
     * if all are whole numbers); the test part must do with those of the training part. */
    const char *const *class_names;
    int classes;
    /* Pictures alone. One that cannot be read ends the epoch, or, with skip_bad_files, is named to
     * the log, and another of its class stands in for it. */
    const gr_picture_decoder *decoder; /* copied */
    bool skip_bad_files;               /* go on without those that cannot be read */
    /* Tables alone. A column is a name of the header, or a number: 1 is the first, -1 the last. */
    const char *label;  /* NULL: the last */
    const char *ignore; /* columns left out, separated by commas: "id,7" */
    char separator;     /* one of , ; : | tab space; 0: , ; or tab, as the first line has most of */
    /* 0: there is a header if no feature of the first line is a number; 1: there is; -1: is not. */
    int header;
    /* Texts alone: see gr_text_dataset of text.h. */
    gr_text_unit text; /* how to take the file apart; GR_TEXT_NONE: it is no text, unless it is a
                          known one, which is of characters */
    int64_t length;    /* tokens of an example; 0 means 64 */
    int64_t streams;   /* rows of a batch, each of which continues that of the last; 0: none does */
    double held; /* share at the text's end for the test part; 0 means .1, 1: all; below: none */
    /* Tables alone: leave out rows with a feature that is missing or no finite number, or without
     * a label; a warning to the log says how many, and where the first is. */
    bool skip_bad_rows;
} gr_data_options;
#define GR_DATA(...) (&(gr_data_options){.size = sizeof(gr_data_options), __VA_ARGS__})

/* Reads a data set: a name of gr_data_known, or a path:
 *   - a folder with IDX files named as MNIST's (train-images-idx3-ubyte, …), or the binary version
 *     of CIFAR-10 (data_batch_1.bin, …, test_batch.bin) or CIFAR-100 (train.bin, test.bin);
 *   - an IDX file of examples, [n, …], with its labels beside it ("images" → "labels" in the name),
 *     or one CIFAR file; matrices [n,h,w] become images [1,h,w];
 *   - a folder with a folder of JPEG and PNG files for each class, named after it, or with train
 *     and test (or val) of that kind in it; they are decoded as they are needed, as u8 [3,h,w] of
 *     any size, so that memory does not grow with the data. The shape is [3,0,0]: a loader's
 *     preprocess makes them equal. Unlabelled: also a folder of pictures, or one picture;
 *   - a record file, as gr_data_pack writes it;
 *   - a table: text, one example a line, numbers separated by , ; or tab, with "quoted" fields as
 *     in RFC 4180, and one column of classes;
 *   - a text, if the options say so.
 * Binary files may be gzipped with .gz at the end of their names (GR_UNSUPPORTED in a build
 * without zlib). *test becomes NULL if there is no test part; pass NULL for a part not to read it.
 * `options` may be NULL. Files are read strictly: GR_FORMAT with file, place, what was found and
 * what should be there; GR_NOT_FOUND where nothing is, with the places that were looked at;
 * GR_IO; GR_NO_MEMORY. On failure both results are NULL. */
GR_API gr_status gr_data_open(const char *name_or_path, const gr_data_options *options,
                              gr_dataset **train, gr_dataset **test);

/* Writes a set, and its test part if there is one (else NULL), as one record file: an index, the
 * examples (pictures as their files are, after it has been seen that they can be decoded),
 * checksums. gr_data_open maps such a file into memory and reads examples, in any order, as they
 * are needed, so it may be larger than memory; it must not be cut while it is in use. With
 * skip_bad_files pictures that cannot be decoded are named to the log and left out. Labels must be
 * one class for each example. GR_IO: the old file is then as it was; and the refusals of reading.
 */
GR_API gr_status gr_data_pack(const gr_dataset *train, const gr_dataset *test, const char *path);

/* The same; behind each example `proceed` is told how many are written, and the rest is left undone
 * when it returns false: GR_CANCELLED, and the old file is as it was. */
GR_API gr_status gr_data_pack_while(const gr_dataset *train, const gr_dataset *test,
                                    const char *path, bool (*proceed)(void *user, int64_t done),
                                    void *user);

/* A set that gr_data_open knows by name. */
typedef struct gr_data_info {
    const char *name;    /* "fashion-mnist" */
    const char *title;   /* one line: what it is */
    gr_shape shape;      /* of one example */
    int classes;         /* 0: unlabelled */
    int64_t train, test; /* examples; test 0: no test part */
    const char *get;     /* how to get it: a command, or where it is published */
} gr_data_info;
/* Known set number i; NULL beyond the last. Static storage. */
GR_API const gr_data_info *gr_data_known(int i);
/* Where the files of a known set are: in a folder of $GRADUS_DATA (several are separated by ':'),
 * of $XDG_CACHE_HOME/gradus or ~/.cache/gradus, or of /usr/share/datasets. Writes the path of its
 * folder or file, or "(made)" for a set that is made, not read (tasks.h, points.h). GR_NOT_FOUND,
 * with the places, or GR_INVALID for an unknown name. */
GR_API gr_status gr_data_find(const char *name, char *path, size_t size);
/* The folder of $XDG_CACHE_HOME or ~/.cache that gr_data_find looks in; it need not exist.
 * GR_NOT_FOUND if neither variable says where, GR_INVALID if the path does not fit. */
GR_API gr_status gr_data_cache(char *path, size_t size);

/* A file of a known set, as it is published. */
typedef struct gr_data_file {
    const char *path;   /* where it belongs below a folder of gr_data_find: "uci/iris.data" */
    const char *url[2]; /* https addresses that have it; the second may be NULL */
    const char *sha256; /* of its bytes: 64 hexadecimal digits */
    int64_t bytes;      /* its size */
    const char
        *folder; /* an archive: the folder in it, which belongs there in its place; or NULL */
} gr_data_file;
/* File number i of the known set `name`; NULL beyond the last, of a set that is made, and of an
 * unknown one. Who gets them in this order gets last the one by which gr_data_find finds the set.
 * The library opens no connection: `gradus data fetch` does. Static storage; any thread. */
GR_API const gr_data_file *gr_data_known_file(const char *name, int i);

/* Reads one IDX file, plain or .gz, as it is: u8, i8, i32, f32, f64, and i16 as i32. Free *tensor
 * with gr_tensor_clear; on failure it holds no data. Format: http://yann.lecun.com/exdb/mnist */
GR_API gr_status gr_idx_read(const char *path, gr_tensor *tensor);

/* ---- Pictures: size, crop, augmentation --------------------------------------------------- */

/* What is made of a picture, u8 or f32 [c,h,w], before it is normalised. A model keeps it, so that
 * tests and predictions see pictures as the training did. Zeros change nothing. */
typedef struct gr_preprocess {
    int64_t resize; /* scale it, proportions kept, so that its shorter side has so many pixels */
    int64_t crop;   /* cut a square of so many pixels a side out of the middle */
} gr_preprocess;

/* How a training varies pictures, each by draws from seed, epoch and example alone: the crop's
 * place is drawn, and what is asked for here. What lies outside of a picture, or is cut out, is 0
 * after normalisation. */
typedef struct gr_augment {
    size_t size;       /* sizeof(gr_augment) */
    int64_t pad;       /* the crop may reach so many pixels beyond the picture */
    bool mirror;       /* every second picture, left to right */
    bool random_scale; /* instead of resize and crop, a part of 8 to 100 % of the area, in
                          proportions from 3:4 to 4:3, is scaled to the crop (Szegedy et al. 2015,
                          "Going deeper with convolutions") */
    /* Factors from 1−x to 1+x, of pictures of bytes (Howard 2013, "Some improvements on deep
     * convolutional neural network based image classification"). */
    double brightness, contrast, saturation;
    int64_t cutout; /* a square of so many pixels a side at a drawn place (DeVries and Taylor 2017,
                       "Improved regularization of convolutional neural networks with cutout") */
} gr_augment;
#define GR_AUGMENT(...) (&(gr_augment){.size = sizeof(gr_augment), __VA_ARGS__})

/* The shape that examples of `shape` have after `preprocess` (NULL: the same). GR_SHAPE, with both
 * sizes, if they are no pictures or smaller than the crop; GR_RANGE for negative sizes. */
GR_API gr_status gr_preprocess_shape(const gr_preprocess *preprocess, gr_shape shape,
                                     gr_shape *result);
/* Makes of one picture, u8 or f32 [c,h,w], what a net sees, but for normalisation: y, f32, of
 * gr_preprocess_shape. Scaling takes the mean of the area under each pixel of a side that shrinks;
 * a side that grows is interpolated linearly. */
GR_API gr_status gr_preprocess_apply(const gr_preprocess *preprocess, const gr_tensor *picture,
                                     float *y);

/* ---- Normalisation ------------------------------------------------------------------------ */

/* What is made of the numbers of an example. */
typedef enum gr_normalize {
    GR_NORMALIZE_STANDARD,  /* mean 0 and deviation 1 over the training part */
    GR_NORMALIZE_UNIT,      /* to [0, 1]: bytes by 1/255, numbers by their least and greatest */
    GR_NORMALIZE_NONE,      /* only to f32 */
    GR_NORMALIZE_MEAN_IMAGE /* minus the mean of each element (each pixel of each channel) */
} gr_normalize;

/* y = (x − shift[c])·scale[c], in f32, each operation rounded. c is the channel of images (the
 * first axis of examples of rank 3 or more), the feature of rank 1, and 0 for other ranks; for
 * GR_NORMALIZE_MEAN_IMAGE it is the element, and scale is 1. A channel that never varies gets scale
 * 1. Plain data for a model to store; owns its arrays. */
typedef struct gr_normalizer {
    gr_normalize kind;    /* what was learnt */
    int64_t channels;     /* elements of shift and scale */
    float *shift, *scale; /* [channels] */
    /* Of a mean image: the pictures' shape, [c,h,w], which may be larger than the parts of them
     * that it is taken from: from each what lay there, or from an example alone its middle. Rank 0:
     * that of the examples. */
    gr_shape picture;
} gr_normalizer;

/* Learns from a data set, the training part alone: from all of it, or from 16,384 examples evenly
 * spaced if it is streamed and larger. Sums are in f64 (bytes are counted exactly). Tokens get
 * GR_NORMALIZE_NONE. Free with gr_normalizer_clear; holds nothing on failure. */
GR_API gr_status gr_normalizer_learn(gr_normalize kind, const gr_dataset *dataset,
                                     gr_normalizer *normalizer);
/* The same for examples as `preprocess` (which may be NULL) makes them; a mean image is that of the
 * pictures before they are cropped, or, of pictures of many sizes, of their middle square. */
GR_API gr_status gr_normalizer_learn_view(gr_normalize kind, const gr_dataset *dataset,
                                          const gr_preprocess *preprocess,
                                          gr_normalizer *normalizer);
/* Copies shift[channels] and scale[channels], as read from a model. */
GR_API gr_status gr_normalizer_new(gr_normalize kind, int64_t channels, const float *shift,
                                   const float *scale, gr_normalizer *normalizer);
/* Frees the arrays of a normalizer and leaves an empty one, which it accepts, too. */
GR_API void gr_normalizer_clear(gr_normalizer *normalizer);
/* Normalises x (u8 or f32, [n, …]) into y, f32 with as many elements: what loaders do with a
 * batch. GR_SHAPE if an example has not normalizer->channels channels. */
GR_API gr_status gr_normalizer_apply(const gr_normalizer *normalizer, const gr_tensor *x, float *y);
/* "standard", "unit", "none", "mean_image"; gr_normalize_find returns -1 for other words. */
GR_API const char *gr_normalize_name(gr_normalize kind);
GR_API int gr_normalize_find(const char *name);

/* ---- Batches ------------------------------------------------------------------------------ */

/* Some examples of a set, as a net takes them. The memory is its loader's. */
typedef struct gr_batch {
    gr_tensor x;          /* f32 [rows, …], normalised; tokens: i32, as they are */
    gr_tensor y;          /* i32 [rows, label_shape…]; -1 throughout if unlabelled */
    const int64_t *index; /* [rows]: gr_dataset_index of each */
    int64_t rows;         /* the last batch of an epoch may have fewer */
    int64_t epoch;        /* counted from 0 */
} gr_batch;

/* Goes through a data set in batches, epoch after epoch. While a batch is used, threads of the
 * loader's own prepare the next ones. One thread at a time may use a loader. */
typedef struct gr_loader gr_loader;

typedef struct gr_loader_options {
    size_t size;                     /* sizeof(gr_loader_options) */
    int64_t batch;                   /* rows; 0 means 64 */
    bool shuffle;                    /* in an order that is a pure function of seed and epoch */
    uint64_t seed;                   /* of order and draws */
    bool drop_last;                  /* leave out an epoch's last batch if it is not full */
    const gr_normalizer *normalizer; /* copied; NULL: GR_NORMALIZE_NONE */
    const gr_preprocess *preprocess; /* copied; NULL: pictures stay as they are */
    const gr_augment *augment;       /* copied; NULL: they are not varied */
    bool synchronous; /* no thread: batches are made when asked for. The batches are the same */
    int threads;      /* that prepare batches; 0: one, or all cores if the set is streamed */
    bool same_draws;  /* every epoch draws as the first: for validation */
} gr_loader_options;
#define GR_LOADER(...) (&(gr_loader_options){.size = sizeof(gr_loader_options), __VA_ARGS__})

/* The loader keeps what it needs of `dataset`, which may be freed. GR_INVALID for an empty set, a
 * set smaller than the batch with drop_last, a bad size; GR_SHAPE if the normaliser does not fit.
 * All memory is taken here. */
GR_API gr_status gr_loader_new(const gr_dataset *dataset, const gr_loader_options *options,
                               gr_loader **loader);
GR_API void gr_loader_free(gr_loader *loader); /* ends its threads; accepts NULL */
/* true: *batch is the next one, valid until the next call for this loader; its memory is the
 * loader's, aligned to 64 bytes. false: the epoch is over, and the next call starts the next one;
 * or an example of a streamed set could not be read: it stays false then until gr_loader_seek, and
 * gr_loader_status tells why. Sets in memory cannot fail. */
GR_API bool gr_loader_next(gr_loader *loader, gr_batch *batch);
/* GR_OK, or what the set's source said about the example that could not be read (the first one of
 * its batch), with the same message again. */
GR_API gr_status gr_loader_status(const gr_loader *loader);
GR_API int64_t gr_loader_batches(const gr_loader *loader); /* in an epoch */
GR_API int64_t gr_loader_rows(const gr_loader *loader);    /* in an epoch; less with drop_last */

/* Where a loader stands: so many rows of this epoch were handed out. A loader with the same set
 * and options that seeks there goes on with exactly the batches that would have followed. */
typedef struct gr_cursor {
    int64_t epoch; /* from 0 */
    int64_t row;   /* rows of the epoch that were handed out */
} gr_cursor;
/* Where the next batch begins. */
GR_API gr_cursor gr_loader_cursor(const gr_loader *loader);
/* GR_RANGE unless `row` is where a batch begins or the epoch ends. */
GR_API gr_status gr_loader_seek(gr_loader *loader, gr_cursor cursor);

#ifdef __cplusplus
}
#endif
#endif
