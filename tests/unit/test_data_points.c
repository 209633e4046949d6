/* Points of the plane: that they lie where their classes are, that they follow from the seed and
 * their number alone, sets by name, refusals. */
#include "support_data.h"

#include <math.h>

#include <gradus/points.h>

enum { POINTS_KINDS = GR_POINTS_XOR + 1 };

static const float *points_at(const gr_dataset *set, int64_t i)
{
    return gr_dataset_example(set, i);
}

static double points_radius(const float *x)
{
    return hypot((double)x[0], (double)x[1]);
}

/* How far a point is from the place of its class, by the definitions of points.h. */
static double points_circle(const float *x, int class)
{
    const double radius = points_radius(x), low = .5 * class;
    return fmax(fmax(low - radius, radius - low - .5), 0);
}

static double points_spiral(const float *x, int class)
{
    const double radius = points_radius(x), angle = 4 * (class + radius);
    return hypot((double)x[0] - radius * sin(angle), (double)x[1] - radius * cos(angle));
}

static double points_moons(const float *x, int class)
{
    const float at[] = {class ? 1 - x[0] : x[0], class ? .5F - x[1] : x[1]};
    return fabs(points_radius(at) - 1) + fmax(-(double)at[1], 0);
}

static double points_blobs(const float *x, int class)
{
    const double half = sqrt(3);
    const double centres[3][2] = {{0, 2}, {-half, -1}, {half, -1}};
    return hypot((double)x[0] - centres[class][0], (double)x[1] - centres[class][1]);
}

static double points_xor(const float *x, int class)
{
    const bool equal = (x[0] < 0) == (x[1] < 0), inside = fabsf(x[0]) <= 1 && fabsf(x[1]) <= 1;
    return equal == (class == 0) && inside ? 0 : 1;
}

static double (*const points_distance[])(const float *x, int class) = {
    points_circle, points_spiral, points_moons, points_blobs, points_xor};

static void test_places(void **state)
{
    (void)state;
    for (int kind = 0; kind < POINTS_KINDS; kind++) {
        gr_dataset *set;
        float low[2] = {9, 9}, high[2] = {-9, -9};
        unit_ok(
            gr_points_dataset((gr_points_kind)kind, GR_POINTS(.count = 900, .noise = -1), &set));
        for (int64_t i = 0; i < 900; i++) {
            const float *x = points_at(set, i);
            const int class = gr_dataset_label(set, i);
            assert_int_equal(class, (int)(i % gr_dataset_classes(set)));
            if (!(points_distance[kind](x, class) < 1e-5))
                fail_msg("%s: example %d, class %d: (%g, %g)", gr_points_name((gr_points_kind)kind),
                         (int)i, class, (double)x[0], (double)x[1]);
            for (int axis = 0; axis < 2; axis++) {
                low[axis] = fminf(low[axis], x[axis]);
                high[axis] = fmaxf(high[axis], x[axis]);
            }
        }
        for (int axis = 0; axis < 2; axis++) assert_true(high[axis] - low[axis] > 1.4F);
        gr_dataset_free(set);
    }
}

/* Noise of deviation s moves each coordinate by s in the mean square. */
static void test_noise(void **state)
{
    (void)state;
    gr_dataset *set;
    double sum = 0;
    unit_ok(gr_points_dataset(GR_POINTS_BLOBS, GR_POINTS(.count = 20000, .noise = .3), &set));
    for (int64_t i = 0; i < 20000; i++)
        sum += pow(points_blobs(points_at(set, i), gr_dataset_label(set, i)), 2);
    assert_true(fabs(sqrt(sum / 40000) - .3) < .005);
    gr_dataset_free(set);
}

