/* The limits that a user can set, as they are asked for. Internal. */
#ifndef GR_BASE_LIMITS_H
#define GR_BASE_LIMITS_H

#include "base/base.h"

/* The largest numbers that are not refused. */
uint64_t gr_limit_tensor(void);
uint64_t gr_limit_file(void);
int gr_limit_nesting(void);

/* What to do about it, for the end of a message: "raise it with GRADUS_MAX_TENSOR or …". */
#define GR_LIMIT_ADVICE(name) "raise it with gr_limits_set or " name

/* GR_FORMAT: "path: the file is …" (or what `how` says) larger than the limit. */
gr_status gr_limit_refuse_file(const char *path, const char *how);

/* "200M": a whole number of bytes, or of 2¹⁰, 2²⁰ or 2³⁰ bytes with K, M or G behind. */
bool gr_parse_bytes(const char *text, uint64_t *bytes);

#endif
