/* Checkpoints (fuzz_safetensors): a training goes on from one, or is as it was. */
#include "fuzz.h"

enum { CHECKPOINT_ROWS = 6 };

static gr_dataset *checkpoint_data(void)
{
    float x[CHECKPOINT_ROWS * 2];
    int32_t y[CHECKPOINT_ROWS];
    gr_dataset *set = NULL;
    for (int i = 0; i < CHECKPOINT_ROWS; i++) {
        x[2 * i] = (float)i;
        x[2 * i + 1] = (float)(i % 3);
        y[i] = i & 1;
    }
    const gr_tensor examples = {GR_F32, GR_SHAPE(CHECKPOINT_ROWS, 2), x};
    fuzz_status(gr_dataset_new("six", &examples, y, 2, NULL, &set));
    return set;
}

static void checkpoint_resume(gr_trainer *trainer, const char *path)
{
    gr_train_event event;
    const int64_t before = gr_trainer_report(trainer).now.step;
    if (fuzz_status(gr_trainer_resume(trainer, path))) {
        const char *again = fuzz_file("again.safetensors", "", 0);
        if (fuzz_status(gr_train_step(trainer, &event)))
            fuzz_status(gr_trainer_save(trainer, again));
        return;
    }
    FUZZ_REQUIRE(gr_trainer_report(trainer).now.step == before);
    FUZZ_REQUIRE(fuzz_status(gr_train_step(trainer, &event)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    gr_dataset *set = checkpoint_data();
    gr_model *model = NULL;
    gr_trainer *trainer = NULL;
    const char *path = fuzz_safetensors("point.safetensors", &(fuzz_bytes){data, data + size});
    if (set &&
        fuzz_status(gr_model_new(
            GR_MODEL(.net = "fc(3) |> relu |> fc(2)", .data = set, .threads = 1), &model)) &&
        fuzz_status(
            gr_trainer_new(model, set, NULL, GR_TRAINER(.batch = 2, .epochs = 9), &trainer)))
        checkpoint_resume(trainer, path);
    gr_trainer_free(trainer);
    gr_model_free(model);
    gr_dataset_free(set);
    return 0;
}
