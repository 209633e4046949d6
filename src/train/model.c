/* Models: making and looking at them. */
#include "train/model.h"

#include <stdio.h>

#include "data/normalize.h"
#include "run/store.h"

static const char *const loss_words[] = {
#define LOSS_WORD(name, word) word,
    GR_LOSS_TABLE(LOSS_WORD)
#undef LOSS_WORD
};

const char *gr_loss_name(gr_loss_kind kind)
{
    return (size_t)kind < GR_LEN(loss_words) ? loss_words[kind] : "?";
}

int gr_loss_find(const char *name)
{
    for (size_t i = 0; name && i < GR_LEN(loss_words); i++)
        if (!strcmp(name, loss_words[i])) return (int)i;
    return -1;
}

/* ---- Making --------------------------------------------------------------------------------- */

/* Fills in from `data` what the options leave open. The names are those of the data set. */
static gr_status model_take_data(gr_model_options *o)
{
    gr_shape shape = gr_dataset_shape(o->data);
    if (shape.rank == 3 &&
        shape.dim[1] == 0) { /* pictures of many sizes: one size gives the other */
        if (!o->preprocess.resize) o->preprocess.resize = o->preprocess.crop;
        if (!o->preprocess.crop) o->preprocess.crop = o->preprocess.resize;
    }
    if (o->input.rank == 0) {
        gr_status status = gr_preprocess_shape(&o->preprocess, shape, &o->input);
        if (status != GR_OK)
            return gr_fail_prefix(status, "data set '%s': ", gr_dataset_name(o->data));
    }
    if (o->classes == 0) {
        o->classes = gr_dataset_classes(o->data);
        if (o->classes < 2)
            return gr_fail(GR_INVALID,
                           "data set '%s' has %s: a model is to tell at least two apart",
                           gr_dataset_name(o->data), o->classes ? "a single class" : "no labels");
    }
    if (gr_dataset_dtype(o->data) == GR_I32) o->tokens = true;
    if (o->positions.rank == 0) o->positions = gr_dataset_label_shape(o->data);
    if (gr_dataset_padded(o->data)) o->padded = true;
    return GR_OK;
}

static gr_status model_check(const gr_model_options *o)
{
    if (!o->net == !o->recipe)
        return gr_fail(GR_INVALID, "a model needs a net or a recipe%s", o->net ? ", not both" : "");
    if (o->input.rank < 1 || o->input.rank >= GR_MAX_RANK || gr_shape_count(o->input) < 1)
        return gr_fail(GR_SHAPE, "a model's input is %s: should be the shape of one example",
                       gr_shape_text(o->input));
    if (o->positions.rank > 0 &&
        (o->positions.rank > GR_MAX_RANK - 2 || gr_shape_count(o->positions) < 1))
        return gr_fail(GR_SHAPE, "the labels of an example are %s: should be at least one",
                       gr_shape_text(o->positions));
    if (o->padded && o->positions.rank == 0)
        return gr_fail(GR_INVALID, "a model with one label for an example: `padded` is for labels "
                                   "at positions");
    if (o->tokens && o->normalizer)
        return gr_fail(GR_INVALID, "a model of tokens has no normaliser");
    if (o->classes < 2 || o->classes > GR_DATA_MAX_CLASSES)
        return gr_fail(GR_INVALID, "a model of %d classes: should be 2 to %d", o->classes,
                       GR_DATA_MAX_CLASSES);
    if ((unsigned)o->loss >= GR_LOSS_COUNT)
        return gr_fail(GR_INVALID, "there is no loss %d", (int)o->loss);
    bool hinge = o->loss == GR_LOSS_HINGE || o->loss == GR_LOSS_SQUARED_HINGE;
    if (!(o->smoothing >= 0 && o->smoothing < 1) ||
        (o->smoothing > 0 && o->loss != GR_LOSS_SOFTMAX))
        return gr_fail(GR_INVALID,
                       "label smoothing %g with the loss %s: should be in [0, 1), and "
                       "is for softmax",
                       o->smoothing, gr_loss_name(o->loss));
    if (!(o->margin >= 0) || (o->margin > 0 && !hinge))
        return gr_fail(GR_INVALID,
                       "margin %g with the loss %s: should be positive, and is for hinges",
                       o->margin, gr_loss_name(o->loss));
    if (!(o->delta >= 0) || (o->delta > 0 && o->loss != GR_LOSS_HUBER))
        return gr_fail(GR_INVALID,
                       "delta %g with the loss %s: should be positive, and is for huber", o->delta,
                       gr_loss_name(o->loss));
    if (o->class_weights && o->loss != GR_LOSS_SOFTMAX && !hinge)
        return gr_fail(GR_INVALID,
                       "class weights with the loss %s: they are for softmax and hinges",
                       gr_loss_name(o->loss));
    for (int i = 0; o->class_weights && i < o->classes; i++)
        if (!(o->class_weights[i] > 0 && o->class_weights[i] < 1e30f))
            return gr_fail(GR_INVALID, "the weight of class %d is %g: should be positive", i,
                           (double)o->class_weights[i]);
    if ((unsigned)o->normalize > GR_NORMALIZE_MEAN_IMAGE)
        return gr_fail(GR_INVALID, "there is no normalisation %d", (int)o->normalize);
    return GR_OK;
}

