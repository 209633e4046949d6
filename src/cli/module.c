#include "cli/module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* Both paths are the build's own: nothing of the environment or of a file leads here. */
const void *cli_module(const char *name, int abi, const char *built, const char *installed,
                       const char **reason)
{
    static char words[512];
    const char *const paths[] = {built, installed};
    *reason = words;
    for (int i = 0; i < 2; i++) {
        void *object = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
        if (!object) {
            snprintf(words, sizeof words, "%s", dlerror());
            continue;
        }
        /* POSIX has dlsym return functions as void *, which ISO C cannot convert */
        char symbol_name[64];
        cli_module_open_fn *open = NULL;
        snprintf(symbol_name, sizeof symbol_name, "gr_%s_open", name);
        void *symbol = dlsym(object, symbol_name);
        memcpy(&open, &symbol, sizeof open);
        const void *module = open ? open(abi) : NULL;
        if (module) return module;
        dlclose(object);
        snprintf(words, sizeof words, "%s is no module '%s' of this version", paths[i], name);
    }
    return NULL;
}
