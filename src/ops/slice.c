/* slice and pad: each is the other's gradient. */
#include "ops/movement.h"

/* ---- slice ----------------------------------------------------------------------------------- */

static const gr_attr_desc slice_attrs[] = {
    {"start", GR_ATTR_INTS}, {"stop", GR_ATTR_INTS}, {"step", GR_ATTR_INTS}};

static bool slice_infer(gr_infer *s)
{
    gr_shape in = s->in[0].shape, out = {.rank = in.rank};
    for (int i = 0; i < 3; i++) {
        if (s->attr[i].ints.n == in.rank) continue;
        return gr_infer_fail(s, GR_SHAPE, "%s has %d entries; %s has %d axes", s->op->attrs[i].name,
                             s->attr[i].ints.n, gr_shape_text(in), in.rank);
    }
    for (int k = 0; k < in.rank; k++) {
        int64_t start = s->attr[0].ints.v[k], stop = s->attr[1].ints.v[k];
        int64_t step = s->attr[2].ints.v[k], size = in.dim[k];
        if (step < 1) {
            return gr_infer_fail(s, GR_INVALID, "step %lld of axis %d is not positive",
                                 (long long)step, k);
        }
        if (start < 0 || start > stop || stop > size) {
            return gr_infer_fail(s, GR_RANGE,
                                 "[%lld, %lld) of axis %d is not a range within its size %lld",
                                 (long long)start, (long long)stop, k, (long long)size);
        }
        out.dim[k] = stop > start ? (stop - start - 1) / step + 1 : 0;
        if (out.dim[k] < 2) { /* the step is never taken: of any size */
            s->attr[1].ints.v[k] = start + out.dim[k];
            s->attr[2].ints.v[k] = 1;
        }
    }
    s->out[0] = (gr_type){s->in[0].dtype, out};
    return true;
}

static void slice_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_shape in = node->in[0]->out[0].shape, out = node->out[0].shape;
    int64_t after[GR_MAX_RANK], inner[GR_MAX_RANK];
    const gr_ints *start = &node->attr[0].ints, *step = &node->attr[2].ints;
    for (int k = 0; k < in.rank; k++) {
        int64_t n = out.dim[k];
        inner[k] = step->v[k] - 1;
        after[k] = in.dim[k] - start->v[k] - (n > 0 ? (n - 1) * step->v[k] + 1 : 0);
    }
    dx[0] = gr_pad(dy[0], start->v, after, inner, 0);
}

gr_node *gr_slice(gr_node *x, const int64_t *start, const int64_t *stop, const int64_t *step)
{
    static const int64_t ones[GR_MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};
    gr_attr attr[3] = {{.kind = GR_ATTR_INTS}, {.kind = GR_ATTR_INTS}, {.kind = GR_ATTR_INTS}};
    if (!gr_is_error(x)) {
        int rank = gr_type_of(x).shape.rank;
        if (rank > 0 && (!start || !stop)) {
            return gr_build_fail(x->graph, GR_INVALID, gr_op_slice.name,
                                 "start and stop of every axis must be given");
        }
        attr[0] = gr_attr_ints(rank, start);
        attr[1] = gr_attr_ints(rank, stop);
        attr[2] = gr_attr_ints(rank, step ? step : ones);
    }
    return gr_build(NULL, &gr_op_slice, &x, 1, attr);
}

static gr_node *slice_sample(gr_sampler *sampler, int k)
{
    switch (k) {
    case 0:
        return gr_slice(gr_draw(sampler, GR_SHAPE(5, 7), -2, 2), (int64_t[]){1, 2},
                        (int64_t[]){4, 7}, NULL);
    case 1:
        return gr_slice(gr_draw(sampler, GR_SHAPE(2, 9, 8), -2, 2), (int64_t[]){0, 1, 0},
                        (int64_t[]){2, 9, 8}, (int64_t[]){1, 3, 2});
    case 2:
        return gr_slice(gr_draw(sampler, GR_SHAPE(4, 3), -2, 2), (int64_t[]){2, 0},
                        (int64_t[]){2, 3}, (int64_t[]){1, 2});
    case 3:
        return gr_slice(gr_draw(sampler, GR_SCALAR, -2, 2), NULL, NULL, NULL);
    case 4:
        return gr_slice(gr_draw(sampler, GR_SHAPE(17), -2, 2), (int64_t[]){3}, (int64_t[]){16},
                        (int64_t[]){5});
    case 5:
        return gr_slice(gr_draw(sampler, GR_SHAPE(6, 4), -2, 2), (int64_t[]){1, 3},
                        (int64_t[]){6, 3}, (int64_t[]){9, 2});
    default:
        return NULL;
    }
}

const gr_op gr_op_slice = {
    .name = "slice",
    .doc = "elements start, start+step, ... before stop along each axis",
    .min_in = 1,
    .max_in = 1,
    .attrs = slice_attrs,
    .n_attrs = GR_LEN(slice_attrs),
    .infer = slice_infer,
    .grad = slice_grad,
    .reference = gr_copy_reference,
    .sample = slice_sample,
};

/* ---- pad ------------------------------------------------------------------------------------- */

