/* The training loop as a state machine. */
#include <math.h>
#include <stdio.h>

#include "train/trainer.h"

/* ---- One step ------------------------------------------------------------------------------- */

/* Ends the training for good: what the numbers have become helps nobody. */
static gr_status step_spoiled(gr_trainer *t, gr_status status)
{
    t->fault = status;
    snprintf(t->fault_text, sizeof t->fault_text, "%.*s", (int)sizeof t->fault_text - 1,
             gr_message());
    return status;
}

static gr_status step_check_loss(gr_trainer *t, double loss)
{
    if (isfinite(loss)) return GR_OK;
    return step_spoiled(t, gr_fail(GR_NUMERIC,
                                   "epoch %lld, step %lld: the loss is %g: the learning rate may "
                                   "be too high, or the data hold huge numbers",
                                   (long long)t->s.epoch + 1, (long long)t->s.step, loss));
}

/* Moves the loader from an epoch's end to the next one. */
static void step_turn_epoch(gr_trainer *t)
{
    gr_batch none;
    t->s.epoch++;
    gr_loader_next(t->loader, &none);
    t->s.cursor = gr_loader_cursor(t->loader);
}

/* What one batch gave, or all of a step. */
typedef struct step_result {
    double loss, weight; /* Σ weight·loss, Σ weight */
    double correct, labels, rows;
    double norm; /* of the gradient; NaN: not computed */
} step_result;

static gr_status step_compute(gr_trainer *t, const gr_batch *batch, double weight, float *loss,
                              float *accuracy)
{
    gr_engine *engine = batch->rows == t->full.rows ? &t->full : &t->last;
    t->factors.weight = (float)weight;
    gr_teacher_fill(t, batch);
    if (engine->x >= 0)
        GR_TRY(
            gr_session_bind(engine->session, engine->x, batch->x.data, gr_tensor_bytes(&batch->x)));
    if (engine->y >= 0)
        GR_TRY(
            gr_session_bind(engine->session, engine->y, batch->y.data, gr_tensor_bytes(&batch->y)));
    GR_TRY(gr_session_step(engine->session));
    GR_TRY(gr_session_read(engine->session, engine->loss, loss, sizeof *loss));
    *accuracy = NAN;
    if (engine->accuracy < 0) return GR_OK;
    return gr_session_read(engine->session, engine->accuracy, accuracy, sizeof *accuracy);
}

/* The gradient's norm, if the engine computes it. */
static gr_status step_read_norm(const gr_engine *engine, step_result *result)
{
    float norm;
    if (engine->norm < 0) return GR_OK;
    GR_TRY(gr_session_read(engine->session, engine->norm, &norm, sizeof norm));
    result->norm = (double)norm;
    return GR_OK;
}

static gr_status step_batch(gr_trainer *t, step_result *sum)
{
    gr_batch batch;
    float loss, accuracy;
    if (!gr_loader_next(t->loader, &batch)) {
        GR_TRY(gr_loader_status(t->loader));
        return gr_fail(GR_INTERNAL, "trainer: the data ended before the epoch did");
    }
    int64_t labels = gr_model_labels(t->model, batch.rows);
    double weight = gr_model_weight(t->model, batch.y.data, labels);
    t->factors.keep = sum->rows > 0;
    GR_TRY(step_compute(t, &batch, weight, &loss, &accuracy));
    GR_TRY(step_read_norm(batch.rows == t->full.rows ? &t->full : &t->last, sum));
    sum->loss += (double)loss * weight;
    sum->weight += weight;
    sum->correct += nearbyint((double)accuracy * (double)labels);
    sum->labels += (double)gr_model_counted(t->model, batch.y.data, labels);
    sum->rows += (double)batch.rows;
    return GR_OK;
}

