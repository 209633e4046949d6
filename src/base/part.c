/* Loading of parts. */
#include "base/part.h"

#ifndef _WIN32
#include <dlfcn.h>
#include <stdio.h>

static gr_status part_open(const char *part, int abi, const char *path, const void **answer)
{
    static const gr_part_services services = {gr_fail, gr_alloc, gr_free};
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) return gr_fail(GR_UNSUPPORTED, "%s", dlerror());
    /* POSIX has dlsym return functions as void *, which ISO C cannot convert */
    gr_part_open_fn *open = NULL;
    char name[64];
    snprintf(name, sizeof name, "gr_%s_open", part);
    void *symbol = dlsym(object, name);
    memcpy(&open, &symbol, sizeof open);
    *answer = open ? open(abi, &services) : NULL;
    if (*answer) return GR_OK; /* stays loaded until the process ends */
    dlclose(object);
    gr_remark(GR_LOG_WARNING, "%s is no module '%s' of this version", path, part);
    return gr_fail(GR_UNSUPPORTED, "%s is no module '%s' of this version", path, part);
}

#else

static gr_status part_open(const char *part, int abi, const char *path, const void **answer)
{
    (void)part, (void)abi, (void)answer;
    return gr_fail(GR_UNSUPPORTED, "%s: modules are not loaded on this system", path);
}

#endif

gr_status gr_part_load(const char *part, int abi, const char *const *paths, const void **answer)
{
    gr_status status = GR_UNSUPPORTED;
    *answer = NULL;
    for (; *paths && status != GR_OK; paths++) {
        status = part_open(part, abi, *paths, answer);
        if (status != GR_OK) gr_remark(GR_LOG_DEBUG, "module '%s': %s", part, gr_message());
    }
    return status;
}
