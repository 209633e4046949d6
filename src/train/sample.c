/* Sampling: a model of texts writes on. */
#include <gradus/sample.h>

#include <math.h>

#include "data/dataset.h"
#include "run/store.h"
#include "train/model.h"

#define SAMPLE_STREAM UINT64_C(0x73616D706C650000) /* of the seed */
/* Within this share of the largest, scores are the same but for rounding. */
#define SAMPLE_TOLERANCE 1e-3

struct gr_text_sampler {
    gr_vocabulary *vocabulary;
    gr_store *store;
    gr_engine window, step; /* on all positions at once, on one; step is empty if unused */
    bool recurrent;
    int classes;
    int64_t length; /* of the window */
    double temperature;
    int top_k;
    gr_rng rng;
    int32_t *tokens; /* [length]: the last of the text, from the first */
    int64_t known;   /* of them */
    int32_t pending; /* not yet given to `step`; -1: none */
    float *scores;   /* [length·classes] */
    double *probabilities;
    int *order; /* [classes] */
    int32_t *prompt;
    size_t prompt_room;
};

/* ---- Running -------------------------------------------------------------------------------- */

/* Scores [length·classes] of the window's positions. */
static gr_status sample_run_window(gr_text_sampler *s, float *scores)
{
    const gr_engine *engine = &s->window;
    size_t bytes = (size_t)s->length * sizeof *s->tokens;
    if (engine->x >= 0) GR_TRY(gr_session_write(engine->session, engine->x, s->tokens, bytes));
    GR_TRY(gr_session_step(engine->session));
    return gr_session_read(engine->session, engine->scores, scores,
                           (size_t)(s->length * s->classes) * sizeof *scores);
}

/* Scores [classes] of what follows `token`. */
static gr_status sample_run_step(gr_text_sampler *s, int32_t token, float *scores)
{
    const gr_engine *engine = &s->step;
    if (engine->x >= 0) GR_TRY(gr_session_write(engine->session, engine->x, &token, sizeof token));
    GR_TRY(gr_session_step(engine->session));
    return gr_session_read(engine->session, engine->scores, scores,
                           (size_t)s->classes * sizeof *scores);
}

/* ---- Making --------------------------------------------------------------------------------- */

static gr_status sample_check(const gr_model *model, const gr_text_sampler_options *o)
{
    if (!gr_model_tokens(model) || model->input.rank != 1 ||
        !gr_shape_equal(model->input, model->positions))
        return gr_fail(GR_INVALID,
                       "the model is none of texts: they take tokens, and tell for each what "
                       "follows");
    if (!(o->temperature >= 0) || isinf(o->temperature))
        return gr_fail(GR_INVALID, "temperature %g: should be positive", o->temperature);
    if (o->top_k < 0) return gr_fail(GR_INVALID, "top_k %d: should not be negative", o->top_k);
    return GR_OK;
}

/* The model's net on one row of `length` tokens, in evaluation, with the state it carries on. */
static gr_status sample_compile(const gr_model *model, gr_store *store, int64_t length,
                                gr_engine *engine)
{
    gr_model view = *model;
    gr_model_graph graph;
    view.store = store;
    view.carry = true;
    view.input = view.positions = GR_SHAPE(length);
    gr_status status = gr_model_build_net(&view, store, GR_EVAL, 1, &graph);
    gr_shape want = GR_SHAPE(1, length, model->classes);
    if (status == GR_OK && !gr_shape_equal(gr_node_shape(graph.scores), want))
        status = gr_fail(GR_SHAPE, "the net gives %s for one text: should be %s",
                         gr_shape_text(gr_node_shape(graph.scores)), gr_shape_text(want));
    if (status == GR_OK)
        status = gr_engine_new(&view, &graph, (gr_node *[]){graph.scores}, 1, 0, engine);
    gr_model_graph_clear(&graph);
    return status;
}

static gr_status sample_room(gr_text_sampler *s)
{
    size_t length = (size_t)s->length, classes = (size_t)s->classes;
    s->tokens = gr_alloc_array(length, sizeof *s->tokens);
    s->scores = gr_alloc_array(length * classes, sizeof *s->scores);
    s->probabilities = gr_alloc_array(classes, sizeof *s->probabilities);
    s->order = gr_alloc_array(classes, sizeof *s->order);
    return s->tokens && s->scores && s->probabilities && s->order ? GR_OK : GR_NO_MEMORY;
}

static bool sample_alike(const float *a, const float *b, int64_t n)
{
    double most = 0, apart = 0;
    for (int64_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)a[i]));
        apart = fmax(apart, fabs((double)a[i] - (double)b[i]));
    }
    return apart <= SAMPLE_TOLERANCE * most;
}

