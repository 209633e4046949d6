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

static gr_status jpeg_begin(j_decompress_ptr jpeg, const jpeg_job *job, gr_tensor *image)
{
    jpeg_read_header(jpeg, TRUE);
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
        jpeg->out_color_space = JCS_GRAYSCALE;
        break;
    case JCS_RGB:
    case JCS_YCbCr:
        jpeg->out_color_space = JCS_RGB;
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
    int channels = jpeg->out_color_space == JCS_GRAYSCALE ? 1 : 3;
    return gr_image_make(job->name, channels, jpeg->image_height, jpeg->image_width, image);
}

/* Where longjmp comes back to: nothing local to this function changes after setjmp. */
static gr_status jpeg_read_all(jpeg_job *job, j_decompress_ptr jpeg, const unsigned char *data,
                               unsigned char **row, gr_tensor *image)
{
    if (setjmp(job->jump)) return job->status;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &job->progress;
    jpeg_mem_src(jpeg, data, (unsigned long)job->size);
    GR_TRY(jpeg_begin(jpeg, job, image));
    *row = gr_alloc_array((size_t)image->shape.dim[2], (size_t)image->shape.dim[0]);
    if (!*row) return gr_fail_prefix(GR_NO_MEMORY, "%s: ", job->name);
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        int64_t y = jpeg->output_scanline;
        if (jpeg_read_scanlines(jpeg, row, 1) == 1) gr_image_set_row(image, y, *row);
    }
    jpeg_finish_decompress(jpeg);
    return GR_OK;
}

gr_status gr_jpeg_decode(const unsigned char *data, size_t size, const char *name, gr_tensor *image)
{
    jpeg_job job = {.name = name, .size = size, .status = GR_OK};
    struct jpeg_decompress_struct jpeg = {0};
    unsigned char *row = NULL;
    jpeg.err = jpeg_std_error(&job.manager);
    job.manager.error_exit = jpeg_job_fail;
    job.manager.emit_message = jpeg_job_remark;
    job.progress.progress_monitor = jpeg_job_progress;
    gr_status status = jpeg_read_all(&job, &jpeg, data, &row, image);
    jpeg_destroy_decompress(&jpeg);
    gr_free(row);
    if (status != GR_OK) gr_tensor_clear(image);
    return status;
}

#else

gr_status gr_jpeg_decode(const unsigned char *data, size_t size, const char *name, gr_tensor *image)
{
    (void)data;
    (void)size;
    (void)image;
    return gr_fail(GR_UNSUPPORTED, "%s: this build has no libjpeg (Debian: libjpeg-dev)", name);
}

#endif
