/* The record that describes an op: everything the library knows about it stands in one gr_op, in
 * one file of src/ops. Internal. */
#ifndef GR_OP_H
#define GR_OP_H

#include <gradus/gates.h>

#include "base/base.h"

typedef struct gr_type {
    gr_dtype dtype;
    gr_shape shape;
} gr_type;

/* ---- Attributes --------------------------------------------------------------------------- */

typedef enum gr_attr_kind {
    GR_ATTR_INT,   /* i */
    GR_ATTR_REAL,  /* f; REAL and DTYPE attributes of an elementwise op reach its span as param[] */
    GR_ATTR_INTS,  /* ints: axes, sizes, strides */
    GR_ATTR_DTYPE, /* i */
    GR_ATTR_TEXT,  /* s */
    GR_ATTR_TENSOR, /* tensor: a constant's value */
    GR_ATTR_BODY,   /* body: a graph with chosen inputs and outputs */
    GR_ATTR_GATE,   /* gate: the user's own; its text form is its name */
} gr_attr_kind;

typedef struct gr_ints {
    int n;
    int64_t v[GR_MAX_RANK];
} gr_ints;

typedef struct gr_body {
    gr_graph *graph; /* owned by the node's graph */
    int n_in, n_out;
    gr_node **in, **out;
} gr_body;

typedef struct gr_attr {
    gr_attr_kind kind;
    union {
        int64_t i;
        double f;
        gr_ints ints;
        const char *s;
        const gr_tensor *tensor;
        const gr_body *body;
        const gr_gate *gate;
    };
} gr_attr;

typedef struct gr_attr_desc {
    const char *name;
    gr_attr_kind kind;
} gr_attr_desc;

/* ---- Nodes -------------------------------------------------------------------------------- */

typedef struct gr_op gr_op;

struct gr_node {
    gr_graph *graph;
    const gr_op *op; /* NULL for an error node */
    int id, n_in, n_out;
    gr_node **in;
    gr_attr *attr; /* op->n_attrs of them */
    gr_type *out;  /* n_out of them */
    const char *name, *place, *composite;
};

/* ---- The shape rule ----------------------------------------------------------------------- */

#define GR_MAX_OUTPUTS 64

typedef struct gr_infer {
    const gr_op *op;
    int n_in;
    const gr_type *in;
    gr_node *const *nodes; /* the inputs themselves: only for rules about what an input is */
    gr_attr *attr; /* a rule may complete an attribute (a -1 in a shape, a default axis list) */
    int n_out;     /* starts at 1 */
    gr_type out[GR_MAX_OUTPUTS];
    gr_status status;
    char message[400];
} gr_infer;

/* Notes the fault and returns false:  return gr_infer_fail(s, GR_SHAPE, "inner sizes …"); */
bool gr_infer_fail(gr_infer *s, gr_status status, const char *format, ...) GR_PRINTF(3, 4);

/* ---- Kernels ------------------------------------------------------------------------------ */

/* What a kernel sees at each step. Buffers are dense, row-major, GR_ALIGN-aligned (inputs that a
 * user bound may be less aligned). out[i] may equal in[j] only where the request allowed it. */
typedef struct gr_call {
    void *const *in;
    void *const *out;
    void *work;      /* the scratch memory asked for, GR_ALIGN-aligned, not zeroed */
    const void *ctx; /* what prepare left */
    void *kept;      /* what `begin` left, see gr_request */
    int threads;     /* use at most this many */
    /* NULL, or what a kernel that answered `finishes` calls for elements [begin, end) of its result
     * when they are complete: each once, from any thread, and not to be touched afterwards. */
    void (*finish)(void *ctx, int64_t begin, int64_t end);
    /* What a kernel that answered `streams` hands its result to instead of writing it: likewise,
     * and `values` are there until the call returns. */
    void (*take)(void *ctx, int64_t begin, int64_t end, const void *values);
    void *finish_ctx;            /* of either */
    struct gr_finite_note *note; /* for loops in a plan that looks for NaN: see plan/finite.c */
} gr_call;

enum { GR_FINISH_LEAST = 512 }; /* elements worth a call; fewer are left to a later one */

static inline void gr_finish(const gr_call *call, int64_t begin, int64_t end)
{
    if (call->finish) call->finish(call->finish_ctx, begin, end);
}

/* GR_OK, or a fault found in the data (an index out of range) with its message set. */
typedef gr_status gr_kernel_fn(const gr_call *call);

/* Of a node's outputs the first so many may share an input's buffer, of its inputs the first 32. */
#define GR_INPLACE_OUTPUTS 8

