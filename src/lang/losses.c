/* Losses, by the public interface of losses.h. */
#include "lang/layer.h"

#include <gradus/losses.h>

typedef gr_node *losses_builder(gr_node *, gr_node *, const gr_loss_options *);

/* A loss of an output and a target, with no other option. */
static gr_node *losses_call(lang_call *call, losses_builder *build, const char *target)
{
    gr_node *x = gr_lang_arg_node(call, "x"), *y = gr_lang_arg_node(call, target);
    return build(x, y, GR_LOSS(.reduce = gr_lang_arg_reduce(call)));
}

gr_node *gr_lang_call_softmax_cross_entropy(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x"), *labels = gr_lang_arg_node(call, "labels");
    return gr_softmax_cross_entropy(x, labels,
                                    GR_LOSS(.reduce = gr_lang_arg_reduce(call),
                                            .smoothing = gr_lang_arg_real(call, "smoothing")));
}

gr_node *gr_lang_call_multiclass_hinge(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x"), *labels = gr_lang_arg_node(call, "labels");
    return gr_multiclass_hinge(x, labels,
                               GR_LOSS(.reduce = gr_lang_arg_reduce(call),
                                       .margin = gr_lang_arg_real(call, "margin"),
                                       .squared = gr_lang_arg_bool(call, "squared")));
}

gr_node *gr_lang_call_hinge_loss(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x"), *labels = gr_lang_arg_node(call, "labels");
    return gr_hinge_loss(x, labels,
                         GR_LOSS(.reduce = gr_lang_arg_reduce(call),
                                 .margin = gr_lang_arg_real(call, "margin"),
                                 .squared = gr_lang_arg_bool(call, "squared")));
}

gr_node *gr_lang_call_sigmoid_cross_entropy(lang_call *call)
{
    return losses_call(call, gr_sigmoid_cross_entropy, "target");
}

gr_node *gr_lang_call_mse(lang_call *call)
{
    return losses_call(call, gr_mse, "target");
}

gr_node *gr_lang_call_l1_loss(lang_call *call)
{
    return losses_call(call, gr_l1_loss, "target");
}

gr_node *gr_lang_call_euclidean_loss(lang_call *call)
{
    return losses_call(call, gr_euclidean_loss, "target");
}

gr_node *gr_lang_call_huber(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x"), *target = gr_lang_arg_node(call, "target");
    return gr_huber(
        x, target,
        GR_LOSS(.reduce = gr_lang_arg_reduce(call), .delta = gr_lang_arg_real(call, "delta")));
}

gr_node *gr_lang_call_contrastive_loss(lang_call *call)
{
    gr_node *a = gr_lang_arg_node(call, "a"), *b = gr_lang_arg_node(call, "b");
    double margin = gr_lang_arg_real(call, "margin");
    if (!(margin > 0))
        return gr_lang_call_fail(call, GR_SYNTAX, "margin", "margin is positive, not %g", margin);
    return gr_contrastive_loss(a, b, gr_lang_arg_node(call, "same"),
                               GR_LOSS(.reduce = gr_lang_arg_reduce(call), .margin = margin));
}

gr_node *gr_lang_call_accuracy(lang_call *call)
{
    gr_node *x = gr_lang_arg_node(call, "x");
    return gr_accuracy(x, gr_lang_arg_node(call, "labels"));
}
