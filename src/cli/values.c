#define GR_NO_PLACES /* the user has no use for lines of this file */
#include "cli/values.h"

#include "cli/args.h"
#include "cli/gates.h"
#include "cli/input.h"
#include "cli/out.h"

#include <gradus/ops.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- The expression ------------------------------------------------------------------------- */

static int values_parse(const char *text, const char *source, gr_expr **expr)
{
    const gr_expr_env env = {.size = sizeof env, .gates = cli_gates()};
    gr_status status = gr_expr_parse(text, source, expr);
    if (status == GR_OK) status = gr_expr_check(*expr, &env);
    if (status == GR_OK) return CLI_YES;
    gr_expr_free(*expr);
    *expr = NULL;
    return cli_failed(status);
}

int cli_read_expr(const cli_args *args, gr_expr **expr, int *next)
{
    const char *path = cli_text(args, "file"), *operand = cli_operand(args, 0);
    char *text;
    *expr = NULL;
    *next = path ? 0 : 1;
    if (!path && !operand)
        return cli_bad("which expression? For example: '(x + y) * z' x=-2 y=5 z=-4");
    if (!path && operand[0] == '@') path = operand + 1;
    if (!path && strcmp(operand, "-") == 0) path = operand;
    if (!path) return values_parse(operand, NULL, expr);
    int code = cli_read_file(path, GR_EXPR_MAX_BYTES, &text);
    if (code != CLI_YES) return code;
    code = values_parse(text, strcmp(path, "-") == 0 ? "standard input" : path, expr);
    free(text);
    return code;
}

/* ---- Its inputs ----------------------------------------------------------------------------- */

/* Reading while it goes on. */
typedef struct values_task {
    int inputs;
    const char **name; /* [inputs] */
    char *given;       /* [inputs]: '=' a value, ':' a shape, 0 nothing */
    gr_tensor *value;  /* [inputs] */
    bool random;       /* may values be missing? */
} values_task;

/* "x, y, z" of those inputs that are given, or not, or (NULL) of all; to be freed. */
static char *values_list(const values_task *task, const bool *wanted)
{
    char *list = cli_format("%s", "");
    for (int i = 0; i < task->inputs; i++) {
        if (wanted && !wanted[i]) continue;
        char *longer = cli_format("%s%s%s", list, *list ? ", " : "", task->name[i]);
        free(list);
        list = longer;
    }
    return list;
}

const char *cli_nearest_name(const char *name, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcasecmp(name, names[i]) == 0) return names[i];
    return strlen(name) > 2 ? cli_nearest(name, names, n) : NULL;
}

static int values_unknown(const values_task *task, const char *name)
{
    if (task->inputs == 0)
        return cli_bad("the expression has no inputs, so none called '%s'", name);
    char *list = values_list(task, NULL);
    const char *near = cli_nearest_name(name, task->name, task->inputs);
    int code = near ? cli_bad("the expression has no input '%s'; did you mean '%s'? (inputs: %s)",
                              name, near, list)
                    : cli_bad("the expression has no input '%s' (inputs: %s)", name, list);
    free(list);
    return code;
}

static int values_missing(const values_task *task, int count)
{
    bool *missing = cli_alloc((size_t)task->inputs, sizeof *missing);
    for (int i = 0; i < task->inputs; i++) missing[i] = !task->given[i];
    char *list = values_list(task, missing);
    const char *first = "";
    for (int i = task->inputs - 1; i >= 0; i--)
        if (missing[i]) first = task->name[i];
    int code = cli_bad("no value%s for %s: give %s=NUMBER or %s='[[1, 2], [3, 4]]'",
                       count == 1 ? "" : "s", list, first, first);
    free(missing);
    free(list);
    return code;
}

static int values_find(const values_task *task, const char *name)
{
    for (int i = 0; i < task->inputs; i++)
        if (strcmp(task->name[i], name) == 0) return i;
    return -1;
}

