"""Grad-CAM (Selvaraju et al. 2017) of every model on every network.   usage: make_grad_cam.py SALT OUTDIR

The gradient is taken of the map before the pooling, as autograd has it: no formula of a head stands here.
"""
import sys
import torch
from torch.nn import functional as F

import make_goldens as M
import make_networks as N
import reference as R

TARGETS = {'class1': 1, 'class4': 4, 'valence': 7, 'arousal': 8}


def last_map(net, model, network, x):
    if network == 'densenet':
        y = (net.model_base if model == 'multi_task' else net.features)(x)
        return y if model == 'emotion_gcn' else F.relu(y)
    if network == 'bregnext':
        body = net.model if model == 'emotion_gcn' else net
        return body._model[:-1](body._conv0(x))
    if network == 'denselite':
        for block in net.features.children():
            x = block(x)
        return x
    for conv in net.features.children():
        x = conv(x).clamp(0, 6)
    return x


def heads(net, model, network, y, emb):
    if model == 'emotion_gcn':
        return net.head(F.max_pool2d(y, net.pool).flatten(1) if network == 'densenet' else y.mean((2, 3)), emb)
    f = y.mean((2, 3))
    if model == 'single_task':
        return (net._fc0 if network == 'bregnext' else net.classifier)(f), None
    return (net.fc_cat(f), net.fc_cont(f)) if network == 'bregnext' else (net.lin_cat(f), net.lin_cont(f))


def grad_cam(net, model, network, x, emb):
    """{target: (map in [0, 1], score)}"""
    with torch.no_grad():
        whole, y = net(x, emb), last_map(net, model, network, x)
    out = {}
    for name, at in TARGETS.items():
        if at >= 7 and model == 'single_task':
            continue
        leaf = y.clone().requires_grad_()
        scores = torch.cat([s for s in heads(net, model, network, leaf, emb) if s is not None], 1)
        assert torch.allclose(scores, torch.cat([s for s in whole if s is not None], 1), rtol=1e-4, atol=1e-5)
        scores[0, at].backward()
        cam = (leaf.grad.mean((2, 3), keepdim=True) * y).sum(1)[0].relu()
        out[name] = (cam / cam.max() if cam.max() > 0 else cam, scores[0, at].detach().reshape(1))
    return out


def build(model, network, a, size):
    return (N if network in ('denselite', 'mobilenet') else R).build(model, network, a, size)


def golden(goldens, model, network, size):
    _, a, emb = goldens.graph()
    tag = f'{model}_{network}_{size}'
    x = goldens.rand(f'{tag}/input', (1, 3, size, size), 1.75)

    def run(dtype, mkldnn):
        with torch.backends.mkldnn.flags(enabled=mkldnn):
            net = R.fill(build(model, network, a, size), goldens.salt).to(dtype).eval()
            return grad_cam(net, model, network, torch.from_numpy(x).to(dtype), torch.from_numpy(emb).to(dtype))

    ref, low = run(torch.float64, True), [run(torch.float32, m) for m in (True, False)]
    t = {'A': a.astype('float32'), 'emb': emb} if model == 'emotion_gcn' else {}
    meta = dict(op='grad_cam', model=model, network=network, input_size=str(size), salt=str(goldens.salt),
                input=dict(name=f'{tag}/input', shape=[1, 3, size, size], scale=1.75))
    for target, results in ref.items():
        for i, kind in enumerate(('map', 'score')):
            name = f'{kind}.{target}'
            t[f'{name}.f64ref'] = results[i].float()
            e = [M.error(l[target][i], results[i]) for l in low]
            meta[f'f32.max_abs.{name}'], meta[f'f32.rel_l2.{name}'] = max(q[0] for q in e), max(q[1] for q in e)
    M.save(f'{goldens.out}/grad_cam/{tag}.safetensors', t, meta)


if __name__ == '__main__':
    torch.set_num_threads(1)
    goldens = M.Goldens(int(sys.argv[1]), sys.argv[2])
    for network, size in (('densenet', 128), ('bregnext', 32), ('denselite', 112), ('mobilenet', 112)):
        for model in R.MODELS:
            goldens.timed(f'grad_cam/{model}_{network}_{size}', lambda: golden(goldens, model, network, size))
