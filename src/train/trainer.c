/* Trainers: making one, looking at it. */
#include "train/trainer.h"

#include <math.h>

#include "data/dataset.h"
#include "run/store.h"

/* ---- Making --------------------------------------------------------------------------------- */

static gr_status trainer_check(const gr_model *model, const gr_trainer_options *o,
                               const gr_dataset *validation)
{
    const struct {
        const char *name;
        double value;
    } positive[] = {{"batch", (double)o->batch},
                    {"accumulate", (double)o->accumulate},
                    {"report_steps", (double)o->report_steps},
                    {"epochs", (double)o->epochs},
                    {"steps", (double)o->steps},
                    {"patience", (double)o->patience},
                    {"min_delta", o->min_delta},
                    {"checkpoint_steps", (double)o->checkpoint_steps},
                    {"checkpoint_seconds", o->checkpoint_seconds},
                    {"keep_checkpoints", (double)o->keep_checkpoints}};
    for (size_t i = 0; i < GR_LEN(positive); i++)
        if (!(positive[i].value >= 0))
            return gr_fail(GR_INVALID, "trainer: %s = %g: should not be negative", positive[i].name,
                           positive[i].value);
    if (!(o->validation >= 0 && o->validation < 1))
        return gr_fail(GR_INVALID, "trainer: validation = %g: should be in [0, 1)", o->validation);
    if (validation && o->validation > 0)
        return gr_fail(GR_INVALID, "trainer: a validation set and a fraction to hold out as well: "
                                   "should be one of them");
    if (o->monitor == GR_MONITOR_ACCURACY && !model->classifies)
        return gr_fail(GR_INVALID, "trainer: the net does not classify: there is no accuracy to "
                                   "monitor");
    if (!validation && o->validation == 0 && (o->patience || o->keep_best))
        return gr_fail(GR_INVALID, "trainer: %s needs validation data",
                       o->patience ? "patience" : "keep_best");
    if (o->keep_checkpoints > GR_MAX_CHECKPOINTS)
        return gr_fail(GR_INVALID, "trainer: keep_checkpoints = %lld: should be at most %d",
                       (long long)o->keep_checkpoints, GR_MAX_CHECKPOINTS);
    if (!o->checkpoint && (o->checkpoint_steps || o->checkpoint_seconds > 0 || o->keep_checkpoints))
        return gr_fail(GR_INVALID, "trainer: checkpoints are wanted, but no file is given");
    return GR_OK;
}

static gr_status trainer_check_data(const gr_model *model, const gr_dataset *data)
{
    if (!data) return gr_fail(GR_INVALID, "trainer: there are no data to train on");
    GR_TRY(gr_model_fits(model, data));
    if (gr_dataset_classes(data) > 0) return GR_OK;
    return gr_fail(GR_INVALID, "'%s' has no labels to train with", gr_dataset_name(data));
}

/* A data set of its own with the same examples. */
static gr_status trainer_hold(const gr_dataset *data, gr_dataset **held)
{
    int64_t n = gr_dataset_size(data);
    int64_t *all = gr_alloc_array((size_t)n, sizeof *all);
    if (!all) return GR_NO_MEMORY;
    for (int64_t i = 0; i < n; i++) all[i] = i;
    gr_status status = gr_dataset_select(data, all, n, held);
    gr_free(all);
    return status;
}

static gr_status trainer_take_data(gr_trainer *t, const gr_dataset *train,
                                   const gr_dataset *validation)
{
    if (t->o.validation > 0)
        return gr_dataset_split(train,
                                GR_DATA_SPLIT(.fraction = t->o.validation, .seed = t->o.seed),
                                &t->train, &t->validation);
    GR_TRY(trainer_hold(train, &t->train));
    return validation ? trainer_hold(validation, &t->validation) : GR_OK;
}

static gr_status trainer_make_loaders(gr_trainer *t)
{
    GR_TRY(gr_model_learn_normalizer(t->model, t->train));
    const gr_normalizer *normalizer = gr_model_normalizer(t->model);
    GR_TRY(gr_loader_new(t->train,
                         GR_LOADER(.batch = t->o.batch, .shuffle = !t->o.in_order,
                                   .seed = t->o.seed, .drop_last = t->o.drop_last,
                                   .normalizer = normalizer, .preprocess = &t->model->preprocess,
                                   .augment = t->o.augment ? &t->augment : NULL),
                         &t->loader));
    if (!t->validation) return GR_OK;
    return gr_loader_new(t->validation,
                         GR_LOADER(.batch = GR_EVAL_ROWS, .normalizer = normalizer,
                                   .preprocess = &t->model->preprocess, .same_draws = true),
                         &t->val_loader);
}

