/* Random training graphs: what the compiled program computes, forward, gradient and after ten
 * updates, against the same graph in f64, run gate by gate.
 *
 * The bound. Besides the exact run, the f64 graph runs twice with each rounded result off by up to
 * ROUNDING units in the last place of f32. The farther of the two from the exact one, as the
 * largest difference in a tensor, is what f32 arithmetic in any order may cost in this graph, depth
 * and condition counted; a program may be off by BOUND times that. Without `exact` convolutions may
 * be Winograd's: then a run more counts, in which they are off by WINOGRAD units. Where ten updates
 * carry a perturbed run's parameters farther than LOST from the exact ones, rounding decides what
 * becomes of them, and only the first step is compared. Where a value lies so near to a corner
 * (relu, a maximum, a comparison) that rounding decides the side, f32 and f64 rightly differ: a
 * disagreement counts if it is there for each of DRAWS draws of inputs, or if they are many.
 *
 * Bits. With `exact`, one, two and three threads give the same bits. Graphs without contractions
 * give the same bits also with any passes left out; all do with less memory (plan/recompute.c).
 * Guards (plan/guard.c) watch the steps.
 *
 * GRADUS_GRAPHS: how many graphs (default USUAL_GRAPHS); GRADUS_SEED: of the first (default 1). A
 * failure prints its seed and the graph. */
#include "support_random.h"

#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "graph/graph.h"
#include "ops/ops.h"
#include "run/store.h"
#include "support_interpret.h"

#define ROUNDING 2.0 /* units of the perturbation */
#define BOUND 32.0
#define AFTER 4.0 /* times as far after the updates, in which corners are passed */
#define WINOGRAD 16.0
#define LOST 1e-4

#if defined(NDEBUG)
enum { USUAL_GRAPHS = 60 };
#else
enum { USUAL_GRAPHS = 20 }; /* sanitizers and assertions take their time */
#endif

enum { UPDATES = 10, DRAWS = 6, MOMENTS = 2 };

/* Results of one way to run a graph: all after the first step, the variables after the last. */
typedef struct outcome {
    gr_tensor *tensor; /* [n] */
    int n;
    size_t arena; /* bytes of the program's buffers */
} outcome;

static void outcome_clear(outcome *o)
{
    for (int i = 0; i < o->n; i++) gr_tensor_clear(&o->tensor[i]);
    gr_free(o->tensor);
    *o = (outcome){0};
}

static void outcome_new(outcome *o, const random_graph *r)
{
    *o = (outcome){.n = 2 * r->n_results + gr_store_size(r->store)};
    o->tensor = gr_alloc_array((size_t)o->n, sizeof *o->tensor);
    assert_non_null(o->tensor);
}

static const char *outcome_name(const random_graph *r, int i, char text[160])
{
    char node[96];
    if (i >= 2 * r->n_results)
        snprintf(text, 160, "variable '%s' after %d steps",
                 gr_store_name(r->store, i - 2 * r->n_results), UPDATES);
    else
        snprintf(text, 160, "result %d, %s, of step %d", i % r->n_results,
                 gr_node_text(r->target[i % r->n_results], node, sizeof node),
                 i < r->n_results ? 1 : UPDATES);
    return text;
}

static void outcome_copy(gr_tensor *to, const gr_tensor *from)
{
    unit_ok(gr_tensor_new(from->dtype, from->shape, to));
    if (gr_tensor_bytes(from)) memcpy(to->data, from->data, gr_tensor_bytes(from));
}

/* ---- The f64 side ------------------------------------------------------------------------------
 */

typedef struct reference_run {
    gr_graph *graph;
    gr_node *target[RANDOM_TARGETS];
} reference_run;

static void reference_outcome(const reference_run *ref, const random_graph *r,
                              const gr_tensor *data, double units, double convolution,
                              uint64_t seed, outcome *o)
{
    interpreter *it;
    unit_ok(interpreter_new(ref->graph, ref->target, r->n_targets, r->store, &it));
    interpreter_perturb(it, units, convolution, seed);
    for (int i = 0; i < r->n_inputs; i++)
        interpreter_feed(it, gr_node_name(r->input[i].node), &data[i]);
    outcome_new(o, r);
    for (int step = 0; step < UPDATES; step++) {
        unit_ok(interpreter_step(it));
        const int at = step == 0 ? 0 : r->n_results;
        for (int i = 0; i < r->n_results && (step == 0 || step == UPDATES - 1); i++)
            outcome_copy(&o->tensor[at + i], interpreter_target(it, i));
    }
    for (int i = 0; i < gr_store_size(r->store); i++) {
        const gr_tensor *value = interpreter_variable(it, gr_store_name(r->store, i));
        if (value) outcome_copy(&o->tensor[2 * r->n_results + i], value);
    }
    interpreter_free(it);
}

