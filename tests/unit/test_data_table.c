/* Tables of text: what they may look like, and every way in which they can be wrong. */
#include "support_data.h"

static gr_dataset *open_text(const char *text, const gr_data_options *options)
{
    gr_dataset *set, *none;
    gr_status status = gr_data_open(test_files_text("t.csv", text), options, &set, &none);
    if (status != GR_OK) print_error("%s\n", gr_message());
    assert_int_equal(status, GR_OK);
    assert_null(none);
    return set;
}

static void expect(const char *text, const gr_data_options *options, int64_t rows, int64_t features,
                   const float *values, const int32_t *labels)
{
    gr_dataset *set = open_text(text, options);
    assert_int_equal(gr_dataset_size(set), rows);
    assert_true(gr_shape_equal(gr_dataset_shape(set), GR_SHAPE(features)));
    assert_int_equal(gr_dataset_dtype(set), GR_F32);
    for (int64_t i = 0; i < rows; i++) {
        assert_memory_equal(gr_dataset_example(set, i), values + i * features,
                            (size_t)features * sizeof *values);
        assert_int_equal(gr_dataset_label(set, i), labels ? labels[i] : -1);
    }
    gr_dataset_free(set);
}

static void forms(void **state)
{
    (void)state;
    const float values[] = {1, 2.5f, -3e2f, .5f};
    const int32_t labels[] = {1, 0};
    expect("1,2.5,b\n-3e2,.5,a\n", NULL, 2, 2, values, labels);
    expect("1;2.5;b\n-3e2;.5;a", NULL, 2, 2, values, labels);
    expect("1\t2.5\tb\r\n-3e2\t.5\ta\r\n", NULL, 2, 2, values, labels);
    expect("\xEF\xBB\xBF"
           "1, 2.5 ,\"b\"\n\"-3e2\" , .5, a\n\n \r\n",
           NULL, 2, 2, values, labels);
    expect("1|2.5|b\n-3e2|.5|a", GR_DATA(.separator = '|'), 2, 2, values, labels);
    expect("x,y,class\n1,2.5,b\n-3e2,.5,a\n", NULL, 2, 2, values, labels);
    expect("b,1,2.5\na,-3e2,.5\n", GR_DATA(.label = "1"), 2, 2, values, labels);
    expect("1,b,2.5\n-3e2,a,.5\n", GR_DATA(.label = "-2"), 2, 2, values, labels);
    expect("x,kind,y\n1,b,2.5\n-3e2,a,.5\n", GR_DATA(.label = "kind"), 2, 2, values, labels);
    expect("id,x,note,y,k\n7,1,hm,2.5,b\n8,-3e2,,.5,a\n", GR_DATA(.ignore = "id,note"), 2, 2,
           values, labels);
    expect("7,1,hm,2.5,b\n8,-3e2,,.5,a\n", GR_DATA(.ignore = "1,3"), 2, 2, values, labels);
    expect("1,2.5\n-3e2,.5\n", GR_DATA(.unlabelled = true), 2, 2, values, NULL);
    expect("1,2,3\n1,2.5,b\n-3e2,.5,a\n", GR_DATA(.header = 1), 2, 2, values, labels);
    expect("x,1,2\n1,2.5,b\n-3e2,.5,a\n", GR_DATA(.header = 1, .label = "2"), 2, 2, values, labels);
}

static void names(void **state)
{
    (void)state;
    gr_dataset *set = open_text("length,\"the \"\"width\"\"\",kind\n1,2,x\n3,4,\"a, \nb\"\n", NULL);
    assert_string_equal(gr_dataset_feature_name(set, 0), "length");
    assert_string_equal(gr_dataset_feature_name(set, 1), "the \"width\"");
    assert_null(gr_dataset_feature_name(set, 2));
    assert_string_equal(gr_dataset_class_name(set, 0), "a, \nb");
    assert_string_equal(gr_dataset_class_name(set, 1), "x");
    gr_dataset_free(set);

    /* As numbers if all are, else as words. */
    set = open_text("1,10\n1,9\n1,-1\n1,9", NULL);
    assert_int_equal(gr_dataset_classes(set), 3);
    assert_string_equal(gr_dataset_class_name(set, 0), "-1");
    assert_string_equal(gr_dataset_class_name(set, 2), "10");
    assert_int_equal(gr_dataset_label(set, 0), 2);
    gr_dataset_free(set);
    set = open_text("1,10\n1,9\n1,x", NULL);
    assert_string_equal(gr_dataset_class_name(set, 0), "10");
    gr_dataset_free(set);

    /* In the order of the model's classes. */
    const char *classes[] = {"dog", "cat", "cow"};
    set = open_text("1,cat\n2,dog", GR_DATA(.class_names = classes, .classes = 3));
    assert_int_equal(gr_dataset_classes(set), 3);
    assert_int_equal(gr_dataset_label(set, 0), 1);
    assert_int_equal(gr_dataset_label(set, 1), 0);
    gr_dataset_free(set);
}

