#!/usr/bin/env python3
"""Reference values of layers, losses and optimisers, computed by PyTorch in f64.

Usage: pip install torch numpy safetensors; python3 nn.py, which writes nn.safetensors beside itself.
The C tests (tests/unit/test_nn.c) read the file; Python is needed only to make it anew.
"""
import pathlib
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
out = {}


def put(name, t):
    out[name] = t.detach().clone().contiguous()


def losses():
    x = torch.randn(7, 5, requires_grad=True)
    y = torch.tensor([0, 3, 4, 1, 1, 2, 0])
    w = torch.rand(5) + 0.5
    put("loss/x", x), put("loss/y", y), put("loss/weights", w)
    cases = {
        "ce": F.cross_entropy(x, y),
        "ce_sum": F.cross_entropy(x, y, reduction="sum"),
        "ce_smooth": F.cross_entropy(x, y, label_smoothing=0.1),
        "ce_weights": F.cross_entropy(x, y, weight=w),
        "hinge": F.multi_margin_loss(x, y) * 5,  # PyTorch divides by the number of classes
        "hinge2": F.multi_margin_loss(x, y, p=2, margin=0.7) * 5,
    }
    t = torch.rand(7, 5)
    put("loss/target", t)
    cases |= {
        "bce": F.binary_cross_entropy_with_logits(x, t),
        "mse": F.mse_loss(x, t),
        "l1": F.l1_loss(x, t, reduction="sum"),
        "huber": F.huber_loss(x, t, delta=0.6),
    }
    for name, loss in cases.items():
        x.grad = None
        loss.backward()
        put(f"loss/{name}/value", loss), put(f"loss/{name}/grad", x.grad)


def batch_norm():
    for name, shape in {"bn1": (6, 3), "bn2": (4, 3, 5, 2)}.items():
        x = torch.randn(shape, requires_grad=True)
        bn = torch.nn.BatchNorm1d(3) if len(shape) == 2 else torch.nn.BatchNorm2d(3)
        with torch.no_grad():
            bn.weight.copy_(torch.rand(3) + 0.5), bn.bias.copy_(torch.randn(3))
        put(f"{name}/x", x), put(f"{name}/gamma", bn.weight), put(f"{name}/beta", bn.bias)
        y = bn(x)
        weight = torch.randn(shape)
        (y * weight).sum().backward()
        put(f"{name}/y", y), put(f"{name}/weight", weight), put(f"{name}/dx", x.grad)
        put(f"{name}/dgamma", bn.weight.grad), put(f"{name}/dbeta", bn.bias.grad)
        put(f"{name}/mean", bn.running_mean), put(f"{name}/variance", bn.running_var)
        bn.eval()
        put(f"{name}/eval", bn(x))


def convolution():
    x = torch.randn(2, 4, 7, 6, requires_grad=True)
    conv = torch.nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    y = conv(x)
    put("conv/x", x), put("conv/w", conv.weight), put("conv/b", conv.bias), put("conv/y", y)
    g = torch.randn_like(y)
    y.backward(g)
    put("conv/dy", g), put("conv/dx", x.grad), put("conv/dw", conv.weight.grad)
    x3 = torch.randn(2, 2, 5, 4, 3, requires_grad=True)
    w3 = torch.randn(3, 2, 2, 3, 2, requires_grad=True)
    y3 = F.conv3d(x3, w3, dilation=(2, 1, 1), padding=(1, 0, 1))
    g3 = torch.randn_like(y3)
    y3.backward(g3)
    for n, t in dict(x=x3, w=w3, y=y3, dy=g3, dx=x3.grad, dw=w3.grad).items():
        put(f"conv3/{n}", t)
    x1 = torch.randn(2, 3, 9, requires_grad=True)
    for name, y1 in {"max1": F.max_pool1d(x1, 3, 2, 1), "avg1": F.avg_pool1d(x1, 3, 2, 1, count_include_pad=False),
                     "avg1p": F.avg_pool1d(x1, 3, 2, 1), "max1c": F.max_pool1d(x1, 2, 2, ceil_mode=True)}.items():
        x1.grad = None
        y1.square().sum().backward()
        put(f"pool/{name}/y", y1), put(f"pool/{name}/dx", x1.grad)
    put("pool/x", x1)


def optimisers():
    """Ten steps on f(w) = Σ a·(w − c)², then the weights."""
    a, c, w0 = torch.rand(3, 4) + 0.2, torch.randn(3, 4), torch.randn(3, 4)
    put("optim/a", a), put("optim/c", c), put("optim/w0", w0)
    make = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
        "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
        "decay": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.3),
        "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, eps=1e-10),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=1e-8),
        "adadelta": lambda p: torch.optim.Adadelta(p, lr=1.0, rho=0.9, eps=1e-6),
        "adam": lambda p: torch.optim.Adam(p, lr=0.1),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.2),
    }
    for name, maker in make.items():
        w = w0.clone().requires_grad_()
        opt = maker([w])
        for _ in range(10):
            opt.zero_grad()
            (a * (w - c) ** 2).sum().backward()
            opt.step()
        put(f"optim/{name}", w)
    w = w0.clone().requires_grad_()
    opt = torch.optim.SGD([w], lr=0.1)
    for _ in range(10):
        opt.zero_grad()
        (a * (w - c) ** 2).sum().backward()
        torch.nn.utils.clip_grad_norm_([w], 0.5)
        opt.step()
    put("optim/clip", w)


losses(), batch_norm(), convolution(), optimisers()
save_file(out, pathlib.Path(__file__).with_name("nn.safetensors"))
