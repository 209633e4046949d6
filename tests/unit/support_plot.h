/* Texts of figures and diagrams must keep apart. */
#ifndef SUPPORT_PLOT_H
#define SUPPORT_PLOT_H

#include "plot/figure.h"

/* No box leaves the page of that size or overlaps another. */
void test_boxes_apart(const plot_box *box, int n, double width, double height);

#endif
