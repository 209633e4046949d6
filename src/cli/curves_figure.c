/* gradus curves: the figure. */
#include "cli/curves.h"

#include <gradus/plot.h>

enum { CURVES_WIDTH = 230, CURVES_HEIGHT = 190, CURVES_LEGEND = 14 };

/* A run is the same colour in all panels, also where it lacks some. */
static gr_status curves_panel(gr_figure *figure, int panel, const cli_run *runs, int n,
                              const cli_curves_figure *what)
{
    const cli_curve curve = what->show[panel];
    gr_status status = gr_figure_panel(figure, panel,
                                       GR_PANEL(.x_label = cli_curve_labels[what->by],
                                                .y_label = cli_curve_labels[curve],
                                                .y_log = what->log && !cli_curve_rises(curve)));
    for (int i = 0; i < n && status == GR_OK; i++) {
        if (!cli_run_has(&runs[i], curve)) continue;
        status = gr_figure_add(figure, panel,
                               GR_SERIES(GR_SERIES_LINE, .label = runs[i].name,
                                         .x = runs[i].value[what->by], .y = runs[i].value[curve],
                                         .n = runs[i].n, .color = i + 1));
    }
    if (status == GR_OK && curve == what->goal)
        status =
            gr_figure_add(figure, panel, GR_SERIES(GR_SERIES_LEVEL, .y = &what->level, .n = 1));
    return status;
}

gr_status cli_curves_draw(const char *path, const cli_run *runs, int n,
                          const cli_curves_figure *what)
{
    gr_figure *figure;
    const int columns = what->n == 1 ? 1 : what->n == 3 ? 3 : 2, rows = (what->n - 1) / columns + 1;
    const double width = what->n == 1 ? 340 : CURVES_WIDTH;
    const int labels = n / 3; /* rows of them */
    gr_status status =
        gr_figure_new(GR_FIGURE(.panels = what->n, .columns = columns, .title = what->title,
                                .width = width * columns,
                                .height = (CURVES_HEIGHT + CURVES_LEGEND * labels) * (double)rows),
                      &figure);
    if (status != GR_OK) return status;
    for (int panel = 0; panel < what->n && status == GR_OK; panel++)
        status = curves_panel(figure, panel, runs, n, what);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}
