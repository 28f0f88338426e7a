// The API as its docstrings tell it: the examples run, and their lines that end in `// VALUE` have that value, to 1e-3 (what is written
// of a figure). An example has all of 'emotion-gcn' at hand, and an open `device`; also face-api's `weights`, a
// `photograph` of nobody, a folder with drawn `faces` and `run1`, which has learnt from them, and of Node `readFileSync` and `writeFileSync`.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as engine from '../../src/engine_node';
import * as library from '../../src/index';
import { bodiesOf, CHECKED, docs, examplesIn } from './examples';

const test = suite('api');
const FOLDER = `build/api-${process.pid}`;

const examples = examplesIn(docs('index.ts'));

/** All examples as one program, which tells of each what was wrong and how many values it has held. */
function program(): string {
  const names = Object.keys(library).filter((name) => name !== 'default');
  return `import { ${names.join(', ')}, type RgbImage, type Tensor } from '../../src/index';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { readFaceApiWeights } from '../../src/data/face_weights';
const weights = {
  detector: readFaceApiWeights('tiny_face_detector_model'),
  landmarks: readFaceApiWeights('face_landmark_68_model'),
};
const photograph: RgbImage = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(128) };
const home = process.cwd();
const folder = mkdtempSync(\`\${tmpdir()}/api-\`);
process.chdir(folder);
const set = await writeSyntheticSet({ out: 'faces', n: 14, validation: 7, size: 64 });
await new Trainer(readTrainArgs({
  ...{ image_dir: 'faces', data: set.training, val_data: set.validation, saved_model: 'run1', cache: 'off' },
  ...{ network: 'denselite', model: 'single_task', image_size: 32, batch_size: 7, epochs: 1 },
})).run();
const device = await openDevice();
${bodiesOf(examples)}
const tell = console.log;
console.log = () => {};
for (const [name, run] of Object.entries(examples)) {
  held = 0;
  const error = await run().then(() => null, (error) => String(error));
  tell(JSON.stringify({ name, error, held }));
}
device.destroy();
process.chdir(home);
rmSync(folder, { recursive: true, force: true });
`;
}

const results = new Map<string, { error: string | null; held: number }>();
test.before(() => {
  mkdirSync(FOLDER, { recursive: true });
  const file = `${FOLDER}/examples.ts`;
  writeFileSync(file, program());
  const { stdout, stderr, status } = spawnSync(process.execPath, ['scripts/run.mjs', file], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  // Dawn may warn on the same stream.
  for (const line of stdout.match(/^\{.*/gm) ?? []) results.set(JSON.parse(line).name, JSON.parse(line));
});
test.after(() => rmSync(FOLDER, { recursive: true, force: true }));

for (const { name, code } of examples)
  test(name, () => {
    const { error, held } = results.get(name) as { error: string | null; held: number };
    assert.is(error, null);
    assert.is(held, [...code.matchAll(CHECKED)].length, 'a line with a value was not reached');
  });

test('the examples are TypeScript', () => {
  const config = `${FOLDER}/tsconfig.json`;
  const compilerOptions = { noUnusedLocals: false };
  writeFileSync(
    config,
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*.ts', '../../src/**/*.d.ts'] }),
  );
  const { stdout } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], {
    encoding: 'utf8',
  });
  assert.is(stdout, '');
});

test('all functions and classes that are exported have an example', () => {
  const named = Object.entries({ ...library, ...engine }).filter(([, value]) => typeof value === 'function');
  assert.ok(named.length > 150);
  const without = named.map(([name]) => name).filter((name) => !examples.some((e) => e.name === name));
  assert.equal(without, []);
});

test.run();
