/* gradus predict: what a model takes pictures and rows of data for. */
#include "cli/dataset.h"
#include "cli/gates.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/picture.h"
#include "cli/spool.h"
#include "cli/table.h"

#include <errno.h>
#include <gradus/train.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PREDICT_BATCH = 256 };

/* One run: the model, and what is printed as the scores come. */
typedef struct predict_job {
    const cli_args *args;
    gr_model *model;
    int classes, top;
    const char *const *names;
    float *scores; /* [PREDICT_BATCH·classes] */
    int *order;    /* [classes] */
    bool probable; /* are they probabilities, or any numbers? */
    bool headed;   /* several examples come from this file */
    cli_json json;
    cli_table *table; /* NULL: JSON */
} predict_job;

/* ---- Printing ------------------------------------------------------------------------------- */

/* The `top` classes of the largest scores, first the largest; of equal ones the first. */
static void predict_rank(predict_job *job, const float *scores)
{
    for (int i = 0; i < job->classes; i++) job->order[i] = i;
    for (int k = 0; k < job->top; k++) {
        int best = k;
        for (int i = k + 1; i < job->classes; i++)
            if (scores[job->order[i]] > scores[job->order[best]]) best = i;
        int label = job->order[best];
        memmove(job->order + k + 1, job->order + k, (size_t)(best - k) * sizeof *job->order);
        job->order[k] = label;
    }
}

static void predict_json(predict_job *job, const char *file, int64_t row, const float *scores)
{
    const char *measure = job->probable ? "probability" : "score";
    cli_json *json = &job->json;
    if (json->depth == 0) cli_json_array(json, NULL);
    cli_json_object(json, NULL);
    cli_json_text(json, "file", file);
    if (job->headed) cli_json_int(json, "example", row);
    cli_json_int(json, "label", job->order[0]);
    cli_json_text(json, "class", job->names[job->order[0]]);
    cli_json_real32(json, measure, scores[job->order[0]]);
    cli_json_array(json, "top");
    for (int k = 0; k < job->top; k++) {
        cli_json_object(json, NULL);
        cli_json_int(json, "label", job->order[k]);
        cli_json_text(json, "class", job->names[job->order[k]]);
        cli_json_real32(json, measure, scores[job->order[k]]);
        cli_json_end(json);
    }
    cli_json_end(json);
    cli_json_end(json);
}

static void predict_show(predict_job *job, const char *file, int64_t row, float *scores)
{
    gr_model_probabilities(job->model, scores);
    predict_rank(job, scores);
    if (!job->table) {
        predict_json(job, file, row, scores);
        return;
    }
    for (int k = 0; k < job->top; k++) {
        int label = job->order[k];
        if (k > 0)
            cli_table_cell(job->table, "%s", "");
        else if (job->headed)
            cli_table_cell(job->table, "%s:%" PRId64, file, row);
        else
            cli_table_cell(job->table, "%s", file);
        cli_table_cell(job->table, "%s%s%s", cli_color(k ? CLI_PLAIN : CLI_BOLD), job->names[label],
                       cli_color(CLI_PLAIN));
        if (job->probable)
            cli_table_cell(job->table, "%.2f %%", 100 * (double)scores[label]);
        else
            cli_table_cell(job->table, "%.4g", (double)scores[label]);
    }
}

/* ---- Pictures ------------------------------------------------------------------------------- */

/* Of a picture, also of a kind that is not read: the message then names it. */
static bool predict_has_picture_name(const char *path)
{
    static const char *const ends[] = {".png", ".jpg",  ".jpeg", ".gif", ".webp",
                                       ".bmp", ".tiff", ".tif",  ".heic"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof ends / sizeof *ends; i++)
        if (strcasecmp(dot, ends[i]) == 0) return true;
    return false;
}

/* By its first bytes, as PNG and JPEG tell themselves, or its name. *code is not CLI_YES if it
 * cannot be read. */
static bool predict_is_picture(const char *path, int *code)
{
    unsigned char head[4] = {0};
    FILE *file = fopen(cli_spool(path), "rb");
    size_t size = file ? cli_read(head, sizeof head, file) : 0;
    if (!file || ferror(file))
        *code = errno == EISDIR ? cli_bad("%s: is a folder: name the files in it: %s/*", path, path)
                                : cli_fault(CLI_ENVIRONMENT, "%s: %s", path, strerror(errno));
    if (file) fclose(file);
    return predict_has_picture_name(path) ||
           (size >= 3 && (memcmp(head, "\x89PNG", 4) == 0 || memcmp(head, "\xff\xd8\xff", 3) == 0));
}

static gr_image_aspect predict_aspect(const cli_args *args)
{
    const char *aspect = cli_text(args, "aspect");
    return strcmp(aspect, "crop") == 0  ? GR_IMAGE_CROP
           : strcmp(aspect, "pad") == 0 ? GR_IMAGE_PAD
                                        : GR_IMAGE_STRETCH;
}

static int predict_picture(predict_job *job, const char *path)
{
    gr_shape input = gr_model_input(job->model);
    gr_tensor image = {0}, fitted;
    char shape[128];
    if (input.rank != 3 || (input.dim[0] != 1 && input.dim[0] != 3))
        return cli_bad("%s: a picture, but the model takes examples of shape %s", path,
                       gr_shape_print(input, shape, sizeof shape));
    gr_status status = gr_image_read(cli_spool(path), &image);
    const gr_image_aspect aspect = predict_aspect(job->args);
    if (status == GR_OK)
        status = cli_picture_fit(job->model, &image, cli_flag(job->args, "invert"),
                                 cli_given(job->args, "aspect") ? &aspect : NULL, &fitted);
    gr_tensor_clear(&image);
    if (status != GR_OK) return cli_failed(status);
    gr_tensor batch = fitted;
    batch.shape = GR_SHAPE(1, input.dim[0], input.dim[1], input.dim[2]);
    status = gr_model_predict(job->model, &batch, job->scores);
    gr_tensor_clear(&fitted);
    if (status != GR_OK) return cli_failed(status);
    job->headed = false;
    predict_show(job, path, 0, job->scores);
    return CLI_YES;
}

