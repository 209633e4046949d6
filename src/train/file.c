/* Model files: the model's variables in safetensors, everything else in the metadata. */
#include "data/normalize.h"
#include "run/store.h"
#include "train/model.h"

/* ---- Writing -------------------------------------------------------------------------------- */

static gr_status file_set_shape(gr_meta *meta, const char *key, gr_shape shape)
{
    double sizes[GR_MAX_RANK];
    for (int i = 0; i < shape.rank; i++) sizes[i] = (double)shape.dim[i];
    return gr_meta_set_reals(meta, key, sizes, shape.rank);
}

static gr_status file_set_floats(gr_meta *meta, const char *key, const float *values, int64_t n)
{
    double *wide = gr_alloc_array((size_t)n, sizeof *wide);
    if (!wide) return GR_NO_MEMORY;
    for (int64_t i = 0; i < n; i++) wide[i] = (double)values[i];
    gr_status status = gr_meta_set_reals(meta, key, wide, (int)n);
    gr_free(wide);
    return status;
}

/* The names of the own gates that the net calls, so that a reader may say what is missing. */
static gr_status file_set_gates(gr_meta *meta, const gr_model *model)
{
    const gr_gates *gates = model->gates;
    int n = 0;
    if (!gates || !model->net) return GR_OK;
    const char **names = gr_alloc_array((size_t)gates->count, sizeof *names);
    if (!names) return GR_NO_MEMORY;
    for (int i = 0; i < gates->count; i++)
        if (gr_expr_calls(model->net, gates->gate[i].name)) names[n++] = gates->gate[i].name;
    gr_status status = n > 0 ? gr_meta_set_texts(meta, "gates", names, n) : GR_OK;
    gr_free(names);
    return status;
}

gr_status gr_model_write_meta(const gr_model *model, gr_meta *meta)
{
    GR_TRY(gr_meta_set(meta, "gradus.version", gr_version()));
    GR_TRY(model->net ? gr_meta_set(meta, "net", model->net_text)
                      : gr_meta_set(meta, "recipe", "C"));
    GR_TRY(file_set_gates(meta, model));
    GR_TRY(file_set_shape(meta, "input", model->input));
    if (gr_model_tokens(model)) GR_TRY(gr_meta_set(meta, "input.dtype", "i32"));
    if (model->positions.rank > 0) GR_TRY(file_set_shape(meta, "positions", model->positions));
    if (model->padded) GR_TRY(gr_meta_set(meta, "positions.padded", "yes"));
    GR_TRY(gr_meta_set_texts(meta, "classes", (const char *const *)model->names, model->classes));
    GR_TRY(gr_meta_set(meta, "loss", gr_loss_name(model->loss)));
    if (model->smoothing > 0) GR_TRY(gr_meta_set_real(meta, "loss.smoothing", model->smoothing));
    if (model->margin > 0) GR_TRY(gr_meta_set_real(meta, "loss.margin", model->margin));
    if (model->delta > 0) GR_TRY(gr_meta_set_real(meta, "loss.delta", model->delta));
    if (model->class_weights)
        GR_TRY(file_set_floats(meta, "loss.class_weights", model->class_weights, model->classes));
    const gr_preprocess *p = &model->preprocess;
    if (p->resize) GR_TRY(gr_meta_set_int(meta, "preprocess.resize", p->resize));
    if (p->crop) GR_TRY(gr_meta_set_int(meta, "preprocess.crop", p->crop));
    GR_TRY(gr_meta_set(meta, "normalize", gr_normalize_name(model->normalize)));
    const gr_normalizer *n = &model->normalizer;
    if (model->normalizes) {
        if (n->picture.rank == 3 && !gr_shape_equal(n->picture, model->input))
            GR_TRY(file_set_shape(meta, "normalize.picture", n->picture));
        GR_TRY(file_set_floats(meta, "normalize.shift", n->shift, n->channels));
        GR_TRY(file_set_floats(meta, "normalize.scale", n->scale, n->channels));
    }
    return gr_meta_set_int(meta, "seed", (int64_t)model->seed);
}

