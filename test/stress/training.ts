// A small network with something of everything, and its training: what is stressed.
import * as E from '../../src/engine_node';

/** Of a short training. */
export const STEPS = 3;
const BATCH = 6;
const SIDE = 8;

class Net extends E.Module {
  /** What happens to the activations between the convolutions and the classifier. */
  middle = (x: E.Tensor): E.Tensor => x;
  private readonly conv1 = this.child('conv1', new E.Conv2d(this.device, 1, 8, 3, { padding: 1 }));
  private readonly norm = this.child('norm', new E.BatchNorm2d(this.device, 8));
  private readonly conv2 = this.child('conv2', new E.Conv2d(this.device, 8, 16, 3, { stride: 2, padding: 1 }));
  private readonly fc = this.child('fc', new E.Linear(this.device, 16, 3));

  forward(x: E.Tensor): E.Tensor {
    const maps = this.norm.thenConv('relu', this.conv2, this.conv1.forward(x));
    return this.fc.forward(this.middle(E.flatten(E.adaptiveAvgPool2d(E.relu(maps), 1))));
  }
}

export class Training {
  readonly net: Net;
  private readonly optimizer: E.Optimizer;

  constructor(readonly device: E.Device) {
    this.net = new Net(device).initialise(1);
    this.optimizer = new E.AdamW(this.net.parameters(), { lr: 0.01 });
  }

  /** The loss of pictures of noise, which are step `s`'s own. */
  loss(s: number): E.Tensor {
    const random = E.randomStream('stress', s);
    const noise = Float32Array.from({ length: BATCH * SIDE * SIDE }, (_, i) => E.randomUniform(random, i));
    const classes = Array.from({ length: BATCH }, (_, n) => (n + s) % 3);
    const x = E.tensor(this.device, noise, [BATCH, 1, SIDE, SIDE]);
    return E.crossEntropy(this.net.forward(x), E.labels(this.device, classes, 3));
  }

  /** One step. @param pause is called between its parts @returns its loss */
  step(s: number, pause = (): void => {}): Promise<number> {
    return E.step(this.device, () => {
      this.optimizer.zeroGrad();
      const loss = this.loss(s);
      pause();
      E.backward(loss);
      pause();
      this.optimizer.step();
      return loss.item();
    });
  }

  /** So many steps. @returns all that was trained, as bits */
  async run(steps: number, pause?: () => void): Promise<string> {
    for (let s = 0; s < steps; s++) await this.step(s, pause);
    const state = [...(await this.net.stateDict()).values()];
    return state.map(({ data }) => Buffer.from(data.buffer).toString('base64')).join();
  }
}
