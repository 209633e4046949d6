/* Checkpoints: a training as a file, and back.
 *
 * The metadata are of three kinds: what describes the model, what describes the training
 * ("train.…") and where it stands ("state.…"). All but the last must be the same in a training that
 * goes on. */
#include <math.h>
#include <stdio.h>

#include "data/dataset.h"
#include "io/output.h"
#include "io/safetensors.h"
#include "run/store.h"
#include "train/trainer.h"

#define CHECKPOINT_STATE "state."
#define CHECKPOINT_NORMS CHECKPOINT_STATE "gradient_norms"
#define CHECKPOINT_BEST "best/"
#define CHECKPOINT_EPOCH_REALS 8

/* ---- What describes the training ------------------------------------------------------------ */

/* Number and hash of the examples. Data do not change while a trainer holds them: the hash, which
 * reads them all, is kept in *known. */
static gr_status checkpoint_set_data(gr_meta *meta, const char *key, const gr_dataset *data,
                                     uint64_t *known)
{
    if (!data) return gr_meta_set(meta, key, "none");
    if (*known == 0) *known = gr_dataset_hash(data);
    char text[96];
    snprintf(text, sizeof text, "%lld examples with hash %016llx", (long long)gr_dataset_size(data),
             (unsigned long long)*known);
    return gr_meta_set(meta, key, text);
}

static gr_status checkpoint_set_optimizer(gr_meta *meta, const gr_optimizer *o)
{
    const gr_schedule *s = &o->schedule;
    double numbers[] = {o->rate,      o->momentum,  o->beta1,        o->beta2,
                        o->epsilon,   o->l2,        o->l1,           o->weight_decay,
                        o->max_norm,  o->clip_norm, o->decay_biases, o->rate_in_momentum,
                        o->clip_value};
    double schedule[6 + GR_LEN(s->at)] = {s->gamma,         s->power,         s->floor,
                                          (double)s->every, (double)s->total, (double)s->warmup};
    for (int i = 0; i < s->n_at; i++) schedule[6 + i] = (double)s->at[i];
    GR_TRY(gr_meta_set(meta, "train.optimizer", gr_optimizer_name(o->kind)));
    GR_TRY(gr_meta_set_reals(meta, "train.optimizer_numbers", numbers, GR_LEN(numbers)));
    GR_TRY(gr_meta_set(meta, "train.schedule", gr_schedule_name(s->kind)));
    return gr_meta_set_reals(meta, "train.schedule_numbers", schedule, 6 + s->n_at);
}

static gr_status checkpoint_set_augment(gr_meta *meta, const gr_augment *a)
{
    double numbers[] = {(double)a->pad, a->mirror,     a->random_scale,  a->brightness,
                        a->contrast,    a->saturation, (double)a->cutout};
    return gr_meta_set_reals(meta, "train.augment", numbers, GR_LEN(numbers));
}

/* The shares of the classes that a teacher gives the examples, and what they count for. */
static gr_status checkpoint_set_teacher(gr_meta *meta, const gr_trainer *t)
{
    const size_t count = (size_t)t->train->storage->count * (size_t)t->model->classes;
    const uint64_t hash = gr_hash(t->shares, count * sizeof *t->shares, 0);
    char text[120];
    snprintf(text, sizeof text, "shares with hash %016llx, temperature %.9g, weight %.9g",
             (unsigned long long)hash, t->o.temperature, t->o.teacher_weight);
    return gr_meta_set(meta, "train.teacher", text);
}

static gr_status checkpoint_describe(gr_trainer *t, gr_meta *meta)
{
    const gr_trainer_options *o = &t->o;
    /* Causes before what follows from them: the first difference is the one that is told. */
    GR_TRY(gr_meta_set_int(meta, "train.seed", (int64_t)o->seed));
    GR_TRY(checkpoint_set_data(meta, "train.data", t->train, &t->train_hash));
    GR_TRY(checkpoint_set_data(meta, "train.validation", t->validation, &t->validation_hash));
    GR_TRY(gr_meta_set_int(meta, "train.batch", o->batch));
    if (o->accumulate > 1) GR_TRY(gr_meta_set_int(meta, "train.accumulate", o->accumulate));
    if (o->report_steps) GR_TRY(gr_meta_set_int(meta, "train.report_steps", o->report_steps));
    GR_TRY(gr_meta_set(meta, "train.order", o->in_order ? "as it is" : "shuffled"));
    GR_TRY(gr_meta_set(meta, "train.last_batch", o->drop_last ? "dropped" : "kept"));
    if (o->augment) GR_TRY(checkpoint_set_augment(meta, &t->augment));
    if (t->shares) GR_TRY(checkpoint_set_teacher(meta, t));
    if (t->model->exact) GR_TRY(gr_meta_set(meta, "train.exact", "yes"));
    GR_TRY(gr_meta_set(meta, "train.monitor",
                       o->monitor == GR_MONITOR_ACCURACY ? "accuracy" : "loss"));
    GR_TRY(gr_meta_set_real(meta, "train.min_delta", o->min_delta));
    GR_TRY(gr_meta_set(meta, "train.keep_best", o->keep_best ? "yes" : "no"));
    GR_TRY(checkpoint_set_optimizer(meta, &t->optimizer));
    return gr_model_write_meta(t->model, meta);
}

