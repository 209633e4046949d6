/* An allocator that counts what is alive and fails on request. */
#ifndef GR_TEST_SUPPORT_MEMORY_H
#define GR_TEST_SUPPORT_MEMORY_H

#include "support.h"

typedef struct test_memory {
    long calls;   /* allocations asked for so far */
    long fail_at; /* this allocation and all after it fail; 0: none does */
    bool once;    /* it alone fails */
    long blocks;  /* alive */
    size_t bytes; /* alive */
} test_memory;

/* Installs the allocator with everything at zero. */
void test_memory_start(test_memory *memory, long fail_at);
/* Restores malloc and asserts that nothing is left alive. */
void test_memory_stop(test_memory *memory);

/* Runs `flow` with the first, second, … of its allocations failing, once alone and once with all
 * after it, until it makes no more. It must give GR_NO_MEMORY with a message, or GR_OK if it can do
 * without, and leave nothing alive; what it computes it checks itself. Returns the number of its
 * allocations. */
long test_memory_sweep(gr_status (*flow)(void *user), void *user);

#endif
