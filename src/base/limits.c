/* The limits that a user can set. */
#include "base/limits.h"

#include <gradus/limits.h>
#include <stdatomic.h>

bool gr_parse_bytes(const char *text, uint64_t *bytes)
{
    const char *cursor = text;
    int64_t count;
    bool fine = gr_parse_int(&cursor, &count) && count >= 0;
    int shift = 0;
    if (fine && *cursor) {
        const char *const units = "KMG", *found = strchr(units, *cursor++);
        fine = found && !*cursor;
        if (fine) shift = 10 * (int)(found - units + 1);
    }
    return fine && !__builtin_mul_overflow((uint64_t)count, (uint64_t)1 << shift, bytes);
}

/* One limit: 0 until it was set or asked for. */
typedef struct limits_entry {
    const char *variable;
    uint64_t usual, most;
    _Atomic uint64_t now;
} limits_entry;

enum { LIMITS_TENSOR, LIMITS_FILE, LIMITS_NESTING, LIMITS_COUNT };

static limits_entry limits[LIMITS_COUNT] = {
    [LIMITS_TENSOR] = {"GRADUS_MAX_TENSOR", (uint64_t)1 << 36, UINT64_MAX, 0},
    [LIMITS_FILE] = {"GRADUS_MAX_FILE", (uint64_t)1 << 36, UINT64_MAX, 0},
    [LIMITS_NESTING] = {"GRADUS_MAX_NESTING", 200, GR_LIMIT_NESTING, 0},
};

/* As the environment wishes, if it does. */
static uint64_t limits_first(const limits_entry *limit)
{
    const char *text = getenv(limit->variable);
    uint64_t wish;
    if (!text || !*text) return limit->usual;
    if (gr_parse_bytes(text, &wish) && wish > 0 && wish <= limit->most) return wish;
    gr_remark(GR_LOG_WARNING, "%s=%s is not a number from 1 to %llu: the limit stays at %llu",
              limit->variable, text, (unsigned long long)limit->most,
              (unsigned long long)limit->usual);
    return limit->usual;
}

static uint64_t limits_now(limits_entry *limit)
{
    uint64_t now = atomic_load_explicit(&limit->now, memory_order_relaxed), none = 0;
    if (now) return now;
    const uint64_t first = limits_first(limit);
    /* Unless another thread has set it meanwhile. */
    if (atomic_compare_exchange_strong_explicit(&limit->now, &none, first, memory_order_relaxed,
                                                memory_order_relaxed))
        return first;
    return none;
}

uint64_t gr_limit_tensor(void)
{
    return limits_now(&limits[LIMITS_TENSOR]);
}

uint64_t gr_limit_file(void)
{
    return limits_now(&limits[LIMITS_FILE]);
}

int gr_limit_nesting(void)
{
    return (int)limits_now(&limits[LIMITS_NESTING]);
}

gr_status gr_limit_refuse_file(const char *path, const char *how)
{
    return gr_fail(
        GR_FORMAT,
        "%s: the file %s larger than the limit of %llu bytes: " GR_LIMIT_ADVICE("GRADUS_MAX_FILE"),
        path, how, (unsigned long long)gr_limit_file());
}

gr_limits gr_limits_get(void)
{
    return (gr_limits){.size = sizeof(gr_limits),
                       .tensor = gr_limit_tensor(),
                       .file = gr_limit_file(),
                       .nesting = (uint64_t)gr_limit_nesting()};
}

gr_status gr_limits_set(const gr_limits *wish)
{
    gr_limits known;
    GR_TRY(GR_OPTIONS(gr_limits, &known, wish));
    wish = &known;
    if (wish->nesting > GR_LIMIT_NESTING)
        return gr_fail(GR_INVALID, "nesting = %llu: should be at most %d",
                       (unsigned long long)wish->nesting, GR_LIMIT_NESTING);
    const uint64_t wishes[LIMITS_COUNT] = {
        [LIMITS_TENSOR] = wish->tensor,
        [LIMITS_FILE] = wish->file,
        [LIMITS_NESTING] = wish->nesting,
    };
    for (int i = 0; i < LIMITS_COUNT; i++)
        atomic_store_explicit(&limits[i].now, wishes[i] ? wishes[i] : limits_first(&limits[i]),
                              memory_order_relaxed);
    return GR_OK;
}
