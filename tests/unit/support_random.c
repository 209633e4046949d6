/* Random graphs: leaves, the pool of gates, and how a graph is put together. */
#include "support_random.h"

/* ---- Drawing ----------------------------------------------------------------------------------
 */

int64_t random_from(random_graph *r, int64_t low, int64_t high)
{
    if (r->choice < r->choices_end) {
        uint64_t value = *r->choice++;
        if (high - low > 255 && r->choice < r->choices_end) value = value << 8 | *r->choice++;
        return low + (int64_t)(value % (uint64_t)(high - low + 1));
    }
    return low + (int64_t)gr_rng_below(&r->rng, (uint64_t)(high - low + 1));
}

bool random_one_in(random_graph *r, int64_t n)
{
    return random_from(r, 1, n) == 1;
}

int64_t random_size(random_graph *r, int64_t most)
{
    static const int64_t sizes[] = {1,  1,  2,  3,  3,  4,  5,  7,   7,  8,
                                    10, 15, 16, 17, 31, 33, 64, 100, 257};
    int n = 0;
    while (n < (int)GR_LEN(sizes) && sizes[n] <= most) n++;
    return n == 0 ? most : sizes[random_from(r, 0, n - 1)];
}

gr_shape random_shape(random_graph *r, int rank, int64_t most)
{
    gr_shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++) {
        shape.dim[i] = random_size(r, most);
        most /= shape.dim[i];
    }
    for (int i = rank - 1; i > 0; i--) { /* the large sizes in any place */
        int k = (int)random_from(r, 0, i);
        int64_t swap = shape.dim[i];
        shape.dim[i] = shape.dim[k];
        shape.dim[k] = swap;
    }
    return shape;
}

const char *random_name(random_graph *r, const char *kind, char name[32])
{
    snprintf(name, 32, "%s%d", kind, r->n_names++);
    return name;
}

bool random_afford(random_graph *r, double multiplications)
{
    if (multiplications > (double)r->work) return false;
    r->work -= (int64_t)multiplications;
    return true;
}

/* ---- Leaves -----------------------------------------------------------------------------------
 */

static gr_node *random_input_new(random_graph *r, gr_dtype dtype, gr_shape shape, int64_t below)
{
    char name[32];
    if (r->n_inputs == RANDOM_INPUTS) return NULL;
    gr_node *node = gr_input(r->graph, random_name(r, "x", name), dtype, shape);
    r->input[r->n_inputs++] = (random_input){node, below};
    return node;
}

gr_node *random_leaf(random_graph *r, gr_shape shape)
{
    char name[32];
    if (r->n_inputs < RANDOM_INPUTS && random_one_in(r, 2))
        return random_input_new(r, GR_F32, shape, 0);
    return gr_param(r->scope, random_name(r, "w", name), shape, (gr_init){GR_INIT_UNIFORM, -1, 1},
                    1, 1);
}

gr_node *random_index(random_graph *r, gr_dtype dtype, gr_shape shape, int64_t below)
{
    return random_input_new(r, dtype, shape, below);
}

void random_graph_draw(const random_graph *r, uint64_t draw, gr_tensor *data)
{
    gr_rng rng = gr_rng_new(r->seed, 1000 + draw);
    for (int i = 0; i < r->n_inputs; i++) {
        const random_input *input = &r->input[i];
        unit_ok(gr_tensor_new(gr_node_dtype(input->node), gr_node_shape(input->node), &data[i]));
        for (int64_t k = 0; k < gr_shape_count(data[i].shape); k++) {
            double value = input->below ? (double)gr_rng_below(&rng, (uint64_t)input->below)
                                        : (float)(2 * gr_rng_uniform(&rng) - 1);
            gr_tensor_put(&data[i], k, value);
        }
    }
}

/* ---- The pool ---------------------------------------------------------------------------------
 */

random_value *random_pick(random_graph *r)
{
    int a = (int)random_from(r, 0, r->n_values - 1), b = (int)random_from(r, 0, r->n_values - 1);
    random_value *v = &r->value[a > b ? a : b];
    v->used = true;
    return v;
}

void random_put(random_graph *r, gr_node *node, double bound)
{
    if (!node || gr_is_error(node) || r->n_values == RANDOM_VALUES) return;
    if (bound > 4) {
        node = random_one_in(r, 2) ? gr_tanh(node) : gr_scale(node, 2 / bound);
        bound = 2;
    }
    r->value[r->n_values++] = (random_value){node, bound, false};
}

