/* gradus doctor: what this machine and build have, and what is wrong with them. */
#include "cli/doctor.h"

#include "cli/json.h"
#include "cli/out.h"
#include "cli/process.h"

#include <stdlib.h>
#include <string.h>

void cli_doctor_add(cli_doctor *doctor, cli_health health, const char *name, char *value,
                    char *remedy)
{
    if (doctor->n == doctor->room) {
        doctor->room = doctor->room ? 2 * doctor->room : 64;
        doctor->finding =
            cli_realloc(doctor->finding, (size_t)doctor->room, sizeof *doctor->finding);
    }
    doctor->finding[doctor->n++] =
        (cli_finding){doctor->group, cli_format("%s", name), health, value, remedy};
}

/* ---- Printing -------------------------------------------------------------------------------- */

static const char *const doctor_words[] = {"ok", "note", "problem"};
static const cli_style doctor_styles[] = {CLI_GREEN, CLI_YELLOW, CLI_RED};

enum { DOCTOR_WIDE = 100, DOCTOR_STATE = 9 }; /* "problem  " */

static int doctor_count(const cli_doctor *doctor, cli_health health)
{
    int n = 0;
    for (int i = 0; i < doctor->n; i++) n += doctor->finding[i].health == health;
    return n;
}

static bool doctor_shows(const cli_doctor *doctor, const cli_finding *finding)
{
    return finding->health == CLI_HEALTH_PROBLEM || !cli_flag(doctor->args, "quiet");
}

/* Columns of the widest name, so that what was found stands below each other. */
static int doctor_name_width(const cli_doctor *doctor)
{
    int widest = 0;
    for (int i = 0; i < doctor->n; i++) {
        if (!doctor_shows(doctor, &doctor->finding[i])) continue;
        const int width = cli_text_width(doctor->finding[i].name);
        if (width > widest) widest = width;
    }
    return widest;
}

static void doctor_print_finding(const cli_finding *finding, int names, int width)
{
    const int column = DOCTOR_STATE + names + 2 < width / 2 ? DOCTOR_STATE + names + 2 : 4;
    const int used = cli_text_width(finding->name);
    cli_print("%s%-*s%s%s", cli_color(doctor_styles[finding->health]), DOCTOR_STATE,
              doctor_words[finding->health], cli_color(CLI_PLAIN), finding->name);
    if (column > DOCTOR_STATE)
        cli_print("%*s", column - DOCTOR_STATE - used, "");
    else
        cli_print("\n%*s", column, "");
    cli_print_wrapped(finding->value, column, column, width);
    cli_print("\n");
    if (!finding->remedy) return;
    char *remedy = cli_format("%s %s", cli_glyph("→", "->"), finding->remedy);
    cli_print("%*s", column, "");
    cli_print_wrapped(remedy, column + 2, column, width);
    cli_print("\n");
    free(remedy);
}

static void doctor_print(const cli_doctor *doctor)
{
    const bool quiet = cli_flag(doctor->args, "quiet");
    const int names = doctor_name_width(doctor);
    const int width = cli_width() && cli_width() < DOCTOR_WIDE ? cli_width() : DOCTOR_WIDE;
    const char *group = NULL;
    for (int i = 0; i < doctor->n; i++) {
        const cli_finding *finding = &doctor->finding[i];
        if (!doctor_shows(doctor, finding)) continue;
        if (!quiet && (!group || strcmp(group, finding->group) != 0))
            cli_print("%s%s%s%s\n", group ? "\n" : "", cli_color(CLI_BOLD), finding->group,
                      cli_color(CLI_PLAIN));
        group = finding->group;
        doctor_print_finding(finding, names, width);
    }
    const int problems = doctor_count(doctor, CLI_HEALTH_PROBLEM);
    const int notes = doctor_count(doctor, CLI_HEALTH_NOTE);
    if (!quiet)
        cli_print("\n%d problem%s, %d note%s\n", problems, problems == 1 ? "" : "s", notes,
                  notes == 1 ? "" : "s");
}