static void refuse(const char *text, const gr_data_options *options, const char *words)
{
    test_refuses(test_files_text("t.csv", text), options, GR_FORMAT, words);
}

static void refuses_bad_text(void **state)
{
    (void)state;
    refuse("", NULL, "t.csv: the file is empty");
    refuse(" \n\r\n", NULL, "t.csv: the file is empty");
    refuse("x,y,z\n", NULL, "t.csv: line 2: no example follows the header");
    refuse("1,2,a\n1,2\n", NULL, "t.csv: line 2: found 2 fields, but line 1 has 3");
    refuse("1,2,a\n1,2,a,\n", NULL, "t.csv: line 2: found 4 fields, but line 1 has 3");
    refuse("1,2,a\n\n1,2,a\n", NULL, "t.csv: line 2: found 1 field, but line 1 has 3");
    refuse("1,2,a\n1,red,a\n", NULL,
           "t.csv: line 2, column 2: found 'red', but a feature is a number");
    refuse("x,y,k\n1,2,a\n1,?,a\n", NULL,
           "t.csv: line 3, column 2 (y): found '?', but a feature is a number");
    refuse("1,2,a\n1,,a\n", NULL, "t.csv: line 2, column 2: found nothing, but a feature is a");
    refuse("1,2,a\n1,2x,a\n", NULL, "found '2x', but");
    refuse("1,2,a\n1,lake,a\n", NULL,
           "found 'lake', but a feature is a number: 'ignore' leaves out a column of words");
    refuse("1;2;a\n1;-5,25;a\n", NULL,
           "found '-5,25', but a feature is a number, which has a point instead of a comma");
    refuse("1,5;2,5;a\n", NULL, "column 1: found '1,5', but a feature is a number, which has a");
    refuse("1;2;a\n1;1,2,3;a\n", NULL, "found '1,2,3', but a feature is a number");
    refuse("1,2,M\xF6we\n1,2,b\n", NULL,
           "t.csv: line 1, column 3: the class 'M\xF6we' is not UTF-8: 'iconv");
    refuse("\xFF\xFE"
           "1,2,a\n",
           NULL, "t.csv: is UTF-16: save the table as UTF-8");
    refuse("\xFE\xFF"
           "1,2,a\n",
           NULL, "t.csv: is UTF-16");
    refuse("1,2,a\n1,0x1F,a\n", NULL, "found '0x1F', but");
    refuse("1,2,a\n1,2 3,a\n", NULL, "found '2 3', but");
    refuse("1,2,a\n1,\x01\x7F,a\n", NULL, "found '?\?', but");
    refuse("1,2,a\n1,nan,a\n", NULL,
           "t.csv: line 2, column 2: found 'nan', but a feature is a finite f32 number");
    refuse("1,2,a\n1,-inf,a\n", NULL, "found '-inf', but a feature is a finite f32 number");
    refuse("1,2,a\n1,1e39,a\n", NULL, "found '1e39', but a feature is a finite f32 number");
    refuse("1,2,a\n1,3,\n", NULL, "t.csv: line 2, column 3: the label is empty");
    refuse("1,2,a\n1,3,\"\"\n", NULL, "t.csv: line 2, column 3: the label is empty");
    refuse("1,2,1\n1,3,2.5\n1,3,3", NULL,
           "t.csv: line 2: label '2.5' is a fraction, but classes are words or whole numbers");
    refuse("1,2,a\n1,\"3,b\n", NULL, "t.csv: line 2, column 2: the quote is not closed");
    refuse("1,2,a\n1,\"3\"4,b\n", NULL, "line 2, column 2: found text behind the closing quote");
    refuse("1,2,a\n1,3\"4,b\n", NULL, "line 2, column 2: found a quote within a field");
    refuse("a\nb\n", NULL, "line 1: found 1 column separated by ',', which leaves none");
    char zero[] = "1,2,a\n1,\0,a\n";
    test_refuses(test_files_write("t.csv", zero, sizeof zero - 1), NULL, GR_FORMAT,
                 "t.csv: byte 8: found a zero byte, but a table is text");
    char wide[400] = "1,2,";
    memset(wide + 4, 'w', 300);
    refuse(wide, NULL, "but a label is shorter");
    const char *classes[] = {"dog", "cat"};
    refuse("1,cat\n2,cow", GR_DATA(.class_names = classes, .classes = 2),
           "t.csv: line 2, column 2: label 'cow' is none of the 2 classes: dog, cat");
}