/* ---- The compiled side -------------------------------------------------------------------------
 */

typedef struct compiled_run {
    const char *passes;
    int threads;
    bool exact, guard;
    const char *convolution; /* GRADUS_CONV; NULL: the library's choice */
    size_t memory;           /* a budget; 0: none */
} compiled_run;

static gr_status compiled_steps(gr_program *program, gr_session *session, const random_graph *r,
                                const gr_tensor *data, outcome *o)
{
    for (int i = 0; i < r->n_inputs; i++) {
        int input = gr_program_find_input(program, gr_node_name(r->input[i].node));
        if (input >= 0)
            GR_TRY(gr_session_bind(session, input, data[i].data, gr_tensor_bytes(&data[i])));
    }
    for (int step = 0; step < UPDATES; step++) {
        GR_TRY(gr_session_step(session));
        const int at = step == 0 ? 0 : r->n_results;
        for (int i = 0; i < r->n_results && (step == 0 || step == UPDATES - 1); i++) {
            gr_tensor *t = &o->tensor[at + i];
            gr_tensor type = gr_program_output_type(program, i);
            GR_TRY(gr_tensor_new(type.dtype, type.shape, t));
            GR_TRY(gr_session_read(session, i, t->data, gr_tensor_bytes(t)));
        }
    }
    return GR_OK;
}

static gr_status compiled_outcome(const compiled_run *how, const random_graph *r,
                                  const gr_tensor *data, outcome *o)
{
    const gr_compile_options options = {.size = sizeof options,
                                        .threads = how->threads,
                                        .exact = how->exact,
                                        .memory = how->memory,
                                        .passes = how->passes};
    gr_program *program = NULL;
    gr_session *session = NULL;
    gr_store *store = NULL;
    outcome_new(o, r);
    if (how->guard) setenv("GRADUS_GUARD", "1", 1);
    if (how->convolution) setenv("GRADUS_CONV", how->convolution, 1);
    gr_status status = gr_store_snapshot(r->store, &store);
    if (status == GR_OK) status = gr_compile(r->graph, r->target, r->n_targets, &options, &program);
    unsetenv("GRADUS_GUARD");
    unsetenv("GRADUS_CONV");
    if (status == GR_OK) o->arena = gr_program_plan(program).arena;
    if (status == GR_OK) status = gr_session_new(program, store, NULL, &session);
    if (status == GR_OK) status = compiled_steps(program, session, r, data, o);
    for (int i = 0; i < gr_store_size(store) && status == GR_OK; i++)
        outcome_copy(&o->tensor[2 * r->n_results + i], &store->entries[i].value);
    gr_session_free(session);
    gr_program_free(program);
    gr_store_free(store);
    return status;
}

/* ---- Comparing ---------------------------------------------------------------------------------
 */

static double compare_largest(const gr_tensor *t)
{
    double most = 0;
    const int64_t n = gr_shape_count(t->shape);
    for (int64_t i = 0; i < n; i++) {
        double size = fabs(gr_tensor_at(t, i));
        if (!(size <= most)) most = size;
    }
    return most;
}

/* The largest difference; infinite where one is NaN. */
static double compare_distance(const gr_tensor *a, const gr_tensor *b)
{
    double most = 0;
    const int64_t n = gr_shape_count(a->shape);
    for (int64_t i = 0; i < n; i++) {
        double distance = fabs(gr_tensor_at(a, i) - gr_tensor_at(b, i));
        if (!(distance <= most)) most = isnan(distance) ? INFINITY : distance;
    }
    return most;
}

/* What tensors may be off by, in BOUND: the first `n` of them, the others being lost. */
typedef struct error_bound {
    double *of;
    int n;
} error_bound;

/* Has a parameter gone astray? */
static bool compare_lost(const random_graph *r, const outcome *exact, const outcome *perturbed)
{
    for (int i = 2 * r->n_results; i < exact->n; i++) {
        if (!exact->tensor[i].data) continue;
        if (!strncmp(gr_store_name(r->store, i - 2 * r->n_results), "optim/", 6)) continue;
        if (compare_distance(&exact->tensor[i], &perturbed->tensor[i]) > LOST) return true;
    }
    return false;
}

