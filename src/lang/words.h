/* The words of the language, their arguments, and what building a text keeps. Internal. */
#ifndef GR_LANG_WORDS_H
#define GR_LANG_WORDS_H

#include "graph/graph.h"
#include "lang/syntax.h"

typedef struct lang_call lang_call;

/* ---- The table ---------------------------------------------------------------------------- */

typedef struct lang_word {
    gr_word is;
    gr_node *(*unary)(gr_node *); /* one of these builds it */
    gr_node *(*binary)(gr_node *, gr_node *);
    gr_node *(*call)(lang_call *);
    double value; /* of a constant */
} lang_word;

/* The builders of the words with arguments of their own, in gates.c, layers.c and their like. */
#define UNARY(name, builder, help)
#define BINARY(name, builder, help)
#define CALL(name, signature, builder, help) gr_node *gr_lang_call_##builder(lang_call *call);
#define LAYER(name, signature, builder, help) gr_node *gr_lang_call_##builder(lang_call *call);
#define CONSTANT(name, value, help)
#include "lang/words.def"
#undef UNARY
#undef BINARY
#undef CALL
#undef LAYER
#undef CONSTANT

const lang_word *gr_lang_word_find(const char *name);
/* The word that can be called nearest to `name` by spelling; NULL if none is near. */
const char *gr_lang_word_nearest(const char *name);
/* Arguments that have no default. */
int gr_lang_word_required(const lang_word *word);

/* ---- Signatures ---------------------------------------------------------------------------
 *
 * "conv(x, channels: int, kernel: ints, stride: ints = 1, …, name: text = auto)": each parameter
 * has a type (a node unless it says otherwise), perhaps "..." for any number of arguments, and
 * perhaps a default: a number, true, false, or a word for "left out". */

#define LANG_MAX_PARAMS 24

typedef enum lang_type {
    LANG_TYPE_NODE,
    LANG_TYPE_INT,
    LANG_TYPE_INTS, /* a whole number or a list of them */
    LANG_TYPE_REAL,
    LANG_TYPE_REALS, /* a number or a list of them */
    LANG_TYPE_BOOL,
    LANG_TYPE_TEXT
} lang_type;

typedef struct lang_param {
    char name[24];
    lang_type type;
    bool many, optional, has_value;
    double value; /* the default */
} lang_param;

typedef struct lang_signature {
    int count;
    lang_param param[LANG_MAX_PARAMS];
} lang_signature;

void gr_lang_signature_read(const char *text, lang_signature *signature);

/* A call's arguments, sorted to the parameters. */
typedef struct lang_bound {
    lang_signature signature;
    const lang_arg *arg[LANG_MAX_PARAMS]; /* the first of many; NULL: not given */
    int count[LANG_MAX_PARAMS];
} lang_bound;

/* GR_SYNTAX with the signature for too many, missing, unknown or doubled arguments. */
gr_status gr_lang_bind(const gr_expr *expr, const lang_ast *call, const char *signature,
                       lang_bound *bound);

/* "unknown layer 'convv'; did you mean 'conv'?" */
gr_status gr_lang_unknown_word(const gr_expr *expr, const lang_ast *call, const gr_expr_env *env);
/* Does the call of an own gate suit it? */
gr_status gr_lang_check_gate(const gr_expr *expr, const lang_ast *call, const gr_gate *gate);

/* ---- Building ----------------------------------------------------------------------------- */

/* Numbers and lists stay literals until they meet a node, whose element type they take. */
typedef enum lang_value_kind {
    LANG_VALUE_NODE,
    LANG_VALUE_NUMBER,
    LANG_VALUE_BOOL, /* number is 0 or 1 */
    LANG_VALUE_LIST,
    LANG_VALUE_TEXT,
    LANG_VALUE_RANGE
} lang_value_kind;

typedef struct lang_value {
    lang_value_kind kind;
    union {
        gr_node *node;
        double number;
        const lang_list *list;
        const char *text;
    };
} lang_value;

typedef struct lang_builder {
    const gr_expr *expr;
    gr_graph *graph;
    gr_expr_env env;
    lang_value *values; /* of the tree's nodes */
    gr_node **inputs;   /* of the expression's inputs, once used */
    lang_names layers;  /* names that layers have taken */
    const lang_statement *statement;
    gr_status status;
} lang_builder;

/* Notes the first fault at `at`; returns the graph's error node. */
gr_node *gr_lang_build_fail(lang_builder *builder, lang_at at, gr_status status, const char *format,
                            ...) GR_PRINTF(4, 5);
/* The value of tree node `node` as a graph node; literals become constants of `dtype`. */
gr_node *gr_lang_as_node(lang_builder *builder, int node, gr_dtype dtype);
/* The element type that literals take beside these tree nodes. */
gr_dtype gr_lang_literal_dtype(const lang_builder *builder, const int *nodes, int n);
/* a ^ b; the literal 2 makes a square. */
gr_node *gr_lang_power(lang_builder *builder, int a, int b);
gr_node *gr_lang_index(lang_builder *builder, int node);

/* ---- Calls: how a word's builder reads its arguments --------------------------------------- */

struct lang_call {
    lang_builder *builder;
    int node; /* of the tree */
    lang_bound bound;
    gr_dtype dtype; /* of literals among the arguments */
};

/* Each takes a parameter's name. After a fault they return something harmless; the builder stops
 * after the call. */
bool gr_lang_given(const lang_call *call, const char *name);
gr_node *gr_lang_arg_node(lang_call *call, const char *name);
gr_node *gr_lang_arg_node_typed(lang_call *call, const char *name, gr_dtype dtype);
/* All arguments of a "..." parameter: their count; *nodes is freed with gr_free. */
int gr_lang_arg_nodes(lang_call *call, const char *name, gr_node ***nodes);
int64_t gr_lang_arg_int(lang_call *call, const char *name, int64_t low, int64_t high);
double gr_lang_arg_real(lang_call *call, const char *name);
bool gr_lang_arg_bool(lang_call *call, const char *name);
const char *gr_lang_arg_text(lang_call *call, const char *name); /* NULL: not given */
/* A number, a list or many numbers in [low, high], at most GR_MAX_RANK: their count. */
int gr_lang_arg_ints(lang_call *call, const char *name, int64_t low, int64_t high, int64_t *out);
/* The same of any numbers. */
int gr_lang_arg_reals(lang_call *call, const char *name, double *out);
/* A fault of this call, at the argument `name` if it is given. */
gr_node *gr_lang_call_fail(lang_call *call, gr_status status, const char *name, const char *format,
                           ...) GR_PRINTF(4, 5);

#endif
