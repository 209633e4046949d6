#include "cli/verdict.h"

#include "cli/out.h"
#include "cli/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What was found, from bad to good; also the words in the table. */
typedef enum verdict { VERDICT_FAULT, VERDICT_VACUOUS, VERDICT_KINK, VERDICT_OK } verdict;

static const char *const verdict_words[] = {"FAULT", "vacuous", "kink", "ok"};

static verdict verdict_of(const gr_check_entry *entry)
{
    if (entry->faults) return VERDICT_FAULT;
    if (entry->vacuous) return VERDICT_VACUOUS;
    return entry->tried > 0 && entry->kinks == entry->tried ? VERDICT_KINK : VERDICT_OK;
}

/* Was any element compared? Else there is no worst one. */
static bool verdict_compared(const gr_check_entry *entry)
{
    return entry->tried > entry->kinks;
}

/* "[1,2]" for element `index` of a shape in row-major order. */
static char *verdict_place(const gr_check_entry *entry, char *text, size_t size)
{
    gr_shape place = entry->shape;
    int64_t rest = entry->index;
    for (int i = place.rank - 1; i >= 0; i--) {
        place.dim[i] = rest % entry->shape.dim[i];
        rest /= entry->shape.dim[i];
    }
    return gr_shape_print(place, text, size);
}

static void verdict_row(cli_table *table, const gr_check_entry *entry)
{
    char text[128];
    verdict v = verdict_of(entry);
    cli_style style = v == VERDICT_OK ? CLI_GREEN : v == VERDICT_FAULT ? CLI_RED : CLI_YELLOW;
    cli_table_cell(table, "%s", entry->name);
    cli_table_cell(table, "%s", gr_shape_print(entry->shape, text, sizeof text));
    cli_table_cell(table, "%" PRId64, entry->tried);
    if (verdict_compared(entry)) {
        cli_table_cell(table, "%.1e", entry->error);
        cli_table_cell(table, "%s", verdict_place(entry, text, sizeof text));
        cli_table_cell(table, "%.9g", entry->analytic);
        cli_table_cell(table, "%.9g", entry->numeric);
    } else {
        for (int i = 0; i < 4; i++) cli_table_cell(table, "-");
    }
    cli_table_cell(table, "%" PRId64, entry->kinks);
    cli_table_cell(table, "%s%s%s", cli_color(style), verdict_words[v], cli_color(CLI_PLAIN));
}

static void verdict_remark(const char *words)
{
    int width = cli_width() ? cli_width() : 100;
    cli_print_wrapped(words, 0, 0, width);
    cli_print("\n");
}

static void verdict_remarks(const gr_check_report *report)
{
    bool seen[VERDICT_OK + 1] = {false};
    int64_t kinks = 0;
    for (int i = 0; i < report->entries; i++) {
        seen[verdict_of(&report->entry[i])] = true;
        kinks += report->entry[i].kinks;
    }
    if (seen[VERDICT_VACUOUS])
        verdict_remark("vacuous: every gradient that was tried is zero, both ways, so nothing was "
                       "shown. That is right for what cannot matter, as a bias before a batch "
                       "norm, which subtracts the mean; else the way is cut: by a relu that is "
                       "off for all data, by stop_gradient.");
    if (kinks)
        verdict_remark("kinks: points where the function has a corner, as relu at 0 and max at a "
                       "tie: the differences from the left and from the right do not meet.");
}

void cli_print_check(const gr_check_report *report, double tolerance)
{
    int faults = 0, vacuous = 0;
    cli_table *table = cli_table_new("~gradient by|<shape|>tried|>worst error|<at|>analytic|"
                                     ">numeric|>kinks|<verdict");
    for (int i = 0; i < report->entries; i++) {
        verdict v = verdict_of(&report->entry[i]);
        verdict_row(table, &report->entry[i]);
        faults += v == VERDICT_FAULT;
        vacuous += v == VERDICT_VACUOUS;
    }
    cli_table_print(table);
    verdict_remarks(report);
    const char *style = cli_color(report->passed ? CLI_GREEN : CLI_RED);
    if (report->passed)
        cli_print("%spassed%s: analytic and numeric gradients agree to a relative %g\n", style,
                  cli_color(CLI_PLAIN), tolerance);
    else
        cli_print("%sfailed%s: of %d gradients %d wrong by more than a relative %g, %d vacuous\n",
                  style, cli_color(CLI_PLAIN), report->entries, faults, tolerance, vacuous);
}

void cli_json_check(cli_json *json, const char *key, const gr_check_report *report,
                    double tolerance)
{
    cli_json_object(json, key);
    cli_json_bool(json, "passed", report->passed);
    cli_json_real(json, "tolerance", tolerance);
    cli_json_array(json, "entries");
    for (int i = 0; i < report->entries; i++) {
        const gr_check_entry *entry = &report->entry[i];
        bool compared = verdict_compared(entry);
        cli_json_object(json, NULL);
        cli_json_text(json, "name", entry->name);
        cli_json_shape(json, "shape", entry->shape);
        cli_json_int(json, "tried", entry->tried);
        cli_json_real(json, "error", entry->error);
        if (compared)
            cli_json_int(json, "index", entry->index);
        else
            cli_json_null(json, "index");
        cli_json_real(json, "analytic", entry->analytic);
        cli_json_real(json, "numeric", entry->numeric);
        cli_json_int(json, "kinks", entry->kinks);
        cli_json_int(json, "faults", entry->faults);
        cli_json_text(json, "verdict", verdict_words[verdict_of(entry)]);
        cli_json_end(json);
    }
    cli_json_end(json);
    cli_json_end(json);
}
