/* einsum: sums of products whose axes are named by letters, made of matrix products. */
#include "graph/graph.h"

#include <gradus/ops.h>

/* ---- Reading the equation ----------------------------------------------------------------------
 */

/* One operand: its letters in the order of its axes. */
typedef struct einsum_term {
    int rank;
    char letter[GR_MAX_RANK];
} einsum_term;

typedef struct einsum {
    gr_graph *graph;
    const char *equation;
    int64_t size[128]; /* of each letter; -1: not met */
    int wanted[128];   /* in how many of the operands to come and the result it is */
} einsum;

static gr_node *einsum_fault(const einsum *e, const char *what)
{
    return gr_fault(e->graph, GR_INVALID, "einsum", "\"%s\": %s", e->equation, what);
}

static bool einsum_has(const einsum_term *term, char letter)
{
    return memchr(term->letter, letter, (size_t)term->rank) != NULL;
}

static bool einsum_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads letters up to , - or the end; spaces do not count. NULL, or a fault. */
static gr_node *einsum_read(const einsum *e, const char **cursor, einsum_term *term)
{
    term->rank = 0;
    for (; **cursor && **cursor != ',' && **cursor != '-'; ++*cursor) {
        if (**cursor == ' ') continue;
        if (!einsum_is_letter(**cursor))
            return einsum_fault(e, "letters, commas and one -> are all it may have");
        if (term->rank == GR_MAX_RANK) return einsum_fault(e, "an operand has at most 8 letters");
        if (einsum_has(term, **cursor))
            return einsum_fault(e, "a letter stands twice in one operand: take the diagonal first");
        term->letter[term->rank++] = **cursor;
    }
    return NULL;
}

/* Letters of the operand take their sizes from x. */
static gr_node *einsum_measure(einsum *e, const einsum_term *term, gr_node *x, int i)
{
    const gr_shape shape = gr_node_shape(x);
    if (gr_is_error(x)) return x;
    if (shape.rank != term->rank)
        return gr_fault(e->graph, GR_SHAPE, "einsum", "\"%s\": operand %d has %d letters for %s",
                        e->equation, i + 1, term->rank, gr_shape_text(shape));
    for (int k = 0; k < term->rank; k++) {
        int64_t *size = &e->size[(int)term->letter[k]];
        if (*size >= 0 && *size != shape.dim[k])
            return gr_fault(e->graph, GR_SHAPE, "einsum", "\"%s\": '%c' is %lld, then %lld in %s",
                            e->equation, term->letter[k], (long long)*size, (long long)shape.dim[k],
                            gr_shape_text(shape));
        *size = shape.dim[k];
    }
    return NULL;
}

/* ---- Two operands at a time ---------------------------------------------------------------------
 */

/* Sums over the letters of x that neither `other` (may be NULL) nor anything later has. */
static gr_node *einsum_drop(const einsum *e, gr_node *x, einsum_term *term,
                            const einsum_term *other)
{
    gr_axes axes = {0};
    einsum_term kept = {0};
    for (int k = 0; k < term->rank; k++) {
        const char letter = term->letter[k];
        if (e->wanted[(int)letter] > 0 || (other && einsum_has(other, letter)))
            kept.letter[kept.rank++] = letter;
        else
            axes.axis[axes.count++] = k;
    }
    *term = kept;
    return axes.count > 0 ? gr_sum(x, axes) : x;
}

/* x with its axes in the order of `order`, under another shape. */
static gr_node *einsum_ordered(gr_node *x, const einsum_term *term, const einsum_term *order,
                               gr_shape shape)
{
    gr_axes axes = {.count = order->rank};
    for (int k = 0; k < order->rank; k++) {
        const char *at = memchr(term->letter, order->letter[k], (size_t)term->rank);
        axes.axis[k] = (int)(at - term->letter);
    }
    return gr_reshape(gr_permute(x, axes), shape);
}

static void einsum_append(const einsum *e, einsum_term *order, char letter, int64_t *size)
{
    order->letter[order->rank++] = letter;
    *size *= e->size[(int)letter];
}

static gr_shape einsum_shape(const einsum *e, const einsum_term *term)
{
    gr_shape shape = {.rank = term->rank};
    for (int k = 0; k < term->rank; k++) shape.dim[k] = e->size[(int)term->letter[k]];
    return shape;
}

/* The product of a and b, summed over what only they have: [batch, rows, inner] times
 * [batch, inner, columns]. *term becomes the letters of batch, rows and columns. */
