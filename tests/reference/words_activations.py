#!/usr/bin/env python3
"""Reference values of the activations: PyTorch in f64, Caffe's from their definitions.

Usage: pip install torch numpy safetensors; python3 words_activations.py
"""
import torch
import torch.nn.functional as F

from cases import Cases, away_from

c = Cases("activations", 11)
x = torch.randn(3, 7)


def ramp(x):  # PyTorch's gradients have 1/6 in single precision
    return torch.clamp(x / 6 + 0.5, 0, 1)


c.add("silu", "silu(x)", lambda x: F.silu(x), x=x)
c.add("swish", "silu(x, 1.7)", lambda x: x * torch.sigmoid(1.7 * x), x=x)
c.add("mish", "mish(x)", lambda x: F.mish(x), x=x)
c.add("log_sigmoid", "log_sigmoid(x)", lambda x: F.logsigmoid(x), x=x * 5)
c.add("softsign", "softsign(x)", lambda x: F.softsign(x), x=away_from([0], (3, 7)))
c.add("hard_sigmoid", "hard_sigmoid(x)", lambda x: ramp(x), x=away_from([-3, 3], (4, 6), -5, 5))
c.add("hard_swish", "hard_swish(x)", lambda x: x * ramp(x), x=away_from([-3, 3], (4, 6), -5, 5))
c.add("hard_tanh", "hard_tanh(x)", lambda x: F.hardtanh(x), x=away_from([-1, 1], (4, 6)))
c.add("relu6", "relu6(x)", lambda x: F.relu6(x), x=away_from([0, 6], (4, 6), -3, 9))
c.add("selu", "selu(x)", lambda x: F.selu(x), x=away_from([0], (3, 7)))
# PyTorch's gradient of celu has 1/alpha in single precision: from the definition instead
c.add("celu", "celu(x, 1.3)", lambda x: torch.where(x > 0, x, 1.3 * torch.expm1(x / 1.3)), x=away_from([0], (3, 7)))
c.add("celu_large", "celu(x)", lambda x: F.celu(x), x=torch.tensor([-800.0, -1e-9, 1e-9, 800.0]))
c.add("elu", "elu(x, 0.7)", lambda x: F.elu(x, 0.7), x=away_from([0], (3, 7)))
c.add("leaky_relu", "leaky_relu(x, 0.2)", lambda x: F.leaky_relu(x, 0.2), x=away_from([0], (3, 7)))
c.add("prelu", "prelu(x, slope)", lambda x, slope: F.prelu(x, slope), x=away_from([0], (3, 1)), slope=torch.tensor([0.3]))
c.add("bnll", "softplus(x)", lambda x: torch.where(x > 0, x, 0.0) + torch.log1p(torch.exp(-x.abs())), x=away_from([0], (3, 7)))
c.add("glu", "glu(x)", lambda x: F.glu(x), x=torch.randn(3, 8))
c.add("glu_axis", "glu(x, axis=1)", lambda x: F.glu(x, 1), x=torch.randn(2, 6, 3))
c.add("maxout", "maxout(x, 3)", lambda x: x.view(2, 2, 3, 5).amax(2), x=torch.randn(2, 6, 5))
c.add("maxout_axis", "maxout(x, 2, axis=-1)", lambda x: x.view(3, 4, 2).amax(-1), x=torch.randn(3, 8))
c.add("threshold", "threshold(x, 0.5)", lambda x: (x.detach() > 0.5).double(), x=x)
c.add("power", "power(x, 3, scale=0.5, shift=2)", lambda x: (2 + 0.5 * x) ** 3, x=x)
c.add("power_real", "power(x, -1.5, scale=0.5, shift=2)", lambda x: (2 + 0.5 * x) ** -1.5, x=torch.rand(3, 7))
c.add("power_one", "power(x, 1, scale=-2, shift=.1)", lambda x: 0.1 - 2 * x, x=x)
c.add("power_zero", "power(x, 0)", lambda x: x * 0 + 1, x=x)
c.add("exp_base", "exp(x, base=2, scale=0.5, shift=1)", lambda x: 2 ** (0.5 * x + 1), x=x)
c.add("exp_natural", "exp(x, scale=0.5, shift=1)", lambda x: torch.exp(0.5 * x + 1), x=x)
c.add("log_base", "log(x, base=10, scale=2, shift=0.5)", lambda x: torch.log10(2 * x + 0.5), x=torch.rand(3, 7))
c.add("eltwise_sum", "eltwise(a, b, c, coefficients=[1, -2, .5])", lambda a, b, c: a - 2 * b + 0.5 * c,
      a=torch.randn(2, 3), b=torch.randn(2, 3), c=torch.randn(2, 3))
c.add("eltwise_prod", 'eltwise(a, b, c, operation="prod")', lambda a, b, c: a * b * c,
      a=torch.randn(2, 3), b=torch.randn(2, 3), c=torch.randn(2, 3))
c.add("eltwise_max", 'eltwise(a, b, c, operation="max")', lambda a, b, c: torch.maximum(torch.maximum(a, b), c),
      a=torch.randn(2, 3), b=torch.randn(2, 3), c=torch.randn(2, 3))
c.save()
