/* The choice among the kernels of convolution, by a model of their cost. */
#include "backend/cpu/conv_choice.h"

#include <math.h>
#include <stdlib.h>

#include "backend/cpu/conv_places.h"
#include "backend/cpu/winograd.h"

/* ---- The model ---------------------------------------------------------------------------------
 *
 * Costs are counted in multiplications with addition at the CPU's peak rate: what else a kernel
 * does is stated as the number of those that take as long, measured with bench/kernels on a Zen 4
 * core with AVX-512. Since all of it is vector code, the ratios hold for other vector lengths too,
 * near enough for a choice among ways that differ by a tenth or more. */

/* Tiles of the product, for each multiplication: 95 % of the peak. */
#define CHOICE_PRODUCT 1.05
/* For each weight: packing it; reading it where it lies. */
#define CHOICE_PACK 30.0
#define CHOICE_READ 3.0
/* Places for each output channel up to which weights are read where they lie. */
#define CHOICE_FEW 2.0
/* For each element of the patches: gathering it; the gradient by the input adds it back to the
 * image, that by the weights turns rows to columns, by whole runs if that is possible, and the
 * cotangent's too. */
#define CHOICE_GATHER 9.5
#define CHOICE_SLIDE 5.0 /* the product of one row, without a gather */
#define CHOICE_SCATTER 14.0
#define CHOICE_TURN 20.0
#define CHOICE_UNFOLD 8.0
/* … and more for each where neighbours are a stride apart: no vectors. */
#define CHOICE_STRIDED 28.0
/* Place by place: for each element of the operands that is turned (with AVX2, which multiplies as
 * fast on this core, by smaller squares), and for each link of a tile's chain, which is of up to so
 * many rows. */
#define CHOICE_PLACE 25.0
#define CHOICE_PLACE_AVX2 60.0
#define CHOICE_LINK 250.0
#define CHOICE_ROWS 14
/* Winograd, for each point of each tile of each channel of the source and the result, which for the
 * gradient by the weights are read with channels as lanes, and for each point of each filter. */
#define CHOICE_TILE 14.0
#define CHOICE_CHANNEL_TILE 19.0
#define CHOICE_FILTER 25.0
/* oneDNN, for each multiplication, for each element that it reorders, and for each weight whose
 * gradient its threads add up. */
#define CHOICE_BLOCKED 1.0
#define CHOICE_REORDER 40.0
#define CHOICE_WEIGHT 270.0

static bool choice_is_depthwise(const gr_conv_geometry *g)
{
    return g->groups == g->c && g->groups == g->o;
}

/* Channels of x that one filter sees; the groups divide them. */
static int64_t choice_depth(const gr_conv_geometry *g)
{
    return g->c / g->groups;
}

static double choice_of_gemm(const gr_conv_geometry *g, const gr_op *op)
{
    const double patch = (double)(choice_depth(g) * gr_conv_volume(g->kernel));
    const double places = (double)(g->n * gr_conv_volume(g->out)), width = (double)g->o;
    const bool depthwise = choice_is_depthwise(g);
    const double strided = g->stride[2] > 1 ? CHOICE_STRIDED : 0;
    if (op == &gr_op_conv_weight_grad) {
        const bool unfolds = patch <= 256 && g->kernel[2] >= 3 && g->dilation[2] == 1;
        const double each = unfolds ? CHOICE_UNFOLD + depthwise * strided : CHOICE_TURN + strided;
        const double columns = 16 * ceil(patch / 16); /* whole vectors */
        return places * (CHOICE_PRODUCT * columns * width + each * patch * (double)g->groups +
                         CHOICE_TURN * width);
    }
    const double each = op == &gr_op_conv_input_grad ? CHOICE_SCATTER
                        : depthwise                  ? CHOICE_SLIDE
                                                     : CHOICE_GATHER;
    return patch * (CHOICE_PACK * width +
                    places * (CHOICE_PRODUCT * width + (each + strided) * (double)g->groups));
}

/* The patches of more places would take more scratch memory than packed weights do, and packing
 * would hardly show among so many. */
static double choice_of_rows(const gr_conv_geometry *g)
{
    const double patch = (double)(choice_depth(g) * gr_conv_volume(g->kernel));
    const double places = (double)(g->n * gr_conv_volume(g->out)), width = (double)g->o;
    const double columns = (double)(g->n * conv_ceil(gr_conv_volume(g->out), 16) * 16);
    if (columns * (double)g->groups > CHOICE_FEW * width) return INFINITY;
    const double strided = g->stride[2] > 1 ? CHOICE_STRIDED : 0;
    return patch * (CHOICE_PRODUCT * columns * width + CHOICE_READ * width +
                    (CHOICE_GATHER + strided) * places * (double)g->groups);
}

/* Pairs of a tap and a place of y from which it sees one of x. */
static double choice_pairs(const gr_conv_geometry *g)
{
    double pairs = 1;
    for (int i = 0; i < GR_SPACE; i++) {
        double sum = 0;
        for (int64_t k = 0; k < g->kernel[i]; k++) {
            const int64_t from = k * g->dilation[i] - g->pad[i]; /* what place 0 sees */
            const int64_t first = from < 0 ? conv_ceil(-from, g->stride[i]) : 0;
            const int64_t end = from < g->in[i] ? (g->in[i] - 1 - from) / g->stride[i] + 1 : 0;
            const int64_t n = conv_min(end, g->out[i]) - first;
            if (n > 0) sum += (double)n;
        }
        pairs *= sum;
    }
    return pairs;
}

