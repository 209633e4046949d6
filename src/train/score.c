/* Predictions and tests. */
#include <math.h>

#include "train/model.h"

/* ---- Prediction ----------------------------------------------------------------------------- */

static gr_status score_predict_check(const gr_model *model, const gr_tensor *x)
{
    gr_shape rows = gr_model_batch_shape(model, x->shape.rank > 0 ? x->shape.dim[0] : 0);
    if (x->shape.rank < 1 || !gr_shape_equal(x->shape, rows))
        return gr_fail(GR_SHAPE, "the data are %s, but the model takes examples of %s, [n,…]",
                       gr_shape_text(x->shape), gr_shape_text(model->input));
    bool tokens = gr_model_tokens(model);
    if (tokens ? x->dtype != GR_I32 : x->dtype != GR_F32 && x->dtype != GR_U8)
        return gr_fail(GR_DTYPE, "the data are %s, but %s", gr_dtype_name(x->dtype),
                       tokens ? "this model takes i32 tokens" : "a model takes f32 or u8");
    return gr_model_ready(model);
}

/* Scores of rows [from, from + rows) through the buffer `batch` for normalised examples; tokens are
 * taken where they lie. */
static gr_status score_predict_rows(gr_model *model, const gr_tensor *x, int64_t from, int64_t rows,
                                    float *batch, float *scores)
{
    gr_engine *engine;
    size_t elements = (size_t)gr_shape_count(model->input);
    size_t count = (size_t)rows * elements;
    size_t each = (size_t)gr_shape_count(model->output);
    const char *data = x->data;
    gr_tensor part = {x->dtype, gr_model_batch_shape(model, rows),
                      (void *)(data + (size_t)from * elements * gr_dtype_size(x->dtype))};
    const void *input = batch;
    if (gr_model_tokens(model))
        input = part.data;
    else
        GR_TRY(gr_normalizer_apply(&model->normalizer, &part, batch));
    GR_TRY(gr_model_engine(model, GR_ENGINE_PREDICT, rows, &engine));
    if (engine->x >= 0) /* i32 is as wide as f32 */
        GR_TRY(gr_session_bind(engine->session, engine->x, input, count * sizeof *batch));
    GR_TRY(gr_session_step(engine->session));
    return gr_session_read(engine->session, engine->scores, scores + (size_t)from * each,
                           (size_t)rows * each * sizeof *scores);
}

gr_status gr_model_predict(gr_model *model, const gr_tensor *x, float *scores)
{
    GR_TRY(score_predict_check(model, x));
    int64_t n = x->shape.dim[0], most = n < GR_EVAL_ROWS ? n : GR_EVAL_ROWS;
    size_t bytes;
    if (!gr_mul_size((size_t)gr_shape_count(model->input), (size_t)most * sizeof(float), &bytes))
        return gr_no_memory(SIZE_MAX);
    float *batch = gr_alloc_aligned(bytes);
    if (!batch) return GR_NO_MEMORY;
    gr_status status = GR_OK;
    for (int64_t from = 0; from < n && status == GR_OK; from += most)
        status =
            score_predict_rows(model, x, from, n - from < most ? n - from : most, batch, scores);
    gr_free_aligned(batch);
    return status;
}

bool gr_model_probabilities(const gr_model *model, float *scores)
{
    int n = model->classes;
    if (model->own_loss) return false;
    if (model->loss == GR_LOSS_SIGMOID) {
        for (int i = 0; i < n; i++) scores[i] = (float)(1 / (1 + exp(-(double)scores[i])));
        return true;
    }
    if (model->loss != GR_LOSS_SOFTMAX) return false;
    double most = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++) most = fmax(most, (double)scores[i]);
    for (int i = 0; i < n; i++) sum += exp((double)scores[i] - most);
    for (int i = 0; i < n; i++) scores[i] = (float)(exp((double)scores[i] - most) / sum);
    return true;
}

/* ---- Tests ---------------------------------------------------------------------------------- */

int64_t gr_model_counted(const gr_model *model, const int32_t *labels, int64_t n)
{
    int64_t padding = 0;
    for (int64_t i = 0; model->padded && i < n; i++) padding += labels[i] < 0;
    return n - padding;
}

double gr_model_weight(const gr_model *model, const int32_t *labels, int64_t n)
{
    if (!model->class_weights) return (double)gr_model_counted(model, labels, n);
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        if (labels[i] >= 0 && labels[i] < model->classes) /* others fail the step */
            sum += (double)model->class_weights[labels[i]];
    return sum;
}

/* The class of the largest score, the first of equals; a NaN wins, as in argmax. */
static int score_class(const float *scores, int classes)
{
    int best = 0;
    for (int i = 1; i < classes; i++) {
        if (isnan(scores[best])) break;
        if (isnan(scores[i]) || scores[i] > scores[best]) best = i;
    }
    return best;
}

/* Adds what the net's own figures are for a batch of that weight. */
static gr_status score_figures(const gr_engine *engine, double weight, gr_metrics *sums)
{
    for (int i = 0; i < sums->n_figures; i++) {
        float value;
        GR_TRY(gr_session_read(engine->session, engine->figures + i, &value, sizeof value));
        sums->figures[i].value += (double)value * weight;
    }
    return GR_OK;
}

