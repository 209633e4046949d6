/* Run folders: what a training was made with and of, and what has changed since. */
#include "cli/runfolder.h"

#include "cli/hash.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/variables.h"

#include <gradus/machine.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { FROM_MOST_BYTES = 1 << 20 };

/* ---- What is recorded ------------------------------------------------------------------------ */

char *cli_runfolder_data_hash(const gr_dataset *set)
{
    if (!set) return cli_format("none");
    return cli_format("%" PRId64 " examples, hash %016" PRIx64, gr_dataset_size(set),
                      gr_dataset_hash(set));
}

char *cli_runfolder_file_hash(const char *path)
{
    uint64_t hash = CLI_HASH_START;
    unsigned char part[1 << 14];
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    for (size_t n; (n = cli_read(part, sizeof part, file)) > 0;) hash = cli_hash(hash, part, n);
    const bool whole = !ferror(file);
    fclose(file);
    return whole ? cli_format("hash %016" PRIx64, hash) : NULL;
}

/* Options that name files, whose content the result depends on. */
static const char *const from_files[] = {"weights", "teacher", "gates"};
enum { FROM_FILES = sizeof from_files / sizeof *from_files };

/* What the bits of the result may depend on. */
static char *from_machine(const char *key)
{
    const gr_machine machine = gr_machine_info();
    if (!strcmp(key, "version")) return cli_format("%s", gr_version());
    if (!strcmp(key, "parts")) return cli_format("%s", *cli_parts() ? cli_parts() : "none");
    if (!strcmp(key, "compiler")) return cli_format("%s", cli_compiler());
    if (!strcmp(key, "level")) return cli_format("%s", machine.level);
    return cli_format("%s", machine.module ? machine.module : "none");
}
static const char *const from_machine_keys[] = {"version", "parts", "compiler", "level", "module"};
enum { FROM_MACHINE_KEYS = sizeof from_machine_keys / sizeof *from_machine_keys };

/* "key value", a value without line breaks. */
static void from_print(const char *key, const char *value)
{
    cli_print("%s ", key);
    for (; *value; value++) cli_print("%c", *value == '\n' || *value == '\r' ? ' ' : *value);
    cli_print("\n");
}

static void from_print_own(const char *key, char *value)
{
    from_print(key, value ? value : "unknown");
    free(value);
}

static void from_print_system(const cli_training *training)
{
    struct utsname system;
    char text[64];
    const time_t now = time(NULL);
    struct tm date;
    if (gmtime_r(&now, &date) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &date))
        from_print("started", text);
    from_print_own("folder", getcwd(NULL, 0));
    from_print_own("command", cli_command_line(training->args, NULL));
    if (uname(&system) == 0)
        from_print_own("system",
                       cli_format("%s %s %s", system.sysname, system.release, system.machine));
    from_print("cpu", gr_machine_info().cpu);
    from_print_own("cores", cli_format("%ld", sysconf(_SC_NPROCESSORS_ONLN)));
}

void cli_runfolder_environment(const cli_training *training)
{
    char path[4096];
    const char *data = cli_text(training->args, "data");
    for (int i = 0; i < FROM_MACHINE_KEYS; i++)
        from_print_own(from_machine_keys[i], from_machine(from_machine_keys[i]));
    from_print_system(training);
    from_print("data", data);
    if (gr_data_find(data, path, sizeof path) == GR_OK) from_print("data.folder", path);
    from_print_own("data.train", cli_runfolder_data_hash(training->train));
    from_print_own("data.test", cli_runfolder_data_hash(training->test));
    for (int i = 0; i < FROM_FILES; i++) {
        const char *file = cli_text(training->args, from_files[i]);
        if (file) from_print_own(from_files[i], cli_runfolder_file_hash(file));
    }
    for (const cli_variable *variable = cli_variables; variable->name; variable++)
        if (getenv(variable->name)) from_print(variable->name, getenv(variable->name));
}

char *cli_runfolder_value(const char *text, const char *key)
{
    const size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return cli_format("%.*s", (int)strcspn(line + length + 1, "\n"), line + length + 1);
    }
    return NULL;
}

/* ---- What has changed ------------------------------------------------------------------------ */

/* Is what was recorded under the key something else than `here`, which is freed? Then *was gets it,
 * to be freed. */
static bool from_differs(const char *recorded, const char *key, char *here, char **was)
{
    *was = cli_runfolder_value(recorded, key);
    const bool differs = *was && (!here || strcmp(*was, here) != 0);
    free(here);
    if (!differs) {
        free(*was);
        *was = NULL;
    }
    return differs;
}

/* The command line names it anew: what was recorded of the old one does not count. */
static bool from_is_given(const cli_args *args, const char *name)
{
    const char *text;
    for (int i = 0; cli_given_at(args, i, &text); i++)
        if (strcmp(cli_given_at(args, i, &text)->name, name) == 0) return true;
    return false;
}

static int from_compare_data(const cli_training *training, const char *folder, const char *recorded)
{
    const struct {
        const char *key, *what;
        const gr_dataset *set;
    } parts[] = {{"data.train", "training", training->train},
                 {"data.test", "test", training->test}};
    for (int i = 0; i < 2; i++) {
        char *was, *here = cli_runfolder_data_hash(parts[i].set);
        if (!from_differs(recorded, parts[i].key, cli_format("%s", here), &was)) {
            free(here);
            continue;
        }
        const int code = cli_bad("the %s data are not those of %s: %s there, %s here; 'gradus "
                                 "train --recipe %s/settings.recipe' takes its settings to other "
                                 "data",
                                 parts[i].what, folder, was, here, folder);
        free(was);
        free(here);
        return code;
    }
    return CLI_YES;
}

