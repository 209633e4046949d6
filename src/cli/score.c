#include "cli/score.h"

#include "cli/dataset.h"
#include "cli/out.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { SCORE_NARROW = 64 };

void cli_score_print(const gr_model *model, const char *part, const gr_metrics *score)
{
    int width = cli_width();
    const char *comma = width && width < SCORE_NARROW ? "\n" : ", ";
    if (isnan(score->accuracy)) {
        cli_print("%s%s loss %.4f%s (%" PRId64 " examples)", cli_color(CLI_BOLD), part, score->loss,
                  cli_color(CLI_PLAIN), score->count);
    } else {
        cli_print("%s%s accuracy %.4f%s (%" PRId64 " of %" PRId64 " right)%sloss %.4f",
                  cli_color(CLI_BOLD), part, score->accuracy, cli_color(CLI_PLAIN), score->correct,
                  score->count, comma, score->loss);
    }
    char *sequence = cli_sequence_figures(model, score->loss);
    cli_print_text(sequence);
    free(sequence);
    for (int i = 0; i < score->n_figures; i++)
        cli_print("%s%s %.4f", comma, score->figures[i].name, score->figures[i].value);
    cli_print("\n");
}

void cli_score_json(cli_json *json, const gr_metrics *score)
{
    if (score->n_figures == 0) return;
    cli_json_object(json, "figures");
    for (int i = 0; i < score->n_figures; i++)
        cli_json_real(json, score->figures[i].name, score->figures[i].value);
    cli_json_end(json);
}

int cli_score_require(const cli_args *args, const gr_model *model)
{
    if (!cli_given(args, "require-accuracy") || gr_model_classifies(model)) return CLI_YES;
    return cli_bad("--require-accuracy: the net does not classify, so it has no accuracy");
}

int cli_score_judge(const cli_args *args, double accuracy)
{
    const double required = cli_real(args, "require-accuracy");
    if (!(accuracy < required)) return CLI_YES;
    return cli_fault(CLI_NO, "the accuracy is %.4f, below the %.4f required", accuracy, required);
}