static void doctor_json_speed(cli_json *json, const gr_machine_speed *speed)
{
    if (speed->threads == 0) {
        cli_json_null(json, "speed");
        return;
    }
    cli_json_object(json, "speed");
    cli_json_int(json, "threads", speed->threads);
    cli_json_real(json, "fma", speed->fma);
    cli_json_real(json, "matmul", speed->matmul);
    cli_json_real(json, "module_matmul", speed->module_matmul);
    cli_json_real(json, "memory_read", speed->level[speed->levels - 1].read);
    cli_json_end(json);
}

static void doctor_json(const cli_doctor *doctor)
{
    cli_json json = {.pretty = true};
    const gr_machine machine = gr_machine_info();
    cli_json_object(&json, NULL);
    cli_json_text(&json, "version", gr_version());
    cli_json_text(&json, "parts", cli_parts());
    cli_json_text(&json, "compiler", cli_compiler());
    cli_json_text(&json, "cpu", machine.cpu);
    cli_json_text(&json, "level", machine.level);
    cli_json_int(&json, "threads", machine.threads);
    cli_json_text(&json, "module", machine.module);
    doctor_json_speed(&json, &doctor->speed);
    cli_json_array(&json, "findings");
    for (int i = 0; i < doctor->n; i++) {
        const cli_finding *finding = &doctor->finding[i];
        cli_json_object(&json, NULL);
        cli_json_text(&json, "group", finding->group);
        cli_json_text(&json, "name", finding->name);
        cli_json_text(&json, "health", doctor_words[finding->health]);
        cli_json_text(&json, "value", finding->value);
        cli_json_text(&json, "remedy", finding->remedy);
        cli_json_end(&json);
    }
    cli_json_end(&json);
    cli_json_int(&json, "problems", doctor_count(doctor, CLI_HEALTH_PROBLEM));
    cli_json_int(&json, "notes", doctor_count(doctor, CLI_HEALTH_NOTE));
    cli_json_end(&json);
}

/* ---- The command ----------------------------------------------------------------------------- */

static int doctor_run(const cli_args *args)
{
    cli_doctor doctor = {.args = args};
    cli_doctor_machine(&doctor);
    cli_doctor_build(&doctor);
    cli_doctor_data(&doctor);
    cli_doctor_settings(&doctor);
    cli_doctor_terminal(&doctor);
    if (!cli_flag(args, "no-speed")) cli_doctor_speed(&doctor);
    if (cli_flag(args, "json"))
        doctor_json(&doctor);
    else
        doctor_print(&doctor);
    const int problems = doctor_count(&doctor, CLI_HEALTH_PROBLEM);
    for (int i = 0; i < doctor.n; i++) {
        free(doctor.finding[i].name);
        free(doctor.finding[i].value);
        free(doctor.finding[i].remedy);
    }
    free(doctor.finding);
    return problems ? CLI_NO : CLI_YES;
}

static const cli_option doctor_options[] = {
    {.name = "no-speed", .help = "measure nothing: answers at once"},
    {.name = "json", .help = "print JSON"},
    {.name = "quiet", .letter = 'q', .help = "print problems alone"},
    {0},
};

const cli_command cli_command_doctor = {
    .name = "doctor",
    .summary = "look what machine and build have, and what is wrong",
    .operands = "",
    .about = "Looks at the machine, at the parts of the build and whether each works, at data "
             "folders and the known sets in them, at variables that are set, at the terminal, and "
             "measures the speed for two seconds. A problem is something that is there and does "
             "not work; each comes with its remedy. What is merely missing is a note.",
    .examples = "gradus doctor\n"
                "gradus doctor --no-speed --json\n"
                "gradus doctor --quiet && echo all is well",
    .exits = "there is a problem;",
    .options = doctor_options,
    .computes = true,
    .run = doctor_run,
};
