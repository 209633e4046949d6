/* Ranges of axes, and ticks at round values. */
#include <math.h>
#include <stdio.h>

#include "plot/figure.h"

/* ---- Ranges ------------------------------------------------------------------------------- */

typedef struct plot_extent {
    double low, high;
    bool any, whole;
} plot_extent;

static void plot_extent_add(plot_extent *extent, double value, bool log)
{
    if (!isfinite(value) || (log && value <= 0)) return;
    if (!extent->any || value < extent->low) extent->low = value;
    if (!extent->any || value > extent->high) extent->high = value;
    extent->any = true;
    extent->whole = extent->whole && fabs(value) < 1e15 && value == nearbyint(value);
}

double gr_plot_bar_half(const plot_series *series)
{
    double least = INFINITY;
    for (int i = 1; i < series->n; i++) {
        double apart = fabs(series->x[i] - series->x[i - 1]);
        if (apart > 0) least = fmin(least, apart);
    }
    return isfinite(least) ? least / 2 : 0.5;
}

void gr_plot_layer_reach(const plot_layer *layer, int which, double ends[2])
{
    const double *end = which == 0 ? layer->x : layer->y;
    const int n = which == 0 ? layer->columns : layer->rows;
    const bool cells = layer->pixel || layer->kind == GR_GRID_CELLS;
    const double half = cells ? (n > 1 ? (end[1] - end[0]) / (n - 1) / 2 : 0.5) : 0;
    ends[0] = end[0] - half;
    ends[1] = end[1] + half;
}

static void plot_extent_series(plot_extent *extent, const plot_series *series, int which, bool log)
{
    const bool has_x = series->kind != GR_SERIES_LEVEL, has_y = series->kind != GR_SERIES_MARK;
    const double half = which == 0 && series->kind == GR_SERIES_BARS ? gr_plot_bar_half(series) : 0;
    if (!(which == 0 ? has_x : has_y)) return;
    const double *values = which == 0 ? series->x : series->y;
    for (int i = 0; i < series->n; i++) {
        plot_extent_add(extent, values[i], log);
        if (half > 0 && !log) {
            extent->low = fmin(extent->low, values[i] - half);
            extent->high = fmax(extent->high, values[i] + half);
        }
        if (which == 1 && series->y2) plot_extent_add(extent, series->y2[i], log);
    }
    if (which == 1 && series->kind == GR_SERIES_BARS) plot_extent_add(extent, 0, log);
}

static plot_extent plot_extent_of(const plot_panel *panel, int which, bool log)
{
    plot_extent extent = {.whole = true};
    for (size_t s = 0; s < panel->count; s++) {
        plot_extent_series(&extent, &panel->series[s], which, log);
    }
    if (!extent.any && panel->layers == 0 && panel->names[which].n == 0) {
        extent = (plot_extent){log ? 0.1 : 0, 1, true, false};
    }
    return extent;
}

/* Layers and names reach to the very ends of an axis. Are there any? */
static bool plot_extent_fixed(const plot_panel *panel, int which, bool log, plot_extent *extent)
{
    bool fixed = false;
    for (size_t i = 0; i < panel->layers; i++) {
        double ends[2];
        gr_plot_layer_reach(&panel->layer[i], which, ends);
        for (int k = 0; k < 2; k++) plot_extent_add(extent, ends[k], log);
        fixed = true;
    }
    if (panel->names[which].n > 0) {
        plot_extent_add(extent, -0.5, log);
        plot_extent_add(extent, panel->names[which].n - 0.5, log);
        fixed = true;
    }
    return fixed && extent->any && extent->low < extent->high;
}