/* ---- The whole ---------------------------------------------------------------------------------
 */

static void random_add_result(random_graph *r, gr_node *node)
{
    if (r->n_results < RANDOM_TARGETS / 2) r->target[r->n_results++] = node;
}

/* Some gates, and the gradients of the float inputs and of some gates. */
static gr_status random_results(random_graph *r, gr_node *loss)
{
    random_add_result(r, loss);
    for (int i = 0; i < 3; i++) random_add_result(r, random_pick(r)->node);
    gr_node *wrt[RANDOM_INPUTS + 1], *grad[RANDOM_INPUTS + 1];
    int n = 0;
    for (int i = 0; i < r->n_inputs; i++)
        if (r->input[i].below == 0) wrt[n++] = r->input[i].node;
    wrt[n++] = random_pick(r)->node;
    GR_TRY(gr_grad(loss, wrt, n, grad));
    for (int i = 0; i < n; i++) random_add_result(r, grad[i]);
    return GR_OK;
}

static gr_status random_updates(random_graph *r, gr_node *loss)
{
    gr_optimizer optimizer = {.size = sizeof optimizer, .kind = GR_SGD, .rate = 0.02};
    optimizer.kind = (gr_optimizer_kind)random_from(r, GR_SGD, GR_ADAMW);
    if (optimizer.kind == GR_SGD || optimizer.kind == GR_NESTEROV)
        optimizer.momentum = random_one_in(r, 2) ? 0.9 : 0;
    /* So that a gradient of mere rounding noise does not become a step of full size. */
    if (optimizer.kind > GR_NESTEROV) optimizer.epsilon = 1e-3;
    if (random_one_in(r, 3)) optimizer.l2 = 1e-3;
    if (random_one_in(r, 4)) optimizer.weight_decay = 1e-3;
    if (random_one_in(r, 4)) optimizer.clip_norm = 0.5;
    if (random_one_in(r, 6)) optimizer.max_norm = 2;
    if (random_one_in(r, 4))
        optimizer.schedule.kind = GR_SCHEDULE_EXP, optimizer.schedule.gamma = 0.9;
    GR_TRY(gr_minimize(r->scope, loss, &optimizer));
    r->n_targets = r->n_results;
    for (int i = 0; i < gr_scope_updates(r->scope); i++) {
        if (r->n_targets == RANDOM_TARGETS) return gr_fail(GR_RANGE, "too many updates");
        r->target[r->n_targets++] = gr_scope_update_node(r->scope, i);
    }
    return GR_OK;
}

static gr_status random_build(random_graph *r)
{
    const gr_scope_options options = {.size = sizeof options, .mode = GR_TRAIN, .seed = r->seed};
    r->graph = gr_graph_new();
    r->store = gr_store_new();
    r->scope = gr_scope_new(r->graph, r->store, &options);
    if (!r->scope) return GR_NO_MEMORY;
    /* One graph of twelve has large tensors. */
    const int64_t most = random_one_in(r, 12) ? RANDOM_ELEMENTS : 2048;
    for (int64_t i = random_from(r, 1, 3); i > 0; i--)
        random_put(r, random_leaf(r, random_shape(r, (int)random_from(r, 0, 4), most)), 1);
    if (random_one_in(r, 2)) random_net(r);
    for (int64_t i = random_from(r, 2, 16); i > 0; i--) {
        if (random_one_in(r, 5))
            random_layer(r);
        else
            random_gate(r);
    }
    gr_node *loss = random_loss(r);
    GR_TRY(random_results(r, loss));
    GR_TRY(random_updates(r, loss));
    if (gr_graph_status(r->graph) != GR_OK)
        return gr_fail(gr_graph_status(r->graph), "%s", gr_graph_message(r->graph));
    return GR_OK;
}

gr_status random_graph_new(uint64_t seed, random_graph *r)
{
    *r = (random_graph){.seed = seed, .rng = gr_rng_new(seed, 0), .work = RANDOM_WORK};
    return random_build(r);
}

gr_status random_graph_of_bytes(const uint8_t *bytes, size_t size, random_graph *r)
{
    *r = (random_graph){
        .rng = gr_rng_new(0, 0), .choice = bytes, .choices_end = bytes + size, .work = RANDOM_WORK};
    return random_build(r);
}

void random_graph_clear(random_graph *r)
{
    gr_scope_free(r->scope);
    gr_store_free(r->store);
    gr_graph_free(r->graph);
}
