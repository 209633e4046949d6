/* Work shared among threads: every chunk once, with the same bounds for any number of threads, also
 * when a thread comes late. */
#include "support.h"

#include <stdatomic.h>
#include <time.h>

#include "backend/backend.h"

enum { PARALLEL_MOST = 1000 };

typedef struct parallel_count {
    atomic_int done[PARALLEL_MOST]; /* by element */
    int64_t count, grain;
    int64_t slow; /* the chunk with this element takes long; -1: none */
    atomic_bool odd;
} parallel_count;

static void parallel_body(void *ctx, int64_t begin, int64_t end)
{
    parallel_count *c = ctx;
    const int64_t whole = c->count - begin < c->grain ? c->count - begin : c->grain;
    if (begin % c->grain != 0 || end - begin != whole) atomic_store(&c->odd, true);
    if (begin <= c->slow && c->slow < end) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    for (int64_t i = begin; i < end; i++) atomic_fetch_add(&c->done[i], 1);
}

static void parallel_check(int threads, int64_t count, int64_t grain, int64_t slow)
{
    static parallel_count c;
    memset(&c, 0, sizeof c);
    c.count = count;
    c.grain = grain;
    c.slow = slow;
    gr_parallel(threads, count, grain, parallel_body, &c);
    assert_false(atomic_load(&c.odd));
    for (int64_t i = 0; i < PARALLEL_MOST; i++)
        assert_int_equal(atomic_load(&c.done[i]), i < count ? 1 : 0);
}

static void every_chunk_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 8; threads++)
        for (int64_t grain = 1; grain <= 300; grain += 37)
            for (int64_t count = 0; count <= PARALLEL_MOST; count += 125)
                if (count > grain) parallel_check(threads, count, grain, -1);
    parallel_check(4, 0, 10, -1);
}

/* Lateness makes the caller work alone for a while, and then no longer. */
static void late_threads(void **state)
{
    (void)state;
    for (int region = 0; region < 60; region++)
        parallel_check(4, 400, 100, region % 20 < 3 ? 350 : -1);
}

/* ---- Teams that sleep --------------------------------------------------------------------- */

static _Thread_local char parallel_mark; /* lies elsewhere on each thread */

static void parallel_note_thread(void *ctx, int64_t begin, int64_t end)
{
    (void)end;
    ((const char **)ctx)[begin] = &parallel_mark;
}

static void parallel_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
}

/* Is it built with threads? The caller may just be working alone, for some milliseconds. */
static bool parallel_has_threads(void)
{
    const char *mark[4] = {NULL};
    for (int region = 0; region < 1000; region++) {
        gr_parallel(4, 4, 1, parallel_note_thread, mark);
        if (mark[0] != mark[1] || mark[0] != mark[2] || mark[0] != mark[3]) return true;
        parallel_pause();
    }
    return false;
}

/* A team that was late after a pause is not asked, after another, for what saves less than that,
 * but for more it is; also for little that comes often enough, but not if each follows a pause, in
 * which the team would have gone to sleep again. */
static void sleeping_threads(void **state)
{
    (void)state;
    int few = 4;
    assert_int_equal(gr_parallel_threads(1, 1), 1);
    assert_int_equal(gr_parallel_threads(4, 1), 4);
    if (!parallel_has_threads()) return;
    for (int region = 0; region < 1000 && few > 1; region++) {
        parallel_pause();
        parallel_check(4, 400, 100, 350); /* 2 ms, of which three threads wait */
        parallel_pause();
        few = gr_parallel_threads(4, 1e-6);
    }
    assert_int_equal(few, 1);
    assert_int_equal(gr_parallel_threads(4, 1), 4);
    for (int alone = 0; alone < 100; alone++) {
        parallel_pause();
        assert_int_equal(gr_parallel_threads(4, 1e-6), 1);
    }
    for (int alone = 0; alone < 1000 && few == 1; alone++) few = gr_parallel_threads(4, 1e-6);
    assert_int_equal(few, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chunk_once),
        cmocka_unit_test(sleeping_threads),
        cmocka_unit_test(late_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
