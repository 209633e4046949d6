/* Meeting a memory budget. Internal. */
#ifndef GR_PLAN_RECOMPUTE_H
#define GR_PLAN_RECOMPUTE_H

#include "passes/pass.h"
#include "plan/plan.h"

/* Replaces *plan, made of `unit`, by one whose arena has at most `memory` bytes, and the unit's
 * graph by one that drops values and computes them again, if that is needed. GR_NO_MEMORY if it
 * cannot be done; the message tells the least that would do. On failure both are unchanged. */
gr_status gr_plan_shrink(gr_unit *unit, gr_plan **plan, const gr_plan_options *options,
                         size_t memory);

#endif
