/* What every unit test includes: cmocka, which needs these headers before it, the base, and
 * assertions on statuses. */
#ifndef GR_TEST_SUPPORT_H
#define GR_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

/* Fails with the library's message unless `status` is GR_OK. */
#define unit_ok(status)                                                                            \
    do {                                                                                           \
        gr_status unit_status_ = (status);                                                         \
        if (unit_status_ != GR_OK) fail_msg("%s: %s", gr_status_text(unit_status_), gr_message()); \
    } while (0)

/* The call must fail with `expected` and a message that contains `words`. */
#define unit_refused(status, expected, words)                                                      \
    do {                                                                                           \
        gr_status unit_status_ = (status);                                                         \
        if (unit_status_ != (expected))                                                            \
            fail_msg("expected '%s', got '%s'", gr_status_text(expected),                          \
                     gr_status_text(unit_status_));                                                \
        if (!strstr(gr_message(), words)) fail_msg("no \"%s\" in: %s", words, gr_message());       \
    } while (0)

#endif
