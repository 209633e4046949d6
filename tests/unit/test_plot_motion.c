/* Lines that are played in an SVG, and the areas between levels on which they lie. */
#include <math.h>

#include <gradus/image.h>

#include "base/file.h"
#include "plot/figure.h"
#include "support_files.h"
#include "support_memory.h"

enum { MOTION_POINTS = 13, GRID = 41 };

/* A line of 13 points and one of 5 before a gap. */
static gr_status motion_figure(double seconds, gr_figure **out)
{
    double x[MOTION_POINTS], y[MOTION_POINTS], gap[MOTION_POINTS];
    for (int i = 0; i < MOTION_POINTS; i++) {
        x[i] = i;
        y[i] = sin(i);
        gap[i] = i == 5 ? (double)INFINITY : -y[i];
    }
    GR_TRY(gr_figure_new(GR_FIGURE(.seconds = seconds), out));
    GR_TRY(gr_figure_add(*out, 0,
                         GR_SERIES(GR_SERIES_LINE, .label = "moves", .x = x, .y = y,
                                   .n = MOTION_POINTS, .plays = true)));
    GR_TRY(gr_figure_add(*out, 0,
                         GR_SERIES(GR_SERIES_LINE, .x = x, .y = gap, .n = MOTION_POINTS,
                                   .plays = true, .color = 9)));
    return gr_figure_add(*out, 0,
                         GR_SERIES(GR_SERIES_POINTS, .x = x, .y = gap, .n = 3, .plays = true));
}

static char *motion_saved(const char *name, double seconds, size_t *size)
{
    gr_figure *figure = NULL;
    char *data;
    const char *path = test_files_path(name);
    if (gr_figure_check(path) != GR_OK) skip();
    unit_ok(motion_figure(seconds, &figure));
    unit_ok(gr_figure_save(figure, path));
    unit_ok(gr_file_read(path, 0, &data, size));
    gr_figure_free(figure);
    return data;
}

static int count_of(const char *data, const char *word)
{
    int n = 0;
    for (const char *at = data; (at = strstr(at, word)); at++) n++;
    return n;
}

/* Both lines have a frame for each point of the longer one, and the same rest. */
static void svg_has_frames(void **state)
{
    (void)state;
    size_t size, other;
    char *data = motion_saved("motion.svg", 4, &size);
    char *again = motion_saved("again.svg", 4, &other);
    assert_int_equal(size, other);
    assert_memory_equal(data, again, size);
    assert_string_equal(data + size - 7, "</svg>\n");
    assert_int_equal(count_of(data, "<animateTransform"), 2);
    assert_int_equal(count_of(data, "stroke-dashoffset"), 2);
    assert_int_equal(count_of(data, "dur=\"4s\""), 4);
    for (const char *at = data; (at = strstr(at, " values=\"")); at++) {
        int frames = 1;
        const char *const end = strchr(at + 9, '"');
        for (const char *c = at; c < end; c++) frames += *c == ';';
        assert_int_equal(frames, MOTION_POINTS + MOTION_POINTS / 6);
    }
    int depth = 0; /* every element that opens closes */
    for (const char *at = data; (at = strchr(at, '<')); at++) {
        const char *end = strchr(at, '>');
        if (at[1] == '?') continue;
        depth += at[1] == '/' ? -1 : end[-1] == '/' ? 0 : 1;
        assert_true(depth >= 0);
    }
    assert_int_equal(depth, 0);
    gr_free(data);
    gr_free(again);
}

/* Without seconds, and where nothing can move, the lines are drawn as ever. */
static void other_files_stand_still(void **state)
{
    (void)state;
    size_t size, other;
    char *still = motion_saved("still.svg", 0, &size);
    assert_int_equal(count_of(still, "animate"), 0);
    gr_free(still);
    still = motion_saved("still.png", 0, &size);
    char *moving = motion_saved("moving.png", 4, &other);
    assert_int_equal(size, other);
    assert_memory_equal(still, moving, size);
    gr_free(still);
    gr_free(moving);
    gr_figure *figure;
    unit_refused(gr_figure_new(GR_FIGURE(.seconds = -1), &figure), GR_INVALID,
                 "a round of -1 seconds");
    unit_refused(gr_figure_new(GR_FIGURE(.seconds = (double)NAN), &figure), GR_INVALID,
                 "a round of nan seconds");
}

static gr_status motion_drawn(void *path)
{
    gr_figure *figure = NULL;
    gr_status status = motion_figure(4, &figure);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status == GR_UNSUPPORTED ? GR_OK : status;
}

static void memory_may_fail_anywhere(void **state)
{
    (void)state;
    test_memory_sweep(motion_drawn, (char *)test_files_path("sweep.svg"));
}

/* ---- Areas ---------------------------------------------------------------------------------- */

/* Does a level lie so near to the value that a pixel there may have either colour? */
static bool near_level(const plot_layer *layer, double value)
{
    for (int i = 0; i < layer->levels; i++)
        if (fabs(value - layer->level[i]) < 0.09) return true;
    return false;
}

