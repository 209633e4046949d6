/* gradus data: the known data sets, or one set in detail; what it packs and fetches. */
#include "cli/dataset.h"
#include "cli/fetch.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/line.h"
#include "cli/out.h"
#include "cli/spool.h"
#include "cli/stop.h"
#include "cli/table.h"

#include <gradus/image.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATA_PATH = 4096 };

/* ---- The list ------------------------------------------------------------------------------- */

static void data_list_json(void)
{
    cli_json json = {.pretty = true};
    char path[DATA_PATH];
    cli_json_array(&json, NULL);
    const gr_data_info *info;
    for (int i = 0; (info = gr_data_known(i)); i++) {
        bool found = gr_data_find(info->name, path, sizeof path) == GR_OK;
        cli_json_object(&json, NULL);
        cli_json_text(&json, "name", info->name);
        cli_json_text(&json, "title", info->title);
        cli_json_shape(&json, "shape", info->shape);
        cli_json_int(&json, "classes", info->classes);
        cli_json_int(&json, "train", info->train);
        cli_json_int(&json, "test", info->test);
        cli_json_text(&json, "path", found ? path : NULL);
        cli_json_text(&json, "get", info->get);
        cli_json_end(&json);
    }
    cli_json_end(&json);
}

static int data_list(bool as_json)
{
    char path[DATA_PATH], shape[128];
    const gr_data_info *info;
    if (as_json) {
        data_list_json();
        return CLI_YES;
    }
    cli_table *table = cli_table_new("<name|<shape|>classes|>train|>test|~where it is");
    for (int i = 0; (info = gr_data_known(i)); i++) {
        bool found = gr_data_find(info->name, path, sizeof path) == GR_OK;
        cli_table_cell(table, "%s%s%s", cli_color(found ? CLI_BOLD : CLI_PLAIN), info->name,
                       cli_color(CLI_PLAIN));
        cli_table_cell(table, "%s", gr_shape_print(info->shape, shape, sizeof shape));
        cli_table_cell(table, "%d", info->classes);
        cli_table_cell(table, "%" PRId64, info->train);
        cli_table_cell(table, "%" PRId64, info->test);
        cli_table_cell(table, "%s%s", found ? "" : "get: ", found ? path : info->get);
    }
    cli_table_print(table);
    return CLI_YES;
}

/* ---- One set -------------------------------------------------------------------------------- */

static int64_t *data_counts(const gr_dataset *set, int classes)
{
    int64_t *counts = cli_alloc((size_t)classes, sizeof *counts);
    for (int64_t i = 0; set && i < gr_dataset_size(set); i++) {
        int32_t label = gr_dataset_label(set, i);
        if (label >= 0 && label < classes) counts[label]++;
    }
    return counts;
}

/* Does each example have one class, known without reading it? */
static bool data_counted(const gr_dataset *set)
{
    return !cli_is_sequence(set) && gr_dataset_label(set, 0) >= 0;
}

static void data_show_json(const gr_dataset *train, const gr_dataset *test)
{
    cli_json json = {.pretty = true};
    int classes = gr_dataset_classes(train);
    int64_t *in_train = data_counts(train, classes), *in_test = data_counts(test, classes);
    cli_json_object(&json, NULL);
    cli_json_text(&json, "name", cli_spool_name(gr_dataset_name(train)));
    cli_json_shape(&json, "shape", gr_dataset_shape(train));
    cli_json_text(&json, "dtype", gr_dtype_name(gr_dataset_dtype(train)));
    cli_json_int(&json, "train", gr_dataset_size(train));
    cli_json_int(&json, "test", test ? gr_dataset_size(test) : 0);
    cli_json_array(&json, "classes");
    for (int i = 0; i < classes; i++) {
        cli_json_object(&json, NULL);
        cli_json_text(&json, "name", gr_dataset_class_name(train, i));
        if (data_counted(train)) {
            cli_json_int(&json, "train", in_train[i]);
            cli_json_int(&json, "test", in_test[i]);
        }
        cli_json_end(&json);
    }
    cli_json_end(&json);
    if (gr_dataset_feature_name(train, 0)) {
        cli_json_row(&json, "features");
        for (int64_t i = 0; i < gr_shape_count(gr_dataset_shape(train)); i++)
            cli_json_text(&json, NULL, gr_dataset_feature_name(train, i));
        cli_json_end(&json);
    }
    cli_json_end(&json);
    free(in_train);
    free(in_test);
}

