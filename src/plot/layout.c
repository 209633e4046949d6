/* The module that lays diagrams out: loaded once, when it is first needed. */
#include "plot/diagram.h"

#if defined(GRADUS_GRAPHVIZ_BUILT) && !defined(_WIN32)

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static gr_layout_run *layout_found;
static char layout_reason[256];

static gr_layout_run *layout_open_file(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(layout_reason, sizeof layout_reason, "%s", dlerror());
        return NULL;
    }
    /* POSIX has dlsym return functions as void *, which ISO C cannot convert */
    gr_layout_open_fn *open = NULL;
    void *symbol = dlsym(library, GR_LAYOUT_OPEN);
    memcpy(&open, &symbol, sizeof open);
    gr_layout_run *run = open ? open(GR_LAYOUT_ABI) : NULL;
    if (run) return run; /* stays loaded until the process ends */
    snprintf(layout_reason, sizeof layout_reason, "%s is not a module of this version", path);
    dlclose(library);
    return NULL;
}

/* The build tree's module belongs to this very build; the installed one serves installed copies. */
static void layout_find(void)
{
    layout_found = layout_open_file(GRADUS_GRAPHVIZ_BUILT);
    if (!layout_found) layout_found = layout_open_file(GRADUS_GRAPHVIZ_INSTALLED);
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
    gr_status status = layout_found(job);
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
