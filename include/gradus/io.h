/* io.h: files: metadata, tensors in safetensors, stores, arrays of NumPy.
 *
 * Whatever is written goes to a temporary file in the same folder, is flushed to the disk and then
 * renamed, so that a fault at any moment (a full disk, a lost power supply) leaves the old file as
 * it was. Equal contents give equal bytes. Whatever is read is checked before memory is taken for
 * it; a refusal names the file, the place, what was found there and what belongs there. */
#ifndef GRADUS_IO_H
#define GRADUS_IO_H

#include <gradus/run.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes `size` bytes to `path`, all or nothing. A device or a pipe (/dev/stdout) is written
 * directly. GR_IO with the system's reason; the old file is then untouched, unless the message says
 * that the new one is written and only its folder could not be flushed to the disk. */
GR_API gr_status gr_file_write(const char *path, const void *data, size_t size);

/* ---- Metadata ----------------------------------------------------------------------------- */

/* An ordered map from text to text: what a model file says about itself. Keys and values are UTF-8
 * without NUL. The keys "gradus.checksum" and "gradus.format" belong to the file format. */
typedef struct gr_meta gr_meta;

GR_API gr_meta *gr_meta_new(void);            /* NULL when memory is out */
GR_API void gr_meta_free(gr_meta *meta);      /* accepts NULL */
GR_API int gr_meta_size(const gr_meta *meta); /* pairs */
/* Pair i in the order in which the keys were first set; NULL if out of range. Valid until the next
 * change. */
GR_API const char *gr_meta_key(const gr_meta *meta, int i);
GR_API const char *gr_meta_value(const gr_meta *meta, int i);

/* Sets a key, whose old value (if any) is replaced in its place. Copies both. GR_INVALID for text
 * that is not UTF-8 and for the format's own keys; the map is unchanged on failure. */
GR_API gr_status gr_meta_set(gr_meta *meta, const char *key, const char *value);
GR_API gr_status gr_meta_set_int(gr_meta *meta, const char *key, int64_t value);
/* Written so that it reads back exactly, NaN (without its payload) and infinities included. */
GR_API gr_status gr_meta_set_real(gr_meta *meta, const char *key, double value);
/* n numbers with spaces between them. */
GR_API gr_status gr_meta_set_reals(gr_meta *meta, const char *key, const double *values, int n);
/* n texts, one a line; a line break in a text is written \n and a backslash \\. */
GR_API gr_status gr_meta_set_texts(gr_meta *meta, const char *key, const char *const *values,
                                   int n);

/* The value of a key, NULL if it is not there (no fault). Valid until the next change. */
GR_API const char *gr_meta_get(const gr_meta *meta, const char *key);
/* The others: GR_NOT_FOUND if the key is not there, GR_FORMAT if its value is of another kind; the
 * results are then unchanged. Lists are one block, freed with gr_meta_release; an empty list is
 * NULL. */
GR_API gr_status gr_meta_get_int(const gr_meta *meta, const char *key, int64_t *value);
GR_API gr_status gr_meta_get_real(const gr_meta *meta, const char *key, double *value);
GR_API gr_status gr_meta_get_reals(const gr_meta *meta, const char *key, double **values, int *n);
GR_API gr_status gr_meta_get_texts(const gr_meta *meta, const char *key, char ***values, int *n);
/* Frees a list that gr_meta_get_reals or gr_meta_get_texts handed out. NULL is fine. */
GR_API void gr_meta_release(void *list);

/* ---- safetensors -------------------------------------------------------------------------- */

/* The format is that of github.com/huggingface/safetensors: a JSON header and plain little-endian
 * data. Gradus adds two keys to the metadata: "gradus.format" = "1" and "gradus.checksum", the
 * CRC-64/XZ of the whole file (with this value's own 16 hexadecimal digits taken as zeros), so that
 * damage of any kind is found. Files of other programs have neither and are read without. */

