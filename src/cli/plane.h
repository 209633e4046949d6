/* Examples of two numbers, and what the points of the plane around them are taken for. */
#ifndef CLI_PLANE_H
#define CLI_PLANE_H

#include <gradus/data.h>
#include <gradus/plot.h>

/* A part of the plane: along x, along y. */
typedef struct cli_plane {
    double low[2], high[2];
} cli_plane;

/* What the n points at x, y span, or the examples, and a twentieth more to every side. */
cli_plane cli_plane_about(const double *x, const double *y, int64_t n);
cli_plane cli_plane_of(const gr_dataset *set);
/* The coordinates of the examples, all x and then all y; to be freed. */
double *cli_plane_coordinates(const gr_dataset *set);
/* n × n points of it, row by row from below, as examples of `shape`. */
gr_status cli_plane_points(const cli_plane *plane, int n, gr_shape shape, gr_dataset **points);
/* Adds the classes of such points to a panel, as areas. */
gr_status cli_plane_classes(gr_figure *figure, int panel, const cli_plane *plane,
                            const double *classes, int n);
/* Adds the examples as marks at x and y, of a size as gr_series has it, in the colours of their
 * classes. */
gr_status cli_plane_marks(gr_figure *figure, int panel, const gr_dataset *set, const double *x,
                          const double *y, double mark);
/* Adds examples where they are, in the colours of their classes. */
gr_status cli_plane_examples(gr_figure *figure, int panel, const gr_dataset *set);

#endif
