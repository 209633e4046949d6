/* Reads the text form that print.c writes. Strict: nodes in order, every attribute of the op in its
 * place, the type that the op's rule gives. Memory stays proportional to the text. */
#include "graph/graph.h"

#include <stdio.h>

#define READ_DEPTH 16 /* bodies within bodies */
#define READ_WORD 64

typedef struct graph_reader {
    const char *text, *at, *end;
    const gr_gates *gates; /* may be NULL */
    gr_arena scratch;      /* attributes, until the node has copied them */
    int depth;
} graph_reader;

/* A growing list of nodes. */
typedef struct graph_read_list {
    gr_node **node;
    size_t count, capacity;
} graph_read_list;

static gr_status graph_read_graph(graph_reader *r, gr_graph *graph, graph_read_list *results);

/* ---- Faults ------------------------------------------------------------------------------- */

static gr_status graph_read_fail(const graph_reader *r, const char *at, const char *format, ...)
    GR_PRINTF(3, 4);

static gr_status graph_read_fail(const graph_reader *r, const char *at, const char *format, ...)
{
    long line = 1, column = 1;
    for (const char *c = r->text; c < at; c++) {
        if (*c == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*c & 0xC0) != 0x80) { /* characters, not bytes */
            column++;
        }
    }
    va_list args;
    va_start(args, format);
    gr_fail_v(GR_SYNTAX, format, args);
    va_end(args);
    return gr_fail_prefix(GR_SYNTAX, "graph: line %ld, column %ld: ", line, column);
}

/* "expected X, found 'y'" */
static gr_status graph_read_unexpected(const graph_reader *r, const char *expected)
{
    if (r->at >= r->end) return graph_read_fail(r, r->at, "expected %s, found the end", expected);
    unsigned char c = (unsigned char)*r->at;
    if (c < 0x20 || c >= 0x7F) {
        return graph_read_fail(r, r->at, "expected %s, found the byte 0x%02X", expected, c);
    }
    int length = 0;
    while (length < 20 && r->at[length] > ' ' && r->at[length] < 0x7F) length++;
    return graph_read_fail(r, r->at, "expected %s, found '%.*s'", expected, length > 0 ? length : 1,
                           r->at);
}

/* ---- Words and numbers -------------------------------------------------------------------- */

static void graph_read_space(graph_reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at)) r->at++;
}

static bool graph_read_accept(graph_reader *r, const char *mark)
{
    size_t length = strlen(mark);
    graph_read_space(r);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, mark, length) != 0) return false;
    r->at += length;
    return true;
}

static gr_status graph_read_expect(graph_reader *r, const char *mark)
{
    if (graph_read_accept(r, mark)) return GR_OK;
    char expected[READ_WORD];
    snprintf(expected, sizeof expected, "'%s'", mark);
    return graph_read_unexpected(r, expected);
}

static bool graph_read_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A word that starts here, without moving; "" if there is none or it is too long to be known. */
static size_t graph_read_peek_word(graph_reader *r, char word[READ_WORD])
{
    size_t length = 0;
    graph_read_space(r);
    while (r->at + length < r->end && graph_read_is_word(r->at[length])) length++;
    bool fits = length < READ_WORD;
    if (fits) memcpy(word, r->at, length);
    word[fits ? length : 0] = '\0';
    return fits ? length : 0;
}

static bool graph_read_accept_word(graph_reader *r, const char *wanted)
{
    char word[READ_WORD];
    size_t length = graph_read_peek_word(r, word);
    if (strcmp(word, wanted) != 0) return false;
    r->at += length;
    return true;
}

static gr_status graph_read_int(graph_reader *r, int64_t *value)
{
    graph_read_space(r);
    return gr_parse_int(&r->at, value) ? GR_OK : graph_read_unexpected(r, "a whole number");
}

static gr_status graph_read_real(graph_reader *r, double *value)
{
    graph_read_space(r);
    return gr_parse_real(&r->at, value) ? GR_OK : graph_read_unexpected(r, "a number");
}

