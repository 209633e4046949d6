/* sample.h: a model of texts writes on, character by character.
 *
 *     gr_text_sampler *sampler;
 *     char text[4];
 *     size_t size;
 *     gr_text_sampler_new(model, GR_TEXT_SAMPLER(.top_k = 10, .seed = 1), &sampler);
 *     gr_text_sampler_feed(sampler, "ROMEO:", 6);
 *     while (gr_text_sampler_next(sampler, text, &size) == GR_OK) fwrite(text, 1, size, stdout);
 */
#ifndef GRADUS_SAMPLE_H
#define GRADUS_SAMPLE_H

#include <gradus/text.h>
#include <gradus/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A text under way. One thread at a time. */
typedef struct gr_text_sampler gr_text_sampler;

typedef struct gr_text_sampler_options {
    size_t size;
    double temperature; /* scores are divided by it: below 1 bolder, above 1 freer; 0 means 1 */
    int top_k;          /* draws among so many of the likeliest; 1: always the likeliest; 0: all */
    uint64_t seed;      /* the same seed, model and options write the same text */
} gr_text_sampler_options;
#define GR_TEXT_SAMPLER(...)                                                                       \
    (&(gr_text_sampler_options){.size = sizeof(gr_text_sampler_options), __VA_ARGS__})

/* Starts a text of its own with a copy of the model's variables; the model need not outlive it.
 *
 * A recurrent net is asked for one position at a time and keeps its state, so that a character
 * costs the same however long the text is. Any other net looks at the last characters, as many as
 * its input holds, for each one. Which it is shows by trying: both ways must give the same scores.
 *
 * GR_INVALID for a model that is none of texts (its examples are tokens, each with a label, and its
 * classes characters) or whose scores depend on later characters, as in a bidirectional net, and
 * for options out of range; GR_NO_MEMORY. *sampler is NULL on failure. */
GR_API gr_status gr_text_sampler_new(gr_model *model, const gr_text_sampler_options *options,
                                     gr_text_sampler **sampler);
GR_API void gr_text_sampler_free(gr_text_sampler *sampler); /* accepts NULL */

/* The characters that it may write. Lives as long as the sampler. */
GR_API const gr_vocabulary *gr_text_sampler_vocabulary(const gr_text_sampler *sampler);
/* Does it keep a state? Else it looks at a window. */
GR_API bool gr_text_sampler_recurrent(const gr_text_sampler *sampler);

/* Lets the text go on with text[size]. GR_RANGE as gr_vocabulary_encode: nothing is taken then.
 */
GR_API gr_status gr_text_sampler_feed(gr_text_sampler *sampler, const char *text, size_t size);
/* Probabilities of what comes next, [classes], by the temperature and among the top_k. A text that
 * is empty yet begins after a newline, or the first character where the vocabulary has none.
 * GR_NUMERIC if the model's scores are no numbers. */
GR_API gr_status gr_text_sampler_probabilities(gr_text_sampler *sampler, double *probabilities);
/* Draws what comes next, 1 to 4 bytes, and lets the text go on with it. */
GR_API gr_status gr_text_sampler_next(gr_text_sampler *sampler, char text[4], size_t *size);

#ifdef __cplusplus
}
#endif
#endif