static error_bound compare_bound(const random_graph *r, const outcome *exact,
                                 const outcome *perturbed, int n)
{
    error_bound bound = {gr_alloc_array((size_t)exact->n, sizeof *bound.of), exact->n};
    assert_non_null(bound.of);
    for (int k = 0; k < n; k++)
        if (compare_lost(r, exact, &perturbed[k])) bound.n = r->n_results;
    for (int i = 0; i < bound.n; i++) {
        const gr_tensor *t = &exact->tensor[i];
        if (!t->data) continue;
        bound.of[i] = 4 * 0x1p-24 * compare_largest(t) + 0x1p-126;
        for (int k = 0; k < n; k++) {
            double distance = compare_distance(t, &perturbed[k].tensor[i]);
            if (distance > bound.of[i]) bound.of[i] = distance;
        }
        if (i >= r->n_results) bound.of[i] *= AFTER;
    }
    return bound;
}

/* Returns the worst ratio of a tensor's error to its bound, *worst being the tensor. */
static double compare_exact(const outcome *exact, const error_bound *bound, const outcome *got,
                            int *worst)
{
    double most = 0;
    for (int i = 0; i < bound->n; i++) {
        if (!exact->tensor[i].data) continue;
        double ratio = compare_distance(&got->tensor[i], &exact->tensor[i]) / bound->of[i];
        if (ratio > most) most = ratio, *worst = i;
    }
    return most;
}

/* The first tensor that differs in a bit; NaN are all alike. -1: none does. */
static int compare_bits(const outcome *a, const outcome *b, int64_t *element)
{
    for (int i = 0; i < a->n; i++) {
        if (!gr_tensor_bytes(&a->tensor[i])) continue;
        const size_t size = gr_dtype_size(a->tensor[i].dtype);
        if (!memcmp(a->tensor[i].data, b->tensor[i].data, gr_tensor_bytes(&a->tensor[i]))) continue;
        for (int64_t k = 0; k < gr_shape_count(a->tensor[i].shape); k++) {
            const char *x = a->tensor[i].data, *y = b->tensor[i].data;
            if (!memcmp(x + (size_t)k * size, y + (size_t)k * size, size)) continue;
            if (isnan(gr_tensor_at(&a->tensor[i], k)) && isnan(gr_tensor_at(&b->tensor[i], k)))
                continue;
            *element = k;
            return i;
        }
    }
    return -1;
}

/* ---- One graph ---------------------------------------------------------------------------------
 */

typedef struct graph_case {
    random_graph graph;
    reference_run reference;
    gr_tensor data[RANDOM_INPUTS];
    outcome exact;
    error_bound tight, wide; /* wide: with Winograd */
    bool contracts, convolves;
    char fault[1024]; /* what is wrong with this draw of inputs; "" so far nothing */
    bool certain;     /* and no corner excuses it */
} graph_case;

static volatile uint64_t running_seed;
static double worst_tight, worst_wide;
static long near_corners, lost, budgets_met;
static long gates_of[128]; /* by place in the table of ops */

static void case_fault(graph_case *c, bool certain, const compiled_run *how, const char *format,
                       ...)
{
    if (c->fault[0]) return;
    va_list args;
    va_start(args, format);
    int n = snprintf(c->fault, sizeof c->fault,
                     "passes %s, %d threads, %s, %zu bytes: ", *how->passes ? how->passes : "all",
                     how->threads,
                     how->exact         ? "exact"
                     : how->convolution ? how->convolution
                                        : "not exact",
                     how->memory);
    vsnprintf(c->fault + n, sizeof c->fault - (size_t)n, format, args);
    va_end(args);
    c->certain = certain;
}

static void case_compare_exact(graph_case *c, const compiled_run *how, const outcome *got)
{
    char name[160];
    int worst = 0;
    const bool wide = !how->exact && c->convolves;
    const error_bound *bound = wide ? &c->wide : &c->tight;
    const double ratio = compare_exact(&c->exact, bound, got, &worst);
    double *noted = wide ? &worst_wide : &worst_tight;
    if (ratio > BOUND)
        case_fault(c, false, how, "%s is off by %.3g, %.3g times the bound of %.3g",
                   outcome_name(&c->graph, worst, name), ratio * bound->of[worst], ratio / BOUND,
                   BOUND * bound->of[worst]);
    else if (ratio > *noted)
        *noted = ratio;
}

static void case_compare_bits(graph_case *c, const compiled_run *how, const outcome *expected,
                              const outcome *got)
{
    char name[160];
    int64_t element = 0;
    int i = compare_bits(expected, got, &element);
    if (i < 0) return;
    case_fault(c, true, how, "element %lld of %s: %.9g, but %.9g", (long long)element,
               outcome_name(&c->graph, i, name), gr_tensor_at(&got->tensor[i], element),
               gr_tensor_at(&expected->tensor[i], element));
}

