/* Tables whose columns fit the terminal. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <gradus/base.h>

/* Columns are as wide as their widest cell. If the terminal is too narrow, flexible columns are cut
 * (with "…"); if that is not enough, each row becomes a block of "header  cell" lines. Without a
 * limit on the width nothing is cut. */
typedef struct cli_table cli_table;

/* `columns` names the columns, separated by '|', each after its alignment: '<' left, '>' right,
 * '~' left and flexible: "~layer|>parameters". */
cli_table *cli_table_new(const char *columns);
/* The next cell, row by row. */
void cli_table_cell(cli_table *table, const char *format, ...) GR_PRINTF(2, 3);
/* A line across the table before the next row. */
void cli_table_rule(cli_table *table);
/* Prints (unless it is empty) and frees the table. A last row that is not complete is filled with
 * empty cells. */
void cli_table_print(cli_table *table);

#endif
