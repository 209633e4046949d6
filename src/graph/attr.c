/* Attributes: copying, comparing, hashing. */
#include "graph/graph.h"

/* ---- Copies ------------------------------------------------------------------------------- */

static const gr_tensor *attr_copy_tensor(gr_arena *arena, const gr_tensor *tensor)
{
    size_t bytes = gr_tensor_bytes(tensor), padded;
    gr_tensor *copy = gr_arena_alloc(arena, sizeof *copy);
    if (!copy || !gr_add_size(bytes, GR_ALIGN, &padded)) return NULL;
    unsigned char *block = gr_arena_alloc(arena, padded);
    if (!block) return NULL;
    block += GR_ALIGN - (uintptr_t)block % GR_ALIGN;
    if (bytes > 0) memcpy(block, tensor->data, bytes);
    *copy = (gr_tensor){tensor->dtype, tensor->shape, block};
    return copy;
}

gr_body *gr_graph_adopt(gr_graph *graph, gr_graph *body_graph, gr_node *const *in, int n_in,
                        gr_node *const *out, int n_out)
{
    gr_body *body = gr_arena_alloc(&graph->arena, sizeof *body);
    gr_node **lists = gr_arena_alloc(&graph->arena, (size_t)(n_in + n_out) * sizeof *lists);
    if (!body || !lists || !body_graph ||
        !gr_grow(&graph->bodies, graph->n_bodies, &graph->bodies_capacity, sizeof(gr_body *))) {
        gr_graph_free(body_graph);
        return NULL;
    }
    *body = (gr_body){body_graph, n_in, n_out, lists, lists + n_in};
    for (int i = 0; i < n_in; i++) body->in[i] = in[i];
    for (int i = 0; i < n_out; i++) body->out[i] = out[i];
    graph->bodies[graph->n_bodies++] = body;
    return body;
}

static bool attr_owns_body(const gr_graph *graph, const gr_body *body)
{
    for (size_t i = 0; i < graph->n_bodies; i++) {
        if (graph->bodies[i] == body) return true;
    }
    return false;
}

bool gr_attr_own(gr_graph *graph, gr_attr *attr)
{
    switch (attr->kind) {
    case GR_ATTR_TEXT:
        if (!attr->s) return true;
        return (attr->s = gr_arena_strdup(&graph->arena, attr->s)) != NULL;
    case GR_ATTR_TENSOR:
        return (attr->tensor = attr_copy_tensor(&graph->arena, attr->tensor)) != NULL;
    case GR_ATTR_BODY:
        if (attr_owns_body(graph, attr->body)) return true;
        return (attr->body = gr_body_copy(graph, attr->body, GR_F32, GR_F32)) != NULL;
    case GR_ATTR_GATE:
        return (attr->gate = gr_arena_copy(&graph->arena, attr->gate, sizeof *attr->gate)) != NULL;
    case GR_ATTR_INT:
    case GR_ATTR_REAL:
    case GR_ATTR_INTS:
    case GR_ATTR_DTYPE:
        break;
    }
    return true;
}

/* ---- Comparing ---------------------------------------------------------------------------- */

static bool attr_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool attr_same_tensor(const gr_tensor *a, const gr_tensor *b)
{
    return a->dtype == b->dtype && gr_shape_equal(a->shape, b->shape) &&
           memcmp(a->data, b->data, gr_tensor_bytes(a)) == 0;
}

static bool attr_same_node(const gr_node *a, const gr_node *b)
{
    if (a->op != b->op || a->n_in != b->n_in || a->n_out != b->n_out) return false;
    for (int i = 0; i < a->n_in; i++) {
        if (a->in[i]->id != b->in[i]->id) return false;
    }
    for (int i = 0; i < a->op->n_attrs; i++) {
        if (!gr_attr_equal(&a->attr[i], &b->attr[i])) return false;
    }
    return true;
}

static bool attr_same_gate(const gr_gate *a, const gr_gate *b)
{
    return attr_same_text(a->name, b->name) && a->inputs == b->inputs && a->outputs == b->outputs &&
           a->shape == b->shape && a->forward == b->forward && a->backward == b->backward &&
           a->gradient == b->gradient && a->user == b->user;
}

/* The same nodes in the same order, which is how copies of one body look. */
static bool attr_same_body(const gr_body *a, const gr_body *b)
{
    if (a == b) return true;
    if (a->n_in != b->n_in || a->n_out != b->n_out || a->graph->count != b->graph->count) {
        return false;
    }
    for (int i = 0; i < a->n_in; i++) {
        if (a->in[i]->id != b->in[i]->id) return false;
    }
    for (int i = 0; i < a->n_out; i++) {
        if (a->out[i]->id != b->out[i]->id) return false;
    }
    for (size_t i = 0; i < a->graph->count; i++) {
        if (!attr_same_node(a->graph->nodes[i], b->graph->nodes[i])) return false;
    }
    return true;
}

bool gr_attr_equal(const gr_attr *a, const gr_attr *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case GR_ATTR_INT:
    case GR_ATTR_DTYPE:
        return a->i == b->i;
    case GR_ATTR_REAL:
        /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): NaN is equal to itself */
        return memcmp(&a->f, &b->f, sizeof a->f) == 0;
    case GR_ATTR_INTS:
        return a->ints.n == b->ints.n &&
               memcmp(a->ints.v, b->ints.v, (size_t)a->ints.n * sizeof *a->ints.v) == 0;
    case GR_ATTR_TEXT:
        return attr_same_text(a->s, b->s);
    case GR_ATTR_TENSOR:
        return attr_same_tensor(a->tensor, b->tensor);
    case GR_ATTR_BODY:
        return attr_same_body(a->body, b->body);
    case GR_ATTR_GATE:
        return attr_same_gate(a->gate, b->gate);
    }
    return false;
}

uint64_t gr_attr_hash(const gr_attr *a, uint64_t seed)
{
    seed = gr_hash(&a->kind, sizeof a->kind, seed);
    switch (a->kind) {
    case GR_ATTR_INT:
    case GR_ATTR_DTYPE:
        return gr_hash(&a->i, sizeof a->i, seed);
    case GR_ATTR_REAL:
        return gr_hash(&a->f, sizeof a->f, seed);
    case GR_ATTR_INTS:
        return gr_hash(a->ints.v, (size_t)a->ints.n * sizeof *a->ints.v, seed);
    case GR_ATTR_TEXT:
        return a->s ? gr_hash(a->s, strlen(a->s), seed) : seed;
    case GR_ATTR_TENSOR:
        seed = gr_hash(&a->tensor->dtype, sizeof a->tensor->dtype, seed);
        return gr_hash(a->tensor->data, gr_tensor_bytes(a->tensor), seed);
    case GR_ATTR_BODY:
        return gr_hash(&a->body->graph->count, sizeof a->body->graph->count, seed);
    case GR_ATTR_GATE:
        return a->gate->name ? gr_hash(a->gate->name, strlen(a->gate->name), seed) : seed;
    }
    return seed;
}
