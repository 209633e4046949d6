#include "cli/dataset.h"

#include "cli/out.h"
#include "cli/process.h"
#include "cli/spool.h"
#include "cli/verbose.h"

#include <gradus/image.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int dataset_separator(const char *text, char *separator)
{
    if (!text) return CLI_YES;
    *separator = strcmp(text, "tab") == 0     ? '\t'
                 : strcmp(text, "space") == 0 ? ' '
                 : strlen(text) == 1          ? text[0]
                                              : '\0';
    if (*separator == '\0' || !strchr(",;:|\t ", *separator))
        return cli_bad("--separator: '%s' is none of , ; : | tab space", text);
    return CLI_YES;
}

/* Called by threads of the loader: writes past the buffer of the output. */
static void dataset_log(void *user, gr_log_level level, const char *text)
{
    (void)user;
    if (level != GR_LOG_WARNING || cli_is_quiet()) return;
    char *shown = cli_visible(text, false);
    fprintf(stderr, "gradus: warning: %s\n", shown);
    free(shown);
}

void cli_log_warnings(void)
{
    if (!cli_is_verbose()) gr_set_log(dataset_log, NULL);
}

int cli_data_options(const cli_args *args, gr_data_options *options)
{
    const char *header = cli_text(args, "header");
    *options = (gr_data_options){.size = sizeof *options,
                                 .label = cli_text(args, "label"),
                                 .ignore = cli_text(args, "ignore")};
    options->header = strcmp(header, "yes") == 0 ? 1 : strcmp(header, "no") == 0 ? -1 : 0;
    const char *text = cli_text(args, "text");
    if (text) options->text = strcmp(text, "bytes") == 0 ? GR_TEXT_BYTES : GR_TEXT_CHARS;
    options->length = cli_int(args, "length");
    options->decoder = gr_image_decoder();
    options->skip_bad_files = strcmp(cli_text(args, "bad-files"), "skip") == 0;
    options->skip_bad_rows = strcmp(cli_text(args, "bad-rows"), "skip") == 0;
    if (options->skip_bad_files || options->skip_bad_rows) cli_log_warnings();
    return dataset_separator(cli_text(args, "separator"), &options->separator);
}

double cli_held(const cli_args *args)
{
    double share = cli_real(args, "test-fraction");
    return !cli_given(args, "test-fraction") ? 0 : share > 0 ? share : -1;
}

static bool dataset_has_figures(const gr_model *model)
{
    return gr_model_positions(model).rank > 0 && gr_model_loss(model) == GR_LOSS_SOFTMAX;
}

void cli_sequence_json(cli_json *json, const gr_model *model, const char *prefix, double loss)
{
    if (!dataset_has_figures(model)) return;
    char *bits = cli_format("%sbits", prefix), *perplexity = cli_format("%sperplexity", prefix);
    cli_json_real(json, bits, loss / log(2));
    cli_json_real(json, perplexity, exp(loss));
    free(bits);
    free(perplexity);
}

char *cli_sequence_figures(const gr_model *model, double loss)
{
    if (!dataset_has_figures(model)) return cli_format("%s", "");
    return cli_format(" nats, %.4f bits, perplexity %.4f", loss / log(2), exp(loss));
}

bool cli_is_sequence(const gr_dataset *set)
{
    return gr_dataset_label_shape(set).rank > 0;
}

gr_preprocess cli_preprocess(const cli_args *args)
{
    return (gr_preprocess){.resize = cli_int(args, "resize"), .crop = cli_int(args, "crop")};
}

bool cli_augment(const cli_args *args, gr_augment *augment)
{
    const double jitter = cli_real(args, "jitter");
    *augment = (gr_augment){.size = sizeof *augment,
                            .pad = cli_int(args, "crop-pad"),
                            .mirror = cli_flag(args, "mirror"),
                            .random_scale = cli_flag(args, "random-scale"),
                            .brightness = jitter,
                            .contrast = jitter,
                            .saturation = jitter,
                            .cutout = cli_int(args, "cutout")};
    return cli_given(args, "crop") || augment->pad || augment->mirror || augment->random_scale ||
           jitter > 0 || augment->cutout;
}

int cli_open_data(const cli_args *args, const char *name, const char *const *classes, int n,
                  gr_dataset **train, gr_dataset **test)
{
    gr_data_options options;
    int code = cli_data_options(args, &options);
    if (code != CLI_YES) return code;
    options.class_names = classes;
    options.classes = n;
    gr_status status = gr_data_open(cli_spool(name), &options, train, test);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

int cli_split_test(double fraction, uint64_t seed, gr_dataset **train, gr_dataset **test)
{
    gr_dataset *whole = *train;
    gr_status status =
        gr_dataset_split(whole, GR_DATA_SPLIT(.fraction = fraction, .seed = seed), train, test);
    gr_dataset_free(whole);
    if (status == GR_OK) return CLI_YES;
    *train = *test = NULL;
    return cli_failed(status);
}

/* Keeps the first n examples; 0: all. */
static int dataset_limit(gr_dataset **set, int64_t n)
{
    gr_dataset *all = *set, *first;
    if (n == 0 || n >= gr_dataset_size(all)) return CLI_YES;
    int64_t *index = cli_alloc((size_t)n, sizeof *index);
    for (int64_t i = 0; i < n; i++) index[i] = i;
    gr_status status = gr_dataset_select(all, index, n, &first);
    free(index);
    if (status != GR_OK) return cli_failed(status);
    gr_dataset_free(all);
    *set = first;
    return CLI_YES;
}

int cli_open_examples(const cli_args *args, const char *use, uint64_t seed, gr_dataset **train,
                      gr_dataset **test)
{
    int code = cli_open_data(args, cli_text(args, "data"), NULL, 0, train, test);
    if (code != CLI_YES) return code;
    if (gr_dataset_streamed(*train) || gr_dataset_dtype(*train) == GR_I32)
        return cli_bad("'%s': %s examples in memory: tables, IDX and CIFAR files",
                       gr_dataset_name(*train), use);
    if (!*test) code = cli_split_test(cli_real(args, "test-fraction"), seed, train, test);
    if (code == CLI_YES) code = dataset_limit(train, cli_int(args, "train-examples"));
    return code == CLI_YES ? dataset_limit(test, cli_int(args, "test-examples")) : code;
}
