/* gradus train: warnings of dead and saturated units and of updates that are far too large or too
 * small. */
#include "cli/dataset.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALARM_EXAMPLES = 256, /* that are looked at, */
    ALARM_STREAMED = 64,  /* fewer where each has to be read, */
    ALARM_ROWS = 16,      /* few at a time, for the memory of large nets */
    ALARM_UNITS = 10,     /* of a layer that is large enough for shares */
    ALARM_STEPS = 100,    /* before these a net has yet to find out of its initial values */
};
static const double alarm_dead = .2, alarm_saturated = .5; /* shares */
static const double alarm_large = .1, alarm_small = 1e-7;  /* updates; 1e-3 is usual */

static const char *const alarm_words[CLI_ALARMS] = {"dead", "saturated", "update"};

/* Activations that are meant to be away from their ends: elu, say, is flat for good. */
static bool alarm_may_saturate(const char *kind)
{
    static const char *const kinds[] = {"sigmoid", "tanh", "hard_sigmoid", "hard_tanh", "softsign"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0) return true;
    return false;
}

/* "relu after fc2": layers without parameters often have one name. To be freed. */
static char *alarm_place(const gr_inspection *found, int i)
{
    int before = i - 1;
    while (before >= 0 && found->layers[before].parameters == 0) before--;
    if (before < 0) return cli_format("%s", found->layers[i].name);
    return cli_format("%s after %s", found->layers[i].name, found->layers[before].name);
}

/* Keeps the worst of a kind. */
static void alarm_raise(cli_training *training, cli_alarm_kind kind, const char *where,
                        double value, int64_t units)
{
    cli_alarm *alarm = &training->alarm[kind];
    if (training->alarmed[kind] || (alarm->where && alarm->value >= value)) return;
    free(alarm->where); /* NOLINT(clang-analyzer-unix.Malloc): alarm_forget leaves none */
    *alarm = (cli_alarm){cli_format("%s", where), value, units};
}

/* The first entry after these steps, the second, fourth, eighth, …, the last: often at first, then
 * seldom. */
static bool alarm_is_due(const cli_training *training)
{
    const gr_train_report report = gr_trainer_report(training->trainer);
    const int64_t entries = gr_trainer_epochs(training->trainer);
    gr_epoch before = {0};
    if (entries > 1) gr_trainer_epoch(training->trainer, entries - 2, &before);
    if (report.now.step < ALARM_STEPS) return false;
    return before.step < ALARM_STEPS || (entries & (entries - 1)) == 0 ||
           report.now.step >= report.steps;
}

/* ---- Looking --------------------------------------------------------------------------------- */

static gr_status alarm_sample(cli_training *training)
{
    const int64_t all = gr_dataset_size(training->train);
    int64_t index[ALARM_EXAMPLES];
    int64_t n = gr_dataset_streamed(training->train) ? ALARM_STREAMED : ALARM_EXAMPLES;
    if (training->sample) return GR_OK;
    if (n > all) n = all;
    for (int64_t i = 0; i < n; i++) index[i] = (int64_t)((double)i * (double)all / (double)n);
    return gr_dataset_select(training->train, index, n, &training->sample);
}

static void alarm_layers(cli_training *training, const gr_inspection *found)
{
    for (int i = 0; i + 1 < found->count; i++) { /* the last one may well be at its end */
        const gr_layer_stats *layer = &found->layers[i];
        const double dead = (double)layer->dead / (double)layer->units;
        if (!layer->activation || layer->units < ALARM_UNITS) continue;
        char *where = alarm_place(found, i);
        if (dead >= alarm_dead) alarm_raise(training, CLI_DEAD, where, dead, layer->units);
        if (alarm_may_saturate(layer->kind) && layer->saturated >= alarm_saturated)
            alarm_raise(training, CLI_SATURATED, where, layer->saturated, layer->units);
        free(where);
    }
}

