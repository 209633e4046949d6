#!/usr/bin/env python3
"""What Caffe's layers compute, by their definitions (Caffe's own source, 2020), on small odd shapes, with
the expressions of docs/caffe.md that give it in Gradus.

Usage: pip install torch numpy safetensors; python3 words_caffe.py. A case is named "TYPE/what".
Gradients are those of the definitions, not of Caffe's backward passes, which differ where
docs/caffe.md says so.
"""
import itertools
import math

import torch

from cases import Cases, away_from

c = Cases("caffe", 61)
randn, rand = torch.randn, torch.rand


def whole(*numbers):
    return torch.tensor(numbers, dtype=torch.int32)


def layer(name, text, function, of, states=None, **inputs):
    """A case whose layers have parameters, of[LAYER][PARAMETER], which `function` takes by name."""
    own = {f"{layer}/{k}" if layer else k: v for layer, values in of.items() for k, v in values.items()}
    c.add(name, text, lambda p, **x: function(**x, **{k.split("/")[-1]: v for k, v in p.items()}), own, states, **inputs)


def channels(v, x):  # one value a channel, along axis 1
    return v.view(1, -1, *[1] * (x.dim() - 2))


# ---- Element by element --------------------------------------------------------------------------

x = away_from([0], (3, 7))
c.add("AbsVal/", "abs(x)", lambda x: torch.where(x > 0, x, -x), x=x)
c.add("BNLL/", "softplus(x)", lambda x: torch.clamp(x, min=0) + torch.log(1 + torch.exp(-x.abs())), x=x)
c.add("Clip/", "clip(x, -0.5, 1.5)", lambda x: torch.where(x < -0.5, -0.5, torch.where(x > 1.5, 1.5, x)),
      x=away_from([-0.5, 1.5], (3, 7)))
c.add("Dropout/test", "dropout(x, 0.5)", lambda x: x * 1, x=x)
c.add("ELU/", "elu(x, 0.75)", lambda x: torch.where(x > 0, x, 0.75 * (torch.exp(torch.where(x > 0, 0.0, x)) - 1)), x=x)
c.add("Exp/", "exp(x)", torch.exp, x=x)
c.add("Exp/base", "exp(x, base=2, scale=0.5, shift=1)", lambda x: 2 ** (1 + 0.5 * x), x=x)
c.add("Log/", "log(x)", lambda x: torch.log(x), x=rand(3, 7) + 0.1)
c.add("Log/base", "log(x, base=10, scale=2, shift=0.5)", lambda x: torch.log(0.5 + 2 * x) / math.log(10), x=rand(3, 7))
c.add("Power/", "power(x, 1.5, scale=0.5, shift=2)", lambda x: (2 + 0.5 * x) ** 1.5, x=x)
c.add("ReLU/", "relu(x)", lambda x: torch.where(x > 0, x, 0.0), x=x)
c.add("ReLU/slope", "leaky_relu(x, 0.25)", lambda x: torch.where(x > 0, x, 0.25 * x), x=x)
c.add("Sigmoid/", "sigmoid(x)", lambda x: 0.5 * torch.tanh(0.5 * x) + 0.5, x=x)
c.add("Swish/", "silu(x, 2)", lambda x: x / (1 + torch.exp(-2 * x)), x=x)
c.add("TanH/", "tanh(x)", lambda x: (1 - torch.exp(-2 * x)) / (1 + torch.exp(-2 * x)), x=x)
c.add("Threshold/", "threshold(x, 0.5)", lambda x: (x.detach() > 0.5).double(), x=x)
maps = away_from([0], (2, 3, 5))
layer("PReLU/", "prelu(x)", lambda x, slope: torch.where(x > 0, x, channels(slope, x) * x),
      of={"prelu1": dict(slope=rand(3))}, x=maps)
layer("PReLU/shared", "prelu(x, parameter(1, value=0.25))",
      lambda x, parameter1: torch.where(x > 0, x, parameter1 * x), of={"": dict(parameter1=rand(1))}, x=maps)


# ---- Of several inputs ---------------------------------------------------------------------------

