/* gradus linear: the scores of one test example worked out, and what grey copies of colour pictures
 * are taken for. */
#include "cli/linear.h"
#include "cli/out.h"
#include "cli/table.h"

#include <gradus/plot.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORKED_TERMS = 8, /* products that are told one by one */
    WORKED_ROWS = 10  /* classes that are drawn */
};

typedef struct worked_work {
    const cli_linear *linear;
    int64_t example;
    float *w, *b, *x;    /* [rows, size], [rows], [size], normalised */
    double *sum, *score; /* [rows]: W x, W x + b */
    int *order;          /* [rows]: the highest score first */
} worked_work;

static gr_status worked_compute(worked_work *s)
{
    const cli_linear *const linear = s->linear;
    const int64_t rows = linear->rows, size = linear->size;
    gr_tensor raw = {.dtype = gr_dataset_dtype(linear->test)};
    const gr_shape one = gr_dataset_shape(linear->test);
    raw.shape = (gr_shape){.rank = one.rank + 1, .dim = {1}};
    memcpy(raw.shape.dim + 1, one.dim, (size_t)one.rank * sizeof *one.dim);
    raw.data = (void *)(uintptr_t)gr_dataset_example(linear->test, s->example);
    gr_status status = cli_linear_get(linear, linear->ways[linear->best].model, s->w, s->b);
    if (status == GR_OK) status = gr_normalizer_apply(&linear->normalizer, &raw, s->x);
    for (int64_t row = 0; row < rows && status == GR_OK; row++) {
        s->sum[row] = 0;
        for (int64_t i = 0; i < size; i++)
            s->sum[row] += (double)s->w[row * size + i] * (double)s->x[i];
        s->score[row] = s->sum[row] + (double)s->b[row];
        int64_t at = row;
        for (; at > 0 && s->score[s->order[at - 1]] < s->score[row]; at--)
            s->order[at] = s->order[at - 1];
        s->order[at] = (int)row;
    }
    return status;
}

static const char *worked_class(const worked_work *s, int64_t row)
{
    return gr_dataset_class_name(s->linear->test, s->linear->neuron ? 1 : (int)row);
}

/* By the softmax; a neuron's other score is 0. */
static double worked_probability(const worked_work *s, int64_t row)
{
    double sum = s->linear->neuron ? exp(-s->score[row]) : 0;
    for (int64_t k = 0; k < s->linear->rows; k++) sum += exp(s->score[k] - s->score[row]);
    return 1 / sum;
}

/* ---- Table and JSON -------------------------------------------------------------------------- */

static void worked_print(const worked_work *s)
{
    const cli_linear *const linear = s->linear;
    const bool terms = linear->size <= WORKED_TERMS, softmax = linear->loss == GR_LOSS_SOFTMAX;
    char columns[512] = "<class";
    size_t at = strlen(columns);
    for (int64_t i = 0; i < linear->size && terms; i++) {
        const char *name = gr_dataset_feature_name(linear->test, i);
        at += (size_t)snprintf(columns + at, sizeof columns - at, "|>w·%.24s", name ? name : "x");
    }
    snprintf(columns + at, sizeof columns - at, "|>W x|>b|>W x + b%s",
             !softmax         ? ""
             : linear->neuron ? "|>sigmoid"
                              : "|>softmax");
    cli_print("test example %" PRId64 ": %s\n", s->example,
              gr_dataset_class_name(linear->test, gr_dataset_label(linear->test, s->example)));
    cli_table *table = cli_table_new(columns);
    for (int64_t row = 0; row < linear->rows; row++) {
        cli_table_cell(table, "%s", worked_class(s, row));
        for (int64_t i = 0; i < linear->size && terms; i++)
            cli_table_cell(table, "%.4f", (double)s->w[row * linear->size + i] * (double)s->x[i]);
        cli_table_cell(table, "%.4f", s->sum[row]);
        cli_table_cell(table, "%.4f", (double)s->b[row]);
        cli_table_cell(table, "%.4f", s->score[row]);
        if (softmax) cli_table_cell(table, "%.4f", worked_probability(s, row));
    }
    cli_table_print(table);
    cli_print("\n");
}

static void worked_json(const worked_work *s, cli_json *json)
{
    cli_json_object(json, "example");
    cli_json_int(json, "number", s->example);
    cli_json_int(json, "class", gr_dataset_label(s->linear->test, s->example));
    cli_json_row(json, "products");
    for (int64_t row = 0; row < s->linear->rows; row++) cli_json_real(json, NULL, s->sum[row]);
    cli_json_end(json);
    cli_json_row(json, "biases");
    for (int64_t row = 0; row < s->linear->rows; row++) cli_json_real32(json, NULL, s->b[row]);
    cli_json_end(json);
    cli_json_row(json, "scores");
    for (int64_t row = 0; row < s->linear->rows; row++) cli_json_real(json, NULL, s->score[row]);
    cli_json_end(json);
    cli_json_end(json);
}

/* ---- Figure ---------------------------------------------------------------------------------- */