/* One tensor of a file to be written. Neither name nor data are copied or changed. */
typedef struct gr_named_tensor {
    const char *name; /* UTF-8 */
    gr_tensor tensor; /* of any type */
} gr_named_tensor;

/* Writes n tensors and the metadata (NULL: none). GR_INVALID for a name that comes twice, is not
 * UTF-8, or is "__metadata__"; GR_IO as gr_file_write. */
GR_API gr_status gr_safetensors_write(const char *path, const gr_named_tensor *tensors, int n,
                                      const gr_meta *meta);

/* A file that is open for reading. Never changes, so any number of threads may read it. */
typedef struct gr_safetensors gr_safetensors;

/* Opens a file, reads its header and verifies its checksum, if it has one. The data stays in the
 * file until it is asked for. GR_NOT_FOUND if there is no such file, GR_IO if it cannot be read,
 * GR_FORMAT if it is malformed or damaged, GR_UNSUPPORTED if it is of a later format or a rank
 * above GR_MAX_RANK. On success the caller closes *file. */
GR_API gr_status gr_safetensors_open(const char *path, gr_safetensors **file);
/* The same for a file that is in memory already, which must outlive *file; `name` stands for the
 * path in messages. */
GR_API gr_status gr_safetensors_parse(const char *name, const void *data, size_t size,
                                      gr_safetensors **file);
GR_API void gr_safetensors_close(gr_safetensors *file); /* accepts NULL */

GR_API int gr_safetensors_size(const gr_safetensors *file); /* number of tensors */
/* Tensor i in the order of the header; NULL if out of range. Lives as long as the file. */
GR_API const char *gr_safetensors_name(const gr_safetensors *file, int i);
/* Index of `name`, or -1. */
GR_API int gr_safetensors_find(const gr_safetensors *file, const char *name);
/* Type and shape of tensor i (data = NULL). The dtype is GR_DTYPE_COUNT if Gradus has no such type
 * (u16, u32, u64, i16, 8-bit floats). */
GR_API gr_tensor gr_safetensors_type(const gr_safetensors *file, int i);
/* Copies tensor i; `bytes` must be its size. GR_UNSUPPORTED if Gradus has no such type. */
GR_API gr_status gr_safetensors_read(const gr_safetensors *file, int i, void *data, size_t bytes);
/* The metadata without the format's own keys. Lives as long as the file. */
GR_API const gr_meta *gr_safetensors_meta(const gr_safetensors *file);
/* Did the file carry a checksum? (If it did, it was right.) */
GR_API bool gr_safetensors_checked(const gr_safetensors *file);

/* ---- Stores ------------------------------------------------------------------------------- */

/* Writes a store and metadata (NULL: none) as a safetensors file that shows the store at one
 * moment: GR_BUSY while a step that assigns runs on it, and such a step gets GR_BUSY while this
 * runs. Train on meanwhile by saving a gr_store_snapshot. */
GR_API gr_status gr_store_save(const gr_store *store, const char *path, const gr_meta *meta);
/* Reads a safetensors file into a new store, in the order of its header. On success the caller owns
 * *store and, unless `meta` is NULL, *meta. Faults as gr_safetensors_open and _read. */
GR_API gr_status gr_store_load(const char *path, gr_store **store, gr_meta **meta);

/* ---- npy ---------------------------------------------------------------------------------- */

/* Reads an array of numpy.save (format 1 to 3, either byte order, C or Fortran order) into *out,
 * which the caller clears. Types: f64, f32, f16, i64, i32, i8, u8, bool. GR_FORMAT if malformed,
 * GR_UNSUPPORTED for any other type. */
GR_API gr_status gr_npy_read(const char *path, gr_tensor *out);
/* Writes an array that numpy.load reads. GR_UNSUPPORTED for bf16, which numpy lacks. */
GR_API gr_status gr_npy_write(const char *path, const gr_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
