#include "cli/plan.h"

#include "cli/command.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/table.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_KERNELS = 64 };

char *cli_step_title(const gr_step_info *step)
{
    const char *name = step->name ? step->name : step->composite;
    if (!*step->body) return cli_format("%s", name ? name : "");
    return name ? cli_format("%s: %s", name, step->body) : cli_format("%s", step->body);
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* How many steps run by each kernel, and what they do in all. */
typedef struct plan_totals {
    struct {
        const char *name;
        int steps;
    } kernel[PLAN_KERNELS];
    int kernels, inplace;
    double flops, bytes;
} plan_totals;

static void plan_count(plan_totals *totals, const gr_step_info *step)
{
    int k = 0;
    totals->inplace += step->inplace;
    totals->flops += step->flops;
    totals->bytes += step->bytes;
    while (k < totals->kernels && strcmp(totals->kernel[k].name, step->kernel) != 0) k++;
    if (k == PLAN_KERNELS) return; /* more than there are */
    if (k == totals->kernels) totals->kernel[totals->kernels++].name = step->kernel;
    totals->kernel[k].steps++;
}

static void plan_print_row(cli_table *table, int number, const gr_step_info *step)
{
    char shape[128], bytes[32];
    char *title = cli_step_title(step);
    cli_table_cell(table, "%d", number);
    cli_table_cell(table, "%s", step->op);
    cli_table_cell(table, "%s", title);
    cli_table_cell(table, "%s%s%s", gr_dtype_name(step->out.dtype),
                   gr_shape_print(step->out.shape, shape, sizeof shape),
                   step->outputs > 1 ? cli_glyph("…", "...") : "");
    cli_table_cell(table, "%s", step->kernel);
    cli_table_cell(table, "%s%s", step->home, step->inplace ? ", in place" : "");
    cli_table_cell(table, "%s",
                   step->scratch ? cli_show_bytes((double)step->scratch, bytes, sizeof bytes) : "");
    free(title);
}

static void plan_print_bytes(const char *what, size_t bytes)
{
    char text[32];
    cli_print("%-13s %s\n", what, cli_show_bytes((double)bytes, text, sizeof text));
}

static void plan_print_totals(const gr_program *program, const plan_totals *totals)
{
    char text[32];
    const gr_plan_info plan = gr_program_plan(program);
    cli_print("%-13s %d, %d of them in place\n", "steps", plan.steps, totals->inplace);
    cli_print("%-13s %s", "operations", cli_show_count(totals->flops, text, sizeof text));
    cli_print(", on %s\n", cli_show_bytes(totals->bytes, text, sizeof text));
    plan_print_bytes("buffers", plan.arena);
    plan_print_bytes("alive at most", plan.lower_bound);
    plan_print_bytes("scratch", plan.scratch);
    plan_print_bytes("constants", plan.constants);
    plan_print_bytes("variables", plan.variables);
    char *kernels = cli_format("%-13s", "kernels");
    for (int k = 0; k < totals->kernels; k++) {
        char *longer = cli_format("%s%s %s %d", kernels, k ? "," : "", totals->kernel[k].name,
                                  totals->kernel[k].steps);
        free(kernels);
        kernels = longer;
    }
    const int width = cli_width();
    cli_print_wrapped(kernels, 14, 0, width ? width : INT_MAX);
    cli_print("\n\n");
    free(kernels);
}

static gr_status plan_print_text(const gr_program *program)
{
    plan_totals totals = {.kernels = 0};
    gr_step_info step;
    const int n = gr_program_plan(program).steps;
    for (int s = 0; s < n; s++) {
        gr_status status = gr_program_step(program, s, &step);
        if (status != GR_OK) return status;
        plan_count(&totals, &step);
    }
    plan_print_totals(program, &totals);
    cli_table *table = cli_table_new(">step|~op|~gate|~result|~kernel|~memory|>scratch");
    gr_status status = GR_OK;
    for (int s = 0; s < n && status == GR_OK; s++) {
        status = gr_program_step(program, s, &step);
        if (status == GR_OK) plan_print_row(table, s, &step);
    }
    cli_table_print(table);
    return status;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static gr_status plan_print_json(const gr_program *program)
{
    cli_json json = {.pretty = true};
    const gr_plan_info plan = gr_program_plan(program);
    gr_status status = GR_OK;
    cli_json_object(&json, NULL);
    cli_json_int(&json, "buffers", (int64_t)plan.arena);
    cli_json_int(&json, "alive_at_most", (int64_t)plan.lower_bound);
    cli_json_int(&json, "scratch", (int64_t)plan.scratch);
    cli_json_int(&json, "constants", (int64_t)plan.constants);
    cli_json_int(&json, "variables", (int64_t)plan.variables);
    cli_json_array(&json, "steps");
    for (int s = 0; s < plan.steps && status == GR_OK; s++) {
        gr_step_info step;
        status = gr_program_step(program, s, &step);
        if (status != GR_OK) break;
        cli_json_object(&json, NULL);
        cli_json_text(&json, "op", step.op);
        cli_json_text(&json, "name", step.name);
        cli_json_text(&json, "composite", step.composite);
        if (*step.body) cli_json_text(&json, "body", step.body);
        cli_json_text(&json, "in", step.inputs);
        cli_json_text(&json, "type", gr_dtype_name(step.out.dtype));
        cli_json_shape(&json, "out", step.out.shape);
        cli_json_int(&json, "outputs", step.outputs);
        cli_json_text(&json, "kernel", step.kernel);
        cli_json_text(&json, "memory", step.home);
        cli_json_bool(&json, "in_place", step.inplace);
        cli_json_int(&json, "scratch", (int64_t)step.scratch);
        cli_json_real(&json, "flops", step.flops);
        cli_json_real(&json, "bytes", step.bytes);
        cli_json_end(&json);
    }
    cli_json_end(&json);
    cli_json_end(&json);
    return status;
}

int cli_plan_print(const gr_program *program, bool as_json)
{
    gr_status status = as_json ? plan_print_json(program) : plan_print_text(program);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}