typedef double areas_function(double x, double y);

static double areas_bowl(double x, double y)
{
    return x * x + y * y;
}

static double areas_saddle(double x, double y)
{
    return x * x - y * y;
}

static double areas_hill_and_hole(double x, double y)
{
    return 4 * x * exp(-x * x - y * y);
}

/* A bowl with two holes, which touch at a corner. */
static double areas_holes(double x, double y)
{
    const bool inside = fabs(x) < 1 && fabs(y) < 1 && fabs(x) > .04 && fabs(y) > .04;
    return inside && (x > 0) == (y > 0) ? (double)NAN : areas_bowl(x, y);
}

/* Is the function known at all grid points about there? */
static bool areas_known(areas_function *f, double x, double y)
{
    for (int i = -1; i <= 1; i++)
        for (int k = -1; k <= 1; k++)
            if (isnan(f(x + .11 * i, y + .11 * k))) return false;
    return true;
}

static gr_figure *areas_draw(areas_function *f, const char *path, gr_tensor *image)
{
    double values[GRID * GRID];
    gr_figure *figure;
    for (int i = 0; i < GRID * GRID; i++)
        values[i] = f((i % GRID - 20) / 10.0, (double)(i / GRID - 20) / 10.0);
    unit_ok(gr_figure_new(GR_FIGURE(.width = 300, .height = 300, .dpi = 72), &figure));
    unit_ok(gr_figure_panel(figure, 0, GR_PANEL(.bare = true)));
    unit_ok(gr_figure_grid(figure, 0,
                           GR_GRID(GR_GRID_FILLED, .rows = GRID, .columns = GRID, .values = values,
                                   .x_min = -2, .x_max = 2, .y_min = -2, .y_max = 2)));
    unit_ok(gr_figure_save(figure, path));
    gr_status status = gr_image_read(path, image);
    if (status == GR_UNSUPPORTED) skip();
    unit_ok(status);
    return figure;
}

/* The pixels from white to white along the middle of a picture of n·n: along a row (step 1) or a
 * column (step n). */
static void areas_span(const gr_tensor *image, int n, int step, int span[2])
{
    const uint8_t *const pixel = image->data;
    const int start = step == 1 ? n / 2 * n : n / 2;
    for (int end = 0; end < 2; end++) {
        int at = end ? n - 1 : 0;
        while (pixel[start + at * step] + pixel[n * n + start + at * step] +
                   pixel[2 * n * n + start + at * step] ==
               3 * 255)
            at += end ? -1 : 1;
        span[end] = at;
    }
}

/* Compares the pixels within the panel; returns how many. */
static int areas_compare(areas_function *f, const gr_figure *figure, const gr_tensor *image)
{
    const plot_layer *const layer = &figure->panel[0].layer[0];
    const uint8_t *const pixel = image->data;
    const int n = (int)image->shape.dim[2];
    int across[2], down[2], checked = 0;
    areas_span(image, n, 1, across);
    areas_span(image, n, n, down);
    for (int row = down[0] + 2; row < down[1] - 1; row++) {
        for (int column = across[0] + 2; column < across[1] - 1; column++) {
            const double x = -2 + 4 * (column + .5 - across[0]) / (across[1] + 1 - across[0]);
            const double y = 2 - 4 * (row + .5 - down[0]) / (down[1] + 1 - down[0]);
            if (near_level(layer, f(x, y)) || !areas_known(f, x, y)) continue;
            const int64_t wanted = gr_plot_layer_color(layer, f(x, y));
            for (int c = 0; c < 3; c++) {
                const int64_t told = pixel[c * n * n + row * n + column];
                if (llabs(told - (wanted >> (16 - 8 * c) & 0xFF)) > 2)
                    fail_msg("another colour at (%g, %g), where the value is %g", x, y, f(x, y));
            }
            checked++;
        }
    }
    return checked;
}

/* Every pixel has the colour of the levels between which the function is there. */
static void areas_have_the_colours_of_their_levels(void **state)
{
    (void)state;
    static areas_function *const functions[] = {areas_bowl, areas_saddle, areas_hill_and_hole,
                                                areas_holes};
    const char *path = test_files_path("areas.png");
    if (gr_figure_check(path) != GR_OK) skip();
    for (size_t i = 0; i < GR_LEN(functions); i++) {
        gr_tensor image;
        gr_figure *figure = areas_draw(functions[i], path, &image);
        assert_in_range(areas_compare(functions[i], figure, &image), 20000, 90000);
        gr_tensor_clear(&image);
        gr_figure_free(figure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(svg_has_frames),
        cmocka_unit_test(other_files_stand_still),
        cmocka_unit_test(memory_may_fail_anywhere),
        cmocka_unit_test(areas_have_the_colours_of_their_levels),
    };
    return cmocka_run_group_tests(tests, test_files_setup, test_files_teardown);
}