/* Runs in one way more, and compares with bits, if given, and the exact values. */
static bool case_run(graph_case *c, const compiled_run *how, const outcome *bits, outcome *got)
{
    gr_status status = compiled_outcome(how, &c->graph, c->data, got);
    if (status != GR_OK) {
        case_fault(c, true, how, "%s: %s", gr_status_text(status), gr_message());
        return false;
    }
    if (bits) case_compare_bits(c, how, bits, got);
    case_compare_exact(c, how, got);
    return c->fault[0] == 0;
}

static void case_run_and_drop(graph_case *c, const compiled_run *how, const outcome *bits)
{
    outcome got = {0};
    case_run(c, how, bits, &got);
    outcome_clear(&got);
}

static const char *const case_passes[] = {
#define PASS(name, doc) "-" #name,
#include "passes/passes.def"
#undef PASS
};

/* Within three quarters of the memory, if that can be: the same bits, some computed twice. */
static void case_check_budget(graph_case *c, const outcome *bits)
{
    const compiled_run how = {
        .passes = "", .threads = 2, .exact = true, .memory = bits->arena / 4 * 3};
    outcome got = {0};
    gr_status status = how.memory ? compiled_outcome(&how, &c->graph, c->data, &got) : GR_NO_MEMORY;
    budgets_met += status == GR_OK;
    if (status == GR_OK)
        case_compare_bits(c, &how, bits, &got);
    else if (status != GR_NO_MEMORY)
        case_fault(c, true, &how, "%s: %s", gr_status_text(status), gr_message());
    outcome_clear(&got);
}

static void case_check(graph_case *c)
{
    static const char *const ways[] = {NULL, "winograd", NULL, "onednn", "gemm"};
    const uint64_t seed = c->graph.seed;
    const compiled_run unchanged = {.passes = "-all", .threads = 1, .exact = true, .guard = true};
    const compiled_run one = {.passes = "", .threads = 1, .exact = true, .guard = true};
    const compiled_run two = {.passes = "", .threads = 2, .exact = true};
    const compiled_run three = {.passes = "", .threads = 3, .exact = true};
    const compiled_run loose = {
        .passes = "", .threads = 2, .guard = true, .convolution = ways[seed % GR_LEN(ways)]};
    const compiled_run without = {.passes = case_passes[seed / 4 % GR_LEN(case_passes)],
                                  .threads = 1,
                                  .exact = true,
                                  .guard = true};
    outcome plain = {0}, passed = {0}, shared = {0};
    const outcome *bits = c->contracts ? NULL : &plain;
    if (case_run(c, &unchanged, NULL, &plain) && case_run(c, &one, bits, &passed) &&
        case_run(c, &two, &passed, &shared)) {
        case_run_and_drop(c, &loose, NULL);
        if (seed % 4 == 0) {
            case_run_and_drop(c, &three, &passed);
            case_run_and_drop(c, &without, bits);
        } else if (seed % 4 == 1) {
            case_check_budget(c, &shared);
        }
    }
    outcome_clear(&plain);
    outcome_clear(&passed);
    outcome_clear(&shared);
}

/* One draw of inputs: false with the fault noted if something is wrong. */
static bool case_draw(graph_case *c, uint64_t draw)
{
    random_graph *r = &c->graph;
    outcome perturbed[MOMENTS + 1];
    const int moments = c->convolves ? MOMENTS + 1 : MOMENTS;
    c->fault[0] = 0;
    random_graph_draw(r, draw, c->data);
    reference_outcome(&c->reference, r, c->data, 0, 0, 0, &c->exact);
    for (int k = 0; k < moments; k++)
        reference_outcome(&c->reference, r, c->data, ROUNDING, k < MOMENTS ? ROUNDING : WINOGRAD,
                          draw * (MOMENTS + 1) + (uint64_t)k + 1, &perturbed[k]);
    c->tight = compare_bound(r, &c->exact, perturbed, MOMENTS);
    c->wide = compare_bound(r, &c->exact, perturbed, moments);
    lost += c->tight.n < c->exact.n;
    /* Updates may blow a graph up, which is then lost; its first step may not. */
    for (int i = 0; i < r->n_results; i++)
        if (c->exact.tensor[i].data && !isfinite(compare_largest(&c->exact.tensor[i])))
            fail_msg("seed %llu: the generator let a value grow out of bounds",
                     (unsigned long long)r->seed);
    case_check(c);
    gr_free(c->tight.of);
    gr_free(c->wide.of);
    for (int k = 0; k < moments; k++) outcome_clear(&perturbed[k]);
    outcome_clear(&c->exact);
    for (int i = 0; i < r->n_inputs; i++) gr_tensor_clear(&c->data[i]);
    return c->fault[0] == 0;
}