/* ---- Where it stands ------------------------------------------------------------------------ */

static void checkpoint_pack_epoch(const gr_epoch *e, double *to)
{
    const double packed[CHECKPOINT_EPOCH_REALS] = {
        (double)e->epoch, (double)e->step, e->train_loss, e->train_accuracy,
        e->val_loss,      e->val_accuracy, e->rate,       e->seconds};
    memcpy(to, packed, sizeof packed);
}

static gr_epoch checkpoint_unpack_epoch(const double *from)
{
    return (gr_epoch){(int64_t)from[0], (int64_t)from[1], from[2], from[3],    from[4],
                      from[5],          from[6],          from[7], (double)NAN};
}

static gr_status checkpoint_set_history(gr_meta *meta, const gr_train_state *s)
{
    size_t count = (s->n_history + 1) * CHECKPOINT_EPOCH_REALS;
    double *numbers = gr_alloc_array(count, sizeof *numbers);
    if (!numbers) return GR_NO_MEMORY;
    checkpoint_pack_epoch(&s->best, numbers);
    for (size_t i = 0; i < s->n_history; i++)
        checkpoint_pack_epoch(&s->history[i], numbers + (i + 1) * CHECKPOINT_EPOCH_REALS);
    gr_status status =
        gr_meta_set_reals(meta, CHECKPOINT_STATE "best", numbers, CHECKPOINT_EPOCH_REALS);
    if (status == GR_OK)
        status =
            gr_meta_set_reals(meta, CHECKPOINT_STATE "history", numbers + CHECKPOINT_EPOCH_REALS,
                              (int)(count - CHECKPOINT_EPOCH_REALS));
    gr_free(numbers);
    return status;
}

/* What only a training that was asked for it has: sum and number of the epoch under way, then the
 * norm of each entry. */
static gr_status checkpoint_set_norms(gr_meta *meta, const gr_train_state *s)
{
    double *norms = gr_alloc_array(s->n_history + 2, sizeof *norms);
    if (!norms) return GR_NO_MEMORY;
    norms[0] = s->sums.norm;
    norms[1] = s->sums.steps;
    for (size_t i = 0; i < s->n_history; i++) norms[i + 2] = s->history[i].gradient_norm;
    gr_status status = gr_meta_set_reals(meta, CHECKPOINT_NORMS, norms, (int)s->n_history + 2);
    gr_free(norms);
    return status;
}

static gr_status checkpoint_get_norms(const gr_meta *meta, gr_train_state *s)
{
    double *norms;
    int n;
    if (!gr_meta_get(meta, CHECKPOINT_NORMS)) return GR_OK;
    GR_TRY(gr_meta_get_reals(meta, CHECKPOINT_NORMS, &norms, &n));
    const bool whole = (size_t)n == s->n_history + 2;
    for (size_t i = 0; whole && i < s->n_history; i++) s->history[i].gradient_norm = norms[i + 2];
    if (whole) s->sums.norm = norms[0], s->sums.steps = norms[1];
    gr_meta_release(norms);
    return whole ? GR_OK : gr_fail(GR_FORMAT, "'" CHECKPOINT_NORMS "' has %d numbers", n);
}

