/* The module that lays diagrams out: loaded once, when it is first needed. */
#include "plot/diagram.h"

#if defined(GRADUS_GRAPHVIZ_BUILT) && !defined(_WIN32)

#include <pthread.h>
#include <stdio.h>

static const gr_layout_module *layout_found;
static char layout_reason[256];

static void layout_find(void)
{
    static const char *const paths[] = {GRADUS_GRAPHVIZ_BUILT, GRADUS_GRAPHVIZ_INSTALLED, NULL};
    const void *answer;
    if (gr_part_load("graphviz", GR_LAYOUT_ABI, paths, &answer) == GR_OK)
        layout_found = answer;
    else
        snprintf(layout_reason, sizeof layout_reason, "%s", gr_message());
}

gr_status gr_diagram_check(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, layout_find);
    if (layout_found) return GR_OK;
    return gr_fail(GR_UNSUPPORTED, "diagrams need Graphviz (Debian package libgvc6): %s",
                   layout_reason);
}

gr_status gr_plot_lay_out(gr_layout_job *job)
{
    GR_TRY(gr_diagram_check());
    gr_status status = layout_found->run(job);
    if (status == GR_INTERNAL) return gr_fail(status, "Graphviz cannot lay the diagram out");
    return status;
}

#else

gr_status gr_diagram_check(void)
{
    return gr_fail(GR_UNSUPPORTED, "this build draws no diagrams: it was made without Graphviz "
                                   "(Debian package libgraphviz-dev)");
}

gr_status gr_plot_lay_out(gr_layout_job *job)
{
    (void)job;
    return gr_diagram_check();
}

#endif
