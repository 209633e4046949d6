#!/usr/bin/env python3
"""Times training steps in JAX: the same workloads as `gradus bench`, but quick, full,
alexnet and resnet18.

    jax_bench.py NAME [--threads N] [--seconds S] [--serve]

A step is one jitted function that takes over its parameters' memory. xor runs a thousand steps in
a jitted loop, since a call costs more than its step.
"""
import os

import measure

XOR_STEPS = 1000
# name: (sizes of the dense layers, rows of a batch, gate, optimiser, rate)
DENSE = {
    "mlp_b1": ((784, 32, 10), 1, "sigmoid", "sgd", 0.01),
    "softmax": ((3072, 10), 256, "relu", "momentum", 0.01),
    "cifar2": ((3072, 100, 10), 256, "relu", "momentum", 0.01),
    "mlp": ((784, 256, 128, 10), 128, "relu", "momentum", 0.01),
    "mlp_adam": ((784, 256, 128, 10), 128, "relu", "adam", 1e-3),
}


def limit_threads(threads):
    """XLA reads both when it is loaded."""
    os.environ["NPROC"] = str(threads)
    os.environ["JAX_PLATFORMS"] = "cpu"
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"


def uniform(key, shape, fan_in):
    import jax

    bound = fan_in**-0.5
    return jax.random.uniform(key, shape, minval=-bound, maxval=bound)


def dense_params(key, sizes):
    import jax

    params = []
    for before, after in zip(sizes, sizes[1:]):
        key, first, second = jax.random.split(key, 3)
        shape = (before, after)
        params.append((uniform(first, shape, before), uniform(second, (after,), before)))
    return params


def dense(params, x, gate):
    for w, b in params[:-1]:
        x = gate(x @ w + b)
    w, b = params[-1]
    return x @ w + b


def lenet_params(key):
    import jax

    keys = jax.random.split(key, 4)
    filters = [
        (uniform(keys[0], (20, 1, 5, 5), 25), uniform(keys[1], (20,), 25)),
        (uniform(keys[2], (50, 20, 5, 5), 500), uniform(keys[3], (50,), 500)),
    ]
    return filters, dense_params(key, (800, 500, 10))


def lenet(params, x):
    import jax
    from jax import lax

    filters, rest = params
    for w, b in filters:
        x = lax.conv_general_dilated(x, w, (1, 1), "VALID") + b[:, None, None]
        x = lax.reduce_window(x, -float("inf"), lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    return dense(rest, x.reshape(len(x), -1), jax.nn.relu)


def optimizer(name, rate):
    """Start and update: the state has the momenta, Adam's also the count of steps."""
    import jax
    import jax.numpy as jnp

    each = jax.tree.map

    def zeros(params):
        return each(jnp.zeros_like, params)

    def sgd(params, state, grads):
        return each(lambda p, g: p - rate * g, params, grads), state

    def momentum(params, state, grads):
        state = each(lambda v, g: 0.9 * v + g, state, grads)
        return each(lambda p, v: p - rate * v, params, state), state

    def adam(params, state, grads):
        first, second, count = state
        count = count + 1
        first = each(lambda m, g: 0.9 * m + 0.1 * g, first, grads)
        second = each(lambda v, g: 0.999 * v + 0.001 * g * g, second, grads)
        step, scale = rate / (1 - 0.9**count), 1 / (1 - 0.999**count)
        params = each(
            lambda p, m, v: p - step * m / (jnp.sqrt(v * scale) + 1e-8), params, first, second
        )
        return params, (first, second, count)

    return {
        "sgd": (lambda params: (), sgd),
        "momentum": (zeros, momentum),
        "adam": (lambda params: (zeros(params), zeros(params), jnp.zeros(())), adam),
    }[name]


def classifier(params, net, x, method, rate):
    """A step of training `net` under softmax cross-entropy; it keeps its parameters."""
    import jax
    import jax.numpy as jnp

    start, update = optimizer(method, rate)
    labels = jnp.arange(len(x)) * 7 % 10

    def loss_of(params, x, labels):
        rows = jnp.arange(len(x))
        return -jax.nn.log_softmax(net(params, x))[rows, labels].mean()

    def advance(params, state, x, labels):
        loss, grads = jax.value_and_grad(loss_of)(params, x, labels)
        params, state = update(params, state, grads)
        return params, state, loss

    compiled = jax.jit(advance, donate_argnums=(0, 1))
    now = [params, start(params)]

    def step():
        now[0], now[1], loss = compiled(now[0], now[1], x, labels)
        jax.block_until_ready((now, loss))

    return step


def xor():
    import jax
    import jax.numpy as jnp

    x = jnp.array([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    y = jnp.array([[0.0], [1], [1], [0]])
    keys = jax.random.split(jax.random.key(0))
    now = [[uniform(keys[0], (3, 4), 3), uniform(keys[1], (4, 1), 4)]]

    def loss_of(params):
        hidden = jax.nn.sigmoid(x @ params[0])
        return ((jax.nn.sigmoid(hidden @ params[1]) - y) ** 2).mean()

    def advance(_, params):
        return [p - g for p, g in zip(params, jax.grad(loss_of)(params))]

    compiled = jax.jit(lambda params: jax.lax.fori_loop(0, XOR_STEPS, advance, params))

    def steps():
        now[0] = jax.block_until_ready(compiled(now[0]))

    return steps


def elementwise():
    import jax
    import jax.numpy as jnp

    x, y = jax.random.normal(jax.random.key(0), (2, 4 << 20))

    def chain(x, y):
        return (jax.nn.sigmoid(x * y + 0.5) * jnp.tanh(x - y) + jax.nn.relu(x) * 0.1).sum()

    compiled = jax.jit(jax.value_and_grad(chain))
    return lambda: jax.block_until_ready(compiled(x, y))


def workload(name):
    """The call to time, the rows of its batch, and how many steps it does."""
    import jax

    if name == "xor":
        return xor(), 4, XOR_STEPS
    if name == "elementwise":
        return elementwise(), 4 << 20, 1
    keys = jax.random.split(jax.random.key(0))
    if name == "lenet":
        x = jax.random.normal(keys[0], (64, 1, 28, 28))
        return classifier(lenet_params(keys[1]), lenet, x, "momentum", 0.01), 64, 1
    sizes, rows, gate, method, rate = DENSE[name]
    x = jax.random.normal(keys[0], (rows, sizes[0]))
    params = dense_params(keys[1], sizes)
    gate = getattr(jax.nn, gate)
    step = classifier(params, lambda p, x: dense(p, x, gate), x, method, rate)
    return step, rows, 1


def main():
    options = measure.parser(__doc__, ["xor", *DENSE, "lenet", "elementwise"]).parse_args()
    limit_threads(options.threads)
    import jax

    step, batch, steps = workload(options.name)
    measure.report(options, step, "jax", f"JAX {jax.__version__}", batch, steps)


if __name__ == "__main__":
    main()
