/* run.h: stores, programs, sessions.
 *
 * graph → gr_compile → program (const, shared by threads) → session (buffers, one thread) → steps.
 */
#ifndef GRADUS_RUN_H
#define GRADUS_RUN_H

#include <gradus/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Stores ------------------------------------------------------------------------------- */

/* Named tensors that outlive steps: parameters, momenta, running means, counters. */
typedef struct gr_store gr_store;

GR_API gr_store *gr_store_new(void);        /* NULL when memory is out */
GR_API void gr_store_free(gr_store *store); /* accepts NULL */

/* A store may be shared by many sessions. While a step that assigns runs, no other step may run on
 * it, and nothing may be added, read or written: who tries gets GR_BUSY. Steps that only read run
 * side by side on any number of threads. */

/* Adds a tensor (data copied; NULL data: zeros). GR_INVALID if the name exists. */
GR_API gr_status gr_store_add(gr_store *store, const char *name, const gr_tensor *value);
GR_API int gr_store_size(const gr_store *store); /* entries */
/* Entry i in the order of adding; NULL if out of range. The name lives as long as the entry. */
GR_API const char *gr_store_name(const gr_store *store, int i);
/* Index of `name`, or -1. */
GR_API int gr_store_find(const gr_store *store, const char *name);
/* Type and shape of an entry (data = NULL). */
GR_API gr_tensor gr_store_type(const gr_store *store, int i);
/* Explicit copies of a whole entry; `bytes` must be its size. */
GR_API gr_status gr_store_read(const gr_store *store, const char *name, void *data, size_t bytes);
GR_API gr_status gr_store_write(gr_store *store, const char *name, const void *data, size_t bytes);
/* A copy of the whole store, to serve inference while the original is trained. */
GR_API gr_status gr_store_snapshot(const gr_store *store, gr_store **copy);

/* ---- Programs ----------------------------------------------------------------------------- */

/* What is to be computed, ready to run. Never changes, so any number of threads may use it. */
typedef struct gr_program gr_program;

typedef struct gr_compile_options {
    size_t size; /* sizeof(gr_compile_options) */
    int threads; /* most that a session will use; 0: GRADUS_THREADS, else all cores */
    bool exact;  /* without oneDNN and Winograd's method: the same bits with or without the first,
                    and less rounding than by the second */
    /* A step that would give an output or a variable a NaN or an infinity fails with GR_NUMERIC and
     * changes nothing; the message names the first gate that made one, with its place, the element,
     * and the shapes. For hunting a fault: gates are not fused, and all results are looked at. */
    bool check_finite;
    const char
        *passes; /* "-cse,-fold" leaves passes out, "-all" all; NULL: GRADUS_PASSES, or all */
    const char *device; /* NULL or "cpu" */
    size_t memory;      /* most bytes of a session's buffers (gr_plan_info's arena): values are
                           computed again rather than kept, with the same bits; GR_NO_MEMORY if that
                           does not do. 0: GRADUS_MEMORY ("200M", "1G"), else no limit */
} gr_compile_options;

/* Compiles what `targets` need into a program: passes, schedule, memory plan, kernels. The graph
 * may be freed afterwards. Targets that are not assigns are readable outputs, numbered by their
 * place among `targets`. A graph fault is returned as its status with its message. */
GR_API gr_status gr_compile(gr_graph *graph, gr_node *const *targets, int n,
                            const gr_compile_options *options, gr_program **program);
/* Frees a program that no session uses any more. */
GR_API void gr_program_free(gr_program *program);

/* Inputs that the program needs, in the order of their making. Name lives with the program. */
GR_API int gr_program_inputs(const gr_program *program);
GR_API const char *gr_program_input_name(const gr_program *program, int input);
GR_API gr_tensor gr_program_input_type(const gr_program *program, int input);
GR_API int gr_program_find_input(const gr_program *program, const char *name); /* or -1 */
/* Type and shape of target `output` (data = NULL). */
GR_API gr_tensor gr_program_output_type(const gr_program *program, int output);

/* What a program consists of. */
typedef struct gr_plan_info {
    int steps;          /* kernel calls in a step */
    size_t arena;       /* bytes of the buffers of a session */
    size_t lower_bound; /* the most bytes that are alive at one moment */
    size_t scratch;     /* bytes of kernels' scratch memory, part of the arena */
    size_t constants;   /* bytes of constants */
    size_t variables;   /* bytes of variables read or written */
} gr_plan_info;
/* Steps and bytes of a program. */
GR_API gr_plan_info gr_program_plan(const gr_program *program);
/* A table of the steps: node, op, shape, kernel, buffer. Freed with gr_text_release. */
GR_API gr_status gr_program_print(const gr_program *program, char **text);

/* ---- Sessions ----------------------------------------------------------------------------- */

/* The buffers in which a program runs. One thread at a time; several sessions may share a program.
 */
typedef struct gr_session gr_session;

typedef struct gr_session_options {
    size_t size; /* sizeof(gr_session_options) */
    int threads; /* 0: as compiled; never more than compiled for */
} gr_session_options;

/* Opens a session on a program and the store with its variables (NULL if it has none). Variables
 * that the store lacks are GR_NOT_FOUND, of another shape or type GR_SHAPE or GR_DTYPE. Both must
 * outlive the session. */
GR_API gr_status gr_session_new(const gr_program *program, gr_store *store,
                                const gr_session_options *options, gr_session **session);
GR_API void gr_session_free(gr_session *session); /* accepts NULL */

/* Copies the value of an input; `bytes` must be its size. */
GR_API gr_status gr_session_write(gr_session *session, int input, const void *data, size_t bytes);
/* Uses the caller's memory for an input, without a copy, until bound again; NULL: own memory. The
 * memory must stay valid while steps run, and be aligned for its element type. */
GR_API gr_status gr_session_bind(gr_session *session, int input, const void *data, size_t bytes);
/* One step: computes all targets, then commits the assigns. On a fault found in the data no
 * variable has changed. Allocates nothing and takes no lock. */
GR_API gr_status gr_session_step(gr_session *session);
/* n steps on the same inputs. */
GR_API gr_status gr_session_steps(gr_session *session, int64_t n);
/* Copies target `output` of the last step; `bytes` must be its size. */
GR_API gr_status gr_session_read(const gr_session *session, int output, void *data, size_t bytes);

/* The value of an input. */
typedef struct gr_feed {
    const char *name; /* of the input */
    const void *data; /* of the input's type and size */
} gr_feed;
/* Compiles, runs one step and reads the n targets: for tests and small programs. Inputs are matched
 * by name; `store` (may be NULL) has the variables. out[i].data is allocated (gr_tensor_clear); on
 * failure there is none. Faults as gr_compile, gr_session_new and gr_session_step. */
GR_API gr_status gr_evaluate(gr_graph *graph, gr_node *const *targets, int n, const gr_feed *feeds,
                             int n_feeds, gr_store *store, gr_tensor *out);

#ifdef __cplusplus
}
#endif
#endif
