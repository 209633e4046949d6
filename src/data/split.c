/* Seeded splits: every class gives its share. */
#include "data/dataset.h"

#include <math.h>

#define SPLIT_STREAM UINT64_C(0x73706C69740000) /* of the seed; group g draws from this + g */

/* A class, or all examples alike: its members, and how many of them are held out. */
typedef struct split_group {
    int64_t first, count, held;
    double remainder; /* of the exact share, above `held` */
} split_group;

typedef struct split_work {
    split_group *groups;
    int n_groups;
    int64_t *members; /* examples, group after group */
    bool *is_held;    /* of each example */
} split_work;

static gr_status split_group_members(split_work *work, const gr_dataset *dataset)
{
    size_t n = (size_t)dataset->count;
    work->groups = gr_alloc_array((size_t)work->n_groups, sizeof *work->groups);
    work->members = gr_alloc_array(n, sizeof *work->members);
    work->is_held = gr_alloc_array(n, sizeof *work->is_held);
    if (!work->groups || !work->members || !work->is_held) return GR_NO_MEMORY;
    bool by_class = work->n_groups > 1;
    for (int64_t i = 0; i < dataset->count; i++) {
        work->groups[by_class ? gr_dataset_label(dataset, i) : 0].count++;
    }
    for (int g = 1; g < work->n_groups; g++) {
        work->groups[g].first = work->groups[g - 1].first + work->groups[g - 1].count;
        work->groups[g - 1].count = 0; /* counted again below, as they are filled in */
    }
    work->groups[work->n_groups - 1].count = 0;
    for (int64_t i = 0; i < dataset->count; i++) {
        split_group *group = &work->groups[by_class ? gr_dataset_label(dataset, i) : 0];
        work->members[group->first + group->count++] = i;
    }
    return GR_OK;
}

/* Whole shares first, then one more for the largest remainders, until `held` are held out. */
static void split_share(split_work *work, int64_t total, int64_t held)
{
    int64_t left = held;
    for (int g = 0; g < work->n_groups; g++) {
        split_group *group = &work->groups[g];
        double exact = (double)group->count * (double)held / (double)total;
        group->held = (int64_t)floor(exact);
        group->remainder = exact - (double)group->held;
        left -= group->held;
    }
    for (; left > 0; left--) {
        split_group *most = &work->groups[0];
        for (int g = 1; g < work->n_groups; g++) {
            if (work->groups[g].remainder > most->remainder) most = &work->groups[g];
        }
        most->held++;
        most->remainder -= 1;
    }
}

static void split_draw(split_work *work, uint64_t seed)
{
    for (int g = 0; g < work->n_groups; g++) {
        const split_group *group = &work->groups[g];
        int64_t *members = work->members + group->first;
        gr_rng rng = gr_rng_new(seed, SPLIT_STREAM + (uint64_t)g);
        gr_rng_shuffle(&rng, members, group->count);
        for (int64_t i = 0; i < group->held; i++) work->is_held[members[i]] = true;
    }
}

/* Selects the examples that are held out, or the others. */
static gr_status split_select(split_work *work, const gr_dataset *dataset, bool held,
                              gr_dataset **part)
{
    int64_t n = 0;
    for (int64_t i = 0; i < dataset->count; i++) {
        if (work->is_held[i] == held) work->members[n++] = i;
    }
    return gr_dataset_select(dataset, work->members, n, part);
}

static gr_status split_count(const gr_dataset *dataset, const gr_data_split_options *options,
                             int64_t *held)
{
    int64_t n = dataset->count;
    if (options->count != 0 && options->fraction != 0) {
        return gr_fail(GR_INVALID, "split of '%s': give a fraction or a count, not both",
                       gr_dataset_name(dataset));
    }
    if (options->count == 0 && !(options->fraction > 0 && options->fraction < 1)) {
        return gr_fail(GR_INVALID, "split of '%s': the fraction %g is not between 0 and 1",
                       gr_dataset_name(dataset), options->fraction);
    }
    *held = options->count ? options->count : (int64_t)llround(options->fraction * (double)n);
    if (*held < 1 || *held >= n) {
        return gr_fail(GR_INVALID,
                       "split of '%s': %lld of %lld examples held out would leave a part empty",
                       gr_dataset_name(dataset), (long long)*held, (long long)n);
    }
    return GR_OK;
}

gr_status gr_dataset_split(const gr_dataset *dataset, const gr_data_split_options *options,
                           gr_dataset **rest, gr_dataset **held)
{
    gr_data_split_options known;
    split_work work = {0};
    int64_t count = 0;
    *rest = *held = NULL;
    GR_TRY(GR_OPTIONS(gr_data_split_options, &known, options));
    GR_TRY(split_count(dataset, &known, &count));
    work.n_groups = dataset->storage->labels && !known.unstratified ? dataset->storage->classes : 1;

    gr_status status = split_group_members(&work, dataset);
    if (status == GR_OK) {
        split_share(&work, dataset->count, count);
        split_draw(&work, known.seed);
        status = split_select(&work, dataset, false, rest);
        if (status == GR_OK) status = split_select(&work, dataset, true, held);
    }
    if (status != GR_OK) {
        gr_dataset_free(*rest);
        *rest = NULL;
    }
    gr_free(work.groups);
    gr_free(work.members);
    gr_free(work.is_held);
    return status;
}
