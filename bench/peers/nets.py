"""The nets of the workloads in PyTorch, the same as those of `gradus bench`."""
import torch
from torch import nn
from torch.nn import functional as F


def mlp(*sizes, gate=nn.ReLU):
    layers = []
    for before, after in zip(sizes, sizes[1:]):
        layers += [nn.Linear(before, after), gate()]
    return nn.Sequential(*layers[:-1])


def xor():
    return nn.Sequential(
        nn.Linear(3, 4, bias=False), nn.Sigmoid(), nn.Linear(4, 1, bias=False), nn.Sigmoid()
    )


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )


def quick():
    """Caffe's cifar10_quick."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.ReLU(),
        nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Flatten(), nn.Linear(1024, 64), nn.Linear(64, 10),
    )


def full():
    """Caffe's cifar10_full, with its normalisations taken across channels."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.ReLU(),
        nn.LocalResponseNorm(3, 5e-5, 0.75),
        nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.LocalResponseNorm(3, 5e-5, 0.75),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Flatten(), nn.Linear(1024, 10),
    )


def alexnet():
    """Krizhevsky et al. 2012, in Caffe's form."""
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4), nn.ReLU(), nn.LocalResponseNorm(5), nn.MaxPool2d(3, 2),
        nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), nn.LocalResponseNorm(5),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Flatten(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 1000),
    )


def norm_conv(before, after, kernel, stride):
    conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after))


class Residual(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.body = nn.Sequential(
            norm_conv(before, after, 3, stride), nn.ReLU(), norm_conv(after, after, 3, 1)
        )
        same = stride == 1 and before == after
        self.skip = nn.Identity() if same else norm_conv(before, after, 1, stride)

    def forward(self, x):
        return F.relu(self.body(x) + self.skip(x))


def resnet18():
    """He et al. 2016, the form for 32x32 images."""
    layers, before = [norm_conv(3, 64, 3, 1), nn.ReLU()], 64
    for block in range(8):
        after = 64 << block // 2
        layers.append(Residual(before, after, 2 if block and block % 2 == 0 else 1))
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


CHARACTERS = 65


class CharLSTM(nn.Module):
    """Scores of each next character of a text."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(CHARACTERS, 256)
        self.lstm = nn.LSTM(256, 256, 2, batch_first=True)
        self.scores = nn.Linear(256, CHARACTERS)

    def forward(self, x):
        return self.scores(self.lstm(self.embedding(x))[0]).flatten(0, 1)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.wide = nn.Linear(width, 4 * width, bias=False)
        self.narrow = nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        batch, steps, _ = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, steps, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, steps, -1))
        return x + self.narrow(F.gelu(self.wide(self.norm2(x))))


class GPT(nn.Module):
    """Radford et al. 2018 in small, normalised before each part."""

    def __init__(self, kinds=CHARACTERS, width=128, layers=4, heads=4, steps=64):
        super().__init__()
        self.tokens = nn.Embedding(kinds, width)
        self.positions = nn.Parameter(torch.randn(steps, width) * 0.02)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm, self.scores = nn.LayerNorm(width), nn.Linear(width, kinds, bias=False)

    def forward(self, x):
        x = self.blocks(self.tokens(x) + self.positions)
        return self.scores(self.norm(x)).flatten(0, 1)