int64_t gr_trainer_epoch_steps(const gr_trainer *t)
{
    return (gr_loader_batches(t->loader) - 1) / t->o.accumulate + 1;
}

static void trainer_plan_steps(gr_trainer *t)
{
    int64_t each = gr_trainer_epoch_steps(t), epochs = t->o.epochs;
    if (!epochs && !t->o.steps) epochs = 10;
    t->total = epochs < INT64_MAX / each ? epochs * each : INT64_MAX;
    if (t->o.steps && (!epochs || t->o.steps < t->total)) t->total = t->o.steps;
    gr_schedule *s = &t->optimizer.schedule;
    bool bounded = s->kind == GR_SCHEDULE_POLY || s->kind == GR_SCHEDULE_COSINE;
    if (!bounded || s->total > 0) return;
    s->total = t->total > s->warmup ? t->total - s->warmup : 1; /* 1: it ends within the warmup */
}

/* Has a session read those factors that its program has. */
static gr_status trainer_bind(gr_trainer *t, const gr_engine *engine)
{
    const struct {
        const char *name;
        const float *value;
    } factors[] = {{"accumulate/keep", &t->factors.keep},
                   {"accumulate/weight", &t->factors.weight},
                   {"accumulate/scale", &t->factors.scale}};
    for (size_t i = 0; i < GR_LEN(factors); i++) {
        int input = gr_program_find_input(engine->program, factors[i].name);
        if (input < 0) continue;
        GR_TRY(gr_session_bind(engine->session, input, factors[i].value, sizeof(float)));
    }
    return GR_OK;
}

/* A scalar input of a program that accumulates. */
static gr_node *trainer_factor(const gr_model_graph *g, const char *name)
{
    return gr_input(g->graph, name, GR_F32, GR_SCALAR);
}

/* The program of a batch, with its update or, where several are one step, the sum of gradients. */
static gr_status trainer_compile(gr_trainer *t, int64_t rows, gr_engine *engine)
{
    gr_model_graph g;
    gr_status status = gr_model_build(t->model, GR_TRAIN, rows, &g);
    if (status == GR_OK) g.loss = gr_teacher_loss(t, &g);
    if (status == GR_OK && t->o.accumulate > 1)
        status = gr_accumulate(g.scope, g.loss, trainer_factor(&g, "accumulate/keep"),
                               trainer_factor(&g, "accumulate/weight"));
    else if (status == GR_OK)
        status = gr_minimize(g.scope, g.loss, &t->optimizer);
    const int norm = g.accuracy ? 2 : 1;
    const bool normed = t->o.gradient_norm && t->o.accumulate == 1;
    gr_node *outputs[3] = {g.loss, g.accuracy};
    if (status == GR_OK && normed) outputs[norm] = gr_gradient_norm(g.scope, g.loss, NULL);
    if (status == GR_OK) status = gr_engine_new(t->model, &g, outputs, norm + normed, 0, engine);
    if (status == GR_OK && normed) engine->norm = norm;
    if (status == GR_OK && t->o.updates && !t->watch)
        status = gr_watch_new(t->model->store, g.scope, &t->watch);
    if (status == GR_OK && t->o.accumulate > 1) status = trainer_bind(t, engine);
    if (status == GR_OK) status = gr_teacher_bind(t, engine);
    gr_model_graph_clear(&g);
    return status;
}

/* The program that follows the last batch of a step. */
static gr_status trainer_compile_update(gr_trainer *t)
{
    gr_model_graph g;
    gr_node *norm = NULL, *scale = NULL;
    gr_status status = gr_model_build(t->model, GR_TRAIN, t->full.rows, &g);
    const int before = status == GR_OK ? gr_scope_updates(g.scope) : 0;
    if (status == GR_OK) {
        scale = trainer_factor(&g, "accumulate/scale");
        status = gr_minimize_sum(g.scope, g.loss, scale, &t->optimizer);
    }
    if (status == GR_OK && t->o.gradient_norm) norm = gr_gradient_norm(g.scope, g.loss, scale);
    if (status == GR_OK)
        status = gr_engine_new(t->model, &g, &norm, norm ? 1 : 0, before, &t->update);
    if (status == GR_OK && norm) t->update.norm = 0;
    if (status == GR_OK) status = trainer_bind(t, &t->update);
    gr_model_graph_clear(&g);
    return status;
}

/* The programs of a full and of a smaller last batch, so that what is wrong with either shows now.
 */