/* Names from the options, else the data, else numbers. */
static gr_status model_take_names(gr_model *model, const gr_model_options *o)
{
    model->names = gr_alloc_array((size_t)o->classes, sizeof *model->names);
    if (!model->names) return GR_NO_MEMORY;
    bool from_data = !o->names && o->data && gr_dataset_classes(o->data) == o->classes;
    for (int i = 0; i < o->classes; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        const char *name = number;
        if (o->names) name = o->names[i];
        if (from_data) name = gr_dataset_class_name(o->data, i);
        if (!name) return gr_fail(GR_INVALID, "the name of class %d is missing", i);
        model->names[i] = gr_strdup(name);
        if (!model->names[i]) return GR_NO_MEMORY;
    }
    return GR_OK;
}

static gr_status model_take_net(gr_model *model, const gr_model_options *o)
{
    model->recipe = o->recipe;
    model->user = o->user;
    model->gates = o->gates;
    if (!o->net) return GR_OK;
    char *text;
    GR_TRY(gr_expr_parse(o->net, "net", &model->net));
    GR_TRY(gr_expr_print(model->net, &text));
    model->net_text = gr_strdup(text);
    gr_text_release(text);
    if (!model->net_text) return GR_NO_MEMORY;
    model->own_loss = gr_expr_loss(model->net) >= 0;
    if (model->own_loss && (o->smoothing > 0 || o->margin > 0 || o->delta > 0 || o->class_weights))
        return gr_fail(GR_INVALID, "the net has a loss of its own: smoothing, margin, delta and "
                                   "class weights have no say in it");
    return GR_OK;
}

static gr_status model_take_numbers(gr_model *model, const gr_model_options *o)
{
    model->dtype = o->tokens ? GR_I32 : GR_F32;
    model->input = o->input;
    model->positions = o->positions;
    model->padded = o->padded;
    model->classes = o->classes;
    model->loss = o->loss;
    model->smoothing = o->smoothing;
    model->margin = o->margin;
    model->delta = o->delta;
    model->normalize = o->normalize;
    model->preprocess = o->preprocess;
    model->seed = o->seed;
    model->threads = o->threads;
    model->exact = o->exact;
    model->check_finite = o->check_finite;
    if (o->class_weights) {
        size_t bytes = (size_t)o->classes * sizeof(float);
        model->class_weights = gr_alloc(bytes);
        if (!model->class_weights) return GR_NO_MEMORY;
        memcpy(model->class_weights, o->class_weights, bytes);
    }
    if (!o->normalizer) return GR_OK;
    const gr_normalizer *n = o->normalizer;
    GR_TRY(gr_normalize_fits(n, o->input));
    GR_TRY(gr_normalizer_new(n->kind, n->channels, n->shift, n->scale, &model->normalizer));
    model->normalizer.picture = n->picture;
    model->normalize = n->kind;
    model->normalizes = true;
    return GR_OK;
}

