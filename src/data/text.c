/* Texts as data sets: windows of tokens, each token labelled with the one that follows. */
#include "data/text.h"

#include "data/dataset.h"
#include "data/source.h"

#define TEXT_LENGTH 64       /* of an example, unless told otherwise */
#define TEXT_HELD 0.1        /* of a text, unless told otherwise */
#define TEXT_TEST_STREAMS 64 /* as many rows as a model is tested on at a time */

/* One part of a text, the source of its examples. Tokens number at most GR_DATA_MAX_CLASSES. */
typedef struct text_part {
    uint16_t *tokens;
    int64_t count, length;
    int64_t streams; /* 0: none */
    int64_t stream;  /* tokens of one */
    bool drawn;      /* windows lie anywhere */
} text_part;

static void text_free(void *user)
{
    text_part *part = user;
    gr_free(part->tokens);
    gr_free(part);
}

/* Where example i begins. The last token of a window has one after it. */
static int64_t text_start(const text_part *part, int64_t i, uint64_t draw)
{
    if (part->drawn) return (int64_t)(draw % (uint64_t)(part->count - part->length));
    if (part->streams == 0) return i * part->length;
    return i % part->streams * part->stream + i / part->streams * part->length;
}

static gr_status text_read(void *user, int64_t i, uint64_t draw, void *x, int32_t *y)
{
    const text_part *part = user;
    const uint16_t *from = part->tokens + text_start(part, i, draw);
    int32_t *tokens = x;
    for (int64_t t = 0; t < part->length; t++) {
        tokens[t] = from[t];
        if (y) y[t] = from[t + 1];
    }
    return GR_OK;
}

/* ---- Making the parts ----------------------------------------------------------------------- */

/* What both parts are made of. */
typedef struct text_plan {
    const char *name;
    const gr_vocabulary *vocabulary;
    const char **names; /* [size of the vocabulary] */
    int64_t length, streams;
} text_plan;

/* Finds where windows lie in `part`, and how many an epoch has. */
static gr_status text_lay_out(const text_plan *plan, bool test, text_part *part, int64_t *examples)
{
    const char *what = test ? "part held out" : "part to train on";
    *examples = (part->count - 1) / part->length;
    if (part->count <= part->length)
        return gr_fail(GR_INVALID,
                       "the %s has %lld characters, too few for %lld and the one that follows",
                       what, (long long)part->count, (long long)part->length);
    part->drawn = !test && plan->streams == 0;
    if (plan->streams == 0) return GR_OK;
    part->streams = test ? TEXT_TEST_STREAMS : plan->streams;
    if (test && part->streams > *examples) part->streams = *examples;
    part->stream = *examples / part->streams * part->length;
    *examples = *examples / part->streams * part->streams;
    if (*examples > 0) return GR_OK;
    return gr_fail(GR_INVALID,
                   "the %s has %lld characters, too few for %lld streams of at least %lld", what,
                   (long long)part->count, (long long)part->streams, (long long)part->length);
}

static gr_status text_part_new(const text_plan *plan, const int32_t *tokens, int64_t count,
                               bool test, gr_dataset **dataset)
{
    int64_t examples;
    text_part *part = gr_alloc(sizeof *part);
    if (!part) return GR_NO_MEMORY;
    part->tokens = gr_alloc_array((size_t)count, sizeof *part->tokens);
    part->count = count;
    part->length = plan->length;
    gr_status status = part->tokens ? text_lay_out(plan, test, part, &examples) : GR_NO_MEMORY;
    if (status != GR_OK) {
        text_free(part);
        return status;
    }
    for (int64_t i = 0; i < count; i++) part->tokens[i] = (uint16_t)tokens[i];
    const int64_t layout[] = {part->length, part->streams, part->drawn};
    uint64_t hash = gr_hash(part->tokens, (size_t)count * sizeof *part->tokens, 0);
    return gr_dataset_from_source(
        GR_SOURCE(.name = plan->name, .count = examples, .dtype = GR_I32,
                  .shape = GR_SHAPE(plan->length), .label_shape = GR_SHAPE(plan->length),
                  .classes = gr_vocabulary_size(plan->vocabulary), .class_names = plan->names,
                  .quick = true, .hash = gr_hash(layout, sizeof layout, hash), .read = text_read,
                  .free = text_free, .user = part),
        dataset);
}

