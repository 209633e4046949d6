/* The lecture's circuit by hand, beside the library's: units with a value and a gradient, gates
 * with forward and backward, a circuit that walks its gates there and back, a neuron with a tick.
 * sigmoid(a·x + b·y + c) is pulled up by a step of 0.01, and the gradient checked by differences.
 */
#include <math.h>
#include <stdio.h>

#include <gradus/gradus.h>

typedef struct unit {
    double value, grad;
} unit;

typedef struct gate {
    enum { MULTIPLY, ADD, SIGMOID } kind;
    unit *a, *b, *out;
} gate;

static void forward(gate *g)
{
    switch (g->kind) {
    case MULTIPLY:
        g->out->value = g->a->value * g->b->value;
        break;
    case ADD:
        g->out->value = g->a->value + g->b->value;
        break;
    case SIGMOID:
        g->out->value = 1 / (1 + exp(-g->a->value));
    }
    g->out->grad = 0;
}

/* Upstream times local, added to what other gates sent: forks sum. */
static void backward(gate *g)
{
    double upstream = g->out->grad, s = g->out->value;
    switch (g->kind) {
    case MULTIPLY: /* switches */
        g->a->grad += upstream * g->b->value;
        g->b->grad += upstream * g->a->value;
        break;
    case ADD: /* distributes */
        g->a->grad += upstream;
        g->b->grad += upstream;
        break;
    case SIGMOID:
        g->a->grad += upstream * s * (1 - s);
    }
}

/* A neuron: its inputs a, b, c, x, y, and its gates in topological order. */
enum { INPUTS = 5, GATES = 5 };
typedef struct neuron {
    unit in[INPUTS], ax, by, sum, all, out;
    gate gates[GATES];
} neuron;

static void neuron_wire(neuron *n)
{
    unit *in = n->in;
    n->gates[0] = (gate){MULTIPLY, &in[0], &in[3], &n->ax};
    n->gates[1] = (gate){MULTIPLY, &in[1], &in[4], &n->by};
    n->gates[2] = (gate){ADD, &n->ax, &n->by, &n->sum};
    n->gates[3] = (gate){ADD, &n->sum, &in[2], &n->all};
    n->gates[4] = (gate){SIGMOID, &n->all, NULL, &n->out};
}

static double neuron_tick(neuron *n)
{
    for (int i = 0; i < INPUTS; i++) n->in[i].grad = 0;
    for (int i = 0; i < GATES; i++) forward(&n->gates[i]);
    n->out.grad = 1;
    for (int i = GATES; i-- > 0;) backward(&n->gates[i]);
    return n->out.value;
}

static gr_status neuron_value(void *user, const double *in, int64_t count, double *value)
{
    neuron *n = user;
    for (int64_t i = 0; i < count; i++) n->in[i].value = in[i];
    *value = neuron_tick(n);
    return GR_OK;
}

int main(void)
{
    static const char name[] = "abcxy";
    double in[INPUTS] = {1, 2, -3, -1, 3}, numeric[INPUTS], value;
    neuron n;
    neuron_wire(&n);
    gr_status status = gr_numeric_gradient(neuron_value, &n, in, INPUTS, NULL, numeric);
    if (status != GR_OK) fprintf(stderr, "%s\n", gr_message());
    neuron_value(&n, in, INPUTS, &value);
    printf("value %.4f\n", value);
    for (int i = 0; i < INPUTS; i++) {
        printf("%c: gradient %6.3f, by differences %6.3f\n", name[i], n.in[i].grad, numeric[i]);
        in[i] += 0.01 * n.in[i].grad;
    }
    neuron_value(&n, in, INPUTS, &value);
    printf("after a step of 0.01: %.4f\n", value);
    return status != GR_OK;
}
