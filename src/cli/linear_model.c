/* gradus linear: the classifier itself: scores, parameters, loss, the first W. */
#include "cli/linear.h"
#include "cli/out.h"
#include "cli/spool.h"
#include "cli/values.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_BATCH = 500, MODEL_SAMPLE = 2000 };

/* ---- Scores and loss ------------------------------------------------------------------------- */

gr_node *cli_linear_pad(const cli_linear *linear, gr_node *scores)
{
    const int64_t before[] = {0, 1}, after[] = {0, 0};
    return linear->neuron ? gr_pad(scores, before, after, NULL, 0) : scores;
}

gr_node *cli_linear_loss(const cli_linear *linear, gr_node *scores, gr_node *labels)
{
    if (linear->loss == GR_LOSS_SOFTMAX) return gr_softmax_cross_entropy(scores, labels, NULL);
    return gr_multiclass_hinge(
        scores, labels,
        GR_LOSS(.margin = linear->margin, .squared = linear->loss == GR_LOSS_SQUARED_HINGE));
}

/* W x + b, or W [x, 1] with b as the last column of W. */
static gr_node *linear_recipe(gr_scope *scope, gr_node *x, void *user)
{
    const cli_linear *const linear = user;
    const int64_t rows = linear->rows, size = linear->size;
    const gr_init zero = {.kind = GR_INIT_CONSTANT};
    gr_node *scores;
    x = gr_flatten(x, 1);
    if (linear->trick) {
        const gr_shape one = GR_SHAPE(gr_node_shape(x).dim[0], 1);
        gr_node *parts[] = {x, gr_full(gr_scope_graph(scope), GR_F32, one, 1)};
        gr_node *w = gr_param(scope, "W", GR_SHAPE(rows, size + 1), zero, size + 1, rows);
        scores = gr_matmul_t(gr_concat(parts, 2, 1), false, w, true);
    } else {
        gr_node *w = gr_param(scope, "W", GR_SHAPE(rows, size), zero, size, rows);
        gr_node *b = gr_param(scope, "b", GR_SHAPE(rows), zero, size, rows);
        scores = gr_add(gr_matmul_t(x, false, w, true), b);
    }
    return cli_linear_pad(linear, scores);
}

/* ---- Parameters ------------------------------------------------------------------------------ */

gr_status cli_linear_put(const cli_linear *linear, gr_model *model, const float *w, const float *b)
{
    gr_store *store = gr_model_store(model);
    const size_t rows = (size_t)linear->rows, size = (size_t)linear->size;
    if (!linear->trick) {
        gr_status status = gr_store_write(store, "W", w, rows * size * sizeof *w);
        return status == GR_OK ? gr_store_write(store, "b", b, rows * sizeof *b) : status;
    }
    float *joined = cli_alloc(rows * (size + 1), sizeof *joined);
    for (size_t row = 0; row < rows; row++) {
        memcpy(joined + row * (size + 1), w + row * size, size * sizeof *w);
        joined[row * (size + 1) + size] = b[row];
    }
    gr_status status = gr_store_write(store, "W", joined, rows * (size + 1) * sizeof *joined);
    free(joined);
    return status;
}

gr_status cli_linear_get(const cli_linear *linear, gr_model *model, float *w, float *b)
{
    const gr_store *store = gr_model_store(model);
    const size_t rows = (size_t)linear->rows, size = (size_t)linear->size;
    if (!linear->trick) {
        gr_status status = gr_store_read(store, "W", w, rows * size * sizeof *w);
        return status == GR_OK ? gr_store_read(store, "b", b, rows * sizeof *b) : status;
    }
    float *joined = cli_alloc(rows * (size + 1), sizeof *joined);
    gr_status status = gr_store_read(store, "W", joined, rows * (size + 1) * sizeof *joined);
    for (size_t row = 0; row < rows && status == GR_OK; row++) {
        memcpy(w + row * size, joined + row * (size + 1), size * sizeof *w);
        b[row] = joined[row * (size + 1) + size];
    }
    free(joined);
    return status;
}

gr_status cli_linear_draw(const cli_linear *linear, const char *name, double deviation, float *w,
                          float *b)
{
    gr_tensor drawn;
    const int64_t rows = linear->rows, size = linear->size;
    gr_status status = cli_draw(GR_F32, GR_SHAPE(rows, size + 1), name, linear->seed, &drawn);
    if (status != GR_OK) return status;
    const float *from = drawn.data;
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t i = 0; i < size; i++) *w++ = (float)deviation * *from++;
        *b++ = (float)deviation * *from++;
    }
    gr_tensor_clear(&drawn);
    return GR_OK;
}

gr_status cli_linear_model(const cli_linear *linear, gr_model **model)
{
    gr_status status =
        gr_model_new(GR_MODEL(.recipe = linear_recipe, .user = (void *)(uintptr_t)linear,
                              .data = linear->train, .loss = linear->loss,
                              .margin = linear->loss == GR_LOSS_SOFTMAX ? 0 : linear->margin,
                              .normalizer = &linear->normalizer, .seed = linear->seed,
                              .threads = linear->threads),
                     model);
    if (status != GR_OK) return status;
    float *w = cli_alloc((size_t)(linear->rows * (linear->size + 1)), sizeof *w);
    float *b = w + linear->rows * linear->size;
    status = cli_linear_draw(linear, "W", linear->init, w, b);
    if (status == GR_OK) status = cli_linear_put(linear, *model, w, b);
    free(w);
    if (status != GR_OK) {
        gr_model_free(*model);
        *model = NULL;
    }
    return status;
}

/* ---- The data -------------------------------------------------------------------------------- */

