/* The text form of graphs: read, verified, printed, read again, run with and without passes. */
#include "fuzz.h"

enum { TEXT_MOST_OUTPUTS = 16 };

/* The variables of the graph, as far as they are small, with zeros. */
static gr_store *text_store(gr_graph *graph)
{
    gr_store *store = gr_store_new();
    for (int i = 0; store && i < gr_graph_size(graph); i++) {
        const gr_node *node = gr_graph_node(graph, i);
        const gr_tensor type = {gr_node_dtype(node), gr_node_shape(node), NULL};
        if (!strcmp(gr_node_op(node), "var"))
            fuzz_status(gr_store_add(store, gr_node_name(node), &type));
    }
    return store;
}

static void text_print(gr_graph *graph, gr_node *const *outputs, int n)
{
    char *text = NULL, *second = NULL;
    gr_node *outs[TEXT_MOST_OUTPUTS];
    gr_graph *again = NULL;
    int m = 0;
    if (!fuzz_status(gr_graph_print(graph, outputs, n, &text))) return;
    FUZZ_REQUIRE(fuzz_status(gr_graph_read(text, &again, outs, TEXT_MOST_OUTPUTS, &m)));
    FUZZ_REQUIRE(m == n);
    if (fuzz_status(gr_graph_print(again, outs, m, &second))) FUZZ_REQUIRE(!strcmp(text, second));
    gr_text_release(text);
    gr_text_release(second);
    gr_graph_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_start();
    char *text = strndup((const char *)data, size);
    FUZZ_REQUIRE(text != NULL);
    gr_graph *graph = NULL;
    gr_node *outputs[TEXT_MOST_OUTPUTS];
    int n = 0;
    if (fuzz_status(gr_graph_read(text, &graph, outputs, TEXT_MOST_OUTPUTS, &n))) {
        FUZZ_REQUIRE(fuzz_status(gr_graph_verify(graph)));
        if (n > TEXT_MOST_OUTPUTS) n = TEXT_MOST_OUTPUTS;
        text_print(graph, outputs, n);
        if (n > 0 && fuzz_small(graph)) {
            gr_store *store = text_store(graph);
            if (store) fuzz_compare(graph, outputs, n, store, 1);
            gr_store_free(store);
        }
    }
    gr_graph_free(graph);
    free(text);
    return 0;
}