/* A rate that a schedule has brought down makes small updates on purpose. */
static void alarm_updates(cli_training *training)
{
    const gr_update *update;
    const int n = gr_trainer_updates(training->trainer, &update);
    const bool first = gr_trainer_epochs(training->trainer) == 1;
    for (int i = 0; i < n; i++) {
        const bool small = first && update[i].ratio > 0 && update[i].ratio < alarm_small;
        if (update[i].ratio > alarm_large || small)
            alarm_raise(training, CLI_UPDATE, update[i].parameter, update[i].ratio, 0);
    }
}

/* ---- Warning --------------------------------------------------------------------------------- */

static void alarm_warn(const cli_training *training, cli_alarm_kind kind)
{
    const cli_alarm *alarm = &training->alarm[kind];
    const gr_train_report report = gr_trainer_report(training->trainer);
    const bool steps = training->trainer_options.report_steps > 0;
    char *when = cli_format("%s %" PRId64, steps ? "step" : "epoch",
                            steps ? report.now.step : report.now.epoch);
    if (kind == CLI_DEAD)
        cli_warn("%s: %.0f %% of the %" PRId64 " units of '%s' are dead, 0 for all of %" PRId64
                 " examples: no gradient reaches them any more; a smaller --rate may help",
                 when, 100 * alarm->value, alarm->units, alarm->where,
                 gr_dataset_size(training->sample));
    else if (kind == CLI_SATURATED)
        cli_warn(
            "%s: %.0f %% of '%s' is saturated, its derivative below 0.01: little gradient comes "
            "through; smaller initial weights, or another activation, may help",
            when, 100 * alarm->value, alarm->where);
    else
        cli_warn(
            "%s: a step changes '%s' by %.2g of its size, where 0.001 is usual; a %s --rate may "
            "help",
            when, alarm->where, alarm->value, alarm->value > alarm_large ? "smaller" : "larger");
    free(when);
}

static void alarm_forget(cli_training *training)
{
    for (int i = 0; i < CLI_ALARMS; i++) {
        free(training->alarm[i].where);
        training->alarm[i] = (cli_alarm){0};
    }
}

int cli_training_watch(cli_training *training)
{
    gr_inspection *found;
    gr_status status = GR_OK;
    const bool looks = !training->alarmed[CLI_DEAD] || !training->alarmed[CLI_SATURATED];
    alarm_forget(training);
    if (!alarm_is_due(training)) return CLI_YES;
    alarm_updates(training);
    /* Of what a net carries from step to step nothing must be touched. */
    if (looks && !cli_is_sequence(training->train) && !gr_model_carries(training->model)) {
        status = alarm_sample(training);
        if (status == GR_OK)
            status =
                gr_inspect(training->model, training->sample,
                           GR_INSPECT(.rows = ALARM_ROWS, .forward = true, .sample = -1), &found);
        if (status != GR_OK) return cli_failed(status);
        alarm_layers(training, found);
        gr_inspection_free(found);
    }
    for (int i = 0; i < CLI_ALARMS; i++) {
        if (!training->alarm[i].where) continue;
        alarm_warn(training, (cli_alarm_kind)i);
        training->alarmed[i] = true;
    }
    return CLI_YES;
}

void cli_training_watch_clear(cli_training *training)
{
    alarm_forget(training);
    gr_dataset_free(training->sample);
}

void cli_training_alarms_json(cli_json *json, const cli_training *training)
{
    bool any = false;
    for (int i = 0; i < CLI_ALARMS; i++) any = any || training->alarm[i].where;
    if (!any) return;
    cli_json_array(json, "alarms");
    for (int i = 0; i < CLI_ALARMS; i++) {
        if (!training->alarm[i].where) continue;
        cli_json_object(json, NULL);
        cli_json_text(json, "kind", alarm_words[i]);
        cli_json_text(json, "where", training->alarm[i].where);
        cli_json_real(json, "value", training->alarm[i].value);
        cli_json_end(json);
    }
    cli_json_end(json);
}