/* What follows the name in one operand: `sign` and the text behind it. */
static int values_set(const values_task *task, int i, char sign, const char *text)
{
    gr_status status = GR_OK;
    if (task->given[i]) return cli_bad("'%s' has two values", task->name[i]);
    if (sign == '=')
        status = gr_value_parse(text, task->name[i], &task->value[i]);
    else if (!cli_read_shape(text, &task->value[i].shape))
        return cli_bad("'%s:%s': a shape is sizes above 0 with commas between: %s:2,3",
                       task->name[i], text, task->name[i]);
    if (status != GR_OK) return cli_failed(status);
    task->given[i] = sign;
    return CLI_YES;
}

static int values_read_one(const values_task *task, const char *operand)
{
    size_t length = strcspn(operand, task->random ? "=:" : "=");
    if (operand[length] == '\0' || length == 0)
        return cli_bad("'%s' is not of the form name=value", operand);
    char *name = cli_format("%.*s", (int)length, operand);
    int i = values_find(task, name);
    int code = i < 0 ? values_unknown(task, name)
                     : values_set(task, i, operand[length], operand + length + 1);
    free(name);
    return code;
}

/* All inputs without a value; those without a shape become scalars. */
static int values_draw_rest(const values_task *task, uint64_t seed)
{
    for (int i = 0; i < task->inputs; i++) {
        if (task->given[i] == '=') continue;
        gr_status status =
            cli_draw(GR_F64, task->value[i].shape, task->name[i], seed, &task->value[i]);
        if (status != GR_OK) return cli_failed(status);
    }
    return CLI_YES;
}

static int values_read_all(const values_task *task, const cli_args *args, int next,
                           const uint64_t *seed)
{
    int missing = 0;
    for (int i = next; i < cli_operands(args); i++) {
        int code = values_read_one(task, cli_operand(args, i));
        if (code != CLI_YES) return code;
    }
    for (int i = 0; i < task->inputs; i++) missing += !task->given[i];
    if (seed) return values_draw_rest(task, *seed);
    return missing ? values_missing(task, missing) : CLI_YES;
}

int cli_read_values(const cli_args *args, int next, const gr_expr *expr, const uint64_t *seed,
                    gr_tensor **values)
{
    size_t n = (size_t)gr_expr_inputs(expr);
    values_task task = {.inputs = (int)n, .random = seed != NULL};
    task.name = cli_alloc(n, sizeof *task.name);
    task.given = cli_alloc(n, sizeof *task.given);
    task.value = cli_alloc(n, sizeof *task.value);
    for (int i = 0; i < task.inputs; i++) task.name[i] = gr_expr_input(expr, i);
    int code = values_read_all(&task, args, next, seed);
    free(task.name);
    free(task.given);
    *values = task.value;
    if (code == CLI_YES) return CLI_YES;
    cli_values_free(task.value, expr);
    *values = NULL;
    return code;
}

void cli_values_free(gr_tensor *values, const gr_expr *expr)
{
    for (int i = 0; values && i < gr_expr_inputs(expr); i++) gr_tensor_clear(&values[i]);
    free(values);
}

/* ---- Random values -------------------------------------------------------------------------- */

gr_status cli_draw(gr_dtype dtype, gr_shape shape, const char *name, uint64_t seed,
                   gr_tensor *value)
{
    gr_graph *graph = gr_graph_new();
    gr_stream stream = {.seed = seed, .name = name};
    gr_node *node = gr_random_normal(graph, dtype, shape, stream);
    gr_status status = gr_evaluate(graph, &node, 1, NULL, 0, NULL, value);
    gr_graph_free(graph);
    return status;
}

gr_node *cli_weighted_sum(gr_node *node, uint64_t seed)
{
    gr_stream stream = {.seed = seed, .name = "weights"};
    if (gr_node_shape(node).rank == 0) return node;
    gr_node *weights =
        gr_random_normal(gr_node_graph(node), gr_node_dtype(node), gr_node_shape(node), stream);
    return gr_sum(gr_mul(node, weights), GR_ALL);
}