static gr_status checkpoint_set_state(const gr_trainer *t, gr_meta *meta)
{
    const gr_train_state *s = &t->s;
    double sums[] = {s->sums.loss,   s->sums.weight, s->sums.correct,
                     s->sums.labels, s->loss,        s->accuracy};
    GR_TRY(gr_meta_set_int(meta, CHECKPOINT_STATE "step", s->step));
    GR_TRY(gr_meta_set_int(meta, CHECKPOINT_STATE "epoch", s->epoch));
    GR_TRY(gr_meta_set_int(meta, CHECKPOINT_STATE "cursor_epoch", s->cursor.epoch));
    GR_TRY(gr_meta_set_int(meta, CHECKPOINT_STATE "cursor_row", s->cursor.row));
    GR_TRY(gr_meta_set_int(meta, CHECKPOINT_STATE "epoch_is_due", s->epoch_is_due));
    GR_TRY(gr_meta_set_int(meta, CHECKPOINT_STATE "stale", s->stale));
    GR_TRY(gr_meta_set_real(meta, CHECKPOINT_STATE "seconds", gr_trainer_seconds(t)));
    GR_TRY(gr_meta_set_reals(meta, CHECKPOINT_STATE "sums", sums, GR_LEN(sums)));
    if (t->o.gradient_norm) GR_TRY(checkpoint_set_norms(meta, s));
    return checkpoint_set_history(meta, s);
}

static gr_status checkpoint_get_history(const gr_meta *meta, gr_train_state *s)
{
    double *numbers;
    int n;
    GR_TRY(gr_meta_get_reals(meta, CHECKPOINT_STATE "best", &numbers, &n));
    bool whole = n == CHECKPOINT_EPOCH_REALS;
    if (whole) s->best = checkpoint_unpack_epoch(numbers);
    gr_meta_release(numbers);
    if (!whole) return gr_fail(GR_FORMAT, "'" CHECKPOINT_STATE "best' has %d numbers", n);
    GR_TRY(gr_meta_get_reals(meta, CHECKPOINT_STATE "history", &numbers, &n));
    size_t epochs = (size_t)n / CHECKPOINT_EPOCH_REALS;
    gr_epoch *history = gr_alloc_array(epochs + 1, sizeof *history);
    for (size_t i = 0; history && i < epochs; i++)
        history[i] = checkpoint_unpack_epoch(numbers + i * CHECKPOINT_EPOCH_REALS);
    gr_meta_release(numbers);
    if (!history) return GR_NO_MEMORY;
    s->history = history;
    s->n_history = epochs;
    s->history_capacity = epochs + 1;
    return GR_OK;
}

/* On failure s->history may be set all the same: the caller frees it. */
static gr_status checkpoint_get_state(const gr_meta *meta, gr_train_state *s)
{
    double *sums;
    int n;
    int64_t due;
    GR_TRY(gr_meta_get_int(meta, CHECKPOINT_STATE "step", &s->step));
    GR_TRY(gr_meta_get_int(meta, CHECKPOINT_STATE "epoch", &s->epoch));
    GR_TRY(gr_meta_get_int(meta, CHECKPOINT_STATE "cursor_epoch", &s->cursor.epoch));
    GR_TRY(gr_meta_get_int(meta, CHECKPOINT_STATE "cursor_row", &s->cursor.row));
    GR_TRY(gr_meta_get_int(meta, CHECKPOINT_STATE "epoch_is_due", &due));
    s->epoch_is_due = due != 0;
    GR_TRY(gr_meta_get_int(meta, CHECKPOINT_STATE "stale", &s->stale));
    GR_TRY(gr_meta_get_real(meta, CHECKPOINT_STATE "seconds", &s->seconds));
    GR_TRY(gr_meta_get_reals(meta, CHECKPOINT_STATE "sums", &sums, &n));
    if (n == 6) {
        s->sums = (gr_train_sums){
            .loss = sums[0], .weight = sums[1], .correct = sums[2], .labels = sums[3]};
        s->loss = sums[4];
        s->accuracy = sums[5];
    }
    gr_meta_release(sums);
    if (n != 6 || s->step < 0 || s->epoch < 0)
        return gr_fail(GR_FORMAT, "the state of the training does not make sense");
    GR_TRY(checkpoint_get_history(meta, s));
    return checkpoint_get_norms(meta, s);
}

/* ---- Saving --------------------------------------------------------------------------------- */

static gr_status checkpoint_write(const gr_trainer *t, const char *path, int files,
                                  const gr_meta *meta, gr_arena *arena)
{
    gr_store *store = t->model->store;
    size_t kept = (size_t)gr_store_size(t->best), n = 0;
    gr_named_tensor *tensors = gr_arena_alloc(arena, (store->count + kept + 1) * sizeof *tensors);
    if (!tensors) return GR_NO_MEMORY;
    for (size_t i = 0; i < store->count; i++)
        tensors[n++] = (gr_named_tensor){store->entries[i].name, store->entries[i].value};
    for (size_t i = 0; i < kept; i++) {
        const gr_store_entry *entry = &t->best->entries[i];
        const char *name = gr_arena_printf(arena, CHECKPOINT_BEST "%s", entry->name);
        if (!name) return GR_NO_MEMORY;
        tensors[n++] = (gr_named_tensor){name, entry->value};
    }
    GR_TRY(gr_store_enter(store, false));
    gr_status status = gr_safetensors_write_keeping(path, tensors, (int)n, meta, files);
    gr_store_leave(store, false);
    return status;
}

