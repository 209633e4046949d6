#!/usr/bin/env python3
"""Reference values of what transformers are built of, computed by PyTorch in f64.

Usage: pip install torch numpy safetensors; python3 attention.py, which writes attention.safetensors
beside itself. The C tests (tests/unit/test_attention.c) read the file; Python is needed only to make
it anew. Each case holds its inputs, the output y, the cotangent dy and the gradient d_NAME of each
differentiable input.
"""
import math
import pathlib
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
out = {}


def case(name, y, constants=None, **leaves):
    """Notes a case whose output y was computed from `leaves`, and its gradients."""
    dy = torch.randn_like(y)
    y.backward(dy)
    for key, t in {"y": y, "dy": dy, **(constants or {}), **leaves}.items():
        out[f"{name}/{key}"] = t.detach().clone().contiguous()
    for key, t in leaves.items():
        out[f"{name}/d_{key}"] = t.grad.clone().contiguous()


def leaf(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).requires_grad_()


def norms():
    for name, shape, axes in (("ln1", (3, 5, 7), 1), ("ln2", (4, 3, 6), 2), ("ln_wide", (2, 3, 131), 1)):
        x, gamma, beta = leaf(*shape, scale=2), leaf(*shape[-axes:]), leaf(*shape[-axes:])
        case(name, F.layer_norm(x, shape[-axes:], gamma, beta), x=x, gamma=gamma, beta=beta)
    for name, shape, axes in (("rms1", (3, 5, 7), 1), ("rms2", (4, 3, 6), 2)):
        x, gamma = leaf(*shape, scale=2), leaf(*shape[-axes:])
        case(name, F.rms_norm(x, shape[-axes:], gamma, 1e-6), x=x, gamma=gamma)


def gelus():
    for name, form in (("gelu", "none"), ("gelu_tanh", "tanh")):
        x = leaf(5, 13, scale=3)
        case(name, F.gelu(x, approximate=form), x=x)


def tables():
    tokens = torch.tensor([[3, 0, 3], [6, 1, 3]])
    weight, bias = leaf(7, 5), leaf(5)
    case("embedding", F.embedding(tokens, weight) + bias, {"tokens": tokens}, weight=weight, bias=bias)
    x, weight = leaf(2, 3, 5), leaf(4, 5)
    case("positions", x + weight[:3], x=x, weight=weight)
    x, weight, bias = leaf(2, 3, 5), leaf(4, 5), leaf(4)
    case("linear", F.linear(x, weight, bias), x=x, weight=weight, bias=bias)


def attend(q, k, v, causal=False, mask=None, scale=None):
    """softmax(scale q k^T) v by its definition; a query that sees no key gives zeros."""
    if q.dim() > 2:
        group = q.shape[-3] // k.shape[-3]
        k, v = k.repeat_interleave(group, -3), v.repeat_interleave(group, -3)
    s = q @ k.transpose(-1, -2) * (scale or 1 / math.sqrt(q.shape[-1]))
    seen = torch.ones(s.shape[-2:], dtype=torch.bool)
    if causal:
        seen = seen.tril()
    if mask is not None and mask.dtype == torch.bool:
        seen = seen & mask
    elif mask is not None:
        s = s + mask
    seen = seen.expand(s.shape)
    lowest = torch.finfo(s.dtype).min / 2
    s = torch.where(seen, s, lowest)
    return torch.where(seen, s.softmax(-1), 0.0) @ v


def gates():
    cases = {  # q, k, v, options
        "plain": ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6), {}),
        "causal": ((2, 3, 9, 5), (2, 3, 9, 5), (2, 3, 9, 5), {"causal": True}),
        "causal_wide": ((1, 2, 4, 3), (1, 2, 7, 3), (1, 2, 7, 3), {"causal": True}),
        "causal_tall": ((1, 2, 7, 3), (1, 2, 4, 3), (1, 2, 4, 3), {"causal": True}),
        "scale": ((5, 4), (6, 4), (6, 3), {"scale": 0.3}),
        "grouped": ((2, 6, 5, 3), (2, 2, 5, 3), (2, 2, 5, 3), {"causal": True}),
        "long": ((1, 2, 83, 9), (1, 1, 91, 9), (1, 1, 91, 5), {"causal": True}),
    }
    for name, (qs, ks, vs, options) in cases.items():
        q, k, v = leaf(*qs), leaf(*ks), leaf(*vs)
        y = attend(q, k, v, **options)
        library = F.scaled_dot_product_attention(
            q, k, v, is_causal=options.get("causal", False), scale=options.get("scale"),
            enable_gqa="group" in name or name == "long")
        assert torch.allclose(y, library, atol=1e-12), name
        case(f"attention/{name}", y, q=q, k=k, v=v)
    q, k, v = leaf(2, 4, 5, 3), leaf(2, 2, 6, 3), leaf(2, 2, 6, 3)
    seen = torch.rand(2, 1, 5, 6) < 0.6
    seen[0, 0, 2] = False
    case("attention/seen", attend(q, k, v, mask=seen), {"mask": seen}, q=q, k=k, v=v)
    q, k, v = leaf(2, 2, 5, 3), leaf(2, 2, 6, 3), leaf(2, 2, 6, 3)
    bias = leaf(2, 5, 6)
    case("attention/bias", attend(q, k, v, mask=bias, causal=True), q=q, k=k, v=v, mask=bias)