/* Builds the net once, which makes its variables and finds its faults. */
static gr_status model_prove(gr_model *model)
{
    gr_model_graph graph;
    gr_status status = gr_model_build(model, GR_EVAL, 1, &graph);
    if (status == GR_OK) {
        gr_shape result = gr_node_shape(graph.scores);
        model->output = gr_shape_of(result.rank - 1, result.dim + 1);
        model->classifies = graph.accuracy != NULL;
    }
    for (int i = 0; status == GR_OK && i < gr_scope_params(graph.scope); i++)
        model->parameters += gr_shape_count(gr_node_shape(gr_scope_param(graph.scope, i)));
    gr_model_graph_clear(&graph);
    return status;
}

static gr_status model_fill(gr_model *model, const gr_model_options *o)
{
    GR_TRY(model_take_numbers(model, o));
    GR_TRY(model_take_names(model, o));
    GR_TRY(model_take_net(model, o));
    return model_prove(model);
}

gr_status gr_model_make(const gr_model_options *options, gr_store *store, gr_model **model)
{
    *model = NULL;
    gr_model *made = gr_alloc(sizeof *made);
    if (!made) {
        gr_store_free(store);
        return GR_NO_MEMORY;
    }
    made->store = store;
    gr_status status = model_check(options);
    if (status == GR_OK) status = model_fill(made, options);
    if (status == GR_OK)
        *model = made;
    else
        gr_model_free(made);
    return status;
}

gr_status gr_model_new(const gr_model_options *options, gr_model **model)
{
    gr_model_options o;
    *model = NULL;
    GR_TRY(GR_OPTIONS(gr_model_options, &o, options));
    if (o.data) GR_TRY(model_take_data(&o));
    gr_store *store = gr_store_new();
    if (!store) return GR_NO_MEMORY;
    return gr_model_make(&o, store, model);
}

void gr_model_free(gr_model *model)
{
    if (!model) return;
    for (int i = 0; i < GR_MODEL_CACHE; i++) gr_engine_clear(&model->cache[i].engine);
    for (int i = 0; model->names && i < model->classes; i++) gr_free(model->names[i]);
    gr_free(model->names);
    gr_free(model->class_weights);
    gr_free(model->net_text);
    gr_expr_free(model->net);
    gr_normalizer_clear(&model->normalizer);
    gr_store_free(model->store);
    gr_free(model);
}

/* ---- Looking -------------------------------------------------------------------------------- */

gr_store *gr_model_store(gr_model *model)
{
    return model->store;
}

const char *gr_model_net(const gr_model *model)
{
    return model->net_text;
}

gr_shape gr_model_input(const gr_model *model)
{
    return model->input;
}

bool gr_model_tokens(const gr_model *model)
{
    return model->dtype == GR_I32;
}

gr_shape gr_model_positions(const gr_model *model)
{
    return model->positions;
}

bool gr_model_carries(const gr_model *model)
{
    for (size_t i = 0; i < model->store->count; i++)
        if (gr_model_carries_in(model->store->entries[i].name)) return true;
    return false;
}

bool gr_model_padded(const gr_model *model)
{
    return model->padded;
}

int gr_model_classes(const gr_model *model)
{
    return model->classes;
}

const char *const *gr_model_class_names(const gr_model *model)
{
    return (const char *const *)model->names;
}

gr_shape gr_model_output(const gr_model *model)
{
    return model->output;
}

bool gr_model_classifies(const gr_model *model)
{
    return model->classifies;
}

