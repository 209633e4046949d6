/* losses.h: scalars to minimise, and what networks are judged by. Labels are class numbers. */
#ifndef GRADUS_LOSSES_H
#define GRADUS_LOSSES_H

#include <gradus/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What becomes of the losses of a batch. */
typedef enum gr_reduce {
    GR_REDUCE_MEAN, /* a scalar: their mean */
    GR_REDUCE_SUM,  /* a scalar: their sum */
    GR_REDUCE_NONE  /* all of them */
} gr_reduce;

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
/* Σ_j max(0, Δ − t_j·s_j) with t_y = 1 and the other t_j = −1: each class against the rest (Caffe's
 * HingeLoss). */
GR_API gr_node *gr_hinge_loss(gr_node *scores, gr_node *labels, const gr_loss_options *options);
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

/* ---- Of classes, further ------------------------------------------------------------------- */

/* What the sum over the labels is divided by: those that are not ignored, all, the examples, or
 * nothing: Caffe's VALID, FULL, BATCH_SIZE and NONE. */
typedef enum gr_loss_normalization {
    GR_LOSS_VALID,       /* labels that are not ignored */
    GR_LOSS_FULL,        /* all labels */
    GR_LOSS_BATCH,       /* examples */
    GR_LOSS_UNNORMALIZED /* 1 */
} gr_loss_normalization;

typedef struct gr_softmax_loss_options {
    size_t size;
    int axis;                            /* of the classes */
    gr_loss_normalization normalization; /* what the sum is divided by */
    bool ignores;                        /* labels that are `ignore` do not count */
    int64_t ignore;                      /* the label that does not count, if `ignores` */
} gr_softmax_loss_options;
#define GR_SOFTMAX_LOSS(...)                                                                       \
    (&(gr_softmax_loss_options){.size = sizeof(gr_softmax_loss_options), .axis = 1, __VA_ARGS__})

/* Softmax cross-entropy of scores [N, C, …] with a label, i32 or i64, at each place [N, …]; Caffe's
 * SoftmaxWithLoss. Under GR_LOSS_VALID a batch whose labels are all to be ignored fails the step
 * (GR_RANGE). `options` may be NULL. */
GR_API gr_node *gr_softmax_loss(gr_node *scores, gr_node *labels,
                                const gr_softmax_loss_options *options);
/* Labels [N, …] that are among the k best of scores [N, C, …], ties counting against; the share of
 * those not ignored, f32 scalar, not differentiable. 1 ≤ k ≤ C. Labels that are all to be ignored
 * fail the step (GR_RANGE). */
GR_API gr_node *gr_top_k_accuracy(gr_node *scores, gr_node *labels, int64_t k,
                                  const gr_softmax_loss_options *options);
/* −log p of the label, from log-probabilities or (multinomial logistic) from probabilities
 * [N, C, …]; infogain: −Σ_k H[label, k]·log p_k with a matrix H [C, C]. */
GR_API gr_node *gr_nll_loss(gr_node *log_p, gr_node *labels, const gr_loss_options *options);
GR_API gr_node *gr_multinomial_logistic_loss(gr_node *p, gr_node *labels,
                                             const gr_loss_options *options);
GR_API gr_node *gr_infogain_loss(gr_node *p, gr_node *labels, gr_node *matrix,
                                 const gr_loss_options *options);
/* −α_t·(1 − p_t)^γ·log p_t of logits and targets in [0, 1] of one shape, p_t being the probability
 * of what is right; α_t is α where the target is 1, else 1 − α; α < 0: without it. Lin et al. 2017
 */
GR_API gr_node *gr_focal_loss(gr_node *x, gr_node *target, double alpha, double gamma,
                              const gr_loss_options *options);
/* −log of the probability of the labels i32 [N, S] over all alignments with scores [N, T, C], of
 * which the first frames[n] count, and the first counts[n] labels; i32 [N] both. `blank` is the
 * class of no label. Infinite, with gradient 0, where frames are too few. Lengths out of range and
 * labels that are no class fail the step (GR_RANGE). Not twice differentiable. Graves et al. 2006
 */