def rotate(x, first=0, base=10000.0, interleaved=False):
    """Rotary positions along axis -2."""
    half = x.shape[-1] // 2
    steps = torch.arange(first, first + x.shape[-2], dtype=x.dtype)
    turn = torch.polar(torch.ones(1), steps[:, None] * base ** (-torch.arange(half, dtype=x.dtype) / half))
    pair = x.unflatten(-1, (half, 2)) if interleaved else x.unflatten(-1, (2, half)).transpose(-1, -2)
    turned = torch.view_as_real(torch.view_as_complex(pair.contiguous()) * turn)
    return turned.flatten(-2) if interleaved else turned.transpose(-1, -2).flatten(-2)


def positions():
    x = leaf(2, 3, 5, 6)
    case("rotary/halves", rotate(x), x=x)
    x = leaf(5, 6)
    case("rotary/interleaved", rotate(x, 3, 100.0, True), x=x)
    x = leaf(2, 5, 7)
    t, column = torch.arange(5.0)[:, None], torch.arange(7)
    angle = t * 10000.0 ** (-(column - column % 2) / 7)
    case("sinusoidal", x + torch.where(column % 2 == 0, angle.sin(), angle.cos()), x=x)


def heads(t, count):
    return t.unflatten(-1, (count, -1)).transpose(1, 2)


def layers():
    for name, h, hk, memory, bias in (("self", 4, 4, None, True), ("grouped", 4, 2, None, False),
                                      ("cross", 2, 2, (7, 5), True), ("rotary", 4, 2, None, False),
                                      ("lengths", 4, 4, None, False), ("biased", 4, 4, None, True)):
        x = leaf(2, 5, 16 if memory is None else 8)
        width = x.shape[-1]
        d = width // h
        m = leaf(2, *memory) if memory else x
        sizes = [h * d, hk * d, hk * d]
        if memory:
            w = {"q/weight": leaf(sizes[0], width, scale=.4), "kv/weight": leaf(2 * hk * d, memory[1], scale=.4)}
        else:
            w = {"qkv/weight": leaf(sum(sizes), width, scale=.4)}
        w["out/weight"] = leaf(width, h * d, scale=.4)
        if bias:
            w |= {key.replace("weight", "bias"): leaf(t.shape[0]) for key, t in list(w.items())}
        if memory:
            q = F.linear(x, w["q/weight"], w["q/bias"])
            k, v = F.linear(m, w["kv/weight"], w["kv/bias"]).split(sizes[1:], -1)
        else:
            q, k, v = F.linear(x, w["qkv/weight"], w.get("qkv/bias")).split(sizes, -1)
        q, k, more = heads(q, h), heads(k, hk), {}
        if name == "rotary":
            q, k = rotate(q), rotate(k)
        if name == "lengths":
            more["lengths"] = torch.tensor([3, 5])
            more["mask"] = torch.arange(5) < more["lengths"][:, None, None, None]
        if name == "biased":
            more["mask"] = torch.randn(h, 5, 5)
        y = attend(q, k, heads(v, hk), causal=memory is None, mask=more.get("mask"))
        y = F.linear(y.transpose(1, 2).flatten(2), w["out/weight"], w.get("out/bias"))
        case(f"heads/{name}", y, more, x=x, **({"memory": m} if memory else {}), **w)


if __name__ == "__main__":
    norms(), gelus(), tables(), gates(), positions(), layers()
    save_file(out, pathlib.Path(__file__).with_name("attention.safetensors"))
