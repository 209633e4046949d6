/* Views: which part of a picture a net sees, and how large. */
#include "data/view.h"

#include <math.h>

#define VIEW_STREAM UINT64_C(0x76696577)    /* of an example's draw */
#define VIEW_TRIES 10                       /* for a part of random size that lies in the picture */
#define VIEW_LEAST_AREA 0.08                /* of it */
#define VIEW_MOST_PIXELS (INT64_C(1) << 15) /* of a side */

/* ---- Settling ----------------------------------------------------------------------------- */

static gr_status view_check_sizes(const gr_preprocess *p, const gr_augment *a)
{
    const struct {
        const char *name;
        int64_t value;
    } sizes[] = {{"resize", p->resize}, {"crop", p->crop}, {"pad", a->pad}, {"cutout", a->cutout}};
    for (size_t i = 0; i < GR_LEN(sizes); i++) {
        if (sizes[i].value >= 0 && sizes[i].value <= VIEW_MOST_PIXELS) continue;
        return gr_fail(GR_RANGE, "%s of %lld pixels: should be 0 to %lld", sizes[i].name,
                       (long long)sizes[i].value, (long long)VIEW_MOST_PIXELS);
    }
    const struct {
        const char *name;
        double value;
    } jitters[] = {
        {"brightness", a->brightness}, {"contrast", a->contrast}, {"saturation", a->saturation}};
    for (size_t i = 0; i < GR_LEN(jitters); i++) {
        if (jitters[i].value >= 0 && jitters[i].value <= 1) continue;
        return gr_fail(GR_RANGE, "jitter of the %s by %g: should be 0 to 1", jitters[i].name,
                       jitters[i].value);
    }
    return GR_OK;
}

static bool view_jitters(const gr_augment *a)
{
    return a->brightness > 0 || a->contrast > 0 || a->saturation > 0;
}

/* The sides of pictures of any size, shape [c,0,0]: whichever is given serves for both. */
static gr_status view_settle_any(gr_view *view, const gr_preprocess *p)
{
    view->rows = view->columns = p->crop ? p->crop : p->resize;
    view->resize = p->resize ? p->resize : p->crop;
    if (view->rows == 0) {
        return gr_fail(GR_SHAPE, "the pictures are of many sizes: a crop (or a size to resize to) "
                                 "should make them equal");
    }
    return GR_OK;
}

/* The sides of a picture after it was scaled so that the shorter one has `resize` pixels. */
static void view_scaled(int64_t resize, int64_t height, int64_t width, int64_t *rows,
                        int64_t *columns)
{
    double scale = (double)resize / (double)(height < width ? height : width);
    *rows = height <= width ? resize : llround((double)height * scale);
    *columns = width <= height ? resize : llround((double)width * scale);
}

static gr_status view_settle_sides(gr_view *view, gr_shape example, const gr_preprocess *p)
{
    int64_t rows = example.dim[1], columns = example.dim[2];
    if (rows == 0) {
        GR_TRY(view_settle_any(view, p));
        rows = columns = view->resize;
    } else {
        view->resize = p->resize;
        if (p->resize) view_scaled(p->resize, rows, columns, &rows, &columns);
        view->rows = p->crop ? p->crop : rows;
        view->columns = p->crop ? p->crop : columns;
    }
    if (view->rows <= rows && view->columns <= columns) return GR_OK;
    return gr_fail(GR_SHAPE, "a crop of %lldx%lld pixels out of pictures of %lldx%lld",
                   (long long)view->columns, (long long)view->rows, (long long)columns,
                   (long long)rows);
}

gr_status gr_view_settle(gr_dtype dtype, gr_shape example, const gr_preprocess *preprocess,
                         const gr_augment *augment, gr_view *view)
{
    const gr_preprocess p = preprocess ? *preprocess : (gr_preprocess){0};
    *view = (gr_view){.result = example};
    GR_TRY(GR_OPTIONS(gr_augment, &view->augment, augment));
    const gr_augment *a = &view->augment;
    GR_TRY(view_check_sizes(&p, a));
    const bool any_size = example.rank == 3 && example.dim[1] == 0;
    view->varies = augment && (p.crop || a->pad || a->mirror || a->random_scale || a->cutout ||
                               view_jitters(a) || any_size);
    view->plain = !view->varies && !p.resize && !p.crop && !any_size;
    if (view->plain) return GR_OK;
    if (example.rank != 3 || dtype == GR_I32) {
        return gr_fail(GR_SHAPE,
                       "examples %s %s are no pictures, u8 or f32 [c,h,w]: they cannot be "
                       "resized, cropped or varied",
                       gr_dtype_name(dtype), gr_shape_text(example));
    }
    if (view_jitters(a) && (dtype != GR_U8 || (example.dim[0] != 1 && example.dim[0] != 3))) {
        return gr_fail(GR_DTYPE,
                       "the colours of examples %s %s cannot vary: they should be u8 "
                       "[1,h,w] or [3,h,w]",
                       gr_dtype_name(dtype), gr_shape_text(example));
    }
    GR_TRY(view_settle_sides(view, example, &p));
    view->result.dim[1] = view->rows;
    view->result.dim[2] = view->columns;
    return GR_OK;
}

gr_status gr_preprocess_shape(const gr_preprocess *preprocess, gr_shape shape, gr_shape *result)
{
    gr_view view;
    *result = shape;
    GR_TRY(gr_view_settle(GR_F32, shape, preprocess, NULL, &view));
    *result = view.result;
    return GR_OK;
}

/* ---- Frames ------------------------------------------------------------------------------- */

static double view_between(gr_rng *rng, double low, double high)
{
    return low + (high - low) * gr_rng_uniform(rng);
}