static gr_status checkpoint_save(gr_trainer *trainer, const char *path, int files)
{
    GR_TRY(gr_trainer_check_finite(trainer));
    gr_arena arena = {0};
    gr_meta *meta = gr_meta_new();
    gr_status status = meta ? checkpoint_describe(trainer, meta) : GR_NO_MEMORY;
    if (status == GR_OK) status = checkpoint_set_state(trainer, meta);
    if (status == GR_OK) status = checkpoint_write(trainer, path, files, meta, &arena);
    gr_meta_free(meta);
    gr_arena_free(&arena);
    if (status == GR_OK) trainer->saved = gr_seconds();
    return status;
}

gr_status gr_trainer_save(gr_trainer *trainer, const char *path)
{
    return checkpoint_save(trainer, path, 1);
}

gr_status gr_trainer_checkpoint(gr_trainer *trainer)
{
    const int64_t files = trainer->o.keep_checkpoints;
    return checkpoint_save(trainer, trainer->checkpoint, files > 0 ? (int)files : 1);
}

/* ---- Resuming ------------------------------------------------------------------------------- */

static bool checkpoint_must_agree(const char *key)
{
    return strncmp(key, CHECKPOINT_STATE, strlen(CHECKPOINT_STATE)) != 0 &&
           strcmp(key, "gradus.version") != 0;
}

/* "batch" of "train.batch", for messages. */
static const char *checkpoint_words(const char *key)
{
    return strncmp(key, "train.", 6) == 0 ? key + 6 : key;
}

/* Every key of `one` must have the same value in `other`. `swapped`: `one` is the trainer's. */
static gr_status checkpoint_agree(const gr_meta *one, const gr_meta *other, bool swapped)
{
    for (int i = 0; i < gr_meta_size(one); i++) {
        const char *key = gr_meta_key(one, i), *a = gr_meta_value(one, i);
        const char *b = gr_meta_get(other, key);
        if (!checkpoint_must_agree(key) || (b && !strcmp(a, b))) continue;
        if (!b) b = "not set";
        return gr_fail(GR_INVALID,
                       "it is of another training: its %s is '%.200s', here it is '%.200s'",
                       checkpoint_words(key), swapped ? b : a, swapped ? a : b);
    }
    return GR_OK;
}

/* Only the version that began a training goes on with it to the same bytes. */
static gr_status checkpoint_check_version(const gr_meta *saved)
{
    const char *version = gr_meta_get(saved, "gradus.version");
    if (version && strcmp(version, gr_version()) == 0) return GR_OK;
    return gr_fail(GR_INVALID,
                   "it was written by Gradus %.40s, this is %s: only the version that began a "
                   "training goes on with it; a new training may begin with its values",
                   version ? version : "of no version", gr_version());
}

static gr_status checkpoint_compare(gr_trainer *t, const gr_meta *saved)
{
    if (!gr_meta_get(saved, CHECKPOINT_STATE "step"))
        return gr_fail(GR_FORMAT, "this is no checkpoint: it has no state of a training");
    GR_TRY(checkpoint_check_version(saved));
    gr_meta *here = gr_meta_new();
    gr_status status = here ? checkpoint_describe(t, here) : GR_NO_MEMORY;
    if (status == GR_OK) status = checkpoint_agree(here, saved, true);
    if (status == GR_OK) status = checkpoint_agree(saved, here, false);
    gr_meta_free(here);
    return status;
}

/* Reads the tensor `prefix`name of the file, which must be as `like`, into `store`. */
static gr_status checkpoint_read(const gr_safetensors *file, const char *prefix,
                                 const gr_store_entry *like, gr_store *store)
{
    gr_text name = {0};
    gr_text_printf(&name, "%s%s", prefix, like->name);
    if (name.failed) return gr_no_memory(strlen(like->name));
    int i = gr_safetensors_find(file, name.data);
    gr_tensor type = i < 0 ? (gr_tensor){0} : gr_safetensors_type(file, i);
    gr_status status = GR_OK;
    if (i < 0)
        status = gr_fail(GR_FORMAT, "it lacks the variable '%s'", name.data);
    else if (type.dtype != like->value.dtype || !gr_shape_equal(type.shape, like->value.shape))
        status = gr_fail(GR_SHAPE, "variable '%s' is %s%s: should be %s%s", name.data,
                         gr_dtype_name(type.dtype), gr_shape_text(type.shape),
                         gr_dtype_name(like->value.dtype), gr_shape_text(like->value.shape));
    gr_text_free(&name);
    GR_TRY(status);
    GR_TRY(gr_store_add(store, like->name, &type));
    gr_tensor *to = &store->entries[store->count - 1].value;
    return gr_safetensors_read(file, i, to->data, gr_tensor_bytes(to));
}