/* The batches of a step, fewer at an epoch's end, and its update. */
static gr_status step_batches(gr_trainer *t, step_result *sum)
{
    const int64_t rows = gr_loader_rows(t->loader);
    for (int64_t i = 0; i < t->o.accumulate && gr_loader_cursor(t->loader).row < rows; i++)
        GR_TRY(step_batch(t, sum));
    if (t->o.accumulate == 1) return GR_OK;
    t->factors.scale = (float)(1 / sum->weight);
    GR_TRY(gr_session_step(t->update.session));
    return step_read_norm(&t->update, sum);
}

/* Is the step to come the last one before an entry of the history? */
static bool step_is_last(const gr_trainer *t)
{
    const int64_t step = t->s.step + 1, each = t->o.batch * t->o.accumulate;
    if (step >= t->total) return true;
    if (t->o.report_steps > 0) return step % t->o.report_steps == 0;
    return t->s.cursor.row + each >= gr_loader_rows(t->loader);
}

/* One step. The caller has seen to it that the epoch has one left. */
static gr_status step_train(gr_trainer *t)
{
    gr_train_state *s = &t->s;
    step_result now = {.norm = NAN};
    double start = gr_seconds();
    if (s->sums.labels == 0) t->epoch_seconds = t->epoch_rows = 0;
    if (s->cursor.row == 0) GR_TRY(gr_model_reset_carried(t->model->store, GR_TRAIN));
    if (t->watch && step_is_last(t)) gr_watch_before(t->watch, t->model->store);
    gr_status status = step_batches(t, &now);
    if (status != GR_OK) {
        /* Not done: the same batches come next time. */
        GR_TRY(gr_loader_seek(t->loader, s->cursor));
        return gr_fail_prefix(status, "epoch %lld, step %lld: ", (long long)s->epoch + 1,
                              (long long)s->step + 1);
    }
    s->step++;
    s->cursor = gr_loader_cursor(t->loader);
    s->loss = now.loss / now.weight;
    s->accuracy = now.correct / now.labels;
    s->sums.loss += now.loss;
    s->sums.weight += now.weight;
    s->sums.correct += now.correct;
    s->sums.labels += now.labels;
    s->sums.norm += isnan(now.norm) ? 0 : now.norm;
    s->sums.steps += !isnan(now.norm);
    if (t->watch) gr_watch_after(t->watch, t->model->store);
    const bool ends = s->cursor.row == gr_loader_rows(t->loader);
    const bool reports = t->o.report_steps > 0;
    s->epoch_is_due = s->step >= t->total || (reports ? s->step % t->o.report_steps == 0 : ends);
    t->steps_here++;
    t->epoch_rows += now.rows;
    t->epoch_seconds += gr_seconds() - start;
    if (ends && !s->epoch_is_due) step_turn_epoch(t);
    return step_check_loss(t, s->loss);
}

/* ---- The end of an epoch -------------------------------------------------------------------- */

static bool step_improves(const gr_trainer *t, const gr_epoch *now)
{
    const gr_epoch *best = &t->s.best;
    bool accuracy = t->o.monitor == GR_MONITOR_ACCURACY;
    if (best->epoch == 0) return !isnan(accuracy ? now->val_accuracy : now->val_loss);
    return accuracy ? now->val_accuracy > best->val_accuracy + t->o.min_delta
                    : now->val_loss < best->val_loss - t->o.min_delta;
}

static gr_status step_validate(gr_trainer *t, gr_epoch *now)
{
    gr_metrics m = {.classes = t->model->classes};
    if (!t->validation) return GR_OK;
    GR_TRY(gr_model_score(t->model, t->val_loader, &m, NULL));
    now->val_loss = m.loss;
    now->val_accuracy = m.accuracy;
    if (!step_improves(t, now)) {
        t->s.stale++;
        return GR_OK;
    }
    if (t->o.keep_best) GR_TRY(gr_trainer_keep_best(t));
    t->s.best = *now;
    t->s.stale = 0;
    return GR_OK;
}

