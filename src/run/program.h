/* Inside of programs. Internal. */
#ifndef GR_PROGRAM_INTERNAL_H
#define GR_PROGRAM_INTERNAL_H

#include <gradus/run.h>

#include "passes/pass.h"
#include "plan/plan.h"

struct gr_program {
    gr_unit unit; /* the graph as planned */
    gr_plan *plan;
    int threads;
    bool writes; /* some target assigns */
};

#endif
