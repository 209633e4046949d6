/* Parts of the command that are loaded when they are first wanted, since they drag much behind
 * them: libcurl, libarchive. */
#ifndef CLI_MODULE_H
#define CLI_MODULE_H

/* The one function that a module exports, gr_NAME_open: its functions, in a struct of its own
 * header, or NULL if it has another ABI. */
typedef const void *cli_module_open_fn(int abi);

/* Loads the module `name` from where it was built or installed, for as long as the process lives;
 * NULL with the reason in *reason, which is valid until the next call. */
const void *cli_module(const char *name, int abi, const char *built, const char *installed,
                       const char **reason);

#endif
