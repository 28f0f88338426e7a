// A network of PyTorch's in this engine: its weights as torch.save wrote them, and the same answer.
//   python3 examples/save_net.py net.pth && node scripts/run.mjs examples/read_pytorch.ts net.pth
// (In a program that has installed the package, import from 'emotion-gcn'.)
import { readFileSync } from 'node:fs';
import * as E from '../src/index';

const [file] = process.argv.slice(2);
const { state } = await E.readCheckpoint(readFileSync(file), file);
for (const [name, { shape, data }] of state) console.log(`${name} [${shape.join(', ')}], first ${data[0]}`);

/** As the Sequential of save_net.py: children carry its numbers as names; what has no weights (ReLU, Flatten) is no child. */
class Net extends E.Module {
  private readonly conv = this.child('0', new E.Conv2d(this.device, 1, 4, 3, { stride: 2, padding: 1 }));
  private readonly norm = this.child('1', new E.BatchNorm2d(this.device, 4));
  private readonly fc = this.child('4', new E.Linear(this.device, 64, 3));

  forward(x: E.Tensor): E.Tensor {
    return this.run(() => this.fc.forward(E.flatten(this.norm.forward(this.conv.forward(x), 'relu'))));
  }
}

const device = await E.openDevice();
const net = new Net(device).eval();
// A name or shape that does not fit is an error that says which.
net.loadStateDict(state as ReadonlyMap<string, E.StateEntry>, file);
const x = E.tensor(
  device,
  Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
  [1, 1, 8, 8],
);
const answer = await E.noGrad(() => net.forward(x)).data();
console.log(`answer ${[...answer].map((v) => v.toFixed(5)).join(' ')}`);
