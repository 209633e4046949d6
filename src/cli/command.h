/* What a subcommand consists of: a table of options, texts for its help, a function.
 *
 * One line in commands.def and one `const cli_command` make a subcommand; parsing, range checks,
 * suggestions, help and exit codes follow from the table. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <gradus/base.h>

/* What the process tells its caller. */
enum {
    CLI_YES = 0,           /* success */
    CLI_NO = 1,            /* the answer is no: a check fails, a required accuracy is not met */
    CLI_BAD = 2,           /* wrong usage or bad input */
    CLI_ENVIRONMENT = 3,   /* the environment failed: no such file, full disk, no memory */
    CLI_INTERRUPTED = 130, /* stopped by a signal, as shells count it: 128 + SIGINT */
};

typedef enum cli_kind {
    CLI_FLAG, /* no argument */
    CLI_TEXT,
    CLI_WORD, /* one of the words of `argument`, separated by '|' */
    CLI_INT,  /* whole number within [min, max] */
    CLI_REAL, /* number within [min, max] */
} cli_kind;

typedef struct cli_option {
    const char *name; /* "batch", without dashes; NULL ends a table */
    char letter;      /* 'b', or 0 */
    cli_kind kind;
    const char *argument; /* "N", "FILE", "sgd|adam"; NULL for a flag */
    const char *fallback; /* value when not given, also shown by the help; NULL: none */
    double min, max;      /* of numbers; both 0: any */
    const char *help;     /* NULL: the option is for the command's own use, and not shown */
    const char *group;    /* heading in the help above this option; NULL: as before */
} cli_option;

/* Of commands that compute. */
#define CLI_THREADS_OPTION                                                                         \
    {                                                                                              \
        .name = "threads", .kind = CLI_INT, .argument = "N", .min = 1, .max = 1024,                \
        .help = "at most so many (default: $GRADUS_THREADS, else all cores)"                       \
    }

typedef struct cli_args cli_args;

typedef struct cli_command {
    const char *name;
    const char *summary;  /* one line without a full stop, for the list of commands */
    const char *operands; /* "MODEL FILE…" */
    const char *about;    /* paragraphs; NULL: none */
    const char *examples; /* whole lines */
    const char *exits;    /* when the exit status is 1; NULL: never */
    int least, most;      /* number of operands; most < 0: any */
    const cli_option *options;
    /* Another command's table, whose options this one takes, too, unless it has its own of that
     * name; NULL: none. The help names the command alone. */
    const cli_option *also;
    const char *also_of; /* "train" */
    bool computes;       /* for longer than it takes to start the process anew: see process.h */
    int (*run)(const cli_args *args); /* returns an exit status */
} cli_command;

#define CLI_COMMAND(name) extern const cli_command cli_command_##name;
#include "cli/commands.def"
#undef CLI_COMMAND

/* ---- Arguments ---------------------------------------------------------------------------- */

/* The options of the command line, checked against the table: the getters cannot fail. Names must
 * be in the table. An option given twice has its last value. */
bool cli_given(const cli_args *args, const char *name);
bool cli_flag(const cli_args *args, const char *name);
const char *cli_text(const cli_args *args, const char *name); /* also words; NULL: not given */
int64_t cli_int(const cli_args *args, const char *name);      /* 0 if not given */
double cli_real(const cli_args *args, const char *name);      /* 0 if not given */

int cli_operands(const cli_args *args);
const char *cli_operand(const cli_args *args, int i); /* NULL if there are not so many */

/* The options of the command line in their order, each as often as it is given; NULL after the
 * last. *text is the argument, "" of a flag. */
const cli_option *cli_given_at(const cli_args *args, int i, const char **text);

/* The command line as a shell would read it, with `extra` (NULL: nothing) at its end unless it is
 * there already. To be freed. */
char *cli_command_line(const cli_args *args, const char *extra);
/* Adds a word, quoted where a shell needs it, after a blank: *line is freed and becomes a new one.
 */
void cli_append_word(char **line, const char *word);

/* ---- Faults ------------------------------------------------------------------------------- */

/* Prints "gradus COMMAND: message" on standard error and returns CLI_BAD. */
int cli_bad(const char *format, ...) GR_PRINTF(1, 2);
/* The same, and returns `code`. */
int cli_fault(int code, const char *format, ...) GR_PRINTF(2, 3);
/* Prints gr_message() and returns the exit status that belongs to `status`. */
int cli_failed(gr_status status);
/* Prints "gradus COMMAND: warning: message". */
void cli_warn(const char *format, ...) GR_PRINTF(1, 2);
/* The exit status of a library status. */
int cli_exit_code(gr_status status);

#endif
