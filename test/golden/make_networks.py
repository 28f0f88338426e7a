"""Golden files of denselite and mobilenet.   usage: make_networks.py SALT OUTDIR     (as make_goldens.py, section models)

Both networks pad as TensorFlow's SAME: total = max((ceil(n / s) - 1) s + k - n, 0), floor(total / 2) before, the rest after.
"""
import sys
import torch
from torch import nn
from torch.nn import functional as F

import make_goldens as M
import reference as R


class Same(nn.Conv2d):
    def forward(self, x):
        pads = []
        for n in (x.shape[3], x.shape[2]):
            total = max((-(-n // self.stride[0]) - 1) * self.stride[0] + self.kernel_size[0] - n, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


class Separable(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.depthwise = Same(n_in, n_in, 3, stride, groups=n_in, bias=False)
        self.pointwise = nn.Conv2d(n_in, n_out, 1)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


class Block(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv0 = Same(3, n_out, 3, 2) if n_in == 3 else Separable(n_in, n_out, 2)
        self.conv1, self.conv2, self.conv3 = (Separable(n_out, n_out, 1) for _ in range(3))

    def forward(self, x):
        a = F.relu(self.conv0(x))
        b = self.conv1(a)
        c = self.conv2(F.relu(a + b))
        return F.relu(a + b + c + self.conv3(F.relu(a + b + c)))


class DenseLite(nn.Module):
    width = 256

    def __init__(self):
        super().__init__()
        self.dense0, self.dense1, self.dense2, self.dense3 = Block(3, 32), Block(32, 64), Block(64, 128), Block(128, 256)

    def forward(self, x):
        return self.dense3(self.dense2(self.dense1(self.dense0(x)))).mean((2, 3))


class MobileNet(nn.Module):
    width = 1024

    def __init__(self):
        super().__init__()
        self.conv1, c = Same(3, 32, 3, 2), 32
        for i, n in enumerate((64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024), 1):
            self.add_module(f'conv_dw_{i}', Same(c, c, 3, 2 if i in (2, 4, 6, 12) else 1, groups=c))
            self.add_module(f'conv_pw_{i}', nn.Conv2d(c, n, 1))
            c = n

    def forward(self, x):
        for conv in self.children():
            x = conv(x).clamp(0, 6)
        return x.mean((2, 3))


class Single(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.features = features
        self.classifier = nn.Linear(features.width, 7)

    def forward(self, x, emb=None):
        return self.classifier(self.features(x)), None


class Multi(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.features = features
        self.lin_cat, self.lin_cont = nn.Linear(features.width, 7), nn.Linear(features.width, 2)

    def forward(self, x, emb=None):
        f = self.features(x)
        return self.lin_cat(f), self.lin_cont(f)


class Gcn(R.GcnHead):
    def __init__(self, a, features):
        super().__init__(a, features.width)
        self.features = features
        self.add_gcn()

    def forward(self, x, emb):
        return self.head(self.features(x), emb)


def build(model, network, a, size):
    features = {'denselite': DenseLite, 'mobilenet': MobileNet}[network]()
    return {'single_task': Single, 'multi_task': Multi}[model](features) if model != 'emotion_gcn' else Gcn(a, features)


if __name__ == '__main__':
    torch.set_num_threads(1)
    R.build = build
    save = M.save
    # There are no running statistics here.
    M.save = lambda path, tensors, meta: save(path, {k: t for k, t in tensors.items() if not k.startswith('running.')}, meta)
    goldens = M.Goldens(int(sys.argv[1]), sys.argv[2])
    for network in ('denselite', 'mobilenet'):
        for model in R.MODELS:
            goldens.timed(f'models/{model}_{network}_112', lambda: goldens.model(model, network, 2, 112))