/* What a checkpoint holds, before any of it is put in place. */
typedef struct checkpoint_contents {
    gr_train_state state;
    gr_store *variables, *best; /* best: NULL if none is kept */
} checkpoint_contents;

static gr_status checkpoint_read_all(gr_trainer *t, const gr_safetensors *file,
                                     checkpoint_contents *c)
{
    const gr_store *store = t->model->store;
    GR_TRY(checkpoint_compare(t, gr_safetensors_meta(file)));
    GR_TRY(checkpoint_get_state(gr_safetensors_meta(file), &c->state));
    bool best = t->o.keep_best && c->state.best.epoch > 0;
    c->variables = gr_store_new();
    if (best) c->best = gr_store_new();
    if (!c->variables || (best && !c->best)) return GR_NO_MEMORY;
    for (size_t i = 0; i < store->count; i++) {
        GR_TRY(checkpoint_read(file, "", &store->entries[i], c->variables));
        if (best && gr_model_owns(store->entries[i].name))
            GR_TRY(checkpoint_read(file, CHECKPOINT_BEST, &store->entries[i], c->best));
    }
    return GR_OK;
}

/* Puts everything in place. The loader is asked first: it may refuse. */
static gr_status checkpoint_commit(gr_trainer *t, checkpoint_contents *c)
{
    gr_store *store = t->model->store;
    GR_TRY(gr_store_enter(store, true));
    gr_status status = gr_loader_seek(t->loader, c->state.cursor);
    for (size_t i = 0; status == GR_OK && i < store->count; i++) {
        size_t bytes = gr_tensor_bytes(&store->entries[i].value);
        if (bytes) memcpy(store->entries[i].value.data, c->variables->entries[i].value.data, bytes);
    }
    gr_store_leave(store, true);
    GR_TRY(status);
    gr_free(t->s.history);
    t->s = c->state;
    c->state.history = NULL;
    gr_store_free(t->best);
    t->best = c->best;
    c->best = NULL;
    t->ended = false;
    t->fault = GR_OK;
    t->started = 0;
    t->steps_here = 0;
    t->epoch_seconds = t->epoch_rows = 0;
    return GR_OK;
}

gr_status gr_trainer_resume(gr_trainer *trainer, const char *path)
{
    gr_safetensors *file;
    checkpoint_contents c = {0};
    GR_TRY(gr_safetensors_open(path, &file));
    gr_status status = checkpoint_read_all(trainer, file, &c);
    if (status == GR_OK) status = checkpoint_commit(trainer, &c);
    gr_safetensors_close(file);
    gr_store_free(c.variables);
    gr_store_free(c.best);
    gr_free(c.state.history);
    return status == GR_OK ? GR_OK : gr_fail_prefix(status, "%s: ", path);
}

static bool checkpoint_is_lost(gr_status status)
{
    return status == GR_NOT_FOUND || status == GR_FORMAT || status == GR_IO;
}

/* The file of that age. One that is there and damaged is told to the log. */
static gr_status checkpoint_resume_older(gr_trainer *t, const char *path, int age, const char *why)
{
    char *name;
    GR_TRY(gr_output_name(path, age, &name));
    gr_status status = gr_trainer_resume(t, name);
    if (status == GR_OK)
        gr_remark(GR_LOG_WARNING, "%s; going on from %s", why, name);
    else if (status != GR_NOT_FOUND && checkpoint_is_lost(status))
        gr_remark(GR_LOG_WARNING, "%s", gr_message());
    gr_free(name);
    return status;
}

gr_status gr_trainer_resume_newest(gr_trainer *trainer, const char *path, int *age)
{
    const gr_status newest = gr_trainer_resume(trainer, path);
    gr_status status = newest;
    int i = 0;
    char *why = checkpoint_is_lost(newest) ? gr_strdup(gr_message()) : NULL;
    while (why && checkpoint_is_lost(status) && ++i < GR_MAX_CHECKPOINTS)
        status = checkpoint_resume_older(trainer, path, i, why);
    if (why && checkpoint_is_lost(status)) status = gr_fail(newest, "%s", why);
    gr_free(why);
    if (status == GR_OK && age) *age = i;
    return status;
}
