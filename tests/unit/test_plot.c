/* Figures: ticks at round values, texts that never overlap, valid files with equal bytes, refusals,
 * memory that fails anywhere. */
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "plot/figure.h"
#include "support_files.h"
#include "support_memory.h"
#include "support_plot.h"

/* ---- Ticks -------------------------------------------------------------------------------- */

/* The value of a tick's text: a number, perhaps with a minus sign, perhaps times a power of ten. */
static double text_value(const char *text)
{
    char plain[PLOT_TICK_TEXT];
    char *to = plain;
    for (const char *from = text; *from;) {
        if (strncmp(from, "\xE2\x88\x92", 3) == 0) {
            *to++ = '-';
            from += 3;
        } else if (strncmp(from,
                           "\xC3\x97"
                           "10^",
                           5) == 0) {
            *to++ = 'e';
            from += 5;
        } else if (from == text && strncmp(from, "10^", 3) == 0) {
            *to++ = '1';
            *to++ = 'e';
            from += 3;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
    char *end;
    double value = strtod(plain, &end);
    assert_string_equal(end, "");
    return value;
}

static void check_ticks(const plot_axis *axis, int most)
{
    plot_ticks ticks;
    gr_plot_ticks_make(axis, most, &ticks);
    const double width = axis->high - axis->low;
    if (ticks.n > most) {
        fail_msg("%d ticks instead of %d from %g to %g", ticks.n, most, axis->low, axis->high);
    }
    for (int i = 0; i < ticks.n; i++) {
        double place = gr_plot_axis_place(axis, ticks.at[i]);
        assert_true(place > -1e-6 && place < 1 + 1e-6);
        double told = text_value(ticks.text[i]);
        double error = axis->log ? fabs(told / ticks.at[i] - 1) : fabs(told - ticks.at[i]) / width;
        if (error > 1e-6) fail_msg("%.17g is called %s", ticks.at[i], ticks.text[i]);
        if (i > 0) assert_string_not_equal(ticks.text[i], ticks.text[i - 1]);
    }
    for (int i = 0; i < ticks.minor_n; i++) {
        double place = gr_plot_axis_place(axis, ticks.minor[i]);
        assert_true(place > -1e-6 && place < 1 + 1e-6);
    }
}

static void ticks_are_round_and_few(void **state)
{
    (void)state;
    gr_rng rng = gr_rng_new(1, 2);
    for (int trial = 0; trial < 20000; trial++) {
        double size = pow(10, floor(gr_rng_uniform(&rng) * 40 - 20));
        double low = (gr_rng_uniform(&rng) - 0.5) * size;
        plot_axis axis = {.low = low, .high = low + gr_rng_uniform(&rng) * size + 1e-4 * size};
        check_ticks(&axis, 2 + trial % 11);
        plot_axis log = {.low = size, .high = size * pow(10, gr_rng_uniform(&rng) * 12 + 0.05)};
        log.log = true;
        check_ticks(&log, 2 + trial % 11);
    }
}

static void assert_ticks(plot_axis axis, int most, int n, const char *const *expected)
{
    plot_ticks ticks;
    gr_plot_ticks_make(&axis, most, &ticks);
    assert_int_equal(ticks.n, n);
    for (int i = 0; i < n; i++) assert_string_equal(ticks.text[i], expected[i]);
}

static void ticks_have_known_texts(void **state)
{
    (void)state;
    assert_ticks((plot_axis){.low = 0, .high = 1}, 6, 6,
                 (const char *[]){"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"});
    assert_ticks((plot_axis){.low = -1.1, .high = 1.2}, 5, 5,
                 (const char *[]){"\xE2\x88\x92"
                                  "1.0",
                                  "\xE2\x88\x92"
                                  "0.5",
                                  "0.0", "0.5", "1.0"});
    assert_ticks((plot_axis){.low = 0.9, .high = 3.1, .whole = true}, 12, 3,
                 (const char *[]){"1", "2", "3"});
    assert_ticks((plot_axis){.low = 0, .high = 3.2e7}, 4, 4,
                 (const char *[]){"0", "1×10^7", "2×10^7", "3×10^7"});
    assert_ticks((plot_axis){.low = 0.01, .high = 100, .log = true}, 9, 5,
                 (const char *[]){"0.01", "0.1", "1", "10", "100"});
    assert_ticks((plot_axis){.low = 1e-6, .high = 1e-4, .log = true}, 9, 3,
                 (const char *[]){"10^\xE2\x88\x92"
                                  "6",
                                  "10^\xE2\x88\x92"
                                  "5",
                                  "10^\xE2\x88\x92"
                                  "4"});
    assert_ticks((plot_axis){.low = 0.9, .high = 6, .log = true}, 9, 3,
                 (const char *[]){"1", "2", "5"});
}

static plot_axis axis_of(const double *y, int n, bool log)
{
    gr_figure *figure;
    assert_int_equal(gr_figure_new(NULL, &figure), GR_OK);
    assert_int_equal(gr_figure_panel(figure, 0, &(gr_panel){.y_log = log}), GR_OK);
    if (n > 0) {
        assert_int_equal(gr_figure_add(figure, 0, &(gr_series){.y = y, .n = n}), GR_OK);
    }
    plot_axis axis = gr_plot_axis_of(&figure->panel[0], 1);
    gr_figure_free(figure);
    assert_true(axis.low < axis.high);
    assert_true(isfinite(axis.low) && isfinite(axis.high));
    return axis;
}

static void every_data_has_a_range(void **state)
{
    (void)state;
    static const double data[][3] = {
        {1, 2, 3},           {0, 0, 0},
        {5, 5, 5},           {-1e300, -1e300, -1e300},
        {1.7e308, -1.7e308}, {(double)NAN, (double)NAN, (double)NAN},
        {(double)NAN, 1, 2}, {(double)INFINITY, 1, 2},
        {1e-310, 2e-310, 0}, {-1, -2, -3},
    };
    for (size_t i = 0; i < GR_LEN(data); i++) {
        for (int log = 0; log < 2; log++) {
            plot_axis axis = axis_of(data[i], 3, log);
            plot_ticks ticks;
            gr_plot_ticks_make(&axis, 6, &ticks);
            for (int k = 0; k < 3; k++) {
                double place = gr_plot_axis_place(&axis, data[i][k]);
                if (isfinite(data[i][k]) && (!log || data[i][k] > 0)) {
                    assert_true(place >= 0 && place <= 1);
                } else {
                    assert_true(isnan(place));
                }
            }
        }
    }
    axis_of(NULL, 0, false);
    axis_of(NULL, 0, true);
}

/* ---- Figures ------------------------------------------------------------------------------ */

#define EPOCHS 30

/* A figure of `panels` panels with three lines, a level and a mark each. */
static gr_status sample_figure(int panels, double width, double height, double scale,
                               gr_figure **out)
{
    gr_figure *figure;
    double x[EPOCHS], y[EPOCHS];
    const gr_figure_options options = {.size = sizeof options,
                                       .panels = panels,
                                       .width = width,
                                       .height = height,
                                       .title = "A heading of some length, \xC3\xA9\xE2\x82\xAC"};
    *out = NULL;
    GR_TRY(gr_figure_new(&options, &figure));
    gr_status status = GR_OK;
    for (int p = 0; p < panels && status == GR_OK; p++) {
        const gr_panel panel = {.size = sizeof panel,
                                .title = p % 2 ? "A title that goes on and on and on" : NULL,
                                .x_label = "epoch",
                                .y_label = "a label that is longer than most",
                                .y_log = p % 3 == 1};
        status = gr_figure_panel(figure, p, &panel);
        static const char *const labels[] = {"training", "validation", "a third line"};
        for (int s = 0; s < 3 && status == GR_OK; s++) {
            for (int i = 0; i < EPOCHS; i++) {
                x[i] = (1 + i) * (p + 1) * scale;
                y[i] = scale * exp(-0.2 * i * (s + 1)) + 0.01 * scale * s;
            }
            status = gr_figure_add(
                figure, p, &(gr_series){.label = labels[s], .x = x, .y = y, .n = EPOCHS - 9 * s});
        }
        if (status != GR_OK) break;
        status = gr_figure_add(
            figure, p,
            &(gr_series){.kind = GR_SERIES_LEVEL, .label = "test 0.9123", .y = &y[3], .n = 1});
        if (status != GR_OK) break;
        status = gr_figure_add(
            figure, p, &(gr_series){.kind = GR_SERIES_MARK, .label = "best", .x = &x[9], .n = 1});
    }
    if (status != GR_OK) {
        gr_figure_free(figure);
        return status;
    }
    *out = figure;
    return GR_OK;
}

static void texts_never_overlap(void **state)
{
    (void)state;
    static const double widths[] = {120, 150, 200, 270, 500, 2000};
    static const double heights[] = {100, 130, 200, 900};
    static const double scales[] = {1, 1e-7, 123456789, 0.0375};
    plot_box box[512];
    for (int panels = 1; panels <= 3; panels++) {
        for (size_t w = 0; w < GR_LEN(widths) * GR_LEN(heights) * GR_LEN(scales); w++) {
            double width = widths[w % GR_LEN(widths)] * panels;
            double height = heights[w / GR_LEN(widths) % GR_LEN(heights)];
            double scale = scales[w / GR_LEN(widths) / GR_LEN(heights)];
            gr_figure *figure;
            int n;
            assert_int_equal(sample_figure(panels, width, height, scale, &figure), GR_OK);
            gr_status status = gr_plot_text_boxes(figure, box, 512, &n);
            gr_figure_free(figure);
            if (status == GR_UNSUPPORTED) {
                print_message("skipped: %s\n", gr_message());
                skip();
            }
            assert_int_equal(status, GR_OK);
            assert_true(n > 4 * panels && n <= 512);
            test_boxes_apart(box, n, width, height);
        }
    }
}

/* Saves the sample figure and reads it; skips without cairo. */
static char *saved(const char *name, size_t *size)
{
    gr_figure *figure;
    char *data;
    const char *path = test_files_path(name);
    assert_int_equal(sample_figure(2, 0, 0, 1, &figure), GR_OK);
    gr_status status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    if (status == GR_UNSUPPORTED) {
        assert_non_null(strstr(gr_message(), "libcairo2-dev"));
        skip();
    }
    assert_int_equal(status, GR_OK);
    assert_int_equal(gr_file_read(path, 0, &data, size), GR_OK);
    return data;
}

static void assert_same_again(const char *name, const char *data, size_t size)
{
    size_t other;
    char *again = saved(name, &other);
    assert_int_equal(size, other);
    assert_memory_equal(data, again, size);
    gr_free(again);
}

static void svg_files_are_valid(void **state)
{
    (void)state;
    size_t size;
    char *data = saved("figure.svg", &size);
    assert_memory_equal(data, "<?xml version=\"1.0\"", 19);
    assert_non_null(strstr(data, "viewBox=\"0 0 540 200\""));
    assert_string_equal(data + size - 7, "</svg>\n");
    int depth = 0; /* every element that opens closes */
    for (const char *at = data; (at = strchr(at, '<')); at++) {
        const char *end = strchr(at, '>');
        assert_non_null(end);
        if (at[1] == '?') continue;
        depth += at[1] == '/' ? -1 : end[-1] == '/' ? 0 : 1;
        assert_true(depth >= 0);
    }
    assert_int_equal(depth, 0);
    assert_same_again("again.svg", data, size);
    gr_free(data);
}

static void png_files_are_valid(void **state)
{
    (void)state;
    size_t size;
    char *data = saved("figure.PNG", &size);
    assert_memory_equal(data, "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\x05\xDC\0\0\x02\x2C", 24);
    assert_memory_equal(data + size - 8, "IEND\xAE\x42\x60\x82", 8);
    assert_same_again("again.PNG", data, size);
    gr_free(data);
}

static void pdf_files_are_valid(void **state)
{
    (void)state;
    size_t size;
    char *data = saved("figure.pdf", &size);
    assert_memory_equal(data, "%PDF-1.", 7);
    assert_memory_equal(data + size - 6, "%%EOF\n", 6);
    sleep(1); /* the time of day may not show */
    assert_same_again("again.pdf", data, size);
    gr_free(data);
}

/* ---- Curves ------------------------------------------------------------------------------- */

static void curves_of_any_length(void **state)
{
    (void)state;
    double loss[300], accuracy[300], test = 0.9123, best = 1;
    for (int i = 0; i < 300; i++) {
        loss[i] = 1 / (1.0 + i);
        accuracy[i] = 1 - loss[i];
    }
    static const int lengths[] = {1, 2, 25, 300};
    for (size_t i = 0; i < GR_LEN(lengths); i++) {
        gr_curves curves = {.size = sizeof curves, .n = lengths[i], .train_loss = loss};
        const char *path = test_files_path("curves.svg");
        gr_status status = gr_plot_curves(path, &curves);
        if (status == GR_UNSUPPORTED) skip();
        assert_int_equal(status, GR_OK);
        curves.val_loss = loss;
        curves.val_accuracy = accuracy;
        curves.test_accuracy = &test;
        curves.best_epoch = &best;
        assert_int_equal(gr_plot_curves(path, &curves), GR_OK);
    }
    gr_curves none = {.size = sizeof none, .n = 3};
    assert_int_equal(gr_plot_curves("none.svg", &none), GR_INVALID);
    assert_string_equal(gr_message(), "none.svg: there are no curves to draw");
    none = (gr_curves){.size = sizeof none, .n = 0, .train_loss = loss};
    assert_int_equal(gr_plot_curves("none.svg", &none), GR_INVALID);
}

/* ---- Refusals and memory ------------------------------------------------------------------ */

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    gr_figure *figure;
    assert_int_equal(gr_figure_new(&(gr_figure_options){.panels = 101}, &figure), GR_INVALID);
    assert_int_equal(gr_figure_new(&(gr_figure_options){.width = 80}, &figure), GR_INVALID);
    assert_int_equal(gr_figure_new(&(gr_figure_options){.height = 1e9}, &figure), GR_INVALID);
    assert_int_equal(gr_figure_new(&(gr_figure_options){.width = (double)INFINITY}, &figure),
                     GR_INVALID);
    assert_null(figure);
    assert_int_equal(gr_figure_new(NULL, &figure), GR_OK);
    double value = 1;
    assert_int_equal(gr_figure_add(figure, 1, &(gr_series){.y = &value, .n = 1}), GR_RANGE);
    assert_string_equal(gr_message(), "figure: there is no panel 1 among its 1");
    assert_int_equal(gr_figure_panel(figure, -1, &(gr_panel){0}), GR_RANGE);
    assert_int_equal(gr_figure_panel(figure, 0, &(gr_panel){.x_min = 2, .x_max = 1}), GR_INVALID);
    assert_int_equal(gr_figure_panel(figure, 0, &(gr_panel){.y_max = 1, .y_log = true}),
                     GR_INVALID);
    assert_string_equal(gr_message(),
                        "figure: the y axis cannot reach from 0 to 1 on a logarithmic scale");
    assert_int_equal(gr_figure_add(figure, 0, &(gr_series){.label = "a", .n = 1}), GR_INVALID);
    assert_string_equal(gr_message(), "figure: the series 'a' has no data");
    assert_int_equal(gr_figure_add(figure, 0, &(gr_series){.y = &value}), GR_INVALID);
    assert_int_equal(gr_figure_add(figure, 0, &(gr_series){.y = &value, .n = 1, .color = 29}),
                     GR_INVALID);
    assert_int_equal(gr_figure_save(figure, "figure.gif"), GR_UNSUPPORTED);
    assert_string_equal(gr_message(),
                        "figure.gif: figures are written to files that end in .svg, .pdf or .png");
    assert_int_equal(gr_figure_save(figure, "a.svg/figure"), GR_UNSUPPORTED);
    gr_status status = gr_figure_save(figure, "/no/such/folder/figure.svg");
    assert_true(status == GR_IO || status == GR_UNSUPPORTED);
    assert_int_equal(gr_figure_panel(figure, 0, &(gr_panel){.title = "\xFF"}), GR_OK);
    status = gr_figure_save(figure, test_files_path("never.svg"));
    assert_true(status == GR_INVALID || status == GR_UNSUPPORTED);
    assert_int_not_equal(access(test_files_path("never.svg"), F_OK), 0);
    gr_figure_free(figure);
    gr_figure_free(NULL);
}

static gr_status figure_flow(void *path)
{
    gr_figure *figure;
    gr_status status = sample_figure(2, 0, 0, 1, &figure);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status == GR_UNSUPPORTED ? GR_OK : status; /* a build that draws nothing */
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    test_memory_sweep(figure_flow, (char *)test_files_path("memory.svg"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_round_and_few), cmocka_unit_test(ticks_have_known_texts),
        cmocka_unit_test(every_data_has_a_range),  cmocka_unit_test(texts_never_overlap),
        cmocka_unit_test(svg_files_are_valid),     cmocka_unit_test(png_files_are_valid),
        cmocka_unit_test(pdf_files_are_valid),     cmocka_unit_test(curves_of_any_length),
        cmocka_unit_test(wrong_calls_are_refused), cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
