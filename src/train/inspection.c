/* Statistics of a model's layers over a set, and their outputs for one example. */
#include <gradus/inspect.h>
#include <math.h>

#include "data/dataset.h"
#include "train/probe.h"

enum { INSPECTION_SAMPLE = 20000 };

/* ---- Over the batches ----------------------------------------------------------------------- */

/* What a layer's batches add up to. */
typedef struct inspection_sum {
    double count, mean, spread; /* elements, their mean, squared distances from it */
    double least, most, flat, back, gradient;
    float *active;  /* [units] */
    gr_text sample; /* the bytes of floats */
} inspection_sum;

typedef struct inspection_run {
    gr_model *model;
    gr_inspect_options o;
    bool gradients;
    gr_probe full, last; /* programs of a full batch, and of the last, smaller one */
    inspection_sum *sum; /* [full.groups.n] */
    float *values;       /* room for what a target gives */
    double loss, weight, batches;
} inspection_run;

/* The object the caller holds: the public part first. */
typedef struct inspection {
    gr_inspection info;
    gr_arena arena;
} inspection;

static gr_status inspection_value(const gr_probe *probe, int slot, double *value)
{
    float read;
    GR_TRY(gr_session_read(probe->engine.session, slot, &read, sizeof read));
    *value = (double)read;
    return GR_OK;
}

/* Means and squared distances of two parts make those of the whole (Chan et al. 1983). */
static void inspection_merge(inspection_sum *sum, double n, double mean, double spread)
{
    const double all = sum->count + n, apart = mean - sum->mean;
    sum->spread += spread + apart * apart * sum->count * n / all;
    sum->mean += apart * n / all;
    sum->count = all;
}

static gr_status inspection_outputs(inspection_run *run, const gr_probe *probe, int k)
{
    const probe_slots *slot = &probe->slot[k];
    inspection_sum *sum = &run->sum[k];
    const gr_session *session = probe->engine.session;
    const size_t units = (size_t)probe->units[k], samples = (size_t)probe->samples[k];
    double mean, spread, least, most, flat = 0;
    GR_TRY(inspection_value(probe, slot->mean, &mean));
    GR_TRY(inspection_value(probe, slot->spread, &spread));
    GR_TRY(inspection_value(probe, slot->least, &least));
    GR_TRY(inspection_value(probe, slot->most, &most));
    if (slot->flat >= 0) GR_TRY(inspection_value(probe, slot->flat, &flat));
    const bool first = sum->count == 0;
    inspection_merge(sum, (double)gr_shape_count(probe->output[k]), mean, spread);
    sum->least = first ? least : fmin(sum->least, least);
    sum->most = first ? most : fmax(sum->most, most);
    sum->flat += flat;
    GR_TRY(gr_session_read(session, slot->active, run->values, units * sizeof(float)));
    for (size_t i = 0; i < units; i++)
        if (!(run->values[i] <= sum->active[i])) sum->active[i] = run->values[i]; /* NaN stays */
    if (slot->sample < 0) return GR_OK;
    GR_TRY(gr_session_read(session, slot->sample, run->values, samples * sizeof(float)));
    gr_text_append(&sum->sample, (const char *)run->values, samples * sizeof(float));
    return sum->sample.failed ? GR_NO_MEMORY : GR_OK;
}

static gr_status inspection_batch(inspection_run *run, const gr_batch *batch)
{
    const gr_probe *probe = batch->rows == run->full.engine.rows ? &run->full : &run->last;
    const gr_engine *engine = &probe->engine;
    const double rows = (double)batch->rows;
    double loss, square;
    if (engine->x >= 0)
        GR_TRY(
            gr_session_bind(engine->session, engine->x, batch->x.data, gr_tensor_bytes(&batch->x)));
    if (engine->y >= 0)
        GR_TRY(
            gr_session_bind(engine->session, engine->y, batch->y.data, gr_tensor_bytes(&batch->y)));
    GR_TRY(gr_session_step(engine->session));
    for (int k = 0; k < probe->groups.n; k++) {
        if (probe->slot[k].mean >= 0) GR_TRY(inspection_outputs(run, probe, k));
        if (probe->slot[k].gradient >= 0) {
            GR_TRY(inspection_value(probe, probe->slot[k].gradient, &square));
            run->sum[k].gradient += sqrt(square);
        }
        if (probe->slot[k].back < 0) continue;
        GR_TRY(inspection_value(probe, probe->slot[k].back, &square));
        run->sum[k].back += square * rows * rows;
    }
    run->batches++;
    if (engine->loss < 0) return GR_OK;
    GR_TRY(inspection_value(probe, engine->loss, &loss));
    const double weight =
        gr_model_weight(run->model, batch->y.data, gr_model_labels(run->model, batch->rows));
    run->loss += loss * weight;
    run->weight += weight;
    return GR_OK;
}

