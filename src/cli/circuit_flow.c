#define GR_NO_PLACES /* the user has no use for lines of this file */
/* The chain rule, one gate at a time: what each gate sends back to each of its inputs. */
#include "cli/circuit.h"
#include "cli/out.h"

#include <gradus/ops.h>
#include <stdio.h>
#include <stdlib.h>

/* One gate alone, on inputs of its own: a value that it reads twice is two inputs here. */
typedef struct flow_gate {
    gr_graph *graph;
    int n; /* inputs of the gate */
    char (*name)[16];
    gr_node **in, *y, *dy;
    gr_node **wrt; /* [wanted] of in */
    gr_feed *feed; /* [n + 1], the last one the upstream gradient */
    int wanted;
    int *slot;         /* [wanted]: inputs that have a gradient, */
    gr_node **out;     /* [2·wanted]: and the nodes of these, and of the local derivatives */
    gr_tensor *answer; /* [2·wanted] */
} flow_gate;

static void flow_clear(flow_gate *one)
{
    gr_graph_free(one->graph);
    free(one->name);
    free(one->in);
    free(one->wrt);
    free(one->feed);
    free(one->slot);
    free(one->out);
    free(one->answer);
}

static void flow_open(const circuit *c, int k, flow_gate *one)
{
    const gr_node *node = c->gate[k].node;
    const int n = gr_node_inputs(node);
    *one = (flow_gate){.graph = gr_graph_new(), .n = n};
    one->name = cli_alloc((size_t)n + 1, sizeof *one->name);
    one->in = cli_alloc((size_t)n + 1, sizeof(gr_node *));
    one->wrt = cli_alloc((size_t)n + 1, sizeof(gr_node *));
    one->feed = cli_alloc((size_t)n + 1, sizeof *one->feed);
    one->slot = cli_alloc((size_t)n + 1, sizeof *one->slot);
    one->out = cli_alloc(2 * (size_t)n + 1, sizeof(gr_node *));
    one->answer = cli_alloc(2 * (size_t)n + 1, sizeof *one->answer);
    for (int i = 0; i < n; i++) {
        const circuit_gate *input = circuit_input(c, k, i);
        snprintf(one->name[i], sizeof one->name[i], "in%d", i);
        if (!input) continue;
        one->in[i] = gr_input(one->graph, one->name[i], input->value.dtype, input->value.shape);
        one->feed[i] = (gr_feed){one->name[i], input->value.data};
        if (!circuit_has_gradient(input)) continue;
        one->wrt[one->wanted] = one->in[i];
        one->slot[one->wanted++] = i;
    }
    one->y = gr_again(one->graph, node, one->in, n);
    one->dy = gr_input(one->graph, "dy", c->gate[k].grad.dtype, c->gate[k].grad.shape);
    one->feed[n] = (gr_feed){"dy", c->gate[k].grad.data};
}

/* Is the derivative of the gate by this input a number for each of its elements? */
static bool flow_is_local(const flow_gate *one, int slot, const gr_node *node)
{
    return gr_node_elementwise(node) &&
           gr_shape_equal(gr_node_shape(one->in[slot]), gr_node_shape(node));
}

static gr_status flow_compute(const circuit *c, int k, flow_gate *one)
{
    const gr_node *node = c->gate[k].node;
    if (one->wanted == 0) return GR_UNSUPPORTED;
    gr_status status = gr_vjp(one->y, one->dy, one->wrt, one->wanted, one->out);
    if (status != GR_OK) return status;
    int n = one->wanted;
    if (gr_node_elementwise(node)) {
        gr_node *ones = gr_full(one->graph, gr_node_dtype(node), gr_node_shape(node), 1);
        status = gr_vjp(one->y, ones, one->wrt, one->wanted, one->out + n);
        if (status != GR_OK) return status;
        n *= 2;
    }
    return gr_evaluate(one->graph, one->out, n, one->feed, one->n + 1, NULL, one->answer);
}

/* The flows of gate k, appended to the list. What has no gradient has no flow. */
static gr_status flow_of_gate(const circuit *c, int k, circuit_flow *flow, int *n)
{
    flow_gate one;
    flow_open(c, k, &one);
    gr_status status = flow_compute(c, k, &one);
    for (int i = 0; i < one.wanted && status == GR_OK; i++) {
        const int slot = one.slot[i];
        const bool local = flow_is_local(&one, slot, c->gate[k].node);
        flow[(*n)++] = (circuit_flow){.gate = k,
                                      .slot = slot,
                                      .input = (int)(circuit_input(c, k, slot) - c->gate),
                                      .downstream = one.answer[i],
                                      .local = local ? one.answer[one.wanted + i] : (gr_tensor){0}};
        if (!local) gr_tensor_clear(&one.answer[one.wanted + i]);
    }
    flow_clear(&one);
    return status == GR_NO_MEMORY ? status : GR_OK;
}

gr_status circuit_flows(const circuit *c, circuit_flow **flows, int *n)
{
    size_t most = 0;
    for (int k = c->inputs; k < c->count; k++) most += (size_t)gr_node_inputs(c->gate[k].node);
    *flows = cli_alloc(most + 1, sizeof **flows);
    *n = 0;
    for (int k = c->inputs; k < c->count; k++) {
        if (c->gate[k].kind != CIRCUIT_GATE || !c->gate[k].grad.data) continue;
        gr_status status = flow_of_gate(c, k, *flows, n);
        if (status != GR_OK) return status;
    }
    return GR_OK;
}

void circuit_flows_free(circuit_flow *flows, int n)
{
    for (int i = 0; i < n; i++) {
        gr_tensor_clear(&flows[i].downstream);
        gr_tensor_clear(&flows[i].local);
    }
    free(flows);
}
