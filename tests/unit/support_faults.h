/* Calls whose allocations fail, one after the other. */
#ifndef GR_TEST_SUPPORT_FAULTS_H
#define GR_TEST_SUPPORT_FAULTS_H

#include <gradus/run.h>

#include "support_memory.h"

/* A call, and what is handed to it. Where one of its allocations fails, it must give GR_NO_MEMORY
 * with a message, or do without; leave alive nothing but what was handed in, and that as it was;
 * and succeed with the same result when it is made again on the same objects with memory there. */
typedef struct test_fault {
    const char *name;
    const void *about; /* given to `make` */
    /* What is handed in. NULL: `about` is. */
    void *(*make)(const void *about);
    /* Hash of what came out, if it succeeded, in *result. */
    gr_status (*call)(void *made, uint64_t *result);
    /* Hash of what a failing call must leave as it is. NULL: there is nothing. */
    uint64_t (*state)(const void *made);
    void (*clear)(void *made); /* may be NULL */
} test_fault;

/* Makes the call with its 1st, 2nd, … allocation failing, once alone and once with all after it: at
 * most `most` of them, spread over all that it makes. With GRADUS_FAULTS=all the first 2,000 one by
 * one and 500 beyond. Returns the number of the call's allocations. */
long test_fault_run(const test_fault *fault, int most);

uint64_t test_hash_store(const gr_store *store);
uint64_t test_hash_tensor(const gr_tensor *tensor, uint64_t seed);
uint64_t test_hash_file(const char *path); /* 0: there is none */

#endif
