/* ops.h: the gates. Every call appends to the graph of its inputs and returns the new node, or the
 * graph's error node (graph.h). Inputs of one call belong to one graph and, unless said otherwise,
 * to one element type: there is no implicit promotion. Shapes broadcast as in NumPy.
 * Float ops take f64 and f32. */
#ifndef GRADUS_OPS_H
#define GRADUS_OPS_H

#include <gradus/gates.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- One input, element by element -------------------------------------------------------- */

GR_API gr_node *gr_neg(gr_node *x);                      /* -x; also integers */
GR_API gr_node *gr_abs(gr_node *x);                      /* |x|; derivative 0 at 0; also integers */
GR_API gr_node *gr_square(gr_node *x);                   /* x²; also integers */
GR_API gr_node *gr_sqrt(gr_node *x);                     /* √x; NaN below 0 */
GR_API gr_node *gr_rsqrt(gr_node *x);                    /* 1/√x */
GR_API gr_node *gr_exp(gr_node *x);                      /* eˣ */
GR_API gr_node *gr_log(gr_node *x);                      /* natural; -inf at 0, NaN below */
GR_API gr_node *gr_log1p(gr_node *x);                    /* log(1+x) */
GR_API gr_node *gr_expm1(gr_node *x);                    /* exp(x)-1 */
GR_API gr_node *gr_sin(gr_node *x);                      /* of radians */
GR_API gr_node *gr_cos(gr_node *x);                      /* of radians */
GR_API gr_node *gr_tanh(gr_node *x);                     /* hyperbolic tangent */
GR_API gr_node *gr_sigmoid(gr_node *x);                  /* 1/(1+exp(-x)), stable */
GR_API gr_node *gr_relu(gr_node *x);                     /* max(0,x); derivative 0 at 0 */
GR_API gr_node *gr_softplus(gr_node *x);                 /* log(1+exp(x)), stable */
GR_API gr_node *gr_erf(gr_node *x);                      /* 2/√π·∫₀ˣ exp(-t²)dt */
GR_API gr_node *gr_sign(gr_node *x);                     /* -1, 0 or 1; gradient zero */
GR_API gr_node *gr_floor(gr_node *x);                    /* gradient zero */
GR_API gr_node *gr_leaky_relu(gr_node *x, double slope); /* x > 0 ? x : slope·x */
GR_API gr_node *gr_elu(gr_node *x, double alpha);        /* x > 0 ? x : α(exp(x)-1) */
GR_API gr_node *gr_clip(gr_node *x, double low, double high); /* derivative 0 outside [low, high] */
/* Another element type. Floats to integers truncate towards zero and saturate, NaN becomes 0;
 * between integers the low bits stay; anything to bool is x ≠ 0. Differentiable between floats. */
GR_API gr_node *gr_cast(gr_node *x, gr_dtype dtype);
/* x itself, with derivative zero. */
GR_API gr_node *gr_stop_gradient(gr_node *x);
/* x, if `condition` (bool, any shape) holds everywhere; else the step fails with GR_RANGE and the
 * message, which is copied. */
GR_API gr_node *gr_require(gr_node *x, gr_node *condition, const char *message);

/* ---- Two and three inputs ----------------------------------------------------------------- */

GR_API gr_node *gr_add(gr_node *a, gr_node *b);       /* a + b; also integers */
GR_API gr_node *gr_sub(gr_node *a, gr_node *b);       /* a - b; also integers */
GR_API gr_node *gr_mul(gr_node *a, gr_node *b);       /* a·b; also integers */
GR_API gr_node *gr_div(gr_node *a, gr_node *b);       /* a/b */
GR_API gr_node *gr_pow(gr_node *a, gr_node *b);       /* a^b; d/db is 0 where a = 0 */
GR_API gr_node *gr_maximum(gr_node *a, gr_node *b);   /* a tie's gradient goes to a; NaN wins */
GR_API gr_node *gr_minimum(gr_node *a, gr_node *b);   /* the same */
GR_API gr_node *gr_prelu(gr_node *x, gr_node *slope); /* x > 0 ? x : slope·x, slope broadcasts */

