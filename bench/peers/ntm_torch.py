"""The Neural Turing Machine as one writes it in PyTorch: a loop over the steps of a batch, the same
equations as gr_ntm's (include/gradus/ntm.h), an LSTM and one head of each kind by default.
"""
import torch
from torch import nn
from torch.nn import functional as F


class NTM(nn.Module):
    def __init__(self, inputs, outputs, units=100, rows=128, width=20, reads=1, writes=1, shift=1):
        super().__init__()
        self.rows, self.width, self.reads, self.writes, self.shift = rows, width, reads, writes, shift
        heads, taps = reads + writes, 2 * shift + 1
        self.sizes = [heads * width, heads, heads, heads * taps, heads, writes * width, writes * width]
        self.controller = nn.LSTMCell(inputs + reads * width, units)
        self.heads = nn.Linear(units, sum(self.sizes))
        self.output = nn.Linear(units + reads * width, outputs)
        self.h, self.c = nn.Parameter(torch.zeros(units)), nn.Parameter(torch.zeros(units))
        self.read = nn.Parameter(torch.zeros(reads * width))
        self.weighting = nn.Parameter(torch.randn(heads, rows))

    def address(self, before, memory, key, strength, gate, shift, sharpening):
        """Weightings [N, heads, rows]."""
        cosine = F.cosine_similarity(key[:, :, None], memory[:, None], dim=3)
        content = torch.softmax(strength * cosine, 2)
        v = gate * content + (1 - gate) * before
        v = sum(torch.roll(v, j, 2) * shift[:, :, j + self.shift, None] for j in range(-self.shift, self.shift + 1))
        v = (v + 1e-12) ** sharpening
        return v / v.sum(2, keepdim=True)

    def forward(self, x):
        n, steps, _ = x.shape
        heads = self.reads + self.writes
        memory = x.new_full((n, self.rows, self.width), 1e-6)
        h, c, read = (start.expand(n, -1) for start in (self.h, self.c, self.read))
        w = torch.softmax(self.weighting, 1).expand(n, -1, -1)
        said = []
        for t in range(steps):
            h, c = self.controller(torch.cat([x[:, t], read], 1), (h, c))
            key, strength, gate, shift, sharpening, erase, add = self.heads(h).split(self.sizes, 1)
            w = self.address(w, memory, torch.tanh(key).view(n, heads, -1), F.softplus(strength)[:, :, None],
                             torch.sigmoid(gate)[:, :, None], torch.softmax(shift.view(n, heads, -1), 2),
                             1 + F.softplus(sharpening)[:, :, None])
            read = (w[:, :self.reads] @ memory).flatten(1)
            erase = torch.sigmoid(erase).view(n, self.writes, 1, -1)
            add = torch.tanh(add).view(n, self.writes, 1, -1)
            at = w[:, self.reads:, :, None]
            memory = memory * (1 - at * erase).prod(1) + (at * add).sum(1)
            said.append(self.output(torch.cat([h, read], 1)))
        return torch.stack(said, 1)
