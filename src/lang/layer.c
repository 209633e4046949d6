/* What the words of layers have in common. */
#include "lang/layer.h"

#include <stdio.h>

/* ---- Windows ------------------------------------------------------------------------------ */

static void layer_axes(lang_call *call, const char *name, int64_t low, int spatial, int64_t *out)
{
    int64_t numbers[GR_MAX_RANK];
    int n = gr_lang_arg_ints(call, name, low, INT64_MAX, numbers);
    if (call->builder->status != GR_OK) return;
    if (n > 1 && n != spatial) {
        gr_lang_call_fail(call, GR_SHAPE, name,
                          "%s has %d numbers, but the input has %d spatial ax%s", name, n, spatial,
                          spatial == 1 ? "is" : "es");
        return;
    }
    for (int i = 0; i < spatial && n > 0; i++) out[i] = numbers[n > 1 ? i : 0];
}

bool gr_lang_window_read(lang_call *call, const gr_node *x, lang_window *window)
{
    *window = (lang_window){.spatial = gr_node_shape(x).rank - 2};
    if (gr_is_error(x)) return false;
    if (window->spatial < 1 || window->spatial > 3) {
        gr_lang_call_fail(call, GR_SHAPE, NULL,
                          "takes [N, C, space...] with 1 to 3 spatial axes, not %s",
                          gr_shape_text(gr_node_shape(x)));
        return false;
    }
    layer_axes(call, "kernel", 1, window->spatial, window->axes.kernel);
    layer_axes(call, "stride", 1, window->spatial, window->axes.stride);
    layer_axes(call, "pad", 0, window->spatial, window->axes.pad);
    layer_axes(call, "dilation", 1, window->spatial, window->axes.dilation);
    for (int i = 0; i < window->spatial; i++) window->axes.pad_end[i] = window->axes.pad[i];
    return call->builder->status == GR_OK;
}

/* ---- Scope, name, initial values ----------------------------------------------------------- */

gr_scope *gr_lang_layer_scope(lang_call *call)
{
    if (!call->builder->env.scope) {
        gr_lang_call_fail(call, GR_SYNTAX, NULL,
                          "layers with parameters or a mode belong to networks; an "
                          "expression has none");
    }
    return call->builder->env.scope;
}

const char *gr_lang_layer_name(lang_call *call, const char *kind)
{
    lang_builder *builder = call->builder;
    const lang_statement *statement = builder->statement;
    gr_scope *scope = gr_lang_layer_scope(call);
    const char *name = gr_lang_arg_text(call, "name");
    if (!scope || builder->status != GR_OK) return NULL;
    if (!name && statement->root == call->node && statement->symbol >= 0) {
        name = builder->expr->names.symbols[statement->symbol].text;
    }
    if (!name) name = gr_scope_auto(scope, kind);
    if (name && (!*name || strpbrk(name, "/\"'"))) {
        gr_lang_call_fail(call, GR_SYNTAX, "name",
                          "a layer's name is not empty and has no '/' or quotes");
        return NULL;
    }
    size_t taken = builder->layers.count;
    if (!name || gr_lang_symbol_of(&builder->layers, name, strlen(name)) < 0) {
        gr_lang_build_fail(builder, builder->expr->nodes[call->node].at, GR_NO_MEMORY,
                           "out of memory");
        return NULL;
    }
    if (builder->layers.count == taken) {
        gr_lang_call_fail(call, GR_SYNTAX, "name",
                          "another layer is called '%s': give this one a name of its "
                          "own (name=\"…\")",
                          name);
        return NULL;
    }
    return name;
}

static const struct {
    const char *name;
    gr_init init;
    int numbers; /* in parentheses behind the name: a, or a and b */
} layer_inits[] = {
    {"he", {GR_INIT_HE, 0, 0}, 0},
    {"xavier", {GR_INIT_XAVIER, 0, 0}, 0},
    {"lecun", {GR_INIT_LECUN, 0, 0}, 0},
    {"orthogonal", {GR_INIT_ORTHOGONAL, 1, 0}, 0},
    {"zeros", {GR_INIT_CONSTANT, 0, 0}, 0},
    {"constant", {GR_INIT_CONSTANT, 0, 0}, 1},
    {"uniform", {GR_INIT_UNIFORM, 0, 0}, 2},
    {"bilinear", {GR_INIT_BILINEAR, 0, 0}, 0},
    {"positive_unitball", {GR_INIT_POSITIVE_UNITBALL, 0, 0}, 0},
};

/* "(0.1)" or "(-0.1, 0.1)", with nothing behind it. */
static bool layer_init_numbers(const char *text, int n, double *number)
{
    for (int i = 0; i < n; i++) {
        if (*text++ != (i ? ',' : '(')) return false;
        while (*text == ' ') text++;
        if (!gr_parse_real(&text, &number[i])) return false;
        while (*text == ' ') text++;
    }
    return n == 0 ? *text == '\0' : strcmp(text, ")") == 0;
}