/* Room around the data, and a range of some width for data that has none. */
static void plot_axis_widen(plot_axis *axis)
{
    const double room = 0.04;
    double low = axis->log ? log10(axis->low) : axis->low;
    double high = axis->log ? log10(axis->high) : axis->high;
    if (axis->log && high - low < 0.05) {
        low -= 0.1;
        high += 0.1;
    } else if (high - low <= 1e-9 * fmax(fabs(low), fabs(high)) || high - low < 1e-300) {
        double half = axis->whole || low == 0 ? 1 : 0.1 * fabs(low);
        low -= half;
        high += half;
    } else {
        double more = room * high - room * low; /* the difference itself may overflow */
        low = fmax(low - more, -1.7e308);
        high = fmin(high + more, 1.7e308);
    }
    axis->low = axis->log ? pow(10, fmax(low, -323)) : low;
    axis->high = axis->log ? pow(10, fmin(high, 308.25)) : high;
}

/* Bars stand on the axis. */
static bool plot_has_floor(const plot_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++) {
        if (panel->series[i].kind == GR_SERIES_BARS) return true;
    }
    return false;
}

plot_axis gr_plot_axis_of(const plot_panel *panel, int which)
{
    plot_axis axis = {.log = which == 0 ? panel->x_log : panel->y_log,
                      .down = which == 1 && panel->y_down};
    const double low = which == 0 ? panel->x_min : panel->y_min;
    const double high = which == 0 ? panel->x_max : panel->y_max;
    plot_extent extent = plot_extent_of(panel, which, axis.log);
    axis.whole = extent.whole && !axis.log && which == 0;
    const bool fixed = plot_extent_fixed(panel, which, axis.log, &extent);
    if (!extent.any) extent = (plot_extent){axis.log ? 0.1 : 0, 1, true, false};
    axis.low = extent.low;
    axis.high = extent.high;
    if (low < high) {
        axis.low = low;
        axis.high = high;
    } else if (!fixed) {
        const bool floor = which == 1 && axis.low == 0 && axis.high > 0 && plot_has_floor(panel);
        plot_axis_widen(&axis);
        if (floor && !axis.log) axis.low = 0;
    }
    return axis;
}

double gr_plot_axis_place(const plot_axis *axis, double value)
{
    double place;
    if (!isfinite(value) || (axis->log && value <= 0)) return (double)NAN;
    if (axis->log) {
        const double low = log10(axis->low);
        place = (log10(value) - low) / (log10(axis->high) - low);
    } else {
        /* Halved, so that the widest ranges of doubles do not overflow. */
        place = (value / 2 - axis->low / 2) / (axis->high / 2 - axis->low / 2);
    }
    return axis->down ? 1 - place : place;
}

double gr_plot_axis_value(const plot_axis *axis, double place)
{
    if (axis->down) place = 1 - place;
    if (!axis->log) return axis->low + place * (axis->high - axis->low);
    return axis->low * pow(axis->high / axis->low, place);
}

/* ---- Text of ticks ------------------------------------------------------------------------ */

/* value with `decimals` digits after the point (not the locale's), |value| · 10^decimals < 2^53 */
static int plot_number(char *text, size_t size, double value, int decimals)
{
    long long scale = 1;
    for (int i = 0; i < decimals; i++) scale *= 10;
    long long units = llround(fabs(value) * (double)scale);
    const char *sign = value < 0 && units != 0 ? "\xE2\x88\x92" : ""; /* a minus, no hyphen */
    if (decimals == 0) return snprintf(text, size, "%s%lld", sign, units);
    return snprintf(text, size, "%s%lld.%0*lld", sign, units / scale, decimals, units % scale);
}

static void plot_exponent(char *text, size_t size, int exponent)
{
    snprintf(text, size, "10^%s%d", exponent < 0 ? "\xE2\x88\x92" : "", abs(exponent));
}

/* The text of ticks that are `step` apart, the largest of which is `most` in absolute value. */
static void plot_tick_text(char *text, size_t size, double value, double step, double most)
{
    int place = (int)floor(log10(step) + 1e-9);
    int top = most > 0 ? (int)floor(log10(most) + 1e-9) : place; /* 0 may be the only tick */
    if (top < 6 && place >= -4) {
        plot_number(text, size, value, place < 0 ? -place : 0);
        return;
    }
    if (value == 0) {
        snprintf(text, size, "0");
        return;
    }
    int decimals = top - place < 0 ? 0 : top - place > 12 ? 12 : top - place;
    int used = plot_number(text, size, value / pow(10, top), decimals);
    if (used < 0 || (size_t)used + 16 > size) return;
    used += snprintf(text + used, size - (size_t)used, "\xC3\x97"); /* a multiplication sign */
    plot_exponent(text + used, size - (size_t)used, top);
}

