/* The table of words. */
#include "lang/words.h"

#include <math.h>

static const lang_word words_table[] = {
#define UNARY(name, builder, help) {{#name, #name "(x)", help, GR_WORD_FUNCTION}, .unary = builder},
#define BINARY(name, builder, help)                                                                \
    {{#name, #name "(a, b)", help, GR_WORD_FUNCTION}, .binary = builder},
#define CALL(name, signature, builder, help)                                                       \
    {{#name, signature, help, GR_WORD_FUNCTION}, .call = gr_lang_call_##builder},
#define LAYER(name, signature, builder, help)                                                      \
    {{#name, signature, help, GR_WORD_LAYER}, .call = gr_lang_call_##builder},
#define CONSTANT(name, number, help) {{#name, #name, help, GR_WORD_CONSTANT}, .value = number},
#include "lang/words.def"
#undef UNARY
#undef BINARY
#undef CALL
#undef LAYER
#undef CONSTANT
};

const gr_word *gr_lang_word(int i)
{
    return i >= 0 && (size_t)i < GR_LEN(words_table) ? &words_table[i].is : NULL;
}

const lang_word *gr_lang_word_find(const char *name)
{
    for (size_t i = 0; i < GR_LEN(words_table); i++) {
        if (strcmp(words_table[i].is.name, name) == 0) return &words_table[i];
    }
    return NULL;
}

const gr_word *gr_lang_find(const char *name)
{
    const lang_word *word = name ? gr_lang_word_find(name) : NULL;
    return word ? &word->is : NULL;
}

const char *gr_lang_word_nearest(const char *name)
{
    const char *names[GR_LEN(words_table)];
    size_t count = 0;
    for (size_t i = 0; i < GR_LEN(words_table); i++) {
        if (words_table[i].is.kind != GR_WORD_CONSTANT) names[count++] = words_table[i].is.name;
    }
    return gr_nearest(name, names, count);
}

int gr_lang_word_required(const lang_word *word)
{
    lang_signature signature;
    int required = 0;
    if (word->is.kind == GR_WORD_CONSTANT) return 0;
    gr_lang_signature_read(word->is.signature, &signature);
    for (int i = 0; i < signature.count; i++) required += !signature.param[i].optional;
    return required;
}
