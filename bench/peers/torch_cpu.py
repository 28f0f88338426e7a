"""PyTorch on the CPU, all cores: answers the requests that serve.mjs describes.   python3 torch_cpu.py"""
import json, resource, sys, time
import torch, torchvision
import torch.nn.functional as F


def filler(n, salt):
    return (((torch.arange(n, dtype=torch.int64) * 7919 + salt * 389) % 1013) / 506.5 - 1).float()


def most_bytes():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Network:
    """torchvision's DenseNet-121 with a linear head (ours has the GCN's)."""

    def __init__(self, task):
        batch, size, self.training = task['batch'], task['size'], task['op'] == 'step'
        self.before = most_bytes()
        self.net = torchvision.models.densenet121(num_classes=7).train(self.training)
        self.optimizer = torch.optim.SGD(self.net.parameters(), 1e-4, .9, weight_decay=1e-3)
        self.x = filler(batch * 3 * size * size, 0).reshape(batch, 3, size, size)
        self.y = torch.arange(batch) % 7

    def compute(self):
        if not self.training:
            with torch.no_grad():
                return self.net(self.x)
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.net(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


work = result = None
for line in sys.stdin:
    request = json.loads(line)
    try:
        if request['do'] == 'prepare':
            work = Network(request['task'])
            result = work.compute()
            answer = {'ok': True}
        elif request['do'] == 'time':
            start = time.perf_counter()
            for _ in range(request['times']):
                result = work.compute()
            answer = {'ms': 1000 * (time.perf_counter() - start)}
        elif request['do'] == 'samples':
            first = next(work.net.parameters()).detach()  # the weights that a step's gradient reaches last
            answer = {'values': [t.flatten()[:64].tolist() for t in (result, first)]}
        else:
            answer = {'bytes': most_bytes() - work.before}
    except Exception as error:
        answer = {'error': str(error)}
    print(json.dumps(answer), flush=True)