/* ---- The programs --------------------------------------------------------------------------- */

static gr_status inspection_prepare(inspection_run *run, int64_t examples)
{
    const int64_t full = run->o.rows < examples ? run->o.rows : examples, last = examples % full;
    gr_probe_wish wish = {.rows = full,
                          .examples = examples,
                          .gradients = run->gradients,
                          .bound = run->o.bound,
                          .sample = run->o.sample < 0 ? 0 : run->o.sample};
    GR_TRY(gr_probe_make(run->model, &wish, &run->full));
    wish.rows = last;
    if (last > 0) GR_TRY(gr_probe_make(run->model, &wish, &run->last));
    const gr_probe *probe = &run->full;
    int64_t most = 1;
    run->sum = gr_alloc_array((size_t)probe->groups.n + 1, sizeof *run->sum);
    if (!run->sum) return GR_NO_MEMORY;
    for (int k = 0; k < probe->groups.n; k++) {
        run->sum[k].active = gr_alloc_array((size_t)probe->units[k] + 1, sizeof(float));
        if (!run->sum[k].active) return GR_NO_MEMORY;
        most = probe->units[k] > most ? probe->units[k] : most;
        most = probe->samples[k] > most ? probe->samples[k] : most;
    }
    run->values = gr_alloc_array((size_t)most, sizeof *run->values);
    return run->values ? GR_OK : GR_NO_MEMORY;
}

static gr_status inspection_go(inspection_run *run, const gr_dataset *data)
{
    gr_loader *loader;
    gr_batch batch;
    GR_TRY(
        gr_loader_new(data,
                      GR_LOADER(.batch = run->o.rows, .normalizer = gr_model_normalizer(run->model),
                                .preprocess = gr_model_preprocess(run->model)),
                      &loader));
    gr_status status = gr_model_reset_carried(run->model->store, GR_EVAL);
    while (status == GR_OK && gr_loader_next(loader, &batch))
        status = inspection_batch(run, &batch);
    if (status == GR_OK) status = gr_loader_status(loader);
    gr_loader_free(loader);
    return status;
}

/* ---- Results -------------------------------------------------------------------------------- */

static gr_status inspection_layer(const inspection_run *run, int k, gr_arena *arena,
                                  gr_layer_stats *to)
{
    const gr_probe *probe = &run->full;
    const probe_slots *slot = &probe->slot[k];
    const inspection_sum *sum = &run->sum[k];
    const gr_group *group = &probe->groups.group[k];
    const bool any = slot->mean >= 0;
    const gr_shape shape = probe->output[k];
    *to = (gr_layer_stats){
        .name = gr_arena_strdup(arena, group->name),
        .kind = gr_arena_strdup(arena, group->kind),
        .output = shape.rank > 0 && shape.dim[0] == probe->engine.rows
                      ? gr_shape_of(shape.rank - 1, shape.dim + 1)
                      : shape,
        .units = probe->units[k],
        .mean = any ? sum->mean : (double)NAN,
        .deviation = any ? sqrt(sum->spread / sum->count) : (double)NAN,
        .least = any ? sum->least : (double)NAN,
        .most = any ? sum->most : (double)NAN,
        .activation = slot->flat >= 0,
        .saturated = slot->flat >= 0 ? sum->flat / sum->count : (double)NAN,
        .output_gradient = slot->back >= 0 ? sqrt(sum->back / sum->count) : (double)NAN,
        .gradient_norm = slot->gradient >= 0 ? sum->gradient / run->batches : (double)NAN,
        .parameters = probe->parameters[k],
        .weight_norm = probe->parameters[k] > 0 ? probe->weight[k] : (double)NAN,
        .n_sample = (int64_t)(sum->sample.size / sizeof(float)),
        .sample = gr_arena_copy(arena, sum->sample.data, sum->sample.size),
    };
    for (int64_t i = 0; any && i < probe->units[k]; i++) to->dead += sum->active[i] == 0;
    return to->name && to->kind ? GR_OK : GR_NO_MEMORY;
}

