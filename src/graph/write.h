/* Pieces of the text form that the printers share. Internal. */
#ifndef GR_WRITE_H
#define GR_WRITE_H

#include "graph/graph.h"

/* "…" with quotes, backslashes and control characters escaped. */
void gr_write_quoted(gr_text *text, const char *word);
/* f32[3,4], or (f32[3], i64[3]) for a tuple. */
void gr_write_types(gr_text *text, const gr_node *node);
/* One attribute's value; of a tensor with more than `most` elements only the type and "…". A body
 * is written in full, its lines indented by `depth` + 1 steps, or as "graph" if depth < 0. */
void gr_write_attr(gr_text *text, const gr_attr *attr, int64_t most, int depth);
/* Hands the finished text to the caller, or GR_NO_MEMORY. */
gr_status gr_write_end(gr_text *text, char **out);

#endif
