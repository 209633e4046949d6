/* Tables of text: which column is what, then numbers and classes. */
#include "data/classes.h"
#include "data/dataset.h"
#include "data/scan.h"
#include "data/source.h"

#include <math.h>
#include <stdio.h>

#define TABLE_LABEL_TEXT 256 /* with its NUL, a label fits in this */
#define TABLE_MESSAGE 2048   /* as long as any message about a row, with its NUL */

typedef enum table_role { TABLE_FEATURE, TABLE_LABEL, TABLE_IGNORED } table_role;

typedef struct table {
    const char *path;
    const gr_data_options *options;
    gr_arena arena;
    gr_scanner rows;       /* at the first example */
    const gr_field *first; /* the fields of the first line */
    const char **names;    /* [columns]: their texts, the header's names if it is one */
    size_t columns, features;
    int64_t count; /* examples */
    bool header;
    table_role *roles; /* [columns] */
} table;

/* ---- The first line and the columns ------------------------------------------------------- */

static gr_status table_first_line(table *table, gr_scanner scan)
{
    gr_scanner again = scan;
    gr_field field;
    do {
        GR_TRY(gr_scanner_field(&again, &field));
        table->columns++;
    } while (!field.ends_row);
    gr_field *fields = gr_arena_alloc(&table->arena, table->columns * sizeof *fields);
    table->names = gr_arena_alloc(&table->arena, table->columns * sizeof *table->names);
    table->roles = gr_arena_alloc(&table->arena, table->columns * sizeof *table->roles);
    if (!fields || !table->names || !table->roles) return GR_NO_MEMORY;
    for (size_t i = 0; i < table->columns; i++) {
        GR_TRY(gr_scanner_field(&scan, &fields[i]));
        table->names[i] = gr_field_text(&table->arena, &fields[i]);
        if (!table->names[i]) return GR_NO_MEMORY;
    }
    table->first = fields;
    return GR_OK;
}