/* Comparisons of two tensors of one type: bool. NaN equals nothing. */
GR_API gr_node *gr_equal(gr_node *a, gr_node *b);
GR_API gr_node *gr_not_equal(gr_node *a, gr_node *b);
GR_API gr_node *gr_less(gr_node *a, gr_node *b);
GR_API gr_node *gr_less_equal(gr_node *a, gr_node *b);
GR_API gr_node *gr_greater(gr_node *a, gr_node *b);
GR_API gr_node *gr_greater_equal(gr_node *a, gr_node *b);
/* Logic on bool. */
GR_API gr_node *gr_and(gr_node *a, gr_node *b);
GR_API gr_node *gr_or(gr_node *a, gr_node *b);
GR_API gr_node *gr_xor(gr_node *a, gr_node *b);
GR_API gr_node *gr_not(gr_node *a);
/* condition (bool) ? a : b, all three broadcast. */
GR_API gr_node *gr_where(gr_node *condition, gr_node *a, gr_node *b);

/* x·factor and x + term with a literal of x's type. */
GR_API gr_node *gr_scale(gr_node *x, double factor);
GR_API gr_node *gr_shift(gr_node *x, double term);

/* ---- Activations built of these gates ------------------------------------------------------ */

GR_API gr_node *gr_silu(gr_node *x, double beta); /* x·sigmoid(β·x); Swish. Ramachandran 2017 */
GR_API gr_node *gr_mish(gr_node *x);              /* x·tanh(softplus(x)); Misra 2019 */
GR_API gr_node *gr_log_sigmoid(gr_node *x);       /* log(sigmoid(x)), stable */
GR_API gr_node *gr_softsign(gr_node *x);          /* x/(1+|x|) */
GR_API gr_node *gr_selu(gr_node *x); /* 1.0507·elu(x, 1.6733); Klambauer et al. 2017 */
GR_API gr_node *gr_celu(gr_node *x, double alpha); /* α·elu(x/α, 1), α > 0; Barron 2017 */
GR_API gr_node *gr_hard_tanh(gr_node *x);          /* x within [-1, 1] */
GR_API gr_node *gr_relu6(gr_node *x);              /* x within [0, 6] */
GR_API gr_node *gr_hard_sigmoid(gr_node *x);       /* x/6+1/2 within [0, 1] */
GR_API gr_node *gr_hard_swish(gr_node *x);         /* x·hard_sigmoid(x); Howard et al. 2019 */
GR_API gr_node *gr_threshold(gr_node *x, double threshold); /* x > threshold ? 1 : 0, of x's type */
/* Of x [… C …] with C along `axis`: a·sigmoid(b), a and b its halves, [… C/2 …] (Dauphin et al.
 * 2017); the largest of each group of `pieces` neighbours, [… C/pieces …] (Goodfellow et al. 2013).
 * GR_SHAPE if the size is not divisible. */
GR_API gr_node *gr_glu(gr_node *x, int axis);
GR_API gr_node *gr_maxout(gr_node *x, int64_t pieces, int axis);
/* Caffe's Power, Exp and Log: (shift + scale·x)^power, base^(shift + scale·x) and
 * log_base(shift + scale·x). Base 0 means e; GR_INVALID for a negative one. */
GR_API gr_node *gr_power(gr_node *x, double power, double scale, double shift);
GR_API gr_node *gr_exp_base(gr_node *x, double base, double scale, double shift);
GR_API gr_node *gr_log_base(gr_node *x, double base, double scale, double shift);
/* What gr_eltwise makes of its inputs. */
typedef enum gr_eltwise_kind {
    GR_ELTWISE_SUM,  /* with coefficients */
    GR_ELTWISE_PROD, /* of all */
    GR_ELTWISE_MAX   /* of all */
} gr_eltwise_kind;
/* Caffe's Eltwise of n ≥ 1 inputs: Σ coefficients[i]·x[i] (NULL: all 1), their product, or the
 * largest, whose gradient goes to the first of equals. */
GR_API gr_node *gr_eltwise(gr_node *const *x, int n, gr_eltwise_kind kind,
                           const double *coefficients);

/* ---- Reductions --------------------------------------------------------------------------- */

/* Which axes: GR_ALL, GR_AXES(0, 2), GR_AXES(-1) counted from the end; GR_KEEP(…) leaves them in
 * the result with size 1. */
