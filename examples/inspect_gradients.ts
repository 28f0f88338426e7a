// Where gradients vanish: the gradient's root mean square at each layer of a deep network, by activation; then one gradient, looked at whole.
//   node scripts/run.mjs examples/inspect_gradients.ts
// (In a program that has installed the package, import from 'emotion-gcn/engine'.)
import * as E from '../src/engine_node';

const LAYERS = 10;

/** Ten layers of 32, with one activation between them. */
class Deep extends E.Module {
  private readonly layers = Array.from({ length: LAYERS }, (_, i) =>
    this.child(`layer${i}`, new E.Linear(this.device, 32, 32)),
  );

  constructor(
    device: E.Device,
    private readonly activation: (x: E.Tensor) => E.Tensor,
  ) {
    super(device);
  }

  /** @param look sees the output of each layer */
  forward(x: E.Tensor, look: (i: number, y: E.Tensor) => void): E.Tensor {
    return this.layers.reduce((y, layer, i) => {
      const next = this.activation(layer.forward(y));
      look(i, next);
      return next;
    }, x);
  }
}

const device = await E.openDevice();
const random = E.randomStream('pictures', 1);
const pixels = Float32Array.from({ length: 64 * 32 }, (_, i) => 2 * E.randomUniform(random, i) - 1);
const x = E.tensor(device, pixels, [64, 32]);

/** The root mean square of the gradient of the loss by each layer's output: one number a layer, read in one go. */
async function gradients(activation: (x: E.Tensor) => E.Tensor): Promise<number[]> {
  const net = new Deep(device, activation).initialise(1);
  const squares: E.Tensor[] = [];
  E.step(device, () => {
    const y = net.forward(x, (i, output) => {
      // Called once, in backward, with the whole of the gradient: what is to be kept of it is computed here.
      output.onGrad((grad) => {
        squares[i] = E.mean(E.square(grad));
      });
    });
    E.backward(E.mean(E.square(y)));
    return squares;
  });
  return (await E.readAll(squares)).map(([v]) => Math.sqrt(v));
}

const kinds = { sigmoid: E.sigmoid, tanh: E.tanh, elu: (t: E.Tensor) => E.elu(t) };
for (const [name, activation] of Object.entries(kinds)) {
  const norms = await gradients(activation);
  console.log(`${name}: ${norms.map((v) => v.toExponential(1)).join(' ')}`);
  console.log(`  first layer against last: ${(norms[0] / norms[LAYERS - 1]).toExponential(1)}`);
}

// One number a layer was computed where it lay. `inspect` reads a tensor, any activation or gradient, and tells how it is spread.
const net = new Deep(device, E.tanh).initialise(1);
const looks: Promise<E.TensorInspection>[] = [];
E.step(device, () => {
  const y = net.forward(x, (i, output) => {
    if (i === 0) output.onGrad((grad) => void looks.push(E.inspect(grad, { bins: 24 })));
  });
  E.backward(E.mean(E.square(y)));
});
const [weight] = net.parameters();
for (const [what, look] of [
  ['gradient by the first output', looks[0]],
  ['gradient by the first weight', E.inspect(weight.grad, { bins: 24 })],
] as const) {
  const { shape, dtype, min, max, mean, std, nan, infinite, zeros, histogram } = await look;
  const most = Math.max(...histogram.counts);
  const bars = histogram.counts.map((n) => ' ▁▂▃▄▅▆▇█'[Math.ceil((8 * n) / most)]).join('');
  console.log(`${what}, ${dtype} ${shape.join('x')}:`);
  console.log(`  ${min.toExponential(1)} |${bars}| ${max.toExponential(1)}`);
  console.log(
    `  mean ${mean.toExponential(1)}, std ${std.toExponential(1)}; ${nan} NaN, ${infinite} infinite, ${zeros} zeros`,
  );
}