static int graph_read_hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The character after a backslash, advancing over it; 0 if there is no such escape. */
static char graph_read_escape(const char **at)
{
    const char *c = *at;
    if (*c == '"' || *c == '\\') {
        *at += 1;
        return *c;
    }
    if (*c != 'x' || graph_read_hex_digit(c[1]) < 0 || graph_read_hex_digit(c[2]) < 0) return 0;
    *at += 3;
    return (char)(graph_read_hex_digit(c[1]) * 16 + graph_read_hex_digit(c[2]));
}

/* "…" into the scratch arena. */
static gr_status graph_read_quoted(graph_reader *r, const char **word)
{
    GR_TRY(graph_read_expect(r, "\""));
    const char *at = r->at;
    while (at < r->end && *at != '"') at += *at == '\\' && at + 1 < r->end ? 2 : 1;
    char *out = gr_arena_alloc(&r->scratch, (size_t)(at - r->at) + 1);
    if (!out) return GR_NO_MEMORY;
    *word = out;
    while (r->at < r->end && *r->at != '"') {
        const char *start = r->at;
        char c = *r->at++;
        if ((unsigned char)c < 0x20 || c == 0x7F) {
            return graph_read_fail(r, start, "control character in a quoted text");
        }
        if (c == '\\' && (c = graph_read_escape(&r->at)) == 0) {
            return graph_read_fail(r, start,
                                   "expected \\\", \\\\ or \\x and two hexadecimal digits");
        }
        *out++ = c;
    }
    return graph_read_expect(r, "\"");
}

/* ---- Types -------------------------------------------------------------------------------- */

static gr_status graph_read_dtype(graph_reader *r, gr_dtype *dtype)
{
    char word[READ_WORD];
    size_t length = graph_read_peek_word(r, word);
    *dtype = gr_dtype_find(word);
    if (*dtype == GR_DTYPE_COUNT) return graph_read_unexpected(r, "an element type such as f32");
    r->at += length;
    return GR_OK;
}

static gr_status graph_read_ints(graph_reader *r, gr_ints *ints)
{
    ints->n = 0;
    GR_TRY(graph_read_expect(r, "["));
    if (graph_read_accept(r, "]")) return GR_OK;
    do {
        if (ints->n == GR_MAX_RANK) {
            return graph_read_fail(r, r->at, "a list has at most %d numbers", GR_MAX_RANK);
        }
        GR_TRY(graph_read_int(r, &ints->v[ints->n++]));
    } while (graph_read_accept(r, ","));
    return graph_read_expect(r, "]");
}

static gr_status graph_read_type(graph_reader *r, gr_type *type)
{
    gr_ints ints;
    GR_TRY(graph_read_dtype(r, &type->dtype));
    GR_TRY(graph_read_ints(r, &ints));
    type->shape = gr_ints_shape(&ints);
    return GR_OK;
}

/* The types after the colon must be what the node has. */
static gr_status graph_read_check_types(graph_reader *r, const gr_node *node)
{
    GR_TRY(graph_read_expect(r, ":"));
    if (node->n_out > 1) GR_TRY(graph_read_expect(r, "("));
    for (int i = 0; i < node->n_out; i++) {
        gr_type type;
        if (i > 0) GR_TRY(graph_read_expect(r, ","));
        graph_read_space(r);
        const char *at = r->at;
        GR_TRY(graph_read_type(r, &type));
        if (type.dtype != node->out[i].dtype || !gr_shape_equal(type.shape, node->out[i].shape)) {
            return graph_read_fail(r, at, "%s gives %s%s here, not %s%s", node->op->name,
                                   gr_dtype_name(node->out[i].dtype),
                                   gr_shape_text(node->out[i].shape), gr_dtype_name(type.dtype),
                                   gr_shape_text(type.shape));
        }
    }
    return node->n_out > 1 ? graph_read_expect(r, ")") : GR_OK;
}

/* ---- Attributes --------------------------------------------------------------------------- */

