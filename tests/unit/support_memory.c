#include "support_memory.h"

#include <pthread.h>

static pthread_mutex_t support_lock = PTHREAD_MUTEX_INITIALIZER;

static void *support_count(void *user, void *block, size_t old_size, size_t new_size)
{
    test_memory *memory = user;
    if (new_size == 0) {
        assert_non_null(block);
        memory->blocks--;
        memory->bytes -= old_size;
        free(block);
        return NULL;
    }
    memory->calls++;
    bool due = memory->once ? memory->calls == memory->fail_at : memory->calls >= memory->fail_at;
    if (memory->fail_at > 0 && due) return NULL;
    void *moved = realloc(block, new_size);
    assert_non_null(moved);
    if (!block) {
        assert_int_equal(old_size, 0);
        memory->blocks++;
        memset(moved, 0xA5, new_size); /* whoever expects zeros must see to it */
    }
    memory->bytes += new_size - old_size;
    return moved;
}

/* Threads of a loader or of the library under it may ask at once. */
static void *support_resize(void *user, void *block, size_t old_size, size_t new_size)
{
    pthread_mutex_lock(&support_lock);
    void *moved = support_count(user, block, old_size, new_size);
    pthread_mutex_unlock(&support_lock);
    return moved;
}

void test_memory_start(test_memory *memory, long fail_at)
{
    *memory = (test_memory){.fail_at = fail_at};
    gr_set_allocator(&(gr_allocator){support_resize, memory});
}

void test_memory_stop(test_memory *memory)
{
    gr_set_allocator(NULL);
    assert_int_equal(memory->blocks, 0);
    assert_int_equal(memory->bytes, 0);
}

static long support_sweep(gr_status (*flow)(void *user), void *user, bool once)
{
    for (long fail_at = 1;; fail_at++) {
        test_memory memory;
        test_memory_start(&memory, fail_at);
        memory.once = once;
        gr_status status = flow(user);
        long calls = memory.calls;
        test_memory_stop(&memory);
        if (status != GR_OK && (status != GR_NO_MEMORY || !*gr_message()))
            fail_msg("allocation %ld: %s: %s", fail_at, gr_status_text(status), gr_message());
        if (calls < fail_at) {
            unit_ok(status);
            return calls;
        }
    }
}

long test_memory_sweep(gr_status (*flow)(void *user), void *user)
{
    support_sweep(flow, user, true);
    return support_sweep(flow, user, false);
}
