/* Grids of panels: fields, pictures, histograms, notes, names, scales. */
#include <math.h>
#include <unistd.h>

#include "plot/figure.h"
#include "support_files.h"
#include "support_memory.h"
#include "support_plot.h"

enum { ROWS = 5, COLUMNS = 7, POINTS = 40 };

/* ---- A figure with everything in it ------------------------------------------------------- */

static gr_status add_series(gr_figure *figure, int panel)
{
    double x[POINTS], y[POINTS], low[POINTS], high[POINTS];
    for (int i = 0; i < POINTS; i++) {
        x[i] = i;
        y[i] = sin(i / 5.0);
        low[i] = y[i] - 0.2;
        high[i] = i % 9 ? y[i] + 0.3 : (double)NAN;
    }
    GR_TRY(gr_figure_panel(figure, panel, GR_PANEL(.title = "Lines", .x_label = "x")));
    GR_TRY(gr_figure_add(
        figure, panel,
        GR_SERIES(GR_SERIES_BAND, .label = "band", .x = x, .y = low, .y2 = high, .n = POINTS)));
    GR_TRY(gr_figure_add(figure, panel,
                         GR_SERIES(GR_SERIES_LINE, .label = "mean", .x = x, .y = y, .n = POINTS)));
    return gr_figure_add(
        figure, panel,
        GR_SERIES(GR_SERIES_ERRORS, .x = x, .y = low, .y2 = high, .n = POINTS, .color = 9));
}

static void fill_values(double *value)
{
    for (int i = 0; i < ROWS * COLUMNS; i++) value[i] = i == 11 ? (double)NAN : 1 + i * 0.1;
}

static gr_status add_matrix(gr_figure *figure, int panel)
{
    static const char *const x_names[] = {"aeroplane", "automobile", "bird", NULL, "deer", "a", ""};
    static const char *const y_names[] = {"first", "second class", "third", "f", "fifth"};
    double value[ROWS * COLUMNS];
    fill_values(value);
    GR_TRY(gr_figure_panel(figure, panel,
                           GR_PANEL(.title = "Matrix", .x_label = "taken for", .y_label = "class",
                                    .x_names = x_names, .y_names = y_names, .x_count = COLUMNS,
                                    .y_count = ROWS, .equal = true, .y_down = true)));
    GR_TRY(gr_figure_grid(figure, panel,
                          GR_GRID(.rows = ROWS, .columns = COLUMNS, .values = value,
                                  .map = GR_MAP_PALE, .scale = "share")));
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        GR_TRY(gr_figure_note(figure, panel,
                              GR_NOTE(.text = i % 2 ? "1234" : "7", .x = i % COLUMNS,
                                      .y = (double)(i / COLUMNS), .width = i % 3 ? 1 : 0,
                                      .color = i % 4 - 1)));
    }
    return GR_OK;
}

static gr_status add_surface(gr_figure *figure, int panel)
{
    double value[ROWS * COLUMNS];
    fill_values(value);
    const gr_panel axes = {.size = sizeof axes, .title = "Surface", .y_label = "b", .y_log = true};
    GR_TRY(gr_figure_panel(figure, panel, &axes));
    gr_grid grid = {.size = sizeof grid,
                    .kind = GR_GRID_FILLED,
                    .rows = ROWS,
                    .columns = COLUMNS,
                    .values = value,
                    .x_min = -1,
                    .x_max = 1,
                    .y_min = 0.1,
                    .y_max = 100,
                    .log = true,
                    .scale = ""};
    GR_TRY(gr_figure_grid(figure, panel, &grid));
    grid.kind = GR_GRID_CONTOURS;
    grid.scale = NULL;
    return gr_figure_grid(figure, panel, &grid);
}

