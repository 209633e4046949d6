/* Text in figures: measured, shortened to fit, drawn. */
#include "plot/draw.h"

#ifdef GRADUS_HAVE_CAIRO
#include <math.h>
#include <stdio.h>

#define PLOT_RAISED 0.72 /* size of an exponent */
#define PLOT_ELLIPSIS "\xE2\x80\xA6"

static const struct {
    double size;
    bool bold;
    unsigned rgb;
} plot_faces[PLOT_FACES] = {
    [PLOT_TICK] = {7.5, false, 0x404040},  [PLOT_LABEL] = {8.5, false, 0x202020},
    [PLOT_TITLE] = {9, true, 0x202020},    [PLOT_HEADING] = {10.5, true, 0x101010},
    [PLOT_GATE] = {9.5, false, 0x202020},  [PLOT_NAME] = {7, false, 0x707070},
    [PLOT_VALUE] = {7.5, false, 0x007A59}, [PLOT_GRADIENT] = {7.5, false, 0xC04A00},
};

static void plot_text_face(plot_pen *pen, plot_face face, double scale)
{
    cairo_select_font_face(pen->cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           plot_faces[face].bold ? CAIRO_FONT_WEIGHT_BOLD
                                                 : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(pen->cairo, plot_faces[face].size * scale);
}

double gr_plot_text_height(plot_face face)
{
    return 1.25 * plot_faces[face].size;
}

static double plot_text_advance(plot_pen *pen, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(pen->cairo, text, &extents);
    return extents.x_advance;
}

/* The plain part of the text of a tick in `plain`; returns the raised part, or NULL. */
static const char *plot_text_split(plot_face face, const char *text, char plain[PLOT_TICK_TEXT])
{
    const char *raised = face == PLOT_TICK ? strchr(text, '^') : NULL;
    if (!raised || raised - text >= PLOT_TICK_TEXT) return NULL;
    memcpy(plain, text, (size_t)(raised - text));
    plain[raised - text] = '\0';
    return raised + 1;
}

double gr_plot_text_width(plot_pen *pen, plot_face face, const char *text)
{
    char plain[PLOT_TICK_TEXT];
    const char *raised = plot_text_split(face, text, plain);
    plot_text_face(pen, face, 1);
    double width = plot_text_advance(pen, raised ? plain : text);
    if (!raised) return width;
    plot_text_face(pen, face, PLOT_RAISED);
    return width + plot_text_advance(pen, raised);
}

/* Cuts whole characters off the end, and puts an ellipsis there, until the text fits. */
static void plot_text_shorten(plot_pen *pen, plot_face face, double room, char *text, size_t size)
{
    size_t length = strlen(text);
    if (gr_plot_text_width(pen, face, text) <= room) return;
    while (length > 0) {
        do length--;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80);
        if (length + sizeof PLOT_ELLIPSIS > size) continue;
        memcpy(text + length, PLOT_ELLIPSIS, sizeof PLOT_ELLIPSIS);
        if (gr_plot_text_width(pen, face, text) <= room) return;
    }
    text[0] = '\0';
}

static void plot_text_show(plot_pen *pen, plot_face face, double x, double base, const char *text)
{
    char plain[PLOT_TICK_TEXT];
    const char *raised = plot_text_split(face, text, plain);
    plot_text_face(pen, face, 1);
    gr_plot_color(pen, plot_faces[face].rgb);
    cairo_move_to(pen->cairo, x, base);
    cairo_show_text(pen->cairo, raised ? plain : text);
    if (!raised) return;
    x += plot_text_advance(pen, plain);
    plot_text_face(pen, face, PLOT_RAISED);
    cairo_move_to(pen->cairo, x, base - 0.4 * plot_faces[face].size);
    cairo_show_text(pen->cairo, raised);
}

static void plot_text_note(plot_pen *pen, plot_box box)
{
    if (pen->box && pen->boxes < pen->capacity) pen->box[pen->boxes] = box;
    pen->boxes++;
}