static void data_show_counts(const gr_dataset *train, const gr_dataset *test)
{
    int classes = gr_dataset_classes(train);
    int64_t *in_train = data_counts(train, classes), *in_test = data_counts(test, classes);
    cli_table *table = cli_table_new(test ? ">class|~name|>train|>test" : ">class|~name|>train");
    for (int i = 0; i < classes; i++) {
        cli_table_cell(table, "%d", i);
        cli_table_cell(table, "%s", gr_dataset_class_name(train, i));
        cli_table_cell(table, "%" PRId64, in_train[i]);
        if (test) cli_table_cell(table, "%" PRId64, in_test[i]);
    }
    cli_table_print(table);
    free(in_train);
    free(in_test);
}

/* What the labels may be, where there is no counting them. */
static void data_show_names(const gr_dataset *set)
{
    char *names = cli_format("%s", "");
    int width = cli_width();
    for (int i = 0; i < gr_dataset_classes(set); i++) {
        const char *name = gr_dataset_class_name(set, i);
        char *longer = cli_format("%s %s", names, strcmp(name, " ") == 0 ? "' '" : name);
        free(names);
        names = longer;
    }
    cli_print_wrapped(names + 1, 0, 0, width ? width : 80);
    cli_print("\n");
    free(names);
}

static void data_show(const gr_dataset *train, const gr_dataset *test)
{
    char shape[128], bytes[32];
    int64_t count = gr_shape_count(gr_dataset_shape(train));
    double size = (double)(gr_dataset_size(train) + (test ? gr_dataset_size(test) : 0)) *
                  (double)count * (double)gr_dtype_size(gr_dataset_dtype(train));
    cli_print("%s%s%s\n", cli_color(CLI_BOLD), cli_spool_name(gr_dataset_name(train)),
              cli_color(CLI_PLAIN));
    cli_print("examples  %" PRId64 " to train", gr_dataset_size(train));
    if (test) cli_print(", %" PRId64 " to test", gr_dataset_size(test));
    if (count == 0)
        cli_print("\nshape     pictures of many sizes: see --resize and --crop of gradus train");
    else
        cli_print("\nshape     %s %s", gr_dtype_name(gr_dataset_dtype(train)),
                  gr_shape_print(gr_dataset_shape(train), shape, sizeof shape));
    if (gr_dataset_streamed(train))
        cli_print("\n");
    else
        cli_print(", %s in memory\n", cli_show_bytes(size, bytes, sizeof bytes));
    if (gr_dataset_feature_name(train, 0)) {
        cli_print("features ");
        for (int64_t i = 0; i < count && i < 20; i++)
            cli_print(" %s%s", gr_dataset_feature_name(train, i), i + 1 < count ? "," : "");
        cli_print("%s\n", count > 20 ? " ..." : "");
    }
    cli_print("classes   %d\n\n", gr_dataset_classes(train));
    if (data_counted(train))
        data_show_counts(train, test);
    else
        data_show_names(train);
}

/* ---- One picture ---------------------------------------------------------------------------- */

/* A table's numbers (as the 8x8 digits) from their least to their greatest. */
static void data_to_bytes(const float *value, int64_t count, uint8_t *bytes)
{
    float low = value[0], high = value[0];
    for (int64_t k = 0; k < count; k++) {
        low = value[k] < low ? value[k] : low;
        high = value[k] > high ? value[k] : high;
    }
    for (int64_t k = 0; k < count; k++) {
        float shade = 255 * (value[k] - low) / (high - low);
        bytes[k] = shade > 0 && shade <= 255 ? (uint8_t)lrintf(shade) : 0; /* 0 for NaN too */
    }
}

/* Example i as a picture: of bytes as it is, of numbers from the least to the greatest. */
static gr_status data_picture(const gr_dataset *set, int64_t i, gr_tensor *image)
{
    gr_shape shape = gr_dataset_shape(set);
    if (gr_dataset_dtype(set) == GR_U8) return gr_dataset_picture(set, i, image);
    int64_t count = gr_shape_count(shape);
    float *values = cli_alloc((size_t)count, sizeof *values);
    int32_t *label = cli_alloc((size_t)gr_shape_count(gr_dataset_label_shape(set)), sizeof *label);
    gr_status status = gr_tensor_new(GR_U8, shape, image);
    if (status == GR_OK) status = gr_dataset_read(set, i, 0, values, label);
    if (status == GR_OK) data_to_bytes(values, count, image->data);
    free(values);
    free(label);
    return status;
}

