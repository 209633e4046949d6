/* Points of the plane in classes, made when they are asked for. */
#include <gradus/points.h>

#include "data/points.h"

#include "base/base.h"
#include "data/dataset.h"

#include <math.h>

#define POINTS_COUNT 300
#define POINTS_MOST (1 << 24)
#define POINTS_CLASSES 28 /* as many as figures have colours and marks for */

#define POINTS_PI 3.14159265358979323846

/* Where a point of a class lies, but for the noise that is added to both coordinates. */
typedef void points_place(gr_rng *rng, int class, const gr_points_options *o, double at[2]);

static void points_polar(double radius, double angle, double at[2])
{
    at[0] = radius * cos(angle);
    at[1] = radius * sin(angle);
}

static void points_circle(gr_rng *rng, int class, const gr_points_options *o, double at[2])
{
    (void)o;
    const double radius = .5 * (class + gr_rng_uniform(rng));
    points_polar(radius, 2 * POINTS_PI * gr_rng_uniform(rng), at);
}

/* The angle runs from the axis x1, so that x0 = r sin t, as in the case study. */
static void points_spiral(gr_rng *rng, int class, const gr_points_options *o, double at[2])
{
    const double along = gr_rng_uniform(rng);
    const double angle = 4 * (class + along) + o->noise * gr_rng_normal(rng);
    at[0] = along * sin(angle);
    at[1] = along * cos(angle);
}

static void points_moons(gr_rng *rng, int class, const gr_points_options *o, double at[2])
{
    (void)o;
    points_polar(1, POINTS_PI * gr_rng_uniform(rng), at);
    if (class == 0) return;
    at[0] = 1 - at[0];
    at[1] = .5 - at[1];
}

/* The first centre is straight above the origin. */
static void points_blobs(gr_rng *rng, int class, const gr_points_options *o, double at[2])
{
    (void)rng;
    points_polar(2, POINTS_PI * (.5 + 2. * class / o->classes), at);
}

static void points_xor(gr_rng *rng, int class, const gr_points_options *o, double at[2])
{
    (void)o;
    at[0] = 2 * gr_rng_uniform(rng) - 1;
    at[1] = gr_rng_uniform(rng);
    if ((at[0] < 0) != (class == 1)) at[1] = -at[1];
}

static const struct {
    const char *name;
    points_place *place;
    double noise;
    const char *class_names[2]; /* none: numbers, of any number of classes */
} points_kinds[] = {
    [GR_POINTS_CIRCLE] = {"circle", points_circle, .1, {"inner", "outer"}},
    [GR_POINTS_SPIRAL] = {"spiral", points_spiral, .2, {NULL, NULL}},
    [GR_POINTS_MOONS] = {"moons", points_moons, .2, {"upper", "lower"}},
    [GR_POINTS_BLOBS] = {"blobs", points_blobs, .7, {NULL, NULL}},
    [GR_POINTS_XOR] = {"xor", points_xor, .1, {"equal", "unequal"}},
};

const char *gr_points_name(gr_points_kind kind)
{
    return (unsigned)kind < GR_LEN(points_kinds) ? points_kinds[kind].name : NULL;
}

static gr_status points_check(gr_points_kind kind, gr_points_options *o)
{
    const bool fixed = points_kinds[kind].class_names[0] != NULL;
    if (!o->count) o->count = POINTS_COUNT;
    if (!o->classes) o->classes = fixed ? 2 : 3;
    o->noise = o->noise == 0 ? points_kinds[kind].noise : o->noise < 0 ? 0 : o->noise;
    if (o->classes < 2 || o->classes > (fixed ? 2 : POINTS_CLASSES))
        return gr_fail(GR_INVALID, "points '%s': %d classes: there are %s", gr_points_name(kind),
                       o->classes, fixed ? "2" : "2 to 28");
    if (o->count < o->classes || o->count > POINTS_MOST)
        return gr_fail(GR_INVALID, "points '%s': %lld points: should be from %d to %d",
                       gr_points_name(kind), (long long)o->count, o->classes, POINTS_MOST);
    if (!isfinite(o->noise))
        return gr_fail(GR_INVALID, "points '%s': the noise is not finite", gr_points_name(kind));
    return GR_OK;
}

