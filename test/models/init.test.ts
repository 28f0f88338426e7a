// How networks start: numbers that depend on seed and name alone, of the spread that each kind of layer wants.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DenseLayer, type Module } from '../../src/models';
import { device } from '../gpu';
import { A, withNet } from './networks';

const test = suite('initialise');

async function numbers(net: Module, name: string): Promise<Float32Array> {
  const t = new Map(net.namedParameters()).get(name);
  if (!t) throw new Error(`no parameter ${name}`);
  return t.data();
}

/** Mean and standard deviation, both in units of `unit`, and the largest absolute value. */
function spread(values: Float32Array, unit: number): { mean: number; deviation: number; largest: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  const largest = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return { mean: mean / unit, deviation: Math.sqrt(variance) / unit, largest: largest / unit };
}

test('the same seed and name give the same numbers, another of either gives others', async () => {
  const layer = new DenseLayer(device, 64).initialise(1);
  const weight = await numbers(layer, 'conv2.weight');
  assert.equal(await numbers(new DenseLayer(device, 64).initialise(1), 'conv2.weight'), weight);
  // Not the order in which layers are filled, nor what the layer's other parameters are: a wider one starts alike.
  assert.equal(await numbers(new DenseLayer(device, 96).initialise(1), 'conv2.weight'), weight);
  assert.not.equal(await numbers(layer.initialise(2), 'conv2.weight'), weight);
  await withNet('bregnext', 'single_task', async (net) => {
    net.initialise(1);
    const stack = '_model.0._layer_stack';
    assert.not.equal(await numbers(net, `${stack}.0._conv0.weight`), await numbers(net, `${stack}.1._conv0.weight`));
  });
});

test("DenseNet's convolutions: normal, of deviation sqrt(2 / fan_in)", async () => {
  const layer = new DenseLayer(device, 256).initialise(5);
  for (const [name, fanIn, size] of [
    ['conv1.weight', 256, 32768],
    ['conv2.weight', 128 * 9, 36864],
  ] as const) {
    const values = await numbers(layer, name);
    assert.is(values.length, size);
    const unit = Math.sqrt(2 / fanIn);
    const { mean, deviation, largest } = spread(values, unit);
    // Five standard errors of each.
    assert.ok(Math.abs(mean) < 5 / Math.sqrt(size), `${name}: mean ${mean}`);
    assert.ok(Math.abs(deviation - 1) < 5 / Math.sqrt(2 * size), `${name}: deviation ${deviation}`);
    assert.ok(largest > 3.5 && largest < 6, `${name}: largest ${largest}`);
    const within = values.filter((v) => Math.abs(v) < unit).length / size;
    assert.ok(Math.abs(within - 0.6827) < 5 * Math.sqrt(0.2166 / size), `${name}: ${within} within one deviation`);
  }
  assert.equal(await numbers(layer, 'norm1.weight'), new Float32Array(256).fill(1));
  assert.equal(await numbers(layer, 'norm1.bias'), new Float32Array(256));
});

test("BReG-NeXt's convolutions, linear and graph layers: uniform within their bounds; the graph itself is left alone", () =>
  withNet('bregnext', 'emotion_gcn', async (net) => {
    net.initialise(5);
    for (const [name, bound] of [
      ['model._model.4._layer_stack.3._conv0.weight', Math.sqrt(6 / (128 * 9))],
      ['model._fc0.weight', 1 / Math.sqrt(128)],
      ['gc1.weight', 1 / Math.sqrt(512)],
      ['gc2.weight', 1 / Math.sqrt(128)],
    ] as const) {
      const values = await numbers(net, name);
      const { mean, deviation, largest } = spread(values, bound);
      assert.ok(Math.abs(mean) < 5 / Math.sqrt(3 * values.length), `${name}: mean ${mean}`);
      assert.ok(
        Math.abs(deviation - 1 / Math.sqrt(3)) < 2 / Math.sqrt(values.length),
        `${name}: deviation ${deviation}`,
      );
      assert.ok(largest <= 1 && largest > 0.99, `${name}: largest ${largest}`);
    }
    const layer = 'model._model.0._layer_stack.0';
    assert.ok(spread(await numbers(net, `${layer}._conv0.bias`), 1 / Math.sqrt(32 * 9)).largest <= 1);
    for (const p of ['_a', '_c']) assert.equal(await numbers(net, `${layer}._shortcut.${p}`), Float32Array.of(1));
    assert.equal(await numbers(net, 'A'), A);
  }));

test('denselite and mobilenet have no normalisation: their weights keep the size of what goes through', async () => {
  for (const [network, bounds] of [
    [
      'denselite',
      {
        'dense0.conv0.weight': Math.sqrt(6 / 27),
        'dense3.conv0.depthwise.weight': Math.sqrt(3 / 9),
        'dense3.conv0.pointwise.weight': Math.sqrt(6 / 128),
        'dense3.conv1.pointwise.weight': Math.sqrt(1 / 256),
      },
    ],
    [
      'mobilenet',
      {
        'conv1.weight': Math.sqrt(6 / 27) / 64,
        'conv_dw_13.weight': Math.sqrt(6 / 9),
        'conv_pw_1.weight': Math.sqrt(6 / 32),
        'conv_pw_13.bias': Math.sqrt(1 / 1024),
      },
    ],
  ] as const)
    await withNet(network, 'single_task', async (net) => {
      net.initialise(5);
      for (const [name, bound] of Object.entries(bounds)) {
        const values = await numbers(net, `features.${name}`);
        const { largest, deviation } = spread(values, bound);
        assert.ok(largest <= 1 && largest > 0.98, `${name}: largest ${largest}`);
        assert.ok(Math.abs(deviation - 1 / Math.sqrt(3)) < 2 / Math.sqrt(values.length), `${name}: ${deviation}`);
      }
    });
});

test.run();
