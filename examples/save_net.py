"""A small network of PyTorch's and its answer, for read_pytorch.ts: python3 examples/save_net.py net.pth"""
import sys

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
net(torch.randn(16, 1, 8, 8))  # so that the running statistics are no zeros and ones
torch.save(net.state_dict(), sys.argv[1])
x = torch.sin(torch.arange(64, dtype=torch.float32)).reshape(1, 1, 8, 8)
print(' '.join(f'{v:.5f}' for v in net.eval()(x)[0].tolist()))