static double choice_of_places(const gr_conv_geometry *g, const gr_request *request)
{
    const gr_op *op = request->node->op;
    const bool by_weights = op == &gr_op_conv_weight_grad, back = op == &gr_op_conv_input_grad;
    const int64_t depth = choice_depth(g), width = g->o / g->groups;
    const int64_t rows = back ? depth : width, lanes = by_weights ? depth : g->n;
    const double tiles = (double)(conv_ceil(rows, CHOICE_ROWS) * conv_ceil(lanes, 32));
    const double vectors = (double)(conv_ceil(lanes, 16) * 16), groups = (double)g->groups;
    const double sum = by_weights ? (double)g->n : back ? (double)width : (double)depth;
    const double x = (double)(g->n * g->c) * (double)gr_conv_volume(g->in);
    const double y = (double)(g->n * g->o) * (double)gr_conv_volume(g->out);
    const double w = (double)(depth * g->o * gr_conv_volume(g->kernel));
    return choice_pairs(g) * groups *
               (CHOICE_PRODUCT * (double)rows * vectors * sum + CHOICE_LINK * tiles) +
           (request->level == GR_CPU_AVX2 ? CHOICE_PLACE_AVX2 : CHOICE_PLACE) * (x + y) +
           CHOICE_PACK * w;
}

/* Without channels to sum over, its products are no matrices: the direct way took 1.3 ms where it
 * took 19 (64 channels of 32×32, by the weights). */
static double choice_of_winograd(const gr_conv_geometry *g, const gr_op *op)
{
    if (choice_is_depthwise(g)) return INFINITY;
    const double tiles = 16 * ceil((double)gr_winograd_count(g, op) / 16); /* whole vectors */
    const double filters = (double)(choice_depth(g) * g->o);
    const double each = op == &gr_op_conv_weight_grad ? CHOICE_CHANNEL_TILE : CHOICE_TILE;
    const double side = (double)winograd_side_of(g->kernel[1]);
    return side * side *
           (tiles * (CHOICE_PRODUCT * filters + each * (double)(g->c + g->o)) +
            CHOICE_FILTER * filters);
}

static double choice_of_onednn(const gr_conv_geometry *g, const gr_op *op)
{
    const bool depthwise = choice_is_depthwise(g);
    const double depth = depthwise ? 1 : (double)(conv_ceil(choice_depth(g), 16) * 16);
    const double width = (double)(conv_ceil(g->o / g->groups, 16) * 16 * g->groups);
    const double x = (double)(g->n * g->c * gr_conv_volume(g->in));
    const double y = (double)(g->n * g->o) * (double)gr_conv_volume(g->out);
    const double w = (double)(choice_depth(g) * g->o * gr_conv_volume(g->kernel));
    const double products = (double)(g->n * gr_conv_volume(g->out) * gr_conv_volume(g->kernel));
    return CHOICE_BLOCKED * products * depth * (depthwise ? (double)g->o : width) +
           CHOICE_REORDER * (x + y) +
           (op == &gr_op_conv_weight_grad ? CHOICE_WEIGHT : CHOICE_REORDER) * w;
}

/* ---- The choice ------------------------------------------------------------------------------ */

static const char *const choice_names[GR_CONV_WAYS] = {"gemm", "rows", "places", "winograd",
                                                       "onednn"};

/* GR_CONV_WAYS: none is forced. */
static gr_conv_way choice_forced(void)
{
    const char *wish = getenv("GRADUS_CONV");
    int way = 0;
    while (wish && way < GR_CONV_WAYS && strcmp(wish, choice_names[way]) != 0) way++;
    return wish ? (gr_conv_way)way : GR_CONV_WAYS;
}

gr_status gr_conv_check_choice(void)
{
    const char *wish = getenv("GRADUS_CONV");
    if (!wish || !*wish || choice_forced() < GR_CONV_WAYS) return GR_OK;
    return gr_fail(
        GR_INVALID,
        "GRADUS_CONV=%s is no way to convolve: write gemm, rows, places, winograd or onednn", wish);
}

gr_conv_way gr_conv_choose(const gr_request *request, bool onednn)
{
    const gr_op *op = request->node->op;
    const gr_conv_geometry g = gr_conv_geometry_of(request->node);
    const bool possible[GR_CONV_WAYS] = {true, gr_conv_rows_can(request),
                                         gr_conv_places_can(request), gr_winograd_can(request),
                                         onednn};
    const gr_conv_way forced = choice_forced();
    if (forced < GR_CONV_WAYS && possible[forced]) return forced;
    const double cost[GR_CONV_WAYS] = {
        choice_of_gemm(&g, op), possible[GR_CONV_ROWS] ? choice_of_rows(&g) : 0,
        possible[GR_CONV_PLACES] ? choice_of_places(&g, request) : 0,
        possible[GR_CONV_WINOGRAD] ? choice_of_winograd(&g, op) : 0, choice_of_onednn(&g, op)};
    gr_conv_way best = GR_CONV_GEMM;
    for (int way = 1; way < GR_CONV_WAYS; way++) {
        if (possible[way] && cost[way] < cost[best]) best = (gr_conv_way)way;
    }
    return best;
}

gr_prepare_fn gr_conv_choice_prepare, gr_conv_prepare;

gr_status gr_conv_choice_prepare(gr_request *request)
{
    switch (gr_conv_choose(request, false)) {
    case GR_CONV_ROWS:
        return gr_conv_rows_prepare(request);
    case GR_CONV_PLACES:
        return gr_conv_places_prepare(request);
    case GR_CONV_WINOGRAD:
        return gr_winograd_prepare(request);
    default:
        return gr_conv_prepare(request);
    }
}