static gr_node *einsum_pair(const einsum *e, gr_node *a, einsum_term *term, gr_node *b,
                            einsum_term *other)
{
    a = einsum_drop(e, a, term, other);
    b = einsum_drop(e, b, other, term);
    einsum_term left = {0}, right, result, summed = {0};
    int64_t batch = 1, rows = 1, columns = 1, inner = 1;
    for (int k = 0; k < term->rank; k++) {
        if (!einsum_has(other, term->letter[k])) continue;
        if (e->wanted[(int)term->letter[k]] > 0)
            einsum_append(e, &left, term->letter[k], &batch);
        else
            einsum_append(e, &summed, term->letter[k], &inner);
    }
    right = left;
    for (int k = 0; k < term->rank; k++)
        if (!einsum_has(other, term->letter[k])) einsum_append(e, &left, term->letter[k], &rows);
    result = left;
    for (int k = 0; k < summed.rank; k++) {
        left.letter[left.rank++] = summed.letter[k];
        right.letter[right.rank++] = summed.letter[k];
    }
    for (int k = 0; k < other->rank; k++) {
        if (einsum_has(term, other->letter[k])) continue;
        if (result.rank == GR_MAX_RANK) return einsum_fault(e, "a product of two has over 8 axes");
        einsum_append(e, &right, other->letter[k], &columns);
        result.letter[result.rank++] = other->letter[k];
    }
    gr_node *y = gr_matmul(einsum_ordered(a, term, &left, GR_SHAPE(batch, rows, inner)),
                           einsum_ordered(b, other, &right, GR_SHAPE(batch, inner, columns)));
    *term = result;
    return gr_reshape(y, einsum_shape(e, &result));
}

/* ---- The whole ----------------------------------------------------------------------------------
 */

#define EINSUM_OPERANDS 16

/* Reads the operands and the result: given behind ->, or as in NumPy the letters that stand once,
 * in the order of the alphabet. NULL, or a fault. */
static gr_node *einsum_parse(einsum *e, gr_node *const *x, int n, einsum_term *terms,
                             einsum_term *out)
{
    const char *cursor = e->equation;
    for (int i = 0; i < n; i++) {
        if (i > 0 && *cursor++ != ',') return einsum_fault(e, "fewer operands than inputs");
        gr_node *fault = einsum_read(e, &cursor, &terms[i]);
        if (!fault) fault = einsum_measure(e, &terms[i], x[i], i);
        if (fault) return fault;
        for (int k = 0; k < terms[i].rank; k++) e->wanted[(int)terms[i].letter[k]]++;
    }
    if (*cursor == ',') return einsum_fault(e, "more operands than inputs");
    if (*cursor == 0) {
        for (int c = 0; c < 128; c++) {
            if (e->wanted[c] != 1) continue;
            if (out->rank == GR_MAX_RANK) return einsum_fault(e, "the result has over 8 axes");
            out->letter[out->rank++] = (char)c;
        }
    } else {
        if (*++cursor != '>')
            return einsum_fault(e, "letters, commas and one -> are all it may have");
        cursor++;
        gr_node *fault = einsum_read(e, &cursor, out);
        if (fault) return fault;
        if (*cursor) return einsum_fault(e, "something follows the result");
    }
    for (int k = 0; k < out->rank; k++) {
        if (e->size[(int)out->letter[k]] < 0)
            return einsum_fault(e, "a letter of the result stands in no operand");
        e->wanted[(int)out->letter[k]]++;
    }
    return NULL;
}

gr_node *gr_einsum(const char *equation, gr_node *const *x, int n)
{
    if (n < 1) return gr_fault(NULL, GR_INVALID, "einsum", "no inputs");
    einsum e = {.graph = gr_node_graph(x[0]), .equation = equation};
    einsum_term terms[EINSUM_OPERANDS], out = {0};
    for (int c = 0; c < 128; c++) e.size[c] = -1;
    if (n > EINSUM_OPERANDS) return einsum_fault(&e, "at most 16 operands");
    gr_node *fault = einsum_parse(&e, x, n, terms, &out);
    if (fault) return fault;
    gr_composite_begin(e.graph, "einsum");
    gr_node *y = x[0];
    einsum_term term = terms[0];
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < terms[i].rank; k++) e.wanted[(int)terms[i].letter[k]]--;
        if (i > 0) y = einsum_pair(&e, y, &term, x[i], &terms[i]);
    }
    y = einsum_drop(&e, y, &term, NULL);
    if (!gr_is_error(y)) y = einsum_ordered(y, &term, &out, einsum_shape(&e, &out));
    gr_composite_end(e.graph);
    return y;
}
