/* The language of circuits: parsed, printed, built, differentiated, run with and without passes. */
#include "fuzz.h"

enum { EXPR_MOST_INPUTS = 16 };

static char *expr_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    FUZZ_REQUIRE(text != NULL);
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* Printing and parsing again must give the same text. */
static void expr_print(const gr_expr *expr)
{
    char *text = NULL, *second = NULL;
    gr_expr *again = NULL;
    if (!fuzz_status(gr_expr_print(expr, &text))) return;
    FUZZ_REQUIRE(fuzz_status(gr_expr_parse(text, "printed", &again)));
    FUZZ_REQUIRE(fuzz_status(gr_expr_print(again, &second)));
    FUZZ_REQUIRE(strcmp(text, second) == 0);
    gr_expr_free(again);
    gr_text_release(text);
    gr_text_release(second);
}

/* What a name stands for goes by its first letter: a number, a vector, a matrix, whole numbers. */
static gr_node *expr_find(void *user, gr_graph *graph, const char *name)
{
    int *n = user;
    if (++*n > EXPR_MOST_INPUTS) return NULL;
    switch (name[0]) {
    case 'v':
        return gr_input(graph, name, GR_F64, GR_SHAPE(3));
    case 'm':
        return gr_input(graph, name, GR_F64, GR_SHAPE(2, 3));
    case 'q':
        return gr_input(graph, name, GR_F64, GR_SHAPE(3, 3));
    case 't':
        return gr_input(graph, name, GR_F32, GR_SHAPE(2, 3, 4, 4));
    case 'i':
        return gr_input(graph, name, GR_I32, GR_SHAPE(3));
    case 'b':
        return gr_input(graph, name, GR_BOOL, GR_SHAPE(2, 3));
    default:
        return gr_input(graph, name, GR_F64, GR_SCALAR);
    }
}

static void expr_gradient(gr_graph *graph, gr_node *y, gr_node **targets, int *n)
{
    gr_node *wrt[EXPR_MOST_INPUTS], *grad[EXPR_MOST_INPUTS];
    int n_wrt = 0;
    if (!gr_dtype_is_float(gr_node_dtype(y))) return;
    for (int i = 0; i < gr_graph_size(graph) && n_wrt < EXPR_MOST_INPUTS; i++) {
        gr_node *node = gr_graph_node(graph, i);
        if (!strcmp(gr_node_op(node), "input") && gr_dtype_is_float(gr_node_dtype(node)))
            wrt[n_wrt++] = node;
    }
    if (!fuzz_status(gr_grad(gr_sum(y, GR_ALL), wrt, n_wrt, grad))) return;
    for (int i = 0; i < n_wrt; i++) targets[(*n)++] = grad[i];
}

static void expr_build(const gr_expr *expr)
{
    int inputs = 0, n = 0;
    const gr_expr_env env = {.size = sizeof env, .find = expr_find, .user = &inputs};
    gr_graph *graph = gr_graph_new();
    gr_node *y = NULL, *targets[EXPR_MOST_INPUTS + 1];
    if (graph && fuzz_status(gr_expr_build(expr, graph, &env, &y))) {
        FUZZ_REQUIRE(fuzz_status(gr_graph_verify(graph)));
        targets[n++] = y;
        if (fuzz_small(graph)) {
            expr_gradient(graph, y, targets, &n);
            /* A gradient that is refused leaves its fault in the graph. */
            if (gr_graph_status(graph) == GR_OK && fuzz_small(graph))
                fuzz_compare(graph, targets, n, NULL, 1);
        }
    }
    gr_graph_free(graph);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    char *text = expr_text(data, size);
    gr_expr *expr = NULL;
    gr_tensor value;
    if (fuzz_status(gr_expr_parse(text, NULL, &expr))) {
        fuzz_status(gr_expr_check(expr, NULL));
        expr_print(expr);
        expr_build(expr);
        gr_expr_free(expr);
    }
    if (fuzz_status(gr_value_parse(text, NULL, &value))) gr_tensor_clear(&value);
    free(text);
    return 0;
}
