"""Small goldens beside make_goldens.py's: oblong kernels, odd pools, one-sided padding, other attributes, and files
that hold only a part of an op's results.   usage: make_extra.py SALT OUTDIR   -> OUTDIR/extra/*.safetensors"""
import json, sys, tempfile
import numpy as np
import torch
from torch.nn import functional as F

from make_goldens import Goldens, save, error
from reference import shortcut


class Extra(Goldens):
    def made(self, op, case, spec, attrs, fn, keep=lambda name: True, diff=None, no_up=(), edit=None, large=False):
        """One op golden; `keep` says which of its tensors stay, `edit` may change the inputs."""
        inputs = self.inputs(op, case, spec)
        if edit:
            edit(inputs)
        hashes = {k: (s[1], s[2] if len(s) > 2 else 0) for k, s in spec.items()} if large else None
        self.op(op, case, fn, inputs, attrs, diff, no_up, hashes)
        path = f'{self.out}/{"ops_large" if large else "ops"}/{op}_{case}.safetensors'
        strip(path, f'{self.final}/extra/{op}_{case}.safetensors', keep)

    def conv_case(self, case, x, cout, kernel, stride, padding, bias=False, keep=lambda name: True, diff=None, **more):
        kh, kw = kernel
        members = x[1] // more.get('groups', 1)
        spec = {'x': (x, 1.75), 'weight': ((cout, members, kh, kw), (6 / (members * kh * kw)) ** .5)}
        if bias:
            spec['bias'] = ((cout,), .1)
        top, bottom, left, right = padding if np.size(padding) == 4 else np.broadcast_to(padding, 2).repeat(2).tolist()
        self.made('conv2d', case, spec, dict(kernel=kernel, stride=stride, padding=padding, **more),
                  lambda t: {'y': F.conv2d(F.pad(t['x'], (left, right, top, bottom)), t['weight'], t.get('bias'), stride, **more)}, keep, diff)

    def convs(self):
        self.conv_case('oblong_1x3', (2, 5, 7, 9), 6, (1, 3), (1, 2), (0, 1))
        self.conv_case('oblong_3x1_bias', (1, 8, 9, 6), 12, (3, 1), (2, 1), (2, 0), True)
        self.conv_case('oblong_5x2', (2, 4, 8, 11), 8, (5, 2), 2, (1, 0), True)
        self.conv_case('even_2x2', (1, 6, 9, 8), 5, (2, 2), (3, 2), 0)
        self.conv_case('wide_padding', (2, 3, 4, 5), 7, (3, 3), 1, 3)
        self.conv_case('7x7s3', (1, 3, 13, 12), 5, (7, 7), 3, (3, 2))
        self.conv_case('4x4s4', (2, 3, 12, 8), 16, (4, 4), 4, 0, True)
        self.conv_case('only_y', (1, 8, 5, 4), 12, (3, 3), 1, 1, True, lambda k: k[:3] in ('in.', 'out'))
        self.conv_case('only_weight_gradient', (2, 8, 5, 4), 9, (3, 3), 1, 1, True, lambda k: k[:3] in ('in.', 'up.') or k.startswith('grad.weight'))
        self.conv_case('only_x_gradient', (2, 8, 5, 4), 12, (1, 1), 1, 0, False, lambda k: k[:3] in ('in.', 'up.') or k.startswith('grad.x'), ['x'])
        self.conv_case('no_x_gradient', (2, 9, 5, 5), 11, (3, 3), 2, 1, True, diff=['bias', 'weight'])
        self.conv_case('depthwise', (2, 8, 7, 6), 8, (3, 3), 1, 1, True, groups=8)
        self.conv_case('depthwise_same_s2', (1, 5, 8, 7), 5, (3, 3), 2, (0, 1, 1, 1), True, groups=5)
        # MobileNet's, padded as TensorFlow's SAME pads even and odd maps.
        for n, c, h, w, s in ((2, 3, 8, 8, 1), (2, 4, 8, 8, 2), (1, 5, 9, 7, 2), (2, 8, 14, 14, 2), (1, 6, 7, 7, 1)):
            sides = [(t // 2, t - t // 2) for t in (max((-(-size // s) - 1) * s + 3 - size, 0) for size in (h, w))]
            self.conv_case(f'depthwise_same_{n}x{c}x{h}x{w}s{s}', (n, c, h, w), c, (3, 3), s, sides[0] + sides[1], True, groups=c)
        self.conv_case('depthwise_multiplied', (1, 3, 6, 5), 12, (3, 3), 1, 1, groups=3)
        self.conv_case('groups_2', (2, 6, 5, 7), 10, (3, 3), (2, 1), 1, True, groups=2)
        self.conv_case('dilated', (2, 4, 9, 8), 8, (3, 3), 1, 2, True, dilation=2)
        self.conv_case('dilated_groups', (1, 6, 10, 9), 12, (3, 2), 2, (2, 1), dilation=(2, 3), groups=3)
        self.conv_case('same_s2', (2, 3, 8, 9), 6, (3, 3), 2, (0, 1, 1, 1), True)

    def pools(self):
        for case, x, k, s, p in [('oblong', (2, 3, 9, 8), (2, 3), (1, 2), (1, 1)), ('k5s1', (1, 4, 8, 9), 5, 1, 2),
                                 ('k2s3', (2, 5, 10, 7), 2, 3, 0), ('tall', (1, 2, 12, 5), (4, 1), (4, 1), 0)]:
            attrs = dict(kernel=k, stride=s, padding=p)
            self.made('maxpool', case, {'x': (x, 1)}, attrs, lambda t: dict(zip(('y', 'indices'), F.max_pool2d(t['x'], k, s, p, return_indices=True))))
            self.made('avgpool', case, {'x': (x, 1)}, attrs, lambda t: {'y': F.avg_pool2d(t['x'], k, s, p)})
        for case, x, k, s, (top, bottom, left, right) in [('same_k2s1', (2, 3, 5, 6), 2, 1, (0, 1, 0, 1)), ('same_k2s2', (1, 4, 7, 5), 2, 2, (0, 1, 0, 1)),
                                                          ('sides', (2, 4, 8, 9), (3, 4), (2, 1), (1, 0, 0, 2))]:
            attrs, sides = dict(kernel=k, stride=s, padding=(top, bottom, left, right)), (left, right, top, bottom)
            self.made('maxpool', case, {'x': (x, 1)}, attrs, lambda t: {'y': F.max_pool2d(F.pad(t['x'], sides, value=-np.inf), k, s)})
            self.made('avgpool', case, {'x': (x, 1)}, attrs, lambda t: {'y': F.avg_pool2d(F.pad(t['x'], sides), k, s)})
        self.made('maxpool', 'no_indices', {'x': ((2, 8, 6, 6), 1)}, dict(kernel=2), lambda t: {'y': F.max_pool2d(t['x'], 2)})
        self.made('maxpool', 'only_x_gradient', {'x': ((1, 4, 7, 7), 1)}, dict(kernel=3, stride=2, padding=1), lambda t: {'y': F.max_pool2d(t['x'], 3, 2, 1)},
                  lambda k: not k.startswith('out.'), edit=lambda t: t.update(x=np.floor(t['x'] * 2).astype(np.float32)))
        self.made('maxpool', 'hashed', {'x': ((1, 8, 22, 24), 1)}, dict(kernel=3, stride=2, padding=1), large=True,
                  fn=lambda t: dict(zip(('y', 'indices'), F.max_pool2d(t['x'], 3, 2, 1, return_indices=True))))
        self.made('avgpool', 'k3', {'x': ((2, 6, 7, 9), 1)}, dict(kernel=3, stride=2, padding=1), lambda t: {'y': F.avg_pool2d(t['x'], 3, 2, 1)})
        self.made('global_avgpool', 'wide', {'x': ((1, 70, 1, 13), 1)}, {}, lambda t: {'y': F.adaptive_avg_pool2d(t['x'], 1)})

    def shapes(self):
        for before, after in ((0, 3), (2, 0), (1, 4)):
            self.made('pad_channels', f'{before}_and_{after}', {'x': ((2, 5, 3, 4), 1)}, dict(channels=5 + before + after, before=before, after=after),
                      lambda t: {'y': F.pad(t['x'], (0, 0, 0, 0, before, after))})
        for widths in ((3,), (4, 4), (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)):
            self.made('concat', f'of_{len(widths)}', {f'x{i}': ((1, c, 2, 3), 1) for i, c in enumerate(widths)}, dict(axis=1), lambda t: {'y': torch.cat(list(t.values()), 1)})
        self.made('concat', 'one_gradient', {f'x{i}': ((1, c, 4, 4), 1) for i, c in enumerate((4, 8, 4))}, dict(axis=1),
                  lambda t: {'y': torch.cat(list(t.values()), 1)}, diff=['x1'])

    def resizes(self):
        for case, x, size in (('larger', (2, 4, 5, 3), (11, 7)), ('smaller', (1, 3, 9, 12), (4, 5)), ('doubled', (1, 8, 3, 4), (6, 8)),
                              ('to_one', (2, 3, 5, 4), (1, 6)), ('from_one', (1, 4, 1, 7), (3, 2)), ('same', (1, 2, 4, 5), (4, 5))):
            for align in (False, True):
                self.made('resize_bilinear', case + '_aligned' * align, {'x': (x, 1)}, dict(size=size, align_corners=align),
                          lambda t: {'y': F.interpolate(t['x'], size, mode='bilinear', align_corners=align)})

    def activations(self):
        for shape in ((2, 3, 4, 5), (6, 7)):
            tag = 'x'.join(map(str, shape))
            for slope in (.01, .5):
                self.made('leaky_relu', f'{slope}_{tag}', {'x': (shape, 3)}, dict(negative_slope=slope), lambda t: {'y': F.leaky_relu(t['x'], slope)})
            for alpha in (.5, 1.7):
                self.made('elu', f'{alpha}_{tag}', {'x': (shape, 3)}, dict(alpha=alpha), lambda t: {'y': F.elu(t['x'], alpha)})
            self.made('relu', tag, {'x': (shape, 3)}, {}, lambda t: {'y': F.relu(t['x'])}, lambda k: k[:3] in ('in.', 'up.') or k.startswith('grad'))
            self.made('relu6', tag, {'x': (shape, 9)}, {}, lambda t: {'y': F.relu6(t['x'])}, edit=lambda t: t['x'].reshape(-1).__setitem__(slice(2), (0, 6)))
            for op, fn in (('gelu', F.gelu), ('swish', F.silu), ('sigmoid', torch.sigmoid)):
                self.made(op, tag, {'x': (shape, 5)}, {}, lambda t: {'y': fn(t['x'])})
        self.made('relu6', 'kinks', {'x': ((17, 3), 1)}, {}, lambda t: {'y': F.relu6(t['x'])},
                  edit=lambda t: t.update(x=np.append(np.linspace(-3, 9, 49), [0, 6]).astype(np.float32).reshape(17, 3)))
        self.made('shortcut', 'only_a', {'x': ((2, 4, 5, 3), 3), 'a': ((1,), .1, .8), 'c': ((1,), .1, 1)}, {},
                  lambda t: {'y': shortcut(t['x'], t['a'], t['c'])}, diff=['a'])

    def matrices(self):
        self.made('matmul', 'TT', {'a': ((19, 6), 1), 'b': ((10, 19), 1)}, dict(transpose_a=True, transpose_b=True), lambda t: {'y': t['a'].t() @ t['b'].t()})
        self.made('matmul', 'only_b_gradient', {'a': ((8, 20), 1), 'b': ((20, 12), 1)}, {}, lambda t: {'y': t['a'] @ t['b']}, diff=['b'])
        self.made('linear', 'no_bias', {'x': ((6, 20), 1), 'weight': ((5, 20), .25)}, {}, lambda t: {'y': F.linear(t['x'], t['weight'])})
        for case, n, density in (('full', 6, 2), ('sparse', 13, .2), ('empty_row', 9, .5)):
            def thin(t, n=n, density=density, case=case):
                t['adj'] = np.where(self.rand(f'gcn/{case}/mask', (n, n)) < 2 * density - 1, t['adj'], np.float32(0))
                if case == 'empty_row':
                    t['adj'][3], t['adj'][:, 5] = 0, 0
            self.made('gcn', case, {'x': ((n, 10), 1), 'weight': ((10, 7), .3), 'adj': ((n, n), 1)}, {},
                      lambda t: {'y': t['adj'] @ (t['x'] @ t['weight'])}, diff=['x', 'weight'], edit=thin)

    def norms(self):
        def bn(case, shape, train, momentum=.1, eps=1e-5, keep=lambda name: True):
            c = shape[1]
            spec = {'x': (shape, 2, .5), 'weight': ((c,), .1, 1), 'bias': ((c,), .1), 'running_mean': ((c,), .1), 'running_var': ((c,), .4, 1)}

            def fn(t):
                rm, rv = t['running_mean'].clone(), t['running_var'].clone()
                y, m, i = torch.native_batch_norm(t['x'], t['weight'], t['bias'], rm, rv, train, momentum, eps)
                return {'y': y, **({'save_mean': m.detach(), 'save_invstd': i.detach(), 'running_mean': rm, 'running_var': rv} if train else {})}
            self.made('batchnorm', case, spec, dict(train=train, momentum=momentum, eps=eps), fn, keep, ['x', 'weight', 'bias'])
        bn('train_2d', (12, 10), True)
        bn('eval_2d', (5, 7), False)
        bn('train_momentum', (3, 6, 5, 4), True, .3, 1e-3)
        bn('train_only_statistics', (2, 9, 4, 3), True, keep=lambda k: k.startswith('in.') or 'running' in k)
        bn('train_only_bias_gradient', (2, 8, 4, 3), True, keep=lambda k: k[:3] in ('in.', 'up.') or k.startswith('grad.bias'))

    def losses(self):
        y = self.ints('cross_entropy/five/labels', (6,), 5)
        for case, weighted in (('five', True), ('five_plain', False)):
            def edit(t, weighted=weighted):
                t['labels'] = y
                if not weighted:
                    del t['weight']
            self.made('cross_entropy', case, {'logits': ((6, 5), 3), 'weight': ((5,), .4, .6)}, {}, lambda t: {
                'loss': F.cross_entropy(t['logits'], t['labels'], t.get('weight')), 'log_softmax': F.log_softmax(t['logits'], 1)}, diff=['logits'], no_up=['log_softmax'], edit=edit)
        for case, n, smoothing, weighted, scale in (('smoothed', 9, .1, False, 3), ('smoothed_weighted', 70, .1, True, 3),
                                                    ('smoothed_whole', 6, 1., True, 3), ('smoothed_large', 5, .25, True, 60)):
            def edit(t, n=n, weighted=weighted, case=case):
                t['labels'] = self.ints(f'cross_entropy/{case}/labels', (n,), 7)
                if not weighted:
                    del t['weight']
            self.made('cross_entropy', case, {'logits': ((n, 7), scale), 'weight': ((7,), .4, .6)}, dict(label_smoothing=smoothing), lambda t: {
                'loss': F.cross_entropy(t['logits'], t['labels'], t.get('weight'), label_smoothing=smoothing)}, diff=['logits'], edit=edit)
        for case, smoothing, weighted in (('mixed', 0., False), ('mixed_weighted', .1, True)):
            def edit(t, weighted=weighted):
                t['labels'] = y
                if not weighted:
                    del t['weight']

            def mixed(t, smoothing=smoothing):
                # Every label's partner is the one as far from the end. PyTorch divides by N where targets are probabilities.
                hot = F.one_hot(t['labels'], 5).to(t['logits'].dtype)
                loss = F.cross_entropy(t['logits'], .75 * hot + .25 * hot.flip(0), t.get('weight'), label_smoothing=smoothing)
                return {'loss': loss * (len(hot) / t['weight'][t['labels']].sum() if 'weight' in t else 1)}
            self.made('cross_entropy', case, {'logits': ((6, 5), 3), 'weight': ((5,), .4, .6)}, dict(label_smoothing=smoothing, share=.75),
                      mixed, diff=['logits'], edit=edit)
        self.made('cross_entropy', 'log_softmax_gradient', {'logits': ((4, 7), 3)}, {}, lambda t: {
            'loss': F.cross_entropy(t['logits'], t['labels']), 'log_softmax': F.log_softmax(t['logits'], 1)}, edit=lambda t: t.update(labels=y[:4] % 7), diff=['logits'])

    def optimisers(self):
        shapes, steps = {'p0': (6, 4), 'p1': (5,)}, 6
        for case, kw, schedule in (('nesterov', dict(momentum=.8, weight_decay=.01, nesterov=True), (3, .5, 1)), ('plain', {}, None), ('no_decay', dict(momentum=.9), None)):
            start = {k: self.rand(f'sgd/{case}/{k}', s) for k, s in shapes.items()}
            grads = {k: self.rand(f'sgd/{case}/grad.{k}', (steps,) + s, .5) for k, s in shapes.items()}
            runs = []
            for dt in (torch.float64, torch.float32):
                p = {k: torch.from_numpy(v.copy()).to(dt).requires_grad_() for k, v in start.items()}
                opt = torch.optim.SGD(list(p.values()), lr=.05, **kw)
                hist, rates = {k: [] for k in p}, []
                for s in range(steps):
                    for k in p:
                        p[k].grad = torch.from_numpy(grads[k][s]).to(dt)
                    if schedule:
                        opt.param_groups[0]['lr'] = .05 * schedule[1] ** (s // schedule[2] // schedule[0])
                    rates.append(opt.param_groups[0]['lr'])
                    opt.step()
                    for k in p:
                        hist[k].append(p[k].detach().clone())
                runs.append({**{f'out.{k}': torch.stack(v) for k, v in hist.items()},
                             **{f'out.momentum.{k}': opt.state[p[k]]['momentum_buffer'].clone() for k in p if kw.get('momentum')}})
            meta = {'op': 'sgd', 'case': case, 'salt': str(self.salt), 'attr.lr': .05, **{f'attr.{k}': v for k, v in kw.items()}}
            if schedule:
                meta.update({'attr.step_size': schedule[0], 'attr.gamma': schedule[1], 'attr.steps_per_epoch': schedule[2], 'attr.rates': rates})
            for k, v in runs[0].items():
                meta[f'f32.max_abs.{k}'], meta[f'f32.rel_l2.{k}'] = error(runs[1][k], v)
            save(f'{self.final}/extra/sgd_{case}.safetensors', {**{f'in.{k}': v for k, v in start.items()}, **{f'in.grad.{k}': v for k, v in grads.items()},
                                                                **{f'{k}.f64ref': v.float() for k, v in runs[0].items()}}, meta)


    def adams(self):
        """Adam and AdamW: parameters after every step, averages and step counts after the last. A parameter's gradient may be missing at
        some steps or always; groups have settings of their own; the rate may change from step to step."""
        shapes = {'p0': (6, 4), 'p1': (5,), 'p2': (3,)}
        some = dict(betas=(.8, .95), eps=1e-6, weight_decay=.1)
        cases = [(op, *case) for op in ('adam', 'adamw') for case in [
            ('plain', 8, {}, {}, {}, None),
            ('decay', 9, some, {'p1': [0, 3, 4], 'p2': 'all'}, {}, None),
            ('groups', 6, dict(weight_decay=.02), {'p1': [2]}, {'p1': dict(lr=.2, betas=(.5, .9)), 'p2': dict(weight_decay=.3, eps=1e-3)}, None),
            ('rates', 7, dict(betas=(.9, .98), weight_decay=.01), {}, {}, [.02 * 2 ** -s for s in range(7)])]]
        cases += [('adam', 'no_betas', 5, dict(betas=(0., 0.)), {}, {}, None), ('adam', 'long', 120, {}, {'p1': [*range(20, 95)]}, {}, None)]
        for op, case, steps, kw, missing, groups, rates in cases:
            start = {k: self.rand(f'{op}/{case}/{k}', s) for k, s in shapes.items()}
            grads = {k: self.rand(f'{op}/{case}/grad.{k}', (steps,) + s, .5) for k, s in shapes.items() if missing.get(k) != 'all'}
            runs = []
            for dt in (torch.float64, torch.float32):
                p = {k: torch.from_numpy(v.copy()).to(dt).requires_grad_() for k, v in start.items()}
                make = torch.optim.Adam if op == 'adam' else torch.optim.AdamW
                opt = make([{'params': [v], **groups.get(k, {})} for k, v in p.items()], lr=.05, **kw)
                hist = {k: [] for k in p}
                for s in range(steps):
                    for k in grads:
                        p[k].grad = None if s in missing.get(k, []) else torch.from_numpy(grads[k][s]).to(dt)
                    for group in opt.param_groups if rates else []:
                        group['lr'] = rates[s]
                    opt.step()
                    for k in p:
                        hist[k].append(p[k].detach().clone())
                runs.append({**{f'out.{k}': torch.stack(v) for k, v in hist.items()},
                             **{f'out.{name}.{k}': t.clone().reshape(t.shape or (1,)) for k in p for name, t in opt.state[p[k]].items()}})
            meta = {'op': op, 'case': case, 'salt': str(self.salt), 'attr.lr': .05, **{f'attr.{k}': v for k, v in kw.items()}}
            if op == 'adamw':
                meta.setdefault('attr.weight_decay', .01)
            meta.update({k: v for k, v in {'attr.missing': missing, 'attr.groups': groups, 'attr.rates': rates}.items() if v})
            for k, v in runs[0].items():
                meta[f'f32.max_abs.{k}'], meta[f'f32.rel_l2.{k}'] = error(runs[1][k], v)
            save(f'{self.final}/extra/{op}_{case}.safetensors', {**{f'in.{k}': v for k, v in start.items()}, **{f'in.grad.{k}': v for k, v in grads.items()},
                                                                 **{f'{k}.f64ref': v.float() for k, v in runs[0].items()}}, meta)


def strip(source, target, keep):
    """Copies a golden without the tensors that `keep` refuses."""
    raw = open(source, 'rb').read()
    n = int.from_bytes(raw[:8], 'little')
    head = json.loads(raw[8:8 + n])
    meta, kinds = head.pop('__metadata__'), {'F32': np.float32, 'F64': np.float64, 'I64': np.int64, 'U8': np.uint8}
    read = lambda v: np.frombuffer(raw[8 + n + v['data_offsets'][0]:8 + n + v['data_offsets'][1]], kinds[v['dtype']]).reshape(v['shape'])
    save(target, {k: read(v) for k, v in head.items() if keep(k)}, meta)


if __name__ == '__main__':
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as scratch:
        g = Extra(int(sys.argv[1]), scratch)
        g.final = sys.argv[2]
        for part in (g.convs, g.pools, g.shapes, g.resizes, g.activations, g.matrices, g.norms, g.losses, g.optimisers, g.adams):
            part()
