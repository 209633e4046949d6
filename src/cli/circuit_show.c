/* Values of a circuit as text. */
#include "cli/circuit.h"
#include "cli/out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Up to SHOW_WHOLE elements stand as they are; of longer axes SHOW_EDGE at either end; if these are
 * still too many, the range must do. */
enum { SHOW_WHOLE = 16, SHOW_EDGE = 2 };

typedef struct show_text {
    const gr_tensor *value;
    int digits;
    bool edges; /* the ends of axes alone */
    FILE *to;
} show_text;

static void show_element(const show_text *show, int64_t i)
{
    double number = gr_tensor_at(show->value, i);
    if (show->value->dtype == GR_BOOL)
        fputs(number != 0 ? "true" : "false", show->to);
    else if (isnan(number))
        fputs("nan", show->to);
    else
        fprintf(show->to, "%.*g", show->digits, number + 0.); /* -0 becomes 0 */
}

static bool show_axis_cut(const show_text *show, int axis)
{
    return show->edges && show->value->shape.dim[axis] > 2 * SHOW_EDGE + 1;
}

/* The part of the tensor from element `at`, of `count` elements, along `axis` and those behind. */
static void show_axis(const show_text *show, int axis, int64_t at, int64_t count)
{
    if (axis == show->value->shape.rank) {
        show_element(show, at);
        return;
    }
    int64_t size = show->value->shape.dim[axis];
    bool cut = show_axis_cut(show, axis);
    fputc('[', show->to);
    for (int64_t i = 0; i < size; i++) {
        if (i) fputs(", ", show->to);
        if (cut && i == SHOW_EDGE) {
            fprintf(show->to, "%s, ", cli_glyph("…", "..."));
            i = size - SHOW_EDGE;
        }
        show_axis(show, axis + 1, at + i * (count / size), count / size);
    }
    fputc(']', show->to);
}

static void show_range(const show_text *show)
{
    double least = INFINITY, most = -INFINITY;
    bool ordered = true;
    for (int64_t i = 0; i < gr_shape_count(show->value->shape); i++) {
        double number = gr_tensor_at(show->value, i);
        ordered = ordered && !isnan(number);
        least = fmin(least, number);
        most = fmax(most, number);
    }
    fprintf(show->to, "%.*g to %.*g%s", show->digits, least + 0., show->digits, most + 0.,
            ordered ? "" : " and nan");
}

static int64_t show_edge_count(const show_text *show)
{
    int64_t count = 1;
    for (int i = 0; i < show->value->shape.rank; i++)
        count *= show_axis_cut(show, i) ? 2 * SHOW_EDGE : show->value->shape.dim[i];
    return count;
}

char *circuit_show(const gr_tensor *value, int digits)
{
    char *text = NULL, shape[96];
    size_t size;
    int64_t count = gr_shape_count(value->shape);
    show_text show = {.value = value, .digits = digits, .edges = count > SHOW_WHOLE};
    show.to = open_memstream(&text, &size);
    if (!show.to) return cli_format("?");
    if (show.edges && show_edge_count(&show) > SHOW_WHOLE)
        show_range(&show);
    else
        show_axis(&show, 0, 0, count);
    if (show.edges) fprintf(show.to, " %s", gr_shape_print(value->shape, shape, sizeof shape));
    fclose(show.to);
    return text;
}
