/* What a circuit costs: its gates, and the time of a pass through them. */
#include "cli/command.h"
#include "cli/eval.h"
#include "cli/out.h"

#include <math.h>
#include <string.h>

/* Seconds of one step: the least mean of several runs of about a millisecond. */
static gr_status time_step(gr_session *session, double *seconds)
{
    enum { RUNS = 20 };
    const double wanted = 1e-3;
    double start = cli_clock();
    gr_status status = gr_session_step(session);
    const double once = fmax(cli_clock() - start, 1e-9);
    const int steps = once < wanted ? (int)(wanted / once) + 1 : 1;
    *seconds = INFINITY;
    for (int run = 0; run < RUNS && status == GR_OK; run++) {
        start = cli_clock();
        for (int i = 0; i < steps && status == GR_OK; i++) status = gr_session_step(session);
        *seconds = fmin(*seconds, (cli_clock() - start) / steps);
    }
    return status;
}

/* Nodes that compute: neither inputs nor constants. */
static int time_count(const gr_graph *graph, int from, int to)
{
    int gates = 0;
    for (int id = from; id < to; id++) {
        const char *op = gr_node_op(gr_graph_node(graph, id));
        gates += strcmp(op, "input") != 0 && strcmp(op, "constant") != 0;
    }
    return gates;
}

int eval_time(const circuit *c, cli_json *json)
{
    char text[32];
    double seconds;
    const int forward = time_count(c->graph, 0, c->forward);
    const int backward = time_count(c->graph, c->forward, gr_graph_size(c->graph));
    gr_status status = time_step(c->session, &seconds);
    if (status != GR_OK) return cli_failed(status);
    if (json) {
        cli_json_object(json, "cost");
        cli_json_int(json, "forward_gates", forward);
        cli_json_int(json, "backward_gates", backward);
        cli_json_real(json, "seconds", seconds);
        cli_json_end(json);
    } else {
        cli_print("\ngates: %d forward, %d backward; a pass through both takes %s\n", forward,
                  backward, cli_show_moment(seconds, text, sizeof text));
    }
    return CLI_YES;
}
