/* points.h: points of the plane in a few classes, made as they are asked for: the data on which one
 * sees what a classifier does.
 *
 *     gr_dataset *moons;
 *     gr_points_dataset(GR_POINTS_MOONS, GR_POINTS(.count = 500, .noise = .1), &moons);
 *
 *   circle   "inner", "outer": at most and at least 0.5 from the origin, up to 1
 *   spiral   arms that start at the origin; arm j turns from angle 4j to 4j + 4 (the case study of
 *            Stanford's CS231n notes, https://cs231n.github.io/neural-networks-case-study)
 *   moons    "upper", "lower": half circles that reach into each other (scikit-learn's make_moons)
 *   blobs    normal distributions about centres on a circle of radius 2
 *   xor      "equal", "unequal": the signs of the two coordinates, which lie between -1 and 1
 *
 * An example is f32 [2], the features are called x0 and x1. Examples take the classes by turns. */
#ifndef GRADUS_POINTS_H
#define GRADUS_POINTS_H

#include <gradus/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which sets of points there are. */
typedef enum gr_points_kind {
    GR_POINTS_CIRCLE, /* a disc in a ring */
    GR_POINTS_SPIRAL, /* arms that wind around each other */
    GR_POINTS_MOONS,  /* two half circles, one in the other */
    GR_POINTS_BLOBS,  /* heaps about centres on a circle */
    GR_POINTS_XOR     /* the quadrants of a square, opposite ones of one class */
} gr_points_kind;

typedef struct gr_points_options {
    size_t size;   /* sizeof(gr_points_options) */
    int64_t count; /* points; 0 means 300 */
    int classes;   /* of spirals and blobs, up to 28; 0 means 3. The others have 2 */
    /* The standard deviation of what is added to each coordinate, of spirals to the angle. 0 means
     * 0.1, spirals and moons 0.2, blobs 0.7; below 0: none. */
    double noise;
    uint64_t seed; /* a point is a function of seed and number */
} gr_points_options;
#define GR_POINTS(...) (&(gr_points_options){.size = sizeof(gr_points_options), __VA_ARGS__})

/* Makes the set, in memory; `options` may be NULL. GR_INVALID for an unknown kind, a count below
 * the number of classes, classes or noise that it cannot have; GR_NO_MEMORY. *dataset is NULL on
 * failure. */
GR_API gr_status gr_points_dataset(gr_points_kind kind, const gr_points_options *options,
                                   gr_dataset **dataset);
/* "circle", "spiral", "moons", "blobs", "xor", by which gr_data_open knows them: the training part
 * is that of seed 0, the test part that of seed 1. NULL if there is no such kind. */
GR_API const char *gr_points_name(gr_points_kind kind);

#ifdef __cplusplus
}
#endif
#endif
