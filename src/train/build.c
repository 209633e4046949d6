/* From a model to graphs, programs and sessions. */
#include "train/model.h"

/* ---- Graphs --------------------------------------------------------------------------------- */

void gr_model_graph_clear(gr_model_graph *graph)
{
    gr_scope_free(graph->scope);
    gr_graph_free(graph->graph);
    *graph = (gr_model_graph){0};
}

/* [rows, one…] */
static gr_shape build_rows(int64_t rows, gr_shape one)
{
    gr_shape shape = {.rank = one.rank + 1, .dim = {rows}};
    for (int i = 0; i < one.rank; i++) shape.dim[i + 1] = one.dim[i];
    return shape;
}

gr_shape gr_model_batch_shape(const gr_model *model, int64_t rows)
{
    return build_rows(rows, model->input);
}

int64_t gr_model_labels(const gr_model *model, int64_t rows)
{
    return rows * gr_shape_count(model->positions);
}

/* What the graph has against itself, as a status with its message. */
static gr_status build_status(const gr_graph *graph)
{
    gr_status status = gr_graph_status(graph);
    return status == GR_OK ? GR_OK : gr_fail(status, "%s", gr_graph_message(graph));
}

gr_status gr_model_build_net(const gr_model *model, gr_store *store, gr_mode mode, int64_t rows,
                             gr_model_graph *out)
{
    *out = (gr_model_graph){.graph = gr_graph_new()};
    gr_scope_options options = {
        .size = sizeof options, .mode = mode, .seed = model->seed, .carry = model->carry};
    out->scope = out->graph ? gr_scope_new(out->graph, store, &options) : NULL;
    if (!out->scope) return GR_NO_MEMORY;
    out->x = gr_input(out->graph, "x", model->dtype, gr_model_batch_shape(model, rows));
    if (model->net) {
        gr_binding binding = {"x", out->x};
        gr_expr_env env = {.size = sizeof env,
                           .dtype = GR_F32,
                           .bindings = &binding,
                           .n_bindings = 1,
                           .scope = out->scope};
        GR_TRY(gr_expr_build(model->net, out->graph, &env, &out->scores));
    } else {
        out->scores = model->recipe(out->scope, out->x, model->user);
    }
    GR_TRY(build_status(out->graph));
    if (gr_is_error(out->scores))
        return gr_fail(GR_INVALID, "the recipe of the model returned no node");
    return GR_OK;
}

static gr_status build_check_scores(const gr_model *model, int64_t rows, const gr_node *scores)
{
    gr_shape shape = gr_node_shape(scores), want = build_rows(rows, model->positions);
    want.dim[want.rank++] = model->classes;
    if (gr_shape_equal(shape, want) && gr_node_dtype(scores) == GR_F32) return GR_OK;
    return gr_fail(GR_SHAPE,
                   "the net gives %s%s for %lld examples: should be f32%s, a score for each of "
                   "the %d classes%s",
                   gr_dtype_name(gr_node_dtype(scores)), gr_shape_text(shape), (long long)rows,
                   gr_shape_text(want), model->classes,
                   model->positions.rank > 0 ? " at each position" : "");
}

static gr_node *build_loss(const gr_model *model, const gr_model_graph *g, gr_node *scores,
                           gr_node *y)
{
    gr_loss_options options = {.size = sizeof options,
                               .smoothing = model->smoothing,
                               .margin = model->margin,
                               .delta = model->delta,
                               .squared = model->loss == GR_LOSS_SQUARED_HINGE};
    if (model->class_weights)
        options.class_weights = gr_constant(
            g->graph, &(gr_tensor){GR_F32, GR_SHAPE(model->classes), model->class_weights});
    if (model->loss == GR_LOSS_SOFTMAX) return gr_softmax_cross_entropy(scores, y, &options);
    if (model->loss == GR_LOSS_HINGE || model->loss == GR_LOSS_SQUARED_HINGE)
        return gr_multiclass_hinge(scores, y, &options);
    gr_node *target = gr_one_hot_strict(y, model->classes, GR_F32);
    if (model->loss == GR_LOSS_SIGMOID) return gr_sigmoid_cross_entropy(scores, target, &options);
    if (model->loss == GR_LOSS_MSE) return gr_mse(scores, target, &options);
    if (model->loss == GR_LOSS_L1) return gr_l1_loss(scores, target, &options);
    return gr_huber(scores, target, &options);
}

