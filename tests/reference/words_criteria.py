#!/usr/bin/env python3
"""Reference values of the losses of src/lang/criteria.c: PyTorch in f64, Caffe's from their definitions.

Usage: pip install torch numpy safetensors; python3 words_criteria.py
"""
import torch
import torch.nn.functional as F

from cases import Cases

c = Cases("criteria", 13)
x = torch.randn(6, 5)
y = torch.tensor([0, 3, 4, 1, 3, 2], dtype=torch.int32)
maps = torch.randn(2, 4, 3, 5)
places = torch.randint(4, (2, 3, 5)).int()
some = torch.where(torch.rand(2, 3, 5) < 0.4, 255, places).int()
none_ignored = torch.tensor([0, 3, -1, 1, -1, 2], dtype=torch.int32)


def ce(x, y, **options):
    return F.cross_entropy(x, y.long(), **options)


c.add("softmax", "softmax_loss(x, y)", ce, x=x, y=y)
c.add("softmax_maps", "softmax_loss(x, y)", ce, x=maps, y=places)
c.add("softmax_valid", "softmax_loss(x, y, ignore=255)", lambda x, y: ce(x, y, ignore_index=255), x=maps, y=some)
c.add("softmax_full", 'softmax_loss(x, y, ignore=255, normalize="full")',
      lambda x, y: ce(x, y, ignore_index=255, reduction="sum") / y.numel(), x=maps, y=some)
c.add("softmax_batch", 'softmax_loss(x, y, ignore=255, normalize="batch")',
      lambda x, y: ce(x, y, ignore_index=255, reduction="sum") / 2, x=maps, y=some)
c.add("softmax_sum", 'softmax_loss(x, y, ignore=-1, normalize="none")',
      lambda x, y: ce(x, y, ignore_index=-1, reduction="sum"), x=x, y=none_ignored)
c.add("softmax_last", "softmax_loss(x, y, axis=-1)",
      lambda x, y: ce(x.movedim(-1, 1), y), x=torch.randn(2, 3, 4), y=torch.randint(4, (2, 3)).int())

ties = torch.tensor([[1.0, 2, 2, 0], [3, 1, 2, 0], [0, 0, 0, 0], [1, 2, 3, 4]])
truth = torch.tensor([1, 2, 0, 0], dtype=torch.int32)


def hits(x, y, k):  # Caffe: those with a score of at least the label's, itself among them, are at most k
    own = x.gather(1, y.long()[:, None])
    return ((x >= own).sum(1) <= k).double().mean().detach()


c.add("accuracy_1", 'top_k_accuracy(x, y)', lambda x, y: hits(x, y, 1), x=ties, y=truth)
c.add("accuracy_2", 'top_k_accuracy(x, y, k=2)', lambda x, y: hits(x, y, 2), x=ties, y=truth)
c.add("accuracy_ignore", 'top_k_accuracy(x, y, k=2, ignore=0)',
      lambda x, y: torch.tensor(1.0), x=ties, y=truth)

p = torch.softmax(torch.randn(6, 5), 1)
H = torch.rand(5, 5)
c.add("nll", "nll_loss(x, y)", lambda x, y: F.nll_loss(x, y.long()), x=torch.log(p), y=y)
c.add("nll_maps", 'nll_loss(x, y, reduce="sum")', lambda x, y: F.nll_loss(x, y.long(), reduction="sum"),
      x=F.log_softmax(maps, 1), y=places)
c.add("multinomial", "multinomial_logistic_loss(p, y)",
      lambda p, y: -torch.log(p.gather(1, y.long()[:, None])).mean(), p=p, y=y)
c.add("infogain", "infogain_loss(p, y, h)",
      lambda p, y, h: -(h[y.long()] * torch.log(p)).sum(1).mean(), p=p, y=y, h=H)


def focal(x, t, alpha, gamma):
    q = torch.sigmoid(x)
    p_t = q * t + (1 - q) * (1 - t)
    loss = F.binary_cross_entropy_with_logits(x, t, reduction="none") * (1 - p_t) ** gamma
    return (loss * (alpha * t + (1 - alpha) * (1 - t)) if alpha >= 0 else loss)


t = (torch.rand(4, 5) < 0.5).double()
logits = torch.randn(4, 5)
c.add("focal", "focal_loss(x, stop_gradient(t))",
      lambda x, t: focal(x, t.detach(), 0.25, 2).mean() + 0 * t.sum(), x=logits, t=t)
c.add("focal_plain", 'focal_loss(x, stop_gradient(t), alpha=-1, gamma=1.5, reduce="none")',
      lambda x, t: focal(x, t.detach(), -1, 1.5) + 0 * t, x=logits, t=t)

scores = torch.randn(3, 9, 5)
labels = torch.tensor([[1, 2, 2, 4], [3, 3, 1, 1], [2, 1, 1, 1]], dtype=torch.int32)
frames = torch.tensor([9, 7, 4], dtype=torch.int32)
counts = torch.tensor([4, 3, 0], dtype=torch.int32)


def ctc(x, labels, frames, counts, reduction="none", blank=0):
    loss = F.ctc_loss(F.log_softmax(x, -1).transpose(0, 1), labels.long(), frames.long(), counts.long(),
                      blank=blank, reduction="none")
    return loss if reduction == "none" else loss.mean()


c.add("ctc", 'ctc_loss(x, l, f, n, reduce="none")', lambda x, l, f, n: ctc(x, l, f, n), x=scores, l=labels, f=frames, n=counts)
c.add("ctc_mean", "ctc_loss(x, l, f, n)", lambda x, l, f, n: ctc(x, l, f, n, "mean"), x=scores, l=labels, f=frames, n=counts)
c.add("ctc_blank", 'ctc_loss(x, l, f, n, blank=4, reduce="none")', lambda x, l, f, n: ctc(x, l, f, n, blank=4),
      x=scores, l=(labels - 1).clamp(min=0), f=frames, n=counts)

a, b, d = torch.randn(5, 4), torch.randn(5, 4), torch.randn(5, 4)
q = torch.softmax(torch.randn(6, 5), 1)
q[0, 1] = 0
c.add("kl", "kl_divergence(x, stop_gradient(q))",
      lambda x, q: F.kl_div(x, q.detach(), reduction="batchmean") + 0 * q.sum(), x=torch.log(p), q=q)
c.add("cosine_similarity", "cosine_similarity(a, b, epsilon=0)", lambda a, b: F.cosine_similarity(a, b), a=a, b=b)
sign = torch.tensor([1.0, -1, 1, -1, -1])
c.add("cosine", "cosine_loss(a, b, s > 0, margin=0.1)",
      lambda a, b, s: F.cosine_embedding_loss(a, b, s.detach(), margin=0.1) + 0 * s.sum(), a=a, b=b, s=sign)
c.add("triplet", "triplet_loss(a, p, n)", lambda a, p, n: F.triplet_margin_loss(a, p, n), a=a, p=b, n=d)
c.add("triplet_margin", 'triplet_loss(a, p, n, margin=0.3, reduce="none")',
      lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=0.3, reduction="none"), a=a, p=b, n=d)


def against_rest(x, y, margin, power):
    t = 2 * F.one_hot(y.long(), 5).double() - 1
    return F.relu(margin - t * x) ** power


c.add("hinge", 'hinge_loss(x, y, margin=0.5, reduce="none")', lambda x, y: against_rest(x, y, 0.5, 1).sum(1), x=x, y=y)
c.add("hinge_squared", 'hinge_loss(x, y, squared=true, reduce="sum")', lambda x, y: against_rest(x, y, 1, 2).sum(), x=x, y=y)
c.save()
