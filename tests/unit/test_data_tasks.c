/* The tasks of the Neural Turing Machine's paper: what their examples hold, that they follow from
 * number and draw alone, refusals. */
#include "support_data.h"

#include <math.h>

#include <gradus/tasks.h>

/* An example, read twice: it must be the same. Returns its class. */
static int32_t task_example(const gr_dataset *set, int64_t i, uint64_t draw, float *x)
{
    const size_t bytes = (size_t)gr_shape_count(gr_dataset_shape(set)) * sizeof(float);
    float *again = malloc(bytes);
    int32_t label[2] = {-1, -1};
    unit_ok(gr_dataset_read(set, i, draw, x, &label[0]));
    unit_ok(gr_dataset_read(set, i, draw, again, &label[1]));
    assert_memory_equal(x, again, bytes);
    assert_int_equal(label[0], label[1]);
    free(again);
    return label[0];
}

/* The answer's rows, from `from` on, are the input's rows from `of` on; nothing goes in meanwhile.
 */
static void task_check_answer(const float *x, int64_t in, int64_t bits, int64_t width, int64_t from,
                              int64_t of, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++) {
        const float *row = x + (from + r) * width, *asked = x + (of + r) * width;
        for (int64_t i = 0; i < in; i++) assert_true(row[i] == 0);
        for (int64_t i = 0; i < bits; i++) assert_true(row[in + i] == asked[i]);
        assert_true(row[width - 1] == 1);
    }
}

static double task_sum(const float *x, int64_t rows, int64_t width, int64_t column)
{
    double sum = 0;
    for (int64_t r = 0; r < rows; r++) sum += (double)x[r * width + column];
    return sum;
}

static void test_copy(void **state)
{
    (void)state;
    enum { STEPS = 12, IN = 5, WIDTH = 9 };
    gr_dataset *set;
    float x[STEPS * WIDTH], other[STEPS * WIDTH];
    unit_ok(gr_task_dataset(GR_TASK_COPY,
                            GR_TASK(.count = 50, .shortest = 2, .longest = 5, .bits = 3), &set));
    assert_int_equal(gr_dataset_size(set), 50);
    assert_true(gr_shape_equal(gr_dataset_shape(set), GR_SHAPE(STEPS, WIDTH)));
    assert_string_equal(gr_dataset_class_name(set, 3), "5");
    int seen = 0;
    for (int64_t i = 0; i < 50; i++) {
        const int64_t length = 2 + task_example(set, i, 7, x);
        seen |= 1 << length;
        assert_true(x[3] == 1 && x[(length + 1) * WIDTH + 4] == 1);
        task_check_answer(x, IN, 3, WIDTH, length + 2, 1, length);
        assert_true(task_sum(x, STEPS, WIDTH, WIDTH - 1) == (double)length);
        assert_true(task_sum(x, STEPS, WIDTH, 3) + task_sum(x, STEPS, WIDTH, 4) == 2);
    }
    assert_int_equal(seen, 4 + 8 + 16 + 32); /* lengths 2 to 5 */
    task_example(set, 0, 7, x);
    task_example(set, 0, 8, other);
    assert_memory_not_equal(x, other, sizeof x);
    gr_dataset_free(set);
}

static void test_repeat_copy(void **state)
{
    (void)state;
    enum { STEPS = 19, IN = 6, WIDTH = 12 };
    gr_dataset *set;
    float x[STEPS * WIDTH];
    unit_ok(
        gr_task_dataset(GR_TASK_REPEAT_COPY, GR_TASK(.longest = 4, .repeats = 3, .bits = 4), &set));
    assert_true(gr_shape_equal(gr_dataset_shape(set), GR_SHAPE(STEPS, WIDTH)));
    for (int64_t i = 0; i < 50; i++) {
        const int64_t length = 1 + task_example(set, i, 1, x);
        const double count = (double)x[(length + 1) * WIDTH + 5] * sqrt(8.25) + 5.5;
        const int64_t repeats = lround(count), end = length + 2 + repeats * length;
        assert_true(fabs(count - (double)repeats) < 1e-5 && repeats >= 1 && repeats <= 3);
        for (int64_t r = 0; r < repeats; r++)
            task_check_answer(x, IN, 4, WIDTH, length + 2 + r * length, 1, length);
        assert_true(task_sum(x, STEPS, WIDTH, WIDTH - 1) == (double)(repeats * length + 1));
        assert_true(x[end * WIDTH + IN + 4] == 1 && task_sum(x, STEPS, WIDTH, IN + 4) == 1);
    }
    gr_dataset_free(set);
}