static gr_status trainer_make_engines(gr_trainer *t)
{
    int64_t rows = gr_loader_rows(t->loader);
    int64_t full = t->o.batch < rows ? t->o.batch : rows, last = rows % full;
    GR_TRY(trainer_compile(t, full, &t->full));
    if (t->o.accumulate > 1) GR_TRY(trainer_compile_update(t));
    if (last == 0) return GR_OK;
    gr_status status = trainer_compile(t, last, &t->last);
    if (status == GR_OK || status == GR_NO_MEMORY) return status;
    return gr_fail_prefix(status,
                          "the last batch of an epoch, of %lld of %lld examples (drop_last "
                          "would leave it out): ",
                          (long long)last, (long long)rows);
}

/* Step and optimiser of an earlier training start again. */
static gr_status trainer_reset_optimizer(gr_trainer *t)
{
    gr_store *store = t->model->store;
    GR_TRY(gr_store_enter(store, true));
    for (size_t i = 0; i < store->count; i++) {
        gr_tensor *value = &store->entries[i].value;
        size_t bytes = gr_tensor_bytes(value);
        if (!gr_model_owns(store->entries[i].name) && bytes) memset(value->data, 0, bytes);
    }
    gr_store_leave(store, true);
    return GR_OK;
}

static gr_status trainer_fill(gr_trainer *t, const gr_dataset *train, const gr_dataset *validation)
{
    GR_TRY(trainer_check(t->model, &t->o, validation));
    GR_TRY(GR_OPTIONS(gr_augment, &t->augment, t->o.augment));
    GR_TRY(trainer_check_data(t->model, train));
    if (validation) GR_TRY(trainer_check_data(t->model, validation));
    if (gr_model_carries(t->model) && !t->o.in_order)
        return gr_fail(GR_INVALID,
                       "trainer: the net carries its state from each batch to the next, but the "
                       "data are shuffled: should be in_order, of rows that continue each other");
    if (t->o.batch == 0) t->o.batch = 64;
    if (t->o.accumulate == 0) t->o.accumulate = 1;
    if (t->o.seed == 0) t->o.seed = t->model->seed;
    if (t->o.checkpoint) {
        t->checkpoint = gr_strdup(t->o.checkpoint);
        if (!t->checkpoint) return GR_NO_MEMORY;
    }
    GR_TRY(gr_teacher_take(t, train));
    GR_TRY(trainer_take_data(t, train, validation));
    GR_TRY(trainer_make_loaders(t));
    trainer_plan_steps(t);
    GR_TRY(trainer_make_engines(t));
    return trainer_reset_optimizer(t);
}

gr_status gr_trainer_new(gr_model *model, const gr_dataset *train, const gr_dataset *validation,
                         const gr_trainer_options *options, gr_trainer **trainer)
{
    *trainer = NULL;
    gr_trainer *t = gr_alloc(sizeof *t);
    if (!t) return GR_NO_MEMORY;
    atomic_init(&t->stop, false);
    t->model = model;
    const bool normalized = model->normalizes;
    gr_status status = GR_OPTIONS(gr_trainer_options, &t->o, options);
    t->optimizer = t->o.optimizer ? *t->o.optimizer : *GR_OPTIMIZER(.kind = GR_ADAM);
    if (status == GR_OK) status = trainer_fill(t, train, validation);
    if (status == GR_OK) {
        *trainer = t;
        return GR_OK;
    }
    gr_trainer_free(t);
    if (!normalized && model->normalizes) { /* other data may come next */
        gr_normalizer_clear(&model->normalizer);
        model->normalizes = false;
    }
    return status;
}

void gr_trainer_free(gr_trainer *trainer)
{
    if (!trainer) return;
    gr_engine_clear(&trainer->full);
    gr_engine_clear(&trainer->last);
    gr_engine_clear(&trainer->update);
    gr_loader_free(trainer->loader);
    gr_loader_free(trainer->val_loader);
    gr_dataset_free(trainer->train);
    gr_dataset_free(trainer->validation);
    gr_store_free(trainer->best);
    gr_watch_free(trainer->watch);
    gr_free(trainer->s.history);
    gr_free(trainer->checkpoint);
    gr_free(trainer->shares);
    gr_free(trainer->batch_shares);
    gr_free(trainer);
}

/* ---- The best parameters -------------------------------------------------------------------- */

