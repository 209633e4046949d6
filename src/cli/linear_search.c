/* gradus linear: searches for W by trial. Scores are linear in W, so those of W + δ are those of W
 * plus those of δ: the scores of many tries come from one matrix product over all examples, and
 * then each try costs no more than the loss of scores that are there. */
#include "cli/linear.h"
#include "cli/out.h"
#include "cli/stop.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIES_ROWS = 1000,       /* examples of a product */
    TRIES_SCORES = 32 << 20, /* scores that are kept */
    TRIES_TRIES = 256        /* tries of a product, at most */
};

typedef struct tries_work {
    const cli_linear *linear;
    int64_t all, tries, at_once; /* examples; tries in all and of a product */
    gr_graph *graph[3];
    gr_program *program[3];
    gr_session *session[3]; /* products of full and last batches of examples; judging */
    gr_store *store;        /* of judging */
    float *w, *b;           /* [at_once, rows, size], [at_once, rows] */
    float *part;            /* [at_once, examples of a product, rows] */
    float *scores;          /* [at_once, all, rows] */
    int32_t *labels;
} tries_work;

/* ---- Programs -------------------------------------------------------------------------------- */

static gr_status tries_open(tries_work *s, int which, gr_graph *graph, gr_node *const *targets,
                            int n)
{
    const gr_compile_options compile = {.size = sizeof compile, .threads = s->linear->threads};
    s->graph[which] = graph;
    gr_status status = gr_compile(graph, targets, n, &compile, &s->program[which]);
    if (status != GR_OK) return status;
    return gr_session_new(s->program[which], s->store, NULL, &s->session[which]);
}

/* Scores [tries, examples, rows] of examples by all tries at once. */
static gr_status tries_product(tries_work *s, int which, int64_t examples)
{
    const int64_t rows = s->linear->rows, size = s->linear->size, tries = s->at_once;
    gr_graph *g = gr_graph_new();
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(examples, size));
    gr_node *w = gr_input(g, "w", GR_F32, GR_SHAPE(tries * rows, size));
    gr_node *b = gr_input(g, "b", GR_F32, GR_SHAPE(tries * rows));
    gr_node *scores = gr_add(gr_matmul_t(x, false, w, true), b);
    scores = gr_reshape(scores, GR_SHAPE(examples, tries, rows));
    scores = gr_permute(scores, GR_AXES(1, 0, 2));
    return tries_open(s, which, g, &scores, 1);
}

static gr_node *tries_penalty(const cli_linear *linear, gr_node *p)
{
    const gr_optimizer *const o = &linear->optimizer;
    return gr_add(gr_scale(gr_sum(gr_square(p), GR_ALL), o->l2),
                  gr_scale(gr_sum(gr_abs(p), GR_ALL), o->l1));
}

/* A try is keep·(what is best) + δ, of the scores as of W and b; it becomes the best if its loss is
 * less. */
static gr_status tries_judge(tries_work *s)
{
    static const char *const names[] = {"scores", "w", "b"};
    static const char *const changes[] = {"d_scores", "d_w", "d_b"};
    const cli_linear *const linear = s->linear;
    const int64_t rows = linear->rows;
    const gr_shape shapes[] = {GR_SHAPE(s->all, rows), GR_SHAPE(rows, linear->size),
                               GR_SHAPE(rows)};
    gr_graph *g = gr_graph_new();
    gr_node *keep = gr_input(g, "keep", GR_F32, GR_SCALAR);
    gr_node *labels = gr_input(g, "labels", GR_I32, GR_SHAPE(s->all));
    gr_node *lowest = gr_var(g, "lowest", GR_F32, GR_SCALAR);
    gr_node *best[3], *try[3], *targets[5];
    for (int i = 0; i < 3; i++) {
        const gr_tensor zeros = {.dtype = GR_F32, .shape = shapes[i]};
        gr_status status = gr_store_add(s->store, names[i], &zeros);
        if (status != GR_OK) return status;
        best[i] = gr_var(g, names[i], GR_F32, shapes[i]);
        try[i] = gr_add(gr_mul(keep, best[i]), gr_input(g, changes[i], GR_F32, shapes[i]));
    }
    gr_node *loss = cli_linear_loss(linear, cli_linear_pad(linear, try[0]), labels);
    loss = gr_add(loss, tries_penalty(linear, try[1]));
    if (linear->optimizer.decay_biases) loss = gr_add(loss, tries_penalty(linear, try[2]));
    gr_node *better = gr_less(loss, lowest);
    for (int i = 0; i < 3; i++) targets[i] = gr_assign(best[i], gr_where(better, try[i], best[i]));
    targets[3] = gr_assign(lowest, gr_where(better, loss, lowest));
    targets[4] = loss;
    return tries_open(s, 2, g, targets, 5);
}

