/* A fused node's program while it is made: shared by fused_plan.c, which decides what runs where,
 * and fused_draft.c, which writes it down. Internal. */
#ifndef GR_CPU_FUSED_DRAFT_H
#define GR_CPU_FUSED_DRAFT_H

#include "backend/cpu/fused.h"

/* What is known of a value of the space besides. */
typedef struct gr_draft_value {
    int pass;       /* that computes it; -1: an input or constant */
    int output;     /* which one it is; -1 */
    int lodging;    /* the output in whose memory it waits for that one's gate; -1 */
    bool kept;      /* a later pass reads it */
    bool lean;      /* the main pass computes it, for each group */
    int root;       /* where it lies as a whole, if it does */
    int64_t offset; /* bytes */
    int slot;       /* in the pass being written; -1 */
    int spread;     /* that of its copy repeated for each element of a group; -1 */
    int inner;      /* the gate that its instruction computes as well, first; -1 */
    bool folded;    /* it is one */
} gr_draft_value;

/* Registers have lives: instructions, reductions and starts of phases are numbered, through all
 * passes, and first and last are such numbers. */
typedef struct gr_draft_slot {
    gr_fused_slot slot;
    int step; /* for spans, where it is read at its own pace */
    bool is_register, lean, wide;
    bool in_place; /* an instruction's result: may take over a register that it reads last */
    int first, last;
} gr_draft_slot;

/* A gate that is the product of a column and a row, values both. */
typedef struct gr_draft_outer {
    int64_t run;  /* elements of a row; 0: there is none */
    int64_t rows; /* pieces hold rows of which as many as this are a multiple; 0: any */
    int column, row;
} gr_draft_outer;

typedef struct gr_fused_draft {
    gr_request *request;
    const gr_body *body;
    gr_fused_space space;
    gr_draft_value value[GR_FUSED_VALUES];
    int64_t work; /* bytes of scratch memory */
    int now;      /* the number that comes next */
    int start;    /* that of the start of the phase being written */

    /* the pass being written */
    gr_fused_pass *pass;
    int number;
    unsigned axes;        /* of S, that make its space */
    gr_draft_outer outer; /* what its pieces owe to the outer products in it */
    int n_slots, n_codes, n_phases, n_spreads, n_reductions, n_moving;
    gr_draft_slot slot[GR_FUSED_SLOTS];
    gr_fused_code code[GR_FUSED_CODES];
    gr_fused_phase phase[GR_FUSED_PHASES];
    gr_fused_spread spread[GR_FUSED_CODES];
    gr_fused_reduction reduction[GR_FUSED_GATES];
    int16_t moving[8 * GR_FUSED_SLOTS];

    /* for in-place answers */
    int read_last[GR_FUSED_INPUTS];                             /* number */
    unsigned char read_as[GR_FUSED_INPUTS][GR_FUSED_GATES + 1]; /* bits of motions, by pass */
    int written[GR_FUSED_OUTPUTS];                              /* number */
    bool lodged[GR_FUSED_OUTPUTS]; /* first by a value that waits there */
} gr_fused_draft;

/* The value that stands behind reshapes. */
int gr_draft_source(const gr_fused_draft *d, int v);
/* Elements of the axes listed. */
int64_t gr_draft_count(const gr_fused_space *space, unsigned axes);
/* How value v lies under the space of `axes`. */
gr_fused_walk gr_draft_walk(const gr_fused_space *space, int v, unsigned axes);

/* The span of gate `outer` with its operand number `operand`, the gate `inner`, computed in one:
 * in[0] and in[1] are the inner gate's operands (the same, if it has but one), in[2] the outer's
 * first other one. NULL: there is none. */
gr_span_fn *gr_fused_pair(const gr_node *inner, const gr_node *outer, int operand,
                          gr_cpu_level level);

/* Is gate v of a space of these axes an outer product that has an instruction of its own? */
bool gr_draft_outer_of(const gr_fused_draft *d, int v, unsigned axes, gr_draft_outer *outer);
gr_span_fn *gr_fused_outer_span(gr_cpu_level level);
/* The largest piece, up to `piece`, that such instructions of the pass being written can do. */
int64_t gr_draft_outer_piece(const gr_fused_draft *d, int64_t piece);

void gr_draft_begin_pass(gr_fused_draft *d, gr_fused_pass *pass, int number, unsigned axes);
/* Each appends to the phase being written; false: too much for the program's tables. */
bool gr_draft_gate(gr_fused_draft *d, int v, bool lean);
bool gr_draft_reduction(gr_fused_draft *d, int v);
/* Lets the registers that come from before `from` live as long as the instructions up to now
 * repeat. */
void gr_draft_extend(gr_fused_draft *d, int from);
/* Lays out the store for pieces of `elements` and returns its size in bytes. */
int64_t gr_draft_lay_out(gr_fused_draft *d, int64_t elements);
/* Bytes of the node's scratch memory: where they start. */
int64_t gr_draft_work(gr_fused_draft *d, int64_t bytes);
/* Copies the pass to the program. GR_UNSUPPORTED if the store is too small for it. */
gr_status gr_draft_end_pass(gr_fused_draft *d);

#endif
