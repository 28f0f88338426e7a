// The smallest network that must be deep: XOR.
//   node scripts/run.mjs examples/xor.ts
// (In a program that has installed the package, import from 'emotion-gcn/engine'.)
import {
  Adam,
  backward,
  Linear,
  Module,
  mse,
  openDevice,
  sigmoid,
  step,
  type Tensor,
  tanh,
  tensor,
} from '../src/engine_node';

class Xor extends Module {
  private readonly hidden = this.child('hidden', new Linear(this.device, 2, 8));
  private readonly out = this.child('out', new Linear(this.device, 8, 1));

  forward(x: Tensor): Tensor {
    return sigmoid(this.out.forward(tanh(this.hidden.forward(x))));
  }
}

const device = await openDevice();
const x = tensor(device, [0, 0, 0, 1, 1, 0, 1, 1], [4, 2]);
const truth = tensor(device, [0, 1, 1, 0], [4, 1]);
const net = new Xor(device).initialise(1);
const optimizer = new Adam(net.parameters(), { lr: 0.05 });

for (let s = 0; s <= 300; s++) {
  const loss = step(device, () => {
    optimizer.zeroGrad();
    const loss = mse(net.forward(x), truth);
    backward(loss);
    optimizer.step();
    return loss;
  });
  if (s % 100 === 0) console.log(`step ${s}: loss ${(await loss.item()).toFixed(4)}`);
}
const says = await net.forward(x).data();
for (let i = 0; i < 4; i++) console.log(`${i >> 1} xor ${i & 1}: ${says[i].toFixed(2)}`);