/* The plan's question "how would you run this node?", and the answer. */
typedef struct gr_request {
    const gr_node *node;
    gr_arena *arena;    /* for ctx: lives as long as the program */
    gr_cpu_level level; /* of the kernels to choose */
    int threads;        /* the most a session will use */
    bool exact;         /* without oneDNN and Winograd's method */
    uint32_t steady;    /* bit i: input i stays the same over the calls of a loop */
    bool stream;        /* fn may hand its only result to gr_call.take instead of writing it */
    /* answer */
    gr_kernel_fn *fn;
    const void *ctx;
    size_t work;                /* scratch bytes during the call */
    void (*destroy)(void *ctx); /* called once when the program ends; NULL if nothing to do */
    gr_kernel_fn *begin;        /* NULL, or called before a loop's calls, with the steady inputs */
    size_t kept;                /* alone: bytes of what it makes of them for all calls */
    const char *kernel;         /* name for plans and profiles: "gemm-avx512" */
    uint32_t inplace[GR_INPLACE_OUTPUTS]; /* [j] bit i: out[j] may share in[i]'s buffer */
    bool checks;   /* fn may refuse the data: it runs before any variable is written */
    bool finishes; /* fn calls gr_finish for all of its only result */
    bool streams;  /* fn does hand it over, and never writes to out[0] */
} gr_request;

/* GR_OK with the answer, GR_UNSUPPORTED for "not mine, ask the next", or a real failure. */
typedef gr_status gr_prepare_fn(gr_request *request);

/* One pass over n elements: out[i] = f(in[0][i*step[0]], …), steps 0 or 1 in elements. out may be
 * one of the inputs of the same element size with step 1. Writes exactly n elements. */
typedef void gr_span_fn(void *out, const void *const *in, const int *step, int64_t n,
                        const double *param);

/* spans[dtype][level]; dtype is that of input `op->span_input`. NULL: no such kernel. */
typedef gr_span_fn *gr_span_table[GR_DTYPE_COUNT][GR_CPU_LEVELS];

/* ---- Samples: what the generated tests run ------------------------------------------------ */

typedef struct gr_sampler gr_sampler;
/* An input for a sample, drawn uniformly from [low, high) (whole numbers for integer types), of
 * the element type under test. */
gr_node *gr_draw(gr_sampler *sampler, gr_shape shape, double low, double high);
gr_node *gr_draw_typed(gr_sampler *sampler, gr_dtype dtype, gr_shape shape, double low,
                       double high);
/* Builds sample number k on inputs from gr_draw and returns its node; NULL past the last. Samples
 * keep away from kinks and include odd sizes, zero-size and rank-0 shapes where legal. */
typedef gr_node *gr_sample_fn(gr_sampler *sampler, int k);

/* ---- The record --------------------------------------------------------------------------- */

enum gr_op_flags {
    GR_OP_ELEMENTWISE = 1 << 0, /* has spans; inputs broadcast against each other */
    GR_OP_COMMUTATIVE = 1 << 1,
    GR_OP_VIEW = 1 << 2,      /* the output is the input's memory under another shape */
    GR_OP_GRAD_NONE = 1 << 3, /* not differentiable: a path through it is refused */
    GR_OP_GRAD_ZERO = 1 << 4, /* derivative zero wherever it exists */
    GR_OP_EFFECT = 1 << 5,    /* assign: kept though unread */
    GR_OP_LEAF = 1 << 6,      /* input, variable, constant: no kernel */
    GR_OP_NO_FOLD = 1 << 7,   /* not evaluated at compile time though its inputs are constant */
    GR_OP_TUPLE_IN = 1 << 8,  /* get: may read a tuple */
    GR_OP_NAMED = 1 << 9,   /* attribute 0 is a name, unique among the graph's inputs, variables */
    GR_OP_SHARED = 1 << 10, /* building a NAMED one again gives the node that is there */
    GR_OP_COSTLY = 1 << 11, /* an element costs many times an addition: threads pay earlier */
    GR_OP_GRAD_ONCE = 1 << 12 /* its gradient has none: a second derivative is refused */
};

struct gr_op {
    const char *name;   /* as in ops.def, the text form and the language */
    const char *doc;    /* one line with the formula */
    int min_in, max_in; /* max_in < 0: any number */
    unsigned flags;
    const gr_attr_desc *attrs;
    int n_attrs;
    bool (*infer)(gr_infer *s);
    /* Builds dx[i], the cotangent of input i, from those of the outputs; entries left NULL are
     * zero. dy[i] is NULL where output i is unused (never for a single output). A dx of the
     * output's broadcast shape is summed to the input's shape by the engine. */
    void (*grad)(const gr_node *node, gr_node *const *dy, gr_node **dx);
    const gr_span_table *spans; /* elementwise ops */
    int span_input;
    gr_prepare_fn *reference; /* the specification: scalar, one thread; NULL for elementwise ops,
                                 whose base spans serve, and for leaves and views */
    gr_sample_fn *sample;
};

/* The op called `name`, or NULL. Defined with the table in src/ops. */
const gr_op *gr_op_find(const char *name);
/* All ops in the table's order; *count of them. */
const gr_op *const *gr_op_all(int *count);

#endif
