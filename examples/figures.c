/* Figures: lines with bands, folds of a cross-validation, regions under points, contours, a
 * histogram, in one grid of panels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <gradus/gradus.h>

enum { STEPS = 120, FOLDS = 5, SIDE = 60, POINTS = 60, DRAWS = 2000 };

static double uniform(void)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return state / 4294967296.;
}

static double normal(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += uniform();
    return sum;
}

/* Three losses against steps, the first with a band about it. */
static void losses(gr_figure *figure, int panel)
{
    static const char *const names[] = {"momentum", "Adam", "plain"};
    double x[STEPS], y[3][STEPS], low[STEPS], high[STEPS];
    for (int i = 0; i < STEPS; i++) {
        x[i] = 10 * i;
        for (int k = 0; k < 3; k++)
            y[k][i] = 2.3 * exp(-i * (k + 1) / 60.) + 0.03 * (k + 1) * (1.2 + sin(i / 3. + k));
        low[i] = 0.8 * y[0][i];
        high[i] = 1.25 * y[0][i];
    }
    gr_figure_panel(figure, panel,
                    GR_PANEL(.title = "Loss", .x_label = "step", .y_label = "loss", .y_log = true));
    gr_figure_add(figure, panel,
                  GR_SERIES(GR_SERIES_BAND, .x = x, .y = low, .y2 = high, .n = STEPS));
    for (int k = 0; k < 3; k++)
        gr_figure_add(figure, panel,
                      GR_SERIES(GR_SERIES_LINE, .label = names[k], .x = x, .y = y[k], .n = STEPS));
}

/* Every fold a dot, mean and deviation a line. */
static void folds(gr_figure *figure, int panel)
{
    const double k[] = {1, 3, 5, 8, 10, 12, 15, 20, 50, 100};
    enum { N = sizeof k / sizeof *k };
    double x[N * FOLDS], y[N * FOLDS], mean[N], low[N], high[N];
    for (int i = 0; i < N; i++) {
        double sum = 0, squares = 0;
        for (int f = 0; f < FOLDS; f++) {
            double accuracy = 0.27 + 0.01 * exp(-pow(log(k[i] / 9), 2)) + 0.01 * uniform();
            x[i * FOLDS + f] = k[i];
            y[i * FOLDS + f] = accuracy;
            sum += accuracy;
            squares += accuracy * accuracy;
        }
        mean[i] = sum / FOLDS;
        double deviation = sqrt(squares / FOLDS - mean[i] * mean[i]);
        low[i] = mean[i] - deviation;
        high[i] = mean[i] + deviation;
    }
    gr_figure_panel(figure, panel,
                    GR_PANEL(.title = "Cross-validation", .x_label = "k", .y_label = "accuracy",
                             .x_log = true));
    gr_figure_add(figure, panel,
                  GR_SERIES(GR_SERIES_POINTS, .label = "folds", .x = x, .y = y, .n = N * FOLDS,
                            .color = 6, .mark = 1.5));
    gr_figure_add(figure, panel,
                  GR_SERIES(GR_SERIES_ERRORS, .x = k, .y = low, .y2 = high, .n = N, .color = 1));
    gr_figure_add(figure, panel,
                  GR_SERIES(GR_SERIES_LINE, .label = "mean and deviation", .x = k, .y = mean,
                            .n = N, .color = 1));
}

