#include "cli/gates.h"

#include "cli/args.h"
#include "cli/out.h"

#include <dlfcn.h>
#include <errno.h>
#include <gradus/lang.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const gr_gates *gates_loaded;

const gr_gates *cli_gates(void)
{
    return gates_loaded;
}

/* The object's list; NULL after a message. It stays loaded: programs hold its callbacks. */
static const gr_gates *gates_open(const char *path)
{
    /* a name without a slash is looked for in the system's folders, not here */
    char *here = cli_format("%s%s", strchr(path, '/') ? "" : "./", path);
    void *object = dlopen(here, RTLD_NOW | RTLD_LOCAL);
    free(here);
    if (!object) {
        cli_bad("--gates: %s", dlerror());
        return NULL;
    }
    /* POSIX has dlsym return functions as void *, which ISO C cannot convert */
    gr_gates_fn *list = NULL;
    void *symbol = dlsym(object, GR_GATES_SYMBOL);
    memcpy(&list, &symbol, sizeof list);
    if (!list) {
        cli_bad("--gates: %s has no function %s, which gives the list of its gates", path,
                GR_GATES_SYMBOL);
        return NULL;
    }
    const gr_gates *gates = list();
    if (!gates) cli_bad("--gates: %s: its %s() gives no list", path, GR_GATES_SYMBOL);
    return gates;
}

int cli_load_gates(const cli_args *args)
{
    const char *path = cli_args_has(args, "gates") ? cli_text(args, "gates") : NULL;
    if (!path) return CLI_YES;
    if (access(path, F_OK) != 0)
        return cli_fault(CLI_ENVIRONMENT, "--gates: %s: %s", path, strerror(errno));
    const gr_gates *gates = gates_open(path);
    if (!gates) return CLI_BAD;
    if (gr_gates_check(gates) != GR_OK) return cli_bad("--gates: %s: %s", path, gr_message());
    gates_loaded = gates;
    return CLI_YES;
}