/* Adds a batch's hits and what its rows are taken for. */
static gr_status score_hits(const gr_model *model, const gr_engine *engine, const int32_t *labels,
                            int64_t n, float *scores, gr_metrics *sums, int64_t *confusion)
{
    size_t classes = (size_t)model->classes;
    GR_TRY(gr_session_read(engine->session, engine->scores, scores,
                           (size_t)n * classes * sizeof *scores));
    for (size_t i = 0; i < (size_t)n; i++) {
        if (labels[i] < 0) continue; /* padding */
        int taken = score_class(scores + i * classes, model->classes);
        sums->correct += taken == labels[i];
        if (confusion) confusion[(size_t)labels[i] * classes + (size_t)taken]++;
    }
    return GR_OK;
}

/* Adds one batch. */
static gr_status score_batch(gr_model *model, const gr_batch *batch, float *scores,
                             gr_metrics *sums, double *weights, int64_t *confusion)
{
    gr_engine *engine;
    float loss;
    int64_t n = gr_model_labels(model, batch->rows);
    GR_TRY(gr_model_engine(model, GR_ENGINE_TEST, batch->rows, &engine));
    if (engine->x >= 0)
        GR_TRY(
            gr_session_bind(engine->session, engine->x, batch->x.data, gr_tensor_bytes(&batch->x)));
    if (engine->y >= 0)
        GR_TRY(
            gr_session_bind(engine->session, engine->y, batch->y.data, gr_tensor_bytes(&batch->y)));
    GR_TRY(gr_session_step(engine->session));
    GR_TRY(gr_session_read(engine->session, engine->loss, &loss, sizeof loss));
    const int32_t *labels = batch->y.data;
    double weight = gr_model_weight(model, labels, n);
    sums->loss += (double)loss * weight;
    *weights += weight;
    sums->count += gr_model_counted(model, labels, n);
    GR_TRY(score_figures(engine, weight, sums));
    return model->classifies ? score_hits(model, engine, labels, n, scores, sums, confusion)
                             : GR_OK;
}

gr_status gr_model_score(gr_model *model, gr_loader *loader, gr_metrics *metrics,
                         int64_t *confusion)
{
    gr_batch batch;
    double weights = 0;
    size_t most = (size_t)gr_model_labels(model, GR_EVAL_ROWS) * (size_t)model->classes;
    float *scores = gr_alloc_array(most, sizeof *scores);
    if (!scores) return GR_NO_MEMORY;
    const gr_cursor begin = gr_loader_cursor(loader);
    gr_status status = gr_model_reset_carried(model->store, GR_EVAL);
    while (status == GR_OK && gr_loader_next(loader, &batch))
        status = score_batch(model, &batch, scores, metrics, &weights, confusion);
    if (status == GR_OK) status = gr_loader_status(loader);
    if (status == GR_OK) status = gr_model_reset_carried(model->store, GR_EVAL);
    if (status != GR_OK) (void)gr_loader_seek(loader, begin); /* the next call is to see them all */
    gr_free(scores);
    metrics->loss /= weights;
    for (int i = 0; i < metrics->n_figures; i++) metrics->figures[i].value /= weights;
    metrics->accuracy =
        model->classifies ? (double)metrics->correct / (double)metrics->count : (double)NAN;
    return status;
}

static double score_ratio(int64_t part, int64_t all)
{
    return all > 0 ? (double)part / (double)all : 0;
}

static void score_classes(gr_metrics *m)
{
    for (int c = 0; c < m->classes; c++) {
        gr_class_metrics *of = &m->per_class[c];
        for (int i = 0; i < m->classes; i++) {
            of->count += m->confusion[c * m->classes + i];
            of->predicted += m->confusion[i * m->classes + c];
        }
        of->correct = m->confusion[c * m->classes + c];
        of->precision = score_ratio(of->correct, of->predicted);
        of->recall = score_ratio(of->correct, of->count);
        of->f1 = score_ratio(2 * of->correct, of->count + of->predicted);
    }
}

static gr_status score_fill(gr_model *model, const gr_dataset *data, gr_metrics *metrics)
{
    gr_loader *loader;
    size_t classes = (size_t)model->classes;
    metrics->n_figures = gr_model_figures(model);
    metrics->figures = gr_alloc_array((size_t)metrics->n_figures + 1, sizeof *metrics->figures);
    if (!metrics->figures) return GR_NO_MEMORY;
    for (int i = 0; i < metrics->n_figures; i++)
        metrics->figures[i].name = gr_model_figure_name(model, i);
    metrics->per_class = gr_alloc_array(classes, sizeof *metrics->per_class);
    metrics->confusion = gr_alloc_array(classes * classes, sizeof *metrics->confusion);
    if (!metrics->per_class || !metrics->confusion) return GR_NO_MEMORY;
    GR_TRY(gr_loader_new(data,
                         GR_LOADER(.batch = GR_EVAL_ROWS, .normalizer = gr_model_normalizer(model),
                                   .preprocess = &model->preprocess),
                         &loader));
    gr_status status = gr_model_score(model, loader, metrics, metrics->confusion);
    gr_loader_free(loader);
    if (status == GR_OK && model->classifies) score_classes(metrics);
    return status;
}

gr_status gr_model_test(gr_model *model, const gr_dataset *data, gr_metrics *metrics)
{
    *metrics = (gr_metrics){.classes = model->classes};
    GR_TRY(gr_model_fits(model, data));
    GR_TRY(gr_model_ready(model));
    if (gr_dataset_classes(data) == 0)
        return gr_fail(GR_INVALID, "'%s' has no labels to test with", gr_dataset_name(data));
    gr_status status = score_fill(model, data, metrics);
    if (status != GR_OK) gr_metrics_clear(metrics);
    return status;
}

void gr_metrics_clear(gr_metrics *metrics)
{
    gr_free(metrics->per_class);
    gr_free(metrics->confusion);
    gr_free(metrics->figures);
    *metrics = (gr_metrics){0};
}
