/* What a Neural Turing Machine that was trained on a task does with sequences longer than it has
 * ever seen, and where in its memory it writes and reads meanwhile.
 *
 *     gradus train --recipe ntm-copy
 *     ntm ntm-copy.safetensors [ntm-copy [copy.svg]]
 *
 * prints bits and wrong bits of an answer for some lengths. The figure shows one sequence of the
 * greatest length that was trained on: a column for each step, a row for each row of memory, on the
 * left what the writing head weights, on the right what the reading head does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gradus/gradus.h>
#include <gradus/plot.h>

enum { ROWS = 128, HEADS = 2, BATCH = 16, BATCHES = 8, LENGTHS = 5 };
enum { READ, WRITE }; /* the heads, in the order of gr_ntm_options.weightings */

/* Columns of an example (tasks.h): what goes in, what should come out, where it counts; lengths,
 * and up to how many repeats; which of them is drawn. */
typedef struct experiment {
    gr_task task;
    int64_t in, out, length[LENGTHS], repeats[LENGTHS];
    int drawn;
} experiment;

static const experiment experiments[] = {
    {GR_TASK_COPY, 10, 8, {10, 20, 30, 50, 100}, {0}, 1},
    {GR_TASK_REPEAT_COPY, 10, 9, {5, 10, 20, 10}, {10, 10, 10, 20}, 0},
    {GR_TASK_ASSOCIATIVE_RECALL, 8, 6, {3, 6, 8, 10, 15}, {0}, 1},
};
enum { EXPERIMENTS = sizeof experiments / sizeof *experiments };

typedef struct machine {
    const experiment *e;
    gr_program *program;
    gr_session *session;
    int64_t steps;
} machine;

static int64_t width_of(const experiment *e)
{
    return e->in + e->out + 1;
}

static gr_node *columns(gr_node *x, int64_t from, int64_t to)
{
    const gr_shape shape = gr_node_shape(x);
    const int64_t start[] = {0, 0, from}, stop[] = {shape.dim[0], shape.dim[1], to};
    return gr_slice(x, start, stop, NULL);
}

/* Nats and wrong bits of a batch of answers, and the weightings of its first sequence. The
 * variables are those of the model: a loop has the same for any number of steps. */
static gr_status open_machine(gr_store *store, machine *m)
{
    const experiment *e = m->e;
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(BATCH, m->steps, width_of(e))), *weightings;
    gr_node *target = columns(x, e->in, e->in + e->out);
    gr_node *counts = columns(x, e->in + e->out, width_of(e));
    gr_node *said =
        gr_ntm(s, "said", columns(x, 0, e->in), GR_NTM(e->out, .weightings = &weightings));
    gr_node *nats = gr_sigmoid_cross_entropy(said, target, GR_LOSS(.reduce = GR_REDUCE_NONE));
    gr_node *wrong = gr_abs(gr_sub(gr_threshold(said, 0), target));
    const int64_t start[4] = {0}, stop[] = {1, m->steps, HEADS, ROWS};
    gr_node *targets[] = {gr_sum(gr_mul(nats, counts), GR_ALL),
                          gr_sum(gr_mul(wrong, counts), GR_ALL),
                          gr_slice(weightings, start, stop, NULL)};
    gr_status status = gr_compile(g, targets, 3, NULL, &m->program);
    if (status == GR_OK) status = gr_session_new(m->program, store, NULL, &m->session);
    gr_scope_free(s);
    gr_graph_free(g);
    return status;
}

/* Runs the batch that begins with example `first`. */
static gr_status run_batch(machine *m, const gr_dataset *data, int64_t first, float figure[2])
{
    const size_t size = (size_t)(m->steps * width_of(m->e));
    float *x = malloc(BATCH * size * sizeof *x);
    int32_t length;
    gr_status status = x ? GR_OK : GR_NO_MEMORY;
    for (int64_t i = 0; status == GR_OK && i < BATCH; i++)
        status = gr_dataset_read(data, first + i, 0, x + (size_t)i * size, &length);
    if (status == GR_OK) status = gr_session_bind(m->session, 0, x, BATCH * size * sizeof *x);
    if (status == GR_OK) status = gr_session_step(m->session);
    for (int i = 0; status == GR_OK && i < 2; i++)
        status = gr_session_read(m->session, i, &figure[i], sizeof figure[i]);
    free(x);
    return status;
}