three = dict(a=randn(2, 3), b=randn(2, 3), c=randn(2, 3))
c.add("Eltwise/sum", "eltwise(a, b, c, coefficients=[1, -2, 0.5])", lambda a, b, c: a - 2 * b + 0.5 * c, **three)
c.add("Eltwise/prod", 'eltwise(a, b, c, operation="prod")', lambda a, b, c: a * b * c, **three)
c.add("Eltwise/max", 'eltwise(a, b, c, operation="max")', lambda a, b, c: torch.stack([a, b, c]).amax(0), **three)
c.add("Concat/", "concat(a, b, axis=1)", lambda a, b: torch.cat([a, b], 1), a=randn(2, 3, 5), b=randn(2, 4, 5))
x = randn(2, 3, 5)
layer("Bias/", "bias(x)", lambda x, beta: x + channels(beta, x), of={"bias1": dict(beta=randn(3))}, x=x)
c.add("Bias/two", "x + reshape(b, 3, 1)", lambda x, b: x + channels(b, x), x=x, b=randn(3))
layer("Bias/axes", "x + parameter(3, 5)", lambda x, parameter1: x + parameter1,
      of={"": dict(parameter1=randn(3, 5))}, x=x)
layer("Scale/", "scale(x)", lambda x, gamma: x * channels(gamma, x), of={"scale1": dict(gamma=randn(3))}, x=x)
layer("Scale/bias", "scale(x, bias=true)", lambda x, gamma, beta: x * channels(gamma, x) + channels(beta, x),
      of={"scale1": dict(gamma=randn(3), beta=randn(3))}, x=x)
c.add("Scale/two", "x * reshape(s, 3, 1)", lambda x, s: x * channels(s, x), x=x, s=randn(3))
layer("Scale/axes", "x * parameter(3, 5, value=1)", lambda x, parameter1: x * parameter1,
      of={"": dict(parameter1=randn(3, 5))}, x=x)
layer("Parameter/", "parameter(3, 4) @ x", lambda x, parameter1: parameter1 @ x,
      of={"": dict(parameter1=randn(3, 4))}, x=randn(4, 2))
c.add("Input/", "x", lambda x: x * 1, x=x)
c.add("DummyData/", "broadcast(0.5, 2, 3)", lambda: torch.full((2, 3), 0.5))
c.add("Silence/", "unread = log(x); relu(x)", lambda x: torch.where(x > 0, x, 0.0), x=maps)
c.add("Split/", "h = tanh(x); h * sigmoid(h)", lambda x: torch.tanh(x) * torch.sigmoid(torch.tanh(x)), x=x)

# ---- Shapes and choices --------------------------------------------------------------------------

image = randn(2, 3, 5, 4)
c.add("Slice/first", "x[:, :2]", lambda x: x[:, :2], x=x)
c.add("Slice/second", "x[:, 2:]", lambda x: x[:, 2:], x=x)
c.add("Flatten/", "flatten(x)", lambda x: x.reshape(2, 60), x=image)
c.add("Flatten/end", "reshape(x, -1, 15, 4)", lambda x: x.reshape(2, 15, 4), x=image)
c.add("Reshape/", "reshape(x, -1, 6, 10)", lambda x: x.reshape(2, 6, 10), x=image)
c.add("Tile/", "tile(x, 1, 3, 1)", lambda x: torch.cat([x, x, x], 1), x=x)
c.add("Crop/", "crop(x, like, offset=[2, 1])", lambda x, like: x[:, :, 2:4, 1:4], x=image, like=randn(2, 3, 2, 3))
c.add("BatchReindex/", "gather(x, index)", lambda x, index: torch.stack([x[i] for i in index.tolist()]),
      x=x, index=whole(1, 0, 1, 1))
select = whole(0, 1, 1, 0, 1)
c.add("Filter/", "filter(x, selector != 0)",
      lambda x, selector: torch.cat([x[selector != 0], torch.zeros(2, 3)]), x=randn(5, 3), selector=select)
c.add("Filter/count", 'sum(cast(selector != 0, "i64"))', lambda selector: torch.tensor(3), selector=select)


def best(x, k):  # places and values of the k largest of each row
    order = [sorted(range(x.shape[1]), key=lambda j: -row[j])[:k] for row in x.tolist()]
    return torch.tensor(order), torch.stack([row[torch.tensor(o)] for row, o in zip(x, order)])