typedef struct gr_axes {
    int count;             /* -1: all */
    int axis[GR_MAX_RANK]; /* below 0: from the end */
    bool keep;             /* in the result, with size 1 */
} gr_axes;
#ifndef __cplusplus
#define GR_ALL ((gr_axes){.count = -1}) /* all axes */
#define GR_AXES_COUNT_(...) ((int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)))
/* These axes, which go, or stay with size 1. */
#define GR_AXES(...) ((gr_axes){.count = GR_AXES_COUNT_(__VA_ARGS__), .axis = {__VA_ARGS__}})
#define GR_KEEP(...)                                                                               \
    ((gr_axes){.count = GR_AXES_COUNT_(__VA_ARGS__), .axis = {__VA_ARGS__}, .keep = true})
#define GR_KEEP_ALL ((gr_axes){.count = -1, .keep = true}) /* all axes; they stay */
#endif

/* All take f64, f32, i64, i32 and u8 and give the same type; integers wrap around. The result has
 * the axes of x that are not listed, in their order. Refused: another type (GR_DTYPE: cast a bool
 * to count it), an axis outside the rank (GR_SHAPE) or listed twice (GR_INVALID). The order of
 * summation depends on shape and axes alone: any CPU level and thread count gives the same bits. */
GR_API gr_node *gr_sum(gr_node *x, gr_axes axes);  /* 0 over nothing */
GR_API gr_node *gr_prod(gr_node *x, gr_axes axes); /* 1 over nothing */
GR_API gr_node *gr_mean(gr_node *x, gr_axes axes); /* floats only; NaN over nothing */
/* Largest and smallest; an empty extent is refused (GR_SHAPE); NaN wins; the gradient goes to the
 * first of equals in row-major order. */
GR_API gr_node *gr_max(gr_node *x, gr_axes axes);
GR_API gr_node *gr_min(gr_node *x, gr_axes axes);
/* Index (i64) of the largest or smallest along one axis, the first of equals, before all the first
 * NaN; the axis goes. Not differentiable. */
GR_API gr_node *gr_argmax(gr_node *x, int axis);
GR_API gr_node *gr_argmin(gr_node *x, int axis);

/* ---- Order and running sums ---------------------------------------------------------------- */

/* Places (i64) along one axis in ascending or descending order of the elements: stable, NaN last.
 * Not differentiable; gr_sort and gr_top_k are, their gradient goes to where an element was. */
GR_API gr_node *gr_argsort(gr_node *x, int axis, bool descending);
GR_API gr_node *gr_sort(gr_node *x, int axis, bool descending);
/* The k largest (or smallest) along one axis, best first; their places in *index unless it is NULL.
 * GR_SHAPE if the axis has fewer. */
GR_API gr_node *gr_top_k(gr_node *x, int64_t k, int axis, bool smallest, gr_node **index);
/* y_i = Σ_{j≤i} x_j along one axis; exclusive: j < i; reverse: from the end. Of any number. */
GR_API gr_node *gr_cumsum(gr_node *x, int axis, bool exclusive, bool reverse);

/* ---- Movement: any element type ----------------------------------------------------------- */

/* The same elements in row-major order under another shape; one size may be -1: inferred. Costs
 * nothing. GR_SHAPE if the counts of elements differ. */
GR_API gr_node *gr_reshape(gr_node *x, gr_shape shape);
/* All axes but the first `from` joined into one: flatten(x, 1) is [N, rest]. */
GR_API gr_node *gr_flatten(gr_node *x, int from);
/* Output axis i is input axis axes.axis[i]; every axis once. */
GR_API gr_node *gr_permute(gr_node *x, gr_axes axes);
GR_API gr_node *gr_transpose(gr_node *x); /* swaps the last two axes */
/* x repeated along new axes in front and along its axes of size 1, as in NumPy. */
GR_API gr_node *gr_broadcast(gr_node *x, gr_shape shape);
/* Elements start, start+step, … before stop along each axis; one entry per axis of x. Positive
 * steps; 0 ≤ start ≤ stop ≤ size. step = NULL means 1 everywhere. */
GR_API gr_node *gr_slice(gr_node *x, const int64_t *start, const int64_t *stop,
                         const int64_t *step);
/* Adds before[i] and after[i] elements of `value` around axis i (both ≥ 0), and `inner[i]` between
 * neighbours (NULL: 0). */
GR_API gr_node *gr_pad(gr_node *x, const int64_t *before, const int64_t *after,
                       const int64_t *inner, double value);
