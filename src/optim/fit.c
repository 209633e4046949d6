/* Training in one call, for programs whose data is a few arrays. */
#define GR_NO_PLACES
#include <gradus/optim.h>

#include "base/base.h"

static gr_status fit_bind(const gr_program *program, gr_session *session, const gr_feed *feeds,
                          int n_feeds)
{
    for (int i = 0; i < n_feeds; i++) {
        int input = gr_program_find_input(program, feeds[i].name);
        if (input < 0) continue; /* the loss does not depend on it */
        gr_tensor type = gr_program_input_type(program, input);
        GR_TRY(gr_session_bind(session, input, feeds[i].data, gr_tensor_bytes(&type)));
    }
    return GR_OK;
}

static gr_status fit_compile(gr_scope *scope, gr_program **program)
{
    int n = gr_scope_updates(scope);
    gr_node **targets = gr_alloc_array((size_t)n, sizeof *targets);
    if (!targets) return GR_NO_MEMORY;
    for (int i = 0; i < n; i++) targets[i] = gr_scope_update_node(scope, i);
    gr_status status = gr_compile(gr_scope_graph(scope), targets, n, NULL, program);
    gr_free(targets);
    return status;
}

gr_status gr_fit(gr_scope *scope, gr_node *loss, const gr_optimizer *optimizer,
                 const gr_feed *feeds, int n_feeds, int64_t steps)
{
    gr_program *program = NULL;
    gr_session *session = NULL;
    GR_TRY(gr_minimize(scope, loss, optimizer));
    gr_status status = fit_compile(scope, &program);
    if (status == GR_OK) status = gr_session_new(program, gr_scope_store(scope), NULL, &session);
    if (status == GR_OK) status = fit_bind(program, session, feeds, n_feeds);
    if (status == GR_OK) status = gr_session_steps(session, steps);
    gr_session_free(session);
    gr_program_free(program);
    return status;
}
