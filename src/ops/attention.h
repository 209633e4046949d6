/* What the ops attention and attention_grad share with their kernels. Internal. */
#ifndef GR_OPS_ATTENTION_H
#define GR_OPS_ATTENTION_H

#include "ops/ops.h"

enum {
    GR_ATTENTION_HEADS, /* of queries, side by side in the rows; 0: heads have an axis */
    GR_ATTENTION_KEY_HEADS,
    GR_ATTENTION_CAUSAL,
    GR_ATTENTION_SCALE,
    GR_ATTENTION_DROPOUT, /* > 0: a step follows the other operands, */
    GR_ATTENTION_SEED,    /* and these name the draws */
    GR_ATTENTION_STREAM,
    GR_ATTENTION_ATTRS
};

/* Where an operand's rows lie: row i of head h of example n begins at element
 * start + n·batch + h·head + i·row and is dense. */
typedef struct gr_attention_operand {
    int64_t start, batch, head, row;
} gr_attention_operand;

/* Scores s = scale·q·kᵀ of query i and key j, weights p = exp(s − lse_i), lse_i = log Σ_j exp(s),
 * the sum over the keys that are seen. attention: y = p·v and lse (0 for a query that sees
 * nothing, whose y is 0). attention_grad, of lse, delta and dy: with ds = scale·p∘(dy·vᵀ − delta),
 *     dq = ds·k, dk = dsᵀ·q, dv = pᵀ·dy.
 * With dropout, p∘m takes the place of p, and m∘(dy·vᵀ) that of dy·vᵀ, m being 0 or
 * 1/(1 − dropout); lse is that of all keys. */
typedef struct gr_attention_geometry {
    int64_t batch, heads, key_heads, queries, keys;
    int64_t depth, width;                 /* of q and k, of v */
    gr_attention_operand q, k, v, y, row; /* row: lse and delta, a number for each query */
    bool causal, packed;
    double scale, dropout;
    uint64_t key, threshold; /* of the draws: a weight stays if its word is below */
    int mask, step;          /* which inputs they are; -1: there is none */
    int first_more;          /* attention_grad: the input lse; then delta and dy follow */
    int front;               /* axes before heads, over which a mask may broadcast */
    int64_t front_dim[GR_MAX_RANK], mask_front[GR_MAX_RANK];
    int64_t mask_head, mask_row, mask_column; /* strides in elements */
} gr_attention_geometry;

/* Of a node of attention or attention_grad. */
gr_attention_geometry gr_attention_geometry_of(const gr_node *node);
/* The first element of the mask for head h of example n. */
int64_t gr_attention_mask_start(const gr_attention_geometry *g, int64_t n, int64_t h);

/* The first of the draws for query i of head h of example n; one for each key follows. */
static inline uint64_t gr_attention_draw(const gr_attention_geometry *g, int64_t n, int64_t h,
                                         int64_t i)
{
    return (uint64_t)(((n * g->heads + h) * g->queries + i) * g->keys);
}

gr_prepare_fn gr_attention_reference;

/* The shape of the scores, with an axis of heads or, of q [T, d], without. */
gr_shape gr_attention_scores(const gr_attention_geometry *g, bool heads);
/* What dropout multiplies the weights by, in the scores' shape; NULL: there is none. */
gr_node *gr_attention_dropped(const gr_attention_geometry *g, const gr_node *node, bool heads);
/* Which keys each query sees, as a bool that broadcasts to [N, K, H/K, T, S]; NULL: all. */
gr_node *gr_attention_seen(const gr_attention_geometry *g, const gr_node *node);

/* Keys that query i sees if the mask lets it: [0, that). */
static inline int64_t gr_attention_reach(const gr_attention_geometry *g, int64_t i)
{
    return g->causal && i + 1 < g->keys ? i + 1 : g->keys;
}

#endif