static gr_status text_parts(const text_plan *plan, const int32_t *tokens, int64_t count,
                            double held, gr_dataset **train, gr_dataset **test)
{
    int64_t first = held > 0 ? (int64_t)((1 - held) * (double)count) : count;
    if (train && first > 0) GR_TRY(text_part_new(plan, tokens, first, false, train));
    if (!test || first == count) return GR_OK;
    return text_part_new(plan, tokens + first, count - first, true, test);
}

/* ---- From the text -------------------------------------------------------------------------- */

static gr_status text_check(const gr_data_options *o)
{
    if ((unsigned)o->text > GR_TEXT_BYTES)
        return gr_fail(GR_INVALID, "there is no unit of text %d", (int)o->text);
    if (o->length < 0 || o->streams < 0)
        return gr_fail(GR_INVALID, "examples of %lld characters in %lld streams: should be more",
                       (long long)o->length, (long long)o->streams);
    if (!(o->held <= 1)) return gr_fail(GR_INVALID, "%g of a text cannot be held out", o->held);
    if (o->unlabelled)
        return gr_fail(GR_INVALID, "a text is its own label: it cannot be unlabelled");
    return GR_OK;
}

static gr_status text_vocabulary(const char *text, size_t size, const gr_data_options *o,
                                 gr_vocabulary **vocabulary)
{
    *vocabulary = NULL;
    if (size == 0) return gr_fail(GR_INVALID, "there is no text");
    if (o->class_names) return gr_vocabulary_new(o->class_names, o->classes, vocabulary);
    return gr_vocabulary_learn(text, size, o->text, vocabulary);
}

static gr_status text_make(text_plan *plan, const char *text, size_t size, double held,
                           gr_dataset **train, gr_dataset **test)
{
    int64_t count;
    int n = gr_vocabulary_size(plan->vocabulary);
    int32_t *tokens = gr_alloc_array(size, sizeof *tokens);
    plan->names = gr_alloc_array((size_t)n, sizeof *plan->names);
    gr_status status = tokens && plan->names ? GR_OK : GR_NO_MEMORY;
    for (int i = 0; status == GR_OK && i < n; i++)
        plan->names[i] = gr_vocabulary_name(plan->vocabulary, i);
    if (status == GR_OK)
        status = gr_vocabulary_encode(plan->vocabulary, text, size, tokens, &count);
    if (status == GR_OK) status = text_parts(plan, tokens, count, held, train, test);
    gr_free(tokens);
    gr_free(plan->names);
    return status;
}

gr_status gr_text_dataset(const char *name, const char *text, size_t size,
                          const gr_data_options *options, gr_dataset **train, gr_dataset **test)
{
    gr_data_options o;
    gr_vocabulary *vocabulary = NULL;
    if (train) *train = NULL;
    if (test) *test = NULL;
    GR_TRY(GR_OPTIONS(gr_data_options, &o, options));
    text_plan plan = {
        .name = name, .length = o.length ? o.length : TEXT_LENGTH, .streams = o.streams};
    gr_status status = text_check(&o);
    if (status == GR_OK) status = text_vocabulary(text, size, &o, &vocabulary);
    plan.vocabulary = vocabulary;
    if (status == GR_OK)
        status = text_make(&plan, text, size, o.held == 0 ? TEXT_HELD : o.held, train, test);
    gr_vocabulary_free(vocabulary);
    if (status == GR_OK) return GR_OK;
    if (train) {
        gr_dataset_free(*train);
        *train = NULL;
    }
    return status == GR_NO_MEMORY ? status : gr_fail_prefix(status, "%s: ", name);
}

gr_status gr_read_text(const char *name, const char *path, const gr_data_options *options,
                       gr_dataset **train, gr_dataset **test)
{
    char *text;
    size_t size;
    GR_TRY(gr_source_read(path, &text, &size));
    gr_status status = gr_text_dataset(name, text, size, options, train, test);
    gr_free(text);
    return status;
}
