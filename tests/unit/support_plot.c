#include "support_plot.h"

#include "support.h"

void test_boxes_apart(const plot_box *box, int n, double width, double height)
{
    for (int i = 0; i < n; i++) {
        const plot_box a = box[i];
        if (a.x < 0 || a.y < 0 || a.x + a.width > width || a.y + a.height > height) {
            fail_msg("text %d at %g, %g, %g by %g leaves %g by %g", i, a.x, a.y, a.width, a.height,
                     width, height);
        }
        for (int k = 0; k < i; k++) {
            const plot_box b = box[k];
            bool apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y ||
                         b.y + b.height <= a.y;
            if (!apart) {
                fail_msg("texts %d and %d overlap in %g by %g: %g %g %g %g and %g %g %g %g", k, i,
                         width, height, b.x, b.y, b.width, b.height, a.x, a.y, a.width, a.height);
            }
        }
    }
}
