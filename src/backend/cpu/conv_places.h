/* Convolution place by place: what its kernels share. Internal to the CPU backend.
 *
 * Turned so that the images of a batch are neighbours, what lies at one place of all images is a
 * small matrix [channels, images], packed as a product reads it. A convolution is then, for each
 * place of the result, a sum of products of a tap's weights with such a matrix, over the taps that
 * fall into the image. So nothing is gathered, padding costs nothing (a third of the products of
 * 3×3 on 4×4 images would be with zeros), and any stride, dilation and direction is alike. The
 * gradient by the weights sums over the images too, with channels as lanes. What it takes is a
 * batch. */
#ifndef GR_CPU_CONV_PLACES_H
#define GR_CPU_CONV_PLACES_H

#include "backend/cpu/conv.h"

typedef struct places_plan {
    conv_plan conv; /* first: gr_conv_share hands it on */
    bool back;      /* the gradient by the input: from places of y to those of x */
    int64_t taps;
    int64_t images, batches; /* that are worked on at once */
    /* Forward and by the input, from source to result. */
    int64_t source, result;               /* channels of a group */
    int64_t source_places, result_places; /* of an image */
    int64_t block;                        /* most channels of the source that are summed at once */
    int64_t band;                         /* places of the result that a task works on */
    int64_t high;                         /* channels of the result that a task works on */
    int64_t a_step, a_tap;                /* packed weights: from channel to channel, tap to tap */
    /* By the weights. */
    int64_t slivers, panels; /* of the channels of y and x */
    int64_t rows;            /* of places of y that are summed at once */
    int64_t parts;           /* that the taps are cut into */
} places_plan;

static inline const places_plan *places_of(const conv_plan *p)
{
    return (const places_plan *)p;
}

/* What tap k of axis i sees from place p of the result, or -1 for padding and between strides. */
static inline int64_t places_see(const places_plan *p, int i, int64_t place, int64_t k)
{
    const gr_conv_geometry *g = &p->conv.g;
    if (!p->back) {
        const int64_t at = place * g->stride[i] + k * g->dilation[i] - g->pad[i];
        return at >= 0 && at < g->in[i] ? at : -1;
    }
    const int64_t at = place + g->pad[i] - k * g->dilation[i];
    if (at < 0 || at % g->stride[i] != 0 || at / g->stride[i] >= g->out[i]) return -1;
    return at / g->stride[i];
}

static inline size_t places_links_bytes(int64_t links)
{
    return gr_aligned((size_t)links * sizeof(gr_gemm_link));
}

/* Most bytes of scratch memory that are shared; images are taken in fewer at once to keep to it, or
 * the way is closed. */
#define PLACES_BYTES (24 << 20)

bool gr_conv_places_can(const gr_request *request);
gr_prepare_fn gr_conv_places_prepare;

/* The gradient by the weights: the rest of the plan, and the kernel. */
void gr_conv_places_plan_weights(places_plan *p, int threads);
gr_status gr_conv_places_weights(const gr_call *call);

#endif
