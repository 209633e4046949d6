/* Rows and fields of a table in text. Internal. */
#ifndef GR_DATA_SCAN_H
#define GR_DATA_SCAN_H

#include "base/base.h"

typedef struct gr_scanner {
    const char *path, *at, *end;
    char separator;
    size_t line, column; /* of the next field, both from 1 */
} gr_scanner;

typedef struct gr_field {
    const char *at; /* without the quotes around it, or the blanks */
    size_t size;
    size_t line, column;
    bool quoted; /* within it, "" stands for " */
    bool ends_row;
} gr_field;

/* Starts at data[size], which must be text; a byte-order mark and empty lines at the end are
 * skipped. separator 0: whichever of , ; tab the first line has most of. */
gr_status gr_scanner_start(gr_scanner *scan, const char *path, const char *data, size_t size,
                           char separator);
bool gr_scanner_done(const gr_scanner *scan);
gr_status gr_scanner_field(gr_scanner *scan, gr_field *field);
/* The field's text with "" undone, in the arena; NULL when memory is out. */
const char *gr_field_text(gr_arena *arena, const gr_field *field);
/* The same, in text[size]; false if it does not fit. */
bool gr_field_copy(const gr_field *field, char *text, size_t size);
/* The field's beginning, for messages, in text[size], without control characters. */
const char *gr_field_quote(const gr_field *field, char *text, size_t size);
/* Is all of the field a number (or nan, inf)? */
bool gr_field_number(const gr_field *field, double *value);

#endif
