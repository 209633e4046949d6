/* attention.h: what transformers are built of beside the layers of layers.h: attention by several
 * heads, and where a token stands. The gate gr_attention stands in ops.h. */
#ifndef GRADUS_ATTENTION_H
#define GRADUS_ATTENTION_H

#include <gradus/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gr_multi_head_options {
    size_t size;
    int64_t heads;      /* ≥ 1; head_width times it need not be the width */
    int64_t key_heads;  /* heads of keys and values; 0: as many as heads */
    int64_t head_width; /* of a query and a key; 0: x's width / heads */
    bool causal;        /* position t sees positions 0 … t alone */
    bool no_bias;       /* of the projections */
    gr_node *memory;    /* keys and values come from there, [N, S, any width]; NULL: from x */
    gr_node *mask;      /* as gr_attention's, over [N, heads, T, S] */
    gr_node
        *lengths; /* i32 or i64 [N]: the keys of each example that count, the first; NULL: all */
    bool rotary;  /* queries and keys turned by gr_rotary, before they meet */
    double rotary_base;  /* 0: 10000 */
    double dropout;      /* in training each weight of a key is 0 with this probability, else
                            1/(1 − dropout) times as large */
    gr_init weight, out; /* of the projections of the input, and of the result */
} gr_multi_head_options;
/* Multi-head attention: x [N, T, width] → the same shape. The heads' queries, keys and values are
 * projections by "name/qkv/weight" [(heads + 2·key_heads)·head_width, width] (first all queries,
 * then all keys, then all values, each by head), with a memory by "name/q/weight" and
 * "name/kv/weight"; the heads' results are joined and projected by "name/out/weight" [width,
 * heads·head_width]. Biases beside the weights. */
GR_API gr_node *gr_multi_head_attention(gr_scope *scope, const char *name, gr_node *x,
                                        const gr_multi_head_options *options);

typedef struct gr_positions_options {
    size_t size;
    int64_t length; /* of the table; 0: x's T. A shorter x takes the table's first rows */
    gr_init weight; /* default: N(0, 0.02) */
} gr_positions_options;
/* x […, T, width] plus a learned row for each place: "name/weight" [length, width]. options may be
 * NULL. */
GR_API gr_node *gr_positions(gr_scope *scope, const char *name, gr_node *x,
                             const gr_positions_options *options);

/* gr_multi_head_attention(s, "attention", x, GR_MULTI_HEAD(4, .causal = true)) */
#define GR_MULTI_HEAD(...)                                                                         \
    (&(gr_multi_head_options){.size = sizeof(gr_multi_head_options), __VA_ARGS__})
#define GR_POSITIONS(...)                                                                          \
    (&(gr_positions_options){.size = sizeof(gr_positions_options), __VA_ARGS__})

#ifndef GR_NO_PLACES
#define gr_multi_head_attention(...) gr_at((gr_multi_head_attention)(__VA_ARGS__), GR_PLACE)
#define gr_positions(...) gr_at((gr_positions)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
