/* What the drawing of diagrams and the Graphviz module (base/part.h) know of each other. The
 * module gets memory from the caller. Internal. */
#ifndef GR_PLOT_LAYOUT_H
#define GR_PLOT_LAYOUT_H

#include "base/part.h"

#define GR_LAYOUT_ABI 2 /* counts up with every change of this header */

typedef struct gr_layout_node {
    double width, height; /* in points */
    bool round;           /* a circle: wires end on it */
    bool wire;            /* a piece of a wire: others meet it at its two ends */
    double x, y;          /* answer: its centre, from the top left */
} gr_layout_node;

typedef struct gr_layout_wire {
    int from, to;
    int points; /* answer: 1 + 3k, of cubic curves that follow each other, */
    int first;  /* from this one of the job's points on */
} gr_layout_wire;

typedef struct gr_layout_job {
    gr_layout_node *node;
    gr_layout_wire *wire;
    int nodes, wires;
    double *point; /* answer: x, y, …; room for `capacity` pairs */
    int points, capacity;
    double width, height; /* answer */
    /* Makes room for more points; NULL: memory is out. */
    double *(*more)(double *point, int capacity);
} gr_layout_job;

typedef struct gr_layout_module {
    /* GR_OK with the answers, GR_NO_MEMORY, or GR_INTERNAL if Graphviz cannot. */
    gr_status (*run)(gr_layout_job *job);
} gr_layout_module;

#endif
