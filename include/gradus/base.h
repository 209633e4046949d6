/* Gradus: neural networks in C, gradient by gradient.
 *
 * base.h: what every other header stands on: status codes and messages, element types, shapes,
 * host tensors, the allocator hook, the log callback, versions. */
#ifndef GRADUS_BASE_H
#define GRADUS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define GR_API
#elif defined(__GNUC__)
#define GR_API __attribute__((visibility("default")))
#else
#define GR_API
#endif

#if defined(__GNUC__)
#define GR_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#define GR_MUST_CHECK __attribute__((warn_unused_result))
#else
#define GR_PRINTF(text, first)
#define GR_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of these headers; docs/promises.md says what each part promises. */
#define GR_VERSION_MAJOR 0
#define GR_VERSION_MINOR 1
#define GR_VERSION_PATCH 0

/* The version of the library that is linked, "0.1.0". Static storage. */
GR_API const char *gr_version(void);

/* ---- Status ------------------------------------------------------------------------------- */

/* X(NAME, "words"). Every fallible call returns one of these; none of them ends the process. */
#define GR_STATUS_TABLE(X)                                                                         \
    X(OK, "success")                                                                               \
    X(INVALID, "invalid argument")                                                                 \
    X(SHAPE, "shapes do not fit")                                                                  \
    X(DTYPE, "element types do not fit")                                                           \
    X(SYNTAX, "syntax error")                                                                      \
    X(NO_MEMORY, "out of memory")                                                                  \
    X(NOT_FOUND, "not found")                                                                      \
    X(IO, "input or output failed")                                                                \
    X(FORMAT, "malformed file")                                                                    \
    X(BUSY, "in use elsewhere")                                                                    \
    X(UNSUPPORTED, "not supported by this build or device")                                        \
    X(NUMERIC, "not a finite number")                                                              \
    X(RANGE, "index out of range")                                                                 \
    X(CANCELLED, "stopped on request")                                                             \
    X(INTERNAL, "internal fault: please report it")

/* What a call returns: GR_OK, which is 0, or why it failed. */
typedef enum gr_status {
#define GR_STATUS_ENUM(name, words) GR_##name,
    GR_STATUS_TABLE(GR_STATUS_ENUM)
#undef GR_STATUS_ENUM
        GR_STATUS_COUNT /* how many there are */
} gr_status;

/* The words of GR_STATUS_TABLE; "unknown status" for any other number. Static storage. */
GR_API const char *gr_status_text(gr_status status);

/* The message of the last call that failed on this thread: what was wrong, where, and what would
 * be right. "" if none has. Valid until the next failing call on this thread. Faults of graph
 * building are sticky in the graph instead: see gr_graph_message. */
GR_API const char *gr_message(void);

/* ---- Element types ------------------------------------------------------------------------ */

/* X(NAME, "text", bytes). bf16, f16 and i8 are storage types: ops other than cast refuse them. */
#define GR_DTYPE_TABLE(X)                                                                          \
    X(F64, "f64", 8)                                                                               \
    X(F32, "f32", 4)                                                                               \
    X(BF16, "bf16", 2)                                                                             \
    X(F16, "f16", 2)                                                                               \
    X(I64, "i64", 8)                                                                               \
    X(I32, "i32", 4)                                                                               \
    X(I8, "i8", 1)                                                                                 \
    X(U8, "u8", 1)                                                                                 \
    X(BOOL, "bool", 1)

/* The type of a tensor's elements. */
typedef enum gr_dtype {
#define GR_DTYPE_ENUM(name, text, bytes) GR_##name,
    GR_DTYPE_TABLE(GR_DTYPE_ENUM)
#undef GR_DTYPE_ENUM
        GR_DTYPE_COUNT /* how many there are; also: none of them */
} gr_dtype;

GR_API const char *gr_dtype_name(gr_dtype dtype); /* "f32"; "?" if unknown */
GR_API size_t gr_dtype_size(gr_dtype dtype);      /* bytes of one element; 0 if unknown */
GR_API bool gr_dtype_is_float(gr_dtype dtype);    /* f64, f32, bf16, f16 */
/* The type called `name` ("f32"); GR_DTYPE_COUNT if there is none. */
GR_API gr_dtype gr_dtype_find(const char *name);

/* ---- Shapes ------------------------------------------------------------------------------- */

#define GR_MAX_RANK 8 /* axes of a tensor at most */

