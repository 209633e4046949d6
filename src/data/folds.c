/* Sets divided several times over, for what one division would leave to chance. */
#include "data/dataset.h"

#include <stdio.h>

#define FOLDS_STREAM UINT64_C(0x666F6C64730000)    /* of the seed; class c draws from this + c */
#define FOLDS_BOOTSTRAP UINT64_C(0x626F6F74730000) /* of the seed; draw d draws from this + d */

/* Examples class after class, those of each in an order that the seed draws. */
static gr_status folds_order(const gr_dataset *dataset, uint64_t seed, int64_t *order)
{
    const bool by_class = dataset->storage->labels != NULL;
    const int classes = by_class ? dataset->storage->classes : 1;
    int64_t *first = gr_alloc_array((size_t)classes + 1, sizeof *first);
    if (!first) return GR_NO_MEMORY;
    for (int64_t i = 0; i < dataset->count; i++)
        first[1 + (by_class ? gr_dataset_label(dataset, i) : 0)]++;
    for (int c = 0; c < classes; c++) first[c + 1] += first[c];
    for (int64_t i = 0; i < dataset->count; i++)
        order[first[by_class ? gr_dataset_label(dataset, i) : 0]++] = i;
    for (int c = 0; c < classes; c++) { /* first[c] is where class c ends by now */
        const int64_t begin = c > 0 ? first[c - 1] : 0;
        gr_rng rng = gr_rng_new(seed, FOLDS_STREAM + (uint64_t)c);
        gr_rng_shuffle(&rng, order + begin, first[c] - begin);
    }
    gr_free(first);
    return GR_OK;
}

static bool folds_one_class(const gr_dataset *part)
{
    for (int64_t i = 1; i < part->count; i++) {
        if (gr_dataset_label(part, i) != gr_dataset_label(part, 0)) return false;
    }
    return true;
}

static gr_status folds_check(const gr_dataset *rest, const gr_dataset *held, const char *what)
{
    if (rest->storage->classes < 2) return GR_OK;
    const gr_dataset *part = folds_one_class(rest) ? rest : folds_one_class(held) ? held : NULL;
    if (!part) return GR_OK;
    return gr_fail(GR_INVALID,
                   "data set '%s': %s has %s examples of one class alone ('%s'): it tells nothing "
                   "about the others",
                   gr_dataset_name(rest), what, part == rest ? "to train" : "to validate",
                   gr_dataset_class_name(part, gr_dataset_label(part, 0)));
}

/* Makes both parts of the marked and the other examples. */
static gr_status folds_divide(const gr_dataset *dataset, const int64_t *rest_index, int64_t n_rest,
                              const int64_t *held_index, int64_t n_held, const char *what,
                              gr_dataset **rest, gr_dataset **held)
{
    gr_status status = gr_dataset_select(dataset, rest_index, n_rest, rest);
    if (status == GR_OK) status = gr_dataset_select(dataset, held_index, n_held, held);
    if (status == GR_OK) status = folds_check(*rest, *held, what);
    if (status == GR_OK) return GR_OK;
    gr_dataset_free(*rest);
    gr_dataset_free(*held);
    *rest = *held = NULL;
    return status;
}

static int folds_compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

gr_status gr_dataset_fold(const gr_dataset *dataset, int folds, int fold, uint64_t seed,
                          gr_dataset **rest, gr_dataset **held)
{
    char what[64];
    const int64_t n = dataset->count;
    *rest = *held = NULL;
    if (folds < 2 || folds > n || fold < 0 || fold >= folds) {
        return gr_fail(GR_RANGE, "data set '%s': fold %d of %d: should be one of 2 to %lld folds",
                       gr_dataset_name(dataset), fold + 1, folds, (long long)n);
    }
    int64_t *order = gr_alloc_array((size_t)n, 3 * sizeof *order);
    if (!order) return GR_NO_MEMORY;
    int64_t *const parts[2] = {order + n, order + 2 * n};
    int64_t counts[2] = {0};
    gr_status status = folds_order(dataset, seed, order);
    for (int64_t i = 0; status == GR_OK && i < n; i++) { /* dealt like cards, class after class */
        const int part = i % folds == fold;
        parts[part][counts[part]++] = order[i];
    }
    for (int part = 0; part < 2; part++)
        qsort(parts[part], (size_t)counts[part], sizeof *order, folds_compare);
    snprintf(what, sizeof what, "fold %d of %d", fold + 1, folds);
    if (status == GR_OK)
        status = folds_divide(dataset, parts[0], counts[0], parts[1], counts[1], what, rest, held);
    gr_free(order);
    return status;
}

gr_status gr_dataset_bootstrap(const gr_dataset *dataset, int draw, uint64_t seed,
                               gr_dataset **drawn, gr_dataset **left)
{
    char what[64];
    const int64_t n = dataset->count;
    int64_t n_left = 0;
    *drawn = *left = NULL;
    int64_t *index = gr_alloc_array((size_t)n, 2 * sizeof *index);
    bool *taken = gr_alloc((size_t)n);
    gr_status status = index && taken ? GR_OK : GR_NO_MEMORY;
    gr_rng rng = gr_rng_new(seed, FOLDS_BOOTSTRAP + (uint64_t)draw);
    for (int64_t i = 0; status == GR_OK && i < n; i++) {
        index[i] = (int64_t)gr_rng_below(&rng, (uint64_t)n);
        taken[index[i]] = true;
    }
    for (int64_t i = 0; status == GR_OK && i < n; i++) {
        if (!taken[i]) index[n + n_left++] = i;
    }
    if (status == GR_OK && n_left == 0)
        status = gr_fail(GR_INVALID, "data set '%s': %lld examples are too few to draw from",
                         gr_dataset_name(dataset), (long long)n);
    snprintf(what, sizeof what, "bootstrap draw %d", draw + 1);
    if (status == GR_OK)
        status = folds_divide(dataset, index, n, index + n, n_left, what, drawn, left);
    gr_free(index);
    gr_free(taken);
    return status;
}
