/* The plan: order, kernels, lifetimes and offsets; everything that a step needs to know but the
 * addresses. Const once made. Internal. */
#ifndef GR_PLAN_H
#define GR_PLAN_H

#include "backend/backend.h"
#include "graph/graph.h"

/* ---- Values: what a step reads and writes -----------------------------------------------------
 */

typedef enum gr_home { GR_HOME_ARENA, GR_HOME_INPUT, GR_HOME_VARIABLE, GR_HOME_CONSTANT } gr_home;

/* One result of one node. Views and tuple reads have no value of their own: they share one. */
typedef struct gr_value {
    gr_home home;
    int index;     /* of the input, variable or constant */
    size_t offset; /* in the arena */
    size_t bytes;
    int first, last; /* steps between which the arena buffer is alive; last = n_steps: to the end */
    int buffer;      /* values that share memory (in place) share a buffer */
} gr_value;

typedef struct gr_step {
    const gr_node *node;
    gr_kernel_fn *fn;
    const void *ctx;
    void (*destroy)(void *ctx);
    const char *kernel;
    int args; /* place of its value numbers in plan->args: inputs, then outputs */
    int n_in, n_out;
    size_t work, work_offset;
    gr_kernel_fn *begin;                  /* NULL, or run before a loop */
    size_t kept_offset;                   /* of what it leaves */
    uint32_t inplace[GR_INPLACE_OUTPUTS]; /* as in gr_request */
    bool checks;
} gr_step;

/* May output j of the step lie where its input i lies? */
static inline bool gr_step_in_place(const gr_step *step, int i, int j)
{
    return i < 32 && j < GR_INPLACE_OUTPUTS && (step->inplace[j] >> i & 1);
}

/* A copy of a whole value after the last step. First come those that save a variable's old content
 * for an output, then the assigns whose value could not be computed in the variable's memory. */
typedef struct gr_plan_copy {
    int to, from; /* values */
} gr_plan_copy;

typedef struct gr_plan {
    gr_graph *graph; /* not owned: outlives the plan */
    gr_arena arena;  /* contexts of kernels, arrays below */
    int n_steps, n_args, n_values, n_inputs, n_variables, n_constants, n_outputs, n_copies;
    gr_step *steps;
    int *args;
    gr_value *values;
    const gr_node **inputs, **variables, **constants;
    bool *written; /* by variable: some assign writes it */
    int *outputs;  /* value of each target; -1 for an assign */
    const gr_node **output_nodes;
    gr_plan_copy *copies;
    size_t arena_bytes, lower_bound, scratch;
    size_t kept_bytes; /* what steps keep from one execution to the next, in a loop */
    int max_args;
    size_t guard; /* bytes that stay free before and after each buffer: 0, or GR_ALIGN if the plan
                     watches its steps */
    struct gr_guard_zone *zones; /* what it then watches */
    int n_zones;
    bool finite;  /* each step's result is looked at, see finite.c */
    bool within;  /* a loop's body: the plan around the loop judges what was noted */
    bool watched; /* either */
} gr_plan;

typedef struct gr_plan_options {
    const char *device;
    int threads;
    bool exact;
    bool guard;  /* check each step's writes, see guard.c */
    bool finite; /* find where a NaN or an infinity came from, see finite.c */
    bool within; /* for a loop's body */
    int steady;  /* so many of the inputs, the last, stay the same over the executions of a loop */
} gr_plan_options;

/* Plans `targets` of `graph`. `inputs` fixes the numbering of the inputs (a loop's body); NULL with
 * n_inputs 0 takes those that the targets need, in order. On failure *plan holds nothing. */
gr_status gr_plan_new(gr_graph *graph, gr_node *const *targets, int n, gr_node *const *inputs,
                      int n_inputs, const gr_plan_options *options, gr_plan **plan);
void gr_plan_free(gr_plan *plan);

/* ---- The stages of gr_plan_new, one file each ---------------------------------------------------
 */

gr_status gr_plan_schedule(gr_plan *plan, gr_node *const *targets, int n, gr_node *const *inputs,
                           int n_inputs, const gr_plan_options *options);
