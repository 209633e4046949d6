/* State of the process that main sets up. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The subcommand's name in messages; NULL: none. The name must stay valid. */
void cli_set_command(const char *name);
/* The place ("nets/lenet.recipe:3") of what is read now, for messages; NULL: none. */
void cli_set_place(const char *place);

/* From now on no warnings are printed. */
void cli_set_quiet(bool quiet);
bool cli_is_quiet(void);
/* From now on messages go to *held, which is NULL or to be freed, instead of standard error; NULL
 * ends that. */
void cli_hold_fault(char **held);

/* Makes the process start itself again, if it has to, with threads that soon sleep when there is
 * nothing to do. Returns where that is not needed or not possible. */
void cli_calm_threads(char **argv);
/* Makes large blocks go back to the system when they are freed. */
void cli_return_blocks(void);
/* The process's largest resident size, in bytes; NaN if the system does not tell. */
double cli_peak_bytes(void);

/* Starts this program anew as a worker, with these arguments ("gradus" first, NULL at the end). It
 * has the other end of *socket as CLI_WORKER_SOCKET. apart: a terminal's Ctrl-C is not for it, and
 * the command's handlers are not its own; a worker that is not apart ends with the command, on
 * Linux. Returns -1, with errno set, if there is no process. */
enum { CLI_WORKER_SOCKET = 3 };
#define CLI_WORKER "--worker=3"
pid_t cli_process_start(const char *const *argv, bool apart, int *socket);
/* Closes the socket, waits for the worker's end and returns how it ended, as waitpid tells. */
int cli_process_end(pid_t process, int socket);
/* "its process ended by signal 9", to be freed. */
char *cli_process_fate(int status);

/* Between the command and a worker, by the socket that both have: all of `size` bytes; false if the
 * other end has gone. */
bool cli_process_send(int socket, const void *data, size_t size);
bool cli_process_receive(int socket, void *data, size_t size);

/* Was the build made with this part ("cairo")? */
bool cli_has_part(const char *name);
/* What the build consists of: names with spaces between them. */
const char *cli_parts(void);
const char *cli_compiler(void); /* that the build was made by, with its version */

#endif
