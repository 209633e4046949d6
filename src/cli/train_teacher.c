/* gradus train --teacher: the scores of another model for the examples to train on. */
#include "cli/train.h"

#include "cli/gates.h"
#include "cli/out.h"

#include <stdlib.h>
#include <string.h>

enum { TEACHER_ROWS = 256 }; /* examples scored at a time */

/* Scores of the examples from `first` on, as many as x has rows for. */
static gr_status teacher_score(gr_model *teacher, const gr_dataset *set, int64_t first,
                               const gr_tensor *x, float *scores)
{
    const size_t row = gr_tensor_bytes(x) / (size_t)x->shape.dim[0];
    int32_t label;
    for (int64_t i = 0; i < x->shape.dim[0]; i++) {
        gr_status status =
            gr_dataset_read(set, first + i, 0, (char *)x->data + (size_t)i * row, &label);
        if (status != GR_OK) return status;
    }
    return gr_model_predict(teacher, x, scores);
}

static gr_status teacher_score_all(gr_model *teacher, const gr_dataset *set, gr_tensor *scores)
{
    const gr_shape one = gr_dataset_shape(set);
    const int64_t n = gr_dataset_size(set);
    gr_shape all = {.rank = one.rank + 1, .dim = {TEACHER_ROWS}};
    memcpy(all.dim + 1, one.dim, (size_t)one.rank * sizeof *one.dim);
    gr_tensor x = {0};
    gr_status status = gr_tensor_new(GR_F32, GR_SHAPE(n, gr_model_classes(teacher)), scores);
    if (status == GR_OK) status = gr_tensor_new(gr_dataset_dtype(set), all, &x);
    for (int64_t i = 0; i < n && status == GR_OK; i += TEACHER_ROWS) {
        x.shape.dim[0] = n - i < TEACHER_ROWS ? n - i : TEACHER_ROWS;
        status = teacher_score(teacher, set, i, &x,
                               (float *)scores->data + i * gr_model_classes(teacher));
    }
    gr_tensor_clear(&x);
    return status;
}

static int teacher_open(const cli_training *training, const char *path, gr_model **teacher)
{
    const gr_dataset *set = training->train;
    gr_status status = gr_model_load(
        path, GR_MODEL(.threads = training->model_options.threads, .gates = cli_gates()), teacher);
    if (status != GR_OK) return cli_failed(status);
    if (gr_shape_count(gr_dataset_shape(set)) == 0)
        return cli_bad("--teacher: pictures of many sizes are not scored before they are cropped");
    if (!gr_model_classifies(*teacher) || gr_model_positions(*teacher).rank > 0)
        return cli_bad("--teacher: %s gives no score for each class of an example", path);
    status = gr_model_fits(*teacher, set);
    return status == GR_OK ? CLI_YES : cli_failed(status);
}

int cli_training_teach(cli_training *training)
{
    const cli_args *args = training->args;
    const char *path = cli_text(args, "teacher");
    gr_model *teacher = NULL;
    if (!path && (cli_given(args, "temperature") || cli_given(args, "teacher-weight")))
        return cli_bad("--%s belongs to --teacher",
                       cli_given(args, "temperature") ? "temperature" : "teacher-weight");
    if (!path) return CLI_YES;
    int code = teacher_open(training, path, &teacher);
    if (code == CLI_YES) {
        gr_status status = teacher_score_all(teacher, training->train, &training->scores);
        if (status != GR_OK) code = cli_failed(status);
    }
    gr_model_free(teacher);
    training->trainer_options.teacher = &training->scores;
    training->trainer_options.temperature = cli_real(args, "temperature");
    training->trainer_options.teacher_weight = cli_real(args, "teacher-weight");
    return code;
}