/* Writes an example of the test part (of the only one, if there is none) as a picture. */
static int data_export(const cli_args *args, const gr_dataset *set)
{
    const char *path = cli_text(args, "out");
    int64_t i = cli_int(args, "example");
    gr_shape shape = gr_dataset_shape(set);
    gr_tensor image = {0};
    char text[128];
    if (!path) return cli_bad("--example needs --out FILE.png");
    if (i >= gr_dataset_size(set))
        return cli_bad("--example: there are %" PRId64 ", counted from 0", gr_dataset_size(set));
    if (shape.rank != 3 || (shape.dim[0] != 1 && shape.dim[0] != 3) ||
        gr_dataset_dtype(set) == GR_I32)
        return cli_bad("--example: examples of shape %s are no pictures",
                       gr_shape_print(shape, text, sizeof text));
    gr_status status = data_picture(set, i, &image);
    if (status == GR_OK) status = gr_image_write_png(path, &image);
    gr_tensor_clear(&image);
    if (status != GR_OK) return cli_failed(status);
    int32_t label = gr_dataset_label(set, i);
    cli_print("%s: example %" PRId64 "%s%s\n", path, i, label >= 0 ? ", " : "",
              label >= 0 ? gr_dataset_class_name(set, label) : "");
    return CLI_YES;
}

typedef struct data_packing {
    bool shown;
    int64_t all;
    double last; /* shown */
} data_packing;

static bool data_pack_proceed(void *user, int64_t done)
{
    data_packing *packing = user;
    const double now = packing->shown ? cli_clock() : 0;
    if (now - packing->last > .1) {
        packing->last = now;
        cli_line("%" PRId64 " of %" PRId64 " examples", done, packing->all);
    }
    return !cli_stop_asked();
}

/* Writes the data as a record file. */
static int data_pack(const cli_args *args, const char *source, const char *path)
{
    gr_dataset *train, *test;
    int code = cli_check_output(path);
    if (code == CLI_YES) code = cli_open_data(args, source, NULL, 0, &train, &test);
    if (code != CLI_YES) return code;
    data_packing packing = {.shown = cli_line_can() && !cli_flag(args, "quiet"),
                            .all = gr_dataset_size(train) + (test ? gr_dataset_size(test) : 0)};
    cli_catch_stop();
    gr_status status = gr_data_pack_while(train, test, path, data_pack_proceed, &packing);
    cli_line_clear();
    gr_dataset_free(train);
    gr_dataset_free(test);
    if (status == GR_OK) /* as it was written: some may have been left out */
        status = gr_data_open(path, GR_DATA(.decoder = gr_image_decoder()), &train, &test);
    if (status != GR_OK) return cli_failed(status);
    cli_print("%s: %" PRId64 " examples to train", path, gr_dataset_size(train));
    if (test) cli_print(", %" PRId64 " to test", gr_dataset_size(test));
    cli_print("\n");
    gr_dataset_free(train);
    gr_dataset_free(test);
    return CLI_YES;
}

static int data_run(const cli_args *args)
{
    gr_dataset *train, *test;
    const bool as_json = cli_flag(args, "json");
    const int n = cli_operands(args);
    if (n == 0) {
        if (cli_given(args, "example")) return cli_bad("--example: of which data?");
        return data_list(as_json);
    }
    if (strcmp(cli_operand(args, 0), "fetch") == 0) return cli_data_fetch(args);
    if (strcmp(cli_operand(args, 0), "unpack") == 0) return cli_data_unpack(args);
    if (n == 3 && strcmp(cli_operand(args, 0), "pack") == 0)
        return data_pack(args, cli_operand(args, 1), cli_operand(args, 2));
    if (n > 1) return cli_bad("one set at a time, or: gradus data pack NAME|PATH FILE");
    int code = cli_open_data(args, cli_operand(args, 0), NULL, 0, &train, &test);
    if (code != CLI_YES) return code;
    if (cli_flag(args, "speed"))
        code = cli_data_speed(args, train);
    else if (cli_given(args, "example"))
        code = data_export(args, test ? test : train);
    else if (as_json)
        data_show_json(train, test);
    else
        data_show(train, test);
    gr_dataset_free(train);
    gr_dataset_free(test);
    return code;
}