static gr_status step_end_epoch(gr_trainer *t)
{
    gr_train_state *s = &t->s;
    gr_epoch now = gr_trainer_report(t).now;
    if (!gr_grow(&s->history, s->n_history, &s->history_capacity, sizeof *s->history))
        return GR_NO_MEMORY;
    GR_TRY(step_validate(t, &now));
    now.seconds = gr_trainer_seconds(t);
    if (s->best.step == now.step) s->best.seconds = now.seconds;
    s->history[s->n_history++] = now;
    s->sums = (gr_train_sums){0};
    s->epoch_is_due = false;
    /* A limit on the steps may have ended the training within an epoch. */
    if (s->cursor.row == gr_loader_rows(t->loader)) step_turn_epoch(t);
    return GR_OK;
}

/* ---- The machine ---------------------------------------------------------------------------- */

static gr_status step_save(gr_trainer *t)
{
    return t->checkpoint ? gr_trainer_checkpoint(t) : GR_OK;
}

static gr_status step_save_if_due(gr_trainer *t, gr_train_event event)
{
    const gr_trainer_options *o = &t->o;
    if (!t->checkpoint) return GR_OK;
    bool by_steps = o->checkpoint_steps > 0, by_clock = o->checkpoint_seconds > 0;
    bool due = by_steps && event == GR_TRAIN_STEP && t->s.step % o->checkpoint_steps == 0;
    due = due || (by_clock && gr_seconds() - t->saved >= o->checkpoint_seconds);
    due = due || (!by_steps && !by_clock && event == GR_TRAIN_EPOCH);
    return due ? gr_trainer_checkpoint(t) : GR_OK;
}

/* The last checkpoint comes before the best parameters are put back: from it, training could go on.
 */
static gr_status step_finish(gr_trainer *t, gr_train_event end)
{
    gr_status status = gr_trainer_check_finite(t);
    if (status != GR_OK) return step_spoiled(t, status);
    GR_TRY(step_save(t));
    if (t->o.keep_best) GR_TRY(gr_trainer_restore_best(t));
    t->ended = true;
    t->end = end;
    return GR_OK;
}

static gr_status step_advance(gr_trainer *t, gr_train_event *event)
{
    if (t->s.epoch_is_due) {
        *event = GR_TRAIN_EPOCH;
        GR_TRY(step_end_epoch(t));
        return step_save_if_due(t, *event);
    }
    if (t->o.patience > 0 && t->s.stale >= t->o.patience) {
        *event = GR_TRAIN_EARLY;
        return step_finish(t, *event);
    }
    if (t->s.step >= t->total) {
        *event = GR_TRAIN_FINISHED;
        return step_finish(t, *event);
    }
    *event = GR_TRAIN_STEP;
    GR_TRY(step_train(t));
    return step_save_if_due(t, *event);
}

gr_status gr_train_step(gr_trainer *trainer, gr_train_event *event)
{
    gr_train_event unread;
    if (!event) event = &unread;
    if (trainer->fault != GR_OK) return gr_fail(trainer->fault, "%s", trainer->fault_text);
    if (trainer->ended) {
        *event = trainer->end;
        return GR_OK;
    }
    if (trainer->started == 0) trainer->started = trainer->saved = gr_seconds();
    if (atomic_exchange(&trainer->stop, false)) {
        *event = GR_TRAIN_STOPPED;
        return step_save(trainer);
    }
    return step_advance(trainer, event);
}

gr_status gr_train(gr_trainer *trainer)
{
    for (;;) {
        gr_train_event event;
        GR_TRY(gr_train_step(trainer, &event));
        if (trainer->o.callback) trainer->o.callback(trainer->o.user, trainer, event);
        if (event == GR_TRAIN_FINISHED || event == GR_TRAIN_EARLY) return GR_OK;
        if (event == GR_TRAIN_STOPPED)
            return gr_fail(GR_CANCELLED, "stopped on request after step %lld%s%s%s",
                           (long long)trainer->s.step, trainer->checkpoint ? "; '" : "",
                           trainer->checkpoint ? trainer->checkpoint : "",
                           trainer->checkpoint ? "' goes on from here" : "");
    }
}

void gr_trainer_stop(gr_trainer *trainer)
{
    atomic_store(&trainer->stop, true);
}
