/* Expressions and the values of their inputs, as they are typed. */
#ifndef CLI_VALUES_H
#define CLI_VALUES_H

#include "cli/command.h"

#include <gradus/lang.h>

/* Parses the expression of a command line: the text of the option "file", or operand 0: "-" is
 * standard input, "@path" a file, anything else the text itself. *next becomes the first operand
 * that is not part of it. Returns an exit status, after a message if it is not CLI_YES. Free with
 * gr_expr_free. */
int cli_read_expr(const cli_args *args, gr_expr **expr, int *next);

/* Reads operands `next`… as name=value, in f64, into (*values)[gr_expr_inputs(expr)], by input.
 * With a `seed` (NULL: none) whatever has no value is drawn from the normal distribution: then
 * name:2,3 gives a shape alone, and what is not mentioned is a scalar. Returns an exit status as
 * above. Free with cli_values_free. */
int cli_read_values(const cli_args *args, int next, const gr_expr *expr, const uint64_t *seed,
                    gr_tensor **values);
void cli_values_free(gr_tensor *values, const gr_expr *expr);

/* Draws a tensor of f32 or f64 from the normal distribution, by the seed and a name. On success the
 * caller owns *value. */
gr_status cli_draw(gr_dtype dtype, gr_shape shape, const char *name, uint64_t seed,
                   gr_tensor *value);

/* A scalar whose gradient tells those of all elements of `node` apart: their sum with weights drawn
 * by the seed. A scalar is itself. */
gr_node *cli_weighted_sum(gr_node *node, uint64_t seed);

/* cli_nearest for names of variables: every short one is near every other, so that only another
 * case is taken for it. */
const char *cli_nearest_name(const char *name, const char *const *names, int n);

#endif
