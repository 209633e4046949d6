/* From a model to graphs, programs and sessions. */
#include "train/model.h"

/* ---- Graphs --------------------------------------------------------------------------------- */

void gr_model_graph_clear(gr_model_graph *graph)
{
    gr_scope_free(graph->scope);
    gr_graph_free(graph->graph);
    gr_free(graph->values);
    *graph = (gr_model_graph){0};
}

int gr_model_figures(const gr_model *model)
{
    if (!model->net || gr_expr_loss(model->net) < 0) return 0;
    return gr_expr_statements(model->net) - 1 - gr_expr_loss(model->net);
}

const char *gr_model_figure_name(const gr_model *model, int i)
{
    return gr_expr_statement_name(model->net, gr_expr_loss(model->net) + 1 + i);
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

/* Loss and figures of a text are one number each, and the figures have names. */
static gr_status build_check_figures(const gr_model *model, const gr_model_graph *g)
{
    for (int i = -1; i < g->n_figures; i++) {
        const gr_node *node = i < 0 ? g->loss : g->figures[i];
        const char *name = i < 0 ? "loss" : gr_model_figure_name(model, i);
        if (!name) return gr_fail(GR_INVALID, "what stands behind a net's loss should have a name");
        if (gr_node_shape(node).rank != 0 || gr_node_dtype(node) != GR_F32)
            return gr_fail(GR_SHAPE, "'%s' of the net is %s%s: should be one number, f32[]", name,
                           gr_dtype_name(gr_node_dtype(node)), gr_shape_text(gr_node_shape(node)));
    }
    return GR_OK;
}

/* The net of a text: its result and, if it has one, its loss and what is computed after it. */
static gr_status build_text(const gr_model *model, int64_t rows, gr_model_graph *out)
{
    const int loss = gr_expr_loss(model->net), result = gr_expr_result(model->net);
    if (loss >= 0) out->y = gr_input(out->graph, "y", GR_I32, build_rows(rows, model->positions));
    gr_binding bindings[] = {{"x", out->x}, {"y", out->y}};
    gr_expr_env env = {.size = sizeof env,
                       .dtype = GR_F32,
                       .bindings = bindings,
                       .n_bindings = loss < 0 ? 1 : 2,
                       .scope = out->scope,
                       .gates = model->gates};
    if (loss < 0) return gr_expr_build(model->net, out->graph, &env, &out->scores);
    out->values = gr_alloc_array((size_t)gr_expr_statements(model->net), sizeof *out->values);
    if (!out->values) return GR_NO_MEMORY;
    GR_TRY(gr_expr_build_all(model->net, out->graph, &env, out->values));
    out->scores = out->values[result];
    out->loss = out->values[loss];
    out->figures = out->values + loss + 1;
    out->n_figures = gr_model_figures(model);
    return build_check_figures(model, out);
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
    if (model->net)
        GR_TRY(build_text(model, rows, out));
    else
        out->scores = model->recipe(out->scope, out->x, model->user);
    GR_TRY(build_status(out->graph));
    if (gr_is_error(out->scores))
        return gr_fail(GR_INVALID, "the recipe of the model returned no node");
    return GR_OK;
}

/* Is the result called `scores`, or must it be scores for want of a loss of its own? */
static bool build_gives_scores(const gr_model *model, const gr_model_graph *g)
{
    if (!g->loss) return true;
    const char *name = gr_expr_statement_name(model->net, gr_expr_result(model->net));
    return name && strcmp(name, "scores") == 0;
}

static gr_status build_check_result(const gr_model *model, int64_t rows, const gr_model_graph *g)
{
    gr_shape shape = gr_node_shape(g->scores), want = build_rows(rows, model->positions);
    const char *dtype = gr_dtype_name(gr_node_dtype(g->scores));
    bool floats = gr_node_dtype(g->scores) == GR_F32;
    want.dim[want.rank++] = model->classes;
    if (!build_gives_scores(model, g)) {
        if (floats && shape.rank > 0 && shape.dim[0] == rows) return GR_OK;
        return gr_fail(GR_SHAPE,
                       "the net gives %s%s for %lld example%s: should be f32, the examples along "
                       "the first axis",
                       dtype, gr_shape_text(shape), (long long)rows, rows == 1 ? "" : "s");
    }
    if (floats && gr_shape_equal(shape, want)) return GR_OK;
    return gr_fail(GR_SHAPE,
                   "the net gives %s%s for %lld example%s: should be f32%s, a score for each of "
                   "the %d classes%s",
                   dtype, gr_shape_text(shape), (long long)rows, rows == 1 ? "" : "s",
                   gr_shape_text(want), model->classes,
                   model->positions.rank > 0 ? " at each position" : "");
}

static gr_node *build_loss(const gr_model *model, gr_node *scores, gr_node *y,
                           gr_loss_options options)
{
    if (model->loss == GR_LOSS_SOFTMAX) return gr_softmax_cross_entropy(scores, y, &options);
    if (model->loss == GR_LOSS_HINGE || model->loss == GR_LOSS_SQUARED_HINGE)
        return gr_multiclass_hinge(scores, y, &options);
    gr_node *target = gr_one_hot_strict(y, model->classes, GR_F32);
    if (model->loss == GR_LOSS_SIGMOID) return gr_sigmoid_cross_entropy(scores, target, &options);
    if (model->loss == GR_LOSS_MSE) return gr_mse(scores, target, &options);
    if (model->loss == GR_LOSS_L1) return gr_l1_loss(scores, target, &options);
    return gr_huber(scores, target, &options);
}

/* The mean over the labels that are no padding. */
static gr_node *build_padded_loss(const gr_model *model, gr_node *scores, gr_node *y,
                                  gr_loss_options options)
{
    gr_node *counts = gr_not_equal(y, gr_like(y, -1)), *mask = gr_cast(counts, GR_F32);
    options.reduce = GR_REDUCE_NONE;
    y = gr_where(counts, y, gr_like(y, 0));
    gr_node *each = build_loss(model, scores, y, options), *weight = mask;
    if (gr_node_shape(each).rank == 2) each = gr_mean(each, GR_AXES(1));
    if (options.class_weights) weight = gr_mul(mask, gr_gather(options.class_weights, y, 0));
    gr_node *all = gr_sum(weight, GR_ALL);
    all = gr_require(all, gr_greater(all, gr_like(all, 0)),
                     "every label of the batch is padding (-1)");
    return gr_div(gr_sum(gr_mul(each, mask), GR_ALL), all);
}

static gr_node *build_model_loss(const gr_model *model, gr_node *scores, gr_node *y)
{
    gr_loss_options options = {.size = sizeof options,
                               .smoothing = model->smoothing,
                               .margin = model->margin,
                               .delta = model->delta,
                               .squared = model->loss == GR_LOSS_SQUARED_HINGE};
    if (model->class_weights)
        options.class_weights =
            gr_constant(gr_node_graph(scores),
                        &(gr_tensor){GR_F32, GR_SHAPE(model->classes), model->class_weights});
    return model->padded ? build_padded_loss(model, scores, y, options)
                         : build_loss(model, scores, y, options);
}

gr_status gr_model_build(const gr_model *model, gr_mode mode, int64_t rows, gr_model_graph *out)
{
    GR_TRY(gr_model_build_net(model, model->store, mode, rows, out));
    GR_TRY(build_check_result(model, rows, out));
    if (!out->y) out->y = gr_input(out->graph, "y", GR_I32, build_rows(rows, model->positions));
    if (!build_gives_scores(model, out)) return build_status(out->graph);
    gr_node *scores = out->scores, *y = out->y;
    if (model->positions.rank > 0) {
        /* Every position counts as an example with one label. */
        int64_t labels = gr_model_labels(model, rows);
        scores = gr_reshape(scores, GR_SHAPE(labels, model->classes));
        y = gr_reshape(y, GR_SHAPE(labels));
    }
    if (!out->loss) out->loss = build_model_loss(model, scores, y);
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
                                gr_node *const *outputs, int n, int updates, gr_program **program)
{
    int more = updates >= 0 ? gr_scope_updates(graph->scope) - updates : 0;
    gr_node **targets = gr_alloc_array((size_t)(n + more), sizeof(gr_node *));
    gr_compile_options options = {.size = sizeof options,
                                  .threads = model->threads,
                                  .exact = model->exact,
                                  .check_finite = model->check_finite};
    if (!targets) return GR_NO_MEMORY;
    for (int i = 0; i < n; i++) targets[i] = outputs[i];
    for (int i = 0; i < more; i++) targets[n + i] = gr_scope_update_node(graph->scope, updates + i);
    gr_status status = gr_compile(graph->graph, targets, n + more, &options, program);
    gr_free(targets);
    return status;
}

gr_status gr_engine_new(const gr_model *model, const gr_model_graph *graph, gr_node *const *outputs,
                        int n, int updates, gr_engine *engine)
{
    *engine = (gr_engine){.rows = gr_node_shape(graph->x).dim[0],
                          .scores = engine_find(graph->scores, outputs, n),
                          .loss = engine_find(graph->loss, outputs, n),
                          .accuracy = engine_find(graph->accuracy, outputs, n),
                          .norm = -1};
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

static gr_status engine_build(const gr_model *model, gr_engine_kind kind, int64_t rows,
                              gr_engine *engine)
{
    gr_model_graph graph;
    int n = 0, figures = 0;
    gr_node **targets = NULL;
    gr_status status = gr_model_build(model, GR_EVAL, rows, &graph);
    if (status == GR_OK) {
        targets = gr_alloc_array((size_t)graph.n_figures + 2, sizeof *targets);
        if (!targets) status = GR_NO_MEMORY;
    }
    if (status == GR_OK) {
        if (kind == GR_ENGINE_PREDICT || model->classifies) targets[n++] = graph.scores;
        if (kind == GR_ENGINE_TEST) targets[n++] = graph.loss;
        figures = n;
        for (int i = 0; kind == GR_ENGINE_TEST && i < graph.n_figures; i++)
            targets[n++] = graph.figures[i];
        status = gr_engine_new(model, &graph, targets, n, kind == GR_ENGINE_TEST ? 0 : -1, engine);
    }
    engine->figures = figures;
    gr_free(targets);
    gr_model_graph_clear(&graph);
    return status;
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
    gr_status status = engine_build(model, kind, rows, &entry->engine);
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