/* What a classifier makes of the plane, and the points that it learnt from. */
static void regions(gr_figure *figure, int panel)
{
    double taken[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++) {
        double x = i % SIDE - SIDE / 2., y = i / SIDE - SIDE / 2.;
        taken[i] = floor(fmod(atan2(y, x) / 6.2832 * 3 + hypot(x, y) / 15 + 6, 3));
    }
    gr_figure_panel(figure, panel, GR_PANEL(.title = "Regions", .equal = true));
    gr_figure_grid(figure, panel,
                   GR_GRID(.rows = SIDE, .columns = SIDE, .values = taken, .x_min = -1, .x_max = 1,
                           .y_min = -1, .y_max = 1, .map = GR_MAP_CLASSES));
    for (int c = 0; c < 3; c++) {
        double x[POINTS], y[POINTS];
        for (int i = 0; i < POINTS; i++) {
            double r = (double)i / POINTS, t = 2.094 * (c + 0.5) - 4.1 * r + 0.3 * uniform();
            x[i] = r * cos(t);
            y[i] = r * sin(t);
        }
        gr_figure_add(figure, panel,
                      GR_SERIES(GR_SERIES_POINTS, .x = x, .y = y, .n = POINTS, .color = c + 1));
    }
}

/* A surface with a path down its valley. */
static void surface(gr_figure *figure, int panel)
{
    double value[SIDE * SIDE], x[40], y[40];
    for (int i = 0; i < SIDE * SIDE; i++) {
        double u = 4. * (i % SIDE) / (SIDE - 1) - 2, v = 4. * (double)(i / SIDE) / (SIDE - 1) - 1;
        value[i] = 0.1 + pow(1 - u, 2) + 10 * pow(v - u * u, 2);
    }
    for (int i = 0; i < 40; i++) {
        x[i] = -1.5 + 2.5 * i / 39;
        y[i] = x[i] * x[i] + 0.3 * cos(i / 2.) * (40 - i) / 40;
    }
    gr_figure_panel(figure, panel, GR_PANEL(.title = "Surface", .x_label = "a", .y_label = "b"));
    gr_figure_grid(figure, panel,
                   GR_GRID(.kind = GR_GRID_FILLED, .rows = SIDE, .columns = SIDE, .values = value,
                           .x_min = -2, .x_max = 2, .y_min = -1, .y_max = 3, .log = true,
                           .scale = "loss"));
    gr_figure_add(
        figure, panel,
        GR_SERIES(GR_SERIES_LINE, .x = x, .y = y, .n = 40, .color = 2, .mark = 1.2, .width = 1));
}

static void weights(gr_figure *figure, int panel)
{
    double small[DRAWS], large[DRAWS];
    for (int i = 0; i < DRAWS; i++) {
        small[i] = 0.5 * normal();
        large[i] = 1 + normal();
    }
    gr_figure_panel(figure, panel, GR_PANEL(.title = "Weights", .y_label = "count"));
    gr_figure_histogram(figure, panel,
                        GR_HISTOGRAM(.label = "before", .values = small, .n = DRAWS));
    gr_figure_histogram(figure, panel, GR_HISTOGRAM(.label = "after", .values = large, .n = DRAWS));
}

static void matrix(gr_figure *figure, int panel)
{
    double value[36];
    for (int i = 0; i < 36; i++) value[i] = cos(i / 6 - i % 6) - 0.2 * (i % 5);
    gr_figure_panel(figure, panel, GR_PANEL(.title = "Matrix", .equal = true, .y_down = true));
    gr_figure_grid(
        figure, panel,
        GR_GRID(.rows = 6, .columns = 6, .values = value, .map = GR_MAP_DIVERGING, .scale = ""));
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "figures.svg";
    double width = argc > 2 ? atof(argv[2]) : 0, height = argc > 3 ? atof(argv[3]) : 0;
    gr_figure *figure;
    if (gr_figure_new(GR_FIGURE(.panels = 6, .columns = 3, .width = width, .height = height,
                                .title = "Figures"),
                      &figure) != GR_OK) {
        fprintf(stderr, "%s\n", gr_message());
        return 1;
    }
    losses(figure, 0);
    folds(figure, 1);
    regions(figure, 2);
    surface(figure, 3);
    weights(figure, 4);
    matrix(figure, 5);
    gr_status status = gr_figure_save(figure, path);
    if (status != GR_OK) fprintf(stderr, "%s\n", gr_message());
    gr_figure_free(figure);
    return status != GR_OK;
}