gr_status gr_trainer_keep_best(gr_trainer *t)
{
    gr_store *store = t->model->store, *best = t->best ? t->best : gr_store_new();
    if (!best) return GR_NO_MEMORY;
    gr_status status = GR_OK;
    for (size_t i = 0; status == GR_OK && i < store->count; i++) {
        const gr_store_entry *entry = &store->entries[i];
        if (!gr_model_owns(entry->name)) continue;
        if (gr_store_find(best, entry->name) < 0)
            status = gr_store_add(best, entry->name, &entry->value);
        else
            status = gr_store_write(best, entry->name, entry->value.data,
                                    gr_tensor_bytes(&entry->value));
    }
    if (status == GR_OK)
        t->best = best;
    else if (best != t->best)
        gr_store_free(best);
    return status;
}

gr_status gr_trainer_restore_best(gr_trainer *t)
{
    for (int i = 0; i < gr_store_size(t->best); i++) {
        const gr_store_entry *entry = &t->best->entries[i];
        GR_TRY(gr_store_write(t->model->store, entry->name, entry->value.data,
                              gr_tensor_bytes(&entry->value)));
    }
    return GR_OK;
}

gr_status gr_trainer_check_finite(const gr_trainer *t)
{
    const gr_store *store = t->model->store;
    for (size_t i = 0; i < store->count; i++) {
        const gr_tensor *value = &store->entries[i].value;
        if (value->dtype != GR_F32 || !gr_model_owns(store->entries[i].name)) continue;
        int64_t n = gr_shape_count(value->shape);
        const float *x = value->data;
        for (int64_t k = 0; k < n; k++)
            if (!isfinite(x[k]))
                return gr_fail(GR_NUMERIC,
                               "epoch %lld, step %lld: '%s' has become %g: the learning rate may "
                               "be too high",
                               (long long)t->s.epoch + 1, (long long)t->s.step,
                               store->entries[i].name, (double)x[k]);
    }
    return GR_OK;
}

/* ---- Looking -------------------------------------------------------------------------------- */

double gr_trainer_seconds(const gr_trainer *t)
{
    return t->s.seconds + (t->started > 0 ? gr_seconds() - t->started : 0);
}

/* The epoch under way, of which `sums` has labels. */
static gr_epoch trainer_running(const gr_trainer *t)
{
    const gr_train_sums *sums = &t->s.sums;
    return (gr_epoch){.epoch = t->s.epoch + 1,
                      .step = t->s.step,
                      .train_loss = sums->loss / sums->weight,
                      .train_accuracy = sums->correct / sums->labels,
                      .val_loss = NAN,
                      .val_accuracy = NAN,
                      .rate = gr_schedule_rate(&t->optimizer, t->s.step ? t->s.step - 1 : 0),
                      .seconds = gr_trainer_seconds(t),
                      .gradient_norm = sums->steps > 0 ? sums->norm / sums->steps : (double)NAN};
}

gr_train_report gr_trainer_report(const gr_trainer *t)
{
    const gr_train_state *s = &t->s;
    int64_t each = gr_trainer_epoch_steps(t);
    gr_train_report r = {.loss = s->step ? s->loss : NAN,
                         .accuracy = s->step ? s->accuracy : NAN,
                         .epochs = (t->total - 1) / each + 1,
                         .steps = t->total,
                         .epoch_steps = each,
                         .rows_per_second = NAN,
                         .eta = NAN,
                         .best = s->best,
                         .rows = gr_dataset_size(t->train)};
    if (t->validation) r.val_rows = gr_dataset_size(t->validation);
    bool between = s->sums.labels == 0 && s->n_history > 0;
    r.now = between ? s->history[s->n_history - 1] : trainer_running(t);
    /* An epoch that has just ended is whole. */
    r.epoch_step = s->step - s->epoch * each;
    if (between && r.epoch_step == 0) r.epoch_step = each;
    if (t->epoch_seconds > 0) r.rows_per_second = t->epoch_rows / t->epoch_seconds;
    if (t->ended)
        r.eta = 0;
    else if (t->steps_here > 0)
        r.eta = (gr_seconds() - t->started) / (double)t->steps_here * (double)(t->total - s->step);
    return r;
}

bool gr_trainer_epoch(const gr_trainer *t, int64_t i, gr_epoch *epoch)
{
    if (i < 0 || i >= gr_trainer_epochs(t)) return false;
    *epoch = t->s.history[i];
    return true;
}

int64_t gr_trainer_epochs(const gr_trainer *t)
{
    return (int64_t)t->s.n_history;
}

gr_model *gr_trainer_model(const gr_trainer *t)
{
    return t->model;
}

gr_plan_info gr_trainer_plan(const gr_trainer *t)
{
    return gr_program_plan(t->full.program);
}
