/* Distillation: learning from another net's scores. */
#include <math.h>

#include "data/dataset.h"
#include "train/trainer.h"

#define TEACHER_INPUT "teacher/shares"
#define TEACHER_WEIGHT 0.9

static gr_status teacher_check(const gr_trainer *t, const gr_dataset *train)
{
    const gr_trainer_options *o = &t->o;
    const gr_model *model = t->model;
    if (!o->teacher)
        return gr_fail(GR_INVALID, "trainer: %s without a teacher",
                       o->temperature != 0 ? "a temperature" : "a teacher's weight");
    if (!(o->temperature >= 0) || !isfinite(o->temperature))
        return gr_fail(GR_INVALID, "trainer: temperature = %g: should be positive", o->temperature);
    if (!(o->teacher_weight >= 0 && o->teacher_weight <= 1))
        return gr_fail(GR_INVALID, "trainer: teacher_weight = %g: should be in [0, 1]",
                       o->teacher_weight);
    if (!model->classifies || model->own_loss || model->positions.rank > 0)
        return gr_fail(GR_INVALID,
                       "trainer: a teacher is for nets that give each example one score "
                       "for each class, and have no loss of their own");
    const gr_shape want = GR_SHAPE(gr_dataset_size(train), model->classes);
    if (o->teacher->dtype != GR_F32 || !gr_shape_equal(o->teacher->shape, want))
        return gr_fail(GR_SHAPE,
                       "trainer: the teacher's scores are %s%s: should be f32%s, a row for each "
                       "example",
                       gr_dtype_name(o->teacher->dtype), gr_shape_text(o->teacher->shape),
                       gr_shape_text(want));
    return GR_OK;
}

/* softmax(scores/T) of one row. GR_NUMERIC for a score that is no number. */
static gr_status teacher_soften(const float *score, int classes, double temperature, float *share)
{
    double most = -INFINITY, sum = 0;
    for (int c = 0; c < classes; c++) {
        if (!isfinite(score[c]))
            return gr_fail(GR_NUMERIC, "trainer: a score of the teacher is %g", (double)score[c]);
        most = fmax(most, (double)score[c]);
    }
    for (int c = 0; c < classes; c++) sum += exp(((double)score[c] - most) / temperature);
    for (int c = 0; c < classes; c++)
        share[c] = (float)(exp(((double)score[c] - most) / temperature) / sum);
    return GR_OK;
}

gr_status gr_teacher_take(gr_trainer *t, const gr_dataset *train)
{
    gr_trainer_options *o = &t->o;
    const int classes = t->model->classes;
    if (!o->teacher && o->temperature == 0 && o->teacher_weight == 0) return GR_OK;
    GR_TRY(teacher_check(t, train));
    if (o->temperature == 0) o->temperature = 1;
    if (o->teacher_weight == 0) o->teacher_weight = TEACHER_WEIGHT;
    /* By the number that an example has in its file, which batches tell. */
    t->shares = gr_alloc_array((size_t)train->storage->count * (size_t)classes, sizeof(float));
    t->batch_shares = gr_alloc_array((size_t)t->o.batch * (size_t)classes, sizeof(float));
    if (!t->shares || !t->batch_shares) return GR_NO_MEMORY;
    const float *scores = o->teacher->data;
    for (int64_t i = 0; i < gr_dataset_size(train); i++)
        GR_TRY(teacher_soften(scores + i * classes, classes, o->temperature,
                              t->shares + gr_dataset_index(train, i) * classes));
    o->teacher = NULL; /* the caller's */
    return GR_OK;
}

gr_node *gr_teacher_loss(const gr_trainer *t, const gr_model_graph *g)
{
    if (!t->shares) return g->loss;
    const double temperature = t->o.temperature, weight = t->o.teacher_weight;
    gr_node *shares = gr_input(g->graph, TEACHER_INPUT, GR_F32, gr_node_shape(g->scores));
    gr_node *log = gr_log_softmax(gr_div(g->scores, gr_like(g->scores, temperature)), -1);
    gr_node *soft = gr_mean(gr_sum(gr_mul(shares, log), GR_AXES(1)), GR_ALL);
    soft = gr_mul(soft, gr_like(soft, -weight * temperature * temperature));
    return gr_add(gr_mul(g->loss, gr_like(g->loss, 1 - weight)), soft);
}

gr_status gr_teacher_bind(const gr_trainer *t, const gr_engine *engine)
{
    const int input = t->shares ? gr_program_find_input(engine->program, TEACHER_INPUT) : -1;
    if (input < 0) return GR_OK;
    const gr_tensor type = gr_program_input_type(engine->program, input);
    return gr_session_bind(engine->session, input, t->batch_shares, gr_tensor_bytes(&type));
}

void gr_teacher_fill(const gr_trainer *t, const gr_batch *batch)
{
    const size_t classes = (size_t)t->model->classes;
    for (int64_t row = 0; t->shares && row < batch->rows; row++)
        memcpy(t->batch_shares + (size_t)row * classes,
               t->shares + (size_t)batch->index[row] * classes, classes * sizeof(float));
}
