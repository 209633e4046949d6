/* gradus linear: following the gradient, by the library's trainer. */
#include "cli/linear.h"
#include "cli/out.h"
#include "cli/stop.h"

#include <math.h>
#include <stdlib.h>

enum {
    DESCEND_CHUNK = 1000, /* examples worked on at a time, of an update by all of them */
    DESCEND_FOREVER = 1 << 30,
    DESCEND_EPOCHS = 10, /* if nothing is said, but no less than so many updates by */
    DESCEND_UPDATES = 1000,
    DESCEND_BATCH = 256, /* so many examples would take */
};

void cli_linear_note(cli_linear_curve *curve, double seconds, double loss)
{
    if (curve->n == curve->room) {
        curve->room = curve->room ? 2 * curve->room : 1024;
        const size_t room = (size_t)curve->room;
        curve->seconds = cli_realloc(curve->seconds, room, sizeof *curve->seconds);
        curve->loss = cli_realloc(curve->loss, room, sizeof *curve->loss);
    }
    curve->seconds[curve->n] = seconds;
    curve->loss[curve->n++] = loss;
}

int64_t cli_linear_epochs(const cli_linear *linear)
{
    const int64_t all = gr_dataset_size(linear->train), asked = cli_int(linear->args, "epochs");
    const int64_t updates = (all - 1) / DESCEND_BATCH + 1;
    const int64_t least = (DESCEND_UPDATES - 1) / updates + 1;
    if (cli_given(linear->args, "seconds")) return DESCEND_FOREVER;
    if (asked || cli_given(linear->args, "steps")) return asked;
    return least > DESCEND_EPOCHS ? least : DESCEND_EPOCHS;
}

/* A batch of all examples is cut into parts whose gradients are added up. */
static gr_trainer_options descend_options(const cli_linear *linear, const cli_linear_way *way)
{
    const int64_t all = gr_dataset_size(linear->train);
    gr_trainer_options options =
        *GR_TRAINER(.optimizer = &linear->optimizer, .batch = way->batch, .seed = linear->seed);
    if (way->batch == 0) {
        options.batch = all < DESCEND_CHUNK ? all : DESCEND_CHUNK;
        options.accumulate = (all - 1) / options.batch + 1;
    }
    options.steps = cli_int(linear->args, "steps");
    options.epochs = cli_linear_epochs(linear);
    return options;
}

static gr_status descend_steps(const cli_linear *linear, cli_linear_way *way, gr_trainer *trainer)
{
    const double limit =
        cli_given(linear->args, "seconds") ? cli_real(linear->args, "seconds") : INFINITY;
    const double begin = cli_clock();
    gr_train_event event = GR_TRAIN_STEP;
    double last = 0;
    for (;;) {
        gr_status status = gr_train_step(trainer, &event);
        if (status != GR_OK) return status;
        way->seconds = cli_clock() - begin;
        if (event == GR_TRAIN_FINISHED) return GR_OK;
        if (event != GR_TRAIN_STEP) continue;
        const gr_train_report report = gr_trainer_report(trainer);
        cli_linear_note(&way->curve, way->seconds, report.loss);
        way->steps++;
        if (way->seconds > last + .1) {
            const double done = (double)way->steps / (double)report.steps;
            cli_linear_show(linear, "gradient", isfinite(limit) ? way->seconds / limit : done);
            last = way->seconds;
        }
        if (cli_stop_wanted()) return GR_CANCELLED;
        if (way->seconds >= limit) return GR_OK;
    }
}

gr_status cli_linear_descend(const cli_linear *linear, cli_linear_way *way)
{
    gr_trainer *trainer;
    const gr_trainer_options options = descend_options(linear, way);
    gr_status status = gr_trainer_new(way->model, linear->train, NULL, &options, &trainer);
    if (status != GR_OK) return status;
    status = descend_steps(linear, way, trainer);
    gr_trainer_free(trainer);
    return status;
}
