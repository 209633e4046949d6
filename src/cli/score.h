/* What a test came to, in one line and in JSON. */
#ifndef CLI_SCORE_H
#define CLI_SCORE_H

#include "cli/command.h"
#include "cli/json.h"

#include <gradus/train.h>

/* "test accuracy 0.9906 (9906 of 10000 right), loss 0.0280", or the loss alone where the model does
 * not classify; then what is told of sequences, and the net's own figures. `part` is "test" or the
 * like. On a terminal too narrow for it, in two lines. */
void cli_score_print(const gr_model *model, const char *part, const gr_metrics *score);
/* {"euclidean": 2.1, …} as "figures", where the net has some. */
void cli_score_json(cli_json *json, const gr_metrics *score);
/* An accuracy can be required of a model that classifies: else CLI_BAD, after a message. */
int cli_score_require(const cli_args *args, const gr_model *model);
/* CLI_NO, after a message, if the accuracy is below --require-accuracy. */
int cli_score_judge(const cli_args *args, double accuracy);

#endif
