/* What the rest of the library stands on: memory, faults, text, hashing, time. Internal. */
#ifndef GR_BASE_INTERNAL_H
#define GR_BASE_INTERNAL_H

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <gradus/base.h>

#define GR_ALIGN 64 /* of every buffer that a kernel may see: a cache line, an AVX-512 vector */
/* Of functions that libgradus-extra uses as well, and nobody else: the shared library exports these
 * under the version GRADUS_PRIVATE (cmake/gradus.map.in), which promises nothing to other programs.
 */
#define GR_SHARED GR_API

/* The bytes that a block of `bytes` takes up where another follows, GR_ALIGN-aligned. */
static inline size_t gr_aligned(size_t bytes)
{
    return (bytes + GR_ALIGN - 1) / GR_ALIGN * GR_ALIGN;
}

/* Copies by plain moves: for a few bytes, which a call takes longer to begin with than to copy. */
static inline void gr_copy_few(char *restrict to, const char *restrict from, size_t bytes)
{
    size_t k = 0;
    for (; k + 16 <= bytes; k += 16) memcpy(to + k, from + k, 16);
    for (; k + 4 <= bytes; k += 4) memcpy(to + k, from + k, 4);
    for (; k < bytes; k++) to[k] = from[k];
}

#define GR_LEN(array) (sizeof(array) / sizeof *(array))

/* Before a loop whose rounds do not depend on each other and that is worth vectors: at the level of
 * optimisation that keeps the library small, no loop is made of them unasked. */
#define GR_SIMD _Pragma("omp simd")

/* ---- Faults ------------------------------------------------------------------------------- */

/* Sets this thread's message and returns `status`:  return gr_fail(GR_FORMAT, "%s: …", path); */
GR_SHARED gr_status gr_fail(gr_status status, const char *format, ...) GR_PRINTF(2, 3);
GR_SHARED gr_status gr_fail_v(gr_status status, const char *format, va_list args);
/* Puts words in front of this thread's message: "train.csv: line 3: …". Returns `status`. */
GR_SHARED gr_status gr_fail_prefix(gr_status status, const char *format, ...) GR_PRINTF(2, 3);
GR_SHARED gr_status gr_no_memory(size_t bytes);

#define GR_TRY(call)                                                                               \
    do {                                                                                           \
        gr_status gr_try_status_ = (call);                                                         \
        if (gr_try_status_ != GR_OK) return gr_try_status_;                                        \
    } while (0)

/* Copies options, whose first field is their size, into *known: zero where the shorter struct of an
 * older header is silent, or without `given`. GR_UNSUPPORTED if the longer one of a newer header
 * says what this library does not know. */
gr_status gr_options_copy(const char *type, void *known, size_t known_size, const void *given);
#define GR_OPTIONS(type, known, given)                                                             \
    gr_options_copy(#type, 1 ? (known) : (type *)NULL, sizeof(type),                               \
                    1 ? (given) : (const type *)NULL)

/* Says something to the log callback, if there is one (gr_log is the logarithm). */
GR_SHARED void gr_remark(gr_log_level level, const char *format, ...) GR_PRINTF(2, 3);

/* ---- Memory: everything goes through gr_allocator ----------------------------------------- */

/* NULL on failure (message set). gr_alloc zeroes. Sizes are remembered by the caller's block
 * header, so gr_free needs none. 0 bytes give a valid block. */
GR_SHARED void *gr_alloc(size_t size);
GR_SHARED void *gr_alloc_array(size_t count, size_t size); /* checks the product */
/* New bytes are not zeroed; the old block is kept on failure. */
GR_SHARED void *gr_realloc(void *block, size_t size);
GR_SHARED void gr_free(void *block);
/* GR_ALIGN-aligned and zeroed, in cache lines of its own; free with gr_free_aligned. */
GR_SHARED void *gr_alloc_aligned(size_t size);
GR_SHARED void gr_free_aligned(void *block);
GR_SHARED char *gr_strdup(const char *text);

/* Makes room for one more in a growing array: elements of `size`, `count` used, *capacity there.
 * Returns false when memory is out (message set); the array is then unchanged. */
GR_SHARED bool gr_grow(void *array_pointer, size_t count, size_t *capacity, size_t size);

/* An arena: blocks that live and die together. Zero-initialise. */
typedef struct gr_arena {
    struct gr_arena_block *head;
} gr_arena;
void *gr_arena_alloc(gr_arena *arena, size_t size); /* zeroed, 16-byte aligned; NULL on failure */
void *gr_arena_copy(gr_arena *arena, const void *data, size_t size);
char *gr_arena_strdup(gr_arena *arena, const char *text); /* NULL stays NULL */
char *gr_arena_printf(gr_arena *arena, const char *format, ...) GR_PRINTF(2, 3);
void gr_arena_free(gr_arena *arena);

