import type { Tensor } from '../autograd';
import * as F from '../autograd';
import { InputError } from '../base/errors';
import type { Device } from '../device';
import { type FaceWeights, permuted } from './face_api';
import { uniform } from './init';
import { SameConv2d } from './layers';
import { Module, type StateEntry } from './module';

/** Channels out of each of the 13 pairs. */
const CHANNELS = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
/** The pairs, from 1, that halve the map. */
export const MOBILENET_HALVING: ReadonlySet<number> = new Set([2, 4, 6, 12]);

/**
 * MobileNet v1 of width 1.0 (Howard et al. 2017) with its batch norms folded into 27 convolutions with bias, each with ReLU6.
 * x [N, 3, S, S] gives the last map's means [N, 1024].
 * @example
 * const net = new MobileNetFeatures(device).initialise(1);
 * noGrad(() => net.forward(zeros(device, [1, 3, 32, 32]))).shape; // [1, 1024]
 */
export class MobileNetFeatures extends Module {
  static readonly width = 1024;
  private readonly layers: SameConv2d[];

  constructor(device: Device) {
    super(device);
    const init = { kind: 'kaiming_uniform' } as const;
    // Its input is bytes about their mean, of a deviation of 64 or so: the first convolution brings that to 1.
    const first = uniform(Math.sqrt(6 / 27) / 64);
    this.layers = [this.child('conv1', new SameConv2d(device, 3, 32, 3, { stride: 2, init: first }))];
    let channels = 32;
    for (const [k, out] of CHANNELS.entries()) {
      const i = k + 1;
      const depthwise = { stride: MOBILENET_HALVING.has(i) ? 2 : 1, groups: channels, init };
      this.layers.push(
        this.child(`conv_dw_${i}`, new SameConv2d(device, channels, channels, 3, depthwise)),
        this.child(`conv_pw_${i}`, new SameConv2d(device, channels, out, 1, { init })),
      );
      channels = out;
    }
  }

  forward(x: Tensor): Tensor {
    return this.run(() => F.flatten(F.adaptiveAvgPool2d(this.map(x), 1)));
  }

  /** The last map, before its means are taken: [N, 1024, H, W]. */
  map(x: Tensor): Tensor {
    const layers = this.layers.map((layer) => ({ forward: (y: Tensor) => layer.activated('relu6', y) }));
    return this.run(() => this.chain(layers, x));
  }
}

/** A layer's kernel or bias in the graph; a batch norm's scale is in the kernels already, but for the depthwise ones. */
const PART = /^(conv1|conv_(?:dw|pw)_\d+)(?:\/(depthwise_kernel|convolution\/merged_input)|_bn\/batchnorm_1\/sub)$/;

/**
 * A state dict of `MobileNetFeatures` out of HSE_FaceRec_tf's network as TensorFlow.js has it, with the depthwise scales multiplied into
 * their kernels; what else it has is left out.
 * @throws InputError for a depthwise kernel without its scale
 */
export function mobileNetState(weights: FaceWeights): Map<string, StateEntry> {
  const state = new Map<string, StateEntry>();
  for (const [name, { shape, data }] of weights) {
    const [, layer, kernel] = PART.exec(name) ?? [];
    if (!layer) continue;
    if (!kernel) state.set(`${layer}.bias`, { shape, data: Float32Array.from(data) });
    else if (kernel === 'depthwise_kernel') {
      const scale = weights.get(`${layer}_bn/batchnorm_1/mul`);
      const [, , channels, each] = shape;
      if (!scale || scale.data.length !== channels) {
        const found = scale ? `[${scale.shape}]` : 'none';
        throw new InputError(
          `${name} [${shape}]: expected ${layer}_bn/batchnorm_1/mul of its channels, found ${found}`,
        );
      }
      const scaled = Float32Array.from(data, (v, i) => v * scale.data[Math.floor(i / each) % channels]);
      state.set(`${layer}.weight`, permuted(shape, scaled, [2, 3, 0, 1]));
    } else state.set(`${layer}.weight`, permuted(shape, data, [3, 2, 0, 1]));
  }
  return state;
}
