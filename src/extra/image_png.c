/* PNG by libpng. */
#include "extra/image.h"

#include <gradus/image.h>

#if defined(GRADUS_HAVE_PNG)
#include <png.h>
#include <setjmp.h>
#include <stdio.h>

#include <gradus/io.h>

/* What libpng's callbacks share with the function that calls it. */
typedef struct png_job {
    const char *name;
    const unsigned char *data; /* NULL when writing */
    size_t size, at;           /* of data */
    gr_text file;              /* what is written */
    gr_status status;
    jmp_buf jump;
} png_job;

/* libpng wants a function that does not return: its frames hold nothing of ours. */
static void png_job_fail(png_structp png, png_const_charp words)
{
    png_job *job = png_get_error_ptr(png);
    if (job->status == GR_OK && !job->data) {
        job->status = gr_fail(GR_INTERNAL, "%s: %s", job->name, words);
    } else if (job->status == GR_OK) {
        job->status = gr_fail(GR_FORMAT, "%s: the PNG image is damaged before byte %zu: %s",
                              job->name, job->at, words);
    }
    longjmp(job->jump, 1);
}

static void png_job_ignore(png_structp png, png_const_charp words)
{
    (void)png;
    (void)words;
}

static png_voidp png_job_alloc(png_structp png, png_alloc_size_t size)
{
    png_job *job = png_get_mem_ptr(png);
    void *block = gr_realloc(NULL, size);
    if (!block) job->status = gr_fail_prefix(GR_NO_MEMORY, "%s: ", job->name);
    return block;
}

static void png_job_free(png_structp png, png_voidp block)
{
    (void)png;
    gr_free(block);
}

/* ---- Reading ------------------------------------------------------------------------------ */

static void png_job_read(png_structp png, png_bytep to, size_t size)
{
    png_job *job = png_get_io_ptr(png);
    if (size > job->size - job->at) {
        job->status = gr_fail(GR_FORMAT, "%s: the PNG image is cut: the file ends at byte %zu",
                              job->name, job->size);
        png_error(png, "end of file");
    }
    memcpy(to, job->data + job->at, size);
    job->at += size;
}

/* Asks for 8-bit samples, grey or colour, with alpha where the file has transparency; more is
 * refused than its bytes can hold (deflate makes 1032 of one at most). */
static gr_status png_begin(png_structp png, png_infop info, const png_job *job, gr_tensor *image)
{
    png_read_info(png, info);
    uint64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    if (png_get_rowbytes(png, info) > (uint64_t)job->size * 1032 / (height ? height : 1)) {
        return gr_fail(GR_FORMAT, "%s: %zu bytes cannot hold the %llux%llu pixels that they state",
                       job->name, job->size, (unsigned long long)width, (unsigned long long)height);
    }
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    int channels = png_get_channels(png, info);
    return gr_image_make(job->name, channels >= 3 ? 3 : 1, height, width, image);
}

/* Lays a row of samples with alpha on white; in place. */
static void png_flatten(unsigned char *row, size_t width, size_t colours)
{
    unsigned char *to = row;
    for (size_t x = 0; x < width; x++, row += colours + 1) {
        unsigned alpha = row[colours];
        for (size_t c = 0; c < colours; c++) {
            *to++ = (unsigned char)((alpha * row[c] + (255 - alpha) * 255 + 127) / 255);
        }
    }
}

gr_status gr_png_measure(const unsigned char *data, size_t size, const char *name, int64_t *height,
                         int64_t *width)
{
    /* The header is the first chunk: its length and name, then the sides, big-endian. */
    if (size < 24 || memcmp(data + 12, "IHDR", 4) != 0) {
        return gr_fail(GR_FORMAT, "%s: the PNG image is damaged or cut: no IHDR at byte 12", name);
    }
    uint64_t sides[2] = {0};
    for (int i = 0; i < 8; i++) sides[i / 4] = sides[i / 4] << 8 | data[16 + i];
    GR_TRY(gr_image_check(name, sides[1], sides[0]));
    *width = (int64_t)sides[0];
    *height = (int64_t)sides[1];
    return GR_OK;
}

typedef struct png_read_state {
    png_structp png;
    png_infop info;
    unsigned char *pixels; /* all rows, interleaved: interlaced images come in passes */
    png_bytep *rows;
} png_read_state;

static gr_status png_read_pixels(png_read_state *state, const char *name, gr_tensor *image)
{
    const size_t height = (size_t)image->shape.dim[1], width = (size_t)image->shape.dim[2];
    const size_t row_bytes = png_get_rowbytes(state->png, state->info);
    const size_t colours = (size_t)image->shape.dim[0];
    state->pixels = gr_alloc_array(height, row_bytes);
    state->rows = gr_alloc_array(height, sizeof *state->rows);
    if (!state->pixels || !state->rows) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", name);
    for (size_t y = 0; y < height; y++) state->rows[y] = state->pixels + y * row_bytes;
    png_read_image(state->png, state->rows);
    png_read_end(state->png, NULL);
    for (size_t y = 0; y < height; y++) {
        if (row_bytes != width * colours) png_flatten(state->rows[y], width, colours);
        gr_image_set_row(image, (int64_t)y, state->rows[y], (int)colours);
    }
    return GR_OK;
}

