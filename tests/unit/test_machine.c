/* What the machine is measured with: loops that compute what they say, and the roofline. */
#include "support.h"

#include <gradus/machine.h>

#include "backend/cpu/peak.h"

enum { N = 4 * GR_PEAK_GRAIN };

/* x → x/2 + 1/4 has the fixed point 1/2. */
static void test_loops_at_every_level(void **state)
{
    (void)state;
    float *memory = gr_alloc_aligned(3 * N * sizeof *memory), *b = memory + N, *c = b + N, sink;
    for (int level = 0; level <= (int)gr_cpu(); level++) {
        const gr_peak_kernels *kernels = gr_peak((gr_cpu_level)level);
        const double ten = kernels->fma(10, &sink);
        assert_true(kernels->fma(1000, &sink) == 100 * ten && ten > 0);
        assert_true(sink > 5 && sink < 9); /* the sum of 12 or 16 chains, each at 1/2 */
        for (int i = 0; i < N; i++) {
            memory[i] = 1;
            b[i] = (float)i;
            c[i] = (float)(2 * i);
        }
        assert_true(kernels->read(memory, N) > 0);
        kernels->triad(memory, b, c, .5f, N);
        for (int i = 0; i < N; i++) assert_true(memory[i] == (float)(2 * i));
        kernels->update(memory, 3, N);
        for (int i = 0; i < N; i++) assert_true(memory[i] == (float)(6 * i));
    }
    gr_free_aligned(memory);
}

static void test_measurement(void **state)
{
    (void)state;
    gr_machine_speed speed;
    unit_ok(gr_machine_measure(1, 0, &speed));
    assert_int_equal(speed.threads, 1);
    assert_true(speed.fma > 0 && speed.matmul > 0 && speed.module_matmul >= 0);
    assert_true(speed.levels >= 3);
    assert_string_equal(speed.level[0].name, "L1");
    assert_string_equal(speed.level[speed.levels - 1].name, "DRAM");
    for (int i = 0; i < speed.levels; i++)
        assert_true(speed.level[i].read > 0 && speed.level[i].triad > 0 &&
                    speed.level[i].update > 0);
    unit_refused(gr_machine_measure(-1, 1, &speed), GR_INVALID, "0 to 1024");
    unit_refused(gr_machine_measure(1, -1, &speed), GR_INVALID, "seconds");
    const gr_machine machine = gr_machine_info();
    assert_true(machine.threads >= 1);
    assert_non_null(machine.level);
}

static void test_roofline(void **state)
{
    (void)state;
    const gr_machine_speed speed = {
        .fma = 100,
        .matmul = 80,
        .module_matmul = 90,
        .levels = 2,
        .level = {{.name = "L1", .bytes = 1000, .read = 50, .triad = 40},
                  {.name = "DRAM", .read = 5, .triad = 7, .update = 10}},
    };
    assert_true(gr_machine_peak(&speed) == 100);
    assert_true(gr_machine_bandwidth(&speed, 1000) == 50);
    assert_true(gr_machine_bandwidth(&speed, 1001) == 10);
    assert_true(gr_machine_limit(&speed, 1000, 100) == 10); /* arithmetic */
    assert_true(gr_machine_limit(&speed, 100, 500) == 10);  /* the cache */
    assert_true(gr_machine_limit(&speed, 100, 2000) == 200);
    assert_true(gr_machine_limit(&(gr_machine_speed){0}, 1, 1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loops_at_every_level),
        cmocka_unit_test(test_measurement),
        cmocka_unit_test(test_roofline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
