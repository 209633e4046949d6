/* Run folders: a training with all that it takes to tell and to repeat it.
 *
 *     settings.recipe    every option as it took effect, a recipe as any other
 *     net.net            the text of the net
 *     environment.txt    what it was made with and of: lines of a key and a value
 *     log.jsonl log.csv  a line for each epoch or report; the former ends with the test
 *     checkpoint         the state, to go on from
 *     model.safetensors  the trained model
 *     curves.svg         loss and accuracy over the epochs
 *
 * Whole files are written beside the old ones and renamed; a line of a log that a crash cut short
 * is dropped by whoever goes on. */
#ifndef CLI_RUNFOLDER_H
#define CLI_RUNFOLDER_H

#include "cli/train.h"

/* "DIR/name", to be freed. */
char *cli_runfolder_path(const char *folder, const char *name);

/* The recipe of --run DIR --resume or of --from DIR, to be freed; NULL: neither is given. Refuses
 * what --run and --from exclude, a folder that is there already, and one without a run. Returns an
 * exit status, after a message if it is not CLI_YES. */
int cli_runfolder_recipe(const cli_args *args, char **path);

/* Fills out, curves, checkpoint and what the optimiser leaves open of a training with --run. */
int cli_runfolder_paths(cli_training *training);
/* Compares what was recorded by --from, or by the run that goes on, with what is here: other data
 * or files are refused, another version or machine is warned of. Nothing without these options. */
int cli_runfolder_compare(const cli_training *training);
/* Makes the folder of --run and writes its settings and environment; the logs are opened. Nothing
 * without --run. */
int cli_runfolder_begin(cli_training *training);
/* Opens the logs, cut to what the checkpoint knows where a training goes on. */
int cli_runfolder_open_logs(cli_training *training);
/* Adds a line of JSON, the end of an epoch or (`epoch` NULL) of the training, to the logs. */
int cli_runfolder_log(cli_training *training, const char *line, const gr_epoch *epoch);
void cli_runfolder_close(cli_training *training);

/* Is the model that was written that of --from, byte for byte? "the same", "another", or NULL: it
 * need not be, or there is none. */
const char *cli_runfolder_sameness(const cli_training *training);
/* CLI_NO, after a message, if it should be and is not. */
int cli_runfolder_verdict(const cli_training *training);

/* ---- The environment: keys and values ------------------------------------------------------- */

/* Writes environment.txt of a training into the captured output. */
void cli_runfolder_environment(const cli_training *training);
/* The value of a key in the text of an environment.txt, to be freed; NULL: there is none. */
char *cli_runfolder_value(const char *text, const char *key);
/* 16 digits that tell the content of a file, to be freed; NULL if it cannot be read. */
char *cli_runfolder_file_hash(const char *path);
/* "120 examples, hash 0123456789abcdef", to be freed. */
char *cli_runfolder_data_hash(const gr_dataset *set);

#endif
