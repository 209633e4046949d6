/* gradus doctor: what it looks at. */
#include "cli/doctor.h"

#include "cli/config.h"
#include "cli/fetch.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/unpack.h"
#include "cli/variables.h"

#include <dlfcn.h>
#include <errno.h>
#include <gradus/image.h>
#include <gradus/knn.h>
#include <gradus/plot.h>
#include <gradus/points.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif

#define DOCTOR_SECONDS 2.0 /* of measuring */

static void doctor_ok(cli_doctor *doctor, const char *name, char *value)
{
    cli_doctor_add(doctor, CLI_HEALTH_OK, name, value, NULL);
}

/* ---- Machine --------------------------------------------------------------------------------- */

static char *doctor_reason; /* what the library said last: why a module does not load */

/* Remarks of the library: a warning is a problem, though each is told once. */
static void doctor_remark(void *user, gr_log_level level, const char *text)
{
    cli_doctor *doctor = user;
    if (level == GR_LOG_DEBUG) {
        free(doctor_reason);
        doctor_reason = cli_format("%s", text);
    }
    for (int i = 0; i < doctor->n; i++)
        if (strcmp(doctor->finding[i].value, text) == 0) return;
    if (level == GR_LOG_WARNING)
        cli_doctor_add(doctor, CLI_HEALTH_PROBLEM, "setting", cli_format("%s", text),
                       cli_format("set the variable to another value, or unset it"));
}

static double doctor_memory(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (double)pages * (double)size : 0;
}

static void doctor_limits(cli_doctor *doctor)
{
    struct rlimit limit;
    char text[32];
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        cli_doctor_add(doctor, CLI_HEALTH_NOTE, "memory limit",
                       cli_format("%s of addresses (ulimit -v)",
                                  cli_show_bytes((double)limit.rlim_cur, text, sizeof text)),
                       cli_format("'ulimit -v unlimited', if large data sets fail to map"));
}

void cli_doctor_machine(cli_doctor *doctor)
{
    struct utsname system;
    char text[32];
    doctor->group = "machine";
    gr_set_log(doctor_remark, doctor);
    const gr_machine machine = gr_machine_info();
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (uname(&system) == 0)
        doctor_ok(doctor, "system",
                  cli_format("%s %s, %s", system.sysname, system.release, system.machine));
    doctor_ok(doctor, "processor",
              cli_format("%s, kernels of level %s", *machine.cpu ? machine.cpu : "no name",
                         machine.level));
    if (machine.threads < cores)
        cli_doctor_add(doctor, CLI_HEALTH_NOTE, "threads",
                       cli_format("%d of %ld cores", machine.threads, cores),
                       cli_format(getenv("GRADUS_THREADS")
                                      ? "GRADUS_THREADS says so"
                                      : "the process may use no more: see taskset, or the limits "
                                        "of the container"));
    else
        doctor_ok(doctor, "threads", cli_format("%d of %ld cores", machine.threads, cores));
    if (doctor_memory() > 0)
        doctor_ok(doctor, "memory",
                  cli_format("%s", cli_show_bytes(doctor_memory(), text, sizeof text)));
    doctor_limits(doctor);
}

/* ---- Build ----------------------------------------------------------------------------------- */

static gr_status doctor_decode(const unsigned char *data, size_t size, const char *name)
{
    gr_tensor picture = {0};
    const gr_status status = gr_image_decode(data, size, name, &picture);
    gr_tensor_clear(&picture);
    return status;
}