static gr_status inspection_fill(const inspection_run *run, int64_t examples, inspection *result)
{
    const int n = run->full.groups.n;
    gr_layer_stats *layers = gr_arena_alloc(&result->arena, (size_t)(n + 1) * sizeof *layers);
    if (!layers) return GR_NO_MEMORY;
    result->info = (gr_inspection){.examples = examples,
                                   .loss = run->gradients ? run->loss / run->weight : (double)NAN,
                                   .count = n,
                                   .layers = layers};
    for (int k = 0; k < n; k++) GR_TRY(inspection_layer(run, k, &result->arena, &layers[k]));
    return GR_OK;
}

static void inspection_clear(inspection_run *run)
{
    for (int k = 0; run->sum && k < run->full.groups.n; k++) {
        gr_free(run->sum[k].active);
        gr_text_free(&run->sum[k].sample);
    }
    gr_free(run->sum);
    gr_free(run->values);
    gr_probe_clear(&run->full);
    gr_probe_clear(&run->last);
}

static gr_status inspection_options(const gr_inspect_options *options, inspection_run *run)
{
    gr_inspect_options *o = &run->o;
    GR_TRY(GR_OPTIONS(gr_inspect_options, o, options));
    if (o->rows < 0 || !(o->bound >= 0))
        return gr_fail(GR_RANGE, "inspect: %s = %g: should not be negative",
                       o->rows < 0 ? "rows" : "bound", o->rows < 0 ? (double)o->rows : o->bound);
    if (o->rows == 0) o->rows = GR_EVAL_ROWS;
    if (o->bound == 0) o->bound = 0.01;
    if (o->sample == 0) o->sample = INSPECTION_SAMPLE;
    return GR_OK;
}

gr_status gr_inspect(gr_model *model, const gr_dataset *data, const gr_inspect_options *options,
                     gr_inspection **out)
{
    inspection_run run = {.model = model};
    *out = NULL;
    GR_TRY(inspection_options(options, &run));
    GR_TRY(gr_model_fits(model, data));
    GR_TRY(gr_model_ready(model));
    run.gradients = !run.o.forward && gr_dataset_classes(data) > 0;
    const int64_t examples = gr_dataset_size(data);
    inspection *result = gr_alloc(sizeof *result);
    gr_status status = result ? inspection_prepare(&run, examples) : GR_NO_MEMORY;
    if (status == GR_OK) status = inspection_go(&run, data);
    if (status == GR_OK) status = inspection_fill(&run, examples, result);
    inspection_clear(&run);
    if (status == GR_OK)
        *out = &result->info;
    else if (result)
        gr_inspection_free(&result->info);
    return status;
}

void gr_inspection_free(gr_inspection *info)
{
    if (!info) return;
    inspection *result = (inspection *)info;
    gr_arena_free(&result->arena);
    gr_free(result);
}

/* ---- One example ---------------------------------------------------------------------------- */

/* The program of one example that gives what all layers give. */
static gr_status inspection_open(gr_model *model, gr_groups *groups, gr_engine *engine)
{
    gr_model_graph g;
    gr_status status = gr_model_build(model, GR_EVAL, 1, &g);
    if (status == GR_OK) status = gr_groups_make(&g, groups);
    gr_node **last = gr_alloc_array((size_t)groups->n + 1, sizeof *last);
    if (status == GR_OK && !last) status = GR_NO_MEMORY;
    for (int k = 0; status == GR_OK && k < groups->n; k++) last[k] = groups->group[k].last;
    if (status == GR_OK) status = gr_engine_new(model, &g, last, groups->n, -1, engine);
    gr_free(last);
    gr_model_graph_clear(&g);
    return status;
}

