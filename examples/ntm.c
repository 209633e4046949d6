/* What a Neural Turing Machine that was trained to copy does with sequences longer than it has ever
 * seen, and where in its memory it writes and reads meanwhile.
 *
 *     gradus train --recipe ntm-copy
 *     ntm ntm-copy.safetensors [copy.png]
 *
 * prints bits and wrong bits of an answer for some lengths. The picture shows one sequence of 20: a
 * column for each step, a row for each row of memory; on the left what the writing head weights, on
 * the right what the reading head does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <gradus/gradus.h>
#include <gradus/image.h>

enum { IN = 10, BITS = 8, COLUMNS = IN + BITS + 1, ROWS = 128, HEADS = 2, BATCH = 16, BATCHES = 8 };
enum { READ, WRITE }; /* the heads, in the order of gr_ntm_options.weightings */

typedef struct machine {
    gr_program *program;
    gr_session *session;
    int64_t steps;
} machine;

static gr_node *columns(gr_node *x, int64_t from, int64_t to)
{
    const gr_shape shape = gr_node_shape(x);
    const int64_t start[] = {0, 0, from}, stop[] = {shape.dim[0], shape.dim[1], to};
    return gr_slice(x, start, stop, NULL);
}

/* Nats and wrong bits of a batch of answers, and the weightings of its first sequence. The
 * variables are those of the model: a loop has the same for any number of steps. */
static gr_status open_machine(gr_store *store, int64_t steps, machine *m)
{
    gr_graph *g = gr_graph_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(BATCH, steps, COLUMNS)), *weightings;
    gr_node *target = columns(x, IN, IN + BITS), *counts = columns(x, IN + BITS, COLUMNS);
    gr_node *said = gr_ntm(s, "said", columns(x, 0, IN), GR_NTM(BITS, .weightings = &weightings));
    gr_node *nats = gr_sigmoid_cross_entropy(said, target, GR_LOSS(.reduce = GR_REDUCE_NONE));
    gr_node *wrong = gr_abs(gr_sub(gr_threshold(said, 0), target));
    const int64_t start[4] = {0}, stop[] = {1, steps, HEADS, ROWS};
    gr_node *targets[] = {gr_sum(gr_mul(nats, counts), GR_ALL),
                          gr_sum(gr_mul(wrong, counts), GR_ALL),
                          gr_slice(weightings, start, stop, NULL)};
    gr_status status = gr_compile(g, targets, 3, NULL, &m->program);
    if (status == GR_OK) status = gr_session_new(m->program, store, NULL, &m->session);
    m->steps = steps;
    gr_scope_free(s);
    gr_graph_free(g);
    return status;
}

/* Runs the batch that begins with example `first`. */
static gr_status run_batch(machine *m, const gr_dataset *data, int64_t first, float figure[2])
{
    const size_t size = (size_t)(m->steps * COLUMNS);
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

/* The weightings of the batch before as a grey picture, black where a weight is 1. */
static gr_status draw(machine *m, const char *path)
{
    enum { ZOOM = 4, GAP = 2 };
    const int64_t wide = (2 * m->steps + GAP) * ZOOM, high = ROWS * ZOOM;
    const size_t size = (size_t)(m->steps * HEADS * ROWS) * sizeof(float);
    float *weight = malloc(size);
    gr_tensor image = {0};
    gr_status status = weight ? gr_session_read(m->session, 2, weight, size) : GR_NO_MEMORY;
    if (status == GR_OK) status = gr_tensor_new(GR_U8, GR_SHAPE(1, high, wide), &image);
    for (int64_t i = 0; status == GR_OK && i < high * wide; i++) {
        const int64_t row = i / wide / ZOOM, column = i % wide / ZOOM;
        const int64_t step = column % (m->steps + GAP), head = column < m->steps ? WRITE : READ;
        const float w = step < m->steps ? weight[(step * HEADS + head) * ROWS + row] : 0;
        ((uint8_t *)image.data)[i] = (uint8_t)lrintf(255 * (1 - w));
    }
    if (status == GR_OK) status = gr_image_write_png(path, &image);
    gr_tensor_clear(&image);
    free(weight);
    return status;
}

static gr_status try_length(gr_store *store, int64_t length, const char *picture)
{
    machine m = {0};
    gr_dataset *data = NULL;
    float figure[2];
    double nats = 0, wrong = 0;
    const int64_t count = BATCH * BATCHES;
    gr_status status = gr_task_dataset(
        GR_TASK_COPY, GR_TASK(.count = count, .shortest = length, .longest = length), &data);
    if (status == GR_OK) status = open_machine(store, gr_dataset_shape(data).dim[0], &m);
    for (int64_t i = 0; status == GR_OK && i < count; i += BATCH) {
        status = run_batch(&m, data, i, figure);
        nats += (double)figure[0];
        wrong += (double)figure[1];
    }
    if (status == GR_OK)
        printf("%6lld %12.5f %12.4f\n", (long long)length, nats / log(2) / (double)count,
               wrong / (double)count);
    if (status == GR_OK && picture) status = draw(&m, picture);
    gr_session_free(m.session);
    gr_program_free(m.program);
    gr_dataset_free(data);
    return status;
}

int main(int argc, char **argv)
{
    static const int64_t lengths[] = {10, 20, 30, 50, 100};
    gr_model *model = NULL;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: ntm MODEL.safetensors [PICTURE.png]\n");
        return EXIT_FAILURE;
    }
    gr_status status = gr_model_load(argv[1], NULL, &model);
    if (status == GR_OK) printf("length  bits/answer   wrong bits\n");
    for (int i = 0; status == GR_OK && i < 5; i++)
        status = try_length(gr_model_store(model), lengths[i],
                            lengths[i] == 20 && argc == 3 ? argv[2] : NULL);
    if (status != GR_OK) fprintf(stderr, "ntm: %s\n", gr_message());
    gr_model_free(model);
    return status == GR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
