/* limits.h: how much is too much.
 *
 * What texts and files ask for is bounded by the memory that there is; these limits refuse it
 * earlier, with words, where it is larger than anything that the program has a use for: a service
 * that reads other people's files sets them low. */
#ifndef GRADUS_LIMITS_H
#define GRADUS_LIMITS_H

#include <gradus/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is refused; 0: what it was at the start. */
typedef struct gr_limits {
    size_t size; /* sizeof(gr_limits) */
    /* Bytes of one tensor: of a value in a graph, a variable, an array that is read or made. */
    uint64_t tensor;
    /* Bytes of one file that is read, and of what it holds when it is unpacked. Record files
     * (gr_data_pack) are read in place and may be larger. */
    uint64_t file;
    /* How deep brackets, signs and powers of a text of the language nest (lang.h), and lists within
     * lists of a value. At most GR_LIMIT_NESTING: every level takes some of the caller's stack. */
    uint64_t nesting;
} gr_limits;

#define GR_LIMITS(...) (&(gr_limits){.size = sizeof(gr_limits), __VA_ARGS__})

#define GR_LIMIT_NESTING 2000 /* the most that `nesting` may be */

/* Sets the limits of the process. A field that is 0 gets back what it had at the start: of the
 * environment (GRADUS_MAX_TENSOR and GRADUS_MAX_FILE, in bytes or as 512M or 8G, and
 * GRADUS_MAX_NESTING), else 64 GiB, 64 GiB and 200. NULL: all of them. GR_INVALID, and nothing
 * changes, for limits of another size and nesting beyond GR_LIMIT_NESTING.
 *
 * Any thread may call it at any time; a call of the library that is under way elsewhere may still
 * go by the old limits. What exists already stays as it is.
 *
 * What is refused by a limit fails with GR_SHAPE (a gate's value), GR_INVALID (a tensor), GR_FORMAT
 * (a file) or GR_SYNTAX (a text), and its message names the limit and how to raise it. */
GR_API gr_status gr_limits_set(const gr_limits *limits);

/* The limits as they are. Any thread may ask. */
GR_API gr_limits gr_limits_get(void);

#ifdef __cplusplus
}
#endif
#endif
