/* What a diagram holds. Internal. */
#ifndef GR_PLOT_DIAGRAM_H
#define GR_PLOT_DIAGRAM_H

#include "plot/figure.h"
#include "plot/layout.h"

typedef struct diagram_node {
    gr_diagram_kind kind;
    char *text, *name; /* each NULL if there is none */
    int color;
} diagram_node;

typedef struct diagram_wire {
    int from, to; /* to = -1: an open end */
    char *value, *gradient;
} diagram_wire;

struct gr_diagram {
    char *title;
    double dpi;
    diagram_node *node;
    diagram_wire *wire;
    size_t nodes, node_capacity, wires, wire_capacity;
};

/* Finds places for the job's nodes and wires. GR_UNSUPPORTED without Graphviz. */
gr_status gr_plot_lay_out(gr_layout_job *job);

/* As gr_plot_text_boxes. */
gr_status gr_diagram_text_boxes(const gr_diagram *diagram, plot_box *box, int capacity, int *n,
                                double *width, double *height);

#endif
