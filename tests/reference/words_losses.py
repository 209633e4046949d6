#!/usr/bin/env python3
"""Reference values of the losses: PyTorch in f64, Caffe's from their definitions.

Usage: pip install torch numpy safetensors; python3 words_losses.py
"""
import torch
import torch.nn.functional as F

from cases import Cases, away_from

c = Cases("losses", 17)
scores = torch.randn(5, 7)
labels = torch.tensor([0, 6, 3, 3, 1], dtype=torch.int32)
x, target = torch.randn(4, 3, 2), torch.rand(4, 3, 2)


def hinge(x, labels, margin):
    s = x.gather(1, labels.long().view(-1, 1))
    terms = F.relu(x - s + margin)
    return terms.scatter(1, labels.long().view(-1, 1), 0.0)


def contrastive(a, b, same, margin):
    """Caffe's ContrastiveLoss without the small number it adds to the distance."""
    square = (a - b).flatten(1).pow(2).sum(1)
    return torch.where(same != 0, square, F.relu(margin - square.sqrt()).pow(2)) / 2


c.add("softmax", "softmax_cross_entropy(x, labels)", lambda x, labels: F.cross_entropy(x, labels.long()), x=scores, labels=labels)
c.add("softmax_sum", 'softmax_cross_entropy(x, labels, reduce="sum")',
      lambda x, labels: F.cross_entropy(x, labels.long(), reduction="sum"), x=scores, labels=labels)
c.add("softmax_none", 'softmax_cross_entropy(x, labels, smoothing=0.1, reduce="none")',
      lambda x, labels: F.cross_entropy(x, labels.long(), reduction="none", label_smoothing=0.1), x=scores, labels=labels)
c.add("hinge", "multiclass_hinge(x, labels, margin=1.5)", lambda x, labels: hinge(x, labels, 1.5).sum(1).mean(), x=scores, labels=labels)
c.add("hinge_squared", "multiclass_hinge(x, labels, squared=true)", lambda x, labels: hinge(x, labels, 1).pow(2).sum(1).mean(), x=scores, labels=labels)
c.add("sigmoid", "sigmoid_cross_entropy(x, target)", lambda x, target: F.binary_cross_entropy_with_logits(x, target), x=x, target=target)
c.add("sigmoid_none", 'sigmoid_cross_entropy(x, target, reduce="none")',
      lambda x, target: F.binary_cross_entropy_with_logits(x, target, reduction="none"), x=20 * x, target=target)
c.add("mse", "mse(x, target)", lambda x, target: F.mse_loss(x, target), x=x, target=target)
c.add("l1", 'l1_loss(x, target, reduce="sum")', lambda x, target: F.l1_loss(x, target, reduction="sum"), x=away_from([0], (4, 3)), target=torch.zeros(4, 3))
c.add("huber", "huber(x, target, delta=0.7)", lambda x, target: F.huber_loss(x, target, delta=0.7),
      x=away_from([-0.7, 0.7], (4, 3)), target=torch.zeros(4, 3))
c.add("euclidean", "euclidean_loss(x, target)", lambda x, target: (x - target).pow(2).sum() / (2 * 4), x=x, target=target)
c.add("euclidean_none", 'euclidean_loss(x, target, reduce="none")', lambda x, target: (x - target).flatten(1).pow(2).sum(1) / 2, x=x, target=target)

near, far = torch.randn(6, 2), torch.randn(6, 2)
far[1], far[4] = near[1] + 0.2, near[4] + 3
same = torch.tensor([1, 0, 1, 0, 0, 0], dtype=torch.int32)
c.add("contrastive", "contrastive_loss(a, b, same)", lambda a, b, same: contrastive(a, b, same, 1).mean(), a=near, b=far, same=same)
c.add("contrastive_margin", 'contrastive_loss(a, b, same, margin=2.5, reduce="none")',
      lambda a, b, same: contrastive(a, b, same, 2.5), a=near, b=far, same=same)
c.add("contrastive_pairs", "contrastive_loss(a[:-1], a[1:], y[:-1] == y[1:], margin=2)",
      lambda a, y: contrastive(a[:-1], a[1:], (y[:-1] == y[1:]).int(), 2).mean(), a=torch.randn(5, 3), y=torch.tensor([2, 2, 1, 1, 1], dtype=torch.int32))
# On one spot: the distance has no gradient there, and gives none.
c.add("contrastive_spot", "contrastive_loss(a, b, same)", lambda a, b, same: (a - b).pow(2).sum() * 0 + 0.25, a=near[:2], b=near[:2],
      same=torch.tensor([0, 1], dtype=torch.int32))
c.save()
