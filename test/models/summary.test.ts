import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { empty, flatten, relu, type Tensor } from '../../src/autograd';
import {
  Conv2d,
  DenseLiteFeatures,
  DenseNet121Features,
  formatSummary,
  Linear,
  MobileNetFeatures,
  Module,
  summarise,
} from '../../src/models';
import { Fixture } from '../goldens/fixture';
import { device } from '../gpu';
import { NETS, withNet } from './networks';

const test = suite('summary');

for (const { network, model, parameters } of NETS) {
  test(`${model} on ${network} has PyTorch's number of parameters`, () =>
    withNet(network, model, (net) => assert.is(net.summarise({ imageSize: 112 }).parameters, parameters)));
}

const halved = (side: number): number => Math.floor((side - 1) / 2) + 1;

/** Multiply-adds of DenseNet-121's convolutions layer by layer, and those of the transitions' alone (Huang et al. 2017, table 1). */
function layerByLayer(size: number): { all: number; transitions: number } {
  let side = halved(size);
  let all = side ** 2 * 64 * 3 * 49;
  let transitions = 0;
  let channels = 64;
  side = halved(side);
  for (const [i, layers] of [6, 12, 24, 16].entries()) {
    for (let l = 0; l < layers; l++, channels += 32) all += side ** 2 * (channels * 128 + 128 * 32 * 9);
    if (i === 3) break;
    transitions += side ** 2 * channels * (channels / 2);
    channels /= 2;
    side = Math.floor(side / 2);
  }
  return { all: all + transitions, transitions };
}

test('DenseNet-121 is as large, and takes as much work, as the published one', () => {
  const net = new DenseNet121Features(device);
  const { parameters, multiplyAdds, layers } = summarise(net, () => net.forward(empty(device, [1, 3, 227, 227])));
  assert.is(parameters, 6_953_856);
  assert.is(parameters + 1024 * 1000 + 1000, 7_978_856, "torchvision's densenet121 with its 1,000 classes");
  const { all, transitions } = layerByLayer(227);
  assert.ok(Math.abs(all / 1e9 - 2.88) < 0.005, `${all}`);
  // The transitions pool before they convolve: a quarter of the pixels, a little less where maps are odd (57 to 28).
  const pooled = layers.filter((l) => l.name.startsWith('transition')).reduce((sum, l) => sum + l.multiplyAdds, 0);
  assert.is(multiplyAdds - pooled, all - transitions);
  assert.is(pooled, 128 * 256 * 28 ** 2 + 256 * 512 * 14 ** 2 + 512 * 1024 * 7 ** 2);
  assert.ok(pooled < 0.26 * transitions);
});

test('mobilenet and denselite take as much work as the published ones', () => {
  // Howard et al. 2017, table 1: a depthwise and a 1x1 convolution a pair; 4.2 million parameters with norms and the classifier.
  const pairs = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
  let [side, channels, all] = [112, 32, 112 ** 2 * 32 * 27];
  for (const [i, out] of pairs.entries()) {
    if ([1, 3, 5, 11].includes(i)) side /= 2;
    all += side ** 2 * channels * (9 + out);
    channels = out;
  }
  const mobile = new MobileNetFeatures(device);
  const found = summarise(mobile, () => mobile.forward(empty(device, [1, 3, 224, 224])));
  assert.is(found.parameters, 3_196_032);
  assert.is(found.multiplyAdds, all);
  assert.is(Math.round(all / 1e6), 568);
  const lite = new DenseLiteFeatures(device);
  const small = summarise(lite, () => lite.forward(empty(device, [1, 3, 112, 112])));
  assert.is(small.parameters + 256 * 136 + 136, 356_840, 'with the landmarks');
  assert.is(Math.round(small.multiplyAdds / 1e6), 52);
});

for (const name of ['emotion_gcn_densenet_112', 'emotion_gcn_bregnext_112', 'multi_task_densenet_112']) {
  test(`shapes are those that PyTorch's layers make: ${name}`, () => {
    const fixture = Fixture.parse(name, readFileSync(`test/golden/models/${name}.safetensors`));
    const names = fixture.needed<string[]>('act.names');
    const shapes = fixture.needed<number[][]>('act.shapes');
    const [model, network] = [name.split('_d')[0].split('_b')[0], name.includes('densenet') ? 'densenet' : 'bregnext'];
    const net = NETS.find((n) => n.model === model && n.network === network);
    assert.ok(net);
    return withNet(net.network, net.model, (m) => {
      const { layers } = m.summarise({ imageSize: 112, batch: fixture.number('batch') });
      const seen = new Map(layers.map((l) => [l.name, l.shape]));
      let compared = 0;
      for (const [i, layer] of names.entries()) {
        const shape = seen.get(layer);
        // A transition's convolution comes after its pool, which PyTorch has the other way round.
        if (!shape || layer.includes('transition')) continue;
        assert.equal(shape, shapes[i], layer);
        compared++;
      }
      assert.ok(compared > 50, `${compared} layers compared`);
    });
  });
}

/** A network of one's own, with a layer that is called twice and one that is not. */
class Twice extends Module {
  private readonly conv = this.child('conv', new Conv2d(this.device, 4, 4, 3, { padding: 1 }));
  private readonly fc = this.child('fc', new Linear(this.device, 4 * 25, 2));
  readonly spare = this.child('spare', new Linear(this.device, 2, 2));

  forward(x: Tensor): Tensor {
    return this.run(() => this.fc.forward(flatten(relu(this.conv.forward(this.conv.forward(x))))));
  }
}

test("a network of one's own: work counts as often as it is done, parameters once", () => {
  const net = new Twice(device);
  const { dispatches, live } = device.stats();
  net.train();
  net.spare.eval();
  const found = summarise(net, () => net.forward(empty(device, [2, 4, 5, 5])));
  assert.equal(found.layers, [
    { name: 'conv', kind: 'Conv2d 3x3', shape: [2, 4, 5, 5], parameters: 148, multiplyAdds: 2 * 2 * 25 * 4 * 36 },
    { name: 'fc', kind: 'Linear', shape: [2, 2], parameters: 202, multiplyAdds: 2 * 200 },
    { name: 'spare', kind: 'Linear', shape: null, parameters: 6, multiplyAdds: 0 },
  ]);
  assert.is(device.stats().dispatches, dispatches, 'nothing was computed');
  assert.is(device.stats().live, live, 'nothing stays');
  assert.equal([net.training, net.spare.training], [true, false], 'modes are what they were');
  assert.is(
    formatSummary(found),
    [
      'layer  kind        output   parameters  MFLOP',
      '---------------------------------------------',
      'conv   Conv2d 3x3  2x4x5x5         148   0.03',
      'fc     Linear      2x2             202   0.00',
      'spare  Linear      -                 6',
      '---------------------------------------------',
      '356 parameters; 0.00 GFLOP forward, two a multiply-add of convolutions, linear and graph layers',
      '-: no output of its own (fused into the layer that follows, or not used)',
    ].join('\n'),
  );
});

test('a network in training is summed up without its statistics being touched', () =>
  withNet('bregnext', 'single_task', async (net) => {
    net.initialise(1).train();
    const before = await net.stateDict();
    assert.match(net.summary({ imageSize: 32, batch: 2 }), /_model\.5 +BatchNorm2d +2x128x8x8 +256/);
    assert.equal(await net.stateDict(), before);
    assert.ok(net.training);
  }));

test.run();
