#!/usr/bin/env python3
"""Reference values of the words for layers, with their parameters: PyTorch's in f64, or those of the
definitions in the scripts beside. Usage: pip install torch safetensors; python3 words_layers.py,
which writes words_layers.safetensors beside itself; see cases.py."""
import torch
import torch.nn.functional as F

import ntm
from attention import attend, heads, rotate
from cases import Cases
from spatial import caffe_pool, lrn_within, mvn, spp

cases = Cases("layers", 29)


def layer(word, function, x, text=None, name=None, kind=None, **shapes):
    """A layer `word1` with parameters of these shapes: function(x, *parameters)."""
    variables = {f"{kind or word}1/{key}": torch.randn(shape) * 0.5 for key, shape in shapes.items()}
    cases.add(name or word, text, lambda x, p: function(x, *p.values()), variables, x=torch.randn(x))


def plain(word, text, function, *shape):
    cases.add(word, text, function, x=torch.randn(shape))


def dense():
    layer("fc", lambda x, w, b: F.linear(x.flatten(1), w, b), (3, 2, 4), "x |> fc(5)", weight=(5, 8), bias=(5,))
    layer("dense", F.linear, (3, 4), "dense(x, 5, bias=false)", kind="fc", weight=(5, 4))
    layer("linear", F.linear, (2, 3, 5), "linear(x, 4)", weight=(4, 5), bias=(4,))
    layer("embedding", lambda x, w: F.embedding(torch.tensor([[3, 0, 3], [6, 1, 3]]), w) + x, (2, 3, 4),
          "embedding([[3, 0, 3], [6, 1, 3]], 7, 4) + x", weight=(7, 4))
    layer("positions", lambda x, w: x + w[:3], (2, 3, 5), "positions(x, length=4)", weight=(4, 5))


def windows():
    layer("conv", lambda x, w, b: F.conv2d(x, w, b, (2, 1), (1, 2), (1, 2), 2), (2, 4, 7, 6),
          "conv(x, 6, 3, stride=[2, 1], pad=[1, 2], dilation=[1, 2], groups=2)", weight=(6, 2, 3, 3), bias=(6,))
    layer("conv", lambda x, w: F.conv1d(x, w), (2, 3, 9), "conv(x, 4, 3, bias=false)", "conv_line", weight=(4, 3, 3))
    layer("conv", lambda x, w, b: F.conv3d(x, w, b), (1, 2, 3, 4, 3), "conv(x, 3, [2, 3, 2])", "conv_solid",
          weight=(3, 2, 2, 3, 2), bias=(3,))
    layer("convtranspose", lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1, 2), (2, 4, 3, 5),
          "convtranspose(x, 6, 3, stride=2, pad=1, output_pad=1, groups=2)", weight=(4, 3, 3, 3), bias=(6,))
    plain("maxpool", "maxpool(x, 3, stride=2, pad=1)", lambda x: F.max_pool2d(x, 3, 2, 1), 2, 3, 6, 7)
    plain("maxpool_ceil", "maxpool(x, 3, stride=2, pad=1, ceil=true)", lambda x: caffe_pool(x, 3, 2, 1, False), 2, 3, 6, 7)
    plain("avgpool", "avgpool(x, 3, stride=2, pad=1)", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
          2, 3, 6, 7)
    plain("avgpool_ceil", "avgpool(x, 3, stride=2, pad=1, ceil=true, count_pad=true)",
          lambda x: caffe_pool(x, 3, 2, 1, True), 2, 3, 6, 7)
    plain("global_avgpool", "global_avgpool(x)", lambda x: x.mean((2, 3)), 2, 3, 4, 5)
    plain("global_maxpool", "global_maxpool(x)", lambda x: x.amax((2, 3)), 2, 3, 4, 5)
    plain("adaptive_avgpool", "adaptive_avgpool(x, [3, 4])", lambda x: F.adaptive_avg_pool2d(x, (3, 4)), 2, 3, 7, 6)
    plain("adaptive_maxpool", "adaptive_maxpool(x, [3, 4])", lambda x: F.adaptive_max_pool2d(x, (3, 4)), 2, 3, 7, 6)
    taps = lambda x: F.unfold(x, 2, stride=2).view(2, 3, 4, 6)  # noqa: E731
    cases.add("stochastic_pool", "stochastic_pool(x, 2)",
              lambda x: ((taps(x) ** 2).sum(2) / taps(x).sum(2)).view(2, 3, 2, 3), x=torch.rand(2, 3, 4, 6))
    plain("spp", "spp(x, 3)", lambda x: spp(x, 3, False), 2, 3, 7, 7)
    plain("spp_average", "spp(x, 2, average=true)", lambda x: spp(x, 2, True), 2, 2, 5, 5)
    plain("im2col", "im2col(x, [3, 2], stride=[2, 1], pad=[1, 2], dilation=[1, 2])",
          lambda x: F.unfold(x, (3, 2), (1, 2), (1, 2), (2, 1)).view(2, 12, 3, 6), 2, 2, 5, 4)