static gr_status add_pictures(gr_figure *figure, int panel)
{
    uint8_t pixel[3 * 4 * 6];
    for (int i = 0; i < 3 * 4 * 6; i++) pixel[i] = (uint8_t)(3 * i);
    const gr_tensor colored = {GR_U8, GR_SHAPE(3, 4, 6), pixel};
    const gr_tensor grey = {GR_U8, GR_SHAPE(1, 4, 6), pixel};
    const gr_panel axes = {.size = sizeof axes, .title = "Pictures", .bare = true, .equal = true};
    GR_TRY(gr_figure_panel(figure, panel, &axes));
    GR_TRY(gr_figure_picture(figure, panel, GR_PICTURE(.image = &colored, .color = 3)));
    return gr_figure_picture(
        figure, panel, GR_PICTURE(.image = &grey, .x_min = 7, .x_max = 13, .y_min = 0, .y_max = 4));
}

static gr_status add_histogram(gr_figure *figure, int panel)
{
    double values[200];
    for (int i = 0; i < 200; i++) values[i] = i < 3 ? (double)NAN : sin(i) + sin(2.3 * i);
    GR_TRY(gr_figure_panel(figure, panel, GR_PANEL(.y_label = "count")));
    return gr_figure_histogram(figure, panel,
                               GR_HISTOGRAM(.label = "weights", .values = values, .n = 200));
}

static gr_status everything(int columns, double width, double height, gr_figure **out)
{
    static gr_status (*const add[])(gr_figure *, int) = {add_series, add_matrix, add_surface,
                                                         add_pictures, add_histogram};
    gr_figure *figure;
    *out = NULL;
    GR_TRY(gr_figure_new(GR_FIGURE(.panels = 5, .columns = columns, .width = width,
                                   .height = height, .title = "Everything"),
                         &figure));
    gr_status status = GR_OK;
    for (int i = 0; i < 5 && status == GR_OK; i++) status = add[i](figure, i);
    if (status == GR_OK) {
        *out = figure;
    } else {
        gr_figure_free(figure);
    }
    return status;
}

static void texts_never_overlap(void **state)
{
    (void)state;
    static const double widths[] = {90, 110, 180, 270, 700}, heights[] = {80, 110, 200, 600};
    plot_box box[1024];
    for (int columns = 1; columns <= 5; columns++) {
        for (int i = 0; i < 20; i++) {
            gr_figure *figure;
            int n;
            const double width = columns * widths[i % 5];
            const double height = heights[i / 5] * ((5 + columns - 1) / columns);
            assert_int_equal(everything(columns, width, height, &figure), GR_OK);
            gr_status status = gr_plot_text_boxes(figure, box, 1024, &n);
            gr_figure_free(figure);
            if (status == GR_UNSUPPORTED) skip();
            assert_int_equal(status, GR_OK);
            assert_in_range(n, 5, 1024);
            test_boxes_apart(box, n, width, height);
        }
    }
}

static gr_status everything_saved(void *path)
{
    gr_figure *figure;
    gr_status status = everything(3, 0, 0, &figure);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status == GR_UNSUPPORTED ? GR_OK : status;
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    test_memory_sweep(everything_saved, (char *)test_files_path("panels.svg"));
    assert_int_equal(everything_saved((char *)test_files_path("panels.png")), GR_OK);
    assert_int_equal(everything_saved((char *)test_files_path("panels.pdf")), GR_OK);
}

/* ---- What is drawn where ------------------------------------------------------------------ */

static void histograms_count(void **state)
{
    (void)state;
    static const double values[] = {0, 0.5, 1, 1.5, 2, 2.5, 3, 4, (double)NAN, 9};
    gr_figure *figure;
    assert_int_equal(gr_figure_new(NULL, &figure), GR_OK);
    assert_int_equal(
        gr_figure_histogram(
            figure, 0, GR_HISTOGRAM(.values = values, .n = 10, .bins = 4, .low = 0, .high = 4)),
        GR_OK);
    const plot_series *bars = &figure->panel[0].series[0];
    static const double expected[] = {2, 2, 2, 2}; /* 4 is in the last bin, 9 in none */
    assert_int_equal(bars->n, 4);
    for (int i = 0; i < 4; i++) {
        assert_true(bars->x[i] == i + 0.5);
        assert_true(bars->y[i] == expected[i]);
    }
    const plot_axis x = gr_plot_axis_of(&figure->panel[0], 0);
    const plot_axis y = gr_plot_axis_of(&figure->panel[0], 1);
    assert_true(x.low <= 0 && x.high >= 4 && y.low == 0);
    gr_figure_free(figure);
}