/* ---- Ticks -------------------------------------------------------------------------------- */

static void plot_ticks_linear(const plot_axis *axis, int most, plot_ticks *ticks)
{
    const double spread = axis->high / most - axis->low / most;
    double power = pow(10, floor(log10(spread))), step = power;
    static const double factors[] = {1, 2, 5, 10, 20};
    for (size_t k = 0; k < GR_LEN(factors); k++) {
        step = factors[k] * power;
        double first = ceil(axis->low / step - 1e-9), last = floor(axis->high / step + 1e-9);
        if (axis->whole && step < 1) continue;
        if (last - first + 1 <= most) break;
    }
    if (axis->whole && step < 1) step = 1;
    double first = ceil(axis->low / step - 1e-9), last = floor(axis->high / step + 1e-9);
    double largest = fmax(fabs(first), fabs(last)) * step;
    for (double i = first; i <= last && ticks->n < PLOT_MAX_TICKS; i++) {
        int n = ticks->n++;
        ticks->at[n] = i * step;
        plot_tick_text(ticks->text[n], PLOT_TICK_TEXT, i * step, step, largest);
    }
}

/* Ticks at every `stride`-th power of ten; the other powers, or if all have ticks the numbers
 * between them, are minor ticks. */
static void plot_ticks_powers(const plot_axis *axis, int first, int last, int stride,
                              plot_ticks *ticks)
{
    for (int k = first - 1; k <= last; k++) {
        double power = pow(10, k);
        if (k >= first && (k - first) % stride == 0 && ticks->n < PLOT_MAX_TICKS) {
            int n = ticks->n++;
            ticks->at[n] = power;
            if (first >= -3 && last <= 4) {
                plot_number(ticks->text[n], PLOT_TICK_TEXT, power, k < 0 ? -k : 0);
            } else {
                plot_exponent(ticks->text[n], PLOT_TICK_TEXT, k);
            }
        }
        for (int m = 1; m < (stride == 1 ? 10 : 2) && ticks->minor_n < PLOT_MAX_MINOR; m++) {
            double at = m * power;
            if (at >= axis->low && at <= axis->high) ticks->minor[ticks->minor_n++] = at;
        }
    }
}

/* Less than two powers of ten in sight: 1, 2 and 5 times powers. */
static void plot_ticks_parts(const plot_axis *axis, int first, int last, plot_ticks *ticks)
{
    static const double factors[] = {1, 2, 5};
    for (int k = first; k <= last; k++) {
        for (size_t m = 0; m < GR_LEN(factors) && ticks->n < PLOT_MAX_TICKS; m++) {
            double step = pow(10, k), at = factors[m] * step;
            if (at < axis->low * (1 - 1e-9) || at > axis->high * (1 + 1e-9)) continue;
            ticks->at[ticks->n] = at;
            plot_tick_text(ticks->text[ticks->n++], PLOT_TICK_TEXT, at, step, at);
        }
    }
}

void gr_plot_ticks_make(const plot_axis *axis, int most, plot_ticks *ticks)
{
    *ticks = (plot_ticks){0};
    if (most < 2) most = 2;
    if (most > PLOT_MAX_TICKS) most = PLOT_MAX_TICKS;
    if (axis->log) {
        double low = log10(axis->low), high = log10(axis->high);
        int first = (int)ceil(low - 1e-9), last = (int)floor(high + 1e-9);
        if (last > first) {
            int stride = (last - first) / most + 1;
            plot_ticks_powers(axis, first, last, stride, ticks);
            return;
        }
        plot_ticks_parts(axis, (int)floor(low), (int)floor(high), ticks);
        if (ticks->n >= 2 && ticks->n <= most) return;
        *ticks = (plot_ticks){0};
    }
    plot_ticks_linear(axis, most, ticks);
}
