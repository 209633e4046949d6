"""What the scripts beside it share: a text of the language, its inputs, and the values and gradients
that PyTorch (or the definition) gives for them, as tensors of one safetensors file.

`Cases.add(name, text, value, inputs)` writes name/in/INPUT, name/y, and for a float value name/dy (a
random cotangent) and name/grad/INPUT of every float input; of a text with layers also the variables,
name/var/VARIABLE, and their gradients. The file's metadata holds the texts. The test
tests/unit/test_words.c runs all files words_*.safetensors in f64 and f32: those with variables,
or with "f32" in their text, are built in f32 and made f64, so numbers in their texts must be exact in f32. Layers are built for
evaluation, or for training where the name ends in "_train".
"""
import pathlib
import torch
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)


class Cases:
    def __init__(self, family, seed):
        torch.manual_seed(seed)
        self.family, self.tensors, self.texts = family, {}, {}

    def add(self, name, text, function, variables=None, states=None, **inputs):
        """`function` takes the inputs by name, those of a float type get gradients; where there are
        variables it takes them as a dictionary `p`. States are variables that are not trained."""
        assert name not in self.texts, name
        self.texts[name] = text
        leaves = {k: v.clone().requires_grad_(v.is_floating_point()) for k, v in inputs.items()}
        p = {k: v.clone().requires_grad_() for k, v in (variables or {}).items()}
        y = function(**leaves, p=p | (states or {})) if p or states else function(**leaves)
        self._put(name, "y", y)
        for k, v in inputs.items():
            self._put(name, f"in/{k}", v)
        for k, v in (p | (states or {})).items():
            self._put(name, f"var/{k}", v)
        if y.is_floating_point() and y.requires_grad:
            dy = torch.randn_like(y)
            y.backward(dy)
            self._put(name, "dy", dy)
            for k, v in (leaves | p).items():
                if v.is_floating_point():
                    grad = v.grad if v.grad is not None else torch.zeros_like(v)
                    self._put(name, f"grad/{k}", grad)

    def _put(self, name, what, tensor):
        tensor = tensor.detach().clone().contiguous()
        if tensor.dtype == torch.bool:
            tensor = tensor.to(torch.uint8)
        self.tensors[f"{name}/{what}"] = tensor

    def save(self):
        path = pathlib.Path(__file__).with_name(f"words_{self.family}.safetensors")
        save_file(self.tensors, path, metadata=self.texts)


def away_from(points, shape, low=-3.0, high=3.0, gap=0.05):
    """Random numbers in [low, high], none nearer than `gap` to one of the points (kinks)."""
    x = torch.rand(shape) * (high - low) + low
    for p in points:
        near = (x - p).abs() < gap
        x = torch.where(near, p + gap * (1 + torch.rand(shape)) * torch.where(x < p, -1.0, 1.0), x)
    return x