static void case_tell(const graph_case *c)
{
    char *text = NULL;
    const random_graph *r = &c->graph;
    if (gr_graph_print(r->graph, r->target, r->n_targets, &text) == GR_OK) fputs(text, stderr);
    gr_text_release(text);
    fail_msg("GRADUS_GRAPHS=1 GRADUS_SEED=%llu: %s", (unsigned long long)r->seed, c->fault);
}

static void case_look(graph_case *c)
{
    for (int id = 0; id < gr_graph_size(c->graph.graph); id++) {
        const gr_op *op = c->graph.graph->nodes[id]->op;
        const bool convolution =
            op == &gr_op_conv || op == &gr_op_conv_input_grad || op == &gr_op_conv_weight_grad;
        int n_ops;
        const gr_op *const *ops = gr_op_all(&n_ops);
        for (int i = 0; i < n_ops; i++) gates_of[i] += ops[i] == op;
        c->convolves |= convolution;
        c->contracts |= convolution || op == &gr_op_matmul || op == &gr_op_scan;
    }
}

static void case_seed(uint64_t seed)
{
    graph_case *c = gr_alloc(sizeof *c);
    assert_non_null(c);
    running_seed = seed;
    unit_ok(random_graph_new(seed, &c->graph));
    random_graph *r = &c->graph;
    unit_ok(gr_graph_retype(r->graph, GR_F32, GR_F64, r->target, r->n_targets, &c->reference.graph,
                            c->reference.target));
    case_look(c);
    bool fine = case_draw(c, 0);
    for (uint64_t draw = 1; draw < DRAWS && !fine && !c->certain; draw++) {
        near_corners++;
        fine = case_draw(c, draw);
    }
    if (!fine) case_tell(c);
    gr_graph_free(c->reference.graph);
    random_graph_clear(r);
    gr_free(c);
}

/* ---- All of them -------------------------------------------------------------------------------
 */

static void tell_seed(int number)
{
    char text[64];
    int n = snprintf(text, sizeof text, "signal %d in the graph of GRADUS_SEED=%llu\n", number,
                     (unsigned long long)running_seed);
    if (write(STDERR_FILENO, text, (size_t)n) < 0) _exit(2);
    signal(number, SIG_DFL);
    raise(number);
}

static uint64_t wish(const char *name, uint64_t usual)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : usual;
}

/* The generator builds every op that has a gradient, or is one. */
static void tell_missing(uint64_t graphs)
{
    static const gr_op *const apart[] = {&gr_op_custom, &gr_op_custom_grad,
                                         &gr_op_random_permutation, &gr_op_max_pool_pick,
                                         &gr_op_fused};
    int n_ops, missing = 0;
    const gr_op *const *ops = gr_op_all(&n_ops);
    for (int i = 0; i < n_ops; i++) {
        bool meant = gates_of[i] == 0;
        for (size_t k = 0; k < GR_LEN(apart); k++) meant = meant && ops[i] != apart[k];
        if (meant) print_message("no graph had a gate '%s'\n", ops[i]->name);
        missing += meant;
    }
    if (graphs >= 500) assert_int_equal(missing, 0);
}

static void random_graphs(void **state)
{
    (void)state;
    const uint64_t first = wish("GRADUS_SEED", 1), n = wish("GRADUS_GRAPHS", USUAL_GRAPHS);
    signal(SIGSEGV, tell_seed);
    signal(SIGFPE, tell_seed);
    signal(SIGILL, tell_seed);
    const double begin = gr_seconds();
    for (uint64_t seed = first; seed < first + n; seed++) case_seed(seed);
    print_message(
        "%llu graphs from seed %llu in %.0f s; worst error %.2f, with Winograd %.2f, of %g units; "
        "%ld draws near a corner, %ld lost, %ld within less memory\n",
        (unsigned long long)n, (unsigned long long)first, gr_seconds() - begin, worst_tight,
        worst_wide, BOUND, near_corners, lost, budgets_met);
    if (near_corners > 5 + (long)n / 50) fail_msg("%ld draws are too many", near_corners);
    tell_missing(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_graphs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