static gr_status graph_read_element(graph_reader *r, gr_tensor *tensor, int64_t i)
{
    double value;
    graph_read_space(r);
    const char *at = r->at;
    if (tensor->dtype == GR_I64) return graph_read_int(r, &((int64_t *)tensor->data)[i]);
    GR_TRY(graph_read_real(r, &value));
    gr_tensor_put(tensor, i, value);
    if (!gr_dtype_is_float(tensor->dtype) && gr_tensor_at(tensor, i) != value) {
        return graph_read_fail(r, at, "%.*s is no value of %s", (int)(r->at - at), at,
                               gr_dtype_name(tensor->dtype));
    }
    return GR_OK;
}

static gr_status graph_read_tensor(graph_reader *r, const gr_tensor **out)
{
    gr_type type;
    gr_tensor *tensor = gr_arena_alloc(&r->scratch, sizeof *tensor);
    if (!tensor) return GR_NO_MEMORY;
    GR_TRY(graph_read_type(r, &type));
    const char *at = r->at;
    int64_t count = gr_shape_count(type.shape);
    if (count < 0) return graph_read_fail(r, at, "the shape has a negative size or is too large");
    GR_TRY(graph_read_expect(r, "("));
    if (count > r->end - r->at) { /* each takes a character at least */
        return graph_read_fail(r, at, "%lld elements are more than the text can hold",
                               (long long)count);
    }
    *tensor = (gr_tensor){type.dtype, type.shape, NULL};
    tensor->data = gr_arena_alloc(&r->scratch, gr_tensor_bytes(tensor));
    if (!tensor->data) return GR_NO_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        if (i > 0) GR_TRY(graph_read_expect(r, ","));
        GR_TRY(graph_read_element(r, tensor, i));
    }
    *out = tensor;
    return graph_read_expect(r, ")");
}

static gr_status graph_read_reference(graph_reader *r, const gr_graph *graph, gr_node **node)
{
    int64_t id;
    GR_TRY(graph_read_expect(r, "%"));
    const char *at = r->at;
    GR_TRY(graph_read_int(r, &id));
    *node = id >= 0 && id < (int64_t)graph->count ? graph->nodes[id] : NULL;
    return *node ? GR_OK
                 : graph_read_fail(r, at, "there is no node %%%lld before here", (long long)id);
}

/* %0, %1 … up to `close`, which is left unread; NULL: up to what is no comma. */
static gr_status graph_read_references(graph_reader *r, const gr_graph *graph, const char *close,
                                       graph_read_list *list)
{
    const char *start = r->at;
    if (close && graph_read_accept(r, close)) {
        r->at = start;
        return GR_OK;
    }
    do {
        if (!gr_grow(&list->node, list->count, &list->capacity, sizeof(gr_node *))) {
            return GR_NO_MEMORY;
        }
        GR_TRY(graph_read_reference(r, graph, &list->node[list->count]));
        list->count++;
    } while (graph_read_accept(r, ","));
    return GR_OK;
}

/* graph(%0, %1) { … return %5 }: the inputs are looked up once the nodes are there. */
static gr_status graph_read_body_parts(graph_reader *r, gr_graph *body, graph_read_list *in,
                                       graph_read_list *out)
{
    GR_TRY(graph_read_expect(r, "graph"));
    GR_TRY(graph_read_expect(r, "("));
    const char *inputs = r->at;
    while (r->at < r->end && *r->at != ')') r->at++;
    GR_TRY(graph_read_expect(r, ")"));
    GR_TRY(graph_read_expect(r, "{"));
    GR_TRY(graph_read_graph(r, body, out));
    GR_TRY(graph_read_expect(r, "}"));
    const char *after = r->at;
    r->at = inputs;
    GR_TRY(graph_read_references(r, body, ")", in));
    GR_TRY(graph_read_expect(r, ")"));
    r->at = after;
    return GR_OK;
}

