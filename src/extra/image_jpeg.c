/* JPEG by libjpeg (libjpeg-turbo). Its memory does not come through gr_allocator: it offers no
 * hook; all else does. */
#include "extra/image.h"

#if defined(GRADUS_HAVE_JPEG)
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>

/* A progressive file may repeat scans without end; real ones have a dozen. */
#define JPEG_MOST_SCANS 200

/* Four bytes a pixel are taken apart faster than three; libjpeg-turbo alone offers them. */
#if defined(JCS_EXTENSIONS)
#define JPEG_COLOURS JCS_EXT_RGBX
#else
#define JPEG_COLOURS JCS_RGB
#endif

typedef struct jpeg_job {
    struct jpeg_error_mgr manager; /* first: libjpeg hands out a pointer to it */
    struct jpeg_progress_mgr progress;
    const char *name;
    size_t size;
    gr_status status;
    jmp_buf jump;
} jpeg_job;

static size_t jpeg_place(j_common_ptr common, const jpeg_job *job)
{
    const struct jpeg_source_mgr *source =
        common->is_decompressor ? ((j_decompress_ptr)common)->src : NULL;
    return source && source->bytes_in_buffer <= job->size ? job->size - source->bytes_in_buffer
                                                          : job->size;
}

static void jpeg_job_fail(j_common_ptr common)
{
    jpeg_job *job = (jpeg_job *)(void *)common->err;
    if (job->status == GR_OK && common->err->msg_code == JERR_OUT_OF_MEMORY) {
        job->status = gr_fail(GR_NO_MEMORY, "%s: out of memory in libjpeg", job->name);
    } else if (job->status == GR_OK) {
        char words[JMSG_LENGTH_MAX];
        common->err->format_message(common, words);
        job->status = gr_fail(GR_FORMAT, "%s: the JPEG image is damaged before byte %zu: %s",
                              job->name, jpeg_place(common, job), words);
    }
    longjmp(job->jump, 1);
}

/* Of libjpeg's warnings, most mean that pixels are missing or made up: those are faults here. */
static void jpeg_job_remark(j_common_ptr common, int level)
{
    int code = common->err->msg_code;
    if (level >= 0 || code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM ||
        code == JWRN_JFIF_MAJOR) {
        return;
    }
    jpeg_job_fail(common);
}

static void jpeg_job_progress(j_common_ptr common)
{
    jpeg_job *job = (jpeg_job *)(void *)common->err;
    int scans = ((j_decompress_ptr)common)->input_scan_number;
    if (scans <= JPEG_MOST_SCANS) return;
    job->status = gr_fail(GR_FORMAT, "%s: found more than %d scans in the JPEG image", job->name,
                          JPEG_MOST_SCANS);
    longjmp(job->jump, 1);
}

static gr_status jpeg_begin(j_decompress_ptr jpeg, const jpeg_job *job)
{
    jpeg_read_header(jpeg, TRUE);
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
        jpeg->out_color_space = JCS_GRAYSCALE;
        break;
    case JCS_RGB:
    case JCS_YCbCr:
        jpeg->out_color_space = JPEG_COLOURS;
        break;
    case JCS_CMYK:
    case JCS_YCCK:
        return gr_fail(GR_UNSUPPORTED,
                       "%s: the JPEG image has CMYK colours: convert it to RGB first", job->name);
    default:
        return gr_fail(GR_UNSUPPORTED,
                       "%s: the JPEG image has %d colour components of no known "
                       "meaning",
                       job->name, jpeg->num_components);
    }
    return GR_OK;
}

/* A half, a quarter, an eighth: the shrinking that libjpeg-turbo has vector code for. */
static unsigned jpeg_denominator(double shrink)
{
    return shrink >= 8 ? 8 : shrink >= 4 ? 4 : shrink >= 2 ? 2 : 1;
}

/* What is wanted of an image: its pixels, or its sides. */
typedef struct jpeg_request {
    double shrink;
    gr_tensor *image; /* NULL: the sides */
    int64_t height, width;
    unsigned char *row;
} jpeg_request;

static gr_status jpeg_read_pixels(const jpeg_job *job, j_decompress_ptr jpeg, jpeg_request *request)
{
    gr_tensor *image = request->image;
    jpeg->scale_num = 1;
    jpeg->scale_denom = jpeg_denominator(request->shrink);
    jpeg_calc_output_dimensions(jpeg);
    int channels = jpeg->out_color_space == JCS_GRAYSCALE ? 1 : 3;
    GR_TRY(gr_image_make(job->name, channels, jpeg->output_height, jpeg->output_width, image));
    request->row = gr_alloc_array(jpeg->output_width, (size_t)jpeg->output_components);
    if (!request->row) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", job->name);
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        int64_t y = jpeg->output_scanline;
        if (jpeg_read_scanlines(jpeg, &request->row, 1) == 1) {
            gr_image_set_row(image, y, request->row, jpeg->output_components);
        }
    }
    jpeg_finish_decompress(jpeg);
    return GR_OK;
}

/* Where longjmp comes back to: nothing local to this function changes after setjmp. */
static gr_status jpeg_read_all(jpeg_job *job, j_decompress_ptr jpeg, const unsigned char *data,
                               jpeg_request *request)
{
    if (setjmp(job->jump)) return job->status;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &job->progress;
    jpeg_mem_src(jpeg, data, (unsigned long)job->size);
    GR_TRY(jpeg_begin(jpeg, job));
    GR_TRY(gr_image_check(job->name, jpeg->image_height, jpeg->image_width));
    request->height = jpeg->image_height;
    request->width = jpeg->image_width;
    return request->image ? jpeg_read_pixels(job, jpeg, request) : GR_OK;
}

static gr_status jpeg_run(const unsigned char *data, size_t size, const char *name,
                          jpeg_request *request)
{
    jpeg_job job = {.name = name, .size = size, .status = GR_OK};
    struct jpeg_decompress_struct jpeg = {0};
    jpeg.err = jpeg_std_error(&job.manager);
    job.manager.error_exit = jpeg_job_fail;
    job.manager.emit_message = jpeg_job_remark;
    job.progress.progress_monitor = jpeg_job_progress;
    gr_status status = jpeg_read_all(&job, &jpeg, data, request);
    jpeg_destroy_decompress(&jpeg);
    gr_free(request->row);
    return status;
}

gr_status gr_jpeg_decode(const unsigned char *data, size_t size, const char *name, double shrink,
                         gr_tensor *image)
{
    jpeg_request request = {.shrink = shrink, .image = image};
    gr_status status = jpeg_run(data, size, name, &request);
    if (status != GR_OK) gr_tensor_clear(image);
    return status;
}

gr_status gr_jpeg_measure(const unsigned char *data, size_t size, const char *name, int64_t *height,
                          int64_t *width)
{
    jpeg_request request = {.shrink = 1};
    GR_TRY(jpeg_run(data, size, name, &request));
    *height = request.height;
    *width = request.width;
    return GR_OK;
}

#else

static gr_status jpeg_missing(const char *name)
{
    return gr_fail(GR_UNSUPPORTED, "%s: this build has no libjpeg (Debian: libjpeg-dev)", name);
}

gr_status gr_jpeg_decode(const unsigned char *data, size_t size, const char *name, double shrink,
                         gr_tensor *image)
{
    (void)data;
    (void)size;
    (void)shrink;
    (void)image;
    return jpeg_missing(name);
}

gr_status gr_jpeg_measure(const unsigned char *data, size_t size, const char *name, int64_t *height,
                          int64_t *width)
{
    (void)data;
    (void)size;
    (void)height;
    (void)width;
    return jpeg_missing(name);
}

#endif
