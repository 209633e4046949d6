/* Floating point operations and bytes of each op: the one place that knows. */
#include "plan/cost.h"

#include "ops/attention.h"
#include "ops/conv.h"
#include "ops/lrn.h"
#include "ops/matmul.h"
#include "ops/pool.h"
#include "ops/scan.h"

static double cost_count(const gr_type *type)
{
    return (double)gr_shape_count(type->shape);
}

static double cost_bytes(const gr_type *type)
{
    return cost_count(type) * (double)gr_dtype_size(type->dtype);
}

/* ---- Arithmetic ------------------------------------------------------------------------------ */

/* Operations for each element of the result, where it is not one: additions and multiplications of
 * a polynomial with its range reduction. 0: moves, compares or picks, but computes nothing. */
static const struct cost_element {
    const gr_op *op;
    double flops;
} cost_elements[] = {
    {&gr_op_rsqrt, 2},
    {&gr_op_exp, 16},
    {&gr_op_expm1, 20},
    {&gr_op_log, 20},
    {&gr_op_log1p, 24},
    {&gr_op_sin, 20},
    {&gr_op_cos, 20},
    {&gr_op_tanh, 24},
    {&gr_op_sigmoid, 20},
    {&gr_op_elu, 20},
    {&gr_op_softplus, 40},
    {&gr_op_erf, 30},
    {&gr_op_normal_cdf, 26},
    {&gr_op_pow, 40},
    {&gr_op_random_normal, 40},
    {&gr_op_cast, 0},
    {&gr_op_not, 0},
    {&gr_op_and, 0},
    {&gr_op_or, 0},
    {&gr_op_xor, 0},
    {&gr_op_where, 0},
    {&gr_op_random_uniform, 1},
    {&gr_op_random_bernoulli, 1},
};

static double cost_of_element(const gr_op *op)
{
    for (size_t i = 0; i < GR_LEN(cost_elements); i++)
        if (cost_elements[i].op == op) return cost_elements[i].flops;
    return op->flags & GR_OP_ELEMENTWISE ? 1 : 0;
}

static double cost_of_matmul(const gr_node *node)
{
    const gr_matmul_geometry g = gr_matmul_geometry_of(node);
    return 2.0 * (double)g.batch * (double)g.m * (double)g.n * (double)g.k;
}

static double cost_of_conv(const gr_node *node)
{
    const gr_conv_geometry g = gr_conv_geometry_of(node);
    const int64_t depth = g.c / g.groups;
    const double taps = (double)depth * (double)gr_conv_volume(g.kernel);
    return 2.0 * (double)g.n * (double)g.o * (double)gr_conv_volume(g.out) * taps;
}

/* Forward, and the gradient of an average: an operation for each place of each window. */
static double cost_of_pool(const gr_node *node)
{
    const gr_pool_geometry g = gr_pool_geometry_of(node);
    const double taps = (double)(g.kernel[0] * g.kernel[1] * g.kernel[2]);
    return (double)g.planes * (double)(g.out[0] * g.out[1] * g.out[2]) * taps;
}

/* A window's multiplications and additions, a power, the product; the gradient sums twice. */
static double cost_of_lrn(const gr_node *node)
{
    const gr_lrn_geometry g = gr_lrn_geometry_of(node);
    const double window = (double)(g.before + g.after + 1);
    const double each = node->op == &gr_op_lrn ? 2 * window + 6 : 3 * window + 12;
    return each * cost_count(&node->out[0]);
}

/* Two products of the pairs that are seen, the gradient five, and the weights. */
static double cost_of_attention(const gr_node *node)
{
    const gr_attention_geometry g = gr_attention_geometry_of(node);
    double pairs = 0;
    if (g.causal)
        for (int64_t i = 0; i < g.queries; i++) pairs += (double)gr_attention_reach(&g, i);
    else
        pairs = (double)g.queries * (double)g.keys;
    const bool back = node->op == &gr_op_attention_grad;
    const double each = back ? 6.0 * (double)g.depth + 4.0 * (double)g.width + 20
                             : 2.0 * (double)(g.depth + g.width) + 20;
    return (double)(g.batch * g.heads) * pairs * each;
}

