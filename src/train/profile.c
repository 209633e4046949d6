/* Timing what models and trainers run. */
#include <stdio.h>

#include "train/trainer.h"

const char *gr_engine_what(gr_engine_kind kind)
{
    return kind == GR_ENGINE_TEST ? "test" : "prediction";
}

gr_status gr_engine_profile(const gr_engine *engine, gr_profile *profile, const char *what)
{
    char name[64];
    if (!engine->session) return GR_OK;
    snprintf(name, sizeof name, "%s, %lld row%s", what, (long long)engine->rows,
             engine->rows == 1 ? "" : "s");
    return gr_session_profile(engine->session, profile, name);
}

gr_status gr_model_profile(gr_model *model, gr_profile *profile)
{
    model->profile = profile;
    for (int i = 0; i < GR_MODEL_CACHE; i++) {
        const gr_cached_engine *entry = &model->cache[i];
        if (entry->used)
            GR_TRY(gr_engine_profile(&entry->engine, profile, gr_engine_what(entry->kind)));
    }
    return GR_OK;
}

gr_status gr_trainer_profile(gr_trainer *trainer, gr_profile *profile)
{
    GR_TRY(gr_engine_profile(&trainer->full, profile, "training"));
    GR_TRY(gr_engine_profile(&trainer->last, profile, "training"));
    return gr_model_profile(trainer->model, profile);
}