/* Who makes and who reads each value. */
typedef struct gr_plan_uses {
    int *producer;            /* by value: a step; -1: none */
    int *reader_at, *readers; /* value v is read by readers[reader_at[v] … reader_at[v+1]), steps in
                                 their order, each once */
} gr_plan_uses;
/* In `arena`. false when memory is out. */
bool gr_plan_find_uses(const gr_plan *plan, gr_arena *arena, gr_plan_uses *uses);
/* Is args[i] the first argument that names its value? */
bool gr_plan_reads_first(const int *args, int i);

/* An order of the steps that needs little memory: order[i] is the number of the i-th step to run.
 * holds: gradients larger than all they are made of are computed as late as can be. */
gr_status gr_plan_order(const gr_plan *plan, bool holds, int *order);
/* Computes assigned values in the variables' own memory where no one can tell. */
gr_status gr_plan_place_assigns(gr_plan *plan);
/* Lifetimes, sharing in place, offsets. */
gr_status gr_plan_memory(gr_plan *plan);
/* GR_INTERNAL if two values that are alive together overlap, or an assign comes too early. Debug
 * builds ask after each plan. */
gr_status gr_plan_verify(const gr_plan *plan);
/* The kernel of a loop, which runs a plan of its body: answers requests for scan nodes. */
gr_status gr_plan_prepare_scan(gr_request *request, const gr_plan_options *options);

/* ---- Running --------------------------------------------------------------------------------- */

/* The first step whose result has a NaN or an infinity that its inputs have not. */
typedef struct gr_finite_note {
    const gr_node *node; /* of the step; NULL: none yet */
    int output;
    int64_t element;
    double value;
    const gr_node *loop; /* in whose body it is, the innermost; NULL: in none */
    int64_t iteration;
} gr_finite_note;

/* Addresses for one execution of a plan. */
typedef struct gr_bases {
    char *arena, *kept;
    const void *const *inputs;
    void *const *variables;
    gr_finite_note *note; /* of a plan made with options->finite */
} gr_bases;

/* The address of a value. */
void *gr_plan_address(const gr_plan *plan, const gr_bases *bases, int value);
/* Fills calls[n_steps] and args[n_args]; calls point into args. */
void gr_plan_resolve(const gr_plan *plan, const gr_bases *bases, int threads, gr_call *calls,
                     void **args);
/* Before a loop's executions: lets steps make what they keep of the steady inputs. */
gr_status gr_plan_begin(const gr_plan *plan, const gr_call *calls);
/* Runs all steps, then the copies. */
gr_status gr_plan_execute(const gr_plan *plan, const gr_bases *bases, const gr_call *calls);
/* The same, and reads the clock around each step: at[0] before the first, at[s + 1] after step s,
 * at[n_steps + 1] after the copies. On a fault the rest of at[] is left alone. */
gr_status gr_plan_execute_timed(const gr_plan *plan, const gr_bases *bases, const gr_call *calls,
                                double *at);

/* Plans made with options->finite only. */
/* To be called after step `s`. */
void gr_plan_finite_look(const gr_plan *plan, const gr_call *call, int s, gr_finite_note *first);
/* After all steps, before the copies: GR_NUMERIC, naming what was noted, if an output or a new
 * value of a variable is not finite. */
gr_status gr_plan_finite_judge(const gr_plan *plan, const gr_bases *bases);

/* Plans made with options->guard only: what gr_plan_memory left room for, and the work around each
 * step. The second fails if step `s` wrote what is not its own, or less than it should. */
gr_status gr_plan_guard_zones(gr_plan *plan);
typedef struct gr_guard_state {
    uint64_t inputs[64]; /* hashes; input i is part of inputs[i % 64] */
} gr_guard_state;
void gr_plan_guard_enter(const gr_plan *plan, const gr_bases *bases, int s, gr_guard_state *state);
gr_status gr_plan_guard_leave(const gr_plan *plan, const gr_bases *bases, int s,
                              const gr_guard_state *state);

#endif
