#include "cli/flow.h"

#include "cli/out.h"

#include <string.h>

enum { FLOW_INDENT = 2 };

/* The line so far: what is printed; then blanks and words, one blank apart, that wait for their
 * end. */
static struct {
    int column; /* where the next letter goes that is printed */
    int indent; /* of the lines that it goes on in */
    int parts;  /* of the line, set apart by blanks, that are printed */
    int blanks; /* that wait */
    char *text; /* [size], waiting */
    size_t size, room;
} flow;

static void flow_put_blanks(int count)
{
    while (count-- > 0) cli_print_raw(" ", 1);
}

static void flow_put(const char *text, size_t size, int columns)
{
    flow_put_blanks(flow.blanks);
    cli_print_raw(text, size);
    flow.column += flow.blanks + columns;
    flow.blanks = 0;
}

static void flow_break(void)
{
    cli_print_raw("\n", 1);
    flow_put_blanks(flow.indent);
    flow.column = flow.indent;
    flow.blanks = 0;
}

static void flow_put_words(char *text, int width)
{
    for (char *word; (word = strsep(&text, " "));) {
        const int columns = cli_text_width(word);
        if (flow.column + flow.blanks + columns > width && flow.column > flow.indent) flow_break();
        flow_put(word, strlen(word), columns);
        flow.blanks = 1;
    }
    flow.blanks = 0;
}

static void flow_put_part(void)
{
    if (flow.size == 0) return;
    flow.text[flow.size] = '\0';
    const int width = cli_width(), columns = cli_text_width(flow.text);
    const int next = flow.column + flow.blanks;
    if (flow.parts == 0) flow.indent = next + FLOW_INDENT;
    if (flow.parts == 1 && next <= width / 2) flow.indent = next;
    if (next + columns > width && columns <= width - flow.indent && flow.column > flow.indent)
        flow_break();
    if (flow.column + flow.blanks + columns <= width)
        flow_put(flow.text, flow.size, columns);
    else
        flow_put_words(flow.text, width);
    flow.parts++;
    flow.size = 0;
}

static void flow_add(char c)
{
    if (flow.size + 2 > flow.room)
        flow.text = cli_realloc(flow.text, flow.room = flow.room ? 2 * flow.room : 64, 1);
    flow.text[flow.size++] = c;
}

void cli_flow(const char *text)
{
    for (; *text; text++) {
        const bool within = *text == ' ' && flow.size > 0;
        if (within && flow.text[flow.size - 1] != ' ') {
            flow_add(' ');
        } else if (within) {
            flow.size--;
            flow_put_part();
            flow.blanks = 2;
        } else if (*text == ' ') {
            flow.blanks++;
        } else if (*text == '\n') {
            cli_flow_flush();
            cli_print_raw("\n", 1);
            flow.column = flow.parts = 0;
        } else {
            flow_add(*text);
        }
    }
}

void cli_flow_flush(void)
{
    int blanks = flow.size > 0 && flow.text[flow.size - 1] == ' ';
    flow.size -= (size_t)blanks;
    flow_put_part();
    flow.blanks += blanks;
    flow_put("", 0, 0);
}
