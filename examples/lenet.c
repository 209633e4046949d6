/* LeNet on Fashion-MNIST with a training loop of your own: a recipe, a loss, an optimiser, two
 * programs on one store. (gr_trainer in train.h does all this for you.) */
#include <stdio.h>
#include <stdlib.h>

#include <gradus/gradus.h>

enum { BATCH = 100 };

/* A model is a recipe: run once for training and once for testing, it finds its variables again. */
static gr_node *lenet(gr_scope *s, gr_node *x)
{
    x = gr_max_pool(gr_conv_layer(s, "conv1", x, GR_CONV(20, 5)), GR_WINDOW(2));
    x = gr_max_pool(gr_conv_layer(s, "conv2", x, GR_CONV(50, 5)), GR_WINDOW(2));
    x = gr_relu(gr_dense(s, "fc1", gr_flatten(x, 1), GR_DENSE(500)));
    return gr_dense(s, "fc2", x, GR_DENSE(10));
}

/* Opens a session that computes loss and accuracy of a batch and, in training, the updates. */
static gr_status open_session(gr_store *store, gr_mode mode, gr_program **program,
                              gr_session **session)
{
    gr_graph *g = gr_graph_new();
    gr_scope_options options = {.size = sizeof options, .mode = mode, .seed = 1};
    gr_scope *s = gr_scope_new(g, store, &options);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(BATCH, 1, 28, 28));
    gr_node *y = gr_input(g, "y", GR_I32, GR_SHAPE(BATCH));
    gr_node *scores = lenet(s, x), *targets[32];
    targets[0] = gr_softmax_cross_entropy(scores, y, NULL);
    targets[1] = gr_accuracy(scores, y);
    int n = 2;
    gr_status status = GR_OK;
    if (mode == GR_TRAIN)
        status = gr_minimize(s, targets[0], GR_OPTIMIZER(GR_SGD, .rate = 0.005, .momentum = 0.9));
    for (int i = 0; i < gr_scope_updates(s); i++) targets[n++] = gr_scope_update_node(s, i);
    if (status == GR_OK) status = gr_compile(g, targets, n, NULL, program);
    if (status == GR_OK) status = gr_session_new(*program, store, NULL, session);
    gr_scope_free(s);
    gr_graph_free(g); /* the program keeps what it needs */
    return status;
}

/* One pass over the data; prints the means of loss and accuracy. */
static gr_status run_epoch(gr_session *session, gr_loader *loader, const char *what)
{
    gr_batch batch;
    double loss = 0, accuracy = 0;
    int batches = 0;
    while (gr_loader_next(loader, &batch)) {
        float value[2];
        gr_status status = gr_session_bind(session, 0, batch.x.data, BATCH * 784 * sizeof(float));
        if (status == GR_OK)
            status = gr_session_bind(session, 1, batch.y.data, BATCH * sizeof(int32_t));
        if (status == GR_OK) status = gr_session_step(session);
        if (status == GR_OK) status = gr_session_read(session, 0, &value[0], sizeof value[0]);
        if (status == GR_OK) status = gr_session_read(session, 1, &value[1], sizeof value[1]);
        if (status != GR_OK) return status;
        loss += value[0];
        accuracy += value[1];
        batches++;
    }
    printf("%-5s  loss %.4f  accuracy %.4f\n", what, loss / batches, accuracy / batches);
    return GR_OK;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "fashion-mnist";
    int epochs = argc > 2 ? atoi(argv[2]) : 3;
    gr_dataset *data[2] = {NULL, NULL};
    gr_loader *loader[2] = {NULL, NULL};
    gr_program *program[2] = {NULL, NULL};
    gr_session *session[2] = {NULL, NULL};
    gr_normalizer norm = {0};
    gr_store *store = gr_store_new();
    gr_status status = gr_data_open(name, NULL, &data[0], &data[1]);
    if (status == GR_OK) status = gr_normalizer_learn(GR_NORMALIZE_STANDARD, data[0], &norm);
    for (int i = 0; i < 2 && status == GR_OK; i++) {
        status = gr_loader_new(data[i],
                               GR_LOADER(.batch = BATCH, .shuffle = i == 0, .seed = 1,
                                         .drop_last = true, .normalizer = &norm),
                               &loader[i]);
        if (status == GR_OK)
            status = open_session(store, i ? GR_EVAL : GR_TRAIN, &program[i], &session[i]);
    }
    for (int e = 0; e < epochs && status == GR_OK; e++) {
        status = run_epoch(session[0], loader[0], "train");
        if (status == GR_OK) status = run_epoch(session[1], loader[1], "test");
    }
    if (status == GR_OK) status = gr_store_save(store, "lenet.safetensors", NULL);
    if (status != GR_OK) fprintf(stderr, "%s\n", gr_message());
    for (int i = 0; i < 2; i++) {
        gr_session_free(session[i]);
        gr_program_free(program[i]);
        gr_loader_free(loader[i]);
        gr_dataset_free(data[i]);
    }
    gr_normalizer_clear(&norm);
    gr_store_free(store);
    return status != GR_OK;
}
