#!/usr/bin/env python3
"""Reference values of the layers on images and their like, in f64: by PyTorch, or from the
definition where PyTorch has none or Caffe's differs.

Usage: pip install torch numpy safetensors; python3 spatial.py, which writes spatial.safetensors
beside itself. The C tests (tests/unit/test_spatial.c) read the file; Python is needed only to make
it anew. Of each case the file holds the inputs, the result "y", a cotangent "dy" of it, and of each
input the gradient, "grad/NAME".
"""
import itertools
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
out = {}


def put(name, t):
    out[name] = t.detach().clone().contiguous()


def case(name, function, **inputs):
    """Inputs are tensors or shapes, which are filled at random."""
    tensors = {}
    for key, value in inputs.items():
        t = value if torch.is_tensor(value) else torch.randn(value)
        tensors[key] = t.requires_grad_()
        put(f"{name}/{key}", t)
    y = function(**tensors)
    dy = torch.randn_like(y)
    put(f"{name}/y", y), put(f"{name}/dy", dy)
    for key, grad in zip(tensors, torch.autograd.grad(y, tuple(tensors.values()), dy)):
        put(f"{name}/grad/{key}", grad)


# ---- Local response normalisation --------------------------------------------------------------


def lrn_within(x, size, alpha, beta):
    """Caffe's WITHIN_CHANNEL: the average of a window counts the zeros around the plane."""
    half = size // 2
    planes = F.pad(x * x, (half, half, half, half))
    height, width = x.shape[2:]
    mean = torch.zeros_like(x)
    for i, j in itertools.product(range(size), range(size)):
        mean = mean + planes[:, :, i : i + height, j : j + width] / size**2
    return x * (1 + alpha * mean) ** -beta


def normalisations():
    case("lrn", lambda x: F.local_response_norm(x, 5, 1.0, 0.75, 1.0), x=(2, 7, 5, 3))
    case("lrn_even", lambda x: F.local_response_norm(x, 4, 2.0, 0.6, 1.5), x=(2, 5, 7))
    case("lrn_within", lambda x: lrn_within(x, 3, 2.0, 0.75), x=(2, 3, 5, 6))


normalisations()
save_file(out, pathlib.Path(__file__).with_name("spatial.safetensors"))
print(len(out), "tensors")