static int from_compare_files(const cli_training *training, const char *folder,
                              const char *recorded)
{
    for (int i = 0; i < FROM_FILES; i++) {
        const char *file = cli_text(training->args, from_files[i]);
        char *was;
        const bool again = !strcmp(from_files[i], "gates"); /* has to be said each time */
        if (!file || (!again && from_is_given(training->args, from_files[i]))) continue;
        if (!from_differs(recorded, from_files[i], cli_runfolder_file_hash(file), &was)) continue;
        free(was);
        return cli_bad("--%s: %s is no longer what it was for %s", from_files[i], file, folder);
    }
    return CLI_YES;
}

static void from_compare_machine(const char *folder, const char *recorded)
{
    for (int i = 0; i < FROM_MACHINE_KEYS; i++) {
        char *was, *here = from_machine(from_machine_keys[i]);
        if (from_differs(recorded, from_machine_keys[i], cli_format("%s", here), &was))
            cli_warn("%s was made with %s %s, this is %s: the last bits may differ", folder,
                     from_machine_keys[i], was, here);
        free(was);
        free(here);
    }
}

/* The run's threads are a setting, which the environment goes before. */
static void from_compare_threads(const cli_training *training, const char *folder)
{
    const char *wish = getenv("GRADUS_THREADS");
    char *settings, *was, *path = cli_runfolder_path(folder, "settings.recipe");
    if (wish && *wish && !from_is_given(training->args, "threads") &&
        cli_read_file(path, FROM_MOST_BYTES, &settings) == CLI_YES) {
        if (from_differs(settings, "threads", cli_format("%s", wish), &was))
            cli_warn("GRADUS_THREADS is %s and goes before the %s threads of %s; --threads %s "
                     "takes those",
                     wish, was, folder, was);
        free(was);
        free(settings);
    }
    free(path);
}

/* Data that the command line names, or divides, differently are meant to differ. */
static bool from_other_data(const cli_args *args)
{
    static const char *const options[] = {"data",   "test-fraction", "seed",      "label",
                                          "ignore", "separator",     "header",    "text",
                                          "length", "streams",       "bad-files", "bad-rows"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (from_is_given(args, options[i])) return true;
    return false;
}

int cli_runfolder_compare(const cli_training *training)
{
    const cli_args *args = training->args;
    const char *folder = cli_text(args, "from");
    if (!folder && cli_flag(args, "resume")) folder = cli_text(args, "run");
    if (!folder) return CLI_YES;
    char *recorded, *path = cli_runfolder_path(folder, "environment.txt");
    int code = cli_read_file(path, FROM_MOST_BYTES, &recorded);
    free(path);
    if (code != CLI_YES) return code;
    from_compare_machine(folder, recorded);
    from_compare_threads(training, folder);
    if (!from_other_data(args)) code = from_compare_data(training, folder, recorded);
    if (code == CLI_YES) code = from_compare_files(training, folder, recorded);
    free(recorded);
    return code;
}

/* ---- The verdict ----------------------------------------------------------------------------- */

/* Does the command line say nothing but where results go and how they are told? */
static bool from_is_exact(const cli_args *args)
{
    static const char *const apart[] = {"from",
                                        "gates", /* which are compared */
                                        "run",
                                        "out",
                                        "no-out",
                                        "curves",
                                        "json",
                                        "quiet",
                                        "verbose",
                                        "color",
                                        "checkpoint",
                                        "trace",
                                        "profile",
                                        "profile-order",
                                        "require-accuracy",
                                        "checkpoint-steps"};
    const cli_option *option;
    const char *text;
    for (int i = 0; (option = cli_given_at(args, i, &text)); i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof apart / sizeof *apart; k++)
            known = known || strcmp(apart[k], option->name) == 0;
        if (!known) return false;
    }
    return true;
}

static bool from_same_bytes(const char *a, const char *b)
{
    FILE *one = fopen(a, "rb"), *other = fopen(b, "rb");
    bool same = one && other;
    while (same) {
        char x[1 << 14], y[sizeof x];
        const size_t n = cli_read(x, sizeof x, one), m = cli_read(y, sizeof y, other);
        same = n == m && memcmp(x, y, n) == 0 && !ferror(one) && !ferror(other);
        if (n < sizeof x) break;
    }
    if (one) fclose(one);
    if (other) fclose(other);
    return same;
}

const char *cli_runfolder_sameness(const cli_training *training)
{
    const char *from = cli_text(training->args, "from");
    const bool file = training->out && cli_is_plain_file(training->out);
    if (!from || !file || !from_is_exact(training->args)) return NULL;
    char *model = cli_runfolder_path(from, "model.safetensors");
    const bool there = access(model, R_OK) == 0;
    const bool same = there && from_same_bytes(model, training->out);
    free(model);
    return !there ? NULL : same ? "the same" : "another";
}

int cli_runfolder_verdict(const cli_training *training)
{
    const char *sameness = cli_runfolder_sameness(training);
    if (!sameness || strcmp(sameness, "the same") == 0) return CLI_YES;
    return cli_fault(CLI_NO, "the model is another than that of %s",
                     cli_text(training->args, "from"));
}
