#include "cli/table.h"

#include "cli/out.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE_MAX_COLUMNS = 32, TABLE_GAP = 2, TABLE_LEAST = 8 };

struct cli_table {
    int columns;
    char *spec; /* the texts that header[] points into */
    const char *header[TABLE_MAX_COLUMNS];
    char align[TABLE_MAX_COLUMNS];
    int width[TABLE_MAX_COLUMNS];
    char **cell; /* row by row; NULL in a row's first cell: a line */
    size_t cells, room;
};

cli_table *cli_table_new(const char *columns)
{
    cli_table *table = cli_alloc(1, sizeof *table);
    table->spec = cli_utf8() ? cli_format("%s", columns) : cli_ascii(columns);
    char *rest = table->spec;
    for (char *name; table->columns < TABLE_MAX_COLUMNS && (name = strsep(&rest, "|"));) {
        table->align[table->columns] = name[0];
        table->header[table->columns++] = name + 1;
    }
    return table;
}

static void table_add(cli_table *table, char *text)
{
    if (table->cells == table->room) {
        table->room = table->room ? 2 * table->room : 64;
        table->cell = cli_realloc(table->cell, table->room, sizeof *table->cell);
    }
    table->cell[table->cells++] = text;
}

void cli_table_cell(cli_table *table, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char *text = cli_format_list(format, list);
    va_end(list);
    table_add(table, cli_visible(text, true)); /* whatever a name may be, it is one line */
    free(text);
}

static void table_fill_row(cli_table *table)
{
    while (table->cells % (size_t)table->columns) table_add(table, cli_format("%s", ""));
}

void cli_table_rule(cli_table *table)
{
    table_fill_row(table);
    for (int i = 0; i < table->columns; i++) table_add(table, NULL);
}

static void table_pad(int columns)
{
    if (columns > 0) cli_print("%*s", columns, "");
}

/* One cell; the last of a row has no spaces after it. */
static void table_put(const cli_table *table, int column, const char *text)
{
    int width = table->width[column], used = cli_text_width(text);
    if (!*text && column == table->columns - 1) return; /* no blanks at the end of a line */
    if (column) table_pad(TABLE_GAP);
    if (used > width) {
        const char *dots = cli_glyph("…", ".");
        size_t length = cli_text_cut(text, width - 1);
        cli_print("%.*s%s%s", (int)length, text, strchr(text, '\033') ? cli_color(CLI_PLAIN) : "",
                  dots);
        return;
    }
    if (table->align[column] == '>') table_pad(width - used);
    cli_print_text(text);
    if (column < table->columns - 1 && table->align[column] != '>') table_pad(width - used);
}

static int table_total(const cli_table *table)
{
    int total = TABLE_GAP * (table->columns - 1);
    for (int i = 0; i < table->columns; i++) total += table->width[i];
    return total;
}

static void table_measure(cli_table *table)
{
    for (int i = 0; i < table->columns; i++) table->width[i] = cli_text_width(table->header[i]);
    for (size_t k = 0; k < table->cells; k++) {
        int *width = &table->width[k % (size_t)table->columns];
        int used = table->cell[k] ? cli_text_width(table->cell[k]) : 0;
        if (used > *width) *width = used;
    }
}

/* Takes columns from the widest flexible one until the table fits. False if it cannot. */
static bool table_shrink(cli_table *table, int limit)
{
    while (limit && table_total(table) > limit) {
        int widest = -1;
        for (int i = 0; i < table->columns; i++)
            if (table->align[i] == '~' && table->width[i] > TABLE_LEAST &&
                (widest < 0 || table->width[i] > table->width[widest]))
                widest = i;
        if (widest < 0) return false;
        table->width[widest]--;
    }
    return true;
}

static void table_rule(int width)
{
    const char *dash = cli_glyph("─", "-");
    for (int i = 0; i < width; i++) cli_print_text(dash);
    cli_print("\n");
}

static void table_print_rows(const cli_table *table)
{
    bool headed = false;
    for (int i = 0; i < table->columns; i++) headed = headed || table->header[i][0];
    if (headed) {
        cli_print_text(cli_color(CLI_BOLD));
        for (int i = 0; i < table->columns; i++) table_put(table, i, table->header[i]);
        cli_print("%s\n", cli_color(CLI_PLAIN));
        table_rule(table_total(table));
    }
    for (size_t k = 0; k < table->cells; k += (size_t)table->columns) {
        if (!table->cell[k]) {
            table_rule(table_total(table));
            continue;
        }
        for (int i = 0; i < table->columns; i++) table_put(table, i, table->cell[k + (size_t)i]);
        cli_print("\n");
    }
}

/* For terminals that are too narrow: each row as lines of "header  cell". */
static void table_print_blocks(const cli_table *table, int limit)
{
    int left = 0;
    for (int i = 0; i < table->columns; i++) {
        int width = cli_text_width(table->header[i]);
        if (width > left) left = width;
    }
    for (size_t k = 0; k < table->cells; k += (size_t)table->columns) {
        if (!table->cell[k]) continue;
        if (k) cli_print("\n");
        for (int i = 0; i < table->columns; i++) {
            const char *text = table->cell[k + (size_t)i];
            if (!*text) continue;
            cli_print("%s%s%s%*s", cli_color(CLI_BOLD), table->header[i], cli_color(CLI_PLAIN),
                      left - cli_text_width(table->header[i]) + TABLE_GAP, "");
            cli_print_wrapped(text, left + TABLE_GAP, left + TABLE_GAP, limit);
            cli_print("\n");
        }
    }
}

void cli_table_print(cli_table *table)
{
    int limit = cli_width();
    table_fill_row(table);
    table_measure(table);
    bool fits = table_shrink(table, limit);
    if (fits && table->cells > 0)
        table_print_rows(table);
    else
        table_print_blocks(table, limit);
    for (size_t k = 0; k < table->cells; k++) free(table->cell[k]);
    free(table->cell);
    free(table->spec);
    free(table);
}