/* A grey pixel. */
static gr_status doctor_try_png(void)
{
    static const unsigned char pixel[] = {
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
        0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
        0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
        0x9c, 0x63, 0x68, 0x00, 0x00, 0x00, 0x82, 0x00, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0x00,
        0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
    return doctor_decode(pixel, sizeof pixel, "a PNG file");
}

static gr_status doctor_try_jpeg(void)
{
    static const unsigned char pixel[] = {
        0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00,
        0x01, 0x00, 0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x10, 0x0b, 0x0c, 0x0e, 0x0c,
        0x0a, 0x10, 0x0e, 0x0d, 0x0e, 0x12, 0x11, 0x10, 0x13, 0x18, 0x28, 0x1a, 0x18, 0x16, 0x16,
        0x18, 0x31, 0x23, 0x25, 0x1d, 0x28, 0x3a, 0x33, 0x3d, 0x3c, 0x39, 0x33, 0x38, 0x37, 0x40,
        0x48, 0x5c, 0x4e, 0x40, 0x44, 0x57, 0x45, 0x37, 0x38, 0x50, 0x6d, 0x51, 0x57, 0x5f, 0x62,
        0x67, 0x68, 0x67, 0x3e, 0x4d, 0x71, 0x79, 0x70, 0x64, 0x78, 0x5c, 0x65, 0x67, 0x63, 0xff,
        0xc0, 0x00, 0x0b, 0x08, 0x00, 0x01, 0x00, 0x01, 0x01, 0x01, 0x11, 0x00, 0xff, 0xc4, 0x00,
        0x14, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0xff, 0xc4, 0x00, 0x14, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xda, 0x00, 0x08,
        0x01, 0x01, 0x00, 0x00, 0x3f, 0x00, 0x3f, 0xff, 0xd9};
    return doctor_decode(pixel, sizeof pixel, "a JPEG file");
}

static gr_status doctor_try_cairo(void)
{
    return gr_figure_check("figure.svg");
}

/* Search trees of a few points. */
static gr_status doctor_try_flann(void)
{
    gr_dataset *points = NULL;
    gr_knn *knn = NULL;
    gr_points_options options = {.size = sizeof options};
    gr_status status = gr_points_dataset(GR_POINTS_BLOBS, &options, &points);
    if (status == GR_OK) status = gr_knn_new(points, GR_KNN(.approximate = true), &knn);
    gr_knn_free(knn);
    gr_dataset_free(points);
    return status;
}

/* gr_machine_info has tried. */
static gr_status doctor_try_onednn(void)
{
    return gr_machine_info().module ? GR_OK : GR_UNSUPPORTED;
}

static gr_status doctor_loaded(bool loaded, const char *reason)
{
    if (loaded) return GR_OK;
    free(doctor_reason);
    doctor_reason = cli_format("%s", reason);
    return GR_UNSUPPORTED;
}

static gr_status doctor_try_curl(void)
{
    const char *reason = "";
    return doctor_loaded(cli_fetch_module(&reason) != NULL, reason);
}

static gr_status doctor_try_archive(void)
{
    const char *reason = "";
    return doctor_loaded(cli_unpack_module(&reason) != NULL, reason);
}

typedef const char *doctor_version_fn(void);

/* What a library calls its version, if it is loaded where the command can see it. To be freed. */
static char *doctor_version(const char *function)
{
    doctor_version_fn *version = NULL;
    void *symbol = function ? dlsym(RTLD_DEFAULT, function) : NULL;
    if (!symbol) return cli_format("%s", "works");
    memcpy(&version, &symbol, sizeof version); /* ISO C converts no void * to a function */
    return cli_format("%s", version());
}

static const struct doctor_part {
    const char *name, *gives;
    gr_status (*try)(void); /* NULL: it is linked, and nothing is to be tried */
    const char *version;    /* a function of the library that tells it */
    const char *package;    /* as Debian calls it */
} doctor_parts[] = {
    {"openmp", "threads", NULL, NULL, "libgomp1"},
    {"onednn", "depthwise convolutions", doctor_try_onednn, NULL, "libdnnl2"},
    {"flann", "approximate search for neighbours", doctor_try_flann, NULL, "libflann1.9"},
    {"zlib", "compressed files", NULL, "zlibVersion", "zlib1g"},
    {"png", "PNG pictures", doctor_try_png, NULL, "libpng16-16"},
    {"jpeg", "JPEG pictures", doctor_try_jpeg, NULL, "libjpeg62-turbo"},
    {"cairo", "figures", doctor_try_cairo, "cairo_version_string", "libcairo2"},
    {"graphviz", "diagrams", gr_diagram_check, NULL, "libgvc6"},
    {"curl", "fetching of data", doctor_try_curl, NULL, "libcurl4"},
    {"archive", "unpacking of archives", doctor_try_archive, NULL, "libarchive13"},
};

static void doctor_part(cli_doctor *doctor, const struct doctor_part *part)
{
    if (!cli_has_part(part->name)) {
        cli_doctor_add(doctor, CLI_HEALTH_NOTE, part->name,
                       cli_format("not built in: no %s", part->gives), NULL);
        return;
    }
    const char *const onednn = getenv("GRADUS_ONEDNN");
    if (strcmp(part->name, "onednn") == 0 && onednn && strcmp(onednn, "0") == 0) {
        cli_doctor_add(doctor, CLI_HEALTH_NOTE, part->name, cli_format("GRADUS_ONEDNN=0"), NULL);
        return;
    }
    free(doctor_reason);
    doctor_reason = NULL;
    if (part->try && part->try() != GR_OK) {
        const char *module = getenv("GRADUS_MODULE_PATH");
        const char *why = doctor_reason ? doctor_reason : gr_message();
        cli_doctor_add(doctor, CLI_HEALTH_PROBLEM, part->name,
                       cli_format("does not work: %s", *why ? why : "it cannot be loaded"),
                       module && part->try == doctor_try_onednn
                           ? cli_format("unset GRADUS_MODULE_PATH, or name the module's file by it")
                           : cli_format("install %s (Debian's name), or build again without it",
                                        part->package));
        return;
    }
    if (strcmp(part->name, "onednn") == 0)
        doctor_ok(doctor, part->name, cli_format("%s", gr_machine_info().module));
    else
        doctor_ok(doctor, part->name, doctor_version(part->version));
}

void cli_doctor_build(cli_doctor *doctor)
{
    char *own = cli_format("%d.%d.%d", GR_VERSION_MAJOR, GR_VERSION_MINOR, GR_VERSION_PATCH);
    doctor->group = "build";
    if (strcmp(own, gr_version()) == 0)
        doctor_ok(doctor, "gradus", cli_format("%s, by %s", own, cli_compiler()));
    else
        cli_doctor_add(doctor, CLI_HEALTH_PROBLEM, "gradus",
                       cli_format("the command is %s, the library %s", own, gr_version()),
                       cli_format("an older libgradus.so is found first: see ldd, LD_LIBRARY_PATH "
                                  "and ldconfig"));
    free(own);
#if defined(__GLIBC__)
    doctor_ok(doctor, "libc", cli_format("glibc %s", gnu_get_libc_version()));
#endif
    for (size_t i = 0; i < sizeof doctor_parts / sizeof *doctor_parts; i++)
        doctor_part(doctor, &doctor_parts[i]);
}

/* ---- Data ------------------------------------------------------------------------------------ */

/* The folders of GRADUS_DATA. */
static void doctor_folders(cli_doctor *doctor)
{
    const char *folders = getenv("GRADUS_DATA");
    if (!folders || !*folders) return;
    char *copy = cli_format("%s", folders), *rest = copy;
    for (char *folder; (folder = strsep(&rest, ":"));) {
        struct stat status;
        if (!*folder) continue;
        if (stat(folder, &status) == 0 && S_ISDIR(status.st_mode) && access(folder, R_OK) == 0)
            doctor_ok(doctor, "folder", cli_format("%s (GRADUS_DATA)", folder));
        else
            cli_doctor_add(doctor, CLI_HEALTH_PROBLEM, "folder",
                           cli_format("%s (GRADUS_DATA): %s", folder,
                                      errno ? strerror(errno) : "is no folder"),
                           cli_format("make it, or take it out of GRADUS_DATA"));
    }
    free(copy);
}

/* Where fetched sets are kept: it need not be there yet, but it must be possible to make it. */
static void doctor_cache(cli_doctor *doctor)
{
    char path[4096];
    struct stat status;
    if (gr_data_cache(path, sizeof path) != GR_OK) {
        cli_doctor_add(doctor, CLI_HEALTH_PROBLEM, "cache", cli_format("%s", gr_message()),
                       cli_format("set HOME or XDG_CACHE_HOME"));
        return;
    }
    char *at = cli_format("%s", path);
    for (char *slash; stat(at, &status) != 0 && (slash = strrchr(at, '/')) && slash != at;)
        *slash = '\0';
    if (stat(at, &status) == 0 && S_ISDIR(status.st_mode) && access(at, W_OK | X_OK) == 0)
        doctor_ok(doctor, "cache",
                  cli_format("%s%s", path, strcmp(at, path) == 0 ? "" : ", not there yet"));
    else
        cli_doctor_add(
            doctor, CLI_HEALTH_PROBLEM, "cache", cli_format("%s: cannot be written", path),
            cli_format("make %s a folder that you may write to, or set XDG_CACHE_HOME", at));
    free(at);
}

void cli_doctor_data(cli_doctor *doctor)
{
    char path[4096];
    const gr_data_info *set;
    char *missing = cli_format("%s", "");
    doctor->group = "data";
    doctor_folders(doctor);
    doctor_cache(doctor);
    for (int i = 0; (set = gr_data_known(i)); i++) {
        if (gr_data_find(set->name, path, sizeof path) == GR_OK) {
            if (strcmp(path, "(made)") != 0) doctor_ok(doctor, set->name, cli_format("%s", path));
            continue;
        }
        char *longer = cli_format("%s%s%s", missing, *missing ? ", " : "", set->name);
        free(missing);
        missing = longer;
    }
    if (*missing)
        cli_doctor_add(doctor, CLI_HEALTH_NOTE, "not here", missing,
                       cli_format("'gradus data' tells how to get them"));
    else
        free(missing);
}

/* ---- Settings -------------------------------------------------------------------------------- */

static void doctor_config(cli_doctor *doctor)
{
    char *fault = NULL, *path = cli_config_path();
    cli_hold_fault(&fault);
    const int code = cli_config_load();
    cli_hold_fault(NULL);
    if (code != CLI_YES) {
        cli_doctor_add(doctor, CLI_HEALTH_PROBLEM, "config", fault,
                       cli_format("mend the line, or take it out: see 'gradus help config'"));
        fault = NULL;
    } else if (path) {
        const bool there = access(path, F_OK) == 0;
        doctor_ok(doctor, "config", cli_format("%s%s", path, there ? "" : ", not there"));
    }
    free(fault);
    free(path);
}

void cli_doctor_settings(cli_doctor *doctor)
{
    doctor->group = "settings";
    doctor_config(doctor);
    for (const cli_variable *variable = cli_variables; variable->name; variable++) {
        const char *value = getenv(variable->name);
        if (value) doctor_ok(doctor, variable->name, cli_format("%s", value));
    }
}

/* ---- Terminal -------------------------------------------------------------------------------- */

void cli_doctor_terminal(cli_doctor *doctor)
{
    const char *kind = getenv("TERM");
    doctor->group = "terminal";
    doctor_ok(doctor, "output",
              cli_is_terminal() ? cli_format("a terminal (%s), %d columns",
                                             kind && *kind ? kind : "TERM is not set", cli_width())
                                : cli_format("no terminal: plain lines, no limit on their width"));
    if (cli_utf8())
        doctor_ok(doctor, "letters", cli_format("UTF-8"));
    else
        cli_doctor_add(doctor, CLI_HEALTH_NOTE, "letters", cli_format("ASCII alone"),
                       cli_format("LC_ALL=C.UTF-8, if the terminal shows more"));
    doctor_ok(doctor, "colours", cli_format("%s", *cli_color(CLI_BOLD) ? "yes" : "no"));
}

/* ---- Speed ----------------------------------------------------------------------------------- */

void cli_doctor_speed(cli_doctor *doctor)
{
    gr_machine_speed *speed = &doctor->speed;
    doctor->group = "speed";
    if (gr_machine_measure(0, DOCTOR_SECONDS, speed) != GR_OK) {
        cli_doctor_add(doctor, CLI_HEALTH_PROBLEM, "measurement", cli_format("%s", gr_message()),
                       cli_format("end what fills the memory, and try again"));
        *speed = (gr_machine_speed){0};
        return;
    }
    const double share = speed->fma > 0 ? speed->matmul / speed->fma : 1;
    doctor_ok(doctor, "peak",
              cli_format("%.1f GFLOP/s of multiply-adds on %d thread%s", 1e-9 * speed->fma,
                         speed->threads, speed->threads == 1 ? "" : "s"));
    char *products = cli_format("%.1f GFLOP/s, %.0f %% of that", 1e-9 * speed->matmul, 100 * share);
    if (share < 0.4)
        cli_doctor_add(doctor, CLI_HEALTH_NOTE, "products", products,
                       cli_format("usual is more than half: do other programs use the cores?"));
    else
        doctor_ok(doctor, "products", products);
    doctor_ok(doctor, "memory",
              cli_format("%.1f GB/s read", 1e-9 * speed->level[speed->levels - 1].read));
}
