#include "cli/dataset.h"

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

int cli_data_options(const cli_args *args, gr_data_options *options)
{
    const char *header = cli_text(args, "header");
    *options = (gr_data_options){.size = sizeof *options,
                                 .label = cli_text(args, "label"),
                                 .ignore = cli_text(args, "ignore")};
    options->header = strcmp(header, "yes") == 0 ? 1 : strcmp(header, "no") == 0 ? -1 : 0;
    return dataset_separator(cli_text(args, "separator"), &options->separator);
}

int cli_open_data(const cli_args *args, const char *name, const char *const *classes, int n,
                  gr_dataset **train, gr_dataset **test)
{
    gr_data_options options;
    int code = cli_data_options(args, &options);
    if (code != CLI_YES) return code;
    options.class_names = classes;
    options.classes = n;
    gr_status status = gr_data_open(name, &options, train, test);
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