/* The column that `word` means: a name of the header if there is one, or a number. */
static gr_status table_find_column(const table *table, const char *word, size_t *column)
{
    for (size_t i = 0; table->header && i < table->columns; i++) {
        *column = i;
        if (strcmp(table->names[i], word) == 0) return GR_OK;
    }
    const char *cursor = word;
    int64_t number;
    if (gr_parse_int(&cursor, &number) && !*cursor) {
        int64_t columns = (int64_t)table->columns;
        if (number == 0 || number > columns || number < -columns) {
            return gr_fail(GR_INVALID, "%s: there is no column %s: the file has %zu", table->path,
                           word, table->columns);
        }
        *column = (size_t)(number > 0 ? number - 1 : columns + number);
        return GR_OK;
    }
    if (!table->header) {
        return gr_fail(GR_INVALID, "%s: no column is called '%s': the file has no header",
                       table->path, word);
    }
    const char *near = gr_nearest(word, table->names, table->columns);
    return gr_fail(GR_INVALID, "%s: line 1: no column is called '%s'%s%s%s", table->path, word,
                   near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static gr_status table_ignore(table *table, const char *list)
{
    while (*list) {
        size_t length = strcspn(list, ","), column = 0;
        char *word = gr_arena_copy(&table->arena, list, length + 1);
        if (!word) return GR_NO_MEMORY;
        word[length] = '\0';
        GR_TRY(table_find_column(table, word, &column));
        table->roles[column] = TABLE_IGNORED;
        list += length;
        if (*list) list++;
    }
    return GR_OK;
}

static gr_status table_assign_roles(table *table)
{
    const gr_data_options *options = table->options;
    for (size_t i = 0; i < table->columns; i++) table->roles[i] = TABLE_FEATURE;
    if (options->ignore) GR_TRY(table_ignore(table, options->ignore));
    if (!options->unlabelled) {
        size_t column = table->columns - 1;
        if (options->label) GR_TRY(table_find_column(table, options->label, &column));
        if (table->roles[column] == TABLE_IGNORED) {
            return gr_fail(GR_INVALID, "%s: column %zu is ignored and has the labels", table->path,
                           column + 1);
        }
        table->roles[column] = TABLE_LABEL;
    }
    table->features = 0;
    for (size_t i = 0; i < table->columns; i++) table->features += table->roles[i] == TABLE_FEATURE;
    if (table->features > 0) return GR_OK;
    return gr_fail(GR_FORMAT,
                   "%s: line 1: found %zu column%s separated by '%s', which leaves none for "
                   "features",
                   table->path, table->columns, table->columns == 1 ? "" : "s",
                   table->rows.separator == '\t' ? "\\t" : (char[]){table->rows.separator, 0});
}

/* Does `word` name a column other than by number? */
static bool table_is_name(const char *word, size_t length)
{
    int64_t number;
    const char *cursor = word;
    return length > 0 && !(gr_parse_int(&cursor, &number) && cursor == word + length);
}

/* Is it a number but for a comma in the place of the point? */
static bool table_has_comma(const gr_field *field)
{
    size_t digits = 0, commas = 0;
    for (size_t i = 0; i < field->size; i++) {
        const char c = field->at[i];
        digits += (c >= '0' && c <= '9') || (i == 0 && c == '-');
        commas += c == ',';
    }
    return commas == 1 && digits > 0 && digits + 1 == field->size;
}

/* Whether the first line is a header, if the options leave it open. */
static gr_status table_guess_header(table *table)
{
    const char *list = table->options->ignore, *label = table->options->label;
    table->header = true;
    if (label && table_is_name(label, strlen(label))) return GR_OK;
    while (list && *list) {
        size_t length = strcspn(list, ",");
        if (table_is_name(list, length)) return GR_OK;
        list += length;
        if (*list) list++;
    }
    GR_TRY(table_assign_roles(table));
    for (size_t i = 0; i < table->columns; i++) {
        double value;
        const gr_field *field = &table->first[i];
        if (table->roles[i] == TABLE_FEATURE &&
            (gr_field_number(field, &value) || table_has_comma(field))) {
            table->header = false;
        }
    }
    return GR_OK;
}

/* Counts the examples, all of whose rows must have as many fields as the first. */
static gr_status table_count(table *table)
{
    gr_scanner scan = table->rows;
    while (!gr_scanner_done(&scan)) {
        size_t fields = 0, line = scan.line;
        gr_field field;
        do {
            GR_TRY(gr_scanner_field(&scan, &field));
            fields++;
        } while (!field.ends_row);
        if (fields != table->columns) {
            return gr_fail(GR_FORMAT, "%s: line %zu: found %zu field%s, but line 1 has %zu",
                           table->path, line, fields, fields == 1 ? "" : "s", table->columns);
        }
        table->count++;
    }
    if (table->count == 0) {
        return gr_fail(GR_FORMAT, "%s: line 2: no example follows the header", table->path);
    }
    return GR_OK;
}

static gr_status table_survey(table *table, const char *data, size_t size)
{
    const gr_data_options *options = table->options;
    GR_TRY(gr_scanner_start(&table->rows, table->path, data, size, options->separator));
    GR_TRY(table_first_line(table, table->rows));
    if (options->header == 0) {
        GR_TRY(table_guess_header(table));
    } else {
        table->header = options->header > 0;
    }
    GR_TRY(table_assign_roles(table));
    gr_field field = {0};
    while (table->header && !field.ends_row) GR_TRY(gr_scanner_field(&table->rows, &field));
    return table_count(table);
}

/* ---- The examples ------------------------------------------------------------------------- */

static gr_status table_bad_value(const table *table, const gr_field *field, const char *wanted)
{
    char text[48];
    const char *name = table->header ? table->names[field->column - 1] : "";
    return gr_fail(GR_FORMAT, "%s: line %zu, column %zu%s%.40s%s: found %s%s%s, but %s",
                   table->path, field->line, field->column, *name ? " (" : "", name,
                   *name ? ")" : "", field->size ? "'" : "nothing",
                   gr_field_quote(field, text, sizeof text), field->size ? "'" : "", wanted);
}

/* What a feature is, and what may be done about a field that is none. */
static const char *table_remedy(const gr_field *field)
{
    size_t letters = 0;
    for (size_t i = 0; i < field->size; i++) {
        const char c = field->at[i];
        letters += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    return table_has_comma(field) ? "a feature is a number, which has a point instead of a comma"
           : letters > 3          ? "a feature is a number: 'ignore' leaves out a column of words"
                                  : "a feature is a number";
}

static gr_status table_feature(const table *table, const gr_field *field, float *feature)
{
    double value;
    if (!gr_field_number(field, &value)) {
        return table_bad_value(table, field, table_remedy(field));
    }
    *feature = (float)value;
    if (!isfinite(*feature)) {
        return table_bad_value(table, field, "a feature is a finite f32 number");
    }
    return GR_OK;
}

static gr_status table_label(const table *table, const gr_field *field, gr_class_set *set,
                             int32_t *label)
{
    char text[TABLE_LABEL_TEXT];
    if (!gr_field_copy(field, text, sizeof text)) {
        return table_bad_value(table, field, "a label is shorter");
    }
    gr_status status = gr_class_set_find(set, text, field->line, label);
    if (status == GR_OK) return GR_OK;
    return gr_fail_prefix(status, "%s: line %zu, column %zu: ", table->path, field->line,
                          field->column);
}

/* The next row. *bad: one with a feature that is none, or without a label; the status says how. */
static gr_status table_row(const table *table, gr_scanner *scan, gr_class_set *set, float *feature,
                           int32_t *label, bool *bad)
{
    gr_status status = GR_OK;
    gr_field field, class_field = {0};
    *bad = false;
    do {
        GR_TRY(gr_scanner_field(scan, &field));
        const table_role role = table->roles[field.column - 1];
        if (role == TABLE_LABEL) class_field = field;
        if (role != TABLE_FEATURE || status != GR_OK) continue;
        status = table_feature(table, &field, feature++);
    } while (!field.ends_row);
    const bool labelled = class_field.column > 0;
    *bad = status != GR_OK || (labelled && class_field.size == 0);
    return status == GR_OK && labelled ? table_label(table, &class_field, set, label) : status;
}

static gr_status table_examples(const table *table, gr_storage *storage, gr_class_set *set)
{
    char first[TABLE_MESSAGE] = "";
    gr_scanner scan = table->rows;
    float *feature = (float *)(void *)storage->block;
    int32_t label = 0;
    int64_t kept = 0;
    for (int64_t i = 0; i < table->count; i++) {
        bool bad;
        const gr_status status = table_row(table, &scan, set, feature, &label, &bad);
        if (status != GR_OK && !(bad && table->options->skip_bad_rows)) return status;
        if (status != GR_OK) {
            if (kept == i) snprintf(first, sizeof first, "%s", gr_message());
            continue;
        }
        if (storage->labels) storage->labels[kept] = label;
        feature += table->features;
        kept++;
    }
    storage->count = kept;
    if (kept == table->count) return GR_OK;
    if (kept == 0) return gr_fail(GR_FORMAT, "%s; and no row is any better", first);
    gr_remark(GR_LOG_WARNING, "%s: %lld of %lld rows left out, the first for this: %s", table->path,
              (long long)(table->count - kept), (long long)table->count, first);
    return GR_OK;
}

static gr_status table_names(table *table, gr_storage *storage, gr_class_set *set)
{
    size_t n = set->count > table->columns ? set->count : table->columns, features = 0;
    const char **names = gr_arena_alloc(&table->arena, n * sizeof *names);
    if (!names) return GR_NO_MEMORY;
    for (size_t i = 0; i < set->count; i++) names[i] = set->names[i].text;
    if (storage->labels) GR_TRY(gr_storage_classes(storage, (int)set->count, names));
    if (!table->header) return GR_OK;
    for (size_t i = 0; i < table->columns; i++) {
        if (table->roles[i] == TABLE_FEATURE) names[features++] = table->names[i];
    }
    return gr_storage_features(storage, (int64_t)features, names);
}

static gr_status table_fill(table *table, gr_class_set *set, gr_shape shape, gr_storage *storage)
{
    if (shape.rank == 0) {
        shape = GR_SHAPE((int64_t)table->features);
    } else if (gr_shape_count(shape) != (int64_t)table->features) {
        return gr_fail(GR_FORMAT, "%s: line 1: found %zu features, but %s has %lld", table->path,
                       table->features, storage->name, (long long)gr_shape_count(shape));
    }
    GR_TRY(gr_storage_shape(storage, GR_F32, table->count, shape));
    storage->block = gr_alloc_array((size_t)table->count, storage->example_bytes);
    if (!storage->block) return GR_NO_MEMORY;
    storage->examples = storage->block;
    if (!table->options->unlabelled) {
        storage->labels = gr_alloc_array((size_t)table->count, sizeof *storage->labels);
        if (!storage->labels) return GR_NO_MEMORY;
    }
    GR_TRY(table_examples(table, storage, set));
    if (storage->labels) {
        gr_status status = gr_class_set_sort(set, storage->labels, storage->count);
        if (status != GR_OK) return gr_fail_prefix(status, "%s: ", table->path);
    }
    return table_names(table, storage, set);
}

gr_status gr_read_table(const char *name, const char *path, const gr_data_options *options,
                        gr_class_list classes, gr_shape shape, gr_dataset **dataset)
{
    table table = {.path = path, .options = options};
    gr_class_set set = {0};
    char *data;
    size_t size;
    *dataset = NULL;
    GR_TRY(gr_source_read(path, &data, &size));
    gr_storage *storage = gr_storage_new(name);
    gr_status status = storage ? table_survey(&table, data, size) : GR_NO_MEMORY;
    if (status == GR_OK) status = gr_class_set_start(&set, &table.arena, classes);
    if (status == GR_OK) status = table_fill(&table, &set, shape, storage);
    gr_class_set_free(&set);
    gr_arena_free(&table.arena);
    gr_free(data);
    if (status == GR_OK) return gr_storage_wrap(storage, dataset);
    gr_storage_free(storage);
    return status;
}
