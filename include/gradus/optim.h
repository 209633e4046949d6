/* optim.h: optimisers and learning-rate schedules. Both are gates: an update reads the gradient and
 * the state variables and assigns new ones, so a checkpoint is the store. */
#ifndef GRADUS_OPTIM_H
#define GRADUS_OPTIM_H

#include <gradus/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the learning rate goes on, t being the step. */
typedef enum gr_schedule_kind {
    GR_SCHEDULE_FIXED,     /* rate */
    GR_SCHEDULE_STEP,      /* rate·γ^⌊t/every⌋ */
    GR_SCHEDULE_EXP,       /* rate·γ^t */
    GR_SCHEDULE_INV,       /* rate·(1+γt)^−power (Caffe) */
    GR_SCHEDULE_MULTISTEP, /* rate·γ^(how many of `at` are ≤ t) */
    GR_SCHEDULE_POLY,      /* rate·(1−t/total)^power */
    GR_SCHEDULE_COSINE, /* floor + (rate−floor)·(1+cos(πt/total))/2, Loshchilov and Hutter 2017 */
    GR_SCHEDULE_SIGMOID /* rate/(1+e^(−γ(t−every))) (Caffe): with γ < 0 it falls about `every` */
} gr_schedule_kind;

/* t counts steps from 0. During the first `warmup` steps the rate rises linearly from
 * rate/warmup; t then counts on from there for the schedule itself. */
typedef struct gr_schedule {
    gr_schedule_kind kind;      /* GR_SCHEDULE_FIXED unless set */
    double gamma, power, floor; /* of the formulas above; gamma is γ */
    int64_t every, total;       /* steps */
    int64_t warmup;             /* steps; 0: none */
    int n_at;                   /* numbers in `at` */
    int64_t at[16];             /* steps, rising */
} gr_schedule;

/* The rule of update; w is a parameter, g its gradient, lr the rate, μ the momentum. */
typedef enum gr_optimizer_kind {
    GR_SGD,      /* v = μv + g; w −= lr·v (μ = 0: w −= lr·g) */
    GR_NESTEROV, /* v = μv + g; w −= lr·(g + μv) */
    GR_ADAGRAD,  /* Duchi et al. 2011 */
    GR_RMSPROP,  /* Tieleman and Hinton 2012 */
    GR_ADADELTA, /* Zeiler 2012 */
    GR_ADAM,     /* Kingma and Ba 2015 */
    GR_ADAMW     /* Loshchilov and Hutter 2019: decay apart from the gradient */
} gr_optimizer_kind;

/* A rule of update and its settings; 0 in a penalty, norm or clip leaves it out. */
typedef struct gr_optimizer {
    size_t size;            /* sizeof(gr_optimizer) */
    gr_optimizer_kind kind; /* GR_SGD unless set */
    double rate;            /* learning rate; 0 means the kind's usual one */
    double momentum;        /* SGD, Nesterov, RMSProp */
    double beta1, beta2; /* Adam, AdamW: 0 means .9, .999; RMSProp, AdaDelta: beta2 is the decay */
    double epsilon;      /* 0 means 1e-8 (AdaDelta 1e-6, AdaGrad 1e-10) */
    double l2;           /* adds λ·Σw² to the loss, as R(W) in the lecture: gradient 2λw */
    double l1;           /* adds λ·Σ|w| */
    double weight_decay; /* adds ½λ·Σw² (Caffe, PyTorch): gradient λw; AdamW: apart, lr·λ·w */
    double max_norm;     /* after the update each unit's weight vector is scaled to at most this */
    double clip_norm;    /* gradients scaled so that their joint L2 norm is at most this */
    double clip_value; /* and before that each element of them clamped to at most this */
    bool decay_biases; /* rank-1 parameters are spared l2, l1, weight_decay unless set (a gr_tuning
                          of the parameter goes first) */
    /* SGD, Nesterov: v = μv + lr·g; w −= v, or lr·g + μv, as in Caffe (Sutskever et al. 2013): a
     * change of the rate leaves alone what is under way. */
    bool rate_in_momentum;
    gr_schedule schedule; /* of the rate */
} gr_optimizer;
#define GR_OPTIMIZER(...) (&(gr_optimizer){.size = sizeof(gr_optimizer), __VA_ARGS__})

/* Appends the gradient of `loss` by all parameters of the scope and the updates, registers them by
 * gr_scope_update (with step := step + 1), and returns GR_OK. State variables are named
 * "optim/<kind>/<parameter>". A parameter that the loss does not depend on is left alone. */
GR_API gr_status gr_minimize(gr_scope *scope, gr_node *loss, const gr_optimizer *optimizer);

/* One update from the gradients of several batches, where one batch as large as all of them would
 * not fit into memory (Caffe's iter_size). For each batch, the updates of a scope on which
 *     gr_accumulate(scope, loss, keep, weight)
 * was called compute "optim/sum/<parameter>" := keep·sum + weight·gradient, f32 scalars: keep is 0
 * for the first batch and 1 for the others; weight, with a loss that is a mean, the number of
 * examples in that mean. Then, once, those of a scope (of the same store and net) with
 *     gr_minimize_sum(scope, loss, scale, optimizer)
 * take scale·sum for the gradient; `scale` is 1 by the sum of the weights. `loss` only tells the
 * parameters. So the gradient, and all that is done with it, is that of the large batch. Steps, by
 * which random gates draw, are counted by gr_accumulate; updates, by which schedules and optimisers
 * count, in "optim/updates". Faults as gr_minimize. */
GR_API gr_status gr_accumulate(gr_scope *scope, gr_node *loss, gr_node *keep, gr_node *weight);
GR_API gr_status gr_minimize_sum(gr_scope *scope, gr_node *loss, gr_node *scale,
                                 const gr_optimizer *optimizer);

/* The L2 norm of the gradient of `loss` by all parameters that gr_minimize moves together, before
 * it is clipped: an f32 scalar, to be compiled beside the loss. The gradient is computed once for
 * both. `scale`: NULL, or as gr_minimize_sum takes it: then that times the sums is the gradient.
 * The graph's error node on a fault. */
GR_API gr_node *gr_gradient_norm(gr_scope *scope, gr_node *loss, gr_node *scale);

/* For small programs: gr_minimize, compile, bind `feeds` (by name, as gr_evaluate does), and run
 * `steps` steps. The scope's store holds the result. */
GR_API gr_status gr_fit(gr_scope *scope, gr_node *loss, const gr_optimizer *optimizer,
                        const gr_feed *feeds, int n_feeds, int64_t steps);

/* The penalty terms alone (a scalar, or NULL if the optimiser has none) for reports of the loss. */
GR_API gr_node *gr_penalty(gr_scope *scope, const gr_optimizer *optimizer);
/* The rate at step t, by the same formula as the gates. */
GR_API double gr_schedule_rate(const gr_optimizer *optimizer, int64_t t);
/* The rate as a gate of the scope's step variable, f32 scalar. */
GR_API gr_node *gr_schedule_node(gr_scope *scope, const gr_optimizer *optimizer);
/* The same of another counter of updates, an integer scalar. */
GR_API gr_node *gr_schedule_at(gr_node *updates, const gr_optimizer *optimizer);

/* "sgd", "adam", … and "fixed", "cosine", …; -1 if there is no such word. */
GR_API int gr_optimizer_find(const char *name);
GR_API const char *gr_optimizer_name(gr_optimizer_kind kind);
GR_API int gr_schedule_find(const char *name);
GR_API const char *gr_schedule_name(gr_schedule_kind kind);

#ifdef __cplusplus
}
#endif
#endif