/* A part of random area and proportions; the largest middle part of fair proportions if none of
 * some tries lies in the picture. */
static void view_draw_part(gr_rng *rng, double height, double width, double *top, double *left,
                           double *tall, double *wide)
{
    for (int i = 0; i < VIEW_TRIES; i++) {
        double area = height * width * view_between(rng, VIEW_LEAST_AREA, 1);
        double ratio = exp(view_between(rng, log(3. / 4), log(4. / 3)));
        double w = round(sqrt(area * ratio)), h = round(sqrt(area / ratio));
        if (w < 1 || h < 1 || w > width || h > height) continue;
        *tall = h;
        *wide = w;
        *top = (double)gr_rng_below(rng, (uint64_t)(height - h) + 1);
        *left = (double)gr_rng_below(rng, (uint64_t)(width - w) + 1);
        return;
    }
    *tall = fmin(height, width * (4. / 3));
    *wide = fmin(width, height * (4. / 3));
    *top = floor((height - *tall) / 2);
    *left = floor((width - *wide) / 2);
}

/* Where a crop begins on one axis: in the middle, or drawn. */
static int64_t view_offset(gr_rng *rng, int64_t size, int64_t crop, int64_t pad)
{
    if (!rng) return (size - crop) / 2;
    int64_t room = size + 2 * pad - crop;
    return (int64_t)gr_rng_below(rng, (uint64_t)room + 1) - pad;
}

/* Resize, then crop. */
static void view_frame_crop(const gr_view *view, gr_rng *rng, int64_t height, int64_t width,
                            gr_frame *frame)
{
    int64_t rows = height, columns = width;
    if (view->resize) view_scaled(view->resize, height, width, &rows, &columns);
    const int64_t top = view_offset(rng, rows, view->rows, view->augment.pad);
    const int64_t left = view_offset(rng, columns, view->columns, view->augment.pad);
    frame->down = top - (rows - view->rows) / 2;
    frame->right = left - (columns - view->columns) / 2;
    frame->tall = (double)height / (double)rows;
    frame->wide = (double)width / (double)columns;
    frame->top = (double)top * frame->tall;
    frame->left = (double)left * frame->wide;
    gr_box *inside = &frame->inside;
    if (top < 0) inside->top = -top;
    if (left < 0) inside->left = -left;
    if (rows - top < inside->bottom) inside->bottom = rows - top;
    if (columns - left < inside->right) inside->right = columns - left;
}

/* The square to cut out: its middle may be any pixel, so parts of it may fall beyond the edge. */
static void view_draw_cut(const gr_view *view, gr_rng *rng, gr_box *cut)
{
    const int64_t side = view->augment.cutout;
    const int64_t top = (int64_t)gr_rng_below(rng, (uint64_t)view->rows) - side / 2;
    const int64_t left = (int64_t)gr_rng_below(rng, (uint64_t)view->columns) - side / 2;
    cut->top = top > 0 ? top : 0;
    cut->left = left > 0 ? left : 0;
    cut->bottom = top + side < view->rows ? top + side : view->rows;
    cut->right = left + side < view->columns ? left + side : view->columns;
}

void gr_view_frame(const gr_view *view, int64_t height, int64_t width, uint64_t draw,
                   gr_frame *frame)
{
    const gr_augment *a = &view->augment;
    gr_rng drawn = gr_rng_new(draw, VIEW_STREAM), *rng = view->varies ? &drawn : NULL;
    *frame = (gr_frame){.rows = view->rows,
                        .columns = view->columns,
                        .inside = {0, 0, view->rows, view->columns},
                        .brightness = 1,
                        .contrast = 1,
                        .saturation = 1};
    if (a->random_scale) {
        view_draw_part(rng, (double)height, (double)width, &frame->top, &frame->left, &frame->tall,
                       &frame->wide);
        frame->tall /= (double)view->rows;
        frame->wide /= (double)view->columns;
    } else {
        view_frame_crop(view, rng, height, width, frame);
    }
    if (!rng) return;
    /* Each is drawn whether it is wanted or not, so that one does not change the others. */
    frame->mirror = gr_rng_below(rng, 2) && a->mirror;
    frame->brightness = (float)view_between(rng, 1 - a->brightness, 1 + a->brightness);
    frame->contrast = (float)view_between(rng, 1 - a->contrast, 1 + a->contrast);
    frame->saturation = (float)view_between(rng, 1 - a->saturation, 1 + a->saturation);
    if (a->cutout) view_draw_cut(view, rng, &frame->cut);
    if (frame->mirror) { /* the box is of the picture, which is mirrored with it */
        const gr_box inside = frame->inside;
        frame->inside.left = view->columns - inside.right;
        frame->inside.right = view->columns - inside.left;
    }
}

void gr_view_blank(const gr_frame *frame, int64_t channels, float *y)
{
    const gr_box *in = &frame->inside, *cut = &frame->cut;
    const int64_t rows = frame->rows, columns = frame->columns;
    const bool whole = in->top == 0 && in->left == 0 && in->bottom == rows && in->right == columns;
    for (int64_t row = 0; row < channels * rows; row++, y += columns) {
        const int64_t r = row % rows;
        const bool outside = r < in->top || r >= in->bottom;
        if (!whole) {
            const size_t left = (size_t)(outside ? columns : in->left);
            memset(y, 0, left * sizeof *y);
            memset(y + in->right, 0, (size_t)(columns - in->right) * sizeof *y);
        }
        if (r >= cut->top && r < cut->bottom) {
            memset(y + cut->left, 0, (size_t)(cut->right - cut->left) * sizeof *y);
        }
    }
}
