/* Encoded pictures: which part is decoded, how large, and what becomes of bad ones. */
#include "data/pictures.h"

void gr_pictures_free(gr_pictures *pictures)
{
    if (!pictures) return;
    if (pictures->free) pictures->free(pictures->user);
    gr_free((void *)pictures->is_bad);
    gr_free(pictures);
}

gr_status gr_storage_pictures(gr_storage *storage, const gr_picture_decoder *decoder, bool skip,
                              const gr_pictures *pictures)
{
    gr_pictures *made = gr_alloc(sizeof *made);
    if (!made) {
        if (pictures->free) pictures->free(pictures->user);
        return GR_NO_MEMORY;
    }
    *made = *pictures;
    made->skip = skip;
    storage->pictures = made;
    storage->dtype = GR_U8;
    storage->shape = GR_SHAPE(3, 0, 0);
    if (!decoder) {
        return gr_fail(GR_UNSUPPORTED,
                       "data set '%s': pictures need a decoder, which libgradus-extra has: "
                       "gr_image_decoder() of gradus/image.h",
                       storage->name);
    }
    GR_TRY(GR_OPTIONS(gr_picture_decoder, &made->decoder, decoder));
    if (!skip) return GR_OK;
    made->is_bad = gr_alloc_array((size_t)storage->count, sizeof *made->is_bad);
    return made->is_bad ? GR_OK : GR_NO_MEMORY;
}

/* ---- Decoding one ------------------------------------------------------------------------- */

/* Grey becomes a colour picture of three equal planes. */
static gr_status pictures_colour(gr_tensor *picture)
{
    gr_tensor grey = *picture;
    gr_shape shape = grey.shape;
    if (shape.dim[0] == 3) return GR_OK;
    shape.dim[0] = 3;
    gr_status status = gr_tensor_new(GR_U8, shape, picture);
    const size_t plane = gr_tensor_bytes(&grey);
    for (size_t c = 0; status == GR_OK && c < 3; c++) {
        memcpy((char *)picture->data + c * plane, grey.data, plane);
    }
    gr_tensor_clear(&grey);
    return status;
}

static gr_status pictures_decode(const gr_pictures *pictures, const gr_encoded *encoded,
                                 double shrink, gr_tensor *picture)
{
    GR_TRY(pictures->decoder.decode(encoded->data, encoded->size, encoded->name, shrink, picture));
    return pictures_colour(picture);
}

/* What a view is made of. */
typedef struct pictures_request {
    const gr_view *view;
    uint64_t draw;
    gr_view_scratch *scratch;
    gr_frame *frame;
    float *y;
    gr_tensor *whole; /* or this: all of the picture */
} pictures_request;

/* Decodes no larger than the view needs: a decoder may halve a JPEG picture almost for nothing. */
static gr_status pictures_decode_view(const gr_pictures *pictures, const gr_encoded *encoded,
                                      const pictures_request *request)
{
    int64_t height, width;
    gr_tensor picture = {0};
    gr_frame *frame = request->frame;
    GR_TRY(pictures->decoder.measure(encoded->data, encoded->size, encoded->name, &height, &width));
    gr_view_frame(request->view, height, width, request->draw, frame);
    const double least = frame->tall < frame->wide ? frame->tall : frame->wide;
    GR_TRY(pictures_decode(pictures, encoded, least > 1 ? least : 1, &picture));
    const double tall = (double)picture.shape.dim[1] / (double)height;
    const double wide = (double)picture.shape.dim[2] / (double)width;
    frame->top *= tall;
    frame->tall *= tall;
    frame->left *= wide;
    frame->wide *= wide;
    gr_status status =
        gr_view_apply(frame, GR_U8, picture.shape, picture.data, request->scratch, request->y);
    gr_tensor_clear(&picture);
    return status;
}

static gr_status pictures_try(const gr_pictures *pictures, int64_t i,
                              const pictures_request *request)
{
    gr_encoded encoded = {0};
    gr_status status = pictures->fetch(pictures->user, i, &encoded);
    if (status == GR_OK) {
        status = request->whole ? pictures_decode(pictures, &encoded, 1, request->whole)
                                : pictures_decode_view(pictures, &encoded, request);
    }
    gr_free(encoded.block);
    return status;
}

/* ---- Bad ones ----------------------------------------------------------------------------- */

/* The next picture of the class, in a circle: those of a class lie together. */
static int64_t pictures_next(const gr_storage *storage, int64_t i)
{
    const int32_t *labels = storage->labels;
    if (i + 1 < storage->count && (!labels || labels[i + 1] == labels[i])) return i + 1;
    while (i > 0 && (!labels || labels[i - 1] == labels[i])) i--;
    return i;
}

static bool pictures_may_skip(gr_status status)
{
    return status == GR_FORMAT || status == GR_UNSUPPORTED || status == GR_IO ||
           status == GR_NOT_FOUND;
}

/* Which picture stands in for a bad one depends on the files alone, so epochs, threads and resumed
 * trainings agree. */
static gr_status pictures_answer(const gr_storage *storage, int64_t i,
                                 const pictures_request *request)
{
    const gr_pictures *pictures = storage->pictures;
    int64_t at = i;
    do {
        if (!pictures->skip || !atomic_load(&pictures->is_bad[at])) {
            gr_status status = pictures_try(pictures, at, request);
            if (!pictures->skip || !pictures_may_skip(status)) return status;
            if (!atomic_exchange(&pictures->is_bad[at], 1)) {
                gr_remark(GR_LOG_WARNING, "%s; left out: another of its class stands in",
                          gr_message());
            }
        }
        at = pictures_next(storage, at);
    } while (at != i);
    return gr_fail(GR_FORMAT, "data set '%s': none of the pictures%s%s can be read", storage->name,
                   storage->labels ? " of class " : "",
                   storage->labels ? storage->class_names[storage->labels[i]] : "");
}

gr_status gr_pictures_view(const gr_storage *storage, int64_t i, const gr_view *view, uint64_t draw,
                           gr_view_scratch *scratch, gr_frame *frame, float *y)
{
    const pictures_request request = {view, draw, scratch, frame, y, NULL};
    return pictures_answer(storage, i, &request);
}

gr_status gr_pictures_read(const gr_storage *storage, int64_t i, gr_tensor *picture)
{
    const pictures_request request = {.whole = picture};
    *picture = (gr_tensor){0};
    return pictures_answer(storage, i, &request);
}
