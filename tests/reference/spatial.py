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


def mvn(x, axes, mean_only=False, epsilon=1e-9):
    centred = x - x.mean(axes, keepdim=True)
    return centred if mean_only else centred / ((centred**2).mean(axes, keepdim=True).sqrt() + epsilon)


def moments():
    case("mvn", lambda x: mvn(x, (2, 3)), x=(2, 3, 4, 5))
    case("mvn_across", lambda x: mvn(x, (1, 2), epsilon=0.1), x=(3, 2, 5))
    case("mvn_mean", lambda x: mvn(x, (2, 3), mean_only=True), x=(1, 3, 4, 2))


# ---- Pooling ------------------------------------------------------------------------------------


def caffe_pool(x, kernel, stride, pad, average):
    """Caffe's pooling_layer.cpp, window by window: sizes rounded up, a last window that would begin
    in the padding left out; an average divides by the window clipped to the padded area."""
    sizes = []
    for size in x.shape[2:]:
        n = -(-(size + 2 * pad - kernel) // stride) + 1
        if pad and (n - 1) * stride >= size + pad:
            n -= 1
        sizes.append(n)
    rows = []
    for i in range(sizes[0]):
        row = []
        for j in range(sizes[1]):
            area, spans = 1, []
            for at, size in zip((i, j), x.shape[2:]):
                begin, end = at * stride - pad, min(at * stride - pad + kernel, size + pad)
                area *= end - begin
                spans.append(slice(max(begin, 0), min(end, size)))
            window = x[:, :, spans[0], spans[1]]
            row.append(window.sum((2, 3)) / area if average else window.amax((2, 3)))
        rows.append(torch.stack(row, -1))
    return torch.stack(rows, -2)


def spp(x, levels, average):
    """Caffe's spp_layer.cpp, on square x."""
    parts = []
    for level in range(levels):
        bins, size = 2**level, x.shape[2]
        kernel = -(-size // bins)
        pad = (kernel * bins - size + 1) // 2
        parts.append(caffe_pool(x, kernel, kernel, pad, average).flatten(1))
    return torch.cat(parts, 1)


def pooling():
    case("caffe_max", lambda x: caffe_pool(x, 3, 2, 1, False), x=(2, 3, 6, 7))
    case("caffe_ave", lambda x: caffe_pool(x, 3, 2, 1, True), x=(2, 3, 6, 7))
    case("caffe_ave_plain", lambda x: caffe_pool(x, 3, 2, 0, True), x=(1, 2, 8, 5))
    case("avg1d", lambda x: F.avg_pool1d(x, 3, 2, 1), x=(2, 3, 8))
    case("max3d", lambda x: F.max_pool3d(x, 2, 2, 1), x=(1, 2, 5, 4, 3))
    case("adaptive_avg", lambda x: F.adaptive_avg_pool2d(x, (3, 4)), x=(2, 3, 7, 6))
    case("adaptive_avg_even", lambda x: F.adaptive_avg_pool2d(x, (2, 3)), x=(2, 3, 4, 6))
    case("adaptive_avg1", lambda x: F.adaptive_avg_pool1d(x, 5), x=(2, 3, 3))
    case("adaptive_max", lambda x: F.adaptive_max_pool2d(x, (3, 4)), x=(2, 3, 7, 6))
    case("adaptive_max3", lambda x: F.adaptive_max_pool3d(x, (2, 1, 3)), x=(1, 2, 3, 4, 5))
    case("global_avg", lambda x: x.mean((2, 3)), x=(2, 3, 4, 5))
    case("global_max", lambda x: x.amax(2), x=(2, 3, 7))
    case("spp_max", lambda x: spp(x, 3, False), x=(2, 3, 7, 7))
    case("spp_ave", lambda x: spp(x, 2, True), x=(2, 2, 5, 5))
    windows = lambda x: F.unfold(x, 2, stride=2).view(2, 3, 4, 6)  # noqa: E731
    case("stochastic", lambda x: ((windows(x) ** 2).sum(2) / windows(x).sum(2)).view(2, 3, 2, 3),
         x=torch.rand(2, 3, 4, 6))


# ---- Sizes ---------------------------------------------------------------------------------------


def sizes():
    case("im2col", lambda x: F.unfold(x, (3, 2), (2, 1), (1, 2), (1, 2)).view(2, 12, 3, 4),
         x=(2, 2, 5, 4))
    case("nearest", lambda x: F.interpolate(x, scale_factor=(2, 3)), x=(2, 2, 3, 2))
    case("nearest_odd", lambda x: F.interpolate(x, (5, 7)), x=(2, 2, 3, 4))
    case("nearest3", lambda x: F.interpolate(x, scale_factor=2), x=(1, 2, 2, 3, 2))
    case("bilinear", lambda x: F.interpolate(x, (6, 7), mode="bilinear"), x=(2, 2, 3, 4))
    case("bilinear_corners",
         lambda x: F.interpolate(x, (6, 7), mode="bilinear", align_corners=True), x=(2, 2, 3, 4))
    case("bilinear_small", lambda x: F.interpolate(x, (2, 3), mode="bilinear"), x=(1, 2, 5, 7))
    case("linear1", lambda x: F.interpolate(x, 9, mode="linear"), x=(2, 3, 4))
    case("trilinear", lambda x: F.interpolate(x, (3, 4, 2), mode="trilinear", align_corners=True),
         x=(1, 2, 2, 3, 4))
    case("shuffle", lambda x: F.pixel_shuffle(x, 2), x=(2, 8, 3, 2))
    case("unshuffle", lambda x: F.pixel_unshuffle(x, 3), x=(2, 2, 6, 3))
    case("crop", lambda x, w: x[:, :, 1:4, 2:5] + 0 * w, x=(2, 2, 5, 6), w=(2, 2, 3, 3))


# ---- Layers with parameters ----------------------------------------------------------------------


def layer(name, function, x, **params):
    """Parameters are inputs named "NAME/PARAMETER"; their gradients too."""
    case(name, lambda x, **p: function(x, *p.values()), x=x, **params)


def layers():
    layer("convtranspose", lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1, 2),
          (2, 4, 3, 5), weight=(4, 3, 3, 3), bias=(6,))
    layer("convtranspose1", lambda x, w: F.conv_transpose1d(x, w, None, 3, 2, 0, 1, 2),
          (2, 3, 6), weight=(3, 2, 4))
    layer("convtranspose3", lambda x, w, b: F.conv_transpose3d(x, w, b),
          (1, 2, 2, 3, 2), weight=(2, 3, 2, 1, 3), bias=(3,))
    layer("depthwise", lambda x, w, b: F.conv2d(x, w, b, 2, 1, 1, 5),
          (2, 5, 7, 6), weight=(5, 1, 3, 3), bias=(5,))
    layer("conv1", lambda x, w, b: F.conv1d(x, w, b, 2, 1, 2), (2, 3, 9), weight=(4, 3, 3), bias=(4,))
    layer("groupnorm", lambda x, g, b: F.group_norm(x, 3, g, b), (2, 6, 3, 4), gamma=(6,), beta=(6,))
    layer("instancenorm", lambda x, g, b: F.instance_norm(x, weight=g, bias=b),
          (2, 3, 4, 5), gamma=(3,), beta=(3,))
    layer("instancenorm_plain", lambda x: F.instance_norm(x), (2, 3, 7))
    layer("scale", lambda x, g, b: x * g[:, None] + b[:, None], (2, 3, 4), gamma=(3,), beta=(3,))
    layer("bias", lambda x, b: x + b, (2, 3, 4), beta=(4,))


def caffe_batch_norm():
    """Two training steps of Caffe's batch_norm_layer.cpp, then its test phase."""
    count, mean, variance = 0.0, torch.zeros(3), torch.zeros(3)
    for step in range(2):
        x = torch.randn(4, 3, 5, 2)
        put(f"caffe_bn/x{step}", x)
        n = x.numel() / 3
        count = 1 + 0.9 * count
        mean = x.mean((0, 2, 3)) + 0.9 * mean
        variance = x.var((0, 2, 3), unbiased=False) * n / (n - 1) + 0.9 * variance
    m, v = mean / count, variance / count
    put("caffe_bn/y", (x - m[:, None, None]) / (v[:, None, None] + 1e-5).sqrt())


if __name__ == "__main__":
    normalisations()
    moments()
    pooling()
    sizes()
    layers()
    caffe_batch_norm()
    save_file(out, pathlib.Path(__file__).with_name("spatial.safetensors"))
    print(len(out), "tensors")
