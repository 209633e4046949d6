/* A folder for the files of one test program, and where the real data sets are. */
#ifndef GR_TEST_SUPPORT_FILES_H
#define GR_TEST_SUPPORT_FILES_H

#include "support.h"

/* Group setup and teardown of cmocka: makes the folder, removes it with all that is in it. */
int test_files_setup(void **state);
int test_files_teardown(void **state);

/* The folder. */
const char *test_files_folder(void);
/* folder/name; up to 8 results are alive at once. */
const char *test_files_path(const char *name);
/* Writes folder/name (folders in `name` are made) and returns its path. */
const char *test_files_write(const char *name, const void *data, size_t size);
const char *test_files_text(const char *name, const char *text);

/* How many entries a folder has. */
int test_files_count(const char *folder);

/* $GRADUS_DATA/name; skips the test, saying so, if it is not there. */
const char *test_files_real(const char *name);

#endif
