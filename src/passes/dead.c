/* Dead code: a rewrite without a rule keeps only what the targets need. */
#include "passes/pass.h"

gr_status gr_pass_dead(gr_unit *unit)
{
    return gr_rewrite(unit, NULL, NULL);
}