static const cli_option data_options[] = {
    {.name = "json", .help = "print JSON"},
    {.name = "example",
     .kind = CLI_INT,
     .argument = "N",
     .max = 9e15,
     .help = "write example N (from 0) of the test part as a picture, to --out"},
    {.name = "out", .letter = 'o', .kind = CLI_TEXT, .argument = "FILE", .help = "a .png file"},
    {.name = "speed",
     .help = "measure how many examples a second the loader gives, with the options of pictures"},
    {.name = "quiet", .letter = 'q', .help = "of fetch and unpack: print nothing but faults"},
    CLI_PREPROCESS_OPTIONS,
    CLI_AUGMENT_OPTIONS,
    CLI_DATA_OPTIONS,
    {.name = "to",
     .kind = CLI_TEXT,
     .argument = "FOLDER",
     .help = "where to (default: the cache for known sets, this folder for an address)",
     .group = "Fetching and unpacking"},
    {.name = "list", .help = "print checksums, paths and addresses, and fetch nothing"},
    {.name = "from",
     .kind = CLI_TEXT,
     .argument = "URL",
     .help = "take known sets from there, where they lie as in the cache"},
    {.name = "sha256", .kind = CLI_TEXT, .argument = "HEX", .help = "what an address must give"},
    {.name = "ca",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "trust these certificates (PEM) in place of the system's"},
    {.name = "tries",
     .kind = CLI_INT,
     .argument = "N",
     .fallback = "3",
     .min = 1,
     .max = 100,
     .help = "for each address"},
    {.name = "patience",
     .kind = CLI_REAL,
     .argument = "SECONDS",
     .fallback = "30",
     .min = 1,
     .max = 86400,
     .help = "without 100 bytes a second, until a connection counts as lost"},
    {.name = "max-bytes",
     .kind = CLI_INT,
     .argument = "N",
     .fallback = "4294967296",
     .min = 1,
     .max = 9e15,
     .help = "refuse what is larger, of archives when unpacked"},
    {.name = "max-files",
     .kind = CLI_INT,
     .argument = "N",
     .fallback = "1000000",
     .min = 1,
     .max = 9e15,
     .help = "refuse archives of more entries"},
    {.name = "max-ratio",
     .kind = CLI_REAL,
     .argument = "X",
     .fallback = "200",
     .min = 1,
     .max = 1e9,
     .help = "refuse archives that grow more"},
    {0},
};

const cli_command cli_command_data = {
    .name = "data",
    .summary = "list, describe and fetch data sets",
    .operands = "[NAME|PATH | pack NAME|PATH FILE | fetch NAME|URL… | unpack FILE FOLDER]",
    .about =
        "Known sets are looked for in the folders of $GRADUS_DATA, in ~/.cache/gradus and in "
        "/usr/share/datasets. A path may be a folder of IDX or CIFAR files, one such file "
        "(.gz as well), a folder with a folder of pictures for each class (or train and test "
        "folders of that kind), a record file, or a table (CSV). 'pack' writes a set as one "
        "record file, which may be larger than memory: examples are read as they are needed.\n\n"
        "'fetch' gets known sets, or the file of an address whose SHA-256 you give, over https, "
        "and nothing else of Gradus opens a connection. What was published is known by its "
        "checksum; a fetch that was stopped goes on when it is called again. 'unpack' unpacks "
        "a tar or zip archive into a new folder, and nowhere else.",
    .examples = "gradus data\n"
                "gradus data fashion-mnist\n"
                "gradus data fashion-mnist --example 0 --out boot.png\n"
                "gradus data flowers.csv --label species --ignore id\n"
                "gradus data pack photos/ photos.grr --bad-files skip\n"
                "gradus data fetch mnist cifar10\n"
                "gradus data photos/ --speed --resize 256 --crop 224 --random-scale --mirror\n",
    .most = -1,
    .options = data_options,
    .run = data_run,
};