GR_API gr_node *gr_ctc_loss(gr_node *scores, gr_node *labels, gr_node *frames, gr_node *counts,
                            int blank, const gr_loss_options *options);

/* ---- Of vectors and distributions ------------------------------------------------------------ */

/* Of each row of [N, D], then reduced: Σ t·(log t − log p); 1 − cos(a, b) where `same` (bool [N]),
 * else max(0, cos(a, b) − margin), margin 0; max(0, ‖a − p‖ − ‖a − n‖ + margin), margin 0 meaning 1
 * (Schroff et al. 2015). */
GR_API gr_node *gr_kl_divergence(gr_node *log_p, gr_node *target, const gr_loss_options *options);
GR_API gr_node *gr_cosine_loss(gr_node *a, gr_node *b, gr_node *same,
                               const gr_loss_options *options);
GR_API gr_node *gr_triplet_loss(gr_node *anchor, gr_node *positive, gr_node *negative,
                                const gr_loss_options *options);
/* a·b/√((‖a‖² + ε)(‖b‖² + ε)) of the rows of [N, D]: [N]. */
GR_API gr_node *gr_cosine_similarity(gr_node *a, gr_node *b, double epsilon);

#ifndef GR_NO_PLACES
#define gr_softmax_cross_entropy(...) gr_at((gr_softmax_cross_entropy)(__VA_ARGS__), GR_PLACE)
#define gr_multiclass_hinge(...) gr_at((gr_multiclass_hinge)(__VA_ARGS__), GR_PLACE)
#define gr_hinge_loss(...) gr_at((gr_hinge_loss)(__VA_ARGS__), GR_PLACE)
#define gr_sigmoid_cross_entropy(...) gr_at((gr_sigmoid_cross_entropy)(__VA_ARGS__), GR_PLACE)
#define gr_mse(...) gr_at((gr_mse)(__VA_ARGS__), GR_PLACE)
#define gr_l1_loss(...) gr_at((gr_l1_loss)(__VA_ARGS__), GR_PLACE)
#define gr_huber(...) gr_at((gr_huber)(__VA_ARGS__), GR_PLACE)
#define gr_euclidean_loss(...) gr_at((gr_euclidean_loss)(__VA_ARGS__), GR_PLACE)
#define gr_contrastive_loss(...) gr_at((gr_contrastive_loss)(__VA_ARGS__), GR_PLACE)
#define gr_accuracy(...) gr_at((gr_accuracy)(__VA_ARGS__), GR_PLACE)
#define gr_softmax_loss(...) gr_at((gr_softmax_loss)(__VA_ARGS__), GR_PLACE)
#define gr_top_k_accuracy(...) gr_at((gr_top_k_accuracy)(__VA_ARGS__), GR_PLACE)
#define gr_nll_loss(...) gr_at((gr_nll_loss)(__VA_ARGS__), GR_PLACE)
#define gr_multinomial_logistic_loss(...)                                                          \
    gr_at((gr_multinomial_logistic_loss)(__VA_ARGS__), GR_PLACE)
#define gr_infogain_loss(...) gr_at((gr_infogain_loss)(__VA_ARGS__), GR_PLACE)
#define gr_focal_loss(...) gr_at((gr_focal_loss)(__VA_ARGS__), GR_PLACE)
#define gr_ctc_loss(...) gr_at((gr_ctc_loss)(__VA_ARGS__), GR_PLACE)
#define gr_kl_divergence(...) gr_at((gr_kl_divergence)(__VA_ARGS__), GR_PLACE)
#define gr_cosine_loss(...) gr_at((gr_cosine_loss)(__VA_ARGS__), GR_PLACE)
#define gr_triplet_loss(...) gr_at((gr_triplet_loss)(__VA_ARGS__), GR_PLACE)
#define gr_cosine_similarity(...) gr_at((gr_cosine_similarity)(__VA_ARGS__), GR_PLACE)
#endif

#ifdef __cplusplus
}
#endif
#endif