def argmax_both(x):
    where, value = best(x.flatten(1), 3)
    return torch.stack([where.double(), value], 1)


def along_one(x, part):  # best of each column of axis 1
    rows = x.movedim(1, -1)
    return best(rows.reshape(-1, x.shape[1]), 2)[part].view(*rows.shape[:-1], 2).movedim(-1, 1)


c.add("ArgMax/", "argmax(flatten(x))", lambda x: best(x.flatten(1), 1)[0][:, 0], x=x)
c.add("ArgMax/top_k", "argtopk(flatten(x), 3)", lambda x: best(x.flatten(1), 3)[0], x=x)
c.add("ArgMax/both", 'stack(cast(argtopk(flatten(x), 3), "f32"), topk(flatten(x), 3), axis=1)', argmax_both, x=x)
c.add("ArgMax/axis", "argtopk(x, 2, axis=1)", lambda x: along_one(x, 0), x=x)
c.add("ArgMax/values", "topk(x, 2, axis=1)", lambda x: along_one(x, 1), x=x)
c.add("Reduction/sum", "0.5 * sum(x, axis=[1, 2])", lambda x: 0.5 * x.flatten(1).sum(1), x=x)
c.add("Reduction/asum", "0.5 * sum(abs(x), axis=[1, 2])", lambda x: 0.5 * x.flatten(1).abs().sum(1), x=x)
c.add("Reduction/sumsq", "0.5 * sum(x^2, axis=[1, 2])", lambda x: 0.5 * (x.flatten(1) ** 2).sum(1), x=x)
c.add("Reduction/mean", "0.5 * mean(x, axis=[1, 2])", lambda x: 0.5 * x.flatten(1).sum(1) / 15, x=x)
c.add("Reduction/all", "sum(x)", lambda x: x.flatten().sum(), x=x)

# ---- Windows -------------------------------------------------------------------------------------


def padded(x, pad):
    y = torch.zeros(*x.shape[:2], x.shape[2] + 2 * pad[0], x.shape[3] + 2 * pad[1])
    y[:, :, pad[0] : pad[0] + x.shape[2], pad[1] : pad[1] + x.shape[3]] = x
    return y


