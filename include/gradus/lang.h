/* lang.h: the small language in which circuits and networks are typed.
 *
 *     (x + y) * z
 *     sum((W @ x)^2)
 *     x |> conv(20, 5) |> maxpool(2) |> fc(500) |> relu |> fc(10)
 *     q = x + y; f = q * z
 *
 * A text is a list of statements, parted by newlines or `;`: `name = value`, or a bare value, which
 * only the last one may be. The last statement's value is the result. `#` starts a comment.
 *
 * From loosest to tightest, operators of one line joining from the left unless noted:
 *
 *     a |> f(b)           f(a, b): the left side becomes the first argument
 *     or
 *     and
 *     not a
 *     == != < <= > >=     not chained
 *     + -
 *     * / @               @ is the matrix product
 *     -a +a
 *     a ^ b, a ** b       power, from the right: 2^3^2 is 2^9; -a^2 is -(a^2), 2^-a is 2^(-a)
 *     f(a, key=b) a[1:3]  calls, slices
 *
 * Values: names, numbers, constant tensors [[1, 2], [3, 4]], "text" as an argument, the constants
 * pi, inf, nan, true and false. Arithmetic of numbers alone happens while the text is read; a
 * number or constant tensor takes the element type of what it meets. a[1:3, :, -1, ::2] slices
 * with whole numbers; a single index drops its axis.
 *
 * A name that no earlier statement gives is an input. Every name is given once. A network may
 * leave out its leading `x |>`: a statement that starts with a layer without its first argument,
 * or with a bare word, starts with the input `x`. A newline inside brackets, after an operator or
 * before `|>` does not end a statement.
 *
 * Layers with parameters name their variables by kind and order (conv1, conv2, fc1), by the
 * statement whose whole value they are (`stem = x |> conv(16, 3)`), or by name="…". */
#ifndef GRADUS_LANG_H
#define GRADUS_LANG_H

#include <gradus/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Parsing ------------------------------------------------------------------------------ */

/* A parsed text: immutable, independent of any graph, usable by many threads at once. */
typedef struct gr_expr gr_expr;

#define GR_EXPR_MAX_BYTES (1 << 20) /* longer texts are refused */

/* Parses `text` (copied). `source` names it in messages and places ("net.txt"); NULL means
 * "expression". Time and memory are linear in the text; nesting is limited to 200,
 * or as limits.h says.
 * GR_SYNTAX with a message of three lines: place and fault, the line, a caret under the column
 *     expression:1:9: expected an operand after '+'
 *       (x + y +
 *               ^
 * GR_NO_MEMORY. On failure *expr is NULL, else the caller owns it: gr_expr_free. */
GR_API gr_status gr_expr_parse(const char *text, const char *source, gr_expr **expr);
/* NULL is fine. */
GR_API void gr_expr_free(gr_expr *expr);

/* The free names in order of appearance. Names live as long as `expr`; NULL if out of range. */
GR_API int gr_expr_inputs(const gr_expr *expr);
GR_API const char *gr_expr_input(const gr_expr *expr, int i);
/* The statements and their names; NULL for the bare last one and if out of range. */
GR_API int gr_expr_statements(const gr_expr *expr);
GR_API const char *gr_expr_statement_name(const gr_expr *expr, int i);

/* The canonical text: one statement a line, least parentheses, numbers that read back exactly, the
 * left-out `x |>` put in. Parsing it gives an equal expression, printing that the same text. Freed
 * with gr_text_release. */
GR_API gr_status gr_expr_print(const gr_expr *expr, char **text);

/* ---- Building ----------------------------------------------------------------------------- */

/* What a free name of a text means. */
typedef struct gr_binding {
    const char *name; /* as the text has it */
    gr_node *node;    /* of the graph that is built in */
} gr_binding;

