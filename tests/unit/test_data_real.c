/* The real data sets, wherever they are to be found. */
#include "support_data.h"

#include <unistd.h>

static void check(const char *name, double first, int32_t label, const char *label_name)
{
    const gr_data_info *info = NULL;
    for (int i = 0; (info = gr_data_known(i)); i++) {
        if (strcmp(info->name, name) == 0) break;
    }
    assert_non_null(info);
    char place[4096];
    if (gr_data_find(name, place, sizeof place) != GR_OK) {
        assert_non_null(strstr(gr_message(), "To get it: "));
        print_message("skipped: %s\n", gr_message());
        skip();
    }
    gr_dataset *train, *test;
    gr_status status = gr_data_open(name, NULL, &train, &test);
    if (status == GR_UNSUPPORTED) {
        print_message("skipped: %s\n", gr_message());
        skip();
    }
    if (status != GR_OK) print_error("%s\n", gr_message());
    assert_int_equal(status, GR_OK);
    assert_string_equal(gr_dataset_name(train), name);
    assert_int_equal(gr_dataset_size(train), info->train);
    assert_true(gr_shape_equal(gr_dataset_shape(train), info->shape));
    assert_int_equal(gr_dataset_classes(train), info->classes);
    assert_int_equal(gr_dataset_label(train, 0), label);
    assert_string_equal(gr_dataset_class_name(train, label), label_name);
    gr_tensor example = {gr_dataset_dtype(train), gr_dataset_shape(train), NULL};
    double sum = 0;
    union {
        const void *constant;
        void *data;
    } at = {gr_dataset_example(train, 0)};
    example.data = at.data;
    for (int64_t i = 0; i < gr_shape_count(example.shape); i++) sum += gr_tensor_at(&example, i);
    assert_true(sum > first - 1e-2 && sum < first + 1e-2);
    if (info->test) {
        assert_int_equal(gr_dataset_size(test), info->test);
        assert_int_equal(gr_dataset_classes(test), info->classes);
        gr_dataset *alone;
        assert_int_equal(gr_data_open(name, NULL, NULL, &alone), GR_OK);
        assert_int_equal(gr_dataset_size(alone), info->test);
        assert_int_equal(gr_dataset_label(alone, 7), gr_dataset_label(test, 7));
        gr_dataset_free(alone);
    } else {
        assert_null(test);
    }
    gr_dataset_free(train);
    gr_dataset_free(test);
}

static void fashion_mnist(void **state)
{
    (void)state;
    check("fashion-mnist", 76247, 9, "Ankle boot");
}

static void mnist(void **state)
{
    (void)state;
    check("mnist", 27525, 5, "5");
}

static void cifar10(void **state)
{
    (void)state;
    check("cifar10", 317790, 6, "frog");
}

static void digits(void **state)
{
    (void)state;
    check("digits", 303, 0, "0");
}

static void iris(void **state)
{
    (void)state;
    check("iris", 10.2, 0, "Iris-setosa");
}

static void wine(void **state)
{
    (void)state;
    check("wine", 1245, 0, "1");
}

static void breast_cancer(void **state)
{
    (void)state;
    check("breast-cancer", 3566.17847, 1, "M");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fashion_mnist), cmocka_unit_test(mnist), cmocka_unit_test(cifar10),
        cmocka_unit_test(digits),        cmocka_unit_test(iris),  cmocka_unit_test(wine),
        cmocka_unit_test(breast_cancer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
