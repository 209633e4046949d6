#!/usr/bin/env python3
"""Reference values of the words that order, choose and arrange: PyTorch in f64.

Usage: pip install torch numpy safetensors; python3 words_index.py
"""
import torch

from cases import Cases

c = Cases("index", 12)
x = torch.randn(3, 7)
x3 = torch.randn(2, 5, 3)

c.add("argsort", "argsort(x)", lambda x: torch.argsort(x, stable=True).detach(), x=x)
c.add("argsort_ties", "argsort(x, axis=0, descending=true)",
      lambda x: torch.argsort(x, dim=0, descending=True, stable=True), x=torch.tensor([3, 1, 3, 2, 1, 3]))
c.add("sort", "sort(x)", lambda x: torch.sort(x)[0], x=x)
c.add("sort_axis", "sort(x, axis=1, descending=true)", lambda x: torch.sort(x, 1, True)[0], x=x3)
c.add("topk", "topk(x, 3)", lambda x: torch.topk(x, 3)[0], x=x)
c.add("topk_smallest", "topk(x, 2, axis=1, smallest=true)", lambda x: torch.topk(x, 2, 1, largest=False)[0], x=x3)
c.add("argtopk", "argtopk(x, 4)", lambda x: torch.topk(x, 4)[1], x=x)
c.add("cumsum", "cumsum(x)", lambda x: torch.cumsum(x, -1), x=x)
c.add("cumsum_reverse", "cumsum(x, axis=1, reverse=true)", lambda x: x.flip(1).cumsum(1).flip(1), x=x3)
c.add("cumsum_exclusive", "cumsum(x, axis=0, exclusive=true)", lambda x: x.cumsum(0) - x, x=x)
c.add("gather_along", "gather_along(x, i)", lambda x, i: torch.gather(x, 1, i), x=x, i=torch.randint(7, (3, 4)))
c.add("gather_along_axis", "gather_along(x, i, axis=1)", lambda x, i: torch.gather(x, 1, i),
      x=x3, i=torch.randint(5, (2, 8, 3)))
c.add("scatter_add_along", "scatter_add_along(b, i, u, axis=1)", lambda b, i, u: b.scatter_add(1, i, u),
      b=x, i=torch.randint(7, (3, 5)), u=torch.randn(3, 5))
c.add("tile", "tile(x, 2, 3)", lambda x: x.repeat(2, 3), x=x)
c.add("stack", "stack(a, b, axis=1)", lambda a, b: torch.stack([a, b], 1), a=x, b=torch.randn(3, 7))
c.add("stack_last", "stack(a, b, axis=-1)", lambda a, b: torch.stack([a, b], -1), a=x, b=torch.randn(3, 7))

a, b = torch.randn(3, 4), torch.randn(4, 5)
for name, equation, operands in (
    ("product", "ij,jk->ik", (a, b)),
    ("implicit", "ij,jk", (a, b)),
    ("transposed", "ij,jk->ki", (a, b)),
    ("batched", "bij,bjk->bik", (torch.randn(2, 3, 4), torch.randn(2, 4, 5))),
    ("heads", "bthd,bshd->bhts", (torch.randn(2, 3, 2, 4), torch.randn(2, 5, 2, 4))),
    ("outer", "i,j->ij", (torch.randn(3), torch.randn(4))),
    ("dot", "i,i->", (torch.randn(6), torch.randn(6))),
    ("row_sums", "ij->i", (a,)),
    ("transpose", "ijk->kij", (x3,)),
    ("bilinear", "bi,ijk,bk->bj", (torch.randn(2, 3), torch.randn(3, 4, 5), torch.randn(2, 5))),
    ("dropped", "ij,kl->il", (a, b)),
    ("elementwise", "ij,ij->ij", (a, torch.randn(3, 4))),
):
    names = "abc"[: len(operands)]
    text = f'einsum("{equation}", {", ".join(names)})'
    c.add(f"einsum_{name}", text, lambda e=equation, **x: torch.einsum(e, *x.values()), **dict(zip(names, operands)))


def chosen(x, m):
    y = x[m != 0]
    return torch.cat([y, torch.zeros(x.shape[0] - y.shape[0], *x.shape[1:])])


c.add("filter", "filter(x, m == 1)", chosen, x=torch.randn(4, 2, 3), m=torch.tensor([1, 0, 0, 1], dtype=torch.int32))
c.add("filter_all", "filter(x, m == 1)", chosen, x=torch.randn(3), m=torch.tensor([1, 1, 1], dtype=torch.int32))
c.add("filter_none", "filter(x, m == 1)", lambda x, m: x * 0, x=torch.randn(3, 2), m=torch.tensor([0, 0, 0], dtype=torch.int32))
c.save()
