/* A program that draws, and so needs libgradus-extra. */
#include <gradus/gradus.h>

int main(void)
{
    gr_figure *figure;
    const gr_status status = gr_figure_new(GR_FIGURE(.title = "empty"), &figure);
    if (status == GR_OK) gr_figure_free(figure);
    return status != GR_OK;
}