/* x[0], x[1], … one after the other along `axis`; their other sizes are equal. */
GR_API gr_node *gr_concat(gr_node *const *x, int n, int axis);
/* A tuple of `parts` equal slices along `axis`; read them with gr_get. */
GR_API gr_node *gr_split(gr_node *x, int parts, int axis);
/* Rows of x along `axis` chosen by `index` (i64 or i32): shape x.shape with that axis replaced by
 * index.shape. An index outside [0, size) fails the step with GR_RANGE before any variable is
 * written. */
GR_API gr_node *gr_gather(gr_node *x, gr_node *index, int axis);
/* base with rows of `update` added at `index` along `axis`, repeated indices accumulating in row-
 * major order; update's shape is that of gr_gather(base, index, axis). Numbers only; an index
 * outside [0, size) fails the step as in gr_gather. */
GR_API gr_node *gr_scatter_add(gr_node *base, gr_node *index, gr_node *update, int axis);
/* Of x and an index (i64 or i32) that agree in all axes but one: y[…, i, …] = x[…, index[…, i, …],
 * …], of the index's shape; and base with update[…, i, …] added at that place, in the order of i.
 * An index outside fails the step with GR_RANGE. */
GR_API gr_node *gr_gather_along(gr_node *x, gr_node *index, int axis);
GR_API gr_node *gr_scatter_add_along(gr_node *base, gr_node *index, gr_node *update, int axis);
/* x times[k] times after itself along axis k, for each of its axes. */
GR_API gr_node *gr_tile(gr_node *x, const int64_t *times);
/* n ≥ 1 tensors of one shape side by side along a new axis. */
GR_API gr_node *gr_stack(gr_node *const *x, int n, int axis);
/* The rows of x [N, …] where mask (bool [N]) holds, in their order, in front; rows of zeros behind
 * them, so that the shape does not depend on the mask. How many there are (i64 scalar) in *count
 * unless it is NULL. */
GR_API gr_node *gr_filter(gr_node *x, gr_node *mask, gr_node **count);
/* index.shape + [depth], 1 at the index and 0 elsewhere; an index outside [0, depth) gives a row of
 * zeros. index is i64 or i32, dtype f64, f32, i64, i32, u8 or bool. */
GR_API gr_node *gr_one_hot(gr_node *index, int64_t depth, gr_dtype dtype);
/* The same, but such an index fails the step with GR_RANGE: for class labels. */
GR_API gr_node *gr_one_hot_strict(gr_node *index, int64_t depth, gr_dtype dtype);
/* x (i64 or i32) itself; a number outside [low, high] fails the step with GR_RANGE: "WHAT [3] is 9;
 * it must be in [1, 8]". `what` is copied; NULL: "number". */
GR_API gr_node *gr_within(gr_node *x, int64_t low, int64_t high, const char *what);

/* ---- Contractions ------------------------------------------------------------------------- */

/* Matrix product over the last two axes, the axes before them broadcast. As in NumPy a rank-1 left
 * side is a row, a rank-1 right side a column, and that axis is dropped from the result. */
GR_API gr_node *gr_matmul(gr_node *a, gr_node *b);
/* The same with either side transposed in its last two axes (rank ≥ 2). */
GR_API gr_node *gr_matmul_t(gr_node *a, bool transpose_a, gr_node *b, bool transpose_b);
/* Sums of products by letters, as NumPy's einsum: "bij,bjk->bik". A letter names an axis wherever
 * it stands; letters that the result lacks are summed over; without "->" the result has the letters
 * that stand once, in the order of the alphabet. At most 16 operands of 8 letters, no letter twice
 * in one. GR_INVALID for a wrong equation, GR_SHAPE if the operands do not fit it. */
GR_API gr_node *gr_einsum(const char *equation, gr_node *const *x, int n);

/* Geometry of convolution and pooling over 1 to 3 spatial axes, the same for all of them, or
 * through `axes` one by one. Zero in stride or dilation means 1 (pooling: stride 0 means the
 * kernel). GR_WINDOW(2), GR_WINDOW(3, .stride = 2), GR_WINDOW(.pad = 2) fill one in. */
