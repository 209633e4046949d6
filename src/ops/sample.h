/* Samples: small graphs of one op with drawn inputs, from which the tests of every op are made. */
#ifndef GR_SAMPLE_H
#define GR_SAMPLE_H

#include "graph/graph.h"

enum { GR_SAMPLE_INPUTS = 16 };

struct gr_sampler {
    gr_graph *graph;
    gr_dtype dtype; /* of gr_draw */
    gr_rng rng;
    int n;
    gr_node *node[GR_SAMPLE_INPUTS];
    gr_tensor value[GR_SAMPLE_INPUTS];
};

/* A sampler on a graph of its own. Free with gr_sampler_clear. */
gr_status gr_sampler_init(gr_sampler *sampler, gr_dtype dtype, uint64_t seed);
void gr_sampler_clear(gr_sampler *sampler);

#endif
