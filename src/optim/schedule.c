/* Learning-rate schedules: one formula a kind, as a number and as gates. */
#include <math.h>

#define GR_NO_PLACES
#include <gradus/optim.h>

#include "base/base.h"

static const char *const schedule_names[] = {"fixed",     "step", "exp",    "inv",
                                             "multistep", "poly", "cosine", "sigmoid"};

int gr_schedule_find(const char *name)
{
    for (size_t i = 0; name && i < GR_LEN(schedule_names); i++)
        if (!strcmp(name, schedule_names[i])) return (int)i;
    return -1;
}

const char *gr_schedule_name(gr_schedule_kind kind)
{
    return (size_t)kind < GR_LEN(schedule_names) ? schedule_names[kind] : "?";
}

/* The usual rate of each kind of optimiser, in the order of the enum. */
static double schedule_base(const gr_optimizer *o)
{
    static const double usual[] = {0.01, 0.01, 0.01, 0.001, 1, 0.001, 0.001};
    if (o->rate > 0) return o->rate;
    return (size_t)o->kind < GR_LEN(usual) ? usual[o->kind] : 0.01;
}

static double schedule_gamma(const gr_schedule *s)
{
    if (s->kind == GR_SCHEDULE_SIGMOID) return s->gamma;
    return s->gamma > 0 ? s->gamma : s->kind == GR_SCHEDULE_INV ? 1e-4 : 0.1;
}

static double schedule_power(const gr_schedule *s)
{
    return s->power > 0 ? s->power : s->kind == GR_SCHEDULE_INV ? 0.75 : 1;
}

static double schedule_total(const gr_schedule *s)
{
    return s->total > 0 ? (double)s->total : 1;
}

static double schedule_every(const gr_schedule *s)
{
    return s->every > 0 ? (double)s->every : 1;
}

double gr_schedule_rate(const gr_optimizer *optimizer, int64_t step)
{
    const gr_schedule *s = &optimizer->schedule;
    double rate = schedule_base(optimizer), t = (double)step, gamma = schedule_gamma(s);
    if (step < s->warmup) return rate * (t + 1) / (double)s->warmup;
    t -= (double)s->warmup;
    double done = fmin(t / schedule_total(s), 1);
    switch (s->kind) {
    case GR_SCHEDULE_FIXED:
        return rate;
    case GR_SCHEDULE_STEP:
        return rate * pow(gamma, floor(t / schedule_every(s)));
    case GR_SCHEDULE_EXP:
        return rate * pow(gamma, t);
    case GR_SCHEDULE_INV:
        return rate * pow(1 + gamma * t, -schedule_power(s));
    case GR_SCHEDULE_MULTISTEP:
        for (int i = 0; i < s->n_at; i++)
            if (t >= (double)s->at[i]) rate *= gamma;
        return rate;
    case GR_SCHEDULE_POLY:
        return rate * pow(1 - done, schedule_power(s));
    case GR_SCHEDULE_COSINE:
        return s->floor + (rate - s->floor) * (1 + cos(3.14159265358979323846 * done)) / 2;
    case GR_SCHEDULE_SIGMOID:
        return rate / (1 + exp(-gamma * (t - (double)s->every)));
    }
    return rate;
}

/* ---- As gates, in f64 ------------------------------------------------------------------------ */

static gr_node *schedule_multistep(const gr_schedule *s, gr_node *t, double rate)
{
    gr_node *r = gr_like(t, rate);
    for (int i = 0; i < s->n_at; i++) {
        gr_node *passed = gr_greater_equal(t, gr_like(t, (double)s->at[i]));
        r = gr_where(passed, gr_scale(r, schedule_gamma(s)), r);
    }
    return r;
}

static gr_node *schedule_after_warmup(const gr_optimizer *o, gr_node *t)
{
    const gr_schedule *s = &o->schedule;
    double rate = schedule_base(o), gamma = schedule_gamma(s), power = schedule_power(s);
    gr_node *done = gr_minimum(gr_div(t, gr_like(t, schedule_total(s))), gr_like(t, 1));
    switch (s->kind) {
    case GR_SCHEDULE_FIXED:
        return gr_like(t, rate);
    case GR_SCHEDULE_STEP:
        return gr_scale(
            gr_pow(gr_like(t, gamma), gr_floor(gr_div(t, gr_like(t, schedule_every(s))))), rate);
    case GR_SCHEDULE_EXP:
        return gr_scale(gr_pow(gr_like(t, gamma), t), rate);
    case GR_SCHEDULE_INV:
        return gr_scale(gr_pow(gr_shift(gr_scale(t, gamma), 1), gr_like(t, -power)), rate);
    case GR_SCHEDULE_MULTISTEP:
        return schedule_multistep(s, t, rate);
    case GR_SCHEDULE_POLY:
        return gr_scale(gr_pow(gr_sub(gr_like(t, 1), done), gr_like(t, power)), rate);
    case GR_SCHEDULE_COSINE: {
        gr_node *wave = gr_shift(gr_cos(gr_scale(done, 3.14159265358979323846)), 1);
        return gr_shift(gr_scale(wave, (rate - s->floor) / 2), s->floor);
    }
    case GR_SCHEDULE_SIGMOID:
        return gr_scale(gr_sigmoid(gr_scale(gr_shift(t, -(double)s->every), gamma)), rate);
    }
    return gr_like(t, rate);
}

gr_node *gr_schedule_at(gr_node *updates, const gr_optimizer *optimizer)
{
    const gr_schedule *s = &optimizer->schedule;
    double rate = schedule_base(optimizer);
    if (s->kind == GR_SCHEDULE_FIXED && s->warmup <= 0)
        return gr_scalar(gr_node_graph(updates), GR_F32, rate);
    gr_node *step = gr_cast(updates, GR_F64);
    gr_node *r = schedule_after_warmup(optimizer, gr_shift(step, -(double)s->warmup));
    if (s->warmup > 0) {
        gr_node *rise = gr_scale(gr_shift(step, 1), rate / (double)s->warmup);
        r = gr_where(gr_less(step, gr_like(step, (double)s->warmup)), rise, r);
    }
    return gr_cast(r, GR_F32);
}

gr_node *gr_schedule_node(gr_scope *scope, const gr_optimizer *optimizer)
{
    return gr_schedule_at(gr_scope_step(scope), optimizer);
}