/* What one head weights, [rows, steps], of weight [steps, heads, rows]. */
static gr_status draw_head(const machine *m, const float *weight, int head, gr_figure *figure,
                           double *cells)
{
    const int panel = head == WRITE ? 0 : 1;
    for (int64_t t = 0; t < m->steps; t++)
        for (int64_t row = 0; row < ROWS; row++)
            cells[row * m->steps + t] = (double)weight[(t * HEADS + head) * ROWS + row];
    gr_status status = gr_figure_panel(
        figure, panel,
        GR_PANEL(.title = head == WRITE ? "where it writes" : "where it reads", .x_label = "step",
                 .y_label = head == WRITE ? "row of memory" : NULL, .y_down = true));
    if (status != GR_OK) return status;
    return gr_figure_grid(figure, panel,
                          GR_GRID(.kind = GR_GRID_CELLS, .rows = ROWS, .columns = (int)m->steps,
                                  .values = cells, .map = GR_MAP_PALE, .high = 1));
}

/* The weightings of the batch before. */
static gr_status draw(machine *m, const char *path)
{
    const size_t count = (size_t)(m->steps * HEADS * ROWS);
    float *weight = malloc(count * sizeof *weight);
    double *cells = malloc(count / HEADS * sizeof *cells);
    gr_figure *figure = NULL;
    gr_status status = weight && cells ? GR_OK : GR_NO_MEMORY;
    if (status == GR_OK) status = gr_session_read(m->session, 2, weight, count * sizeof *weight);
    if (status == GR_OK)
        status = gr_figure_new(GR_FIGURE(.panels = 2, .height = 320, .dpi = 150), &figure);
    if (status == GR_OK) status = draw_head(m, weight, WRITE, figure, cells);
    if (status == GR_OK) status = draw_head(m, weight, READ, figure, cells);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    free(weight);
    free(cells);
    return status;
}

static gr_status try_length(const experiment *e, gr_store *store, int i, const char *picture)
{
    machine m = {.e = e};
    gr_dataset *data = NULL;
    float figure[2];
    double nats = 0, wrong = 0;
    const int64_t count = BATCH * BATCHES, length = e->length[i];
    gr_status status = gr_task_dataset(
        e->task,
        GR_TASK(.count = count, .shortest = length, .longest = length, .repeats = e->repeats[i]),
        &data);
    if (status == GR_OK) m.steps = gr_dataset_shape(data).dim[0];
    if (status == GR_OK) status = open_machine(store, &m);
    for (int64_t k = 0; status == GR_OK && k < count; k += BATCH) {
        status = run_batch(&m, data, k, figure);
        nats += (double)figure[0];
        wrong += (double)figure[1];
    }
    if (status == GR_OK)
        printf("%6lld %8lld %12.5f %12.4f\n", (long long)length,
               (long long)(e->repeats[i] ? e->repeats[i] : 1), nats / log(2) / (double)count,
               wrong / (double)count);
    if (status == GR_OK && picture) status = draw(&m, picture);
    gr_session_free(m.session);
    gr_program_free(m.program);
    gr_dataset_free(data);
    return status;
}

static const experiment *find_experiment(const char *name)
{
    for (int i = 0; i < EXPERIMENTS; i++)
        if (!strcmp(gr_task_name(experiments[i].task), name)) return &experiments[i];
    return NULL;
}

int main(int argc, char **argv)
{
    gr_model *model = NULL;
    const experiment *e = find_experiment(argc > 2 ? argv[2] : "ntm-copy");
    if (argc < 2 || argc > 4 || !e) {
        fprintf(stderr, "usage: ntm MODEL.safetensors "
                        "[ntm-copy|ntm-repeat-copy|ntm-associative-recall [FIGURE]]\n");
        return EXIT_FAILURE;
    }
    gr_status status = gr_model_load(argv[1], NULL, &model);
    if (status == GR_OK) printf("length  repeats  bits/answer   wrong bits\n");
    for (int i = 0; status == GR_OK && i < LENGTHS && e->length[i] > 0; i++)
        status =
            try_length(e, gr_model_store(model), i, i == e->drawn && argc == 4 ? argv[3] : NULL);
    if (status != GR_OK) fprintf(stderr, "ntm: %s\n", gr_message());
    gr_model_free(model);
    return status == GR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