static char remarked[1024];

static void keep_remark(void *user, gr_log_level level, const char *text)
{
    (void)user;
    if (level == GR_LOG_WARNING) snprintf(remarked, sizeof remarked, "%s", text);
}

static void skips_bad_rows(void **state)
{
    (void)state;
    const float values[] = {1, 2.5f, -3e2f, .5f};
    const int32_t labels[] = {1, 0};
    const char *text = "x,y,k\n,1,z\n1,2.5,b\n1,NA,a\n1,nan,a\n1,3,\n-3e2,.5,a\n1,inf,b\n";
    gr_set_log(keep_remark, NULL);
    expect(text, GR_DATA(.skip_bad_rows = true), 2, 2, values, labels);
    assert_non_null(strstr(remarked, "t.csv: 5 of 7 rows left out, the first for this: "));
    assert_non_null(strstr(remarked, "t.csv: line 2, column 1 (x): found nothing, but a feature"));
    /* No class comes of a row that is left out; the class may stand before what is missing. */
    gr_dataset *set = open_text("z,,1\nb,1,2\na,1,2\n",
                                GR_DATA(.skip_bad_rows = true, .label = "1", .header = -1));
    assert_int_equal(gr_dataset_classes(set), 2);
    gr_dataset_free(set);
    expect("1,2.5\n?,1\n-3e2,.5\n", GR_DATA(.skip_bad_rows = true, .unlabelled = true), 2, 2,
           values, NULL);
    remarked[0] = '\0';
    expect("1,2.5,b\n-3e2,.5,a\n", GR_DATA(.skip_bad_rows = true), 2, 2, values, labels);
    assert_string_equal(remarked, "");
    gr_set_log(NULL, NULL);
    refuse("1,,a\nNA,2,b\n", GR_DATA(.skip_bad_rows = true, .header = -1),
           "t.csv: line 1, column 2: found nothing, but a feature is a number; and no row is any "
           "better");
    /* What no row can be the reason of stays a fault. */
    const char *classes[] = {"dog", "cat"};
    refuse("1,cat\n2,cow", GR_DATA(.class_names = classes, .classes = 2, .skip_bad_rows = true),
           "label 'cow' is none of the 2 classes");
    refuse("1,2,a\n1,2\n", GR_DATA(.skip_bad_rows = true), "line 2: found 2 fields");
}

static void refuses_bad_options(void **state)
{
    (void)state;
    const char *header = test_files_text("h.csv", "length,width,kind\n1,2,x\n");
    const char *bare = test_files_text("b.csv", "1,2,x\n");
    test_refuses(header, GR_DATA(.label = "knid"), GR_INVALID,
                 "h.csv: line 1: no column is called 'knid': did you mean 'kind'?");
    test_refuses(bare, GR_DATA(.label = "kind", .header = -1), GR_INVALID,
                 "b.csv: no column is called 'kind': the file has no header");
    test_refuses(bare, GR_DATA(.label = "4"), GR_INVALID, "there is no column 4: the file has 3");
    test_refuses(bare, GR_DATA(.label = "0"), GR_INVALID, "there is no column 0: the file has 3");
    test_refuses(bare, GR_DATA(.ignore = "1,-4"), GR_INVALID, "there is no column -4");
    test_refuses(bare, GR_DATA(.ignore = "3"), GR_INVALID,
                 "column 3 is ignored and has the labels");
    test_refuses(bare, GR_DATA(.ignore = "1,2"), GR_FORMAT, "which leaves none for features");
    test_refuses(bare, GR_DATA(.separator = 'x'), GR_INVALID,
                 "the separator 'x' is none of , ; : | tab and space");
    test_refuses(bare, &(gr_data_options){0}, GR_INVALID, "size is 0");
    const char *twice[] = {"x", "x"};
    test_refuses(bare, GR_DATA(.class_names = twice, .classes = 2), GR_INVALID,
                 "the class 'x' is given twice");
    test_refuses(bare, GR_DATA(.class_names = twice), GR_INVALID, "0 class names");
}