static void sample_draw_window(gr_text_sampler *s)
{
    gr_rng rng = gr_rng_new(0, SAMPLE_STREAM + 1);
    for (int64_t i = 0; i < s->length; i++)
        s->tokens[i] = (int32_t)gr_rng_below(&rng, (uint64_t)s->classes);
}

/* Other tokens in the second half must leave the scores of the first as they are: those, in
 * `scores`. */
static gr_status sample_try_blind(gr_text_sampler *s, const float *scores)
{
    int64_t half = s->length / 2;
    for (int64_t i = half; i < s->length; i++) s->tokens[i] = (s->tokens[i] + 1) % s->classes;
    GR_TRY(sample_run_window(s, s->scores));
    if (sample_alike(scores, s->scores, half * s->classes)) return GR_OK;
    return gr_fail(GR_INVALID, "the scores of a character depend on later ones: such a model "
                               "cannot write on");
}

/* Does the net, asked for one position at a time, give what it gives for all at once? */
static gr_status sample_try_steps(gr_text_sampler *s, const float *scores)
{
    bool same = true;
    sample_draw_window(s);
    for (int64_t i = 0; same && i < s->length; i++) {
        GR_TRY(sample_run_step(s, s->tokens[i], s->scores));
        same = sample_alike(scores + i * s->classes, s->scores, s->classes);
    }
    s->recurrent = same;
    return gr_model_reset_carried(s->store, GR_EVAL);
}

static gr_status sample_try(gr_text_sampler *s)
{
    float *scores = gr_alloc_array((size_t)(s->length * s->classes), sizeof *scores);
    if (!scores) return GR_NO_MEMORY;
    sample_draw_window(s);
    gr_status status = sample_run_window(s, scores);
    if (status == GR_OK) status = gr_model_reset_carried(s->store, GR_EVAL);
    if (status == GR_OK) status = sample_try_blind(s, scores);
    if (status == GR_OK) status = gr_model_reset_carried(s->store, GR_EVAL);
    if (status == GR_OK && s->step.session) status = sample_try_steps(s, scores);
    gr_free(scores);
    return status;
}

static gr_status sample_fill(gr_text_sampler *s, const gr_model *model,
                             const gr_text_sampler_options *o)
{
    GR_TRY(sample_check(model, o));
    s->classes = model->classes;
    s->length = model->input.dim[0];
    s->temperature = o->temperature > 0 ? o->temperature : 1;
    s->top_k = o->top_k > 0 && o->top_k < s->classes ? o->top_k : s->classes;
    s->rng = gr_rng_new(o->seed, SAMPLE_STREAM);
    s->pending = -1;
    gr_status status =
        gr_vocabulary_new((const char *const *)model->names, model->classes, &s->vocabulary);
    if (status != GR_OK) return gr_fail_prefix(status, "the model is none of texts: ");
    GR_TRY(gr_store_snapshot(model->store, &s->store));
    GR_TRY(sample_room(s));
    GR_TRY(sample_compile(model, s->store, s->length, &s->window));
    /* A net whose shape is tied to the length cannot be asked for one position: it has a window. */
    status = sample_compile(model, s->store, 1, &s->step);
    if (status == GR_NO_MEMORY) return status;
    return sample_try(s);
}

gr_status gr_text_sampler_new(gr_model *model, const gr_text_sampler_options *options,
                              gr_text_sampler **sampler)
{
    gr_text_sampler_options o;
    *sampler = NULL;
    GR_TRY(GR_OPTIONS(gr_text_sampler_options, &o, options));
    gr_text_sampler *made = gr_alloc(sizeof *made);
    if (!made) return GR_NO_MEMORY;
    gr_status status = sample_fill(made, model, &o);
    if (status == GR_OK)
        *sampler = made;
    else
        gr_text_sampler_free(made);
    return status;
}

void gr_text_sampler_free(gr_text_sampler *sampler)
{
    if (!sampler) return;
    gr_engine_clear(&sampler->window);
    gr_engine_clear(&sampler->step);
    gr_store_free(sampler->store);
    gr_vocabulary_free(sampler->vocabulary);
    gr_free(sampler->tokens);
    gr_free(sampler->scores);
    gr_free(sampler->probabilities);
    gr_free(sampler->order);
    gr_free(sampler->prompt);
    gr_free(sampler);
}

const gr_vocabulary *gr_text_sampler_vocabulary(const gr_text_sampler *sampler)
{
    return sampler->vocabulary;
}

