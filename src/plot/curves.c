/* The course of a training as a figure. */
#include <math.h>
#include <stdio.h>

#include "plot/figure.h"

static gr_status curves_add(gr_figure *figure, int panel, const gr_curves *curves,
                            const char *label, const double *values, int color)
{
    if (!values) return GR_OK;
    return gr_figure_add(figure, panel,
                         &(gr_series){.size = sizeof(gr_series),
                                      .label = label,
                                      .x = curves->epoch,
                                      .y = values,
                                      .n = curves->n,
                                      .color = color});
}

/* The epoch whose weights were kept, labelled in the first panel only. */
static gr_status curves_best(gr_figure *figure, int panel, const gr_curves *curves)
{
    if (!curves->best_epoch || !isfinite(*curves->best_epoch)) return GR_OK;
    return gr_figure_add(figure, panel,
                         &(gr_series){.size = sizeof(gr_series),
                                      .kind = GR_SERIES_MARK,
                                      .label = panel == 0 ? "best epoch" : NULL,
                                      .x = curves->best_epoch,
                                      .n = 1});
}

static gr_status curves_loss(gr_figure *figure, int panel, const gr_curves *curves)
{
    const gr_panel text = {.size = sizeof text, .x_label = "epoch", .y_label = "loss"};
    GR_TRY(gr_figure_panel(figure, panel, &text));
    GR_TRY(curves_add(figure, panel, curves, "training", curves->train_loss, 1));
    GR_TRY(curves_add(figure, panel, curves, "validation", curves->val_loss, 2));
    return curves_best(figure, panel, curves);
}

static gr_status curves_accuracy(gr_figure *figure, int panel, const gr_curves *curves)
{
    const gr_panel text = {.size = sizeof text, .x_label = "epoch", .y_label = "accuracy"};
    GR_TRY(gr_figure_panel(figure, panel, &text));
    GR_TRY(curves_add(figure, panel, curves, "training", curves->train_accuracy, 1));
    GR_TRY(curves_add(figure, panel, curves, "validation", curves->val_accuracy, 2));
    GR_TRY(curves_best(figure, panel, curves));
    if (!curves->test_accuracy || !isfinite(*curves->test_accuracy)) return GR_OK;
    char label[32];
    int digits = (int)lround(*curves->test_accuracy * 10000); /* no decimal point of a locale */
    snprintf(label, sizeof label, "test %d.%04d", digits / 10000, abs(digits % 10000));
    return gr_figure_add(figure, panel,
                         &(gr_series){.size = sizeof(gr_series),
                                      .kind = GR_SERIES_LEVEL,
                                      .label = label,
                                      .y = curves->test_accuracy,
                                      .n = 1});
}

/* A panel of one line against epochs. */
static gr_status curves_single(gr_figure *figure, int panel, const gr_curves *curves,
                               const char *name, const double *values)
{
    GR_TRY(gr_figure_panel(figure, panel, GR_PANEL(.x_label = "epoch", .y_label = name)));
    return curves_add(figure, panel, curves, NULL, values, 1);
}

static gr_status curves_fill(gr_figure *figure, const gr_curves *curves, bool loss, bool accuracy)
{
    int panel = 0;
    if (loss) GR_TRY(curves_loss(figure, panel++, curves));
    if (accuracy) GR_TRY(curves_accuracy(figure, panel++, curves));
    if (curves->rate) {
        GR_TRY(curves_single(figure, panel++, curves, "learning rate", curves->rate));
    }
    if (curves->gradient_norm) {
        GR_TRY(curves_single(figure, panel++, curves, "gradient norm", curves->gradient_norm));
    }
    return GR_OK;
}

gr_status gr_plot_curves(const char *path, const gr_curves *curves)
{
    const bool loss = curves->train_loss || curves->val_loss;
    const bool accuracy = curves->train_accuracy || curves->val_accuracy || curves->test_accuracy;
    const int panels = loss + accuracy + (curves->rate != NULL) + (curves->gradient_norm != NULL);
    if (curves->n < 1 || panels == 0) {
        return gr_fail(GR_INVALID, "%s: there are no curves to draw", path);
    }
    gr_figure *figure;
    GR_TRY(gr_figure_new(
        GR_FIGURE(.panels = panels, .columns = panels < 4 ? panels : 2, .title = curves->title),
        &figure));
    gr_status status = curves_fill(figure, curves, loss, accuracy);
    if (status == GR_OK) status = gr_figure_save(figure, path);
    gr_figure_free(figure);
    return status;
}
