#!/usr/bin/env python3
"""Reference values of the words for normalisation over groups of more than 2048 elements, which have
a gate of their own: PyTorch's in f64. Usage: pip install torch safetensors; python3 words_long.py,
which writes words_long.safetensors beside itself; see cases.py."""
import torch
import torch.nn.functional as F

from cases import Cases

cases = Cases("long", 31)


def layer(word, text, function, x, shape):
    variables = {f"{word}1/gamma": torch.randn(shape), f"{word}1/beta": torch.randn(shape)}
    cases.add(word, text, lambda x, p: function(x, *p.values()), variables, x=torch.randn(x))


layer("groupnorm", "groupnorm(x, groups=1)", lambda x, g, b: F.group_norm(x, 1, g, b), (1, 3, 7, 101), (3,))
layer("layernorm", "layernorm(x)", lambda x, g, b: F.layer_norm(x, (2050,), g, b), (1, 2050), (2050,))
cases.save()