static gr_status tries_make(tries_work *s)
{
    const float infinite = INFINITY;
    const gr_tensor lowest = {
        .dtype = GR_F32, .shape = GR_SCALAR, .data = (void *)(uintptr_t)&infinite};
    s->store = gr_store_new();
    gr_status status = gr_store_add(s->store, "lowest", &lowest);
    const int64_t full = s->all < TRIES_ROWS ? s->all : TRIES_ROWS;
    if (status == GR_OK) status = tries_product(s, 0, full);
    if (status == GR_OK && s->all % full) status = tries_product(s, 1, s->all % full);
    if (status == GR_OK) status = tries_judge(s);
    return status;
}

static void tries_free(tries_work *s)
{
    for (int i = 0; i < 3; i++) {
        gr_session_free(s->session[i]);
        gr_program_free(s->program[i]);
        gr_graph_free(s->graph[i]);
    }
    gr_store_free(s->store);
    free(s->w);
    free(s->b);
    free(s->part);
    free(s->scores);
    free(s->labels);
}

static gr_status tries_bind(const tries_work *s, int which, const char *name, const void *data)
{
    const int input = gr_program_find_input(s->program[which], name);
    const gr_tensor type = gr_program_input_type(s->program[which], input);
    return gr_session_bind(s->session[which], input, data, gr_tensor_bytes(&type));
}

/* ---- Tries ----------------------------------------------------------------------------------- */

/* W and b of tries first, first + 1, …: drawn anew, or by how much they differ from the best. */
static gr_status tries_draw(const tries_work *s, cli_linear_strategy strategy, int64_t first)
{
    const cli_linear *const linear = s->linear;
    gr_status status = GR_OK;
    for (int64_t i = 0; i < s->at_once && first + i < s->tries && status == GR_OK; i++) {
        char name[40];
        const bool change = strategy == CLI_LINEAR_LOCAL && first + i > 0;
        const double deviation = change ? cli_real(linear->args, "local-step") : linear->init;
        snprintf(name, sizeof name, "try/%" PRId64, first + i);
        status = cli_linear_draw(linear, name, deviation, s->w + i * linear->rows * linear->size,
                                 s->b + i * linear->rows);
    }
    return status;
}

/* Scores of all examples by all tries of the batch. */
static gr_status tries_score(tries_work *s, gr_loader *loader, int64_t first)
{
    const int64_t rows = s->linear->rows, full = s->all < TRIES_ROWS ? s->all : TRIES_ROWS;
    gr_batch batch;
    int64_t done = 0;
    gr_status status = GR_OK;
    while (status == GR_OK && gr_loader_next(loader, &batch)) {
        const int which = batch.rows == full ? 0 : 1;
        const int64_t count = batch.rows * rows;
        status = tries_bind(s, which, "x", batch.x.data);
        if (status == GR_OK) status = tries_bind(s, which, "w", s->w);
        if (status == GR_OK) status = tries_bind(s, which, "b", s->b);
        if (status == GR_OK) status = gr_session_step(s->session[which]);
        if (status == GR_OK)
            status = gr_session_read(s->session[which], 0, s->part,
                                     (size_t)(s->at_once * count) * sizeof *s->part);
        for (int64_t i = 0; i < s->at_once && status == GR_OK; i++)
            memcpy(s->scores + (i * s->all + done) * rows, s->part + i * count,
                   (size_t)count * sizeof *s->part);
        memcpy(s->labels + done, batch.y.data, (size_t)batch.rows * sizeof *s->labels);
        done += batch.rows;
        const double share = (double)done / (double)s->all * (double)s->at_once;
        cli_linear_show(s->linear, "search", ((double)first + share) / (double)s->tries);
        if (cli_stop_wanted()) status = GR_CANCELLED;
    }
    return status;
}

