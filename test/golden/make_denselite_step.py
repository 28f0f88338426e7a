"""One training step of emotion_gcn on denselite that starts from face-api's expression network, in float64: losses and gradients.
usage: make_denselite_step.py FACE_API/model OUTDIR   -> OUTDIR/faces/denselite_step.safetensors"""
import json, os, sys
import numpy as np
import torch

import hashinit
import make_goldens as M
import make_networks as N
import reference as R

MEAN = (122.782, 117.001, 104.298)
# Of the inputs '... 1' to '... 16' the one whose units keep farthest from ReLU's kink (1.6e-6): one that is nearer may fall on the other side in
# float32, and then the gradients of all that is before it have a summand more or less.
INPUT = 'denselite/input 8'
LABELS, VA = [1, 6, 3], [[.7, .3], [-.4, .5], [.1, .8]]


def weights(folder):
    """Decoded tensors: uint8 becomes float32(q * scale + min)."""
    (group,) = json.load(open(os.path.join(folder, 'face_expression_model-weights_manifest.json')))
    blob, at, out = b''.join(open(os.path.join(folder, p), 'rb').read() for p in group['paths']), 0, {}
    for w in group['weights']:
        q, n = w.get('quantization'), int(np.prod(w['shape']))
        a = np.frombuffer(blob, 'u1' if q else '<f4', n, at)
        at += a.nbytes
        out[w['name']] = (a.astype(np.float64) * q['scale'] + q['min'] if q else a).astype(np.float32).reshape(w['shape'])
    return out


def network(folder, dtype):
    a = np.full((9, 9), .5 / 8)
    np.fill_diagonal(a, .5)
    net = N.build('emotion_gcn', 'denselite', a, 112)
    state = {}
    for name, v in weights(folder).items():
        layer, part = name.rsplit('/', 1)
        if layer == 'fc':
            continue
        axes = {'filters': (3, 2, 0, 1), 'pointwise_filter': (3, 2, 0, 1), 'depthwise_filter': (2, 3, 0, 1), 'bias': (0,)}[part]
        whole = layer == 'dense0/conv0'
        own = {'filters': 'weight', 'pointwise_filter': 'pointwise.weight', 'depthwise_filter': 'depthwise.weight', 'bias': 'bias' if whole else 'pointwise.bias'}[part]
        state[f'features.{layer.replace("/", ".")}.{own}'] = v.transpose(axes)
    for name, p in net.named_parameters():
        if name in ('gc1.weight', 'gc2.weight'):
            state[name] = hashinit.parameter(name, tuple(p.shape))
        elif name == 'A':
            state[name] = a
    net.load_state_dict({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in state.items()})
    return net.to(dtype)


def step(folder, emb, dtype, mkldnn):
    with torch.backends.mkldnn.flags(enabled=mkldnn):
        net = network(folder, dtype)
        x = hashinit.integers(INPUT, (3, 112, 112, 3), 0, 256).astype(np.float64)
        x = torch.from_numpy(((x - MEAN) / 255).transpose(0, 3, 1, 2).copy()).to(dtype)
        out = net(x, torch.from_numpy(emb).to(dtype))
        loss = R.losses(out, torch.tensor(LABELS), torch.tensor(VA, dtype=dtype), None)
        loss[0].backward()
        return torch.cat(out, 1).detach(), [float(v) for v in loss], {k: p.grad.double() for k, p in net.named_parameters() if p.grad is not None}


if __name__ == '__main__':
    torch.set_num_threads(1)
    folder, out = sys.argv[1:3]
    emb = hashinit.uniform('emb', (9, 300), 0, .5)
    y, losses, grads = step(folder, emb, torch.float64, True)
    low = [step(folder, emb, torch.float32, m) for m in (True, False)]
    heads = np.zeros((len(grads), 16))
    for row, g in zip(heads, grads.values()):
        v = g.reshape(-1)[:16].numpy()
        row[:len(v)] = v
    first = lambda g: g.reshape(-1)[:16]
    worst = lambda of: [max(of(l[2][k], g) for l in low) for k, g in grads.items()]
    M.save(os.path.join(out, 'faces', 'denselite_step.safetensors'), {
        'emb': emb, 'A': network(folder, torch.float64).A.detach(), 'out': y, 'loss': np.array(losses), 'va': np.array(VA), 'labels': np.array(LABELS),
        'grad.norm': np.array([g.norm().item() for g in grads.values()]), 'grad.head': heads,
    }, {'grad.names': list(grads), 'input': f'integers("{INPUT}", [3, 112, 112, 3], salt 0, modulus 256)',
        # PyTorch's own float32, of two runs: of a gradient's norm, and of its first 16 numbers', how much it is off.
        'f32.loss': [max(abs(l[1][i] - v) for l in low) for i, v in enumerate(losses)],
        'f32.grad.norm': worst(lambda a, b: abs(a.norm() - b.norm()).item() / b.norm().item()),
        'f32.grad.head': worst(lambda a, b: (first(a) - first(b)).norm().item() / max(first(b).norm().item(), 1e-30))})
