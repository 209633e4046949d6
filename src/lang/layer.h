/* What the words of layers have in common: windows, scope, name, initial values. Internal.
 *
 * Each reads the call's arguments of that name; after a fault the builder stops. */
#ifndef GR_LANG_LAYER_H
#define GR_LANG_LAYER_H

#include "lang/words.h"

#include <gradus/losses.h>

/* Kernel, stride, padding and dilation as a word gives them: one number for all spatial axes, or
 * one for each. */
typedef struct lang_window {
    gr_geometry axes;
    int spatial;
} lang_window;

/* Reads kernel, stride, pad and dilation for x [N, C, space…]; false after a fault. */
bool gr_lang_window_read(lang_call *call, const gr_node *x, lang_window *window);

/* NULL with a fault where there is none: in expressions. */
gr_scope *gr_lang_layer_scope(lang_call *call);
/* The layer's name: given, the statement's, or numbered by `kind`. NULL after a fault. */
const char *gr_lang_layer_name(lang_call *call, const char *kind);
/* init="xavier", or std=0.01 for a normal distribution, of which sparse=15 keeps a few. */
gr_init gr_lang_layer_init(lang_call *call);

/* The factors of a parameter's learning rate and decay, by the names of their arguments. */
gr_tuning gr_lang_layer_tuning(lang_call *call, const char *rate, const char *decay);

/* What LANG_PARAMETERS lets a call say of a weight and a bias. */
typedef struct lang_parameters {
    gr_init weight, bias;
    gr_tuning weight_tuning, bias_tuning;
} lang_parameters;
void gr_lang_layer_parameters(lang_call *call, lang_parameters *parameters);

/* The place of a text among n `words`; 0 if it is not given, with a fault if it is none of them. */
int gr_lang_arg_choice(lang_call *call, const char *name, const char *const *words, int n);
/* reduce="mean", "sum" or "none", of losses. */
gr_reduce gr_lang_arg_reduce(lang_call *call);

#endif