static gr_status graph_read_body(graph_reader *r, gr_graph *graph, const gr_body **body)
{
    graph_read_list in = {0}, out = {0};
    if (r->depth == READ_DEPTH) return graph_read_fail(r, r->at, "bodies nest too deeply");
    gr_graph *inner = gr_graph_new();
    if (!inner) return GR_NO_MEMORY;
    r->depth++;
    gr_status status = graph_read_body_parts(r, inner, &in, &out);
    r->depth--;
    if (status == GR_OK) {
        *body = gr_graph_adopt(graph, inner, in.node, (int)in.count, out.node, (int)out.count);
        status = *body ? GR_OK : GR_NO_MEMORY;
    } else {
        gr_graph_free(inner);
    }
    gr_free(in.node);
    gr_free(out.node);
    return status;
}

/* An own gate, by the name that it has in the list. */
static gr_status graph_read_gate(graph_reader *r, const gr_gate **gate)
{
    const char *name;
    graph_read_space(r);
    const char *at = r->at;
    GR_TRY(graph_read_quoted(r, &name));
    *gate = gr_gates_find(r->gates, name);
    return *gate ? GR_OK
                 : graph_read_fail(r, at, "there is no gate '%s' among the own gates given", name);
}

static gr_status graph_read_attr(graph_reader *r, gr_graph *graph, const gr_attr_desc *desc,
                                 gr_attr *attr)
{
    gr_dtype dtype;
    attr->kind = desc->kind;
    GR_TRY(graph_read_expect(r, desc->name));
    GR_TRY(graph_read_expect(r, "="));
    switch (desc->kind) {
    case GR_ATTR_INT:
        return graph_read_int(r, &attr->i);
    case GR_ATTR_REAL:
        return graph_read_real(r, &attr->f);
    case GR_ATTR_INTS:
        return graph_read_ints(r, &attr->ints);
    case GR_ATTR_DTYPE:
        GR_TRY(graph_read_dtype(r, &dtype));
        attr->i = dtype;
        return GR_OK;
    case GR_ATTR_TEXT:
        return graph_read_quoted(r, &attr->s);
    case GR_ATTR_TENSOR:
        return graph_read_tensor(r, &attr->tensor);
    case GR_ATTR_BODY:
        return graph_read_body(r, graph, &attr->body);
    case GR_ATTR_GATE:
        return graph_read_gate(r, &attr->gate);
    }
    return gr_fail(GR_INTERNAL, "attribute '%s' has no kind", desc->name);
}

static gr_status graph_read_attrs(graph_reader *r, gr_graph *graph, const gr_op *op, gr_attr *attr)
{
    if (op->n_attrs == 0) return GR_OK;
    if (op->n_attrs > GR_MAX_ATTRS) return gr_fail(GR_INTERNAL, "%s: attributes", op->name);
    for (int i = 0; i < op->n_attrs; i++) {
        GR_TRY(graph_read_expect(r, i == 0 ? "{" : ","));
        GR_TRY(graph_read_attr(r, graph, &op->attrs[i], &attr[i]));
    }
    return graph_read_expect(r, "}");
}

/* ---- Nodes -------------------------------------------------------------------------------- */

