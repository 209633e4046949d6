/* Losses of classes with more to say than a label, of vectors and of distributions. */
#include "lang/layer.h"

#include <gradus/losses.h>

/* ---- Labels with some to ignore ----------------------------------------------------------------
 */

static gr_softmax_loss_options criteria_labels(lang_call *call)
{
    gr_softmax_loss_options options = {.size = sizeof options};
    options.axis = (int)gr_lang_arg_int(call, "axis", -GR_MAX_RANK, GR_MAX_RANK - 1);
    options.ignores = gr_lang_given(call, "ignore");
    if (options.ignores) options.ignore = gr_lang_arg_int(call, "ignore", INT32_MIN, INT32_MAX);
    return options;
}

gr_node *gr_lang_call_softmax_loss(lang_call *call)
{
    static const char *const words[] = {[GR_LOSS_VALID] = "valid",
                                        [GR_LOSS_FULL] = "full",
                                        [GR_LOSS_BATCH] = "batch",
                                        [GR_LOSS_UNNORMALIZED] = "none"};
    gr_node *x = gr_lang_arg_node(call, "x"), *labels = gr_lang_arg_node(call, "labels");
    gr_softmax_loss_options options = criteria_labels(call);
    options.normalization =
        (gr_loss_normalization)gr_lang_arg_choice(call, "normalize", words, GR_LEN(words));
    return gr_softmax_loss(x, labels, &options);
}

gr_node *gr_lang_call_top_k_accuracy(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x"), *labels = gr_lang_arg_node(call, "labels");
    gr_softmax_loss_options options = criteria_labels(call);
    return gr_top_k_accuracy(x, labels, gr_lang_arg_int(call, "k", 1, INT64_MAX), &options);
}

/* ---- From probabilities ------------------------------------------------------------------------
 */

gr_node *gr_lang_call_nll_loss(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "log_p"), *labels = gr_lang_arg_node(call, "labels");
    return gr_nll_loss(x, labels, GR_LOSS(.reduce = gr_lang_arg_reduce(call)));
}

gr_node *gr_lang_call_multinomial_logistic_loss(lang_call *call)
{
    gr_node *p = gr_lang_arg_node(call, "p"), *labels = gr_lang_arg_node(call, "labels");
    return gr_multinomial_logistic_loss(p, labels, GR_LOSS(.reduce = gr_lang_arg_reduce(call)));
}

gr_node *gr_lang_call_infogain_loss(lang_call *call)
{
    gr_node *p = gr_lang_arg_node(call, "p"), *labels = gr_lang_arg_node(call, "labels");
    gr_node *matrix = gr_lang_arg_node(call, "matrix");
    return gr_infogain_loss(p, labels, matrix, GR_LOSS(.reduce = gr_lang_arg_reduce(call)));
}

gr_node *gr_lang_call_focal_loss(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x"), *target = gr_lang_arg_node(call, "target");
    double alpha = gr_lang_arg_real(call, "alpha"), gamma = gr_lang_arg_real(call, "gamma");
    return gr_focal_loss(x, target, alpha, gamma, GR_LOSS(.reduce = gr_lang_arg_reduce(call)));
}

gr_node *gr_lang_call_ctc_loss(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    gr_node *labels = gr_lang_arg_node_typed(call, "labels", GR_I32);
    gr_node *frames = gr_lang_arg_node_typed(call, "frames", GR_I32);
    gr_node *counts = gr_lang_arg_node_typed(call, "counts", GR_I32);
    int blank = (int)gr_lang_arg_int(call, "blank", 0, INT32_MAX);
    return gr_ctc_loss(x, labels, frames, counts, blank,
                       GR_LOSS(.reduce = gr_lang_arg_reduce(call)));
}

/* ---- Of vectors and distributions ---------------------------------------------------------------
 */

gr_node *gr_lang_call_kl_divergence(lang_call *call)
{
    gr_node *log_p = gr_lang_arg_node(call, "log_p"), *target = gr_lang_arg_node(call, "target");
    return gr_kl_divergence(log_p, target, GR_LOSS(.reduce = gr_lang_arg_reduce(call)));
}

gr_node *gr_lang_call_cosine_loss(lang_call *call)
{
    gr_node *a = gr_lang_arg_node(call, "a"), *b = gr_lang_arg_node(call, "b");
    gr_node *same = gr_lang_arg_node_typed(call, "same", GR_BOOL);
    return gr_cosine_loss(
        a, b, same,
        GR_LOSS(.reduce = gr_lang_arg_reduce(call), .margin = gr_lang_arg_real(call, "margin")));
}

gr_node *gr_lang_call_cosine_similarity(lang_call *call)
{
    gr_node *a = gr_lang_arg_node(call, "a"), *b = gr_lang_arg_node(call, "b");
    return gr_cosine_similarity(a, b, gr_lang_arg_real(call, "epsilon"));
}

gr_node *gr_lang_call_triplet_loss(lang_call *call)
{
    gr_node *anchor = gr_lang_arg_node(call, "anchor");
    gr_node *positive = gr_lang_arg_node(call, "positive");
    gr_node *negative = gr_lang_arg_node(call, "negative");
    return gr_triplet_loss(
        anchor, positive, negative,
        GR_LOSS(.reduce = gr_lang_arg_reduce(call), .margin = gr_lang_arg_real(call, "margin")));
}

gr_node *gr_lang_call_require(lang_call *call)
{
    const char *message = gr_lang_arg_text(call, "message");
    gr_node *x = gr_lang_arg_node(call, "x");
    gr_node *condition = gr_lang_arg_node_typed(call, "condition", GR_BOOL);
    return message ? gr_require(x, condition, message) : x;
}