/* Where longjmp comes back to: nothing local to this function changes after setjmp. */
static gr_status png_read_all(png_job *job, png_read_state *state, gr_tensor *image)
{
    if (setjmp(job->jump)) return job->status;
    state->info = png_create_info_struct(state->png);
    if (!state->info) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", job->name);
    png_set_read_fn(state->png, job, png_job_read);
    GR_TRY(png_begin(state->png, state->info, job, image));
    return png_read_pixels(state, job->name, image);
}

gr_status gr_png_decode(const unsigned char *data, size_t size, const char *name, gr_tensor *image)
{
    png_job job = {.name = name, .data = data, .size = size, .status = GR_OK};
    png_read_state state = {0};
    state.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &job, png_job_fail, png_job_ignore,
                                         &job, png_job_alloc, png_job_free);
    if (!state.png) {
        return job.status ? job.status : gr_fail(GR_UNSUPPORTED, "%s: libpng does not start", name);
    }
    gr_status status = png_read_all(&job, &state, image);
    png_destroy_read_struct(&state.png, &state.info, NULL);
    gr_free(state.pixels);
    gr_free(state.rows);
    if (status != GR_OK) gr_tensor_clear(image);
    return status;
}

/* ---- Writing ------------------------------------------------------------------------------ */

static void png_job_write(png_structp png, png_bytep from, size_t size)
{
    png_job *job = png_get_io_ptr(png);
    gr_text_append(&job->file, (const char *)from, size);
    if (!job->file.failed) return;
    job->status = gr_fail_prefix(GR_NO_MEMORY, "%s: ", job->name);
    png_error(png, "out of memory");
}

static void png_job_flush(png_structp png)
{
    (void)png;
}

static gr_status png_write_all(png_job *job, png_structp png, png_infop *info, unsigned char *row,
                               const gr_tensor *image)
{
    const size_t channels = (size_t)image->shape.dim[0], height = (size_t)image->shape.dim[1];
    const size_t width = (size_t)image->shape.dim[2];
    const unsigned char *data = image->data;
    if (setjmp(job->jump)) return job->status;
    *info = png_create_info_struct(png);
    if (!*info) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", job->name);
    png_set_write_fn(png, job, png_job_write, png_job_flush);
    png_set_IHDR(png, *info, (png_uint_32)width, (png_uint_32)height, 8,
                 channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, *info);
    for (size_t y = 0; y < height; y++) {
        for (size_t i = 0; i < width * channels; i++) {
            row[i] = data[(i % channels * height + y) * width + i / channels];
        }
        png_write_row(png, row);
    }
    png_write_end(png, *info);
    return GR_OK;
}

static gr_status png_write_file(png_job *job, const gr_tensor *image)
{
    unsigned char *row = gr_alloc_array((size_t)image->shape.dim[2], (size_t)image->shape.dim[0]);
    if (!row) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", job->name);
    png_infop info = NULL;
    png_structp png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, job, png_job_fail,
                                                png_job_ignore, job, png_job_alloc, png_job_free);
    gr_status status = png ? png_write_all(job, png, &info, row, image)
                           : (job->status ? job->status : GR_UNSUPPORTED);
    png_destroy_write_struct(&png, &info);
    gr_free(row);
    return status;
}

gr_status gr_image_write_png(const char *path, const gr_tensor *image)
{
    const int64_t *dim = image->shape.dim;
    if (image->dtype != GR_U8 || image->shape.rank != 3 || (dim[0] != 1 && dim[0] != 3) ||
        dim[1] < 1 || dim[2] < 1 || dim[1] > GR_IMAGE_MAX_PIXELS / dim[2]) {
        return gr_fail(GR_SHAPE, "%s: %s %s is no picture: u8 [1,h,w] or [3,h,w]", path,
                       gr_dtype_name(image->dtype), gr_shape_text(image->shape));
    }
    png_job job = {.name = path, .status = GR_OK};
    gr_status status = png_write_file(&job, image);
    if (status == GR_OK) status = gr_file_write(path, job.file.data, job.file.size);
    gr_text_free(&job.file);
    return status;
}

#else

static gr_status png_missing(const char *name)
{
    return gr_fail(GR_UNSUPPORTED, "%s: this build has no libpng (Debian: libpng-dev)", name);
}

gr_status gr_png_decode(const unsigned char *data, size_t size, const char *name, gr_tensor *image)
{
    (void)data;
    (void)size;
    (void)image;
    return png_missing(name);
}

gr_status gr_png_measure(const unsigned char *data, size_t size, const char *name, int64_t *height,
                         int64_t *width)
{
    (void)data;
    (void)size;
    (void)height;
    (void)width;
    return png_missing(name);
}

gr_status gr_image_write_png(const char *path, const gr_tensor *image)
{
    (void)image;
    return png_missing(path);
}

#endif
