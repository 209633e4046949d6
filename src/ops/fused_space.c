/* What a body walks: which axes its gates share, which of them it reduces, and in what phases.
 *
 * The axes of all values are sorted into classes: two axes are of one class if some gate walks them
 * together. The value with the most elements then names the axes of S, in its order, and every
 * other axis must belong to one of their classes. */
#include "ops/fused.h"

enum {
    FUSED_SLOTS = GR_FUSED_VALUES * GR_MAX_RANK, /* an axis of a value */
    FUSED_TABLE = 4 * GR_FUSED_VALUES            /* finds the value of a node; a power of two */
};

typedef struct fused_space_builder {
    gr_fused_space *space;
    const char *fault;
    short parent[FUSED_SLOTS]; /* disjoint sets of axes */
    short axis[FUSED_SLOTS];   /* of S, by the set's root; -1: none */
    short table[FUSED_TABLE];  /* place of a value plus 1; 0: empty */
} fused_space_builder;

static bool fused_space_fail(fused_space_builder *b, const char *fault)
{
    if (!b->fault) b->fault = fault;
    return false;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* The place of the node's value, which is added if it is new; -1 if there is no room. */
static int fused_space_value(fused_space_builder *b, const gr_node *node)
{
    gr_fused_space *s = b->space;
    size_t slot = (size_t)node->id * 0x9e37u & (FUSED_TABLE - 1);
    for (; b->table[slot]; slot = (slot + 1) & (FUSED_TABLE - 1)) {
        if (s->value[b->table[slot] - 1].node == node) return b->table[slot] - 1;
    }
    if (s->n == GR_FUSED_VALUES) {
        fused_space_fail(b, "has too many values");
        return -1;
    }
    s->value[s->n] = (gr_fused_value){.node = node};
    for (int d = 0; d < GR_MAX_RANK; d++) {
        int axis = s->n * GR_MAX_RANK + d;
        b->parent[axis] = (short)axis;
        b->axis[axis] = -1;
    }
    b->table[slot] = (short)++s->n;
    return s->n - 1;
}

static int fused_space_root(fused_space_builder *b, int axis)
{
    while (b->parent[axis] != axis) {
        b->parent[axis] = b->parent[b->parent[axis]];
        axis = b->parent[axis];
    }
    return axis;
}

/* Axis i of value v and axis k of value w, of one size, are walked together. */
static void fused_space_join(fused_space_builder *b, int v, int i, int w, int k)
{
    if (b->space->value[v].node->out[0].shape.dim[i] == 1) return;
    int first = fused_space_root(b, v * GR_MAX_RANK + i);
    b->parent[fused_space_root(b, w * GR_MAX_RANK + k)] = (short)first;
}

/* ---- Gates ----------------------------------------------------------------------------------- */

bool gr_fused_is_reduction(const gr_node *node)
{
    const gr_op *op = node->op;
    return op == &gr_op_sum || op == &gr_op_prod || op == &gr_op_max || op == &gr_op_min;
}

/* The next axis from `d` on that is not of size 1. */
static int fused_space_next(gr_shape shape, int d)
{
    while (d < shape.rank && shape.dim[d] == 1) d++;
    return d;
}

/* Do only axes of size 1 come or go? */
static bool fused_space_moves_nothing(gr_shape a, gr_shape b)
{
    int i = fused_space_next(a, 0), k = fused_space_next(b, 0);
    while (i < a.rank && k < b.rank && a.dim[i] == b.dim[k]) {
        i = fused_space_next(a, i + 1);
        k = fused_space_next(b, k + 1);
    }
    return i == a.rank && k == b.rank;
}

bool gr_fused_is_gate(const gr_node *node)
{
    if (node->op->flags & GR_OP_ELEMENTWISE) return node->n_in <= 3;
    if (gr_fused_is_reduction(node) || node->op == &gr_op_stop_gradient) return true;
    return node->op == &gr_op_reshape &&
           fused_space_moves_nothing(node->in[0]->out[0].shape, node->out[0].shape);
}

static void fused_space_join_view(fused_space_builder *b, int v, int w)
{
    gr_shape from = b->space->value[w].node->out[0].shape;
    gr_shape to = b->space->value[v].node->out[0].shape;
    int i = fused_space_next(to, 0), k = fused_space_next(from, 0);
    while (i < to.rank && k < from.rank) {
        fused_space_join(b, v, i, w, k);
        i = fused_space_next(to, i + 1);
        k = fused_space_next(from, k + 1);
    }
}

static void fused_space_join_reduction(fused_space_builder *b, int v, int w)
{
    const gr_node *node = b->space->value[v].node;
    const gr_ints *axes = &node->attr[0].ints;
    const bool keep = node->attr[1].i != 0;
    const int rank = node->in[0]->out[0].shape.rank;
    for (int d = 0, to = 0, next = 0; d < rank; d++) {
        const bool reduced = next < axes->n && axes->v[next] == d;
        if (reduced) next++;
        if (!reduced) fused_space_join(b, v, to, w, d);
        if (!reduced || keep) to++;
    }
}

static void fused_space_join_elementwise(fused_space_builder *b, int v, int w)
{
    gr_shape out = b->space->value[v].node->out[0].shape;
    gr_shape in = b->space->value[w].node->out[0].shape;
    for (int d = 0; d < in.rank; d++) {
        if (in.dim[d] != 1) fused_space_join(b, v, d + out.rank - in.rank, w, d);
    }
}

bool gr_fused_is_contraction(const gr_node *node)
{
    const gr_op *op = node->op;
    return op == &gr_op_matmul || op == &gr_op_conv || op == &gr_op_conv_input_grad;
}

static bool fused_space_add_contraction(fused_space_builder *b, const gr_node *node, bool out)
{
    gr_fused_space *s = b->space;
    if (s->contraction >= 0) return fused_space_fail(b, "holds two contractions");
    if (out) return fused_space_fail(b, "shows what its contraction leaves");
    for (int i = 0; i < node->n_in; i++) {
        for (int v = 0; v < s->n; v++) {
            if (s->value[v].node == node->in[i] && s->value[v].gate) {
                return fused_space_fail(b, "computes what its contraction reads");
            }
        }
    }
    s->contraction = fused_space_value(b, node);
    return s->contraction >= 0;
}

static bool fused_space_add_gate(fused_space_builder *b, const gr_node *node, bool out)
{
    gr_fused_space *s = b->space;
    if (gr_fused_is_contraction(node)) return fused_space_add_contraction(b, node, out);
    if (!gr_fused_is_gate(node)) return fused_space_fail(b, "holds another kind of gate");
    int in[3];
    for (int i = 0; i < node->n_in; i++) {
        if ((in[i] = fused_space_value(b, node->in[i])) < 0) return false;
        s->value[in[i]].read = true;
    }
    const int v = fused_space_value(b, node);
    if (v < 0) return false;
    s->value[v].gate = true;
    s->value[v].out = out;
    for (int i = 0; i < node->n_in; i++) {
        s->value[v].in[i] = in[i];
        if (node->op->flags & GR_OP_ELEMENTWISE) {
            fused_space_join_elementwise(b, v, in[i]);
        } else if (gr_fused_is_view(node)) {
            fused_space_join_view(b, v, in[i]);
        } else {
            fused_space_join_reduction(b, v, in[i]);
        }
    }
    return true;
}

/* ---- S and R --------------------------------------------------------------------------------- */

/* S is named by the value with the most elements. */
static bool fused_space_name_axes(fused_space_builder *b)
{
    gr_fused_space *s = b->space;
    int widest = 0;
    for (int v = 0; v < s->n; v++) {
        const int64_t count = gr_shape_count(s->value[v].node->out[0].shape);
        if (count == 0) return fused_space_fail(b, "has a value without elements");
        if (count <= s->count) continue;
        s->count = count;
        widest = v;
    }
    const gr_shape shape = s->value[widest].node->out[0].shape;
    for (int d = 0; d < shape.rank; d++) {
        if (shape.dim[d] == 1) continue;
        short *axis = &b->axis[fused_space_root(b, widest * GR_MAX_RANK + d)];
        if (*axis >= 0) return fused_space_fail(b, "walks two axes of one value together");
        *axis = (short)s->shape.rank;
        s->shape.dim[s->shape.rank++] = shape.dim[d];
    }
    return true;
}

/* Every axis of the value must be one of S, in S's order. */
static bool fused_space_place(fused_space_builder *b, int v)
{
    gr_fused_space *s = b->space;
    gr_fused_value *value = &s->value[v];
    const gr_shape shape = value->node->out[0].shape;
    int last = -1;
    for (int d = 0; d < shape.rank; d++) {
        value->axis[d] = -1;
        if (shape.dim[d] == 1) continue;
        const int axis = b->axis[fused_space_root(b, v * GR_MAX_RANK + d)];
        if (axis < 0) return fused_space_fail(b, "has gates that do not broadcast to one shape");
        if (axis <= last) return fused_space_fail(b, "walks a value in two ways");
        value->axis[d] = last = axis;
        value->axes |= 1u << axis;
    }
    value->full = gr_shape_count(shape) == s->count;
    return true;
}

/* R is what every reduction leaves out of its operand. */
static bool fused_space_reduce(fused_space_builder *b)
{
    gr_fused_space *s = b->space;
    for (int v = 0; v < s->n; v++) {
        const gr_fused_value *value = &s->value[v];
        if (!value->gate || !gr_fused_is_reduction(value->node)) continue;
        const gr_fused_value *in = &s->value[value->in[0]];
        const unsigned reduced = in->axes & ~value->axes;
        if (!in->full) return fused_space_fail(b, "reduces a lean value");
        if (!reduced) return fused_space_fail(b, "reduces nothing");
        if (s->reduced && reduced != s->reduced) {
            return fused_space_fail(b, "reduces different axes");
        }
        s->reduced = reduced;
    }
    s->group = 1;
    for (int k = 0; k < s->shape.rank; k++) {
        if (s->reduced >> k & 1) s->group *= s->shape.dim[k];
    }
    const bool rows = s->reduced >> (s->shape.rank - (s->shape.rank > 0)) & 1;
    s->kind = !s->reduced ? GR_FUSED_PLAIN : rows ? GR_FUSED_ROWS : GR_FUSED_COLUMNS;
    return true;
}

/* ---- Phases ---------------------------------------------------------------------------------- */

static bool fused_space_set_phases(fused_space_builder *b)
{
    gr_fused_space *s = b->space;
    s->phases = 1;
    for (int v = 0; v < s->n; v++) {
        gr_fused_value *value = &s->value[v];
        if (!value->gate) continue;
        const bool reduction = gr_fused_is_reduction(value->node);
        if (!value->full && (value->axes & s->reduced)) {
            return fused_space_fail(b, "has a lean gate that varies along the reduced axes");
        }
        for (int i = 0; i < value->node->n_in; i++) {
            const int phase = s->value[value->in[i]].phase;
            if (phase > value->phase) value->phase = phase;
        }
        if (value->phase >= s->phases) s->phases = value->phase + 1;
        if (!reduction) continue;
        value->phase++;
        if (s->kind == GR_FUSED_COLUMNS && value->read) {
            return fused_space_fail(b, "reads the result of a reduction that keeps the last axis");
        }
    }
    return s->phases <= 32 || fused_space_fail(b, "has too many phases");
}

/* The gates find the contraction's result where the last of them leaves its own. */
static bool fused_space_check_contraction(fused_space_builder *b)
{
    const gr_fused_space *s = b->space;
    if (s->contraction < 0) return true;
    const gr_fused_value *left = &s->value[s->contraction], *last = &s->value[s->n - 1];
    if (s->reduced) return fused_space_fail(b, "has a contraction and a reduction");
    if (!left->read || !left->full) {
        return fused_space_fail(b, "does not read its contraction in full");
    }
    if (!last->gate || !last->out || !last->full ||
        last->node->out[0].dtype != left->node->out[0].dtype) {
        return fused_space_fail(b, "does not end with an output like its contraction");
    }
    return true;
}

/* In groups that do not stay in registers, no costly gate is computed in two phases. */
static bool fused_space_check_costly(fused_space_builder *b)
{
    gr_fused_space *s = b->space;
    if (s->kind != GR_FUSED_ROWS || s->group <= GR_FUSED_TILE) return true;
    uint32_t needed[GR_FUSED_VALUES] = {0}; /* phases, of full gates */
    for (int v = s->n - 1; v >= 0; v--) {
        const gr_fused_value *value = &s->value[v];
        if (!value->gate) continue;
        const bool reduction = gr_fused_is_reduction(value->node);
        if (reduction) needed[v] = 1u << (value->phase - 1);
        if (value->full && value->out) needed[v] |= 1u << value->phase;
        if ((value->node->op->flags & GR_OP_COSTLY) && (needed[v] & (needed[v] - 1))) {
            return fused_space_fail(b, "computes a costly gate twice");
        }
        if (!value->full && !reduction) continue;
        for (int i = 0; i < value->node->n_in; i++) {
            if (s->value[value->in[i]].full) needed[value->in[i]] |= needed[v];
        }
    }
    return true;
}

const char *gr_fused_space_of(gr_node *const *gates, int n, const bool *out, gr_fused_space *space)
{
    fused_space_builder b = {.space = space};
    space->shape = (gr_shape){0};
    space->reduced = 0;
    space->count = 0;
    space->n = 0;
    space->contraction = -1;
    if (n > GR_FUSED_GATES) return "has too many gates";
    for (int i = 0; i < n; i++) {
        if (!fused_space_add_gate(&b, gates[i], out[i])) return b.fault;
    }
    if (!fused_space_name_axes(&b)) return b.fault;
    for (int v = 0; v < space->n; v++) {
        if (!fused_space_place(&b, v)) return b.fault;
    }
    bool legal = fused_space_reduce(&b) && fused_space_check_contraction(&b) &&
                 fused_space_set_phases(&b) && fused_space_check_costly(&b);
    return legal ? NULL : b.fault;
}

const char *gr_fused_space_of_body(const gr_body *body, gr_fused_space *space)
{
    gr_node *gates[GR_FUSED_GATES];
    bool out[GR_FUSED_GATES] = {false};
    int n = 0;
    for (size_t id = 0; id < body->graph->count; id++) {
        gr_node *node = body->graph->nodes[id];
        if (node->op->flags & GR_OP_LEAF) continue;
        if (n == GR_FUSED_GATES) return "has too many gates";
        for (int i = 0; i < body->n_out; i++) out[n] |= body->out[i] == node;
        gates[n++] = node;
    }
    return gr_fused_space_of(gates, n, out, space);
}
