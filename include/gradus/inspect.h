/* inspect.h: what a model's layers do on data: activations, saturated and dead units, gradients. */
#ifndef GRADUS_INSPECT_H
#define GRADUS_INSPECT_H

#include <gradus/train.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gr_inspect_options {
    size_t size;    /* sizeof(gr_inspect_options) */
    int64_t rows;   /* examples at a time; 0 means 64 */
    double bound;   /* of the derivative of a saturated element; 0 means 0.01 */
    bool forward;   /* no gradients */
    int64_t sample; /* elements of each layer that are kept for a histogram: about so many; 0 means
                       20,000, below 0: none */
} gr_inspect_options;
#define GR_INSPECT(...) (&(gr_inspect_options){.size = sizeof(gr_inspect_options), __VA_ARGS__})

/* A layer, as gr_model_describe tells them, on the examples of a set. What there is not is NaN. */
typedef struct gr_layer_stats {
    const char *name, *kind; /* "conv1", "conv" */
    gr_shape output;         /* of one example */
    int64_t units; /* channels of what a convolution gives, else elements along the last axis */
    /* Of all elements of the outputs. */
    double mean, deviation, least, most;
    int64_t dead;     /* units that are 0 for all examples, at all places */
    bool activation;  /* does each element depend on one element of one input alone? Then: */
    double saturated; /* share of elements where the derivative is below the bound */
    /* Of the loss, a mean over the examples of a batch. */
    double
        output_gradient;  /* root of the mean square over the outputs' elements, for one example */
    double gradient_norm; /* L2 norm over the layer's parameters, mean over the batches */
    int64_t parameters;   /* elements of the layer's variables */
    double weight_norm;   /* L2 norm of the layer's parameters */
    int64_t n_sample;     /* elements kept */
    const float *sample;  /* [n_sample]: elements evenly spaced over all outputs */
} gr_layer_stats;

/* What gr_inspect found. */
typedef struct gr_inspection {
    int64_t examples;             /* that were looked at */
    double loss;                  /* NaN without gradients */
    int count;                    /* layers */
    const gr_layer_stats *layers; /* [count], in the order of computation */
} gr_inspection;

/* Computes the statistics of all layers on `data`, in evaluation mode (no dropout, running means),
 * by one program whose results they are. Gradients need labels: of an unlabelled set, or if
 * `options` (may be NULL) say so, there are none. The update that plain gradient descent would make
 * of a layer is rate·gradient_norm/weight_norm of its weights. Refusals as gr_model_test; GR_RANGE
 * for negative options; GR_UNSUPPORTED if the loss has no gradient. Free with gr_inspection_free.
 */
GR_API gr_status gr_inspect(gr_model *model, const gr_dataset *data,
                            const gr_inspect_options *options, gr_inspection **inspection);
GR_API void gr_inspection_free(gr_inspection *inspection); /* accepts NULL */

/* What a layer gives for one example. */
typedef struct gr_layer_output {
    const char *name, *kind; /* "conv1", "conv" */
    gr_tensor value;         /* of the layer's shape, without the axis of the batch */
} gr_layer_output;

/* What all layers give for one example. */
typedef struct gr_layer_outputs {
    int count;               /* layers */
    gr_layer_output *layers; /* [count], in the order of computation */
} gr_layer_outputs;

/* What all layers give for example x, of gr_model_input's shape, u8 or f32 as the data come (the
 * model normalises them) or i32 tokens. Refusals as gr_model_predict. Free with
 * gr_layer_outputs_free. */
GR_API gr_status gr_layer_outputs_new(gr_model *model, const gr_tensor *x,
                                      gr_layer_outputs **outputs);
GR_API void gr_layer_outputs_free(gr_layer_outputs *outputs); /* accepts NULL */

#ifdef __cplusplus
}
#endif
#endif