/* Mean |x|² of examples evenly spaced, normalised. */
static gr_status linear_measure(cli_linear *linear)
{
    const int64_t all = gr_dataset_size(linear->train);
    const int64_t n = all < MODEL_SAMPLE ? all : MODEL_SAMPLE;
    int64_t *index = cli_alloc((size_t)n, sizeof *index);
    for (int64_t i = 0; i < n; i++) index[i] = i * all / n;
    gr_dataset *sample;
    gr_loader *loader;
    gr_batch batch;
    double sum = 0;
    gr_status status = gr_dataset_select(linear->train, index, n, &sample);
    free(index);
    if (status != GR_OK) return status;
    status = gr_loader_new(
        sample, GR_LOADER(.batch = MODEL_BATCH, .normalizer = &linear->normalizer), &loader);
    gr_dataset_free(sample);
    if (status != GR_OK) return status;
    while (gr_loader_next(loader, &batch)) {
        const float *x = batch.x.data;
        for (int64_t i = 0; i < batch.rows * linear->size; i++) sum += (double)x[i] * (double)x[i];
    }
    gr_loader_free(loader);
    linear->scale = sum / (double)n;
    return GR_OK;
}

/* The loss curves with the square of the examples, so a rate that suits one scale of numbers suits
 * another by its square; the factors were found on CIFAR-10. */
static double linear_usual_rate(const cli_linear *linear)
{
    const double factor = linear->loss == GR_LOSS_SOFTMAX ? 4
                          : linear->loss == GR_LOSS_HINGE ? 1
                                                          : .4 / linear->margin;
    return factor / (1 + linear->scale);
}

gr_status cli_linear_learn(cli_linear *linear)
{
    const gr_normalize kind = (gr_normalize)gr_normalize_find(cli_text(linear->args, "normalize"));
    gr_status status = gr_normalizer_learn(kind, linear->train, &linear->normalizer);
    if (status == GR_OK) status = linear_measure(linear);
    const gr_optimizer_kind optimizer = linear->optimizer.kind;
    if (linear->optimizer.rate == 0 && (optimizer == GR_SGD || optimizer == GR_NESTEROV))
        linear->optimizer.rate = linear_usual_rate(linear);
    return status;
}

/* ---- What is told before the work ------------------------------------------------------------ */

double cli_linear_expected(const cli_linear *linear)
{
    const double others = linear->classes - 1, margin = linear->margin;
    if (linear->loss == GR_LOSS_SOFTMAX) return log(linear->classes);
    return linear->loss == GR_LOSS_HINGE ? others * margin : others * margin * margin;
}

/* "30,730": digits in threes. */
static char *linear_number(int64_t n, char *text, size_t size)
{
    char digits[32];
    const int count = snprintf(digits, sizeof digits, "%" PRId64, n);
    size_t at = 0;
    for (int i = 0; i < count && at + 2 < size; i++) {
        if (i && (count - i) % 3 == 0) text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = 0;
    return text;
}

static void linear_announce_model(const cli_linear *linear)
{
    char weights[40], biases[40], all[40], size[40];
    const int64_t rows = linear->rows;
    linear_number(linear->size, size, sizeof size);
    linear_number(rows * linear->size, weights, sizeof weights);
    linear_number(rows, biases, sizeof biases);
    linear_number(rows * (linear->size + 1), all, sizeof all);
    const char *score = linear->neuron ? "score" : "scores";
    const char *formula = linear->trick ? "W [x, 1]" : "W x + b";
    cli_print("model     %s = %s: %s × %s weights + %s %s = %s parameters\n", score, formula, size,
              biases, biases, rows == 1 ? "bias" : "biases", all);
    if (linear->neuron)
        cli_print("neuron    class %s where the score is above 0%s\n",
                  gr_dataset_class_name(linear->train, 1),
                  linear->loss == GR_LOSS_SOFTMAX ? ": its probability, sigmoid(score), above 0.5"
                                                  : "");
}

static void linear_announce_loss(const cli_linear *linear)
{
    char margin[32], l1[32], l2[32];
    cli_show_real(linear->margin, margin, sizeof margin);
    cli_print("loss      %s", linear->loss == GR_LOSS_SOFTMAX ? "softmax cross-entropy"
                              : linear->loss == GR_LOSS_HINGE ? "multiclass hinge"
                                                              : "squared multiclass hinge");
    if (linear->loss != GR_LOSS_SOFTMAX) cli_print(" (margin %s)", margin);
    if (linear->optimizer.l2 > 0)
        cli_print(" + %s Σw²", cli_show_real(linear->optimizer.l2, l2, sizeof l2));
    if (linear->optimizer.l1 > 0)
        cli_print(" + %s Σ|w|", cli_show_real(linear->optimizer.l1, l1, sizeof l1));
    cli_print("\n");
}

void cli_linear_announce(const cli_linear *linear)
{
    char init[32];
    if (linear->json || linear->quiet) return;
    cli_print("data      %s: %" PRId64 " examples to train on, %" PRId64
              " to test; %d classes; normalised: %s\n",
              cli_spool_name(gr_dataset_name(linear->train)), gr_dataset_size(linear->train),
              gr_dataset_size(linear->test), linear->classes,
              gr_normalize_name(linear->normalizer.kind));
    linear_announce_model(linear);
    linear_announce_loss(linear);
    cli_show_real(linear->init, init, sizeof init);
    cli_print("check     loss of random W (deviation %s): %.4f; of scores 0 ", init,
              linear->first_loss);
    const double expected = cli_linear_expected(linear);
    if (linear->loss == GR_LOSS_SOFTMAX)
        cli_print("ln %d = %.4f\n", linear->classes, expected);
    else
        cli_print("(C − 1) Δ%s = %g\n", linear->loss == GR_LOSS_HINGE ? "" : "²", expected);
    cli_flush();
}