typedef struct gr_geometry {
    int64_t kernel[3];   /* pooling; a convolution's is its weight's */
    int64_t stride[3];   /* between windows */
    int64_t pad[3];      /* zeros in front, */
    int64_t pad_end[3];  /* and behind */
    int64_t dilation[3]; /* between the elements of a window */
} gr_geometry;
/* Options of convolution and pooling. */
typedef struct gr_window {
    size_t size;                   /* sizeof(gr_window) */
    int64_t kernel;                /* pooling; a convolution's is its weight's */
    int64_t stride, pad, dilation; /* of all axes alike; pad on both sides */
    int64_t groups;                /* convolution; 0 means 1 */
    bool ceil;                     /* pooling: round sizes up, the last window clipped (Caffe) */
    bool count_include_pad;        /* average pooling: padding counts in the divisor */
    const gr_geometry *axes; /* overrides kernel, stride, pad, dilation; NULL: all axes alike */
} gr_window;
#define GR_WINDOW(...) (&(gr_window){.size = sizeof(gr_window), __VA_ARGS__})

/* Cross-correlation, as every framework's convolution: x [N, C, space…], w [O, C/groups, kernel…]
 * → [N, O, out…], out = ⌊(in + pad + pad_end − dilation·(k−1) − 1)/stride⌋ + 1. `window` may be
 * NULL for the defaults. */
GR_API gr_node *gr_conv(gr_node *x, gr_node *w, const gr_window *window);
/* Its two transposes, which are its gradients: by x, of shape `x_shape`, and by w, of shape
 * `w_shape`. The first is the "transposed convolution" layer. */
GR_API gr_node *gr_conv_input_grad(gr_node *dy, gr_node *w, gr_shape x_shape,
                                   const gr_window *window);
GR_API gr_node *gr_conv_weight_grad(gr_node *x, gr_node *dy, gr_shape w_shape,
                                    const gr_window *window);

/* Pooling of x [N, C, space…]. Padding never wins a maximum; an average divides by the elements
 * inside x unless count_include_pad. Ties of the maximum go to the first in row-major order.
 * Padding must be smaller than the kernel. */
GR_API gr_node *gr_max_pool(gr_node *x, const gr_window *window);
GR_API gr_node *gr_avg_pool(gr_node *x, const gr_window *window);
/* A tuple of max_pool(x) and its taps: where in its window each maximum was found, counted in
 * row-major order from the window's begin, padding included. u8 for windows of up to 256 elements,
 * else i32. */
GR_API gr_node *gr_max_pool_taps(gr_node *x, const gr_window *window);
/* The gradient of max_pool, of shape `x_shape`: each dy is added where its tap tells. Taps that
 * lead out of x count for nothing. */
GR_API gr_node *gr_max_pool_grad(gr_node *taps, gr_node *dy, gr_shape x_shape,
                                 const gr_window *window);
/* The elements of v (shape of x) that the taps tell; 0 for a tap that leads out of it. */
GR_API gr_node *gr_max_pool_pick(gr_node *taps, gr_node *v, const gr_window *window);
/* The gradient of avg_pool, of shape `x_shape`. */
GR_API gr_node *gr_avg_pool_grad(gr_node *dy, gr_shape x_shape, const gr_window *window);

/* Local response normalisation (Krizhevsky et al. 2012) across the channels of x [N, C, …]:
 * x/(k + alpha/size·Σx²)^beta, the sum over the `size` channels around each (⌊size/2⌋ in front of
 * it), as far as there are any. alpha is divided by size, as in Caffe and PyTorch. Refused:
 * size < 1, alpha < 0, k ≤ 0 (GR_INVALID), no axis of channels (GR_SHAPE). */
GR_API gr_node *gr_lrn(gr_node *x, int64_t size, double alpha, double beta, double k);
/* The same within each channel of x [N, C, space…]: x/(1 + alpha·mean(x²))^beta, the mean over a
 * window of `size` (odd) places along every spatial axis, zeros around x counted, as Caffe's
 * WITHIN_CHANNEL. */
GR_API gr_node *gr_lrn_within(gr_node *x, int64_t size, double alpha, double beta);

/* ---- Randomness --------------------------------------------------------------------------- */

/* Draws are a pure function of (seed, stream name, step, element index) by Philox, so equal nodes
 * agree however they are computed, and a graph in f64 sees the draws of the same graph in f32 (a
 * uniform one has 24 bits in either type). `step` is a scalar i64 node (a step counter), or NULL
 * for always the same draws. `stream` is copied. Not differentiable in anything. Refused: a dtype
 * other than said (GR_DTYPE), an unnamed stream, p outside [0, 1], n < 0 (GR_INVALID). */
