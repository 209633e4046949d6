/* The program of a fused node: what fused_plan.c and fused_draft.c make of a body, and what
 * fused.c, fused_rows.c and fused_columns.c run, or fused_straight.c if it is small; behind a
 * contraction by fused_contraction.c. Internal.
 *
 * A program is a list of passes. The last one, the main pass, walks the space of the body (see
 * ops/fused.h); the passes before it compute gates that are smaller and depend on no reduction,
 * each over its own little space, for the later ones to read. A pass cuts its space into pieces of
 * contiguous elements that fit the L1 cache, and runs its code on one piece after the other: an
 * instruction is the span of a gate, and its operands are slots.
 *
 * A slot is an address that follows the piece. It may lie in an input, an output, a constant, the
 * node's scratch memory, or the store: registers on the stack of the thread, where gates leave what
 * only other gates of the body read. */
#ifndef GR_CPU_FUSED_H
#define GR_CPU_FUSED_H

#include "backend/backend.h"
#include "backend/cpu/reduce.h"
#include "ops/elementwise.h"
#include "ops/fused.h"

enum {
    GR_FUSED_ARITY = 3,
    GR_FUSED_SLOTS = 256,           /* most slots, */
    GR_FUSED_CODES = 256,           /* instructions, */
    GR_FUSED_PHASES = 32,           /* phases of a pass */
    GR_FUSED_PIECE = 1024,          /* elements of a piece, if nothing says otherwise */
    GR_FUSED_SLACK = 64,            /* bytes past a register that a copy may touch */
    GR_FUSED_STORE = 192 * 1024,    /* most bytes of registers; */
    GR_FUSED_STORE_SMALL = 8 * 1024 /* as many cost a small node nothing */
};

/* Where a slot's memory starts. Constants have their address as offset to the root 0. */
enum {
    GR_FUSED_ROOT_NONE,
    GR_FUSED_ROOT_WORK,
    GR_FUSED_ROOT_STORE,
    GR_FUSED_ROOT_CONTRACTION, /* what it leaves: in an output, or on its way */
    GR_FUSED_ROOT_IN,
    GR_FUSED_ROOT_OUT = GR_FUSED_ROOT_IN + GR_FUSED_INPUTS,
    GR_FUSED_ROOTS = GR_FUSED_ROOT_OUT + GR_FUSED_OUTPUTS
};

typedef enum gr_fused_motion {
    GR_FUSED_FIXED,     /* registers, and operands of one element */
    GR_FUSED_FULL,      /* moves with the elements */
    GR_FUSED_WALK,      /* a broadcast operand, read where it lies: no piece crosses its runs */
    GR_FUSED_COPY,      /* a broadcast operand, copied out in full to a register */
    GR_FUSED_WIDE,      /* a register for a whole piece, which is computed in parts */
    GR_FUSED_GROUP,     /* moves with the groups: a lean value, */
    GR_FUSED_LEAN,      /* or a register with one for each group of a band */
    GR_FUSED_GROUP_COPY /* an operand of lean gates that broadcasts, copied out for each group */
} gr_fused_motion;

/* How a broadcast operand lies under a space: runs that are contiguous or one element over. */
typedef struct gr_fused_walk {
    int64_t run;    /* elements of the space in a run */
    int step;       /* 1: as many elements of the operand, 0: one */
    int64_t period; /* elements of the space after which it all repeats */
    gr_walk outer;  /* where the runs start */
} gr_fused_walk;

typedef struct gr_fused_slot {
    gr_fused_motion motion;
    int root;
    int64_t offset; /* bytes from the root */
    int64_t size;   /* of an element */
    int64_t copy;   /* offset in the store of the register that copies go to */
    gr_fused_walk walk;
} gr_fused_slot;

typedef struct gr_fused_code {
    gr_span_fn *span;
    double param[GR_SPAN_PARAMS];
    int step[GR_FUSED_ARITY];
    int16_t in[GR_FUSED_ARITY], out;
    bool grouped; /* runs on one group after the other, whose operands and result are */
    int64_t apart[GR_FUSED_ARITY + 1]; /* so many bytes apart */
} gr_fused_code;

/* A lean value for each group of a band, repeated for each element of the groups: of short ones. */
typedef struct gr_fused_spread {
    int from, to; /* slots */
} gr_fused_spread;

typedef struct gr_fused_reduction {
    gr_reduce_kernels kernel;
    int operand, result; /* slots */
    int64_t size;        /* of an element */
    int64_t stack;       /* in the store: the results of a unit, then of finished blocks */
    int64_t partial;     /* in the scratch memory: the results of all blocks */
} gr_fused_reduction;

typedef struct gr_fused_range {
    int begin, end;
} gr_fused_range;

/* A phase computes full gates and reduces them; when the results are complete, lean gates. */
typedef struct gr_fused_phase {
    gr_fused_range spreads, moving, turning, codes, reductions, lean;
} gr_fused_phase;

typedef struct gr_fused_work gr_fused_work;