/* What a text's names and words mean. Zeroes everywhere but in `size` are fine. */
typedef struct gr_expr_env {
    size_t size;    /* sizeof(gr_expr_env) */
    gr_dtype dtype; /* of numbers that meet no other operand; f64 unless set */
    /* Nodes for free names, all of the graph that is built in. */
    const gr_binding *bindings;
    int n_bindings;
    /* Asked for free names that no binding has; it may append to `graph`. It returns NULL for
     * "unknown". May be NULL. */
    gr_node *(*find)(void *user, gr_graph *graph, const char *name);
    void *user;
    /* Where layers make their parameters, on the graph that is built in; NULL: there may be no
     * layers. */
    gr_scope *scope;
    const gr_gates *gates; /* own gates of one output, called by their names; NULL: none */
} gr_expr_env;

/* May texts call these gates? GR_INVALID for a list of another version, a gate without its
 * callbacks, and a name that is none, stands twice, or is a word of the language already, so that
 * a text means the same wherever it means something. gr_expr_check and gr_expr_build ask the same.
 * NULL is fine. */
GR_API gr_status gr_gates_check(const gr_gates *gates);

/* Does the text call that word? */
GR_API bool gr_expr_calls(const gr_expr *expr, const char *word);

/* Checks without building that every word is known and gets arguments that its signature allows
 * (shapes and types show only in a build). GR_SYNTAX as gr_expr_parse. `env` may be NULL. */
GR_API gr_status gr_expr_check(const gr_expr *expr, const gr_expr_env *env);

/* Appends the expression's gates to `graph` and stores the last statement's node in *result.
 * Values of statements get their names; every gate's place is the position of its text
 * ("net.txt:1:14"). `env` may be NULL.
 * GR_SYNTAX for unknown words and wrong arguments, GR_NOT_FOUND for a name without a value, or the
 * graph's own fault (GR_SHAPE, …), the message ending in the line and a caret. On failure the
 * graph keeps the fault and *result is its error node. */
GR_API gr_status gr_expr_build(const gr_expr *expr, gr_graph *graph, const gr_expr_env *env,
                               gr_node **result);

/* The same, and keeps the values of all statements in values[gr_expr_statements]. */
GR_API gr_status gr_expr_build_all(const gr_expr *expr, gr_graph *graph, const gr_expr_env *env,
                                   gr_node **values);

/* A network's text may say what it is trained for: by a statement called `loss`, not the first, of
 * the input x, the labels y and what stands before it. Its number, or -1. */
GR_API int gr_expr_loss(const gr_expr *expr);
/* The statement whose value is the network's result: the last one, or the one before `loss`. */
GR_API int gr_expr_result(const gr_expr *expr);

/* A network's text as a part of a recipe in C: parses `text` and builds it on the scope's graph
 * with `x` as its input "x". Faults, of the text too, are kept by the graph, whose error node is
 * then returned.
 *     gr_node *scores = gr_net(scope, x, "conv(20, 5) |> maxpool(2) |> relu |> fc(10)"); */
GR_API gr_node *gr_net(gr_scope *scope, gr_node *x, const char *text);

/* ---- Values ------------------------------------------------------------------------------- */

/* Parses a value as typed on a command line, "3", "-2e-3", "[[.1, .5], [-.3, .8]]", "nan", into a
 * new f64 tensor (rank 0 for a number). `source` names it in messages; NULL means "value".
 * GR_SYNTAX, with place and caret, also for rows of different lengths. On success the caller owns
 * *value: gr_tensor_clear; on failure it holds no data. */
GR_API gr_status gr_value_parse(const char *text, const char *source, gr_tensor *value);

/* ---- The words of the language ------------------------------------------------------------ */

/* What a word is. */
typedef enum gr_word_kind {
    GR_WORD_FUNCTION, /* of its arguments alone */
    GR_WORD_LAYER,    /* has parameters, or behaves otherwise in training */
    GR_WORD_CONSTANT  /* a number: pi, true */
} gr_word_kind;

/* A word of the language. */
typedef struct gr_word {
    const char *name;      /* "clip" */
    const char *signature; /* "clip(x, low: real, high: real)" */
    const char *help;      /* one line */
    gr_word_kind kind;     /* what it is */
} gr_word;

/* Word `i` in the table's order, for help, documents and completion; NULL past the last. Static
 * storage. */
GR_API const gr_word *gr_lang_word(int i);
/* The word called `name`; NULL if there is none. */
GR_API const gr_word *gr_lang_find(const char *name);

#ifdef __cplusplus
}
#endif
#endif
