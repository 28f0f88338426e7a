// Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 60,000 pictures of clothes, of 28 x 28 pixels, in ten classes, and 10,000 to be tested on.
//   node scripts/run.mjs examples/fashion_mnist.ts [EPOCHS, by default 3] [PICTURES, by default all]
// The pictures are those of Debian's package dataset-fashion-mnist (30 MB): installed, or fetched by apt into build/ where it is not.
// (In a program that has installed the package, import from 'emotion-gcn/engine'.)
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as E from '../src/engine_node';

const [epochs, most] = [Number(process.argv[2] ?? 3), Number(process.argv[3] ?? 60_000)];
const SIDE = 28;
const BATCH = 128;

/** The folder of the package, which is fetched and unpacked without root if it is not installed. */
function folder(): string {
  const [installed, own] = ['/usr/share/datasets/fashion-mnist', 'build/fashion-mnist'];
  if (existsSync(installed)) return installed;
  const at = join(own, installed);
  if (existsSync(at)) return at;
  mkdirSync(own, { recursive: true });
  execFileSync('apt-get', ['-qq', 'download', 'dataset-fashion-mnist'], { cwd: own, stdio: 'ignore' });
  for (const deb of readdirSync(own).filter((name) => name.endsWith('.deb'))) {
    execFileSync('dpkg-deb', ['-x', deb, '.'], { cwd: own });
    rmSync(join(own, deb));
  }
  return at;
}

/** Bytes and labels of a part: IDX files, whose headers are 16 and 8 bytes long. */
function read(part: 'train' | 't10k'): { images: Uint8Array; labels: Uint8Array } {
  const file = (kind: string): Uint8Array => gunzipSync(readFileSync(join(folder(), `${part}-${kind}-ubyte.gz`)));
  return { images: file('images-idx3').subarray(16), labels: file('labels-idx1').subarray(8) };
}

class Net extends E.Module {
  private readonly conv1 = this.child('conv1', new E.Conv2d(this.device, 1, 16, 3, { padding: 1, bias: false }));
  private readonly norm1 = this.child('norm1', new E.BatchNorm2d(this.device, 16));
  private readonly conv2 = this.child('conv2', new E.Conv2d(this.device, 16, 32, 3, { padding: 1, bias: false }));
  private readonly norm2 = this.child('norm2', new E.BatchNorm2d(this.device, 32));
  private readonly fc = this.child('fc', new E.Linear(this.device, 32 * 7 * 7, 10));

  forward(x: E.Tensor): E.Tensor {
    return this.run(() => {
      const half = this.norm1.thenAvgPool('relu', this.conv1.forward(x));
      const quarter = E.maxPool2d(this.norm2.forward(this.conv2.forward(half), 'relu'), { kernel: 2 });
      return this.fc.forward(E.flatten(quarter));
    });
  }
}

const device = await E.openDevice();
const [train, test] = [read('train'), read('t10k')];

/** Some pictures as a network's input: mean 0 and deviation 1 over all of the set. */
function batch({ images }: { images: Uint8Array }, rows: ArrayLike<number>): E.Tensor {
  const size = SIDE * SIDE;
  const pixels = new Float32Array(rows.length * size);
  for (let i = 0; i < rows.length; i++)
    for (let p = 0; p < size; p++) pixels[i * size + p] = (images[rows[i] * size + p] - 72.94) / 90.02;
  return E.tensor(device, pixels, [rows.length, 1, SIDE, SIDE]);
}

const net = new Net(device).initialise(1);
const optimizer = new E.AdamW(net.parameters(), { lr: 0.003 });
const steps = Math.floor(most / BATCH);
for (let epoch = 0; epoch < epochs; epoch++) {
  const order = E.randomPermutation(E.randomStream(`epoch ${epoch}`, 1), most);
  const losses: Promise<number>[] = [];
  for (let s = 0; s < steps; s++) {
    const rows = order.subarray(s * BATCH, (s + 1) * BATCH);
    const truth = Uint8Array.from(rows, (row) => train.labels[row]);
    optimizer.lr = 0.0015 * (1 + Math.cos((Math.PI * (epoch * steps + s)) / (epochs * steps)));
    const loss = E.step(device, () => {
      optimizer.zeroGrad();
      const loss = E.crossEntropy(net.forward(batch(train, rows)), E.labels(device, truth, 10));
      E.backward(loss);
      optimizer.step();
      return loss.item();
    });
    losses.push(loss);
    await losses[s - 2]; // the device computes two steps ahead, no more
  }
  const mean = (await Promise.all(losses)).reduce((a, b) => a + b, 0) / steps;
  console.log(`epoch ${epoch + 1}: mean loss ${mean.toFixed(3)}`);
}

net.eval();
let right = 0;
for (let first = 0; first < test.labels.length; first += 500) {
  const rows = Array.from({ length: 500 }, (_, i) => first + i);
  const scores = await E.step(device, () => E.noGrad(() => net.forward(batch(test, rows)).data()));
  rows.forEach((row, i) => {
    const own = scores.subarray(10 * i, 10 * i + 10);
    if (own.indexOf(Math.max(...own)) === test.labels[row]) right++;
  });
}
console.log(
  `${((100 * right) / test.labels.length).toFixed(1)} % of ${test.labels.length} test pictures are told right`,
);