gr_status gr_model_save(const gr_model *model, const char *path)
{
    const gr_store *store = model->store;
    gr_named_tensor *tensors = gr_alloc_array(store->count + 1, sizeof *tensors);
    gr_meta *meta = gr_meta_new();
    gr_status status = tensors && meta ? gr_model_write_meta(model, meta) : GR_NO_MEMORY;
    int n = 0;
    for (size_t i = 0; status == GR_OK && i < store->count; i++)
        if (gr_model_owns(store->entries[i].name))
            tensors[n++] = (gr_named_tensor){store->entries[i].name, store->entries[i].value};
    if (status == GR_OK) status = gr_store_enter(model->store, false);
    if (status == GR_OK) {
        status = gr_safetensors_write(path, tensors, n, meta);
        gr_store_leave(model->store, false);
    }
    gr_meta_free(meta);
    gr_free(tensors);
    return status;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* Options of the model in a file, and what they point to. */
typedef struct file_options {
    gr_model_options o;
    char **names;
    float *class_weights, *shift, *scale;
    gr_normalizer normalizer; /* points to shift and scale */
} file_options;

static void file_options_clear(file_options *f)
{
    gr_meta_release(f->names);
    gr_free(f->class_weights);
    gr_free(f->shift);
    gr_free(f->scale);
}

static gr_status file_get_shape(const gr_meta *meta, const char *key, gr_shape *shape)
{
    double *sizes;
    int n;
    GR_TRY(gr_meta_get_reals(meta, key, &sizes, &n));
    bool whole = n >= 1 && n < GR_MAX_RANK;
    for (int i = 0; whole && i < n; i++) {
        whole = sizes[i] >= 1 && sizes[i] < 1e15;
        if (whole) shape->dim[i] = (int64_t)sizes[i];
        whole = whole && (double)shape->dim[i] == sizes[i];
    }
    shape->rank = n;
    gr_meta_release(sizes);
    return whole ? GR_OK : gr_fail(GR_FORMAT, "'%s' is no shape of an example", key);
}

/* `count` numbers into a new array. */
static gr_status file_get_floats(const gr_meta *meta, const char *key, int64_t count,
                                 float **values)
{
    double *wide;
    int n;
    GR_TRY(gr_meta_get_reals(meta, key, &wide, &n));
    gr_status status = n == count ? GR_OK
                                  : gr_fail(GR_FORMAT, "'%s' has %d numbers: should be %lld", key,
                                            n, (long long)count);
    *values = status == GR_OK ? gr_alloc_array((size_t)n, sizeof **values) : NULL;
    if (status == GR_OK && !*values) status = GR_NO_MEMORY;
    for (int i = 0; status == GR_OK && i < n; i++) (*values)[i] = (float)wide[i];
    gr_meta_release(wide);
    return status;
}

/* A real that may be missing: then *value stays. */
static gr_status file_get_optional(const gr_meta *meta, const char *key, double *value)
{
    return gr_meta_get(meta, key) ? gr_meta_get_real(meta, key, value) : GR_OK;
}

static gr_status file_get_loss(const gr_meta *meta, file_options *f)
{
    const char *word = gr_meta_get(meta, "loss");
    int loss = gr_loss_find(word);
    if (loss < 0) return gr_fail(GR_FORMAT, "there is no loss '%s'", word ? word : "");
    f->o.loss = (gr_loss_kind)loss;
    GR_TRY(file_get_optional(meta, "loss.smoothing", &f->o.smoothing));
    GR_TRY(file_get_optional(meta, "loss.margin", &f->o.margin));
    GR_TRY(file_get_optional(meta, "loss.delta", &f->o.delta));
    if (!gr_meta_get(meta, "loss.class_weights")) return GR_OK;
    GR_TRY(file_get_floats(meta, "loss.class_weights", f->o.classes, &f->class_weights));
    f->o.class_weights = f->class_weights;
    return GR_OK;
}

static gr_status file_get_input(const gr_meta *meta, file_options *f)
{
    const char *dtype = gr_meta_get(meta, "input.dtype");
    f->o.tokens = dtype != NULL;
    if (dtype && strcmp(dtype, "i32") != 0)
        return gr_fail(GR_FORMAT, "examples of type '%s': should be i32 tokens", dtype);
    GR_TRY(file_get_shape(meta, "input", &f->o.input));
    f->o.padded = gr_meta_get(meta, "positions.padded") != NULL;
    return gr_meta_get(meta, "positions") ? file_get_shape(meta, "positions", &f->o.positions)
                                          : GR_OK;
}

static gr_status file_get_preprocess(const gr_meta *meta, gr_preprocess *p)
{
    if (gr_meta_get(meta, "preprocess.resize"))
        GR_TRY(gr_meta_get_int(meta, "preprocess.resize", &p->resize));
    if (gr_meta_get(meta, "preprocess.crop"))
        GR_TRY(gr_meta_get_int(meta, "preprocess.crop", &p->crop));
    return GR_OK;
}

static gr_status file_get_normalizer(const gr_meta *meta, file_options *f)
{
    const char *word = gr_meta_get(meta, "normalize");
    int kind = gr_normalize_find(word);
    if (kind < 0) return gr_fail(GR_FORMAT, "there is no normalisation '%s'", word ? word : "");
    f->o.normalize = (gr_normalize)kind;
    if (!gr_meta_get(meta, "normalize.shift")) return GR_OK;
    gr_shape seen = f->o.input;
    if (gr_meta_get(meta, "normalize.picture"))
        GR_TRY(file_get_shape(meta, "normalize.picture", &seen));
    int64_t channels = gr_normalize_channels((gr_normalize)kind, seen);
    GR_TRY(file_get_floats(meta, "normalize.shift", channels, &f->shift));
    GR_TRY(file_get_floats(meta, "normalize.scale", channels, &f->scale));
    f->normalizer = (gr_normalizer){(gr_normalize)kind, channels, f->shift, f->scale, {0}};
    if (kind == GR_NORMALIZE_MEAN_IMAGE && seen.rank == 3) f->normalizer.picture = seen;
    f->o.normalizer = &f->normalizer;
    return GR_OK;
}

/* The own gates that the net calls must be among those given. */
static gr_status file_get_gates(const gr_meta *meta, const gr_model_options *given, file_options *f)
{
    char **names;
    int n;
    gr_status status = GR_OK;
    f->o.gates = given ? given->gates : NULL;
    if (!gr_meta_get(meta, "gates")) return GR_OK;
    GR_TRY(gr_meta_get_texts(meta, "gates", &names, &n));
    for (int i = 0; status == GR_OK && i < n; i++)
        if (!gr_gates_find(f->o.gates, names[i]))
            status = gr_fail(GR_NOT_FOUND,
                             "the net calls '%.80s', a gate of its user's own, which is not given "
                             "(by `gates` of gr_model_options; by --gates FILE.so to the command)",
                             names[i]);
    gr_meta_release(names);
    return status;
}

/* The net: the file's text, or the caller's recipe. */
static gr_status file_get_net(const gr_meta *meta, const gr_model_options *given, file_options *f)
{
    f->o.net = gr_meta_get(meta, "net");
    if (f->o.net) return GR_OK;
    if (!gr_meta_get(meta, "recipe"))
        return gr_fail(GR_FORMAT, "this is no model: its metadata have no 'net'");
    if (!given || !given->recipe)
        return gr_fail(GR_INVALID, "the net of this model is a recipe in C, which is not in the "
                                   "file and must be given");
    f->o.recipe = given->recipe;
    f->o.user = given->user;
    return GR_OK;
}

static gr_status file_get_options(const gr_meta *meta, const gr_model_options *given,
                                  file_options *f)
{
    int64_t seed;
    f->o.size = sizeof f->o;
    GR_TRY(file_get_net(meta, given, f));
    GR_TRY(file_get_gates(meta, given, f));
    GR_TRY(file_get_input(meta, f));
    GR_TRY(gr_meta_get_texts(meta, "classes", &f->names, &f->o.classes));
    f->o.names = (const char *const *)f->names;
    GR_TRY(file_get_loss(meta, f));
    GR_TRY(file_get_preprocess(meta, &f->o.preprocess));
    GR_TRY(file_get_normalizer(meta, f));
    GR_TRY(gr_meta_get_int(meta, "seed", &seed));
    f->o.seed = (uint64_t)seed;
    if (given) {
        f->o.threads = given->threads;
        f->o.exact = given->exact;
        f->o.check_finite = given->check_finite;
    }
    return GR_OK;
}

/* Is it part of the model that the file holds, rather than of a training or its best parameters? */
static bool file_is_variable(const char *name)
{
    return gr_model_owns(name) && strncmp(name, "best/", 5) != 0;
}

static gr_status file_read_variables(const gr_safetensors *file, gr_store *store)
{
    for (int i = 0; i < gr_safetensors_size(file); i++) {
        const char *name = gr_safetensors_name(file, i);
        if (!file_is_variable(name)) continue;
        gr_tensor type = gr_safetensors_type(file, i);
        if (type.dtype == GR_DTYPE_COUNT)
            return gr_fail(GR_UNSUPPORTED, "variable '%s' is of a type that Gradus does not have",
                           name);
        GR_TRY(gr_store_add(store, name, &type));
        gr_store_entry *entry = &store->entries[gr_store_find(store, name)];
        GR_TRY(gr_safetensors_read(file, i, entry->value.data, gr_tensor_bytes(&entry->value)));
    }
    return GR_OK;
}

static gr_status file_make_model(const gr_safetensors *file, const file_options *f,
                                 gr_model **model)
{
    gr_store *store = gr_store_new();
    if (!store) return GR_NO_MEMORY;
    gr_status status = file_read_variables(file, store);
    if (status != GR_OK) {
        gr_store_free(store);
        return status;
    }
    int found = gr_store_size(store);
    GR_TRY(gr_model_make(&f->o, store, model));
    /* Building the net made what the file lacks. */
    if (gr_store_size(store) == found) return GR_OK;
    status = gr_fail(GR_FORMAT, "variable '%s' of the net is not in the file",
                     gr_store_name(store, found));
    gr_model_free(*model);
    *model = NULL;
    return status;
}

gr_status gr_model_load(const char *path, const gr_model_options *options, gr_model **model)
{
    gr_safetensors *file;
    file_options f = {0};
    *model = NULL;
    GR_TRY(gr_safetensors_open(path, &file));
    gr_status status = file_get_options(gr_safetensors_meta(file), options, &f);
    if (status == GR_OK) status = file_make_model(file, &f, model);
    gr_safetensors_close(file);
    file_options_clear(&f);
    return status == GR_OK ? GR_OK : gr_fail_prefix(status, "%s: ", path);
}
