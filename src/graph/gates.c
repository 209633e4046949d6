/* Lists of the user's own gates. */
#include "graph/graph.h"

const gr_gate *gr_gates_find(const gr_gates *gates, const char *name)
{
    for (int i = 0; gates && name && i < gates->count; i++) {
        const gr_gate *gate = &gates->gate[i];
        if (gate->name && strcmp(gate->name, name) == 0) return gate;
    }
    return NULL;
}