static double cost_of_flat(const gr_node *node)
{
    const gr_op *op = node->op;
    if (op == &gr_op_matmul) return cost_of_matmul(node);
    if (op == &gr_op_conv || op == &gr_op_conv_input_grad || op == &gr_op_conv_weight_grad)
        return cost_of_conv(node);
    if (op == &gr_op_max_pool || op == &gr_op_max_pool_taps || op == &gr_op_avg_pool ||
        op == &gr_op_avg_pool_grad)
        return cost_of_pool(node);
    if (op == &gr_op_attention || op == &gr_op_attention_grad) return cost_of_attention(node);
    /* 4 gates and a tanh of some 20 operations each; their gradient has products alone. */
    if (op == &gr_op_lstm_gates) return 110 * cost_count(&node->out[0]);
    if (op == &gr_op_lstm_gates_grad) return 24 * cost_count(&node->out[1]);
    if (op == &gr_op_standardize) return 7 * cost_count(&node->out[0]);
    if (op == &gr_op_standardize_grad) return 12 * cost_count(&node->out[0]);
    if (op == &gr_op_lrn || op == &gr_op_lrn_grad) return cost_of_lrn(node);
    /* One addition for each element that is passed back. */
    if (op == &gr_op_max_pool_grad) return cost_count(&node->in[0]->out[0]);
    if (op == &gr_op_scatter_add) return cost_count(&node->in[node->n_in - 1]->out[0]);
    if (op == &gr_op_sum || op == &gr_op_prod || op == &gr_op_max || op == &gr_op_min ||
        op == &gr_op_argmax || op == &gr_op_argmin)
        return cost_count(&node->in[0]->out[0]);
    return cost_count(&node->out[0]) * cost_of_element(op);
}

/* ---- Traffic --------------------------------------------------------------------------------- */

static bool cost_is_free(const gr_node *node)
{
    return (node->op->flags & (GR_OP_LEAF | GR_OP_VIEW | GR_OP_EFFECT)) || node->op == &gr_op_get;
}

/* An operand that stands twice is read once. */
static bool cost_is_repeated(const gr_node *node, int input)
{
    for (int i = 0; i < input; i++)
        if (node->in[i] == node->in[input]) return true;
    return false;
}

static double cost_of_traffic(const gr_node *node)
{
    double bytes = 0, written = 0;
    for (int i = 0; i < node->n_out; i++) written += cost_bytes(&node->out[i]);
    /* These read of their first input as much as they write. */
    const bool picks = node->op == &gr_op_slice || node->op == &gr_op_gather;
    for (int i = 0; i < node->n_in; i++) {
        if (cost_is_repeated(node, i) || (picks && i == 0)) continue;
        const gr_node *in = node->in[i];
        for (int k = 0; k < in->n_out; k++) bytes += cost_bytes(&in->out[k]);
    }
    return bytes + (picks ? 2 : 1) * written;
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

/* The graph that the node runs: a loop's, a fused node's; NULL: it has none. */
static const gr_body *cost_body(const gr_node *node)
{
    for (int i = 0; i < node->op->n_attrs; i++)
        if (node->attr[i].kind == GR_ATTR_BODY) return node->attr[i].body;
    return NULL;
}

static gr_status cost_of_body(const gr_body *body, gr_cost *sum)
{
    bool *needed = gr_graph_needed(body->graph, body->out, body->n_out);
    if (!needed) return GR_NO_MEMORY;
    gr_status status = GR_OK;
    for (int id = 0; id < gr_graph_size(body->graph) && status == GR_OK; id++) {
        gr_cost one = {0};
        if (needed[id]) status = gr_node_cost(body->graph->nodes[id], &one);
        sum->flops += one.flops;
        sum->bytes += one.bytes;
    }
    gr_free(needed);
    return status;
}

gr_status gr_node_cost(const gr_node *node, gr_cost *cost)
{
    *cost = (gr_cost){0};
    if (cost_is_free(node)) return GR_OK;
    const gr_body *body = cost_body(node);
    if (!body) {
        *cost = (gr_cost){cost_of_flat(node), cost_of_traffic(node)};
        return GR_OK;
    }
    GR_TRY(cost_of_body(body, cost));
    if (node->op == &gr_op_scan) {
        const double length = (double)gr_scan_of(node->attr).length;
        cost->flops *= length;
        cost->bytes *= length;
    } else {
        cost->bytes = cost_of_traffic(node);
    }
    return GR_OK;
}