def norms():
    def moments(x, p):
        axes = (0, 2)
        y = (x - x.mean(axes, keepdim=True)) / (x.var(axes, unbiased=False, keepdim=True) + 1e-5).sqrt()
        return y * p["batchnorm1/gamma"][:, None] + p["batchnorm1/beta"][:, None]

    affine = {"batchnorm1/gamma": torch.randn(3), "batchnorm1/beta": torch.randn(3)}
    states = {"batchnorm1/mean": torch.randn(3), "batchnorm1/variance": torch.rand(3) + 0.5}
    cases.add("batchnorm_train", "batchnorm(x)", moments, affine, x=torch.randn(4, 3, 5))
    cases.add("batchnorm", "batchnorm(x)",
              lambda x, p: F.batch_norm(x, *states.values(), *(p[k] for k in affine)), affine, states,
              x=torch.randn(4, 3, 5))
    layer("groupnorm", lambda x, g, b: F.group_norm(x, 3, g, b), (2, 6, 3, 4), "groupnorm(x, groups=3)",
          gamma=(6,), beta=(6,))
    layer("instancenorm", lambda x, g, b: F.instance_norm(x, weight=g, bias=b), (2, 3, 4, 5),
          "instancenorm(x, affine=true)", gamma=(3,), beta=(3,))
    layer("layernorm", lambda x, g, b: F.layer_norm(x, (3, 6), g, b), (4, 3, 6), "layernorm(x, axes=2)",
          gamma=(3, 6), beta=(3, 6))
    layer("rmsnorm", lambda x, g: F.rms_norm(x, (7,), g, 1e-6), (3, 5, 7), "rmsnorm(x)", gamma=(7,))
    layer("scale", lambda x, g, b: x * g[:, None] + b[:, None], (2, 3, 4), "scale(x, bias=true)", gamma=(3,), beta=(3,))
    layer("bias", lambda x, b: x + b, (2, 3, 4), "bias(x, axis=-1)", beta=(4,))
    plain("mvn", "mvn(x)", lambda x: mvn(x, (2, 3)), 2, 3, 4, 5)
    plain("mvn_across", "mvn(x, across=true, variance=false)", lambda x: mvn(x, (1, 2, 3), True), 2, 3, 4, 5)
    plain("lrn", "lrn(x)", lambda x: F.local_response_norm(x, 5, 1.0, 0.75, 1.0), 2, 7, 5, 3)
    plain("lrn_within", "lrn(x, size=3, alpha=2, within=true)", lambda x: lrn_within(x, 3, 2.0, 0.75), 2, 3, 5, 6)


def sizes():
    plain("upsample", "upsample(x, factor=[2, 3])", lambda x: F.interpolate(x, scale_factor=(2, 3)), 2, 2, 3, 2)
    plain("upsample_linear", 'upsample(x, size=[6, 7], mode="linear")',
          lambda x: F.interpolate(x, (6, 7), mode="bilinear"), 2, 2, 3, 4)
    plain("upsample_corners", 'upsample(x, size=[6, 7], mode="linear", align_corners=true)',
          lambda x: F.interpolate(x, (6, 7), mode="bilinear", align_corners=True), 2, 2, 3, 4)
    plain("pixel_shuffle", "pixel_shuffle(x, 2)", lambda x: F.pixel_shuffle(x, 2), 2, 8, 3, 2)
    plain("pixel_unshuffle", "pixel_unshuffle(x, 3)", lambda x: F.pixel_unshuffle(x, 3), 2, 2, 6, 3)
    cases.add("crop", "crop(x, like, offset=[1, 2])", lambda x, like: x[:, :, 1:4, 2:5] + 0 * like,
              x=torch.randn(2, 2, 5, 6), like=torch.randn(2, 2, 3, 3))


