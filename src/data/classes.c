/* The set of different labels of a table. */
#include "data/classes.h"

#include "base/utf8.h"

#include <math.h>

#define CLASSES_SLOTS (2 * GR_DATA_MAX_CLASSES) /* never more than half full */

static int32_t *classes_slot(const gr_class_set *set, const char *text)
{
    size_t at = (size_t)(gr_hash_text(text) % CLASSES_SLOTS);
    while (set->slots[at] && strcmp(set->names[set->slots[at] - 1].text, text) != 0) {
        at = (at + 1) % CLASSES_SLOTS;
    }
    return &set->slots[at];
}

static gr_status classes_add(gr_class_set *set, const char *text, size_t line, int32_t *slot)
{
    const char *cursor = text;
    size_t at;
    if (!gr_utf8_valid(text, strlen(text), &at)) {
        return gr_fail(GR_FORMAT,
                       "the class '%.40s' is not UTF-8: 'iconv -f WINDOWS-1252 -t UTF-8' converts "
                       "a table, convmv names of files",
                       text);
    }
    if (!gr_grow(&set->names, set->count, &set->capacity, sizeof *set->names)) {
        return GR_NO_MEMORY;
    }
    gr_class_name *name = &set->names[set->count];
    *name = (gr_class_name){.line = line, .order = (int32_t)set->count};
    name->text = gr_arena_strdup(set->arena, text);
    if (!name->text) return GR_NO_MEMORY;
    name->numeric = gr_parse_real(&cursor, &name->number) && !*cursor && isfinite(name->number);
    *slot = (int32_t)++set->count;
    return GR_OK;
}

gr_status gr_class_set_start(gr_class_set *set, gr_arena *arena, gr_class_list given)
{
    *set = (gr_class_set){.arena = arena, .closed = given.count > 0};
    set->slots = gr_alloc_array(CLASSES_SLOTS, sizeof *set->slots);
    if (!set->slots) return GR_NO_MEMORY;
    for (int i = 0; i < given.count; i++) {
        int32_t *slot = classes_slot(set, given.names[i]);
        if (*slot) {
            return gr_fail(GR_INVALID, "the class '%s' is given twice", given.names[i]);
        }
        GR_TRY(classes_add(set, given.names[i], 0, slot));
    }
    return GR_OK;
}

void gr_class_set_free(gr_class_set *set)
{
    gr_free(set->names);
    gr_free(set->slots);
}

static gr_status classes_unknown(const gr_class_set *set, const char *text)
{
    char list[160] = "";
    size_t used = 0;
    for (size_t i = 0; i < set->count; i++) {
        size_t length = strlen(set->names[i].text);
        if (used + length + 8 > sizeof list) {
            memcpy(list + used, ", ...", 6);
            break;
        }
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the text goes on */
        if (i > 0) memcpy(list + used, ", ", 2), used += 2;
        memcpy(list + used, set->names[i].text, length + 1);
        used += length;
    }
    return gr_fail(GR_FORMAT, "label '%.40s' is none of the %zu classes: %s", text, set->count,
                   list);
}

gr_status gr_class_set_find(gr_class_set *set, const char *text, size_t line, int32_t *number)
{
    if (!*text) return gr_fail(GR_FORMAT, "the label is empty");
    int32_t *slot = classes_slot(set, text);
    if (!*slot) {
        if (set->closed) return classes_unknown(set, text);
        if (set->count == GR_DATA_MAX_CLASSES) {
            return gr_fail(GR_FORMAT, "label '%.40s' is one too many: %d different ones were read",
                           text, GR_DATA_MAX_CLASSES);
        }
        GR_TRY(classes_add(set, text, line, slot));
    }
    *number = *slot - 1;
    return GR_OK;
}

static int classes_by_text(const void *a, const void *b)
{
    const gr_class_name *left = a, *right = b;
    return strcmp(left->text, right->text);
}

static int classes_by_number(const void *a, const void *b)
{
    const gr_class_name *left = a, *right = b;
    if (left->number != right->number) return left->number < right->number ? -1 : 1;
    return classes_by_text(a, b);
}

gr_status gr_class_set_sort(gr_class_set *set, int32_t *labels, int64_t n)
{
    bool numeric = true;
    if (set->closed || set->count == 0) return GR_OK;
    for (size_t i = 0; i < set->count; i++) numeric &= set->names[i].numeric;
    for (size_t i = 0; numeric && i < set->count; i++) {
        const gr_class_name *name = &set->names[i];
        if (name->number == floor(name->number)) continue;
        return gr_fail(GR_FORMAT,
                       "line %zu: label '%.40s' is a fraction, but classes are words or whole "
                       "numbers",
                       name->line, name->text);
    }
    qsort(set->names, set->count, sizeof *set->names,
          numeric ? classes_by_number : classes_by_text);
    for (size_t i = 0; i < set->count; i++) set->slots[set->names[i].order] = (int32_t)i;
    for (int64_t i = 0; i < n; i++) labels[i] = set->slots[labels[i]];
    return GR_OK;
}