/* The beginning that a text such as "he" or "uniform(-0.1, 0.1)" names. */
static gr_init layer_init_named(lang_call *call, const char *text)
{
    const size_t length = strcspn(text, "( ");
    const char *names[GR_LEN(layer_inits)];
    for (size_t i = 0; i < GR_LEN(layer_inits); i++) {
        const char *name = names[i] = layer_inits[i].name;
        if (strlen(name) != length || strncmp(text, name, length) != 0) continue;
        double number[2] = {layer_inits[i].init.a, layer_inits[i].init.b};
        const int n = layer_inits[i].numbers;
        if (!layer_init_numbers(text + length, n, number) || (n == 2 && !(number[0] < number[1])))
            gr_lang_call_fail(call, GR_SYNTAX, "init", "init \"%s\": should be %s%s",
                              gr_lang_quote(text, strlen(text)), name,
                              n == 0   ? ""
                              : n == 1 ? "(NUMBER)"
                                       : "(LOW, HIGH)");
        return (gr_init){layer_inits[i].init.kind, number[0], number[1]};
    }
    const char *near = gr_nearest(text, names, GR_LEN(names));
    gr_lang_call_fail(call, GR_SYNTAX, "init",
                      "there is no init \"%s\"%s%s%s: take he, xavier, lecun, orthogonal, zeros, "
                      "constant(NUMBER), uniform(LOW, HIGH), bilinear or positive_unitball",
                      gr_lang_quote(text, strlen(text)), near ? "; did you mean \"" : "",
                      near ? near : "", near ? "\"?" : "");
    return (gr_init){GR_INIT_DEFAULT, 0, 0};
}

gr_init gr_lang_layer_init(lang_call *call)
{
    const bool sparse = gr_lang_given(call, "sparse");
    const gr_init normal = {sparse ? GR_INIT_SPARSE : GR_INIT_NORMAL,
                            gr_lang_arg_real(call, "sparse"), gr_lang_arg_real(call, "std")};
    const char *name = gr_lang_arg_text(call, "init");
    if (sparse && !gr_lang_given(call, "std"))
        gr_lang_call_fail(call, GR_SYNTAX, "sparse",
                          "sparse thins a normal distribution: give its std too");
    if (sparse && !(normal.a > 0))
        gr_lang_call_fail(call, GR_SYNTAX, "sparse", "sparse is positive");
    if (gr_lang_given(call, "std")) {
        if (name)
            gr_lang_call_fail(call, GR_SYNTAX, "init",
                              "std stands for a normal distribution: leave out "
                              "init");
        if (!(normal.b >= 0)) gr_lang_call_fail(call, GR_SYNTAX, "std", "std is not negative");
        return normal;
    }
    if (name) return layer_init_named(call, name);
    return (gr_init){GR_INIT_DEFAULT, 0, 0};
}

gr_tuning gr_lang_layer_tuning(lang_call *call, const char *rate, const char *decay)
{
    gr_tuning tuning = {gr_lang_arg_real(call, rate), -1};
    if (gr_lang_given(call, decay)) tuning.decay = gr_lang_arg_real(call, decay);
    if (!(tuning.rate >= 0)) gr_lang_call_fail(call, GR_SYNTAX, rate, "%s is not negative", rate);
    if (gr_lang_given(call, decay) && !(tuning.decay >= 0))
        gr_lang_call_fail(call, GR_SYNTAX, decay, "%s is not negative", decay);
    return tuning;
}

void gr_lang_layer_parameters(lang_call *call, lang_parameters *parameters)
{
    *parameters = (lang_parameters){
        .weight = gr_lang_layer_init(call),
        .bias = {GR_INIT_CONSTANT, gr_lang_arg_real(call, "bias_init"), 0},
        .weight_tuning = gr_lang_layer_tuning(call, "rate", "decay"),
        .bias_tuning = gr_lang_layer_tuning(call, "bias_rate", "bias_decay"),
    };
}

/* ---- Choices -------------------------------------------------------------------------------- */

int gr_lang_arg_choice(lang_call *call, const char *name, const char *const *words, int n)
{
    const char *word = gr_lang_arg_text(call, name);
    for (int i = 0; word && i < n; i++)
        if (strcmp(word, words[i]) == 0) return i;
    if (!word) return 0;
    char all[80];
    size_t used = 0;
    for (int i = 0; i < n; i++) {
        const char *before = i == 0 ? "" : i == n - 1 ? " or " : ", ";
        used += (size_t)snprintf(all + used, sizeof all - used, "%s\"%s\"", before, words[i]);
    }
    gr_lang_call_fail(call, GR_SYNTAX, name, "%s is %s, not \"%s\"", name, all,
                      gr_lang_quote(word, strlen(word)));
    return 0;
}

gr_reduce gr_lang_arg_reduce(lang_call *call)
{
    static const char *const words[] = {
        [GR_REDUCE_MEAN] = "mean", [GR_REDUCE_SUM] = "sum", [GR_REDUCE_NONE] = "none"};
    return (gr_reduce)gr_lang_arg_choice(call, "reduce", words, GR_LEN(words));
}
