#!/usr/bin/env python3
"""Reference values of the Neural Turing Machine, from the paper's equations (Graves, Wayne, Danihelka
2014), one head and one row at a time, in f64 with PyTorch's gradients.

Usage: pip install torch safetensors; python3 ntm.py, which writes ntm.safetensors beside itself. The
C tests (tests/unit/test_ntm.c) read the file.
"""
import pathlib
import torch
from torch.nn.functional import softplus
from safetensors.torch import save_file

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
out = {}


def put(name, t):
    out[name] = t.detach().clone().contiguous()


def loss_of(results):
    """A weighted sum, so that every element has a gradient of its own."""
    return sum((r * torch.cos(torch.arange(r.numel()) * 0.7).reshape(r.shape)).sum() for r in results)


def address(before, memory, key, strength, gate, shift, sharpening):
    """Equations 5 to 9 for one head of one example: before [M], memory [M, W]."""
    rows = len(memory)
    cosine = torch.stack([key @ row / torch.sqrt((key @ key + 1e-8) * (row @ row + 1e-8)) for row in memory])
    content = torch.softmax(strength * cosine, 0)
    v = gate * content + (1 - gate) * before
    most = len(shift) // 2
    v = torch.stack([sum(v[(i - j) % rows] * shift[j + most] for j in range(-most, most + 1)) for i in range(rows)])
    v = (v + 1e-12) ** sharpening
    return v / v.sum()


def shapes_of(C, units, M, W, reads, writes, S, O, feedforward=False):
    """The parameters' shapes."""
    gates, heads, taps = units if feedforward else 4 * units, reads + writes, 2 * S + 1
    state = reads * W + (0 if feedforward else units)
    shapes = {"controller/weight": (gates, C + state), "controller/bias": (gates,),
              "heads/weight": (heads * (W + 3 + taps) + 2 * writes * W, units),
              "heads/bias": (heads * (W + 3 + taps) + 2 * writes * W,),
              "initial/weighting": (heads, M), "initial/read": (1, reads * W),
              "output/weight": (O, units + reads * W), "output/bias": (O,)}
    if not feedforward:
        shapes.update({"initial/h": (1, units), "initial/c": (1, units)})
    return shapes


def run(p, x, units, M, W, reads, writes, S, O, feedforward=False):
    """Outputs [N, T, O] and weightings [N, T, heads, M]."""
    (N, T, _), heads, taps = x.shape, reads + writes, 2 * S + 1
    ys, weightings = [], []
    for n in range(N):
        memory = torch.full((M, W), 1e-6)
        read, w = p["initial/read"][0], list(torch.softmax(p["initial/weighting"], 1))
        h, c = (None, None) if feedforward else (p["initial/h"][0], p["initial/c"][0])
        for t in range(T):
            inputs = torch.cat([x[n, t], read] + ([] if feedforward else [h]))
            z = p["controller/weight"] @ inputs + p["controller/bias"]
            if feedforward:
                h = torch.tanh(z)
            else:
                i, f, g, o = z.chunk(4)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            z = p["heads/weight"] @ h + p["heads/bias"]
            key, strength, gate, shift, sharpening, erase, add = z.split(
                [heads * W, heads, heads, heads * taps, heads, writes * W, writes * W])
            key, shift = torch.tanh(key).reshape(heads, W), torch.softmax(shift.reshape(heads, taps), 1)
            erase, add = torch.sigmoid(erase).reshape(writes, W), torch.tanh(add).reshape(writes, W)
            w = [address(w[k], memory, key[k], softplus(strength[k]), torch.sigmoid(gate[k]), shift[k],
                         1 + softplus(sharpening[k])) for k in range(heads)]
            read = torch.cat([w[k] @ memory for k in range(reads)])
            for k in range(writes):
                memory = memory * (1 - torch.outer(w[reads + k], erase[k]))
            for k in range(writes):
                memory = memory + torch.outer(w[reads + k], add[k])
            ys.append(p["output/weight"] @ torch.cat([h, read]) + p["output/bias"])
            weightings.append(torch.stack(w))
    return torch.stack(ys).reshape(N, T, O), torch.stack(weightings).reshape(N, T, heads, M)


def machine(name, N, T, C, *sizes, **options):
    p = {key: (torch.randn(shape) * 0.5).requires_grad_()
         for key, shape in shapes_of(C, *sizes, **options).items()}
    x = torch.randn(N, T, C, requires_grad=True)
    y, weightings = run(p, x, *sizes, **options)
    loss_of([y, weightings]).backward()
    put(f"{name}/x", x), put(f"{name}/y", y), put(f"{name}/weightings", weightings), put(f"{name}/dx", x.grad)
    for key, value in p.items():
        put(f"{name}/{key}", value), put(f"{name}/d{key}", value.grad)


if __name__ == "__main__":
    machine("lstm", 2, 4, 3, 5, 7, 4, 1, 1, 1, 2)
    machine("heads", 3, 3, 2, 4, 6, 3, 2, 3, 2, 3)
    machine("feedforward", 2, 5, 3, 6, 5, 3, 2, 1, 1, 2, feedforward=True)
    save_file(out, pathlib.Path(__file__).with_suffix(".safetensors"))
