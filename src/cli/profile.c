/* Tables of where the time goes. */
#include "cli/profile.h"

#include "cli/input.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/plan.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gradus/io.h>

enum {
    PROFILE_EVENTS = 1 << 18, /* calls that a trace remembers: 6 MiB */
    PROFILE_ROWS = 40,        /* most gates of a table by time, */
    PROFILE_KINDS = 64,       /* and ops */
    PROFILE_WIDE = 100        /* columns that have room for the least times */
};
static const double profile_rest = .01;  /* of the time: gates that a table by time leaves out */
static const double profile_short = .01; /* of all: sections that are not worth a table */
static const double profile_measuring = 0.3; /* seconds for the machine's limits */

int cli_profile_open(const cli_args *args, gr_profile **profile)
{
    const char *trace = cli_text(args, "trace");
    *profile = NULL;
    if (!trace && !cli_flag(args, "profile") && !cli_flag(args, "profile-order")) return CLI_YES;
    int code = trace ? cli_check_output(trace) : CLI_YES;
    if (code != CLI_YES) return code;
    gr_status status = gr_profile_new(GR_PROFILE(.events = trace ? PROFILE_EVENTS : 0), profile);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* A gate of a section, or all gates of an op. */
typedef struct profile_line {
    gr_profile_row row;
    int gates;      /* that it adds up; what follows is of a step */
    double seconds; /* the median, which an interruption does not change */
    double limit;   /* the least seconds, by the machine's limits */
    double flops, bytes;
} profile_line;

typedef struct profile_view {
    const gr_machine_speed *speed;
    gr_profile_section section;
    profile_line *lines; /* [section.rows] */
    profile_line total;
} profile_view;

static void profile_add(profile_line *sum, const profile_line *line)
{
    sum->seconds += line->seconds;
    sum->gates += line->gates;
    sum->limit += line->limit;
    sum->flops += line->flops;
    sum->bytes += line->bytes;
}

static profile_view profile_read(const gr_profile *profile, int section,
                                 const gr_machine_speed *speed)
{
    profile_view view = {.speed = speed, .section = gr_profile_section_info(profile, section)};
    view.lines = cli_alloc((size_t)view.section.rows + 1, sizeof *view.lines);
    for (int r = 0; r < view.section.rows; r++) {
        const gr_profile_row row = gr_profile_row_info(profile, section, r);
        view.lines[r] = (profile_line){
            .row = row,
            .gates = 1,
            .seconds = row.median,
            .limit = gr_machine_limit(speed, row.step.flops, row.step.bytes),
            .flops = row.step.flops,
            .bytes = row.step.bytes,
        };
        profile_add(&view.total, &view.lines[r]);
    }
    return view;
}

static int profile_by_time(const void *a, const void *b)
{
    const profile_line *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

/* Time, share of the time, speeds, share of the limit. Nothing for what took no time. */
static void profile_cells(cli_table *table, const profile_view *view, const profile_line *line)
{
    char text[32];
    const double seconds = line->seconds;
    cli_table_cell(table, "%s", cli_show_moment(seconds, text, sizeof text));
    cli_table_cell(table, "%.1f", 100 * seconds / view->total.seconds);
    if (line->flops > 0 && seconds > 0)
        cli_table_cell(table, "%.3g", 1e-9 * line->flops / seconds);
    else
        cli_table_cell(table, "%s", "");
    if (line->bytes > 0 && seconds > 0)
        cli_table_cell(table, "%.3g", 1e-9 * line->bytes / seconds);
    else
        cli_table_cell(table, "%s", "");
    if (seconds > 0)
        cli_table_cell(table, "%.0f", 100 * line->limit / seconds);
    else
        cli_table_cell(table, "%s", "");
}

static void profile_print_gates(const profile_view *view, bool in_order)
{
    double shown = 0;
    int n = 0;
    const double enough = (1 - profile_rest) * view->total.seconds;
    const bool wide = cli_width() == 0 || cli_width() >= PROFILE_WIDE;
    cli_table *table =
        cli_table_new(wide ? "~op|~gate|~result|>time|>%|>GFLOP/s|>GB/s|>limit %|>least|~kernel"
                           : "~op|~gate|~result|>time|>%|>GFLOP/s|>GB/s|>limit %|~kernel");
    for (; n < view->section.rows; n++) {
        const profile_line *line = &view->lines[n];
        const gr_step_info *step = &line->row.step;
        char shape[128], time[32];
        if (!in_order && (n == PROFILE_ROWS || shown > enough)) break;
        shown += line->seconds;
        cli_table_cell(table, "%s", step->op);
        char *title = cli_step_title(step);
        cli_table_cell(table, "%s", title);
        free(title);
        cli_table_cell(table, "%s%s", gr_dtype_name(step->out.dtype),
                       gr_shape_print(step->out.shape, shape, sizeof shape));
        profile_cells(table, view, line);
        if (wide) cli_table_cell(table, "%s", cli_show_moment(line->row.least, time, sizeof time));
        cli_table_cell(table, "%s", step->kernel);
    }
    cli_table_print(table);
    if (n < view->section.rows)
        cli_print("and %d more gates, %.1f %% of the time\n", view->section.rows - n,
                  100 * (1 - shown / view->total.seconds));
}

static void profile_print_ops(const profile_view *view)
{
    profile_line kinds[PROFILE_KINDS] = {{.gates = 0}};
    int n = 0;
    for (int r = 0; r < view->section.rows; r++) {
        const profile_line *line = &view->lines[r];
        int k = 0;
        while (k < n && strcmp(kinds[k].row.step.op, line->row.step.op) != 0) k++;
        if (k == PROFILE_KINDS) continue; /* more than there are ops */
        if (k == n) kinds[n++].row.step.op = line->row.step.op;
        profile_add(&kinds[k], line);
    }
    qsort(kinds, (size_t)n, sizeof *kinds, profile_by_time);
    cli_print("\n");
    cli_table *table = cli_table_new("<op|>gates|>time|>%|>GFLOP/s|>GB/s|>limit %");
    for (int k = 0; k <= n; k++) {
        const profile_line *line = k < n ? &kinds[k] : &view->total;
        if (k == n) cli_table_rule(table);
        cli_table_cell(table, "%s", k < n ? line->row.step.op : "all");
        cli_table_cell(table, "%d", line->gates);
        profile_cells(table, view, line);
    }
    cli_table_print(table);
}

static void profile_print(profile_view *view, bool in_order)
{
    char time[32];
    const gr_profile_section *s = &view->section;
    cli_print("\n%s%s%s: %" PRId64 " step%s of %s on %d thread%s\n\n", cli_color(CLI_BOLD), s->name,
              cli_color(CLI_PLAIN), s->steps, s->steps == 1 ? "" : "s",
              cli_show_moment(s->seconds / (double)s->steps, time, sizeof time), s->threads,
              s->threads == 1 ? "" : "s");
    if (!in_order) qsort(view->lines, (size_t)s->rows, sizeof *view->lines, profile_by_time);
    profile_print_gates(view, in_order);
    profile_print_ops(view);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void profile_print_json(const profile_view *view)
{
    for (int r = 0; r < view->section.rows; r++) {
        const profile_line *line = &view->lines[r];
        const gr_step_info *step = &line->row.step;
        const double seconds = line->seconds;
        cli_json json = {0};
        cli_json_object(&json, NULL);
        cli_json_text(&json, "profile", view->section.name);
        cli_json_text(&json, "op", step->op);
        cli_json_text(&json, "name", step->name);
        cli_json_text(&json, "composite", step->composite);
        if (*step->body) cli_json_text(&json, "body", step->body);
        cli_json_text(&json, "kernel", step->kernel);
        cli_json_text(&json, "in", step->inputs);
        cli_json_shape(&json, "out", step->out.shape);
        cli_json_int(&json, "calls", line->row.calls);
        cli_json_real(&json, "ms", 1e3 * seconds);
        cli_json_real(&json, "mean_ms", 1e3 * line->row.seconds / (double)line->row.calls);
        cli_json_real(&json, "min_ms", 1e3 * line->row.least);
        cli_json_real(&json, "share", seconds / view->total.seconds);
        cli_json_real(&json, "flops", step->flops);
        cli_json_real(&json, "bytes", step->bytes);
        cli_json_real(&json, "gflops", 1e-9 * line->flops / seconds);
        cli_json_real(&json, "gbs", 1e-9 * line->bytes / seconds);
        cli_json_real(&json, "roofline", line->limit / seconds);
        cli_json_end(&json);
    }
}

/* ---- The end --------------------------------------------------------------------------------- */

static int profile_write_trace(const gr_profile *profile, const char *path)
{
    char *text;
    gr_status status = gr_profile_trace(profile, &text);
    if (status != GR_OK) return cli_failed(status);
    status = gr_file_write(path, text, strlen(text));
    gr_text_release(text);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

static double profile_seconds(const gr_profile *profile)
{
    double sum = 0;
    for (int s = 0; s < gr_profile_sections(profile); s++)
        sum += gr_profile_section_info(profile, s).seconds;
    return sum;
}

static int profile_threads(const gr_profile *profile)
{
    double most = -1;
    int threads = 0;
    for (int s = 0; s < gr_profile_sections(profile); s++) {
        const gr_profile_section section = gr_profile_section_info(profile, s);
        if (section.seconds <= most) continue;
        most = section.seconds;
        threads = section.threads;
    }
    return threads;
}

static int profile_print_all(const cli_args *args, bool json, const gr_machine_speed *speed,
                             const gr_profile *profile)
{
    gr_machine_speed own;
    const double all = profile_seconds(profile);
    if (all == 0) return CLI_YES;
    if (!speed) {
        gr_status status = gr_machine_measure(profile_threads(profile), profile_measuring, &own);
        if (status != GR_OK) return cli_failed(status);
        speed = &own;
    }
    for (int s = 0; s < gr_profile_sections(profile); s++) {
        profile_view view = profile_read(profile, s, speed);
        const double seconds = view.section.seconds;
        if (json && view.section.steps > 0)
            profile_print_json(&view);
        else if (!json && seconds > 0 && seconds >= profile_short * all)
            profile_print(&view, cli_flag(args, "profile-order"));
        free(view.lines);
    }
    return CLI_YES;
}

int cli_profile_close(const cli_args *args, bool json, const gr_machine_speed *speed,
                      gr_profile *profile)
{
    if (!profile) return CLI_YES;
    const char *trace = cli_text(args, "trace");
    int code = CLI_YES;
    if (cli_flag(args, "profile") || cli_flag(args, "profile-order"))
        code = profile_print_all(args, json, speed, profile);
    if (code == CLI_YES && trace) code = profile_write_trace(profile, trace);
    gr_profile_free(profile);
    return code;
}
