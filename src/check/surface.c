/* A plane through the parameters of a net, and the loss over it. */
#include <math.h>

#include <gradus/surface.h>

#include "base/base.h"

/* One variable: its values at the origin, and both directions. */
typedef struct surface_part {
    char *name;
    gr_tensor origin, direction[2]; /* of one type and shape */
} surface_part;

struct gr_surface {
    gr_store *store;
    int n;
    surface_part *part; /* [n] */
    void *values;       /* room for the largest variable */
};

/* ---- Elements of f32 and f64 ---------------------------------------------------------------- */

static double surface_get(const void *data, gr_dtype dtype, int64_t i)
{
    return dtype == GR_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void surface_put(void *data, gr_dtype dtype, int64_t i, double value)
{
    if (dtype == GR_F32)
        ((float *)data)[i] = (float)value;
    else
        ((double *)data)[i] = value;
}

/* ---- Directions ----------------------------------------------------------------------------- */

static void surface_draw(surface_part *part, int which, uint64_t seed)
{
    gr_tensor *const direction = &part->direction[which];
    gr_rng rng = gr_rng_new(seed, gr_hash(part->name, strlen(part->name), (uint64_t)which));
    for (int64_t i = 0; i < gr_shape_count(direction->shape); i++)
        surface_put(direction->data, direction->dtype, i, gr_rng_normal(&rng));
}

static double surface_norm(const gr_tensor *tensor, int64_t from, int64_t count)
{
    double squares = 0;
    for (int64_t i = from; i < from + count; i++) {
        const double x = surface_get(tensor->data, tensor->dtype, i);
        squares += x * x;
    }
    return sqrt(squares);
}

/* Gives each unit's part of a direction the norm of its weights. */
static void surface_scale_units(surface_part *part, int which)
{
    gr_tensor *const direction = &part->direction[which];
    const gr_shape shape = direction->shape;
    const int64_t units = shape.rank < 2 ? 1 : shape.dim[0];
    const int64_t each = units ? gr_shape_count(shape) / units : 0;
    for (int64_t unit = 0; unit < units; unit++) {
        const double norm = surface_norm(direction, unit * each, each);
        const double wanted = shape.rank < 2 ? 0 : surface_norm(&part->origin, unit * each, each);
        const double factor = norm > 0 ? wanted / norm : 0;
        for (int64_t i = unit * each; i < (unit + 1) * each; i++) {
            const double x = surface_get(direction->data, direction->dtype, i);
            surface_put(direction->data, direction->dtype, i, factor * x);
        }
    }
}

/* ---- Making --------------------------------------------------------------------------------- */

static gr_status surface_find(const gr_store *store, const char *name, gr_tensor *type)
{
    const int at = name ? gr_store_find(store, name) : -1;
    if (at < 0)
        return gr_fail(GR_NOT_FOUND, "gr_surface_new: the store has no variable '%s'",
                       name ? name : "");
    *type = gr_store_type(store, at);
    if (type->dtype == GR_F32 || type->dtype == GR_F64) return GR_OK;
    return gr_fail(GR_DTYPE, "gr_surface_new: '%s' is of type %s; only f32 and f64 can move", name,
                   gr_dtype_name(type->dtype));
}

static gr_status surface_add(gr_surface *surface, int i, const gr_surface_options *options)
{
    surface_part *const part = &surface->part[i];
    gr_tensor type;
    GR_TRY(surface_find(surface->store, options->names[i], &type));
    part->name = gr_strdup(options->names[i]);
    if (!part->name) return GR_NO_MEMORY;
    GR_TRY(gr_tensor_new(type.dtype, type.shape, &part->origin));
    GR_TRY(gr_store_read(surface->store, part->name, part->origin.data, gr_tensor_bytes(&type)));
    for (int which = 0; which < 2; which++) {
        GR_TRY(gr_tensor_new(type.dtype, type.shape, &part->direction[which]));
        surface_draw(part, which, options->seed);
        if (options->directions == GR_DIRECTIONS_FILTER) surface_scale_units(part, which);
    }
    return GR_OK;
}

static gr_status surface_fill(gr_surface *surface, const gr_surface_options *options)
{
    size_t most = 0;
    double length = 0;
    surface->part = gr_alloc_array((size_t)options->n, sizeof *surface->part);
    if (!surface->part) return GR_NO_MEMORY;
    surface->n = options->n;
    for (int i = 0; i < options->n; i++) {
        GR_TRY(surface_add(surface, i, options));
        const gr_tensor *const direction = &surface->part[i].direction[0];
        const size_t bytes = gr_tensor_bytes(direction);
        if (bytes > most) most = bytes;
        length += surface_norm(direction, 0, gr_shape_count(direction->shape));
    }
    if (!(length > 0))
        return gr_fail(GR_INVALID, "gr_surface_new: the directions are zero everywhere: %s",
                       options->directions == GR_DIRECTIONS_FILTER
                           ? "all weights of two and more axes are zero, or there are none"
                           : "the variables have no elements");
    surface->values = gr_alloc(most);
    return surface->values ? GR_OK : GR_NO_MEMORY;
}

gr_status gr_surface_new(gr_store *store, const gr_surface_options *options, gr_surface **out)
{
    *out = NULL;
    gr_surface_options o;
    GR_TRY(GR_OPTIONS(gr_surface_options, &o, options));
    if (!store || !o.names || o.n < 1)
        return gr_fail(GR_INVALID, "gr_surface_new: a store, and the names of the variables that "
                                   "move, are needed");
    gr_surface *surface = gr_alloc(sizeof *surface);
    if (!surface) return GR_NO_MEMORY;
    surface->store = store;
    gr_status status = surface_fill(surface, &o);
    if (status != GR_OK) {
        gr_surface_free(surface);
        return status;
    }
    *out = surface;
    return GR_OK;
}

void gr_surface_free(gr_surface *surface)
{
    if (!surface) return;
    for (int i = 0; i < surface->n; i++) {
        gr_free(surface->part[i].name);
        gr_tensor_clear(&surface->part[i].origin);
        for (int which = 0; which < 2; which++) gr_tensor_clear(&surface->part[i].direction[which]);
    }
    gr_free(surface->part);
    gr_free(surface->values);
    gr_free(surface);
}

gr_status gr_surface_direct(gr_surface *surface, int which, int i, const void *data, size_t bytes)
{
    if (which < 0 || which > 1 || i < 0 || i >= surface->n)
        return gr_fail(GR_RANGE, "gr_surface_direct: there is no direction %d of variable %d",
                       which, i);
    gr_tensor *const direction = &surface->part[i].direction[which];
    if (bytes != gr_tensor_bytes(direction))
        return gr_fail(GR_SHAPE, "gr_surface_direct: %zu bytes for '%s', which is %s%s of %zu",
                       bytes, surface->part[i].name, gr_dtype_name(direction->dtype),
                       gr_shape_text(direction->shape), gr_tensor_bytes(direction));
    memcpy(direction->data, data, bytes);
    return GR_OK;
}

const void *gr_surface_direction(const gr_surface *surface, int which, int i)
{
    if (which < 0 || which > 1 || i < 0 || i >= surface->n) return NULL;
    return surface->part[i].direction[which].data;
}

/* ---- Moving --------------------------------------------------------------------------------- */

static gr_status surface_move_part(gr_surface *surface, const surface_part *part, double a,
                                   double b)
{
    const gr_dtype dtype = part->origin.dtype;
    const void *const w = part->origin.data;
    const void *const w1 = part->direction[0].data, *const w2 = part->direction[1].data;
    for (int64_t i = 0; i < gr_shape_count(part->origin.shape); i++)
        surface_put(surface->values, dtype, i,
                    surface_get(w, dtype, i) + a * surface_get(w1, dtype, i) +
                        b * surface_get(w2, dtype, i));
    return gr_store_write(surface->store, part->name, surface->values,
                          gr_tensor_bytes(&part->origin));
}

gr_status gr_surface_move(gr_surface *surface, double a, double b)
{
    const bool origin = a == 0 && b == 0; /* −0 + 0 would lose its sign, inf·0 is NaN */
    for (int i = 0; i < surface->n; i++) {
        const surface_part *const part = &surface->part[i];
        if (origin)
            GR_TRY(gr_store_write(surface->store, part->name, part->origin.data,
                                  gr_tensor_bytes(&part->origin)));
        else
            GR_TRY(surface_move_part(surface, part, a, b));
    }
    return GR_OK;
}

void gr_surface_slope(const gr_surface *surface, const void *const *gradient, double slope[2])
{
    slope[0] = slope[1] = 0;
    for (int v = 0; v < surface->n; v++) {
        const surface_part *const part = &surface->part[v];
        const gr_dtype dtype = part->origin.dtype;
        for (int64_t i = 0; i < gr_shape_count(part->origin.shape); i++) {
            const double g = surface_get(gradient[v], dtype, i);
            slope[0] += g * surface_get(part->direction[0].data, dtype, i);
            slope[1] += g * surface_get(part->direction[1].data, dtype, i);
        }
    }
}

/* ---- Losses --------------------------------------------------------------------------------- */

gr_status gr_surface_step(void *session, double *loss)
{
    float value;
    GR_TRY(gr_session_step(session));
    GR_TRY(gr_session_read(session, 0, &value, sizeof value));
    *loss = (double)value;
    return GR_OK;
}

static gr_status surface_walk(gr_surface *surface, gr_surface_loss *loss, void *user,
                              const double *a, int columns, const double *b, int rows,
                              double *values)
{
    for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
            GR_TRY(gr_surface_move(surface, a[column], b ? b[row] : 0));
            GR_TRY(loss(user, &values[(size_t)row * (size_t)columns + (size_t)column]));
        }
    }
    return GR_OK;
}

gr_status gr_surface_grid(gr_surface *surface, gr_surface_loss *loss, void *user, const double *a,
                          int columns, const double *b, int rows, double *values)
{
    if (!surface || !loss || !a || !values || columns < 1 || rows < 1 || (!b && rows > 1))
        return gr_fail(GR_INVALID, "gr_surface_grid: a surface, a loss, and points along a and b "
                                   "are needed");
    gr_status status = surface_walk(surface, loss, user, a, columns, b, rows, values);
    if (status == GR_OK) return gr_surface_move(surface, 0, 0);
    /* The first fault counts, so its message is kept. */
    char *message = gr_strdup(gr_message());
    (void)gr_surface_move(surface, 0, 0);
    if (message) gr_fail(status, "%s", message);
    gr_free(message);
    return status;
}
