/* losses.h: scalars to minimise, and what networks are judged by. Labels are class numbers. */
#ifndef GRADUS_LOSSES_H
#define GRADUS_LOSSES_H

#include <gradus/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum gr_reduce { GR_REDUCE_MEAN, GR_REDUCE_SUM, GR_REDUCE_NONE } gr_reduce;

typedef struct gr_loss_options {
    size_t size;
    gr_reduce reduce;       /* over the examples */
    double smoothing;       /* softmax cross-entropy: label smoothing ε */
    gr_node *class_weights; /* [C], or NULL; the mean then divides by the weights' sum */
    double margin;          /* hinge: Δ, contrastive: of the distance; 0 means 1 */
    bool squared;           /* hinge: L2-hinge */
    double delta;           /* Huber: 0 means 1 */
} gr_loss_options;
#define GR_LOSS(...) (&(gr_loss_options){.size = sizeof(gr_loss_options), __VA_ARGS__})

/* scores [N, C], labels i32 or i64 [N] in [0, C). options may be NULL. A label out of range makes
 * the step fail with GR_RANGE. */
GR_API gr_node *gr_softmax_cross_entropy(gr_node *scores, gr_node *labels,
                                         const gr_loss_options *options);
/* Σ_{j≠y} max(0, s_j − s_y + Δ), the notes' multiclass SVM loss. */
GR_API gr_node *gr_multiclass_hinge(gr_node *scores, gr_node *labels,
                                    const gr_loss_options *options);
/* Element by element on x and targets of one shape, then the mean over all elements. The first
 * takes logits and targets in [0, 1], in the stable form. */
GR_API gr_node *gr_sigmoid_cross_entropy(gr_node *x, gr_node *target,
                                         const gr_loss_options *options);
GR_API gr_node *gr_mse(gr_node *x, gr_node *target, const gr_loss_options *options);
GR_API gr_node *gr_l1_loss(gr_node *x, gr_node *target, const gr_loss_options *options);
GR_API gr_node *gr_huber(gr_node *x, gr_node *target, const gr_loss_options *options);

/* Half the squared distance, Σ(x − target)²/2, of each example [N, …] (Caffe's EuclideanLoss). */
GR_API gr_node *gr_euclidean_loss(gr_node *x, gr_node *target, const gr_loss_options *options);

/* Hadsell, Chopra and LeCun 2006, as Caffe's ContrastiveLoss: for each pair of rows of a and b
 * [N, …] with Euclidean distance d, d²/2 where `same` [N] (bool, or a number that is not 0), else
 * max(margin − d, 0)²/2. */
GR_API gr_node *gr_contrastive_loss(gr_node *a, gr_node *b, gr_node *same,
                                    const gr_loss_options *options);

/* Share of rows whose largest score is at the label; f32 scalar, not differentiable. */
GR_API gr_node *gr_accuracy(gr_node *scores, gr_node *labels);

#ifndef GR_NO_PLACES
#define gr_softmax_cross_entropy(...) gr_at((gr_softmax_cross_entropy)(__VA_ARGS__), GR_PLACE)
#define gr_multiclass_hinge(...) gr_at((gr_multiclass_hinge)(__VA_ARGS__), GR_PLACE)
#define gr_sigmoid_cross_entropy(...) gr_at((gr_sigmoid_cross_entropy)(__VA_ARGS__), GR_PLACE)
#define gr_mse(...) gr_at((gr_mse)(__VA_ARGS__), GR_PLACE)
#define gr_l1_loss(...) gr_at((gr_l1_loss)(__VA_ARGS__), GR_PLACE)
#define gr_huber(...) gr_at((gr_huber)(__VA_ARGS__), GR_PLACE)
#define gr_euclidean_loss(...) gr_at((gr_euclidean_loss)(__VA_ARGS__), GR_PLACE)
#define gr_contrastive_loss(...) gr_at((gr_contrastive_loss)(__VA_ARGS__), GR_PLACE)
#define gr_accuracy(...) gr_at((gr_accuracy)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