bool gr_model_own_loss(const gr_model *model)
{
    return model->own_loss;
}

gr_loss_kind gr_model_loss(const gr_model *model)
{
    return model->loss;
}

uint64_t gr_model_seed(const gr_model *model)
{
    return model->seed;
}

const gr_normalizer *gr_model_normalizer(const gr_model *model)
{
    return model->normalizes ? &model->normalizer : NULL;
}

const gr_preprocess *gr_model_preprocess(const gr_model *model)
{
    return &model->preprocess;
}

int64_t gr_model_parameters(const gr_model *model)
{
    return model->parameters;
}

bool gr_model_owns(const char *name)
{
    return strncmp(name, "optim/", 6) != 0 && strcmp(name, "step") != 0 &&
           !gr_model_carries_in(name);
}

/* ---- Data ----------------------------------------------------------------------------------- */

gr_status gr_model_learn_normalizer(gr_model *model, const gr_dataset *data)
{
    if (model->normalizes) return GR_OK;
    GR_TRY(gr_model_fits(model, data));
    if (gr_model_tokens(model)) return GR_OK;
    GR_TRY(
        gr_normalizer_learn_view(model->normalize, data, &model->preprocess, &model->normalizer));
    model->normalizes = true;
    return GR_OK;
}

gr_status gr_model_ready(const gr_model *model)
{
    if (model->normalizes || gr_model_tokens(model)) return GR_OK;
    return gr_fail(GR_INVALID, "the model has not learnt the normalisation of its data yet: train "
                               "it, or call gr_model_learn_normalizer");
}

static bool model_is_number(const char *name, int i)
{
    char number[16];
    snprintf(number, sizeof number, "%d", i);
    return !strcmp(name, number);
}

gr_status gr_model_fits(const gr_model *model, const gr_dataset *data)
{
    gr_shape shape;
    const char *set = gr_dataset_name(data);
    gr_status status = gr_preprocess_shape(&model->preprocess, gr_dataset_shape(data), &shape);
    if (status != GR_OK) return gr_fail_prefix(status, "data set '%s': ", set);
    if (!gr_shape_equal(shape, model->input))
        return gr_fail(GR_SHAPE, "an example of '%s' is %s, but the model takes %s", set,
                       gr_shape_text(shape), gr_shape_text(model->input));
    if ((gr_dataset_dtype(data) == GR_I32) != gr_model_tokens(model))
        return gr_fail(GR_DTYPE, "an example of '%s' is %s, but the model takes %s", set,
                       gr_dtype_name(gr_dataset_dtype(data)),
                       gr_model_tokens(model) ? "i32 tokens" : "numbers");
    int classes = gr_dataset_classes(data);
    if (classes == 0) return GR_OK;
    gr_shape positions = gr_dataset_label_shape(data);
    if (!gr_shape_equal(positions, model->positions))
        return gr_fail(GR_SHAPE, "the labels of an example of '%s' are %s, but the model's %s", set,
                       gr_shape_text(positions), gr_shape_text(model->positions));
    if (gr_dataset_padded(data) && !model->padded)
        return gr_fail(GR_INVALID, "labels of '%s' may be padding, which the model does not expect",
                       set);
    if (classes != model->classes)
        return gr_fail(GR_INVALID, "'%s' has %d classes, but the model %d", set, classes,
                       model->classes);
    bool numbered = true, model_numbered = true;
    for (int i = 0; i < classes; i++) {
        numbered = numbered && model_is_number(gr_dataset_class_name(data, i), i);
        model_numbered = model_numbered && model_is_number(model->names[i], i);
    }
    for (int i = 0; !numbered && !model_numbered && i < classes; i++)
        if (strcmp(gr_dataset_class_name(data, i), model->names[i]) != 0)
            return gr_fail(GR_INVALID, "class %d is '%s' in '%s', but '%s' in the model", i,
                           gr_dataset_class_name(data, i), set, model->names[i]);
    return GR_OK;
}
