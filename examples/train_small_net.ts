// A small network of one's own, trained and tested on pictures that are drawn here: do their stripes lie, stand or slant?
//   node scripts/run.mjs examples/train_small_net.ts
// (In a program that has installed the package, import from 'emotion-gcn'.)
import * as E from '../src/index';

class Net extends E.Module {
  private readonly conv1 = this.child('conv1', new E.Conv2d(this.device, 1, 8, 3, { padding: 1 }));
  private readonly norm1 = this.child('norm1', new E.BatchNorm2d(this.device, 8));
  private readonly conv2 = this.child('conv2', new E.Conv2d(this.device, 8, 16, 3, { stride: 2, padding: 1 }));
  private readonly fc = this.child('fc', new E.Linear(this.device, 16, 3));

  forward(x: E.Tensor): E.Tensor {
    const maps = this.norm1.thenConv('relu', this.conv2, this.conv1.forward(x)); // norm and relu happen as conv2 reads
    return this.fc.forward(E.flatten(E.adaptiveAvgPool2d(E.relu(maps), 1)));
  }
}

const device = await E.openDevice();
const classes = Array.from({ length: 60 }, (_, n) => n % 3);
const truth = E.labels(device, classes, 3);

/** A picture of 16 x 16 pixels for each of `classes`: a wave in one of three directions, at any phase, under much noise. */
function draw(name: string): E.Tensor {
  const random = E.randomStream(name, 1);
  const pixels = Float32Array.from({ length: 60 * 256 }, (_, i) => {
    const [n, y, x] = [i >> 8, (i >> 4) % 16, i % 16];
    const along = [y, x, 0.7 * (x + y)][classes[n]];
    return Math.sin(1.5 * along + 6.28 * E.randomUniform(random, n)) + 2 * E.randomUniform(random, 60 + i) - 1;
  });
  return E.tensor(device, pixels, [60, 1, 16, 16]);
}

const net = new Net(device).initialise(1);
const optimizer = new E.SGD(net.parameters(), { lr: 0.1, momentum: 0.9 }); // or new E.AdamW(net.parameters(), { lr: 0.01 })
console.log(E.formatSummary(E.summarise(net, () => net.forward(draw('any')))));
for (let s = 0; s <= 60; s++) {
  optimizer.lr = 0.1 * E.rateFactor({ schedule: 'cosine', warmup: 5, epochs: 61 }, s, 1);
  const loss = E.step(device, () => {
    optimizer.zeroGrad();
    const loss = E.crossEntropy(net.forward(draw(`step ${s}`)), truth);
    E.backward(loss);
    optimizer.step();
    return loss;
  });
  if (s % 20 === 0) console.log(`step ${s}: loss ${(await loss.item()).toFixed(3)}`);
}
const scores = await E.step(device, () => E.noGrad(() => net.eval().forward(draw('unseen')))).data();
const right = classes.filter((c, n) => [0, 1, 2].every((k) => scores[3 * n + c] >= scores[3 * n + k]));
console.log(`${right.length} of ${classes.length} unseen pictures told right`);
