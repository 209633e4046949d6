/* The table of ops. */
#include "ops/ops.h"

static const gr_op *const ops_table[] = {
#define OP(name) &gr_op_##name,
#include "ops/ops.def"
#undef OP
};

const gr_op *const *gr_op_all(int *count)
{
    *count = (int)GR_LEN(ops_table);
    return ops_table;
}

const gr_op *gr_op_find(const char *name)
{
    for (size_t i = 0; i < GR_LEN(ops_table); i++) {
        if (strcmp(ops_table[i]->name, name) == 0) return ops_table[i];
    }
    return NULL;
}