static void axes_hold_layers_exactly(void **state)
{
    (void)state;
    const double value[6] = {1, 2, 3, 4, 5, 6};
    gr_figure *figure;
    assert_int_equal(gr_figure_new(NULL, &figure), GR_OK);
    assert_int_equal(
        gr_figure_grid(figure, 0,
                       GR_GRID(.rows = 2, .columns = 3, .values = value, .map = GR_MAP_DIVERGING)),
        GR_OK);
    const plot_axis x = gr_plot_axis_of(&figure->panel[0], 0);
    const plot_layer *layer = &figure->panel[0].layer[0];
    assert_true(x.low == -0.5 && x.high == 2.5);
    assert_true(layer->low == -6 && layer->high == 6);
    assert_int_equal(gr_plot_layer_color(layer, 0), 0xFFFFFF);
    assert_int_equal(gr_plot_layer_color(layer, (double)NAN), -1);
    gr_figure_free(figure);
}

static double luminance(unsigned rgb)
{
    return 0.299 * (rgb >> 16 & 0xFF) + 0.587 * (rgb >> 8 & 0xFF) + 0.114 * (rgb & 0xFF);
}

/* In print without colours the maps still rise. */
static void maps_rise_in_lightness(void **state)
{
    (void)state;
    static const gr_color_map maps[] = {GR_MAP_SEQUENTIAL, GR_MAP_GREY, GR_MAP_PALE, GR_MAP_FAINT};
    for (size_t k = 0; k < GR_LEN(maps); k++) {
        const plot_layer layer = {.map = maps[k], .low = 0, .high = 1};
        const double sign = maps[k] >= GR_MAP_PALE ? -1 : 1;
        double last = -1e9;
        for (int i = 0; i <= 100; i++) {
            const unsigned rgb = (unsigned)gr_plot_layer_color(&layer, i / 100.0);
            assert_true(sign * luminance(rgb) >= last);
            last = sign * luminance(rgb);
        }
    }
}

/* ---- Figures of one call ------------------------------------------------------------------ */

static void pages_are_drawn(void **state)
{
    (void)state;
    uint8_t pixel[2][48] = {{0}};
    const gr_tensor image[] = {{GR_U8, GR_SHAPE(3, 4, 4), pixel[0]},
                               {GR_U8, GR_SHAPE(1, 6, 8), pixel[1]}};
    const char *const captions[] = {"a caption that does not fit", NULL};
    const char *path = test_files_path("page.png");
    if (gr_figure_check(path) != GR_OK) skip();
    assert_int_equal(
        gr_plot_pictures(path, GR_PICTURE_PAGE(.title = "Two", .images = image, .n = 2,
                                               .captions = captions, .frames = (int[]){1, 0})),
        GR_OK);
    double weight[2 * 3 * 2 * 2];
    for (int i = 0; i < 24; i++) weight[i] = i * 0.1 - 1;
    const gr_tensor filters = {GR_F64, GR_SHAPE(2, 3, 2, 2), weight};
    assert_int_equal(gr_plot_filters(path, NULL, &filters), GR_OK);
    const gr_tensor grey = {GR_F64, GR_SHAPE(3, 2, 2, 2), weight};
    assert_int_equal(gr_plot_filters(path, NULL, &grey), GR_OK);
    const int64_t counts[] = {5, 1, 0, 0, 0, 0, 100000, 2, 30};
    assert_int_equal(gr_plot_confusion(path, &(gr_confusion){.size = sizeof(gr_confusion),
                                                             .classes = 3,
                                                             .counts = counts,
                                                             .names = NULL}),
                     GR_OK);
    const int64_t units[] = {3, 4000, 2};
    const char *const columns[] = {"in", NULL, "out"};
    assert_int_equal(gr_plot_neurons(path, GR_NEURONS(.title = "3-4000-2", .layers = 3,
                                                      .units = units, .names = columns)),
                     GR_OK);
    assert_int_equal(
        gr_plot_neurons(path, GR_NEURONS(.layers = 3, .units = units, .most = 3, .dpi = 50)),
        GR_OK);
}

/* ---- Refusals ----------------------------------------------------------------------------- */