gr_status gr_model_build(const gr_model *model, gr_mode mode, int64_t rows, gr_model_graph *out)
{
    GR_TRY(gr_model_build_net(model, model->store, mode, rows, out));
    GR_TRY(build_check_scores(model, rows, out->scores));
    out->y = gr_input(out->graph, "y", GR_I32, build_rows(rows, model->positions));
    gr_node *scores = out->scores, *y = out->y;
    if (model->positions.rank > 0) {
        /* Every position counts as an example with one label. */
        int64_t labels = gr_model_labels(model, rows);
        scores = gr_reshape(scores, GR_SHAPE(labels, model->classes));
        y = gr_reshape(y, GR_SHAPE(labels));
    }
    out->loss = build_loss(model, out, scores, y);
    out->accuracy = gr_accuracy(scores, y);
    return build_status(out->graph);
}

/* ---- Programs ------------------------------------------------------------------------------- */

void gr_engine_clear(gr_engine *engine)
{
    gr_session_free(engine->session);
    gr_program_free(engine->program);
    *engine = (gr_engine){0};
}

static int engine_find(const gr_node *node, gr_node *const *outputs, int n)
{
    for (int i = 0; i < n; i++)
        if (outputs[i] == node) return i;
    return -1;
}

static gr_status engine_compile(const gr_model *model, const gr_model_graph *graph,
                                gr_node *const *outputs, int n, bool updates, gr_program **program)
{
    int more = updates ? gr_scope_updates(graph->scope) : 0;
    gr_node **targets = gr_alloc_array((size_t)(n + more), sizeof(gr_node *));
    gr_compile_options options = {
        .size = sizeof options, .threads = model->threads, .exact = model->exact};
    if (!targets) return GR_NO_MEMORY;
    for (int i = 0; i < n; i++) targets[i] = outputs[i];
    for (int i = 0; i < more; i++) targets[n + i] = gr_scope_update_node(graph->scope, i);
    gr_status status = gr_compile(graph->graph, targets, n + more, &options, program);
    gr_free(targets);
    return status;
}

gr_status gr_engine_new(const gr_model *model, const gr_model_graph *graph, gr_node *const *outputs,
                        int n, bool updates, gr_engine *engine)
{
    *engine = (gr_engine){.rows = gr_node_shape(graph->x).dim[0],
                          .scores = engine_find(graph->scores, outputs, n),
                          .loss = engine_find(graph->loss, outputs, n),
                          .accuracy = engine_find(graph->accuracy, outputs, n)};
    GR_TRY(engine_compile(model, graph, outputs, n, updates, &engine->program));
    engine->x = gr_program_find_input(engine->program, "x");
    engine->y = gr_program_find_input(engine->program, "y");
    gr_status status = gr_session_new(engine->program, model->store, NULL, &engine->session);
    if (status != GR_OK) gr_engine_clear(engine);
    return status;
}

/* The entry to fill: a free one, else the one that was used longest ago. */
static gr_cached_engine *cache_victim(gr_model *model)
{
    gr_cached_engine *oldest = &model->cache[0];
    for (int i = 1; i < GR_MODEL_CACHE; i++)
        if (model->cache[i].used < oldest->used) oldest = &model->cache[i];
    return oldest;
}

gr_status gr_model_engine(gr_model *model, gr_engine_kind kind, int64_t rows, gr_engine **engine)
{
    for (int i = 0; i < GR_MODEL_CACHE; i++) {
        gr_cached_engine *entry = &model->cache[i];
        if (!entry->used || entry->kind != kind || entry->engine.rows != rows) continue;
        entry->used = ++model->clock;
        *engine = &entry->engine;
        return GR_OK;
    }
    gr_cached_engine *entry = cache_victim(model);
    gr_engine_clear(&entry->engine);
    entry->used = 0;
    gr_model_graph graph;
    gr_status status = gr_model_build(model, GR_EVAL, rows, &graph);
    if (status == GR_OK)
        status =
            gr_engine_new(model, &graph, (gr_node *[]){graph.scores, graph.loss},
                          kind == GR_ENGINE_TEST ? 2 : 1, kind == GR_ENGINE_TEST, &entry->engine);
    gr_model_graph_clear(&graph);
    if (status == GR_OK && model->profile) {
        status = gr_engine_profile(&entry->engine, model->profile, gr_engine_what(kind));
        if (status != GR_OK) gr_engine_clear(&entry->engine);
    }
    GR_TRY(status);
    entry->kind = kind;
    entry->used = ++model->clock;
    *engine = &entry->engine;
    return GR_OK;
}