/* Each pixel's part of the score, summed over its colours: orange for, blue against, white none. */
static gr_status worked_parts(const worked_work *s, int row, double most, gr_tensor *picture)
{
    const gr_shape shape = gr_dataset_shape(s->linear->test);
    const int64_t pixels = shape.dim[1] * shape.dim[2];
    const double to[2][3] = {{0, 114, 178}, {213, 94, 0}};
    const float *w = s->w + row * s->linear->size;
    gr_status status = gr_tensor_new(GR_U8, GR_SHAPE(3, shape.dim[1], shape.dim[2]), picture);
    if (status != GR_OK) return status;
    uint8_t *at = picture->data;
    for (int64_t i = 0; i < pixels; i++) {
        double part = 0;
        for (int64_t c = 0; c < shape.dim[0]; c++)
            part += (double)w[c * pixels + i] * (double)s->x[c * pixels + i];
        const double share = fmin(fabs(part) / most, 1);
        for (int c = 0; c < 3; c++)
            at[c * pixels + i] = (uint8_t)lrint(255 + share * (to[part > 0][c] - 255));
    }
    return GR_OK;
}

/* The full colours stand for half of the largest part, so that the others are seen too. */
static double worked_most(const worked_work *s)
{
    const gr_shape shape = gr_dataset_shape(s->linear->test);
    const int64_t pixels = shape.dim[1] * shape.dim[2], size = s->linear->size;
    double most = 0;
    for (int64_t row = 0; row < s->linear->rows; row++)
        for (int64_t i = 0; i < pixels; i++) {
            double part = 0;
            for (int64_t k = i; k < size; k += pixels)
                part += (double)s->w[row * size + k] * (double)s->x[k];
            most = fmax(most, fabs(part));
        }
    return most > 0 ? most / 2 : 1;
}

static gr_status worked_picture(gr_figure *figure, const gr_tensor *image, double x, double y,
                                double half)
{
    return gr_figure_picture(figure, 0,
                             GR_PICTURE(.image = image, .x_min = x - half, .x_max = x + half,
                                        .y_min = y - half, .y_max = y + half));
}

static gr_status worked_note(gr_figure *figure, double x, double y, const char *format,
                             double value)
{
    char text[64];
    snprintf(text, sizeof text, format, value);
    return gr_figure_note(figure, 0, GR_NOTE(.text = text, .x = x, .y = y));
}

/* One class: its row of W, the products, their sum, b, the score. */
static gr_status worked_row(const worked_work *s, gr_figure *figure, int place, double most)
{
    const int row = s->order[place];
    const double y = place + .5;
    gr_tensor template = {0}, parts = {0};
    gr_status status = cli_linear_picture(s->linear, s->w + row * s->linear->size, &template);
    if (status == GR_OK) status = worked_parts(s, row, most, &parts);
    if (status == GR_OK)
        status = gr_figure_note(
            figure, 0, GR_NOTE(.text = worked_class(s, row), .x = 4, .y = y, .width = 1.8));
    if (status == GR_OK) status = worked_picture(figure, &template, 5.5, y, .44);
    if (status == GR_OK) status = worked_picture(figure, &parts, 6.9, y, .44);
    if (status == GR_OK) status = worked_note(figure, 8.3, y, "%.4f", s->sum[row]);
    if (status == GR_OK) status = worked_note(figure, 9.6, y, "%+.4f", (double)s->b[row]);
    if (status == GR_OK) status = worked_note(figure, 10.9, y, "= %.4f", s->score[row]);
    gr_tensor_clear(&template);
    gr_tensor_clear(&parts);
    return status;
}

static gr_status worked_draw(const worked_work *s, gr_figure *figure, int rows)
{
    static const struct {
        double x;
        const char *text;
    } heads[] = {{5.5, "W"}, {6.9, "W ∘ x"}, {8.3, "sum"}, {9.6, "+ b"}, {10.9, "score"}};
    const double middle = rows / 2., most = worked_most(s);
    const int label = gr_dataset_label(s->linear->test, s->example);
    gr_tensor image;
    gr_status status =
        gr_figure_panel(figure, 0,
                        GR_PANEL(.x_min = 0, .x_max = 11.7, .y_min = -.7, .y_max = rows + .1,
                                 .y_down = true, .bare = true, .equal = true));
    if (status == GR_OK) status = gr_dataset_picture(s->linear->test, s->example, &image);
    if (status != GR_OK) return status;
    status = worked_picture(figure, &image, 1.5, middle, 1.3);
    gr_tensor_clear(&image);
    if (status == GR_OK)
        status = gr_figure_note(figure, 0,
                                GR_NOTE(.text = gr_dataset_class_name(s->linear->test, label),
                                        .x = 1.5, .y = middle + 1.7, .width = 3));
    for (size_t i = 0; i < sizeof heads / sizeof *heads && status == GR_OK; i++)
        status =
            gr_figure_note(figure, 0, GR_NOTE(.text = heads[i].text, .x = heads[i].x, .y = -.35));
    for (int i = 0; i < rows && status == GR_OK; i++) status = worked_row(s, figure, i, most);
    return status;
}

