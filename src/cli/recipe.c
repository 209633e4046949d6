#include "cli/recipe.h"

#include "cli/input.h"
#include "cli/out.h"
#include "cli/process.h"
#include "cli/runfolder.h"
#include "cli/train.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECIPE_MOST_BYTES = 1 << 16, RECIPE_MOST_NAMES = 256 };

/* Where recipes are looked for, in this order. */
static const char *const recipe_folders[] = {"nets", GRADUS_NETS_BUILT, GRADUS_NETS_INSTALLED};
enum { RECIPE_FOLDERS = sizeof recipe_folders / sizeof *recipe_folders };

/* ---- Finding -------------------------------------------------------------------------------- */

static bool recipe_ends(const char *text, const char *ending)
{
    size_t length = strlen(text), n = strlen(ending);
    return length > n && strcmp(text + length - n, ending) == 0;
}

bool cli_is_net_file(const char *path)
{
    return path && recipe_ends(path, ".net");
}

static int recipe_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the names of a folder's recipes to names[n…]; returns the new n. */
static int recipe_add_names(const char *folder, char **names, int n)
{
    DIR *dir = opendir(folder);
    if (!dir) return n;
    for (struct dirent *entry; n < RECIPE_MOST_NAMES && (entry = readdir(dir));) {
        if (!recipe_ends(entry->d_name, ".recipe")) continue;
        int stem = (int)(strlen(entry->d_name) - strlen(".recipe"));
        names[n++] = cli_format("%.*s", stem, entry->d_name);
    }
    closedir(dir);
    return n;
}

/* "there is no recipe 'lent'; did you mean 'lenet'? (cifar2, lenet, xor)" */
static int recipe_unknown(const char *name)
{
    char *names[RECIPE_MOST_NAMES];
    int n = 0;
    for (int i = 0; i < RECIPE_FOLDERS; i++) n = recipe_add_names(recipe_folders[i], names, n);
    qsort(names, (size_t)n, sizeof *names, recipe_compare);
    char *list = cli_format("%s", "");
    for (int i = 0; i < n; i++) {
        if (i > 0 && strcmp(names[i], names[i - 1]) == 0) continue;
        char *longer = cli_format("%s%s%s", list, *list ? ", " : "", names[i]);
        free(list);
        list = longer;
    }
    const char *near = cli_nearest(name, (const char *const *)names, n);
    int code;
    if (near)
        code = cli_bad("there is no recipe '%s'; did you mean '%s'? (%s)", name, near, list);
    else if (n > 0)
        code = cli_bad("there is no recipe '%s'; there are %s", name, list);
    else
        code = cli_bad("there is no recipe '%s', and no other in ./nets, %s or %s", name,
                       GRADUS_NETS_BUILT, GRADUS_NETS_INSTALLED);
    for (int i = 0; i < n; i++) free(names[i]);
    free(list);
    return code;
}

/* A path that must be freed; NULL: there is none of that name. */
static char *recipe_find(const char *name)
{
    if (strchr(name, '/') || recipe_ends(name, ".recipe")) return cli_format("%s", name);
    for (int i = 0; i < RECIPE_FOLDERS; i++) {
        char *path = cli_format("%s/%s.recipe", recipe_folders[i], name);
        if (access(path, F_OK) == 0) return path;
        free(path);
    }
    return NULL;
}

/* "nets/lenet.recipe" of "nets/lenet.net", if there is such a file. */
static char *recipe_beside(const char *net)
{
    char *path = cli_format("%.*s.recipe", (int)(strlen(net) - strlen(".net")), net);
    if (access(path, F_OK) == 0) return path;
    free(path);
    return NULL;
}

/* ---- Lines ---------------------------------------------------------------------------------- */

static bool recipe_is_path(const char *name)
{
    static const char *const paths[] = {"net", "data", "weights", "teacher", "gates"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(name, paths[i]) == 0) return true;
    return false;
}

/* The argument of a line: for a path, the file beside the recipe, if there is one of that name. The
 * result lives as long as `args`. */
static const char *recipe_argument(cli_args *args, const char *path, const char *name, char *text)
{
    const char *slash = strrchr(path, '/');
    if (!recipe_is_path(name) || !slash || *text == '/') return text;
    char *beside = cli_format("%.*s/%s", (int)(slash - path), path, text);
    if (*text && access(beside, F_OK) == 0) return cli_args_keep(args, beside);
    free(beside);
    return text;
}

static bool recipe_is_of_train(const char *name)
{
    for (const cli_option *o = cli_train_options; o->name; o++)
        if (strcmp(o->name, name) == 0) return true;
    return false;
}

typedef struct recipe_target {
    const cli_command *command;
    cli_args *args;
    const char *path; /* of the recipe */
} recipe_target;

static int recipe_setting(void *ctx, char *name, char *text, int number)
{
    const recipe_target *to = ctx;
    cli_args *args = to->args;
    const cli_command *command = to->command;
    const bool trains = command->options == cli_train_options || command->also == cli_train_options;
    static const char *const own[] = {"recipe", "resume", "run", "from", "help"};
    (void)number;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i]) == 0) return cli_bad("'%s' belongs to the command line", name);
    /* A text runs no code by itself. */
    if (!strcmp(name, "gates") && cli_args_has(args, name) && !cli_given(args, name))
        return cli_bad("'gates' runs code: say --gates %s on the command line if you trust it",
                       recipe_argument(args, to->path, name, text));
    bool shows = !strcmp(name, "input") || !strcmp(name, "gates") ||
                 (!strcmp(name, "net") && !cli_operands(args));
    if (!trains && !shows && recipe_is_of_train(name)) return CLI_YES;
    return cli_args_set(args, name, recipe_argument(args, to->path, name, text));
}

int cli_recipe_read(const cli_command *command, cli_args *args)
{
    char *text, *path = NULL;
    int code = CLI_YES;
    const char *name = cli_text(args, "recipe"), *net = cli_operand(args, 0);
    if (!cli_args_has(args, "recipe")) return CLI_YES;
    if (command->options == cli_train_options) code = cli_runfolder_recipe(args, &path);
    if (path || code != CLI_YES) {
        /* a run has its own */
    } else if (name) {
        path = recipe_find(name);
        if (!path) return recipe_unknown(name);
    } else if (net && cli_is_net_file(net)) {
        path = recipe_beside(net);
    }
    if (!path) return code;
    if (code == CLI_YES) code = cli_read_file(path, RECIPE_MOST_BYTES, &text);
    if (code == CLI_YES)
        code = cli_read_settings(path, cli_args_keep(args, text), recipe_setting,
                                 &(recipe_target){command, args, path});
    free(path);
    return code;
}
