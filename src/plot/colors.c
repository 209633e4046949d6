/* Colours: of series, and of values. */
#include <math.h>

#include "plot/figure.h"

/* Okabe and Ito 2008, "Color universal design"; grey first, the yellow, too light on white, left
 * out. */
static const unsigned color_palette[PLOT_BASE_COLORS + 1] = {
    0x606060, 0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x000000};

unsigned gr_plot_palette(int color)
{
    return color_palette[color < 1 ? 0 : 1 + (color - 1) % PLOT_BASE_COLORS];
}

/* Evenly spaced colours, between which others are interpolated. */
static const unsigned color_viridis[] = {0x440154, 0x482878, 0x3E4A89, 0x31688E, 0x26828E,
                                         0x1F9E89, 0x35B779, 0x6DCD59, 0xB4DE2C, 0xFDE725};
static const unsigned color_grey[] = {0x000000, 0xFFFFFF};
static const unsigned color_pale[] = {0xFFFFFF, 0xDCE9F4, 0xA9CCE5, 0x6BAED6, 0x2F7EBC, 0x08468B};
static const unsigned color_faint[] = {0xFFFFFF, 0x9C9C9C};
static const unsigned color_diverging[] = {0x053B61, 0x0072B2, 0x6FB3DA, 0xC9E2F1, 0xFFFFFF,
                                           0xFCE0CC, 0xF0A070, 0xD55E00, 0x7A3300};

static unsigned color_mix(unsigned from, unsigned to, double share)
{
    unsigned mixed = 0;
    for (int shift = 0; shift < 24; shift += 8) {
        const double a = from >> shift & 0xFF, b = to >> shift & 0xFF;
        mixed |= (unsigned)lround(a + share * (b - a)) << shift;
    }
    return mixed;
}

static unsigned color_between(const unsigned *colors, size_t n, double place)
{
    const double at = fmin(fmax(place, 0), 1) * (double)(n - 1);
    const size_t i = at >= (double)(n - 1) ? n - 2 : (size_t)at;
    return color_mix(colors[i], colors[i + 1], at - (double)i);
}

static unsigned color_of(gr_color_map map, double place)
{
    switch (map) {
    case GR_MAP_GREY:
        return color_between(color_grey, GR_LEN(color_grey), place);
    case GR_MAP_PALE:
        return color_between(color_pale, GR_LEN(color_pale), place);
    case GR_MAP_FAINT:
        return color_between(color_faint, GR_LEN(color_faint), place);
    case GR_MAP_DIVERGING:
        return color_between(color_diverging, GR_LEN(color_diverging), place);
    default:
        return color_between(color_viridis, GR_LEN(color_viridis), place);
    }
}

/* The value that stands for all of those between the same two levels: their middle. */
static double color_band(const plot_layer *layer, double value)
{
    int i = 0;
    while (i < layer->levels && value >= layer->level[i]) i++;
    const double from = i == 0 ? layer->low : layer->level[i - 1];
    const double to = i == layer->levels ? layer->high : layer->level[i];
    return layer->log ? sqrt(from * to) : (from + to) / 2;
}

int64_t gr_plot_layer_color(const plot_layer *layer, double value)
{
    const plot_axis range = {.low = layer->low, .high = layer->high, .log = layer->log};
    if (isnan(value) || (layer->log && value <= 0)) return -1;
    if (layer->map == GR_MAP_CLASSES) {
        const int color = 1 + (int)fmin(fmax(value + 0.5, 0), PLOT_COLORS - 1);
        return color_mix(gr_plot_palette(color), 0xFFFFFF, 0.62);
    }
    if (isinf(value)) value = value > 0 ? layer->high : layer->low;
    if (layer->kind == GR_GRID_FILLED) value = color_band(layer, value);
    return color_of(layer->map, gr_plot_axis_place(&range, value));
}