typedef struct gr_stream {
    uint64_t seed;    /* any number */
    const char *name; /* parts draws of one seed from each other */
    gr_node *step;    /* i64 scalar, or NULL */
} gr_stream;
GR_API gr_node *gr_random_uniform(gr_graph *graph, gr_dtype dtype, gr_shape shape,
                                  gr_stream stream); /* [0, 1); f32 or f64 */
GR_API gr_node *gr_random_normal(gr_graph *graph, gr_dtype dtype, gr_shape shape,
                                 gr_stream stream); /* mean 0, deviation 1; f32 or f64 */
/* 1 with probability p, else 0; f64, f32, i64, i32, u8 or bool. */
GR_API gr_node *gr_random_bernoulli(gr_graph *graph, gr_dtype dtype, gr_shape shape, double p,
                                    gr_stream stream);
/* A uniformly random order of 0 … n−1 (i64, [n]). */
GR_API gr_node *gr_random_permutation(gr_graph *graph, int64_t n, gr_stream stream);

/* ---- Normalisation ------------------------------------------------------------------------ */

/* The `groups` groups of neighbouring channels of each of x [N, C, …], brought to mean 0 and
 * variance 1, then times gamma [C] plus beta [C]: (x − mean)/√(variance + epsilon)·gamma + beta,
 * the variance biased (Wu and He 2018). Like other gates in place of it, but faster where groups
 * have thousands of elements. Refused: groups that do not divide the channels, nothing to
 * normalise, other shapes of gamma and beta (GR_SHAPE), a negative epsilon (GR_INVALID). */
GR_API gr_node *gr_standardize(gr_node *x, gr_node *gamma, gr_node *beta, int64_t groups,
                               double epsilon);

/* ---- Recurrent gates ---------------------------------------------------------------------- */

/* The order of an LSTM's four gates in rows of 4·H: PyTorch's, or Caffe's. */
typedef enum gr_lstm_order {
    GR_LSTM_IFGO, /* input, forget, cell, output: PyTorch */
    GR_LSTM_IFOG  /* input, forget, output, cell: Caffe */
} gr_lstm_order;
/* What an LSTM does with its products: i, f, g, o are the gates x + u [N, 4·H] (u may be NULL: x
 * alone), *c_next = σ(f)·c + σ(i)·tanh(g), and the result is h = σ(o)·tanh(c_next), all [N, H].
 * Layers and cells are in recurrent.h. */
GR_API gr_node *gr_lstm_gates(gr_node *x, gr_node *u, gr_node *c, gr_lstm_order order,
                              gr_node **c_next);

/* ---- Variables, loops, own gates ---------------------------------------------------------- */

/* When the step ends, `value` becomes the variable's value; reads in the same step see the old
 * one. Returns a node that stands for the effect (compile it as a target): no gate can read it. Two
 * assigns to one variable in a program are a fault. */
GR_API gr_node *gr_assign(gr_node *variable, gr_node *value);

/* A loop over the first axis of `slices`: for t = 0 … T−1 (or backwards, if `reverse`)
 *     (carry, y_t) = body(carry, slice_t, captures).
 * The body is a graph of its own; body_in lists its inputs in the order carries, slices, captures,
 * body_out its results in the order carries, outputs. Result: a tuple of the final carries, then
 * the outputs stacked along a new first axis (in the order of t). Ownership of `body` passes to
 * the outer graph, also on failure. */
typedef struct gr_scan_spec {
    size_t size;                            /* sizeof(gr_scan_spec) */
    gr_graph *body;                         /* of one step; the outer graph owns it from now on */
    gr_node *const *body_in;                /* [carries + slices + captures]: its inputs */
    gr_node *const *body_out;               /* [carries + outputs]: its results */
    int carries, slices, captures, outputs; /* how many of each */
    int64_t length; /* T; needed only without slices, else 0 or the slices' first size */
    bool reverse;   /* t from T − 1 down to 0 */
} gr_scan_spec;
/* `in`: initial carries, slices, captures: nodes of the outer graph. */
GR_API gr_node *gr_scan(gr_graph *graph, const gr_scan_spec *spec, gr_node *const *in);

/* A gate of the user's own (gates.h). `gate` is copied, except what its pointers point to. */
GR_API gr_node *gr_custom(gr_graph *graph, const gr_gate *gate, gr_node *const *in, int n);