static void refuses_what_is_not_there(void **state)
{
    (void)state;
    test_refuses("cifar11", NULL, GR_NOT_FOUND,
                 "cifar11: neither a file, nor a folder, nor the name of a data set: did you mean "
                 "'cifar10'?");
    test_refuses("/nowhere/x.csv", NULL, GR_NOT_FOUND, "/nowhere/x.csv: neither a file");
    test_refuses(test_files_folder(), NULL, GR_NOT_FOUND,
                 "found none of train-images-idx3-ubyte (IDX), data_batch_1.bin (CIFAR-10) and");
    char *data = getenv("GRADUS_DATA"), *cache = getenv("XDG_CACHE_HOME");
    if (data) data = strdup(data);
    if (cache) cache = strdup(cache);
    setenv("GRADUS_DATA", "/nowhere:/or/there", 1);
    setenv("XDG_CACHE_HOME", test_files_folder(), 1);
    char words[256];
    snprintf(words, sizeof words,
             "data set 'iris': no uci/iris.data in GRADUS_DATA (/nowhere:/or/there), %s/gradus or "
             "/usr/share/datasets. To get it: gradus data fetch iris",
             test_files_folder());
    test_refuses("iris", NULL, GR_NOT_FOUND, words);
    test_files_text("gradus/iris.data", "1,2,3,4,x\n1,2,3,4,y\n");
    gr_dataset *set;
    assert_int_equal(gr_data_open("iris", NULL, &set, NULL), GR_OK);
    assert_string_equal(gr_dataset_feature_name(set, 3), "petal width (cm)");
    gr_dataset_free(set);
    test_refuses("iris", GR_DATA(.label = "1"), GR_INVALID,
                 "data set 'iris': its columns are known: give the path ");
    test_files_text("gradus/iris.data", "1,2,3,x\n");
    test_refuses("iris", NULL, GR_FORMAT, "iris.data: line 1: found 3 features, but iris has 4");
    data ? setenv("GRADUS_DATA", data, 1) : unsetenv("GRADUS_DATA");
    cache ? setenv("XDG_CACHE_HOME", cache, 1) : unsetenv("XDG_CACHE_HOME");
    free(data);
    free(cache);
}

static void survives_failure_of_memory(void **state)
{
    (void)state;
    const char *text = "id,x,y,kind\n1,2,3,b\n4,5,6,\"a\"\n";
    test_sweep_open(test_files_text("t.csv", text), GR_DATA(.ignore = "id", .label = "kind"));
}

/* Every byte of a small file replaced by each special character, and every cut. */
static void survives_damage(void **state)
{
    (void)state;
    const char *text = "x,\"y\"\"z\",kind\r\n1.5,-2e3,b\r\n.25,\"7\",\"a,\"\"\nc\"\n";
    const char special[] = "\"\",;\t\n\r e-.\xEF\xFF\0";
    size_t size = strlen(text);
    for (size_t at = 0; at < size; at++) {
        for (size_t with = 0; with < sizeof special; with++) {
            char copy[128];
            gr_dataset *set;
            memcpy(copy, text, size);
            copy[at] = special[with];
            bool cut = with == 0;
            const char *path = test_files_write("m.csv", copy, cut ? at : size);
            gr_status status = gr_data_open(path, NULL, &set, NULL);
            if (status != GR_OK) assert_int_equal(status, GR_FORMAT);
            gr_dataset_free(set);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(names),
        cmocka_unit_test(refuses_bad_text),
        cmocka_unit_test(skips_bad_rows),
        cmocka_unit_test(refuses_bad_options),
        cmocka_unit_test(refuses_what_is_not_there),
        cmocka_unit_test(survives_failure_of_memory),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
