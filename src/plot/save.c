/* Figures to files. */
#include <math.h>
#include <strings.h>

#include <gradus/io.h>

#include "plot/figure.h"

#ifdef GRADUS_HAVE_CAIRO
#include <cairo-pdf.h>
#include <cairo-svg.h>

#include "plot/draw.h"

static cairo_status_t save_append(void *user, const unsigned char *data, unsigned size)
{
    gr_text *text = user;
    gr_text_append(text, (const char *)data, size);
    return text->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static gr_status save_status(cairo_status_t status, const char *path)
{
    if (status == CAIRO_STATUS_SUCCESS) return GR_OK;
    if (status == CAIRO_STATUS_NO_MEMORY) {
        return gr_fail(GR_NO_MEMORY, "%s: out of memory while the figure was drawn", path);
    }
    if (status == CAIRO_STATUS_INVALID_STRING) {
        return gr_fail(GR_INVALID, "%s: a text of the figure is not UTF-8", path);
    }
    return gr_fail(GR_INTERNAL, "%s: cairo: %s", path, cairo_status_to_string(status));
}

/* Draws on a surface with `scale` units to a point, and ends it. What moves goes to `motion`,
 * unless that is NULL. */
static gr_status save_draw(const plot_sheet *sheet, cairo_surface_t *surface, double scale,
                           gr_text *motion, const char *path)
{
    plot_pen pen = {.cairo = cairo_create(surface), .motion = motion};
    cairo_scale(pen.cairo, scale, scale);
    sheet->draw(sheet->user, &pen);
    cairo_status_t status = cairo_status(pen.cairo);
    cairo_destroy(pen.cairo);
    return pen.failed ? GR_NO_MEMORY : save_status(status, path);
}

/* cairo numbers the surfaces of a process; here every figure is the first. */
static void save_drop_numbers(gr_text *text)
{
    static const char word[] = "surface";
    char *to = text->data;
    const char *from = text->data, *end = text->data + text->size;
    while (from < end) {
        bool found =
            (size_t)(end - from) >= sizeof word && memcmp(from, word, sizeof word - 1) == 0;
        *to++ = *from++;
        if (!found) continue;
        for (size_t i = 1; i < sizeof word - 1; i++) *to++ = *from++;
        while (from < end && *from >= '0' && *from <= '9') from++;
    }
    text->size = (size_t)(to - text->data);
}

static gr_status save_vector(const plot_sheet *sheet, const char *path, bool svg, gr_text *text)
{
    cairo_surface_t *surface =
        svg ? cairo_svg_surface_create_for_stream(save_append, text, sheet->width, sheet->height)
            : cairo_pdf_surface_create_for_stream(save_append, text, sheet->width, sheet->height);
    if (!svg) {
        /* The time of drawing would differ from run to run. */
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE,
                                       "2000-01-01T00:00:00Z");
        if (sheet->title) {
            cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, sheet->title);
        }
    }
    gr_text motion = {0};
    gr_status status = save_draw(sheet, surface, 1, svg ? &motion : NULL, path);
    cairo_surface_finish(surface);
    if (status == GR_OK) status = save_status(cairo_surface_status(surface), path);
    cairo_surface_destroy(surface);
    if (status == GR_OK && svg) save_drop_numbers(text);
    if (status == GR_OK && motion.size > 0) gr_plot_motion_insert(text, &motion);
    if (motion.failed) status = GR_NO_MEMORY;
    gr_text_free(&motion);
    return status;
}

static gr_status save_png(const plot_sheet *sheet, const char *path, gr_text *text)
{
    const double scale = sheet->dpi / 72;
    const double width = ceil(sheet->width * scale), height = ceil(sheet->height * scale);
    if (!(width <= 32000 && height <= 32000)) {
        return gr_fail(GR_INVALID,
                       "%s: %g by %g points at %g dots per inch are more than the "
                       "32000 dots a side that can be drawn",
                       path, sheet->width, sheet->height, sheet->dpi);
    }
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width, (int)height);
    gr_status status = save_draw(sheet, surface, scale, NULL, path);
    if (status == GR_OK) {
        status = save_status(cairo_surface_write_to_png_stream(surface, save_append, text), path);
    }
    cairo_surface_destroy(surface);
    return status;
}

gr_status gr_plot_sheet_boxes(const plot_sheet *sheet, plot_box *box, int capacity, int *n)
{
    cairo_surface_t *surface = cairo_recording_surface_create(CAIRO_CONTENT_COLOR, NULL);
    plot_pen pen = {.cairo = cairo_create(surface), .box = box, .capacity = capacity};
    sheet->draw(sheet->user, &pen);
    cairo_status_t status = cairo_status(pen.cairo);
    cairo_destroy(pen.cairo);
    cairo_surface_destroy(surface);
    *n = pen.boxes;
    return pen.failed ? GR_NO_MEMORY : save_status(status, "figure");
}

gr_status gr_plot_sheet_save(const plot_sheet *sheet, const char *path)
{
    gr_text text = {0};
    const char *ending = strrchr(path, '.');
    gr_status status = strcasecmp(ending, ".png") == 0
                           ? save_png(sheet, path, &text)
                           : save_vector(sheet, path, strcasecmp(ending, ".svg") == 0, &text);
    if (text.failed) status = GR_NO_MEMORY;
    if (status == GR_OK) status = gr_file_write(path, text.data, text.size);
    gr_text_free(&text);
    return status;
}

static void save_draw_figure(const void *user, plot_pen *pen)
{
    gr_plot_draw(user, pen);
}

static plot_sheet save_sheet(const gr_figure *figure)
{
    return (plot_sheet){figure->width, figure->height,   figure->dpi,
                        figure->title, save_draw_figure, figure};
}

gr_status gr_plot_text_boxes(const gr_figure *figure, plot_box *box, int capacity, int *n)
{
    const plot_sheet sheet = save_sheet(figure);
    return gr_plot_sheet_boxes(&sheet, box, capacity, n);
}

static gr_status save_figure(const gr_figure *figure, const char *path)
{
    const plot_sheet sheet = save_sheet(figure);
    return gr_plot_sheet_save(&sheet, path);
}

static gr_status save_possible(const char *path)
{
    (void)path;
    return GR_OK;
}
#else
static gr_status save_possible(const char *path)
{
    return gr_fail(GR_UNSUPPORTED,
                   "%s: this build draws no figures: it was made without cairo (Debian package "
                   "libcairo2-dev)",
                   path);
}

static gr_status save_figure(const gr_figure *figure, const char *path)
{
    (void)figure;
    return save_possible(path);
}

gr_status gr_plot_text_boxes(const gr_figure *figure, plot_box *box, int capacity, int *n)
{
    (void)figure;
    (void)box;
    (void)capacity;
    *n = 0;
    return save_possible("figure");
}
#endif

gr_status gr_figure_check(const char *path)
{
    static const char *const endings[] = {".svg", ".pdf", ".png"};
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; dot && i < GR_LEN(endings); i++) {
        if (strcasecmp(dot, endings[i]) == 0) return save_possible(path);
    }
    return gr_fail(GR_UNSUPPORTED,
                   "%s: figures are written to files that end in .svg, .pdf or .png", path);
}

gr_status gr_figure_save(const gr_figure *figure, const char *path)
{
    GR_TRY(gr_figure_check(path));
    return save_figure(figure, path);
}
