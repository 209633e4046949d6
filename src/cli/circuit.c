#define GR_NO_PLACES /* the user has no use for lines of this file */
#include "cli/circuit.h"

#include "cli/gates.h"
#include "cli/out.h"
#include "cli/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Building ------------------------------------------------------------------------------- */

static bool circuit_is_constant(const gr_node *node)
{
    return strcmp(gr_node_op(node), "constant") == 0;
}

static void circuit_add(circuit *c, circuit_kind kind, gr_node *node)
{
    c->index[gr_node_id(node)] = c->count;
    c->gate[c->count++] = (circuit_gate){.kind = kind, .node = node};
}

/* "g1", "g2", …, as far as the text does not use these names itself. */
static void circuit_name_gates(circuit *c)
{
    int number = 0;
    for (int k = 0; k < c->count; k++) {
        const char *name = gr_node_name(c->gate[k].node);
        if (name && c->gate[k].kind != CIRCUIT_CONSTANT) c->gate[k].name = cli_format("%s", name);
    }
    for (int k = 0; k < c->count; k++) {
        while (c->gate[k].kind == CIRCUIT_GATE && !c->gate[k].name) {
            char *name = cli_format("g%d", ++number);
            if (circuit_find(c, name) < 0)
                c->gate[k].name = name;
            else
                free(name);
        }
    }
}

static void circuit_collect(circuit *c, const gr_node *result)
{
    int size = gr_graph_size(c->graph);
    c->gate = cli_alloc((size_t)size, sizeof *c->gate);
    c->index = cli_alloc((size_t)size, sizeof *c->index);
    for (int id = 0; id < size; id++) {
        gr_node *node = gr_graph_node(c->graph, id);
        c->index[id] = -1;
        if (strcmp(gr_node_op(node), "input") == 0) circuit_add(c, CIRCUIT_INPUT, node);
    }
    c->inputs = c->count;
    for (int id = 0; id < size; id++) {
        gr_node *node = gr_graph_node(c->graph, id);
        if (c->index[id] >= 0 || gr_node_outputs(node) != 1) continue;
        circuit_add(c, circuit_is_constant(node) ? CIRCUIT_CONSTANT : CIRCUIT_GATE, node);
    }
    c->result = c->index[gr_node_id(result)];
    circuit_name_gates(c);
}

static gr_status circuit_copy(const gr_tensor *from, gr_tensor *to)
{
    gr_status status = gr_tensor_new(from->dtype, from->shape, to);
    size_t bytes = gr_tensor_bytes(from);
    if (status == GR_OK && bytes) memcpy(to->data, from->data, bytes);
    return status;
}

gr_status circuit_build(const gr_expr *expr, const gr_tensor *value, circuit *c)
{
    int n = gr_expr_inputs(expr);
    gr_node *result;
    *c = (circuit){.graph = gr_graph_new()};
    if (!c->graph) return GR_NO_MEMORY;
    gr_binding *bindings = cli_alloc((size_t)n, sizeof *bindings);
    for (int i = 0; i < n; i++) {
        const char *name = gr_expr_input(expr, i);
        bindings[i] = (gr_binding){name, gr_input(c->graph, name, GR_F64, value[i].shape)};
    }
    gr_expr_env env = {
        .size = sizeof env, .bindings = bindings, .n_bindings = n, .gates = cli_gates()};
    gr_status status = gr_expr_build(expr, c->graph, &env, &result);
    free(bindings);
    if (status != GR_OK) return status;
    c->forward = gr_graph_size(c->graph);
    circuit_collect(c, result);
    for (int i = 0; i < n && status == GR_OK; i++)
        status = circuit_copy(&value[i], &c->gate[i].value);
    return status;
}

int circuit_find(const circuit *c, const char *name)
{
    for (int k = 0; k < c->count; k++) {
        const circuit_gate *gate = &c->gate[k];
        if (gate->kind != CIRCUIT_CONSTANT && gate->name && strcmp(gate->name, name) == 0) return k;
    }
    return -1;
}

const circuit_gate *circuit_input(const circuit *c, int k, int i)
{
    const gr_node *input = gr_node_input(c->gate[k].node, i);
    int index = input ? c->index[gr_node_id(input)] : -1;
    return index < 0 ? NULL : &c->gate[index];
}

/* ---- The gradient --------------------------------------------------------------------------- */

bool circuit_has_gradient(const circuit_gate *gate)
{
    return gate->kind != CIRCUIT_CONSTANT && gr_dtype_is_float(gr_node_dtype(gate->node));
}