bool gr_text_sampler_recurrent(const gr_text_sampler *sampler)
{
    return sampler->recurrent;
}

/* ---- Going on ------------------------------------------------------------------------------- */

static gr_status sample_take(gr_text_sampler *s, int32_t token)
{
    if (s->recurrent) {
        if (s->pending >= 0) GR_TRY(sample_run_step(s, s->pending, s->scores));
        s->pending = token;
    } else if (s->known == s->length) {
        memmove(s->tokens, s->tokens + 1, (size_t)(s->length - 1) * sizeof *s->tokens);
        s->tokens[s->length - 1] = token;
        return GR_OK;
    } else {
        s->tokens[s->known] = token;
    }
    s->known += s->known < s->length;
    return GR_OK;
}

gr_status gr_text_sampler_feed(gr_text_sampler *sampler, const char *text, size_t size)
{
    int64_t n;
    if (size > sampler->prompt_room) {
        int32_t *room = gr_realloc(sampler->prompt, size * sizeof *room);
        if (!room) return GR_NO_MEMORY;
        sampler->prompt = room;
        sampler->prompt_room = size;
    }
    GR_TRY(gr_vocabulary_encode(sampler->vocabulary, text, size, sampler->prompt, &n));
    for (int64_t i = 0; i < n; i++) GR_TRY(sample_take(sampler, sampler->prompt[i]));
    return GR_OK;
}

static gr_status sample_begin(gr_text_sampler *s)
{
    int32_t token;
    int64_t n;
    if (gr_vocabulary_encode(s->vocabulary, "\n", 1, &token, &n) != GR_OK) token = 0;
    return sample_take(s, token);
}

/* What the net says about the next character, in *scores. */
static gr_status sample_ask(gr_text_sampler *s, const float **scores)
{
    *scores = s->scores;
    if (s->known == 0) GR_TRY(sample_begin(s));
    if (s->recurrent) {
        if (s->pending >= 0) GR_TRY(sample_run_step(s, s->pending, s->scores));
        s->pending = -1;
        return GR_OK;
    }
    GR_TRY(sample_run_window(s, s->scores));
    *scores += (s->known - 1) * s->classes;
    return GR_OK;
}

/* Brings the k largest scores to the front of `order`; of equal ones the first tokens. */
static void sample_rank(const float *scores, int n, int k, int *order)
{
    for (int i = 0; i < n; i++) order[i] = i;
    for (int i = 0; i < k; i++) {
        int best = i;
        for (int j = i + 1; j < n; j++) {
            float a = scores[order[j]], b = scores[order[best]];
            if (a > b || (a == b && order[j] < order[best])) best = j;
        }
        int token = order[best];
        order[best] = order[i];
        order[i] = token;
    }
}

gr_status gr_text_sampler_probabilities(gr_text_sampler *sampler, double *probabilities)
{
    const float *scores;
    int n = sampler->classes, k = sampler->top_k;
    double most = -INFINITY, sum = 0;
    GR_TRY(sample_ask(sampler, &scores));
    for (int i = 0; i < n; i++) {
        if (isnan(scores[i]) || scores[i] == INFINITY)
            return gr_fail(GR_NUMERIC, "the model's score of '%s' is %g",
                           gr_vocabulary_name(sampler->vocabulary, i), (double)scores[i]);
        most = fmax(most, (double)scores[i]);
        probabilities[i] = 0;
    }
    if (most == -INFINITY) return gr_fail(GR_NUMERIC, "the model's scores are all -inf");
    if (k < n) sample_rank(scores, n, k, sampler->order);
    for (int i = 0; i < k; i++) {
        int token = k < n ? sampler->order[i] : i;
        sum += probabilities[token] = exp(((double)scores[token] - most) / sampler->temperature);
    }
    for (int i = 0; i < n; i++) probabilities[i] /= sum;
    return GR_OK;
}

gr_status gr_text_sampler_next(gr_text_sampler *sampler, char text[4], size_t *size)
{
    *size = 0;
    GR_TRY(gr_text_sampler_probabilities(sampler, sampler->probabilities));
    double left = gr_rng_uniform(&sampler->rng);
    int token = 0, last = 0;
    for (; token < sampler->classes; token++) {
        if (sampler->probabilities[token] == 0) continue;
        last = token;
        left -= sampler->probabilities[token];
        if (left < 0) break;
    }
    /* Rounding may leave a rest. */
    GR_TRY(sample_take(sampler, last));
    *size = gr_vocabulary_decode(sampler->vocabulary, last, text);
    return GR_OK;
}
