/* Compile, run once, read: for tests and small programs. */
#include "run/program.h"

static gr_status evaluate_feed(gr_session *session, const gr_program *program, const gr_feed *feeds,
                               int n_feeds)
{
    for (int i = 0; i < n_feeds; i++) {
        int input = gr_program_find_input(program, feeds[i].name);
        if (input < 0) continue; /* the targets do not depend on it */
        gr_tensor type = gr_program_input_type(program, input);
        GR_TRY(gr_session_write(session, input, feeds[i].data, gr_tensor_bytes(&type)));
    }
    return GR_OK;
}

static gr_status evaluate_read(const gr_session *session, const gr_program *program, int n,
                               gr_tensor *out)
{
    for (int i = 0; i < n; i++) {
        if (program->plan->outputs[i] < 0) continue;
        gr_tensor type = gr_program_output_type(program, i);
        GR_TRY(gr_tensor_new(type.dtype, type.shape, &out[i]));
        GR_TRY(gr_session_read(session, i, out[i].data, gr_tensor_bytes(&out[i])));
    }
    return GR_OK;
}

gr_status gr_evaluate(gr_graph *graph, gr_node *const *targets, int n, const gr_feed *feeds,
                      int n_feeds, gr_store *store, gr_tensor *out)
{
    for (int i = 0; i < n; i++) out[i] = (gr_tensor){0};
    gr_program *program;
    gr_session *session = NULL;
    GR_TRY(gr_compile(graph, targets, n, NULL, &program));
    gr_status status = gr_session_new(program, store, NULL, &session);
    if (status == GR_OK) status = evaluate_feed(session, program, feeds, n_feeds);
    if (status == GR_OK) status = gr_session_step(session);
    if (status == GR_OK) status = evaluate_read(session, program, n, out);
    for (int i = 0; i < n && status != GR_OK; i++) gr_tensor_clear(&out[i]);
    gr_session_free(session);
    gr_program_free(program);
    return status;
}