/* Try i of the batch against the best so far, whose loss becomes *lowest. */
static gr_status tries_step(tries_work *s, int64_t i, float keep, float *lowest)
{
    const int64_t rows = s->linear->rows;
    const int input = gr_program_find_input(s->program[2], "keep");
    gr_status status = gr_session_write(s->session[2], input, &keep, sizeof keep);
    if (status == GR_OK) status = tries_bind(s, 2, "d_scores", s->scores + i * s->all * rows);
    if (status == GR_OK) status = tries_bind(s, 2, "d_w", s->w + i * rows * s->linear->size);
    if (status == GR_OK) status = tries_bind(s, 2, "d_b", s->b + i * rows);
    if (status == GR_OK) status = tries_bind(s, 2, "labels", s->labels);
    if (status == GR_OK) status = gr_session_step(s->session[2]);
    if (status == GR_OK) status = gr_store_read(s->store, "lowest", lowest, sizeof *lowest);
    return status;
}

static gr_status tries_batch(tries_work *s, cli_linear_way *way, gr_loader *loader, int64_t first,
                             double begin)
{
    const double before = cli_clock();
    gr_status status = tries_draw(s, way->strategy, first);
    if (status == GR_OK) status = tries_score(s, loader, first);
    const double scored = cli_clock();
    for (int64_t i = 0; i < s->at_once && first + i < s->tries && status == GR_OK; i++) {
        float lowest = 0;
        const bool anew = way->strategy == CLI_LINEAR_RANDOM || first + i == 0;
        status = tries_step(s, i, anew ? 0 : 1, &lowest);
        /* Each try has its share of the time that the product took. */
        const double share = (scored - before) * (double)(i + 1) / (double)s->at_once;
        if (status != GR_OK) break;
        cli_linear_note(&way->curve, before - begin + share + cli_clock() - scored, (double)lowest);
        way->steps++;
        if (cli_stop_wanted()) status = GR_CANCELLED;
    }
    return status;
}

static gr_status tries_run(tries_work *s, cli_linear_way *way, gr_loader *loader)
{
    const int64_t rows = s->linear->rows, size = s->linear->size;
    const double begin = cli_clock();
    gr_status status = tries_make(s);
    for (int64_t first = 0; first < s->tries && status == GR_OK; first += s->at_once)
        status = tries_batch(s, way, loader, first, begin);
    way->seconds = cli_clock() - begin;
    if (status != GR_OK) return status;
    status = gr_store_read(s->store, "w", s->w, (size_t)(rows * size) * sizeof *s->w);
    if (status == GR_OK) status = gr_store_read(s->store, "b", s->b, (size_t)rows * sizeof *s->b);
    return status == GR_OK ? cli_linear_put(s->linear, way->model, s->w, s->b) : status;
}

gr_status cli_linear_search(const cli_linear *linear, cli_linear_way *way)
{
    const int64_t all = gr_dataset_size(linear->train), rows = linear->rows;
    const int64_t tries = cli_int(linear->args, "tries");
    int64_t at_once = TRIES_SCORES / (all * rows);
    at_once = at_once < 1 ? 1 : at_once > TRIES_TRIES ? TRIES_TRIES : at_once;
    if (at_once > tries) at_once = tries;
    const int64_t full = all < TRIES_ROWS ? all : TRIES_ROWS;
    const size_t room = (size_t)(at_once * rows);
    gr_loader *loader;
    gr_status status = gr_loader_new(
        linear->train, GR_LOADER(.batch = full, .normalizer = &linear->normalizer), &loader);
    if (status != GR_OK) return status;
    tries_work s = {.linear = linear,
                    .all = all,
                    .tries = tries,
                    .at_once = at_once,
                    .w = cli_alloc(room * (size_t)linear->size, sizeof *s.w),
                    .b = cli_alloc(room, sizeof *s.b),
                    .part = cli_alloc(room * (size_t)full, sizeof *s.part),
                    .scores = cli_alloc(room * (size_t)all, sizeof *s.scores),
                    .labels = cli_alloc((size_t)all, sizeof *s.labels)};
    status = tries_run(&s, way, loader);
    tries_free(&s);
    gr_loader_free(loader);
    return status;
}
