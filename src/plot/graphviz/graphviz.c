/* The module that lays diagrams out with Graphviz's dot (Gansner, Koutsofios, North and Vo 1993,
 * "A technique for drawing directed graphs"). All that calls Graphviz stands here. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include <graphviz/gvc.h>

#include "plot/layout.h"

/* The one plugin that is used, linked in: looking for others would load fonts and formats. */
extern gvplugin_library_t gvplugin_dot_layout_LTX_library;

static const lt_symlist_t graphviz_plugins[] = {
    {"gvplugin_dot_layout_LTX_library", &gvplugin_dot_layout_LTX_library}, {0, 0}};

/* Sets a size, in inches, without the locale's decimal point. */
static void graphviz_size(void *node, char *name, double points)
{
    char text[32];
    const long tenths = (long)(points / 72 * 10000 + 0.5);
    snprintf(text, sizeof text, "%ld.%04ld", tenths / 10000, tenths % 10000);
    agset(node, name, text);
}

static void graphviz_defaults(Agraph_t *graph)
{
    static char *const graph_word[][2] = {
        {"rankdir", "LR"}, {"nodesep", "0.17"}, {"ranksep", "0.2"}, {"splines", "true"}};
    static char *const node_word[][2] = {
        {"label", ""}, {"shape", "box"}, {"fixedsize", "true"}, {"width", "1"}, {"height", "1"}};
    static char *const edge_word[][2] = {
        {"arrowhead", "none"}, {"tailport", ""}, {"headport", ""}, {"weight", "1"}};
    for (size_t i = 0; i < sizeof graph_word / sizeof *graph_word; i++)
        agattr(graph, AGRAPH, graph_word[i][0], graph_word[i][1]);
    for (size_t i = 0; i < sizeof node_word / sizeof *node_word; i++)
        agattr(graph, AGNODE, node_word[i][0], node_word[i][1]);
    for (size_t i = 0; i < sizeof edge_word / sizeof *edge_word; i++)
        agattr(graph, AGEDGE, edge_word[i][0], edge_word[i][1]);
}

static bool graphviz_build(const gr_layout_job *job, Agraph_t *graph, Agnode_t **node,
                           Agedge_t **edge)
{
    graphviz_defaults(graph);
    for (int i = 0; i < job->nodes; i++) {
        const gr_layout_node *from = &job->node[i];
        node[i] = agnode(graph, NULL, 1);
        if (!node[i]) return false;
        graphviz_size(node[i], "width", from->width);
        graphviz_size(node[i], "height", from->height);
        if (from->round) agset(node[i], "shape", "ellipse");
    }
    for (int i = 0; i < job->wires; i++) {
        const gr_layout_wire *wire = &job->wire[i];
        edge[i] = agedge(graph, node[wire->from], node[wire->to], NULL, 1);
        if (!edge[i]) return false;
        if (!job->node[wire->from].round) agset(edge[i], "tailport", "e");
        if (job->node[wire->to].wire) {
            agset(edge[i], "headport", "w");
            agset(edge[i], "weight", "4"); /* pieces of one wire stay in line */
        }
    }
    return true;
}

/* Appends the curve of an edge to the job's points, y downwards. */
static gr_status graphviz_curve(gr_layout_job *job, gr_layout_wire *wire, Agedge_t *edge)
{
    const splines *curve = ED_spl(edge);
    wire->first = job->points;
    wire->points = 0;
    if (!curve || curve->size < 1) return GR_OK;
    const bezier *part = &curve->list[0];
    const int n = (int)part->size;
    if (job->points + n > job->capacity) {
        const int capacity = 2 * (job->points + n);
        double *more = job->more(job->point, capacity);
        if (!more) return GR_NO_MEMORY;
        job->point = more;
        job->capacity = capacity;
    }
    for (int i = 0; i < n; i++) {
        job->point[2 * (job->points + i)] = part->list[i].x;
        job->point[2 * (job->points + i) + 1] = job->height - part->list[i].y;
    }
    wire->points = n;
    job->points += n;
    return GR_OK;
}

static gr_status graphviz_answer(gr_layout_job *job, Agraph_t *graph, Agnode_t *const *node,
                                 Agedge_t *const *edge)
{
    job->width = GD_bb(graph).UR.x;
    job->height = GD_bb(graph).UR.y;
    for (int i = 0; i < job->nodes; i++) {
        job->node[i].x = ND_coord(node[i]).x;
        job->node[i].y = job->height - ND_coord(node[i]).y;
    }
    for (int i = 0; i < job->wires; i++) {
        gr_status status = graphviz_curve(job, &job->wire[i], edge[i]);
        if (status != GR_OK) return status;
    }
    return GR_OK;
}

static int graphviz_silent(char *message)
{
    (void)message;
    return 0;
}

static gr_status graphviz_lay_out(gr_layout_job *job, GVC_t *context)
{
    gr_status status = GR_NO_MEMORY;
    Agraph_t *graph = agopen("diagram", Agdirected, NULL);
    Agnode_t **node = calloc((size_t)job->nodes + 1, sizeof(Agnode_t *));
    Agedge_t **edge = calloc((size_t)job->wires + 1, sizeof(Agedge_t *));
    if (graph && node && edge && graphviz_build(job, graph, node, edge)) {
        status = GR_INTERNAL;
        if (gvLayout(context, graph, "dot") == 0) {
            status = graphviz_answer(job, graph, node, edge);
            gvFreeLayout(context, graph);
        }
    }
    free(node);
    free(edge);
    if (graph) agclose(graph);
    return status;
}

/* Graphviz reads and writes numbers by the locale, and says what it thinks on standard error. */
static gr_status graphviz_run(gr_layout_job *job)
{
    gr_status status = GR_NO_MEMORY;
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const locale_t before = plain ? uselocale(plain) : (locale_t)0;
    agseterrf(graphviz_silent);
    GVC_t *context = gvContextPlugins(graphviz_plugins, 0);
    if (context) {
        status = graphviz_lay_out(job, context);
        gvFreeContext(context);
    }
    if (plain) {
        uselocale(before);
        freelocale(plain);
    }
    return status;
}

GR_API gr_part_open_fn gr_graphviz_open;

const void *gr_graphviz_open(int abi, const gr_part_services *services)
{
    static const gr_layout_module module = {graphviz_run};
    (void)services;
    return abi == GR_LAYOUT_ABI ? &module : NULL;
}