/* −log of the probability of label sequences: see gr_ctc_loss, which takes scores instead of
 * log-probabilities. Not twice differentiable. */
GR_API gr_node *gr_ctc(gr_node *log_p, gr_node *labels, gr_node *frames, gr_node *counts,
                       int blank);

/* ---- Composites: built of the gates above ------------------------------------------------- */

GR_API gr_node *gr_logsumexp(gr_node *x, int axis);   /* log Σ exp(x), stable; the axis goes */
GR_API gr_node *gr_softmax(gr_node *x, int axis);     /* exp(x)/Σ exp(x) along the axis, stable */
GR_API gr_node *gr_log_softmax(gr_node *x, int axis); /* its logarithm, stable */

/* x·Φ(x) with the normal distribution's Φ (Hendrycks and Gimpel 2016), and its approximation by
 * ½x(1 + tanh(√(2/π)(x + 0.044715x³))). */
GR_API gr_node *gr_gelu(gr_node *x);
GR_API gr_node *gr_gelu_tanh(gr_node *x);

typedef struct gr_attention_options {
    size_t size;
    bool causal;   /* query i sees keys 0 … i alone */
    double scale;  /* of the scores; 0 means 1/√d */
    gr_node *mask; /* broadcast to the scores […, T, S]: bool, true where a query sees a key, or of
                      q's type, added to the scores; or NULL */
    double dropout; /* in [0, 1): each weight of the softmax is kept with probability 1 − dropout,
                       and then divided by it */
    gr_stream stream; /* of the draws, if dropout > 0: element i of the scores sees what element i
                         of gr_random_bernoulli is drawn */
} gr_attention_options;
/* Scaled dot-product attention (Vaswani et al. 2017): softmax(scale·q·kᵀ)·v over the keys that each
 * query sees. q […, H, T, d], k […, K, S, d], v […, K, S, e] → […, H, T, e]; the axes before are
 * the same in all three. H is K, or a multiple of it: then neighbouring queries' heads share a head
 * of keys (Ainslie et al. 2023). Without an axis of heads, q [T, d], there is one. A query that
 * sees no key gives zeros. options may be NULL. */
GR_API gr_node *gr_attention(gr_node *q, gr_node *k, gr_node *v,
                             const gr_attention_options *options);
/* The same with the heads side by side in the rows, as a projection gives them: q […, T, heads·d],
 * k […, S, key_heads·d], v […, S, key_heads·e] → […, T, heads·e]. With k and v NULL, q holds all,
 * […, T, (heads + 2·key_heads)·d]: first the queries, then the keys, then the values. A mask is
 * bool. */
GR_API gr_node *gr_attention_rows(gr_node *q, gr_node *k, gr_node *v, int64_t heads,
                                  int64_t key_heads, const gr_attention_options *options);

typedef struct gr_rotary_options {
    size_t size;
    int axis;         /* along which the steps lie, before the last; 0: the last but one */
    int64_t first;    /* position of the first step */
    double base;      /* 0 means 10000 */
    bool interleaved; /* pairs are neighbours; else element i and element i + width/2 */
} gr_rotary_options;
/* Rotary positions (Su et al. 2021): pair i of the last axis, of even width, turned by the angle
 * position·base^(−2i/width), so that products of queries and keys depend on their distance. options
 * may be NULL. */
GR_API gr_node *gr_rotary(gr_node *x, const gr_rotary_options *options);
/* x […, T, width] plus sin(t·10000^(−2i/width)) at column 2i of row t and its cosine at column 2i+1
 * (Vaswani et al. 2017). */
GR_API gr_node *gr_sinusoidal_positions(gr_node *x);
/* Of lengths (i32 or i64, […]), bool […, steps]: true at the first `length` steps. A length outside
 * [0, steps] fails the step with GR_RANGE. */
GR_API gr_node *gr_sequence_mask(gr_node *lengths, int64_t steps);
#define GR_ROTARY(...) (&(gr_rotary_options){.size = sizeof(gr_rotary_options), __VA_ARGS__})
#define GR_ATTENTION(...)                                                                          \
    (&(gr_attention_options){.size = sizeof(gr_attention_options), __VA_ARGS__})

#include <gradus/places.h>

#ifdef __cplusplus
}
#endif
#endif