static gr_status graph_read_op(graph_reader *r, const gr_op **op)
{
    char word[READ_WORD];
    size_t length = graph_read_peek_word(r, word);
    *op = gr_op_find(word);
    if (*op) {
        r->at += length;
        return GR_OK;
    }
    if (length == 0) return graph_read_unexpected(r, "an op");
    const char *names[512];
    int count;
    const gr_op *const *all = gr_op_all(&count);
    for (int i = 0; i < count && i < (int)GR_LEN(names); i++) names[i] = all[i]->name;
    const char *near = gr_nearest(word, names, (size_t)count);
    return graph_read_fail(r, r->at, "there is no op '%s'%s%s%s", word,
                           near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* The optional name and composite of a node just built. */
static gr_status graph_read_labels(graph_reader *r, gr_node *node)
{
    const char *word;
    graph_read_space(r);
    if (r->at < r->end && *r->at == '"') {
        const char *at = r->at;
        GR_TRY(graph_read_quoted(r, &word));
        if (node->name || !*word) return graph_read_fail(r, at, "a name that cannot stand here");
        gr_name(node, word);
    }
    if (graph_read_accept_word(r, "in")) {
        GR_TRY(graph_read_quoted(r, &word));
        node->composite = gr_arena_strdup(&node->graph->arena, word);
        if (!node->composite) return GR_NO_MEMORY;
    }
    return node->graph->status;
}

static gr_status graph_read_node(graph_reader *r, gr_graph *graph, graph_read_list *in)
{
    gr_attr attr[GR_MAX_ATTRS];
    const gr_op *op;
    int64_t id;
    const char *start = r->at;
    GR_TRY(graph_read_expect(r, "%"));
    GR_TRY(graph_read_int(r, &id));
    if (id != (int64_t)graph->count) {
        return graph_read_fail(r, start, "expected %%%zu: nodes are numbered in order",
                               graph->count);
    }
    GR_TRY(graph_read_expect(r, "="));
    GR_TRY(graph_read_op(r, &op));
    GR_TRY(graph_read_expect(r, "("));
    GR_TRY(graph_read_references(r, graph, ")", in));
    GR_TRY(graph_read_expect(r, ")"));
    GR_TRY(graph_read_attrs(r, graph, op, attr));
    gr_node *node = gr_build(graph, op, in->node, (int)in->count, attr);
    if (graph->status == GR_NO_MEMORY) return GR_NO_MEMORY;
    if (gr_is_error(node)) return graph_read_fail(r, start, "%s", graph->message);
    if (node->id != id)
        return graph_read_fail(r, start, "the var '%s' is there already", node->name);
    GR_TRY(graph_read_labels(r, node));
    return graph_read_check_types(r, node);
}

/* Nodes, then perhaps "return" and the results. */
static gr_status graph_read_graph(graph_reader *r, gr_graph *graph, graph_read_list *results)
{
    graph_read_space(r);
    gr_status status = GR_OK;
    graph_read_list in = {0};
    while (status == GR_OK && r->at < r->end && *r->at == '%') {
        in.count = 0;
        status = graph_read_node(r, graph, &in);
        graph_read_space(r);
        if (r->depth == 0) gr_arena_free(&r->scratch);
    }
    gr_free(in.node);
    if (status == GR_OK && graph_read_accept_word(r, "return")) {
        status = graph_read_references(r, graph, NULL, results);
    }
    return status;
}

gr_status gr_graph_read(const char *text, gr_graph **graph, gr_node **outputs, int capacity, int *n)
{
    return gr_graph_read_gates(text, NULL, graph, outputs, capacity, n);
}

gr_status gr_graph_read_gates(const char *text, const gr_gates *gates, gr_graph **graph,
                              gr_node **outputs, int capacity, int *n)
{
    *graph = NULL;
    if (n) *n = 0;
    if (!text) return gr_fail(GR_INVALID, "graph: no text to read");
    graph_reader r = {.text = text, .at = text, .end = text + strlen(text), .gates = gates};
    if (!graph_read_accept(&r, "gradus graph 1")) {
        return graph_read_fail(&r, text, "expected the first line 'gradus graph 1'");
    }
    gr_graph *result = gr_graph_new();
    if (!result) return GR_NO_MEMORY;
    graph_read_list results = {0};
    gr_status status = graph_read_graph(&r, result, &results);
    graph_read_space(&r);
    if (status == GR_OK && r.at < r.end) status = graph_read_unexpected(&r, "a node or return");
    for (size_t i = 0; status == GR_OK && outputs && i < results.count; i++) {
        if (i < (size_t)capacity) outputs[i] = results.node[i];
    }
    if (status == GR_OK && n) *n = (int)results.count;
    gr_free(results.node);
    gr_arena_free(&r.scratch);
    if (status == GR_OK) {
        *graph = result;
    } else {
        gr_graph_free(result);
    }
    return status;
}
