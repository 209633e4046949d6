/* Where the tiles of a batch lie, for the Winograd kernels. */
#include "backend/cpu/winograd.h"

void gr_winograd_view_settle(winograd_view *view, const winograd_grid *grid)
{
    const int64_t over = view->side - WINOGRAD_TILE;
    view->staged = view->staged || view->pad[0] != 0 || view->pad[1] != 0 ||
                   grid->y * WINOGRAD_TILE + over > view->h ||
                   grid->x * WINOGRAD_TILE + over > view->w;
    view->pitch = view->w;
    view->buffer = 0;
    if (!view->staged) return;
    view->pitch = conv_min(grid->x, grid->block) * WINOGRAD_TILE + over;
    /* a block touches at most two rows of tiles that it does not fill */
    view->buffer = (grid->block / grid->x + 2) * view->side * view->pitch;
}

int64_t gr_winograd_cut(const winograd_grid *grid, int64_t first, int64_t n, winograd_piece *pieces)
{
    int64_t count = 0;
    while (n > 0) {
        const int64_t rest = first % (grid->y * grid->x);
        winograd_piece *piece = &pieces[count++];
        piece->image = first / (grid->y * grid->x);
        piece->y = rest / grid->x;
        piece->x = rest % grid->x;
        piece->rows = 1;
        piece->columns = conv_min(grid->x - piece->x, n);
        if (piece->columns == grid->x) piece->rows = conv_min(grid->y - piece->y, n / grid->x);
        first += piece->rows * piece->columns;
        n -= piece->rows * piece->columns;
    }
    return count;
}

/* Elements of the buffer that a piece takes. */
static int64_t winograd_piece_size(const winograd_view *view, const winograd_piece *piece)
{
    return (piece->rows * WINOGRAD_TILE + view->side - WINOGRAD_TILE) * view->pitch;
}

void gr_winograd_places(const winograd_view *view, const winograd_piece *pieces, int64_t n_pieces,
                        int64_t lanes, int64_t *at)
{
    int64_t lane = 0, staged = 0;
    for (int64_t i = 0; i < n_pieces; i++) {
        const winograd_piece *piece = &pieces[i];
        int64_t from = staged;
        if (!view->staged) {
            from = piece->image * view->image + (piece->y * view->w + piece->x) * WINOGRAD_TILE;
        }
        for (int64_t y = 0; y < piece->rows; y++) {
            for (int64_t x = 0; x < piece->columns; x++) {
                at[lane++] = from + (y * view->pitch + x) * WINOGRAD_TILE;
            }
        }
        staged += winograd_piece_size(view, piece);
    }
    for (; lane < lanes; lane++) at[lane] = at[lane - 1];
}

/* The part of a piece that lies within its plane. */
typedef struct winograd_window {
    int64_t rows, columns; /* 0 if none does */
    int64_t plane, buffer; /* where it starts in them */
} winograd_window;

static winograd_window winograd_window_of(const winograd_view *view, const winograd_piece *piece)
{
    const int64_t over = view->side - WINOGRAD_TILE;
    const int64_t y = piece->y * WINOGRAD_TILE - view->pad[0];
    const int64_t x = piece->x * WINOGRAD_TILE - view->pad[1];
    const int64_t top = y < 0 ? -y : 0, left = x < 0 ? -x : 0;
    winograd_window window = {
        .rows = conv_min(piece->rows * WINOGRAD_TILE + over, view->h - y) - top,
        .columns = conv_min(piece->columns * WINOGRAD_TILE + over, view->w - x) - left,
        .plane = piece->image * view->image + (y + top) * view->w + x + left,
        .buffer = top * view->pitch + left};
    if (window.columns <= 0) window.rows = 0;
    return window;
}

void gr_winograd_fetch(const winograd_kit *kit, const winograd_view *view,
                       const winograd_piece *pieces, int64_t n_pieces, const float *plane,
                       float *buffer)
{
    for (int64_t i = 0; i < n_pieces; i++) {
        const winograd_window window = winograd_window_of(view, &pieces[i]);
        kit->copy(plane + window.plane, view->w, buffer + window.buffer, view->pitch, window.rows,
                  window.columns);
        buffer += winograd_piece_size(view, &pieces[i]);
    }
}

void gr_winograd_prefetch(const winograd_view *view, const winograd_piece *pieces, int64_t n_pieces,
                          const float *plane)
{
    const int64_t line = GR_ALIGN / (int64_t)sizeof *plane;
    for (int64_t i = 0; i < n_pieces; i++) {
        const winograd_window window = winograd_window_of(view, &pieces[i]);
        const float *row = plane + window.plane;
        for (int64_t y = 0; y < window.rows; y++, row += view->w) {
            for (int64_t x = 0; x < window.columns; x += line) __builtin_prefetch(row + x);
        }
    }
}

void gr_winograd_put(const winograd_kit *kit, const winograd_view *view,
                     const winograd_piece *pieces, int64_t n_pieces, const float *buffer,
                     float *plane)
{
    for (int64_t i = 0; i < n_pieces; i++) {
        const winograd_window window = winograd_window_of(view, &pieces[i]);
        kit->copy(buffer + window.buffer, view->pitch, plane + window.plane, view->w, window.rows,
                  window.columns);
        buffer += winograd_piece_size(view, &pieces[i]);
    }
}
