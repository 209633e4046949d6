/* Texts and vocabularies. The first bytes choose options; then the text, and after ff 00 another
 * that is told by the vocabulary of the first; and after ff 00 names, one a line. */
#include "dataset.h"

static void text_names(fuzz_bytes part)
{
    enum { MOST = 64 };
    const char *names[MOST];
    char *text = strndup((const char *)part.at, (size_t)(part.end - part.at));
    gr_vocabulary *vocabulary = NULL;
    int n = 0;
    FUZZ_REQUIRE(text != NULL);
    for (char *at = text; at && n < MOST;) names[n++] = strsep(&at, "\n");
    if (fuzz_status(gr_vocabulary_new(names, n, &vocabulary)))
        FUZZ_REQUIRE(gr_vocabulary_size(vocabulary) == n);
    gr_vocabulary_free(vocabulary);
    free(text);
}

/* What was learnt from a text tells the text, and its names make the same vocabulary. */
static void text_learn(fuzz_bytes text, fuzz_bytes other, gr_text_unit unit)
{
    const size_t size = (size_t)(text.end - text.at), more = (size_t)(other.end - other.at);
    int32_t *tokens = malloc((size + more + 1) * sizeof *tokens);
    FUZZ_REQUIRE(tokens != NULL);
    gr_vocabulary *vocabulary = NULL;
    int64_t n = 0;
    if (fuzz_status(gr_vocabulary_learn((const char *)text.at, size, unit, &vocabulary))) {
        size_t at = 0;
        FUZZ_REQUIRE(
            fuzz_status(gr_vocabulary_encode(vocabulary, (const char *)text.at, size, tokens, &n)));
        for (int64_t i = 0; i < n; i++) {
            char bytes[4];
            const size_t wide = gr_vocabulary_decode(vocabulary, tokens[i], bytes);
            FUZZ_REQUIRE(wide > 0 && wide <= size - at && !memcmp(bytes, text.at + at, wide));
            at += wide;
        }
        FUZZ_REQUIRE(at == size);
        fuzz_status(gr_vocabulary_encode(vocabulary, (const char *)other.at, more, tokens, &n));
    }
    gr_vocabulary_free(vocabulary);
    free(tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    fuzz_bytes bytes = {data, data + size};
    const uint8_t choice = fuzz_byte(&bytes);
    gr_data_options options = {
        .size = sizeof options,
        .text = choice & 1 ? GR_TEXT_BYTES : GR_TEXT_CHARS,
        .length = (int8_t)fuzz_byte(&bytes),
        .streams = (int8_t)fuzz_byte(&bytes),
        .held = (double)(choice >> 1) / 64 - .5,
    };
    const fuzz_bytes text = fuzz_part(&bytes), other = fuzz_part(&bytes);
    text_learn(text, other, options.text);
    fuzz_data_set(fuzz_file("t.txt", text.at, (size_t)(text.end - text.at)), &options);
    text_names(bytes);
    return 0;
}