def noise():
    """In evaluation these hand on what they get."""
    for word in ("dropout", "channel_dropout", "alpha_dropout", "gaussian_noise"):
        plain(word, f"{word}(x) * x", lambda x: x * x, 2, 3, 4)


def sequences():
    t, column = torch.arange(5.0)[:, None], torch.arange(7)
    angle = t * 10000.0 ** (-(column - column % 2) / 7)
    plain("sinusoidal_positions", "sinusoidal_positions(x)",
          lambda x: x + torch.where(column % 2 == 0, angle.sin(), angle.cos()), 2, 5, 7)
    plain("rotary", "rotary(x)", rotate, 2, 3, 5, 6)
    plain("rotary_pairs", "rotary(x, first=3, base=100, interleaved=true)", lambda x: rotate(x, 3, 100.0, True), 5, 6)
    cases.add("sequence_mask", "sequence_mask(n, 5)", lambda n: torch.arange(5) < n[:, None], n=torch.tensor([3, 5, 0]))
    cases.add("attention", "attention(x, 4, causal=true, key_heads=2)", attention, {
        "attention1/qkv/weight": torch.randn(16, 8) * 0.4, "attention1/qkv/bias": torch.randn(16),
        "attention1/out/weight": torch.randn(8, 8) * 0.4, "attention1/out/bias": torch.randn(8)}, x=torch.randn(2, 5, 8))
    for word, net in {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}.items():
        layers = net(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        variables = {f"{word}1/{key}": p.detach() for key, p in layers.named_parameters()}
        cases.add(word, f"{word}(x, 4, layers=2, bidirectional=true)", lambda x, p, n=layers, w=word:
                  torch.func.functional_call(n, {key[len(w) + 2:]: v for key, v in p.items()}, (x,))[0],
                  variables, x=torch.randn(2, 5, 3))
    sizes = (4, 6, 3, 2, 1, 1, 2)
    variables = {f"ntm1/{key}": torch.randn(shape) * 0.5 for key, shape in ntm.shapes_of(3, *sizes).items()}
    cases.add("ntm", "ntm(x, 2, units=4, memory=6, width=3, reads=2, writes=1)",
              lambda x, p: ntm.run({key[5:]: v for key, v in p.items()}, x, *sizes)[0], variables, x=torch.randn(2, 4, 3))


def attention(x, p):
    """Four heads of queries, two of keys and values."""
    w = {key.removeprefix("attention1/"): v for key, v in p.items()}
    q, k, v = F.linear(x, w["qkv/weight"], w["qkv/bias"]).split([8, 4, 4], -1)
    y = attend(heads(q, 4), heads(k, 2), heads(v, 2), causal=True)
    return F.linear(y.transpose(1, 2).flatten(2), w["out/weight"], w["out/bias"])


def lstm_unit(gates, c, cont, order):
    part = dict(zip(order, gates.chunk(4, 1)))
    i, f, o, g = (torch.sigmoid(part["i"]), torch.sigmoid(part["f"]), torch.sigmoid(part["o"]), torch.tanh(part["g"]))
    new = f * c * cont[:, None] + i * g
    return torch.stack((o * torch.tanh(new), new))


def parts():
    cases.add("parameter", "parameter(3, 4) * x", lambda x, p: p["parameter1"] * x, {"parameter1": torch.randn(3, 4)},
              x=torch.randn(2, 3, 4))
    for order in ("ifgo", "ifog"):
        cases.add(f"lstm_unit_{order}", f'lstm_unit(gates, c, cont=[1, 0, 1], order="{order}")',
                  lambda gates, c, o=order: lstm_unit(gates, c, torch.tensor([1.0, 0, 1]), o),
                  gates=torch.randn(3, 20), c=torch.randn(3, 5))


def scores():
    cases.add("accuracy", "accuracy(x, y)", lambda x, y: (x.argmax(1) == y).double().mean(),
              x=torch.randn(9, 4), y=torch.arange(9) % 4)


dense(), windows(), norms(), sizes(), noise(), sequences(), parts(), scores()
cases.save()