gr_status circuit_differentiate(circuit *c, const char *const *names, int n)
{
    c->target = cli_alloc((size_t)c->count + (size_t)n, sizeof *c->target);
    for (int k = 0; k < c->count && !names; k++)
        if (circuit_has_gradient(&c->gate[k])) c->target[c->differentiated++] = k;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): n counts them */
    for (int i = 0; i < n; i++) c->target[c->differentiated++] = circuit_find(c, names[i]);
    gr_node **wrt = cli_alloc((size_t)c->differentiated, sizeof(gr_node *));
    gr_node **grad = cli_alloc((size_t)c->differentiated, sizeof(gr_node *));
    for (int i = 0; i < c->differentiated; i++) wrt[i] = c->gate[c->target[i]].node;
    gr_status status = gr_grad(c->gate[c->result].node, wrt, c->differentiated, grad);
    free(wrt);
    if (status == GR_OK) {
        c->gradient = grad;
        return GR_OK;
    }
    free(grad);
    c->differentiated = 0;
    return status;
}

/* Which gates does the result depend on? [count], to be freed. */
static bool *circuit_needed(const circuit *c)
{
    bool *needed = cli_alloc((size_t)c->count, sizeof *needed);
    needed[c->result] = true;
    /* Inputs stand before the gates, and each gate behind those that it reads. */
    for (int k = c->count - 1; k >= 0; k--) {
        for (int i = 0; needed[k] && i < gr_node_inputs(c->gate[k].node); i++) {
            const circuit_gate *input = circuit_input(c, k, i);
            if (input) needed[input - c->gate] = true;
        }
    }
    return needed;
}

gr_status circuit_check(circuit *c, const gr_check_options *options, gr_check_report *report)
{
    int n = 0;
    bool *needed = circuit_needed(c);
    gr_node **wrt = cli_alloc((size_t)c->inputs, sizeof(gr_node *));
    gr_feed *feeds = cli_alloc((size_t)c->inputs, sizeof *feeds);
    for (int i = 0; i < c->inputs; i++) {
        feeds[i] = (gr_feed){c->gate[i].name, c->gate[i].value.data};
        if (needed[i]) wrt[n++] = c->gate[i].node;
    }
    gr_node *y = cli_weighted_sum(c->gate[c->result].node, options->seed);
    gr_status status = gr_check(y, wrt, n, feeds, c->inputs, NULL, options, report);
    free(needed);
    free(wrt);
    free(feeds);
    return status;
}

/* ---- Running -------------------------------------------------------------------------------- */

static gr_status circuit_open(circuit *c)
{
    /* One thread: nothing here pays for a second one's start. */
    gr_compile_options options = {.size = sizeof options, .threads = 1};
    size_t n = (size_t)c->count + (size_t)c->differentiated;
    gr_node **targets = cli_alloc(n, sizeof(gr_node *));
    for (int k = 0; k < c->count; k++) targets[k] = c->gate[k].node;
    for (int i = 0; i < c->differentiated; i++) targets[c->count + i] = c->gradient[i];
    gr_status status = gr_compile(c->graph, targets, (int)n, &options, &c->program);
    free(targets);
    return status == GR_OK ? gr_session_new(c->program, NULL, NULL, &c->session) : status;
}

static gr_status circuit_write(circuit *c)
{
    gr_status status = GR_OK;
    for (int i = 0; i < gr_program_inputs(c->program) && status == GR_OK; i++) {
        const gr_tensor *value =
            &c->gate[circuit_find(c, gr_program_input_name(c->program, i))].value;
        status = gr_session_write(c->session, i, value->data, gr_tensor_bytes(value));
    }
    return status;
}

static gr_status circuit_read(const circuit *c, int output, gr_tensor *to)
{
    gr_tensor type = gr_program_output_type(c->program, output);
    gr_status status = to->data ? GR_OK : gr_tensor_new(type.dtype, type.shape, to);
    if (status != GR_OK) return status;
    return gr_session_read(c->session, output, to->data, gr_tensor_bytes(to));
}

gr_status circuit_run(circuit *c)
{
    gr_status status = c->session ? GR_OK : circuit_open(c);
    if (status == GR_OK) status = circuit_write(c);
    if (status == GR_OK) status = gr_session_step(c->session);
    for (int k = c->inputs; k < c->count && status == GR_OK; k++)
        status = circuit_read(c, k, &c->gate[k].value);
    for (int i = 0; i < c->differentiated && status == GR_OK; i++)
        status = circuit_read(c, c->count + i, &c->gate[c->target[i]].grad);
    for (int k = 0; k < c->count && status == GR_OK; k++)
        if (!c->gate[k].name) c->gate[k].name = circuit_show(&c->gate[k].value, 6);
    return status;
}

void circuit_clear(circuit *c)
{
    gr_session_free(c->session);
    gr_program_free(c->program);
    for (int k = 0; k < c->count; k++) {
        gr_tensor_clear(&c->gate[k].value);
        gr_tensor_clear(&c->gate[k].grad);
        free(c->gate[k].name);
    }
    free(c->gate);
    free(c->index);
    free(c->target);
    free(c->gradient);
    gr_graph_free(c->graph);
    *c = (circuit){0};
}
