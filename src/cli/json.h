/* JSON on standard output. Commas, line breaks and indentation are the writer's. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <gradus/base.h>

enum { CLI_JSON_DEPTH = 32 };

/* Zeroes write a value on one line; `pretty` breaks lines and indents. */
typedef struct cli_json {
    bool pretty;
    int depth;
    bool filled[CLI_JSON_DEPTH]; /* has the open object or array an element? */
    bool flat[CLI_JSON_DEPTH];   /* is it written on one line? */
    char bracket[CLI_JSON_DEPTH];
    const char *key; /* of the next value, if that is given none */
} cli_json;

/* In an object every value follows its key; a NULL key is for arrays and for the outermost value.
 * When the outermost value is complete a line break follows. */
void cli_json_object(cli_json *json, const char *key);
void cli_json_array(cli_json *json, const char *key);
/* An array that stays on one line. */
void cli_json_row(cli_json *json, const char *key);
void cli_json_end(cli_json *json); /* of the innermost object or array */
void cli_json_text(cli_json *json, const char *key, const char *text); /* NULL text: null */
void cli_json_int(cli_json *json, const char *key, int64_t value);
/* The shortest decimal that reads back as the value; null for NaN and infinities, which JSON does
 * not have. */
void cli_json_real(cli_json *json, const char *key, double value);
void cli_json_real32(cli_json *json, const char *key, float value);
void cli_json_bool(cli_json *json, const char *key, bool value);
void cli_json_null(cli_json *json, const char *key);
/* [28,28] */
void cli_json_shape(cli_json *json, const char *key, gr_shape shape);
/* Nested arrays; a number for rank 0. Elements as the tensor's type asks: f32 by its own shortest
 * decimals, whole numbers, true and false. */
void cli_json_tensor(cli_json *json, const char *key, const gr_tensor *tensor);

#endif
