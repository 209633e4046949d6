#!/usr/bin/env python3
"""Reference values of the words for elementwise functions, reductions, movement and products, by
PyTorch. Usage: pip install torch safetensors; python3 words_gates.py, which writes
words_gates.safetensors beside itself; see cases.py."""
import torch
import torch.nn.functional as F

from cases import Cases, away_from

cases = Cases("gates", 23)


def functions():
    """Element by element; x keeps away from kinks and from where there is no value."""
    x, positive = away_from([-2, -1, 0, 1, 2], (3, 7)), torch.rand(3, 7) * 3 + 0.1
    anywhere = {
        "neg": torch.neg, "abs": torch.abs, "square": torch.square, "expm1": torch.expm1,
        "sin": torch.sin, "cos": torch.cos, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
        "relu": torch.relu, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "erf": torch.erf, "sign": torch.sign, "floor": torch.floor,
    }
    for name, function in anywhere.items():
        cases.add(name, f"{name}(x)", lambda x, f=function: f(x), x=x)
    for name, function in {"sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "log1p": torch.log1p}.items():
        cases.add(name, f"{name}(x)", lambda x, f=function: f(x), x=positive)
    cases.add("stop_gradient", "stop_gradient(x) * x", lambda x: x.detach() * x, x=x)
    cases.add("threshold_times", "threshold(x, 0.5) * x", lambda x: (x > 0.5) * x, x=x)
    cases.add("clip", "clip(x, -1, 2)", lambda x: x.clamp(-1, 2), x=x)
    cases.add("cast", 'cast(x, "i32")', lambda x: x.to(torch.int32), x=x)
    cases.add("require", 'require(x, x < 9, "x is small")', lambda x: x.clone(), x=x)


def pairs():
    """Two inputs, of which one is broadcast; no two elements are equal."""
    a, b = torch.randn(3, 1, 5), torch.randn(4, 1)
    arithmetic = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "maximum": torch.maximum,
                  "minimum": torch.minimum}
    for name, function in arithmetic.items():
        cases.add(name, f"{name}(a, b)", lambda a, b, f=function: f(a, b), a=a, b=b)
    cases.add("div", "div(a, b)", lambda a, b: torch.div(a, b), a=a, b=away_from([0], (4, 1), gap=0.3))
    cases.add("pow", "pow(a, b)", lambda a, b: torch.pow(a, b), a=torch.rand(3, 1, 5) + 0.2, b=b)
    comparisons = {"equal": torch.eq, "not_equal": torch.ne, "less": torch.lt,
                   "less_equal": torch.le, "greater": torch.gt, "greater_equal": torch.ge}
    whole = [torch.randint(0, 3, shape).double() for shape in ((3, 1, 5), (4, 1))]
    for name, function in comparisons.items():
        cases.add(name, f"{name}(a, b)", lambda a, b, f=function: f(a, b), a=whole[0], b=whole[1])
    cases.add("xor", "xor(a > 0, b > 0)", lambda a, b: (a > 0) ^ (b > 0), a=a, b=b)
    cases.add("logic", "where(not (a > 0) and b > 0 or a > 1, a, b)",
              lambda a, b: torch.where(~(a > 0) & (b > 0) | (a > 1), a, b), a=a, b=b)
    cases.add("where", "where(a > 0, a * b, b)", lambda a, b: torch.where(a > 0, a * b, b), a=a, b=b)
    cases.add("matmul", "matmul(a, b)", lambda a, b: torch.matmul(a, b), a=torch.randn(2, 1, 3, 5), b=torch.randn(4, 5, 2))


def reductions():
    x = torch.randn(3, 4, 5)
    cases.add("sum", "sum(x, axis=[0, 2])", lambda x: x.sum((0, 2)), x=x)
    cases.add("mean", "mean(x, axis=1, keep=true)", lambda x: x.mean(1, keepdim=True), x=x)
    cases.add("prod", "prod(x, axis=1)", lambda x: x.prod(1), x=x)
    cases.add("max", "max(x, axis=1)", lambda x: x.amax(1), x=x)
    cases.add("min", "min(x, axis=[0, 2], keep=true)", lambda x: x.amin((0, 2), keepdim=True), x=x)
    cases.add("max_pair", "max(x, y)", lambda x, y: torch.maximum(x, y), x=x, y=torch.randn(5))
    cases.add("min_pair", "min(x, y)", lambda x, y: torch.minimum(x, y), x=x, y=torch.randn(5))
    cases.add("argmax", "argmax(x, axis=1)", lambda x: x.argmax(1).to(torch.int64), x=x)
    cases.add("argmin", "argmin(x)", lambda x: x.argmin(-1).to(torch.int64), x=x)
    for name, function in {"logsumexp": torch.logsumexp, "softmax": torch.softmax,
                           "log_softmax": torch.log_softmax}.items():
        cases.add(name, f"{name}(x, axis=1)", lambda x, f=function: f(x, 1), x=x)


def movement():
    x = torch.randn(2, 3, 4)
    cases.add("reshape", "reshape(x, 4, -1)", lambda x: x.reshape(4, 6), x=x)
    cases.add("flatten", "flatten(x)", lambda x: x.flatten(1), x=x)
    cases.add("permute", "permute(x, 2, 0, 1)", lambda x: x.permute(2, 0, 1), x=x)
    cases.add("transpose", "transpose(x)", lambda x: x.transpose(-1, -2), x=x)
    cases.add("broadcast", "broadcast(x, 5, 2, 3, 4)", lambda x: x.expand(5, 2, 3, 4), x=x)
    cases.add("concat", "concat(x, y, axis=1)", lambda x, y: torch.cat((x, y), 1), x=x, y=torch.randn(2, 2, 4))
    cases.add("pad", "pad(x, [0, 1, 2], after=[1, 0, 1], value=0.5)",
              lambda x: F.pad(x, (2, 1, 1, 0, 0, 1), value=0.5), x=x)
    cases.add("slice", "x[1:, ::2, -1]", lambda x: x[1:, ::2, -1], x=x)
    index = torch.tensor([[2, 0], [1, 2]])
    cases.add("gather", "gather(x, i, axis=1)", lambda x, i: x[:, i], x=x, i=index)
    update = torch.randn(2, 5, 4)
    cases.add("scatter_add", "scatter_add(x, i, u, axis=1)",
              lambda x, i, u: x.index_add(1, i, u), x=x, i=torch.tensor([2, 0, 2, 1, 2]), u=update)
    cases.add("one_hot", "one_hot(i, 4) * x", lambda i, x: F.one_hot(i, 4) * x, i=index, x=torch.randn(2, 2, 4))


functions(), pairs(), reductions(), movement()
cases.save()
