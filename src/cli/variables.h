/* The environment variables that Gradus reads. */
#ifndef CLI_VARIABLES_H
#define CLI_VARIABLES_H

typedef struct cli_variable {
    const char *name; /* NULL ends the table */
    const char *meaning;
} cli_variable;

extern const cli_variable cli_variables[];

#endif
