// Which of several cards of a kind a process takes, by a bus of the test's own.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasSelectLayer, identicalCards, takeOwnCard } from '../../src/device/node/own_card';
import { given } from '../given';

const test = suite('own card', { dir: '' });
test.before((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-bus-'));
});
test.after(({ dir }) => rmSync(dir, { recursive: true }));

function bus(
  dir: string,
  devices: Readonly<Record<string, readonly [type: string, vendor: string, device: string]>>,
): string {
  const made = mkdtempSync(join(dir, 'bus-'));
  for (const [address, [type, vendor, device]] of Object.entries(devices)) {
    mkdirSync(join(made, address));
    for (const [file, text] of Object.entries({ class: type, vendor, device }))
      writeFileSync(join(made, address, file), `${text}\n`);
  }
  return made;
}

test('the most cards of one kind, in the order of the bus', ({ dir }) => {
  const big = ['0x030200', '0x10de', '0x2335'] as const;
  assert.equal(
    identicalCards(
      bus(dir, {
        '0000:41:00.0': big,
        '0000:00:02.0': ['0x030000', '0x8086', '0x4680'],
        '0000:02:00.0': big,
        '0000:03:00.0': ['0x020000', '0x10de', '0x2335'],
      }),
    ),
    ['pci-0000_02_00_0', 'pci-0000_41_00_0'],
  );
  assert.equal(identicalCards(bus(dir, { '0000:02:00.0': big })), []);
  assert.equal(identicalCards(join(dir, 'nowhere')), []);
});

given(
  test,
  hasSelectLayer(),
  "device-select layer of Mesa's",
)('each process takes one, unless told otherwise', () => {
  const cards = ['pci-0000_02_00_0', 'pci-0000_41_00_0'];
  for (const [place, card] of [
    [0, cards[0]],
    [1, cards[1]],
    [2, cards[0]],
  ] as const) {
    const env: NodeJS.ProcessEnv = {};
    assert.is(takeOwnCard(place, cards, env), card);
    assert.equal(env, { DRI_PRIME: card, MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: '1' });
  }
  for (const env of [{ DRI_PRIME: '1' }, { MESA_VK_DEVICE_SELECT: '10de:2335' }]) {
    const before = { ...env };
    assert.is(takeOwnCard(1, cards, env), null);
    assert.equal(env, before);
  }
  assert.is(takeOwnCard(0, [], {}), null);
});

test.run();