double gr_plot_text_draw(plot_pen *pen, plot_face face, double x, double y, plot_align align,
                         double room, const char *text)
{
    char fit[512];
    size_t length = strlen(text);
    if (length >= sizeof fit) {
        length = sizeof fit - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) length--;
    }
    memcpy(fit, text, length);
    fit[length] = '\0';
    plot_text_shorten(pen, face, room, fit, sizeof fit);
    const double width = gr_plot_text_width(pen, face, fit), size = plot_faces[face].size;
    if (align == PLOT_CENTRE) x -= width / 2;
    if (align == PLOT_RIGHT) x -= width;
    plot_text_show(pen, face, x, y + 0.97 * size, fit);
    if (fit[0]) plot_text_note(pen, (plot_box){x, y + 0.15 * size, width, 1.05 * size});
    return width;
}

void gr_plot_text_draw_up(plot_pen *pen, plot_face face, double x, double y, plot_align align,
                          double room, const char *text)
{
    const int before = pen->boxes;
    cairo_save(pen->cairo);
    cairo_translate(pen->cairo, x, y);
    cairo_rotate(pen->cairo, -1.5707963267948966);
    gr_plot_text_draw(pen, face, 0, 0, align, room, text);
    cairo_restore(pen->cairo);
    if (!pen->box || pen->boxes == before || before >= pen->capacity) return;
    const plot_box flat = pen->box[before];
    pen->box[before] = (plot_box){x + flat.y, y - flat.x - flat.width, flat.height, flat.width};
}

/* ---- Notes -------------------------------------------------------------------------------- */

static void note_show(plot_pen *pen, double x, double y, unsigned rgb, const char *text)
{
    const double size = plot_faces[PLOT_TICK].size;
    plot_text_face(pen, PLOT_TICK, 1);
    gr_plot_color(pen, rgb);
    cairo_move_to(pen->cairo, x, y + 0.36 * size);
    cairo_show_text(pen->cairo, text);
}

static bool note_is_number(const char *text)
{
    return strspn(text, "0123456789+-.,%e") == strlen(text);
}

static bool note_free(const plot_box *taken, size_t n, plot_box box)
{
    for (size_t i = 0; i < n; i++) {
        const plot_box other = taken[i];
        if (box.x < other.x + other.width && other.x < box.x + box.width &&
            box.y < other.y + other.height && other.y < box.y + box.height) {
            return false;
        }
    }
    return true;
}

void gr_plot_notes_draw(plot_pen *pen, const plot_panel *panel, const plot_axis axis[2],
                        plot_box area)
{
    size_t drawn = 0;
    plot_box *taken = gr_alloc_array(panel->notes + 1, sizeof *taken);
    const double size = plot_faces[PLOT_TICK].size;
    if (!taken) pen->failed = true;
    for (size_t i = 0; taken && i < panel->notes; i++) {
        const plot_note *note = &panel->note[i];
        char text[128];
        const double u = gr_plot_axis_place(&axis[0], note->x);
        const double v = gr_plot_axis_place(&axis[1], note->y);
        if (!(u >= 0 && u <= 1 && v >= 0 && v <= 1)) continue;
        const double share = fabs(gr_plot_axis_place(&axis[0], note->x + note->width) - u);
        const double room = note->width > 0 ? share * area.width - 2 : area.width;
        snprintf(text, sizeof text, "%s", note->text);
        if (note_is_number(text) && gr_plot_text_width(pen, PLOT_TICK, text) > room) continue;
        plot_text_shorten(pen, PLOT_TICK, room, text, sizeof text);
        const double width = gr_plot_text_width(pen, PLOT_TICK, text);
        const double x = area.x + u * area.width, y = area.y + (1 - v) * area.height;
        const plot_box box = {x - width / 2, y - 0.5 * size, width, 0.95 * size};
        if (!text[0] || box.x < area.x || box.x + width > area.x + area.width || box.y < area.y ||
            box.y + box.height > area.y + area.height || !note_free(taken, drawn, box)) {
            continue;
        }
        taken[drawn++] = box;
        note_show(pen, box.x, y,
                  note->color < 0    ? 0xFFFFFF
                  : note->color == 0 ? 0x303030
                                     : gr_plot_palette(note->color),
                  text);
        plot_text_note(pen, box);
    }
    gr_free(taken);
}
#endif