/* ---- Text --------------------------------------------------------------------------------- */

/* A growing string. Zero-initialise; after a failed append `failed` is set and appends do nothing.
 */
typedef struct gr_text {
    char *data; /* NUL-terminated once anything was appended */
    size_t size, capacity;
    bool failed;
} gr_text;
GR_SHARED void gr_text_printf(gr_text *text, const char *format, ...) GR_PRINTF(2, 3);
GR_SHARED void gr_text_append(gr_text *text, const char *data, size_t size);
GR_SHARED void gr_text_free(gr_text *text);
/* Appends a double so that it reads back exactly ("0.1", "-inf", "nan"), whatever the locale. */
GR_SHARED void gr_text_real(gr_text *text, double value);
/* Parses a whole number or real at *cursor in the C locale whatever the process's locale is;
 * advances *cursor. false if there is none. Accepts "nan", "inf". */
GR_SHARED bool gr_parse_real(const char **cursor, double *out);
GR_SHARED bool gr_parse_int(const char **cursor, int64_t *out);
/* The nearest of `count` names by edit distance if it is near enough to suggest; else NULL. */
GR_SHARED const char *gr_nearest(const char *word, const char *const *names, size_t count);

/* ---- Shapes ------------------------------------------------------------------------------- */

#define GR_SHAPE_TEXT 192 /* enough for gr_shape_print of any shape */
/* Text of a shape for use inside one printf call: up to 8 alive at once on a thread. */
GR_SHARED const char *gr_shape_text(gr_shape shape);
/* NumPy broadcasting of two shapes; false if they do not fit. */
bool gr_shape_broadcast(gr_shape a, gr_shape b, gr_shape *out);
void gr_shape_strides(gr_shape shape, int64_t *stride); /* in elements, row-major */

/* ---- Numbers ------------------------------------------------------------------------------ */

GR_SHARED bool gr_mul_size(size_t a, size_t b, size_t *out); /* false on overflow */
GR_SHARED bool gr_add_size(size_t a, size_t b, size_t *out);
uint64_t gr_hash(const void *data, size_t size,
                 uint64_t seed); /* FNV-1a with a final mix; stable for ever */
uint64_t gr_hash_text(const char *text);

uint16_t gr_f32_to_bf16(float value); /* round to nearest even; NaN stays NaN */
float gr_bf16_to_f32(uint16_t bits);
uint16_t gr_f32_to_f16(float value);
float gr_f16_to_f32(uint16_t bits);

/* Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a pure
 * function of key and counter. */
typedef struct gr_philox4 {
    uint32_t v[4];
} gr_philox4;
gr_philox4 gr_philox(uint64_t key, uint64_t counter_low, uint64_t counter_high);

/* A stream of draws from Philox for host-side use (shuffling, initialising): value semantics. */
typedef struct gr_rng {
    uint64_t key, stream, next;
} gr_rng;
gr_rng gr_rng_new(uint64_t seed, uint64_t stream);
uint64_t gr_rng_u64(gr_rng *rng);
double gr_rng_uniform(gr_rng *rng);                              /* [0, 1), 53 bits */
double gr_rng_normal(gr_rng *rng);                               /* Box–Muller */
uint64_t gr_rng_below(gr_rng *rng, uint64_t bound);              /* unbiased; bound > 0 */
void gr_rng_shuffle(gr_rng *rng, int64_t *items, int64_t count); /* Fisher–Yates */

/* ---- Machine ------------------------------------------------------------------------------ */

GR_SHARED double gr_seconds(void); /* monotonic */

/* Whether kernels for AVX2 and AVX-512 stand beside those that run everywhere: -DGRADUS_BASELINE
 * leaves them out, for programs that must be small, and -DGRADUS_SMALL more: see install.md. */
#if defined(__x86_64__) && !defined(GRADUS_BASELINE) && !defined(GRADUS_SMALL)
#define GR_X86_LEVELS 1
#endif
typedef enum gr_cpu_level { GR_CPU_BASE, GR_CPU_AVX2, GR_CPU_AVX512, GR_CPU_LEVELS } gr_cpu_level;
/* The level that kernels are chosen for: what the CPU has, lowered by GRADUS_CPU=base|avx2|avx512.
 * Read once. */
gr_cpu_level gr_cpu(void);
const char *gr_cpu_name(gr_cpu_level level);
/* Threads a session gets unless told otherwise: GRADUS_THREADS, else the cores this process may
 * run on. At least 1; 1 in builds without OpenMP. */
int gr_default_threads(void);

#endif
