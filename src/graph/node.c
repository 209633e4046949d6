/* Looking at nodes. */
#include "graph/graph.h"

bool gr_is_error(const gr_node *node)
{
    return !node || !node->op;
}

gr_graph *gr_node_graph(const gr_node *node)
{
    return node ? node->graph : NULL;
}

int gr_node_id(const gr_node *node)
{
    return node ? node->id : -1;
}

const char *gr_node_op(const gr_node *node)
{
    if (gr_is_error(node)) return "error";
    bool own = strcmp(node->op->name, "custom") == 0 && node->attr[0].gate->name;
    return own ? node->attr[0].gate->name : node->op->name;
}

const char *gr_node_name(const gr_node *node)
{
    return node ? node->name : NULL;
}

const char *gr_node_place(const gr_node *node)
{
    return node ? node->place : NULL;
}

const char *gr_node_composite(const gr_node *node)
{
    return node ? node->composite : NULL;
}

gr_shape gr_node_shape(const gr_node *node)
{
    return node ? node->out[0].shape : GR_SCALAR;
}

gr_dtype gr_node_dtype(const gr_node *node)
{
    return node ? node->out[0].dtype : GR_F32;
}

int gr_node_inputs(const gr_node *node)
{
    return node ? node->n_in : 0;
}

gr_node *gr_node_input(const gr_node *node, int i)
{
    return node && i >= 0 && i < node->n_in ? node->in[i] : NULL;
}

int gr_node_outputs(const gr_node *node)
{
    return node ? node->n_out : 0;
}