static void test_seeds(void **state)
{
    (void)state;
    gr_dataset *train, *test, *again, *other;
    unit_ok(gr_data_open("spiral", NULL, &train, &test));
    unit_ok(gr_points_dataset(GR_POINTS_SPIRAL, NULL, &again));
    unit_ok(gr_points_dataset(GR_POINTS_SPIRAL, GR_POINTS(.count = 50, .seed = 1), &other));
    assert_int_equal(gr_dataset_size(train), 300);
    assert_int_equal(gr_dataset_size(test), 300);
    assert_int_equal(gr_dataset_classes(train), 3);
    assert_false(gr_dataset_streamed(train));
    assert_string_equal(gr_dataset_feature_name(train, 1), "x1");
    for (int64_t i = 0; i < 50; i++) {
        assert_memory_equal(points_at(train, i), points_at(again, i), 2 * sizeof(float));
        assert_memory_equal(points_at(test, i), points_at(other, i), 2 * sizeof(float));
        assert_memory_not_equal(points_at(train, i), points_at(test, i), 2 * sizeof(float));
    }
    gr_dataset_free(train);
    gr_dataset_free(test);
    gr_dataset_free(again);
    gr_dataset_free(other);
}

/* What is listed is what comes. */
static void test_names(void **state)
{
    (void)state;
    int seen = 0;
    const gr_data_info *info;
    for (int i = 0; (info = gr_data_known(i)); i++) {
        gr_dataset *train, *test;
        char path[16];
        int kind = 0;
        while (kind < POINTS_KINDS && strcmp(gr_points_name((gr_points_kind)kind), info->name) != 0)
            kind++;
        if (kind == POINTS_KINDS) continue;
        seen |= 1 << kind;
        unit_ok(gr_data_find(info->name, path, sizeof path));
        assert_string_equal(path, "(made)");
        unit_ok(gr_data_open(info->name, NULL, &train, &test));
        assert_true(gr_shape_equal(gr_dataset_shape(train), info->shape));
        assert_int_equal(gr_dataset_classes(train), info->classes);
        assert_int_equal(gr_dataset_size(train), info->train);
        assert_int_equal(gr_dataset_size(test), info->test);
        gr_dataset_free(train);
        gr_dataset_free(test);
    }
    assert_int_equal(seen, (1 << POINTS_KINDS) - 1);
    assert_null(gr_points_name((gr_points_kind)POINTS_KINDS));

    gr_dataset *bare;
    unit_ok(gr_data_open("xor", GR_DATA(.unlabelled = true), &bare, NULL));
    assert_int_equal(gr_dataset_classes(bare), 0);
    assert_int_equal(gr_dataset_label(bare, 0), -1);
    gr_dataset_free(bare);
}

static void test_refusals(void **state)
{
    (void)state;
    gr_dataset *set;
    static const char *const others[] = {"inner", "around"};
    unit_refused(gr_points_dataset((gr_points_kind)9, NULL, &set), GR_INVALID,
                 "there are no points 9");
    assert_null(set);
    unit_refused(gr_points_dataset(GR_POINTS_XOR, GR_POINTS(.classes = 3), &set), GR_INVALID,
                 "points 'xor': 3 classes: there are 2");
    unit_refused(gr_points_dataset(GR_POINTS_BLOBS, GR_POINTS(.classes = 29), &set), GR_INVALID,
                 "points 'blobs': 29 classes: there are 2 to 28");
    unit_refused(gr_points_dataset(GR_POINTS_SPIRAL, GR_POINTS(.count = 2), &set), GR_INVALID,
                 "points 'spiral': 2 points: should be from 3 to 16777216");
    unit_refused(gr_points_dataset(GR_POINTS_MOONS, GR_POINTS(.noise = NAN), &set), GR_INVALID,
                 "points 'moons': the noise is not finite");
    unit_refused(gr_data_open("circle", GR_DATA(.class_names = others, .classes = 2), &set, NULL),
                 GR_FORMAT, "data set 'circle': its class 'outer' is not class 1 of those given");
    assert_null(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),   cmocka_unit_test(test_noise),
        cmocka_unit_test(test_seeds),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
