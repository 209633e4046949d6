/* Six points of the plane told apart by a linear classifier, one at a time, as in chapter 2 of
 * Karpathy's "Hacker's guide to neural networks". What pulls there is the gradient of a loss here:
 * max(0, 1 − label·(a·x + b·y + c)) + (a² + b²)/2. */
#include <stdint.h>
#include <stdio.h>

#include <gradus/gradus.h>

static const float point[6][2] = {{1.2f, .7f},   {-.3f, -.5f}, {3, .1f},
                                  {-.1f, -1.0f}, {-1, 1.1f},   {2.1f, -3}};
static const float label[6] = {1, -1, 1, -1, -1, 1};

static double accuracy(gr_store *store)
{
    float w[2], c;
    int right = 0;
    gr_store_read(store, "w", w, sizeof w);
    gr_store_read(store, "c", &c, sizeof c);
    for (int i = 0; i < 6; i++)
        right += (w[0] * point[i][0] + w[1] * point[i][1] + c > 0) == (label[i] > 0);
    return right / 6.0;
}

int main(void)
{
    gr_graph *g = gr_graph_new();
    gr_store *store = gr_store_new();
    gr_scope *s = gr_scope_new(g, store, NULL);
    gr_node *x = gr_input(g, "x", GR_F32, GR_SHAPE(2)), *y = gr_input(g, "y", GR_F32, GR_SCALAR);
    gr_node *w = gr_param(s, "w", GR_SHAPE(2), (gr_init){GR_INIT_CONSTANT, 0, 0}, 2, 1);
    gr_node *c = gr_param(s, "c", GR_SCALAR, (gr_init){GR_INIT_CONSTANT, -1, 0}, 2, 1);
    gr_node *score = gr_add(gr_sum(gr_mul(w, x), GR_ALL), c);
    gr_node *hinge = gr_relu(gr_shift(gr_neg(gr_mul(y, score)), 1));
    gr_node *loss = gr_add(hinge, gr_scale(gr_sum(gr_square(w), GR_ALL), .5));
    gr_program *program = NULL;
    gr_session *session = NULL;
    gr_status status = gr_minimize(s, loss, GR_OPTIMIZER(GR_SGD, .rate = 0.01));

    gr_node *targets[8] = {loss};
    int n = 1;
    for (int i = 0; i < gr_scope_updates(s); i++) targets[n++] = gr_scope_update_node(s, i);
    if (status == GR_OK) status = gr_store_write(store, "w", (float[]){1, -2}, 2 * sizeof(float));
    if (status == GR_OK) status = gr_compile(g, targets, n, NULL, &program);
    if (status == GR_OK) status = gr_session_new(program, store, NULL, &session);
    uint32_t draw = 1;
    for (int step = 0; step <= 1000 && status == GR_OK; step++) {
        if (step % 100 == 0) printf("step %4d  accuracy %.2f\n", step, accuracy(store));
        draw = draw * 1664525 + 1013904223; /* Numerical Recipes' generator */
        const int i = (int)(draw >> 16) % 6;
        status = gr_session_write(session, 0, point[i], sizeof point[i]);
        if (status == GR_OK) status = gr_session_write(session, 1, &label[i], sizeof label[i]);
        if (status == GR_OK) status = gr_session_step(session);
    }
    if (status != GR_OK) fprintf(stderr, "%s\n", gr_message());
    gr_session_free(session), gr_program_free(program);
    gr_scope_free(s), gr_store_free(store), gr_graph_free(g);
    return status != GR_OK;
}