static gr_status worked_figure(const worked_work *s, const char *path)
{
    gr_figure *figure;
    const int rows = s->linear->rows < WORKED_ROWS ? (int)s->linear->rows : WORKED_ROWS;
    const int high = rows < 4 ? 4 : rows;
    gr_status status =
        gr_figure_new(GR_FIGURE(.width = 430, .height = 36. * high + 30, .dpi = 160), &figure);
    if (status != GR_OK) return status;
    status = worked_draw(s, figure, rows);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}

gr_status cli_linear_score(const cli_linear *linear, cli_json *json)
{
    const int64_t rows = linear->rows, size = linear->size;
    const char *path = cli_text(linear->args, "score");
    worked_work s = {.linear = linear, .example = cli_int(linear->args, "example")};
    s.w = cli_alloc((size_t)(rows * size + rows + size), sizeof *s.w);
    s.b = s.w + rows * size;
    s.x = s.b + rows;
    s.sum = cli_alloc((size_t)rows, 2 * sizeof *s.sum);
    s.score = s.sum + rows;
    s.order = cli_alloc((size_t)rows, sizeof *s.order);
    gr_status status = worked_compute(&s);
    if (status == GR_OK && path) status = worked_figure(&s, path);
    if (status == GR_OK && linear->json)
        worked_json(&s, json);
    else if (status == GR_OK && !linear->quiet)
        worked_print(&s);
    free(s.w);
    free(s.sum);
    free(s.order);
    return status;
}

/* ---- Grey copies ----------------------------------------------------------------------------- */

/* Every colour becomes the picture's luma (ITU-R BT.601). */
static gr_status grey_copy(const gr_dataset *set, gr_dataset **grey)
{
    const gr_shape shape = gr_dataset_shape(set);
    const int64_t n = gr_dataset_size(set), pixels = shape.dim[1] * shape.dim[2];
    const int classes = gr_dataset_classes(set);
    gr_tensor examples;
    gr_status status = gr_tensor_new(GR_U8, GR_SHAPE(n, 3, shape.dim[1], shape.dim[2]), &examples);
    if (status != GR_OK) return status;
    int32_t *labels = cli_alloc((size_t)n, sizeof *labels);
    const char **names = cli_alloc((size_t)classes, sizeof *names);
    for (int c = 0; c < classes; c++) names[c] = gr_dataset_class_name(set, c);
    for (int64_t k = 0; k < n; k++) {
        const uint8_t *from = gr_dataset_example(set, k);
        uint8_t *to = (uint8_t *)examples.data + k * 3 * pixels;
        labels[k] = gr_dataset_label(set, k);
        for (int64_t i = 0; i < pixels; i++) {
            const double luma =
                .299 * from[i] + .587 * from[pixels + i] + .114 * from[2 * pixels + i];
            to[i] = to[pixels + i] = to[2 * pixels + i] = (uint8_t)lrint(luma);
        }
    }
    status = gr_dataset_new(gr_dataset_name(set), &examples, labels, classes, names, grey);
    gr_tensor_clear(&examples);
    free(labels);
    free(names);
    return status;
}

static void grey_row(cli_table *table, const char *name, const double value[4])
{
    cli_table_cell(table, "%s", name);
    for (int i = 0; i < 4; i++) cli_table_cell(table, "%.4f", value[i]);
}

static void grey_print(const cli_linear *linear, const gr_metrics *colour, const gr_metrics *grey)
{
    cli_table *table =
        cli_table_new("<class|>recall, colour|>recall, grey|>taken for, colour|>taken for, grey");
    const double all = (double)colour->count;
    for (int c = 0; c < linear->classes; c++) {
        const gr_class_metrics *const a = &colour->per_class[c], *const b = &grey->per_class[c];
        const double value[] = {a->recall, b->recall, (double)a->predicted / all,
                                (double)b->predicted / all};
        grey_row(table, gr_dataset_class_name(linear->test, c), value);
    }
    cli_table_rule(table);
    grey_row(table, "all", (double[]){colour->accuracy, grey->accuracy, 1, 1});
    cli_table_print(table);
    cli_print("\n");
}

gr_status cli_linear_grey(const cli_linear *linear, cli_json *json)
{
    gr_model *model = linear->ways[linear->best].model;
    gr_dataset *copies;
    gr_metrics colour, grey;
    gr_status status = grey_copy(linear->test, &copies);
    if (status != GR_OK) return status;
    status = gr_model_test(model, linear->test, &colour);
    if (status == GR_OK) {
        status = gr_model_test(model, copies, &grey);
        if (status == GR_OK) {
            if (linear->json)
                cli_json_real(json, "grey_accuracy", grey.accuracy);
            else if (!linear->quiet)
                grey_print(linear, &colour, &grey);
            gr_metrics_clear(&grey);
        }
        gr_metrics_clear(&colour);
    }
    gr_dataset_free(copies);
    return status;
}
