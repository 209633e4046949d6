/* Constant tensors, [[1, 2], [3, 4]], and values typed on a command line. */
#include "lang/syntax.h"

#include <math.h>

/* What is known of a constant tensor while it is read. */
typedef struct list_reader {
    lang_parser *parser;
    int leaf;                 /* the depth at which numbers stand; -1: not known yet */
    int64_t dim[GR_MAX_RANK]; /* -1: no row of that depth has ended yet */
} list_reader;

static bool list_word(const lang_parser *parser, const char *word)
{
    const char *text = parser->expr->source.text + parser->token.at.offset;
    return parser->token.kind == LANG_NAME && parser->token.size == strlen(word) &&
           memcmp(text, word, parser->token.size) == 0;
}

gr_status gr_lang_parse_signed(lang_parser *parser, double *number, bool *found)
{
    bool negative = parser->token.kind == LANG_MINUS;
    bool sign = negative || parser->token.kind == LANG_PLUS;
    if (sign) GR_TRY(gr_lang_advance(parser));
    *found = true;
    if (parser->token.kind == LANG_NUMBER)
        *number = parser->token.number;
    else if (list_word(parser, "inf"))
        *number = (double)INFINITY;
    else if (list_word(parser, "nan"))
        *number = (double)NAN;
    else
        *found = false;
    if (!*found) return sign ? gr_lang_expected(parser, "a number after the sign") : GR_OK;
    if (negative) *number = -*number;
    return gr_lang_advance(parser);
}

static gr_status list_number(list_reader *reader, int depth)
{
    lang_parser *parser = reader->parser;
    gr_expr *expr = parser->expr;
    lang_at at = parser->token.at;
    double number;
    bool found;
    GR_TRY(gr_lang_parse_signed(parser, &number, &found));
    if (!found)
        return gr_lang_expected(parser, "a number or '[' (a constant tensor holds numbers)");
    if (reader->leaf < 0) reader->leaf = depth;
    if (reader->leaf != depth) {
        return gr_lang_fail(&expr->source, at, GR_SYNTAX,
                            "a number stands where the rows before have a '['");
    }
    if (!gr_grow(&expr->numbers, expr->n_numbers, &expr->numbers_capacity, sizeof *expr->numbers)) {
        return GR_NO_MEMORY;
    }
    expr->numbers[expr->n_numbers++] = number;
    return GR_OK;
}

static gr_status list_row(list_reader *reader, int depth)
{
    lang_parser *parser = reader->parser;
    const lang_source *source = &parser->expr->source;
    lang_token open = parser->token;
    int64_t count = 0;
    if (depth >= GR_MAX_RANK) {
        return gr_lang_fail(source, open.at, GR_SYNTAX, "a tensor has at most %d axes",
                            GR_MAX_RANK);
    }
    if (reader->leaf >= 0 && depth > reader->leaf) {
        return gr_lang_fail(source, open.at, GR_SYNTAX,
                            "a '[' stands where the rows before have numbers");
    }
    GR_TRY(gr_lang_advance(parser));
    while (parser->token.kind != LANG_CLOSE_LIST) {
        if (parser->token.kind == LANG_OPEN_LIST)
            GR_TRY(list_row(reader, depth + 1));
        else
            GR_TRY(list_number(reader, depth));
        count++;
        if (parser->token.kind != LANG_COMMA) break;
        GR_TRY(gr_lang_advance(parser));
    }
    if (parser->token.kind != LANG_CLOSE_LIST) return gr_lang_expected(parser, "',' or ']'");
    if (count == 0 && reader->leaf < 0) reader->leaf = depth;
    int64_t *dim = &reader->dim[depth];
    if (*dim >= 0 && *dim != count) {
        return gr_lang_fail(source, open.at, GR_SYNTAX,
                            "this row has length %lld where the rows before have length %lld",
                            (long long)count, (long long)*dim);
    }
    *dim = count;
    return gr_lang_advance(parser);
}

gr_status gr_lang_parse_list(lang_parser *parser, lang_list *list)
{
    list_reader reader = {.parser = parser, .leaf = -1};
    gr_expr *expr = parser->expr;
    /* A list without numbers points at them, too. */
    if (!gr_grow(&expr->numbers, expr->n_numbers, &expr->numbers_capacity, sizeof *expr->numbers))
        return GR_NO_MEMORY;
    for (int i = 0; i < GR_MAX_RANK; i++) reader.dim[i] = -1;
    list->first = expr->n_numbers;
    GR_TRY(list_row(&reader, 0));
    list->shape = gr_shape_of(reader.leaf + 1, reader.dim);
    return GR_OK;
}

static gr_status list_value(gr_expr *expr, gr_tensor *value)
{
    lang_parser parser;
    lang_list list = {.shape = GR_SCALAR};
    double number = 0;
    bool found;
    GR_TRY(gr_lang_parser_start(&parser, expr));
    if (parser.token.kind == LANG_OPEN_LIST) {
        GR_TRY(gr_lang_parse_list(&parser, &list));
    } else {
        GR_TRY(gr_lang_parse_signed(&parser, &number, &found));
        if (!found) return gr_lang_expected(&parser, "a number or a tensor like [1, 2]");
    }
    while (parser.token.kind == LANG_NEWLINE) GR_TRY(gr_lang_advance(&parser));
    if (parser.token.kind != LANG_END) return gr_lang_expected(&parser, "the end of the value");
    GR_TRY(gr_tensor_new(GR_F64, list.shape, value));
    if (list.shape.rank == 0)
        *(double *)value->data = number;
    else if (expr->n_numbers > 0) {
        memcpy(value->data, expr->numbers, expr->n_numbers * sizeof *expr->numbers);
    }
    return GR_OK;
}

gr_status gr_value_parse(const char *text, const char *source, gr_tensor *value)
{
    gr_status status;
    *value = (gr_tensor){0};
    gr_expr *expr = gr_lang_expr_new(text, source ? source : "value", &status);
    if (!expr) return status;
    status = list_value(expr, value);
    gr_expr_free(expr);
    return status;
}