static void assert_refused(gr_status status, gr_status expected, const char *message)
{
    assert_int_equal(status, expected);
    assert_string_equal(gr_message(), message);
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    gr_figure *figure;
    const double value[4] = {1, 2, 3, 4};
    const gr_tensor wrong = {GR_F64, GR_SHAPE(1, 2, 2), (void *)value};
    uint8_t pixel[8] = {0};
    const gr_tensor flat = {GR_U8, GR_SHAPE(2, 2, 2), pixel};
    assert_int_equal(gr_figure_new(NULL, &figure), GR_OK);
    assert_refused(gr_figure_grid(figure, 0, GR_GRID(.rows = 0, .columns = 4, .values = value)),
                   GR_INVALID, "figure: a grid of 0 by 4 values; at least 1 by 1");
    assert_refused(
        gr_figure_grid(figure, 0,
                       GR_GRID(.kind = GR_GRID_FILLED, .rows = 1, .columns = 4, .values = value)),
        GR_INVALID, "figure: a grid of 1 by 4 values; at least 2 by 2");
    assert_refused(gr_figure_grid(figure, 0,
                                  GR_GRID(.rows = 2, .columns = 2, .values = value, .low = 0,
                                          .high = 1, .log = true)),
                   GR_INVALID, "figure: colours cannot reach from 0 to 1 on a logarithmic scale");
    assert_refused(
        gr_figure_grid(figure, 0,
                       GR_GRID(.rows = 2, .columns = 2, .values = value, .x_min = 2, .x_max = 1)),
        GR_INVALID, "figure: a grid cannot reach from 2 to 1");
    assert_refused(gr_figure_picture(figure, 0, GR_PICTURE(.image = &wrong)), GR_DTYPE,
                   "figure: a picture is of type f64, not u8");
    assert_refused(gr_figure_picture(figure, 0, GR_PICTURE(.image = &flat)), GR_SHAPE,
                   "figure: a picture has shape [2,2,2]; [1,H,W] or [3,H,W] is wanted");
    assert_refused(gr_figure_note(figure, 0, GR_NOTE(.x = 1)), GR_INVALID,
                   "figure: a note without text");
    assert_refused(gr_figure_add(figure, 0, GR_SERIES(GR_SERIES_BAND, .y = value, .n = 4)),
                   GR_INVALID, "figure: the series '' has no data");
    const double none = (double)NAN;
    assert_refused(
        gr_figure_histogram(figure, 0, GR_HISTOGRAM(.label = "w", .values = &none, .n = 1)),
        GR_INVALID, "figure: the histogram 'w' has no finite values");
    assert_int_equal(gr_figure_grid(figure, 1, GR_GRID(.rows = 1)), GR_RANGE);
    gr_figure_free(figure);
    assert_int_equal(gr_figure_check("figure.gif"), GR_UNSUPPORTED);
    assert_refused(gr_plot_filters("f.svg", NULL, &wrong), GR_SHAPE,
                   "f.svg: filters of shape [1,2,2]; [O,C,H,W] is wanted");
    assert_int_equal(gr_plot_pictures("p.svg", GR_PICTURE_PAGE(.n = 0)), GR_INVALID);
    assert_int_equal(gr_plot_confusion("c.svg", &(gr_confusion){.classes = 0}), GR_INVALID);
    const int64_t units[] = {3, 0};
    assert_refused(gr_plot_neurons("n.svg", GR_NEURONS(.layers = 1, .units = units)), GR_INVALID,
                   "n.svg: 1 columns of neurons: should be 2 to 64");
    assert_refused(gr_plot_neurons("n.svg", GR_NEURONS(.layers = 2, .units = units)), GR_INVALID,
                   "n.svg: a layer of 0 neurons");
    assert_refused(gr_plot_neurons("n.svg", GR_NEURONS(.layers = 2, .units = units, .most = 2)),
                   GR_INVALID, "n.svg: columns of at most 2 circles: should be 3 or more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_never_overlap),      cmocka_unit_test(histograms_count),
        cmocka_unit_test(axes_hold_layers_exactly), cmocka_unit_test(maps_rise_in_lightness),
        cmocka_unit_test(pages_are_drawn),          cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