/* ---- Tables, IDX files, folders -------------------------------------------------------------- */

/* The loader preprocesses, the model normalises. */
static gr_status predict_rows(predict_job *job, const char *path, const gr_dataset *set)
{
    gr_loader *loader;
    gr_batch batch;
    int64_t row = 0;
    gr_status status = gr_model_fits(job->model, set);
    if (status == GR_OK)
        status = gr_loader_new(
            set, GR_LOADER(.batch = PREDICT_BATCH, .preprocess = gr_model_preprocess(job->model)),
            &loader);
    if (status != GR_OK) return status;
    while (status == GR_OK && gr_loader_next(loader, &batch)) {
        status = gr_model_predict(job->model, &batch.x, job->scores);
        for (int64_t i = 0; status == GR_OK && i < batch.rows; i++, row++)
            predict_show(job, path, row, job->scores + i * job->classes);
    }
    if (status == GR_OK) status = gr_loader_status(loader);
    gr_loader_free(loader);
    return status;
}

static int predict_data(predict_job *job, const char *path)
{
    gr_data_options options;
    gr_dataset *set;
    int code = cli_data_options(job->args, &options);
    if (code != CLI_YES) return code;
    options.unlabelled = true;
    gr_status status = gr_data_open(cli_spool(path), &options, &set, NULL);
    if (status != GR_OK) return cli_failed(status);
    job->headed = true;
    status = predict_rows(job, path, set);
    gr_dataset_free(set);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* ---- The command ---------------------------------------------------------------------------- */

static int predict_file(predict_job *job, const char *path)
{
    int code = CLI_YES;
    bool picture = predict_is_picture(path, &code);
    if (code != CLI_YES) return code;
    return picture ? predict_picture(job, path) : predict_data(job, path);
}

static int predict_run(const cli_args *args)
{
    predict_job job = {.args = args, .json = {.pretty = true}};
    gr_status status = gr_model_load(
        cli_spool(cli_operand(args, 0)),
        GR_MODEL(.threads = (int)cli_int(args, "threads"), .gates = cli_gates()), &job.model);
    if (status != GR_OK) return cli_failed(status);
    if (gr_model_tokens(job.model)) {
        gr_model_free(job.model);
        return cli_bad("%s: takes tokens, not pictures or rows of data; 'gradus sample' lets a "
                       "model of texts write on",
                       cli_operand(args, 0));
    }
    if (!gr_model_classifies(job.model)) {
        gr_model_free(job.model);
        return cli_bad("%s does not classify: its net gives no scores", cli_operand(args, 0));
    }
    job.classes = gr_model_classes(job.model);
    job.names = gr_model_class_names(job.model);
    int64_t top = cli_int(args, "top");
    job.top = top < job.classes ? (int)top : job.classes;
    job.scores = cli_alloc((size_t)PREDICT_BATCH * (size_t)job.classes, sizeof *job.scores);
    job.order = cli_alloc((size_t)job.classes, sizeof *job.order);
    job.probable = gr_model_probabilities(job.model, job.scores); /* zeros, to ask */
    if (!cli_flag(args, "json"))
        job.table =
            cli_table_new(job.probable ? "~file|~class|>probability" : "~file|~class|>score");
    int code = CLI_YES;
    for (int i = 1; i < cli_operands(args); i++) {
        int one = predict_file(&job, cli_operand(args, i));
        if (code == CLI_YES) code = one;
    }
    if (job.table)
        cli_table_print(job.table);
    else if (job.json.depth > 0)
        cli_json_end(&job.json);
    free(job.scores);
    free(job.order);
    gr_model_free(job.model);
    return code;
}

static const cli_option predict_options[] = {
    {.name = "top",
     .letter = 'k',
     .kind = CLI_INT,
     .argument = "K",
     .min = 1,
     .max = 1 << 20,
     .fallback = "3",
     .help = "print the K likeliest classes"},
    {.name = "invert",
     .help = "swap light and dark: for dark drawings on paper, where the model learnt from light "
             "ones on black, as those of MNIST and Fashion-MNIST are"},
    {.name = "aspect",
     .kind = CLI_WORD,
     .argument = "crop|pad|stretch",
     .fallback = "crop",
     .help = "how a picture of other proportions is made to fit, where the model does not say"},
    CLI_THREADS_OPTION,
    CLI_GATES_OPTION,
    {.name = "json", .help = "print JSON"},
    CLI_DATA_OPTIONS,
    {0},
};

const cli_command cli_command_predict = {
    .name = "predict",
    .summary = "tell what a model takes pictures or rows of data for",
    .operands = "MODEL FILE…",
    .about = "Files are pictures (PNG, JPEG), which are scaled to the model's input, grey or in "
             "colour as it is; IDX files (.gz as well); or tables (CSV) without a column of "
             "classes, or with --ignore COLUMN for it. Where a file fails, the others are "
             "predicted still.",
    .examples = "gradus predict model.safetensors boot.png\n"
                "gradus predict model.safetensors drawing.jpg --invert --top 5\n"
                "gradus predict iris.safetensors flowers.csv --ignore species --json",
    .least = 2,
    .most = -1,
    .options = predict_options,
    .run = predict_run,
};
