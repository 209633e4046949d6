/* gradus surface: the paths of optimisers. Each is a program of the library's own update gates on a
 * position of two numbers, whose gradient comes from the ground below it. */
#define GR_NO_PLACES /* the user has no use for lines of this file */
#include "cli/args.h"
#include "cli/out.h"
#include "cli/surface.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATHS_FAR = 10 }; /* widths of the figure: farther away a path is lost */

/* ---- What was asked for --------------------------------------------------------------------- */

typedef struct paths_word {
    const char *name;
    gr_optimizer_kind kind;
    bool momentum, some;
} paths_word;

static const paths_word paths_words[] = {
    {"gd", GR_SGD, false, false},          {"minibatch", GR_SGD, false, true},
    {"momentum", GR_SGD, true, false},     {"nesterov", GR_NESTEROV, true, false},
    {"adagrad", GR_ADAGRAD, false, false}, {"adadelta", GR_ADADELTA, false, false},
    {"rmsprop", GR_RMSPROP, false, false}, {"adam", GR_ADAM, false, false},
};
enum { PATHS_WORDS = sizeof paths_words / sizeof *paths_words };

static int paths_unknown(const char *name)
{
    const char *names[PATHS_WORDS];
    for (int i = 0; i < PATHS_WORDS; i++) names[i] = paths_words[i].name;
    const char *near = cli_nearest(name, names, PATHS_WORDS);
    return cli_bad("--paths: there is no optimiser '%s'%s%s%s (gd, minibatch, momentum, nesterov, "
                   "adagrad, adadelta, rmsprop, adam)",
                   name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* "adam" or "adam:0.1"; `text` is cut at the colon. */
static int paths_add(cli_surface *surface, char *text)
{
    const paths_word *word = NULL;
    double rate = cli_real(surface->args, "rate");
    char *colon = strchr(text, ':');
    if (colon) {
        char *end;
        *colon = '\0';
        rate = strtod(colon + 1, &end);
        if (end == colon + 1 || *end || !(rate > 0 && rate < 1e30))
            return cli_bad("--paths: '%s' is no learning rate above 0, as in %s:0.01", colon + 1,
                           text);
    }
    for (int i = 0; i < PATHS_WORDS; i++)
        if (strcmp(text, paths_words[i].name) == 0) word = &paths_words[i];
    if (!word) return paths_unknown(text);
    if (surface->paths == CLI_SURFACE_PATHS)
        return cli_bad("--paths: more than %d", CLI_SURFACE_PATHS);
    if (word->some && surface->ground[0].examples == 0 && !(cli_real(surface->args, "noise") > 0))
        return cli_bad("--paths: an expression has no examples to take a mini-batch of; --noise S "
                       "lets its gradients vary as those of mini-batches do");
    char shown[32];
    cli_path *const path = &surface->path[surface->paths++];
    *path = (cli_path){
        .some = word->some,
        .optimizer = {.size = sizeof path->optimizer,
                      .kind = word->kind,
                      .rate = rate,
                      .momentum = word->momentum ? cli_real(surface->args, "momentum") : 0}};
    path->name = cli_format("%s %s", word->name, cli_show_real(rate, shown, sizeof shown));
    return CLI_YES;
}

int cli_surface_read_paths(cli_surface *surface)
{
    static const char *const belong[] = {"rate", "momentum", "steps", "start", "noise", "play"};
    const cli_args *const args = surface->args;
    const char *const list = cli_text(args, "paths");
    int code = CLI_YES;
    for (size_t i = 0; !list && i < sizeof belong / sizeof *belong; i++)
        if (cli_given(args, belong[i])) return cli_bad("--%s belongs to --paths", belong[i]);
    if (!list) return CLI_YES;
    if (!surface->axis[1])
        return cli_bad("--paths lead over a plane, but the expression has one input");
    if (cli_given(args, "noise") && surface->ground[0].examples > 0)
        return cli_bad("--noise belongs to an expression; a net has mini-batches: --batch N");
    char *text = cli_format("%s", list), *rest = text;
    for (char *one; code == CLI_YES && (one = strsep(&rest, ","));) code = paths_add(surface, one);
    free(text);
    return code == CLI_YES ? cli_surface_pair(args, "start", false, surface->start) : code;
}

void cli_surface_clear_paths(cli_surface *surface)
{
    for (int i = 0; i < surface->paths; i++) {
        free(surface->path[i].name);
        free(surface->path[i].x);
    }
}

/* ---- Walking -------------------------------------------------------------------------------- */

typedef struct paths_walker {
    gr_store *store;
    gr_program *program;
    gr_session *session;
} paths_walker;

/* An optimiser minimises position · slope, whose gradient is the slope. */
static gr_status paths_build(const gr_optimizer *optimizer, gr_graph *graph, gr_store *store,
                             gr_program **program)
{
    gr_scope *scope = gr_scope_new(graph, store, NULL);
    if (!scope) return GR_NO_MEMORY;
    gr_node *position =
        gr_param(scope, "position", GR_SHAPE(2), (gr_init){.kind = GR_INIT_CONSTANT}, 1, 1);
    gr_node *slope = gr_input(graph, "slope", GR_F32, GR_SHAPE(2));
    gr_status status = gr_minimize(scope, gr_sum(gr_mul(position, slope), GR_ALL), optimizer);
    if (status == GR_OK) {
        const int n = gr_scope_updates(scope);
        const gr_compile_options options = {.size = sizeof options, .threads = 1};
        gr_node **targets = cli_alloc((size_t)n, sizeof *targets);
        for (int i = 0; i < n; i++) targets[i] = gr_scope_update_node(scope, i);
        status = gr_compile(graph, targets, n, &options, program);
        free(targets);
    }
    gr_scope_free(scope);
    return status;
}

static gr_status paths_open(const cli_path *path, const double start[2], paths_walker *walker)
{
    const float at[2] = {(float)start[0], (float)start[1]};
    gr_graph *graph = gr_graph_new();
    *walker = (paths_walker){.store = gr_store_new()};
    if (!graph || !walker->store) {
        gr_graph_free(graph);
        return GR_NO_MEMORY;
    }
    gr_status status = paths_build(&path->optimizer, graph, walker->store, &walker->program);
    if (status == GR_OK) status = gr_store_write(walker->store, "position", at, sizeof at);
    if (status == GR_OK)
        status = gr_session_new(walker->program, walker->store, NULL, &walker->session);
    gr_graph_free(graph);
    return status;
}

static void paths_close(paths_walker *walker)
{
    gr_session_free(walker->session);
    gr_program_free(walker->program);
    gr_store_free(walker->store);
}

static bool paths_is_far(const cli_surface *surface, const double at[2])
{
    for (int i = 0; i < 2; i++) {
        const double width = surface->high[i] - surface->low[i];
        if (!(fabs(at[i] - surface->low[i]) < PATHS_FAR * width)) return true; /* or NaN */
    }
    return false;
}

/* One update, from the slope at `at` to the next position. */
static gr_status paths_step(const paths_walker *walker, const double slope[2], double at[2])
{
    const float down[2] = {(float)slope[0], (float)slope[1]};
    float position[2];
    gr_status status = gr_session_write(walker->session, 0, down, sizeof down);
    if (status == GR_OK) status = gr_session_step(walker->session);
    if (status == GR_OK)
        status = gr_store_read(walker->store, "position", position, sizeof position);
    for (int i = 0; i < 2 && status == GR_OK; i++) at[i] = (double)position[i];
    return status;
}

static gr_status paths_go(const cli_surface *surface, cli_path *path, const paths_walker *walker)
{
    const cli_ground *const ground = &surface->ground[surface->grounds - 1];
    const int steps = (int)cli_int(surface->args, "steps");
    double at[2] = {(double)(float)surface->start[0], (double)(float)surface->start[1]};
    gr_status status = GR_OK;
    for (int i = 0; i <= steps && status == GR_OK; i++) {
        double value, slope[2];
        if (paths_is_far(surface, at)) {
            path->lost = true;
            return GR_OK;
        }
        status = ground->slope(ground->user, at, path->some, &value, slope);
        if (status != GR_OK) return status;
        path->x[i] = at[0];
        path->y[i] = at[1];
        path->value[i] = value;
        path->n = i + 1;
        if (i < steps) status = paths_step(walker, slope, at);
    }
    return status;
}

gr_status cli_surface_walk(cli_surface *surface)
{
    const size_t most = (size_t)cli_int(surface->args, "steps") + 1;
    gr_status status = GR_OK;
    for (int i = 0; i < surface->paths && status == GR_OK; i++) {
        cli_path *const path = &surface->path[i];
        paths_walker walker;
        path->x = cli_alloc(most, 3 * sizeof *path->x);
        path->y = path->x + most;
        path->value = path->y + most;
        status = paths_open(path, surface->start, &walker);
        if (status == GR_OK) status = paths_go(surface, path, &walker);
        paths_close(&walker);
    }
    return status;
}
