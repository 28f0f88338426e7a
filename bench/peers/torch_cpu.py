"""PyTorch on the CPU, all cores: one JSON line {work, ms} a work.   python3 torch_cpu.py FILTER REPEAT"""
import json, sys, time
import torch, torchvision
import torch.nn.functional as F

pattern, repeat = sys.argv[1], int(sys.argv[2])


def measure(work, compute):
    if pattern not in work:
        return
    compute()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        compute()
        times.append(time.perf_counter() - start)
    print(json.dumps({'work': work, 'ms': 1000 * sorted(times)[len(times) // 2]}), flush=True)


for n, ci, co, size, k in [(8, 224, 128, 28, 1), (8, 992, 128, 7, 1), (8, 128, 32, 28, 3), (8, 128, 32, 7, 3), (16, 64, 64, 32, 3)]:
    x, w, dy = torch.randn(n, ci, size, size), torch.randn(co, ci, k, k), torch.randn(n, co, size, size)
    name = f'{k}x{k} {ci}>{co} @{size} b{n}'
    measure(f'conv forward {name}', lambda: F.conv2d(x, w, None, 1, k // 2))
    measure(f'conv backward_data {name}', lambda: torch.nn.grad.conv2d_input(x.shape, w, dy, 1, k // 2))

net = torchvision.models.densenet121(num_classes=7).train()
optimiser = torch.optim.SGD(net.parameters(), 1e-3, .9, weight_decay=1e-3)


def step(x, y):
    optimiser.zero_grad()
    F.cross_entropy(net(x), y).backward()
    optimiser.step()


x, y = torch.randn(8, 3, 112, 112), torch.arange(8) % 7
measure('step emotion_gcn densenet 112 b8', lambda: step(x, y))
net.eval()
with torch.no_grad():
    measure('inference emotion_gcn densenet 112 b1', lambda: net(x[:1]))