def windows(x, kernel, stride, pad, dilation):
    """[N, C, k, out…]: Caffe's im2col."""
    y, size = padded(x, pad), []
    for i in range(2):
        size.append((x.shape[2 + i] + 2 * pad[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1)
    taps = []
    for i, j in itertools.product(range(kernel[0]), range(kernel[1])):
        a, b = i * dilation[0], j * dilation[1]
        rows = slice(a, a + (size[0] - 1) * stride[0] + 1, stride[0])
        taps.append(y[:, :, rows, b : b + (size[1] - 1) * stride[1] + 1 : stride[1]])
    return torch.stack(taps, 2)


def convolution(x, w, b, stride, pad, dilation, groups=1):
    columns = windows(x, w.shape[2:], stride, pad, dilation)
    parts = []
    for columns, w in zip(columns.chunk(groups, 1), w.chunk(groups)):
        parts.append(torch.einsum("nckhw,ock->nohw", columns, w.flatten(2)))
    return torch.cat(parts, 1) + b.view(-1, 1, 1)


def deconvolution(x, w, stride, pad, groups):
    """Each place of x adds its kernels, weight [C, O/g, k, k]; then the padding is cut off."""
    n, channels, height, width = x.shape
    kernel, outputs = w.shape[2], w.shape[1]
    y = torch.zeros(n, groups * outputs, stride * (height - 1) + kernel, stride * (width - 1) + kernel)
    for channel, i, j in itertools.product(range(channels), range(height), range(width)):
        g = channel // (channels // groups)
        rows, columns = (slice(k * stride, k * stride + kernel) for k in (i, j))
        term = torch.zeros_like(y)
        term[:, g * outputs : (g + 1) * outputs, rows, columns] = x[:, channel, i, j].view(n, 1, 1, 1) * w[channel]
        y = y + term
    return y[:, :, pad : y.shape[2] - pad, pad : y.shape[3] - pad]


wide = randn(2, 4, 6, 5)
layer("Convolution/", "conv(x, 6, 3, stride=2, pad=1, groups=2)",
      lambda x, weight, bias: convolution(x, weight, bias, (2, 2), (1, 1), (1, 1), 2),
      of={"conv1": dict(weight=randn(6, 2, 3, 3), bias=randn(6))}, x=wide)
layer("Convolution/axes", "conv(x, 3, [3, 2], stride=[1, 2], pad=[2, 0], dilation=[2, 1])",
      lambda x, weight, bias: convolution(x, weight, bias, (1, 2), (2, 0), (2, 1)),
      of={"conv1": dict(weight=randn(3, 4, 3, 2), bias=randn(3))}, x=wide)
c.add("Im2col/", "im2col(x, 3, stride=2, pad=1)", lambda x: windows(x, (3, 3), (2, 2), (1, 1), (1, 1)).flatten(1, 2),
      x=wide)
layer("Deconvolution/", 'convtranspose(x, 3, 4, stride=2, pad=1, groups=3, bias=false, init="bilinear")',
      lambda x, weight: deconvolution(x, weight, 2, 1, 3),
      of={"convtranspose1": dict(weight=randn(3, 1, 4, 4))}, x=randn(2, 3, 4, 3))


def pool(x, kernel, stride, pad, of):
    """Sizes are rounded up, a last window that would begin in the padding at the end is left out.
    `of`: what becomes of a window [N, C, k, k] and its area, clipped to the padded x."""
    sizes, places = [], []
    for size in x.shape[2:]:
        n = -(-(size + 2 * pad - kernel) // stride) + 1
        if pad and (n - 1) * stride >= size + pad:
            n -= 1
        sizes.append(n)
    for i, j in itertools.product(range(sizes[0]), range(sizes[1])):
        area, spans = 1, []
        for at, size in zip((i, j), x.shape[2:]):
            begin, end = at * stride - pad, min(at * stride - pad + kernel, size + pad)
            area *= end - begin
            spans.append(slice(max(begin, 0), min(end, size)))
        places.append(of(x[:, :, spans[0], spans[1]], area))
    return torch.stack(places, -1).view(*x.shape[:2], *sizes)


largest = lambda window, area: window.amax((2, 3))  # noqa: E731
average = lambda window, area: window.sum((2, 3)) / area  # noqa: E731
weighted = lambda window, area: (window**2).sum((2, 3)) / window.sum((2, 3))  # noqa: E731
odd = randn(2, 2, 6, 7)
c.add("Pooling/max", "maxpool(x, 3, stride=2, pad=1, ceil=true)", lambda x: pool(x, 3, 2, 1, largest), x=odd)
c.add("Pooling/ave", "avgpool(x, 3, stride=2, pad=1, ceil=true, count_pad=true)",
      lambda x: pool(x, 3, 2, 1, average), x=odd)
c.add("Pooling/stochastic", "stochastic_pool(x, 3, stride=2, ceil=true)",
      lambda x: pool(x, 3, 2, 0, weighted), x=rand(2, 2, 6, 7))
c.add("Pooling/global_max", "global_maxpool(x)", lambda x: x.flatten(2).amax(2), x=odd)
c.add("Pooling/global_ave", "global_avgpool(x)", lambda x: x.flatten(2).sum(2) / 42, x=odd)


def spp(x, levels, of):
    parts = []
    for level in range(levels):
        kernel = -(-x.shape[2] // 2**level)
        parts.append(pool(x, kernel, kernel, (kernel * 2**level - x.shape[2] + 1) // 2, of).flatten(1))
    return torch.cat(parts, 1)


c.add("SPP/max", "spp(x, 3)", lambda x: spp(x, 3, largest), x=randn(2, 2, 7, 7))
c.add("SPP/ave", "spp(x, 2, average=true)", lambda x: spp(x, 2, average), x=randn(2, 2, 5, 5))

# ---- Normalisation -------------------------------------------------------------------------------


def lrn(x, n, alpha, beta):
    sums = [(x[:, max(0, i - n // 2) : i + n // 2 + 1] ** 2).sum(1) for i in range(x.shape[1])]
    return x / (1 + alpha / n * torch.stack(sums, 1)) ** beta


def lrn_within(x, n, alpha, beta):
    mean = windows(x**2, (n, n), (1, 1), (n // 2, n // 2), (1, 1)).sum(2) / n**2
    return x / (1 + alpha * mean) ** beta


def mvn(x, axes, epsilon=1e-9):
    x = x - x.mean(axes, keepdim=True)
    return x / ((x**2).mean(axes, keepdim=True).sqrt() + epsilon)


def batch_norm(x):
    mean, axes = x.mean((0, 2, 3), keepdim=True), (0, 2, 3)
    return (x - mean) / (((x - mean) ** 2).mean(axes, keepdim=True) + 1e-5).sqrt()


many = randn(2, 7, 3, 4)
c.add("LRN/", "lrn(x)", lambda x: lrn(x, 5, 1, 0.75), x=many)
c.add("LRN/within", "lrn(x, size=3, alpha=2, beta=0.5, within=true)", lambda x: lrn_within(x, 3, 2, 0.5), x=many)
c.add("MVN/", "mvn(x)", lambda x: mvn(x, (2, 3)), x=image)
c.add("MVN/across", "mvn(x, across=true)", lambda x: mvn(x, (1, 2, 3)), x=image)
c.add("MVN/mean", "mvn(x, variance=false)", lambda x: x - x.mean((2, 3), keepdim=True), x=image)
norm = "batchnorm(x, momentum=0.001, affine=false, summed=true)"
# The running moments are sums, and count the sum of their weights: 1, 0.999 and 0.998 of three batches.
moments = {"batchnorm1/mean": randn(3), "batchnorm1/variance": rand(3) + 1, "batchnorm1/count": torch.tensor([2.997])}
layer("BatchNorm/of_batch_train", norm, lambda x, mean, variance, count: batch_norm(x), of={}, states=moments, x=image)
layer("BatchNorm/running", norm,
      lambda x, mean, variance, count: (x - channels(mean / count, x)) / (channels(variance / count, x) + 1e-5).sqrt(),
      of={}, states=moments, x=image)

# ---- Products and tables -------------------------------------------------------------------------

layer("InnerProduct/", "fc(x, 7)", lambda x, weight, bias: x.flatten(1) @ weight.T + bias,
      of={"fc1": dict(weight=randn(7, 60), bias=randn(7))}, x=image)
layer("InnerProduct/axis", "linear(x, 7)", lambda x, weight, bias: torch.einsum("nti,oi->nto", x, weight) + bias,
      of={"linear1": dict(weight=randn(7, 5), bias=randn(7))}, x=x)
layer("Embed/", "embedding(x, 6, 4, bias=true)",
      lambda x, weight, bias: torch.stack([weight[i] for i in x.tolist()]) + bias,
      of={"embedding1": dict(weight=randn(6, 4), bias=randn(4))}, x=whole(5, 0, 2, 2, 1))

# ---- Sequences -----------------------------------------------------------------------------------


def lstm_unit(gates, cell, cont):
    i, f, o, g = gates.chunk(4, -1)
    f = torch.where(cont != 0, cont * torch.sigmoid(f), 0.0)
    cell = f * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def lstm(x, cont, weight_ih_l0, bias_ih_l0, weight_hh_l0, bias_hh_l0):
    """x [T, N, C]. Caffe has one bias; Gradus, as PyTorch, two, which are added."""
    hidden = cell = torch.zeros(x.shape[1], weight_hh_l0.shape[1])
    steps = []
    for t in range(x.shape[0]):
        go_on = cont[t].double().unsqueeze(-1)
        gates = x[t] @ weight_ih_l0.T + bias_ih_l0 + bias_hh_l0 + (go_on * hidden) @ weight_hh_l0.T
        hidden, cell = lstm_unit(gates, cell, go_on)
        steps.append(hidden)
    return torch.stack(steps)


def rnn(x, cont, weight_ih_l0, bias_ih_l0, weight_hh_l0, bias_hh_l0, weight, bias):
    hidden, steps = torch.zeros(x.shape[1], weight_hh_l0.shape[1]), []
    for t in range(x.shape[0]):
        hidden = cont[t].double().unsqueeze(-1) * hidden
        hidden = torch.tanh(hidden @ weight_hh_l0.T + x[t] @ weight_ih_l0.T + bias_ih_l0 + bias_hh_l0)
        steps.append(torch.tanh(hidden @ weight.T + bias))
    return torch.stack(steps)


sequence = randn(5, 2, 3)
cont = torch.tensor([[0, 0], [1, 1], [1, 0], [0, 1], [1, 1]], dtype=torch.int32)


def recurrent(gates, inputs, units):
    return dict(weight_ih_l0=randn(gates * units, inputs), bias_ih_l0=randn(gates * units),
                weight_hh_l0=randn(gates * units, units), bias_hh_l0=randn(gates * units))


layer("LSTM/", 'lstm(x, 4, cont=cont, time_major=true, order="ifog")', lstm,
      of={"lstm1": recurrent(4, 3, 4)}, x=sequence, cont=cont)
layer("RNN/", "tanh(linear(rnn(x, 4, cont=cont, time_major=true), 4))", rnn,
      of={"rnn1": recurrent(1, 3, 4), "linear1": dict(weight=randn(4, 4), bias=randn(4))}, x=sequence, cont=cont)
c.add("LSTMUnit/", 'lstm_unit(gates, c, cont=cont, order="ifog")',
      lambda gates, c, cont: torch.stack(lstm_unit(gates, c, cont.double().unsqueeze(-1))),
      gates=randn(3, 8), c=randn(3, 2), cont=whole(1, 0, 1))

# ---- Losses and scores ---------------------------------------------------------------------------

scores, labels = randn(6, 5), whole(0, 3, 4, 1, 3, 2)
places = torch.randint(5, (2, 3)).int()
dense = randn(2, 5, 3)
some = places.clone()
some[0, 1] = some[1, 2] = 255


def softmax(x):
    e = torch.exp(x - x.amax(1, keepdim=True))
    return e / e.sum(1, keepdim=True)


def pick(x, labels):  # of x [N, C, …] what stands at the labels [N, …]
    return x.gather(1, labels.long().unsqueeze(1)).squeeze(1)


def softmax_loss(x, labels, ignore=None):
    """The sum, and how many count."""
    counts = torch.ones_like(labels) if ignore is None else (labels != ignore)
    each = -torch.log(pick(softmax(x), torch.where(counts != 0, labels, 0)))
    return (each * counts).sum(), counts.sum()


def hits(x, labels, k, ignore=None):
    """Those whose label has fewer than k scores above or beside its own."""
    counts = torch.ones_like(labels) if ignore is None else (labels != ignore)
    own = pick(x, torch.where(counts != 0, labels, 0)).unsqueeze(1)
    hit = ((x >= own).sum(1) <= k).double()
    return ((hit * counts).sum() / counts.sum()).detach()


c.add("Softmax/", "softmax(x, axis=1)", softmax, x=dense)
c.add("SoftmaxWithLoss/", "softmax_loss(x, labels)", lambda x, labels: softmax_loss(x, labels)[0] / 6,
      x=scores, labels=labels)
c.add("SoftmaxWithLoss/ignore", "softmax_loss(x, labels, ignore=255)",
      lambda x, labels: softmax_loss(x, labels, 255)[0] / 4, x=dense, labels=some)
c.add("SoftmaxWithLoss/full", 'softmax_loss(x, labels, ignore=255, normalize="full")',
      lambda x, labels: softmax_loss(x, labels, 255)[0] / 6, x=dense, labels=some)
c.add("SoftmaxWithLoss/batch", 'softmax_loss(x, labels, ignore=255, normalize="batch")',
      lambda x, labels: softmax_loss(x, labels, 255)[0] / 2, x=dense, labels=some)
c.add("SoftmaxWithLoss/none", 'softmax_loss(x, labels, ignore=255, normalize="none")',
      lambda x, labels: softmax_loss(x, labels, 255)[0], x=dense, labels=some)
ties = torch.tensor([[1.0, 2, 2, 0], [3, 1, 2, 0], [0, 0, 0, 0], [1, 2, 3, 4]])
truth = whole(1, 2, 0, 0)
c.add("Accuracy/", "top_k_accuracy(x, labels)", lambda x, labels: hits(x, labels, 1), x=ties, labels=whole(1, 0, 0, 3))
c.add("Accuracy/top_k", "top_k_accuracy(x, labels, k=2, ignore=255)",
      lambda x, labels: hits(x, labels, 2, 255), x=dense, labels=some)
c.add("Accuracy/axis", "top_k_accuracy(x, labels, axis=-1)",
      lambda x, labels: hits(x.movedim(-1, 1), labels, 1), x=randn(2, 3, 4), labels=torch.randint(4, (2, 3)).int())


def hinge(x, labels, power):
    total = 0
    for n, j in itertools.product(range(6), range(5)):
        sign = 1 if labels[n] == j else -1
        total = total + torch.clamp(1 - sign * x[n, j], min=0) ** power
    return total / 6


c.add("HingeLoss/", "hinge_loss(x, labels)", lambda x, labels: hinge(x, labels, 1), x=2 * scores, labels=labels)
c.add("HingeLoss/l2", "hinge_loss(x, labels, squared=true)",
      lambda x, labels: hinge(x, labels, 2), x=2 * scores, labels=labels)
c.add("InfogainLoss/", "infogain_loss(softmax(x, axis=1), labels, h)",
      lambda x, labels, h: -(h[labels.long()] * torch.log(softmax(x))).sum() / 6, x=scores, labels=labels, h=rand(5, 5))
c.add("InfogainLoss/ignore",
      'valid = labels != 255; sum(where(valid, infogain_loss(softmax(x, axis=1), where(valid, labels, 0), h, '
      'reduce="none"), 0)) / sum(cast(valid, "f32"))',
      lambda x, labels, h: -(h[labels[1:].long()] * torch.log(softmax(x[1:]))).sum() / 5,
      x=scores, labels=whole(255, 3, 4, 1, 3, 2), h=rand(5, 5))
c.add("MultinomialLogisticLoss/", "multinomial_logistic_loss(p, labels)",
      lambda p, labels: -torch.log(pick(p, labels)).sum() / 6, p=softmax(scores), labels=labels)
pair = dict(x=randn(3, 2, 4), target=randn(3, 2, 4))
c.add("EuclideanLoss/", "euclidean_loss(x, target)", lambda x, target: ((x - target) ** 2).sum() / 6, **pair)


def sigmoid_loss(x, t):
    return -(t * torch.log(torch.sigmoid(x)) + (1 - t) * torch.log(1 - torch.sigmoid(x)))


target = (rand(3, 4) < 0.5).double()
ignored = torch.where(rand(3, 4) < 0.3, -1.0, target)
c.add("SigmoidCrossEntropyLoss/", 'mean(sum(flatten(sigmoid_cross_entropy(x, t, reduce="none")), axis=1))',
      lambda x, t: sigmoid_loss(x, t).sum() / 3, x=randn(3, 2, 2), t=rand(3, 2, 2))
c.add("SigmoidCrossEntropyLoss/ignore",
      'sum(where(t == -1, 0, sigmoid_cross_entropy(x, stop_gradient(t), reduce="none")))',
      lambda x, t: torch.where(t.detach() == -1, 0.0, sigmoid_loss(x, t.detach())).sum() + 0 * t.sum(),
      x=randn(3, 4), t=ignored)
near, far, same = randn(4, 3), randn(4, 3), whole(1, 0, 0, 1)


def distance(a, b):
    return ((a - b) ** 2).sum(1)


c.add("ContrastiveLoss/", "contrastive_loss(a, b, same, margin=4)",
      lambda a, b, same: torch.where(same != 0, distance(a, b),
                                     torch.clamp(4 - distance(a, b).sqrt(), min=0) ** 2).sum() / 8,
      a=near, b=far, same=same)
c.add("ContrastiveLoss/legacy", "d = sum((a - b)^2, axis=1); 0.5 * mean(where(same != 0, d, relu(4 - d)))",
      lambda a, b, same: torch.where(same != 0, distance(a, b),
                                     torch.clamp(4 - distance(a, b), min=0)).sum() / 8,
      a=near, b=far, same=same)
c.save()