static void test_recall(void **state)
{
    (void)state;
    enum { STEPS = 32, IN = 8, WIDTH = 15 };
    gr_dataset *set;
    float x[STEPS * WIDTH];
    unit_ok(gr_task_dataset(GR_TASK_ASSOCIATIVE_RECALL, NULL, &set));
    assert_true(gr_shape_equal(gr_dataset_shape(set), GR_SHAPE(STEPS, WIDTH)));
    for (int64_t i = 0; i < 50; i++) {
        const int64_t items = 2 + task_example(set, i, 3, x), query = 4 * items + 1;
        int64_t asked = -1;
        for (int64_t k = items - 2; k >= 0; k--) {
            bool same = true;
            for (int64_t r = 0; r < 3; r++)
                for (int64_t b = 0; b < 6; b++)
                    same &= x[(4 * k + 1 + r) * WIDTH + b] == x[(query + r) * WIDTH + b];
            if (same) asked = k;
        }
        assert_true(asked >= 0);
        task_check_answer(x, IN, 6, WIDTH, query + 4, 4 * (asked + 1) + 1, 3);
        assert_true(task_sum(x, STEPS, WIDTH, 6) == (double)items);
        assert_true(task_sum(x, STEPS, WIDTH, 7) == 2);
        assert_true(task_sum(x, STEPS, WIDTH, WIDTH - 1) == 3);
    }
    gr_dataset_free(set);
}

/* By name, with a test part of the longest. */
static void test_known(void **state)
{
    (void)state;
    for (gr_task task = GR_TASK_COPY; gr_task_name(task); task++) {
        const gr_data_info *info = NULL;
        gr_dataset *train, *test;
        char path[16];
        for (int i = 0; (info = gr_data_known(i)); i++)
            if (strcmp(info->name, gr_task_name(task)) == 0) break;
        assert_non_null(info);
        unit_ok(gr_data_find(info->name, path, sizeof path));
        unit_ok(gr_data_open(info->name, NULL, &train, &test));
        assert_true(gr_shape_equal(gr_dataset_shape(train), info->shape));
        assert_int_equal(gr_dataset_classes(train), info->classes);
        assert_int_equal(gr_dataset_size(train), info->train);
        assert_int_equal(gr_dataset_size(test), info->test);
        float *x = malloc((size_t)gr_shape_count(info->shape) * sizeof *x);
        for (int64_t i = 0; i < info->test; i++)
            assert_int_equal(task_example(test, i, 0, x), info->classes - 1);
        free(x);
        gr_dataset_free(train);
        gr_dataset_free(test);
    }
}

static void task_refused(gr_task task, const gr_task_options *options, const char *part)
{
    gr_dataset *set;
    assert_int_equal(gr_task_dataset(task, options, &set), GR_INVALID);
    assert_null(set);
    if (!strstr(gr_message(), part)) fail_msg("%s", gr_message());
}

static void test_refusals(void **state)
{
    (void)state;
    task_refused((gr_task)3, NULL, "there is no task 3");
    task_refused(GR_TASK_COPY, GR_TASK(.shortest = 5, .longest = 4),
                 "task 'ntm-copy': lengths from 5 to 4: should be from 1 or more to at most");
    task_refused(GR_TASK_ASSOCIATIVE_RECALL, GR_TASK(.shortest = 1),
                 "lengths from 1 to 6: should be from 2 or more");
    task_refused(GR_TASK_COPY, GR_TASK(.bits = 65),
                 "1000 examples of 65 bits, 10 repeats: should be 1 or more, and at most 64 bits");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),     cmocka_unit_test(test_repeat_copy),
        cmocka_unit_test(test_recall),   cmocka_unit_test(test_known),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