/* Sizes of a dense row-major tensor, outermost first. Rank 0 is a scalar; sizes may be 0. */
typedef struct gr_shape {
    int rank;                 /* axes: 0 to GR_MAX_RANK */
    int64_t dim[GR_MAX_RANK]; /* the first `rank` count */
} gr_shape;

#ifdef __cplusplus
#define GR_SCALAR (gr_shape())
#else
#define GR_SCALAR ((gr_shape){0}) /* the shape of rank 0 */
#define GR_COUNT_OF_(...) ((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
/* GR_SHAPE(64, 1, 28, 28) */
#define GR_SHAPE(...) ((gr_shape){GR_COUNT_OF_(__VA_ARGS__), {__VA_ARGS__}})
#endif

/* Copies `rank` sizes (0 ≤ rank ≤ GR_MAX_RANK; more are cut off). */
GR_API gr_shape gr_shape_of(int rank, const int64_t *dim);
GR_API bool gr_shape_equal(gr_shape a, gr_shape b); /* same rank, same sizes */
/* Elements, 1 for a scalar; -1: a size is negative, or those above 0 multiply to more elements of 8
 * bytes than an address could tell (over PTRDIFF_MAX / 8). */
GR_API int64_t gr_shape_count(gr_shape shape);
/* Writes "[64,1,28,28]" ("[]" for a scalar) into text[size], cut to fit; returns text. */
GR_API char *gr_shape_print(gr_shape shape, char *text, size_t size);

/* ---- Host tensors ------------------------------------------------------------------------- */

/* A dense row-major block of host memory. Plain data: who fills `data` owns it, unless the tensor
 * came from gr_tensor_new, which gr_tensor_clear frees. */
typedef struct gr_tensor {
    gr_dtype dtype; /* of the elements */
    gr_shape shape; /* outermost axis first */
    void *data;     /* the elements, row-major, aligned for their type; NULL: none */
} gr_tensor;

/* Fills *out with a zeroed tensor, 64-byte aligned. On failure (GR_INVALID for a bad shape or
 * dtype, GR_NO_MEMORY) *out holds no data. Free with gr_tensor_clear. */
GR_API gr_status gr_tensor_new(gr_dtype dtype, gr_shape shape, gr_tensor *out);
/* Frees what gr_tensor_new allocated and leaves an empty tensor. Accepts an empty one. */
GR_API void gr_tensor_clear(gr_tensor *tensor);
/* Bytes of the data; 0 if the shape is invalid. */
GR_API size_t gr_tensor_bytes(const gr_tensor *tensor);
/* Element `i` in row-major order as a double (i64 beyond 2^53 rounds). `i` must be in range. */
GR_API double gr_tensor_at(const gr_tensor *tensor, int64_t i);
/* Stores `value` as element `i`: rounded to a float type; for whole numbers cut towards zero and
 * saturated, NaN becoming 0; for bool value ≠ 0. */
GR_API void gr_tensor_put(gr_tensor *tensor, int64_t i, double value);

/* ---- Memory and log ----------------------------------------------------------------------- */

/* Where the library's memory comes from. resize(user, NULL, 0, n) allocates n bytes with the
 * alignment of malloc; resize(user, p, old, 0) frees; otherwise as realloc. NULL means failure,
 * which reaches the caller as GR_NO_MEMORY. */
typedef struct gr_allocator {
    /* As above; may be called by several threads at a time. */
    void *(*resize)(void *user, void *block, size_t old_size, size_t new_size);
    void *user; /* handed to `resize` */
} gr_allocator;

/* Replaces the allocator for the process; NULL restores malloc. Call it before any other use of
 * the library, or while no object of the library is alive. */
GR_API void gr_set_allocator(const gr_allocator *allocator);

/* How much a remark matters. */
typedef enum gr_log_level {
    GR_LOG_DEBUG,  /* what the library chose and did */
    GR_LOG_INFO,   /* what a user may want to know */
    GR_LOG_WARNING /* what is probably not as it was meant */
} gr_log_level;
/* Takes one remark: a line without its newline, valid during the call. */
typedef void gr_log_fn(void *user, gr_log_level level, const char *text);

/* Where remarks go (the library itself never prints). NULL, the start value, drops them. The
 * callback may be called from any thread that uses the library. */
GR_API void gr_set_log(gr_log_fn *fn, void *user);

#ifdef __cplusplus
}
#endif
#endif
