/* text.h: texts as data. The characters of a text, or its bytes, are tokens; a vocabulary numbers
 * them; a window of tokens is an example, whose label at each position is the token that follows.
 *
 *     gr_dataset *train, *test;
 *     gr_data_open("novel.txt", GR_DATA(.text = GR_TEXT_CHARS, .length = 64), &train, &test);
 *
 * What a model of texts is made of stands in train.h, how it writes on in sample.h. */
#ifndef GRADUS_TEXT_H
#define GRADUS_TEXT_H

#include <gradus/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Vocabularies ------------------------------------------------------------------------- */

/* What each token stands for: a character, or a byte that is none. Never changes. */
typedef struct gr_vocabulary gr_vocabulary;

/* The characters that occur in text[size], by code point, or, of GR_TEXT_BYTES, all 256 bytes.
 * GR_FORMAT, naming line and byte, for characters where the text is not UTF-8; GR_INVALID for no
 * text or more than 65536 different characters; GR_NO_MEMORY. *vocabulary is NULL on failure. Free
 * with gr_vocabulary_free. */
GR_API gr_status gr_vocabulary_learn(const char *text, size_t size, gr_text_unit unit,
                                     gr_vocabulary **vocabulary);
/* Reads the names of classes, as gr_vocabulary_name gives them. GR_INVALID for a name that is none,
 * or stands there twice. */
GR_API gr_status gr_vocabulary_new(const char *const *names, int n, gr_vocabulary **vocabulary);
GR_API void gr_vocabulary_free(gr_vocabulary *vocabulary); /* accepts NULL */

GR_API int gr_vocabulary_size(const gr_vocabulary *vocabulary); /* tokens */
/* Its name, printable: "a", "é", "\n", "\\", "\x1f" in C's escapes; "\xc3" is a byte that is no
 * character. NULL if there is no such token. Lives as long as the vocabulary. */
GR_API const char *gr_vocabulary_name(const gr_vocabulary *vocabulary, int token);
/* Writes what the token stands for, 1 to 4 bytes, and returns how many; 0 if there is none. */
GR_API size_t gr_vocabulary_decode(const gr_vocabulary *vocabulary, int token, char text[4]);
/* Writes the tokens of text[size] to tokens[size], and how many there are. GR_RANGE, naming
 * character, line and column, for one that is not in the vocabulary. */
GR_API gr_status gr_vocabulary_encode(const gr_vocabulary *vocabulary, const char *text,
                                      size_t size, int32_t *tokens, int64_t *n);

/* ---- Data sets ---------------------------------------------------------------------------- */

/* Data sets of text[size], which is not kept, as gr_data_open makes them of a file: the beginning
 * to train on, the end, `held` of the options, to test with. Of `options`, which may be NULL, count
 * text (unless set: GR_TEXT_CHARS), length, streams, held, and class_names, which give the
 * vocabulary; else it is learnt from all of the text. Examples are i32 tokens [length] with labels
 * [length]. Pass NULL for a part not to make it; *test becomes NULL if nothing is held out, *train
 * if all is.
 *
 * An epoch of training has as many examples as windows fit in the text. Without `streams` each is
 * drawn anew, anywhere. With them the text is cut in as many pieces, and row r of a batch of
 * `streams` rows continues row r of the batch before: for nets that carry their state on, with
 * gr_trainer_options.in_order. The test part has every window once, and with `streams` 64 of them
 * side by side, as gr_model_test takes them.
 *
 * GR_INVALID for a text that is too short for its parts, or options out of range; else as
 * gr_vocabulary_learn and gr_vocabulary_encode. On failure both results are NULL. */
GR_API gr_status gr_text_dataset(const char *name, const char *text, size_t size,
                                 const gr_data_options *options, gr_dataset **train,
                                 gr_dataset **test);

#ifdef __cplusplus
}
#endif
#endif
