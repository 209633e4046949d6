/* Shapes: counting without overflow, printing, broadcasting. */
#include "base/base.h"

#include <stdio.h>

gr_shape gr_shape_of(int rank, const int64_t *dim)
{
    gr_shape shape = {0};
    if (rank < 0) rank = 0;
    if (rank > GR_MAX_RANK) rank = GR_MAX_RANK;
    shape.rank = rank;
    for (int i = 0; i < rank; i++) shape.dim[i] = dim[i];
    return shape;
}

bool gr_shape_equal(gr_shape a, gr_shape b)
{
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; i++) {
        if (a.dim[i] != b.dim[i]) return false;
    }
    return true;
}

int64_t gr_shape_count(gr_shape shape)
{
    int64_t count = 1;
    bool overflow = false, empty = false;
    if (shape.rank < 0 || shape.rank > GR_MAX_RANK) return -1;
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] < 0) return -1;
        if (shape.dim[i] == 0)
            empty = true;
        else
            overflow |= __builtin_mul_overflow(count, shape.dim[i], &count);
    }
    /* an empty one's other sizes, too, are multiplied by kernels */
    if (overflow || count > PTRDIFF_MAX / 8) return -1;
    return empty ? 0 : count;
}

char *gr_shape_print(gr_shape shape, char *text, size_t size)
{
    size_t used = 0;
    if (size == 0) return text;
    text[0] = '\0';
    for (int i = 0; i <= shape.rank && used < size; i++) {
        char part[32];
        if (i == shape.rank) {
            snprintf(part, sizeof part, i == 0 ? "[]" : "]");
        } else {
            snprintf(part, sizeof part, "%c%lld", i == 0 ? '[' : ',', (long long)shape.dim[i]);
        }
        snprintf(text + used, size - used, "%s", part);
        used += strlen(part);
    }
    return text;
}

const char *gr_shape_text(gr_shape shape)
{
    static _Thread_local char ring[8][GR_SHAPE_TEXT];
    static _Thread_local unsigned turn;
    return gr_shape_print(shape, ring[turn++ % GR_LEN(ring)], GR_SHAPE_TEXT);
}

bool gr_shape_broadcast(gr_shape a, gr_shape b, gr_shape *out)
{
    gr_shape wide = {.rank = a.rank > b.rank ? a.rank : b.rank};
    for (int i = 0; i < wide.rank; i++) { /* from the innermost size outwards */
        int64_t p = i < a.rank ? a.dim[a.rank - 1 - i] : 1;
        int64_t q = i < b.rank ? b.dim[b.rank - 1 - i] : 1;
        if (p != q && p != 1 && q != 1) return false;
        wide.dim[wide.rank - 1 - i] = p == 1 ? q : p;
    }
    *out = wide;
    return true;
}

void gr_shape_strides(gr_shape shape, int64_t *stride)
{
    uint64_t step = 1; /* unsigned: wraps where gr_shape_count says -1 */
    for (int i = shape.rank - 1; i >= 0; i--) {
        stride[i] = (int64_t)step;
        step *= (uint64_t)shape.dim[i];
    }
}