typedef struct gr_fused_pass {
    void (*run)(gr_fused_work *w);
    int64_t count;  /* elements of the space */
    int64_t piece;  /* elements of a piece */
    int64_t part;   /* rows: elements that are computed at once */
    int64_t align;  /* pieces do not cross multiples of it; 0: they may lie anywhere */
    int64_t grain;  /* elements, bands or tasks worth a thread */
    int64_t store;  /* bytes of registers */
    double seconds; /* plain: what one thread takes, in its caches; 0: they do not hold it */
    gr_reduction r; /* the geometry of its reductions; kind and dtype are those of each */
    int64_t band;   /* rows: neighbouring groups that are walked together; columns: rows */
    int64_t some;   /* rows: groups of a piece */
    int64_t bands;  /* rows: in all; columns: tiles of columns */
    int64_t run_groups, run_bands; /* rows: groups, and bands, along the groups' innermost axis */
    bool resident;                 /* rows: a group is one unit, whose registers stay */
    bool grouped;                  /* rows: lean values are read where they are, group by group */
    int n_slots, n_phases;
    const gr_fused_slot *slot;
    const gr_fused_code *code; /* those of all phases; likewise */
    const gr_fused_phase *phase;
    const gr_fused_spread *spread;
    const gr_fused_reduction *reduction;
    const int16_t *moving; /* slots that a phase has to set for each piece, */
    gr_fused_range groups; /* those to set for each band; a phase's `turning`: for some groups */
} gr_fused_pass;

typedef struct gr_fused_step gr_fused_step;

/* The contraction of a body, by the kernel that would run it on its own. */
typedef struct gr_fused_contraction {
    gr_kernel_fn *fn; /* NULL: the body has none */
    gr_kernel_fn *begin;
    const void *ctx;
    void (*destroy)(void *ctx);
    void *literal[GR_FUSED_ARITY]; /* its operands: constants of the body, */
    int operand[GR_FUSED_ARITY];   /* or the node's */
    int home;                      /* the output that it writes to, unless it */
    bool streams;                  /* hands its result to the gates */
    bool finishes;                 /* the gates run on what it finishes in its home */
    int64_t size;                  /* of an element of its result */
    int64_t work;                  /* offset of its scratch memory in the node's */
} gr_fused_contraction;

typedef struct gr_fused_plan {
    int n_in, n_out, n_passes, n_steps;
    gr_fused_contraction contraction;
    gr_fused_pass *pass;
    gr_fused_step *step; /* a program of one piece as a flat list; NULL if it is none */
} gr_fused_plan;

/* ---- Running --------------------------------------------------------------------------------- */

struct gr_fused_work {
    const gr_fused_pass *pass;
    const gr_call *call;
    const gr_fused_phase *phase; /* rows: the one that runs on all threads */
    char *root[GR_FUSED_ROOTS];
    void (*body)(const gr_fused_work *w, char *store, int64_t begin, int64_t end);
};

/* The slots of one thread. */
typedef struct gr_fused_frame {
    const gr_fused_pass *pass;
    char *store;
    char *at[GR_FUSED_SLOTS];          /* addresses now */
    char *base[GR_FUSED_SLOTS];        /* addresses at element 0 */
    int64_t copied[GR_FUSED_SLOTS];    /* COPY: how many elements lie in the register, */
    int64_t copied_at[GR_FUSED_SLOTS]; /* from where on in the period */
} gr_fused_frame;

void gr_fused_begin(gr_fused_frame *f, const gr_fused_work *w, char *store);
/* Sets the slots moving[range] for n elements of the space from `begin` on, of which the first is
 * element `part` of its piece. */
void gr_fused_place(gr_fused_frame *f, gr_fused_range range, int64_t begin, int64_t part,
                    int64_t n);
/* Copies what n elements of the space from `begin` on read of a broadcast operand. May touch
 * GR_FUSED_SLACK bytes past the end; so may gr_fused_repeat. */
void gr_fused_copy(const gr_fused_slot *s, const char *from, char *to, int64_t begin, int64_t n);
/* Repeats each of `runs` elements, `stride` bytes apart, n times. */
void gr_fused_repeat(char *to, const char *from, int64_t stride, int64_t runs, int64_t n,
                     int64_t size);
/* Calls w->body on [0, count) in chunks of `grain` on the threads of the call, each with a store.
 */
void gr_fused_parallel(gr_fused_work *w, int64_t count, int64_t grain);

static inline void gr_fused_execute(const gr_fused_frame *f, gr_fused_range range, int64_t n)
{
    const gr_fused_code *code = f->pass->code;
    for (int c = range.begin; c < range.end; c++) {
        const gr_fused_code *k = &code[c];
        const void *in[GR_FUSED_ARITY] = {f->at[k->in[0]], f->at[k->in[1]], f->at[k->in[2]]};
        k->span(f->at[k->out], in, k->step, n, k->param);
    }
}

/* The same for one part, elements [begin, end) of a plain pass: ctx is the work. */
void gr_fused_part(void *ctx, int64_t begin, int64_t end);

/* The three ways through a space. */
void gr_fused_run_plain(gr_fused_work *w);
/* As it, but the caller calls gr_fused_part for all elements. */
void gr_fused_start_plain(gr_fused_work *w);
void gr_fused_run_rows(gr_fused_work *w);       /* a band on one thread, */
void gr_fused_run_rows_split(gr_fused_work *w); /* blocks of a band on several */
void gr_fused_run_columns(gr_fused_work *w);

/* Adds the contraction of the body, which is otherwise planned, to the plan. */
gr_status gr_fused_add_contraction(gr_request *request, const gr_node *node, int home,
                                   gr_fused_plan *plan);
/* Runs the contraction, and the gates on what it finishes. */
gr_kernel_fn gr_fused_run_contraction;

gr_fused_work gr_fused_work_of(const gr_call *call);
/* Runs the passes [first, last). */
void gr_fused_run_passes(gr_fused_work *w, int first, int last);

/* A program of one piece. */
gr_status gr_fused_straighten(gr_fused_plan *plan, gr_arena *arena);
gr_kernel_fn gr_fused_run_straight;

#endif
