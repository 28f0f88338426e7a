"""PyTorch on the CPU, all cores, or on a CUDA GPU: answers the requests that serve.mjs describes.   python3 torch_networks.py

A task may name `device` (cpu; cuda; best: cuda where there is one), `precision` (f32: no TF32; tf32; amp: f16 by autocast with a scaled
loss, on a CPU bfloat16) and `compiled`."""
import contextlib, json, resource, sys, time
import torch, torchvision
import torch.nn.functional as F


def filler(n, salt):
    return (((torch.arange(n, dtype=torch.int64) * 7919 + salt * 389) % 1013) / 506.5 - 1).float()


def most_bytes(device):
    if device == 'cuda':
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Network:
    """torchvision's DenseNet-121 with a linear head (ours has the GCN's)."""

    def __init__(self, task):
        batch, size, self.training = task['batch'], task['size'], task['op'] == 'step'
        wanted, precision = task.get('device', 'cpu'), task.get('precision', 'f32')
        self.device = 'cuda' if wanted == 'cuda' or wanted == 'best' and torch.cuda.is_available() else 'cpu'
        if precision == 'tf32' and self.device != 'cuda':
            raise RuntimeError('a CPU has no TF32')
        if task.get('compiled') and not hasattr(torch, 'compile'):
            raise RuntimeError(f'PyTorch {torch.__version__} has no torch.compile')
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == 'tf32'
        torch.backends.cudnn.benchmark = True
        self.before = most_bytes(self.device) if self.device == 'cpu' else 0
        half = torch.float16 if self.device == 'cuda' else torch.bfloat16
        self.cast = (lambda: torch.autocast(self.device, half)) if precision == 'amp' else contextlib.nullcontext
        self.scaler = torch.cuda.amp.GradScaler(enabled=precision == 'amp' and self.device == 'cuda')
        self.net = torchvision.models.densenet121(num_classes=7).train(self.training).to(self.device)
        self.first = next(self.net.parameters())  # the weights that a step's gradient reaches last
        self.run = torch.compile(self.net) if task.get('compiled') else self.net
        self.optimizer = torch.optim.SGD(self.net.parameters(), 1e-4, .9, weight_decay=1e-3)
        self.x = filler(batch * 3 * size * size, 0).reshape(batch, 3, size, size).to(self.device)
        self.y = (torch.arange(batch) % 7).to(self.device)

    def compute(self):
        if not self.training:
            with torch.no_grad(), self.cast():
                return self.run(self.x)
        self.optimizer.zero_grad()
        with self.cast():
            loss = F.cross_entropy(self.run(self.x), self.y)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()

    def wait(self):
        if self.device == 'cuda':
            torch.cuda.synchronize()


work = result = None
for line in sys.stdin:
    request = json.loads(line)
    try:
        if request['do'] == 'prepare':
            work = Network(request['task'])
            result = work.compute()
            work.wait()
            answer = {'ok': True, 'engine': f'PyTorch {torch.__version__}',
                      'on': torch.cuda.get_device_name() if work.device == 'cuda' else 'cpu'}
        elif request['do'] == 'time':
            start = time.perf_counter()
            for _ in range(request['times']):
                result = work.compute()
            work.wait()
            answer = {'ms': 1000 * (time.perf_counter() - start)}
        elif request['do'] == 'samples':
            answer = {'values': [t.detach().float().flatten()[:64].tolist() for t in (result, work.first)]}
        else:
            answer = {'bytes': most_bytes(work.device) - work.before}
    except Exception as error:
        answer = {'error': str(error)}
    print(json.dumps(answer), flush=True)
