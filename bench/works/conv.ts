import { matrixOf } from '../../src/autograd';
import type { Activation } from '../../src/kernels/activation';
import * as conv from '../../src/kernels/conv2d';
import type { Prologue } from '../../src/kernels/norm';
import type { Op } from '../shapes';
import type { Operands, Work } from './work';

/** A convolution as the networks have it: forward and both backwards, and fused with the batch normalisation before it. */
export function convolution(op: Pick<Op, 'name' | 'gradient'>, g: conv.Conv2dGeometry, activation: Activation): Work[] {
  const flop = conv.flopOf(g);
  const shapes = {
    x: [g.n, g.ci, g.h, g.w],
    weight: [g.co, g.ci / g.groups, g.kh, g.kw],
    y: [g.n, g.co, g.oh, g.ow],
  };
  const bytes = 4 * Object.values(shapes).reduce((sum, s) => sum + s.reduce((a, b) => a * b, 1), 0);
  const [stride] = g.stride;
  const kind = g.groups > 1 ? 'depthwise' : 'conv';
  const name = `${g.kh}x${g.kw}${stride > 1 ? `s${stride}` : ''} ${g.ci}>${g.co} @${g.h} b${g.n}`;
  const pack = (o: Operands): Prologue => ({ pack: o.input([6 * g.ci], 3).storage, activation });
  const work = (pass: string, fused: boolean, prepare: Work['prepare']): Work => {
    const family = `${kind} ${pass}${fused ? ` bn+${activation}` : ''}`;
    const { n, ci, co, h, oh, kh: k } = g;
    const task = { op: 'conv', pass, n, ci, co, h, oh, k, stride, padding: g.padding[0] };
    return { name: `${family} ${name}`, family, flop, bytes, task: fused || g.groups > 1 ? null : task, prepare };
  };
  const forward = (fused: boolean): Work =>
    work('forward', fused, (o) => {
      const [x, weight, y] = [o.input(shapes.x, 0), o.input(shapes.weight, 1, { layout: 'taps' }), o.output(shapes.y)];
      const prologue = fused ? pack(o) : null;
      const run = (): void => conv.forward(o.device, g, matrixOf(x), weight.storage, null, matrixOf(y), prologue);
      return { run, results: [y] };
    });
  const backwardData = work('backward_data', false, (o) => {
    const [dy, weight, dx] = [o.input(shapes.y, 2), o.input(shapes.weight, 1, { layout: 'taps' }), o.output(shapes.x)];
    const run = (): void => conv.backwardData(o.device, g, matrixOf(dy), weight.storage, matrixOf(dx), false);
    return { run, results: [dx] };
  });
  const backwardWeight = (fused: boolean): Work =>
    work('backward_weight', fused, (o) => {
      const [x, dy, dw] = [o.input(shapes.x, 0), o.input(shapes.y, 2), o.output(shapes.weight, { layout: 'taps' })];
      const prologue = fused ? pack(o) : null;
      const run = (): void => conv.backwardWeight(o.device, g, matrixOf(x), matrixOf(dy), dw.storage, false, prologue);
      return { run, results: [dw] };
    });
  return [
    forward(false),
    ...(op.gradient ? [backwardData] : []),
    backwardWeight(false),
    ...(op.name === 'batch_norm_conv2d' ? [forward(true), backwardWeight(true)] : []),
  ];
}

/** 3x3 depthwise convolutions of a map of 56 x 56 x 128, batch 8, as MobileNet has them: stride 1 and 2. Bound: a copy. */
export function depthwise(): Work[] {
  const [n, c, h] = [8, 128, 56];
  return [1, 2].flatMap((stride) => {
    const oh = h / stride;
    const sizes = { n, h, w: h, ci: c, co: c, kh: 3, kw: 3, oh, ow: oh, dilation: [1, 1], groups: c } as const;
    const g = { ...sizes, stride: [stride, stride], padding: [1, 1] } as const;
    return convolution({ name: 'batch_norm_conv2d', gradient: true }, g, 'relu');
  });
}
