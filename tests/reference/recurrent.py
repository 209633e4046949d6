#!/usr/bin/env python3
"""Reference values of recurrent layers: PyTorch's in f64; Caffe's from its definition.

Usage: pip install torch numpy safetensors; python3 recurrent.py, which writes recurrent.safetensors
beside itself. The C tests (tests/unit/test_recurrent.c) read the file.
"""
import pathlib
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from safetensors.torch import save_file

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
out = {}
N, T, C, H = 3, 5, 4, 7


def put(name, t):
    out[name] = t.detach().clone().contiguous()


def loss_of(results):
    """A weighted sum, so that every element has a gradient of its own."""
    return sum((r * torch.cos(torch.arange(r.numel()) * 0.7).reshape(r.shape)).sum() for r in results)


def layer(name, make, lengths=None, initial=False, cont=None):
    net = make()
    x = torch.randn(N, T, C, requires_grad=True)
    states = net.num_layers * (2 if net.bidirectional else 1)
    start = [torch.randn(states, N, H, requires_grad=True) for _ in range(2 if net.mode == "LSTM" else 1)]
    packed = pack_padded_sequence(x, lengths, True, False) if lengths is not None else x
    hx = (tuple(start) if len(start) == 2 else start[0]) if initial else None
    y, final = net(packed, hx)
    if lengths is not None:
        y = pad_packed_sequence(y, True, total_length=T)[0]
    final = list(final) if isinstance(final, tuple) else [final]
    loss_of([y] + final).backward()
    put(f"{name}/x", x), put(f"{name}/y", y), put(f"{name}/dx", x.grad)
    for key, f, s in zip("hc", final, start):
        put(f"{name}/{key}", f)
        if initial:
            put(f"{name}/{key}0", s), put(f"{name}/d{key}0", s.grad)
    for key, p in net.named_parameters():
        put(f"{name}/{key}", p), put(f"{name}/d{key}", p.grad)


def cells():
    """A step of each cell; x, h and c are shared."""
    x, h, c = (torch.randn(N, k) for k in (C, H, H))
    put("cell/x", x), put("cell/h", h), put("cell/c", c)
    for name, make in {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "rnn": torch.nn.RNNCell}.items():
        cell = make(C, H)
        y = cell(x, (h, c) if name == "lstm" else h)
        for key, p in cell.named_parameters():
            put(f"cell/{name}/{key}", p)
        for key, value in zip("hc", y if name == "lstm" else [y]):
            put(f"cell/{name}/{key}1", value)


def caffe_lstm():
    """Caffe's LSTM layer by its definition: [T, N, C], rows i, f, o, g, one bias; where cont is 0
    the hidden state and the cell's count as zero."""
    x = torch.randn(T, N, C, requires_grad=True)
    cont = torch.tensor([[0, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 0]])
    w_x, w_h = torch.randn(4 * H, C, requires_grad=True), torch.randn(4 * H, H, requires_grad=True)
    b = torch.randn(4 * H, requires_grad=True)
    h = c = torch.zeros(N, H)
    rows = []
    for t in range(T):
        k = cont[t].double()[:, None]
        i, f, o, g = (x[t] @ w_x.T + b + (k * h) @ w_h.T).chunk(4, 1)
        c = k * torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        rows.append(h)
    y = torch.stack(rows)
    loss_of([y, h[None], c[None]]).backward()
    for key, t in dict(x=x, cont=cont, y=y, h=h[None], c=c[None], weight_ih_l0=w_x, weight_hh_l0=w_h, bias_ih_l0=b,
                       bias_hh_l0=torch.zeros(4 * H), dx=x.grad, dweight_ih_l0=w_x.grad,
                       dweight_hh_l0=w_h.grad, dbias_ih_l0=b.grad, dbias_hh_l0=b.grad).items():
        put(f"caffe_lstm/{key}", t)


def resets(name, make):
    """Where cont is 0 a sequence begins: the parts between run on their own, in both directions."""
    net = make()
    x = torch.randn(N, T, C, requires_grad=True)
    cont = torch.tensor([[0, 1, 1, 0, 1], [1, 1, 0, 0, 1], [1, 1, 1, 1, 1]])
    rows = []
    for n in range(N):
        starts = [t for t in range(T) if t == 0 or cont[n, t] == 0] + [T]
        rows.append(torch.cat([net(x[n:n + 1, a:b])[0] for a, b in zip(starts, starts[1:])], 1))
    y = torch.cat(rows)
    loss_of([y]).backward()
    put(f"{name}/x", x), put(f"{name}/cont", cont), put(f"{name}/y", y), put(f"{name}/dx", x.grad)
    for key, p in net.named_parameters():
        put(f"{name}/{key}", p), put(f"{name}/d{key}", p.grad)


def lstm_unit():
    """Caffe's LSTMUnit."""
    gates, c = torch.randn(N, 4 * H, requires_grad=True), torch.randn(N, H, requires_grad=True)
    cont = torch.tensor([1, 0, 1])
    i, f, o, g = gates.chunk(4, 1)
    c1 = cont[:, None] * torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h1 = torch.sigmoid(o) * torch.tanh(c1)
    loss_of([h1, c1]).backward()
    for key, t in dict(gates=gates, c=c, cont=cont, h1=h1, c1=c1, dgates=gates.grad, dc=c.grad).items():
        put(f"unit/{key}", t)


lengths = torch.tensor([3, 5, 1])
put("./lengths", lengths.int())
for name, make in {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}.items():
    layer(name, lambda: make(C, H, batch_first=True))
    layer(f"{name}2", lambda: make(C, H, num_layers=2, batch_first=True), initial=True)
    layer(f"{name}_both", lambda: make(C, H, num_layers=2, bidirectional=True, batch_first=True), lengths, True)
    resets(f"{name}_cont", lambda: make(C, H, bidirectional=True, batch_first=True))
layer("relu", lambda: torch.nn.RNN(C, H, nonlinearity="relu", bias=False, batch_first=True))
cells(), caffe_lstm(), lstm_unit()
save_file(out, pathlib.Path(__file__).with_name("recurrent.safetensors"))