/* Runs the program on an example as the data have it. */
static gr_status inspection_feed(gr_model *model, const gr_engine *engine, const gr_tensor *x)
{
    const size_t count = (size_t)gr_shape_count(model->input);
    const gr_tensor one = {x->dtype, gr_model_batch_shape(model, 1), x->data};
    const bool tokens = gr_model_tokens(model);
    float *normal = tokens ? NULL : gr_alloc_array(count, sizeof *normal);
    if (!tokens && !normal) return GR_NO_MEMORY;
    gr_status status = tokens ? GR_OK : gr_normalizer_apply(&model->normalizer, &one, normal);
    if (status == GR_OK) status = gr_model_reset_carried(model->store, GR_EVAL);
    if (status == GR_OK && engine->x >= 0) /* i32 is as wide as f32 */
        status = gr_session_write(engine->session, engine->x, tokens ? x->data : (void *)normal,
                                  count * sizeof *normal);
    if (status == GR_OK) status = gr_session_step(engine->session);
    gr_free(normal);
    return status;
}

typedef struct inspection_list {
    gr_layer_outputs info;
    gr_arena arena;
} inspection_list;

static gr_status inspection_read(const gr_groups *groups, const gr_engine *engine,
                                 inspection_list *list)
{
    gr_layer_output *layers =
        gr_arena_alloc(&list->arena, (size_t)(groups->n + 1) * sizeof *layers);
    if (!layers) return GR_NO_MEMORY;
    list->info.layers = layers;
    for (int k = 0; k < groups->n; k++) {
        gr_tensor type = gr_program_output_type(engine->program, k);
        layers[k].name = gr_arena_strdup(&list->arena, groups->group[k].name);
        layers[k].kind = gr_arena_strdup(&list->arena, groups->group[k].kind);
        if (!layers[k].name || !layers[k].kind) return GR_NO_MEMORY;
        GR_TRY(gr_tensor_new(type.dtype, type.shape, &layers[k].value));
        list->info.count = k + 1;
        gr_tensor *value = &layers[k].value;
        GR_TRY(gr_session_read(engine->session, k, value->data, gr_tensor_bytes(value)));
        if (value->shape.rank > 0 && value->shape.dim[0] == 1)
            value->shape = gr_shape_of(value->shape.rank - 1, value->shape.dim + 1);
    }
    return GR_OK;
}

static gr_status inspection_check_example(const gr_model *model, const gr_tensor *x)
{
    const bool tokens = gr_model_tokens(model);
    if (!gr_shape_equal(x->shape, model->input))
        return gr_fail(GR_SHAPE, "the example is %s, but the model takes %s",
                       gr_shape_text(x->shape), gr_shape_text(model->input));
    if (tokens ? x->dtype != GR_I32 : x->dtype != GR_F32 && x->dtype != GR_U8)
        return gr_fail(GR_DTYPE, "the example is %s, but %s", gr_dtype_name(x->dtype),
                       tokens ? "this model takes i32 tokens" : "a model takes f32 or u8");
    return gr_model_ready(model);
}

gr_status gr_layer_outputs_new(gr_model *model, const gr_tensor *x, gr_layer_outputs **outputs)
{
    gr_groups groups = {0};
    gr_engine engine = {0};
    *outputs = NULL;
    GR_TRY(inspection_check_example(model, x));
    inspection_list *list = gr_alloc(sizeof *list);
    gr_status status = list ? inspection_open(model, &groups, &engine) : GR_NO_MEMORY;
    if (status == GR_OK) status = inspection_feed(model, &engine, x);
    if (status == GR_OK) status = inspection_read(&groups, &engine, list);
    gr_engine_clear(&engine);
    gr_groups_clear(&groups);
    if (status == GR_OK)
        *outputs = &list->info;
    else if (list)
        gr_layer_outputs_free(&list->info);
    return status;
}

void gr_layer_outputs_free(gr_layer_outputs *outputs)
{
    if (!outputs) return;
    inspection_list *list = (inspection_list *)outputs;
    for (int k = 0; k < outputs->count; k++) gr_tensor_clear(&outputs->layers[k].value);
    gr_arena_free(&list->arena);
    gr_free(list);
}
