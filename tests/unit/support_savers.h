/* Files of every kind that the library writes, for tests of what happens when that fails. */
#ifndef GR_TEST_SUPPORT_SAVERS_H
#define GR_TEST_SUPPORT_SAVERS_H

#include "support.h"

typedef struct test_saver {
    const char *name; /* of the file */
    /* Writes it; another `variant` makes another file. */
    gr_status (*write)(const char *path, uint64_t variant);
    gr_status (*read)(const char *path, uint64_t *hash); /* NULL: nobody reads it */
} test_saver;

/* NULL beyond the last. A build that cannot write one says GR_UNSUPPORTED. */
const test_saver *test_saver_of(int i);

#endif
