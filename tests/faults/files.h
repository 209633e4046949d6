/* Faults of the system's file calls, for one folder: linked into a test, or preloaded. */
#ifndef GR_TEST_FAULTS_FILES_H
#define GR_TEST_FAULTS_FILES_H

typedef enum file_call {
    FILE_OPEN,
    FILE_READ,
    FILE_WRITE,
    FILE_FSYNC,
    FILE_RENAME,
    FILE_CLOSE,
    FILE_MMAP,
    FILE_TRUNCATE,
    FILE_CALLS
} file_call;

/* "open", "read" (pread too), "write" (pwrite too), "fsync", "rename", "close", "mmap",
 * "ftruncate" */
extern const char *const file_call_names[FILE_CALLS];

enum { FILE_SHORT = -1 }; /* instead of an errno: a part of the bytes is read or written */

/* From now on calls for `folder` and what lies in it are counted, and the at-th of `call` fails
 * with errno `fault`; at 0: none does, at -1: all do (not EINTR: callers ask again). Of a call that
 * is short, half of the bytes go through, at -1 at most 7. */
void file_faults_arm(const char *folder, file_call call, int fault, long at);
/* Ends it, and returns how many calls of that kind there were. */
long file_faults_end(file_call call);

#endif