static void points_fill(gr_points_kind kind, const gr_points_options *o, float *x, int32_t *label)
{
    const double noise = kind == GR_POINTS_SPIRAL ? 0 : o->noise;
    for (int64_t i = 0; i < o->count; i++) {
        gr_rng rng = gr_rng_new(o->seed, (uint64_t)i);
        double at[2];
        label[i] = (int32_t)(i % o->classes);
        points_kinds[kind].place(&rng, label[i], o, at);
        for (int axis = 0; axis < 2; axis++)
            x[2 * i + axis] = (float)(at[axis] + noise * gr_rng_normal(&rng));
    }
}

static gr_status points_make(gr_points_kind kind, const gr_points_options *o, bool labelled,
                             gr_dataset **dataset)
{
    static const char *const features[] = {"x0", "x1"};
    const bool named = labelled && points_kinds[kind].class_names[0];
    gr_tensor x = {0};
    int32_t *labels = gr_alloc_array((size_t)o->count, sizeof *labels);
    gr_status status = labels ? gr_tensor_new(GR_F32, GR_SHAPE(o->count, 2), &x) : GR_NO_MEMORY;
    if (status == GR_OK) {
        points_fill(kind, o, x.data, labels);
        status = gr_dataset_new(points_kinds[kind].name, &x, labelled ? labels : NULL,
                                labelled ? o->classes : 0,
                                named ? points_kinds[kind].class_names : NULL, dataset);
    }
    if (status == GR_OK) {
        status = gr_storage_features((*dataset)->storage, 2, features);
        if (status != GR_OK) {
            gr_dataset_free(*dataset);
            *dataset = NULL;
        }
    }
    gr_tensor_clear(&x);
    gr_free(labels);
    return status;
}

gr_status gr_points_dataset(gr_points_kind kind, const gr_points_options *options,
                            gr_dataset **dataset)
{
    *dataset = NULL;
    gr_points_options o;
    GR_TRY(GR_OPTIONS(gr_points_options, &o, options));
    if (!gr_points_name(kind)) return gr_fail(GR_INVALID, "there are no points %d", (int)kind);
    GR_TRY(points_check(kind, &o));
    return points_make(kind, &o, true, dataset);
}

/* ---- By name -------------------------------------------------------------------------------- */

/* Are the classes those that labels must be among? */
static gr_status points_check_classes(const gr_data_options *options, const gr_dataset *set)
{
    const int n = gr_dataset_classes(set);
    for (int c = 0; c < n && options->class_names; c++) {
        if (c < options->classes &&
            strcmp(options->class_names[c], gr_dataset_class_name(set, c)) == 0)
            continue;
        return gr_fail(GR_FORMAT, "data set '%s': its class '%s' is not class %d of those given",
                       gr_dataset_name(set), gr_dataset_class_name(set, c), c);
    }
    return GR_OK;
}

gr_status gr_points_parts(const char *name, const gr_data_options *options, gr_dataset **train,
                          gr_dataset **test)
{
    gr_dataset **const parts[] = {train, test};
    gr_points_kind kind = GR_POINTS_CIRCLE;
    while (gr_points_name(kind) && strcmp(gr_points_name(kind), name) != 0) kind++;
    for (unsigned seed = 0; seed < GR_LEN(parts); seed++) {
        gr_points_options o = {.seed = seed};
        if (!parts[seed]) continue;
        GR_TRY(points_check(kind, &o));
        GR_TRY(points_make(kind, &o, !options->unlabelled, parts[seed]));
        GR_TRY(points_check_classes(options, *parts[seed]));
    }
    return GR_OK;
}