static const gr_attr_desc pad_attrs[] = {{"before", GR_ATTR_INTS},
                                         {"after", GR_ATTR_INTS},
                                         {"inner", GR_ATTR_INTS},
                                         {"value", GR_ATTR_REAL}};

/* before + after + size + (size − 1)·inner, or -1 if that is too large. */
static int64_t pad_size(int64_t size, int64_t before, int64_t after, int64_t inner)
{
    int64_t gaps = 0, total;
    if (size > 0 && __builtin_mul_overflow(size - 1, inner, &gaps)) return -1;
    if (__builtin_add_overflow(size, gaps, &total)) return -1;
    if (__builtin_add_overflow(total, before, &total)) return -1;
    return __builtin_add_overflow(total, after, &total) ? -1 : total;
}

static bool pad_infer(gr_infer *s)
{
    gr_shape in = s->in[0].shape, out = {.rank = in.rank};
    for (int i = 0; i < 3; i++) {
        const gr_ints *ints = &s->attr[i].ints;
        const char *name = s->op->attrs[i].name;
        if (ints->n != in.rank) {
            return gr_infer_fail(s, GR_SHAPE, "%s has %d entries; %s has %d axes", name, ints->n,
                                 gr_shape_text(in), in.rank);
        }
        for (int k = 0; k < in.rank; k++) {
            if (ints->v[k] >= 0) continue;
            return gr_infer_fail(s, GR_INVALID, "%s of axis %d is %lld; it cannot be negative",
                                 name, k, (long long)ints->v[k]);
        }
    }
    for (int k = 0; k < in.rank; k++) {
        out.dim[k] =
            pad_size(in.dim[k], s->attr[0].ints.v[k], s->attr[1].ints.v[k], s->attr[2].ints.v[k]);
        if (out.dim[k] < 0) return gr_infer_fail(s, GR_SHAPE, "axis %d gets too large", k);
        if (in.dim[k] < 2) s->attr[2].ints.v[k] = 0; /* there is no gap: of any size */
    }
    s->out[0] = (gr_type){s->in[0].dtype, out};
    return true;
}

static void pad_grad(const gr_node *node, gr_node *const *dy, gr_node **dx)
{
    gr_shape in = node->in[0]->out[0].shape;
    int64_t stop[GR_MAX_RANK], step[GR_MAX_RANK];
    const gr_ints *before = &node->attr[0].ints, *inner = &node->attr[2].ints;
    for (int k = 0; k < in.rank; k++) {
        int64_t n = in.dim[k];
        step[k] = inner->v[k] + 1;
        stop[k] = before->v[k] + (n > 0 ? (n - 1) * step[k] + 1 : 0);
    }
    dx[0] = gr_slice(dy[0], before->v, stop, step);
}

gr_node *gr_pad(gr_node *x, const int64_t *before, const int64_t *after, const int64_t *inner,
                double value)
{
    static const int64_t zeros[GR_MAX_RANK] = {0};
    gr_attr attr[4] = {{.kind = GR_ATTR_INTS},
                       {.kind = GR_ATTR_INTS},
                       {.kind = GR_ATTR_INTS},
                       gr_attr_real(value)};
    if (!gr_is_error(x)) {
        int rank = gr_type_of(x).shape.rank;
        if (rank > 0 && (!before || !after)) {
            return gr_build_fail(x->graph, GR_INVALID, gr_op_pad.name,
                                 "before and after of every axis must be given");
        }
        attr[0] = gr_attr_ints(rank, before);
        attr[1] = gr_attr_ints(rank, after);
        attr[2] = gr_attr_ints(rank, inner ? inner : zeros);
    }
    return gr_build(NULL, &gr_op_pad, &x, 1, attr);
}

static gr_node *pad_sample(gr_sampler *sampler, int k)
{
    switch (k) {
    case 0:
        return gr_pad(gr_draw(sampler, GR_SHAPE(3, 5), -2, 2), (int64_t[]){1, 0}, (int64_t[]){0, 2},
                      NULL, 0.5);
    case 1:
        return gr_pad(gr_draw(sampler, GR_SHAPE(2, 3, 4), -2, 2), (int64_t[]){0, 1, 2},
                      (int64_t[]){0, 1, 3}, (int64_t[]){0, 2, 1}, 0);
    case 2:
        return gr_pad(gr_draw(sampler, GR_SHAPE(0, 2), -2, 2), (int64_t[]){1, 1}, (int64_t[]){2, 0},
                      (int64_t[]){3, 0}, 1);
    case 3:
        return gr_pad(gr_draw(sampler, GR_SCALAR, -2, 2), NULL, NULL, NULL, 0);
    case 4:
        return gr_pad(gr_draw(sampler, GR_SHAPE(6), -2, 2), (int64_t[]){0}, (int64_t[]){0},
                      (int64_t[]){1}, -1);
    default:
        return NULL;
    }
}

const gr_op gr_op_pad = {
    .name = "pad",
    .doc = "before and after elements of a value around each axis, inner between neighbours",
    .min_in = 1,
    .max_in = 1,
    .attrs = pad_attrs,
    .n_attrs = GR_LEN(pad_attrs),
    .infer = pad_infer,
    .grad = pad_grad,
    .reference = gr_copy_reference,
    .sample = pad_sample,
};
