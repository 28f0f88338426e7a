// The package as others get it: packed, unpacked into empty projects, without the network and without what only building needs.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('pack');
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'pack-'));
let tarball = '';
let names: readonly string[] = [];

const node = (args: readonly string[], cwd = '.'): string =>
  execFileSync(process.execPath, args, { cwd, encoding: 'utf8', stdio: 'pipe' });

/** An empty project that has the package, and `beside` of this repository's packages. */
function project(name: string, beside: readonly string[]): string {
  const at = join(folder, name);
  const modules = join(at, 'node_modules');
  mkdirSync(join(modules, 'emotion-gcn'), { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', join(modules, 'emotion-gcn')]);
  for (const other of beside) {
    mkdirSync(dirname(join(modules, other)), { recursive: true });
    symlinkSync(resolve('node_modules', other), join(modules, other));
  }
  writeFileSync(join(at, 'package.json'), '{ "type": "module", "private": true }');
  return at;
}

/** Twenty steps towards y = 2 x - 1, whose last loss is printed. */
const TRAINING = `
const device: E.Device = await E.openDevice();
const x = E.tensor(device, [-1, -0.5, 0, 0.5, 1], [5, 1]);
const y = E.tensor(device, [-3, -2, -1, 0, 1], [5, 1]);
const net = new E.Linear(device, 1, 1).initialise(1);
const optimizer = new E.SGD(net.parameters(), { lr: 0.3, momentum: 0.5 });
let last: E.Tensor | null = null;
for (let s = 0; s < 20; s++)
  last = E.step(device, () => {
    optimizer.zeroGrad();
    const loss = E.mse(net.forward(x), y);
    E.backward(loss);
    optimizer.step();
    return loss;
  });
console.log('loss', await last?.item());
`;
const lossOf = (out: string): number => Number(out.match(/^loss (\S+)$/m)?.[1]);

test.before(() => {
  const source = join(folder, 'source');
  node(['scripts/build.mjs', join(source, 'dist')]);
  for (const file of ['package.json', ...manifest.files.filter((file: string) => file !== 'dist')])
    cpSync(file, join(source, file));
  const npm = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const told = execFileSync('npm', npm, { cwd: source, encoding: 'utf8', shell: process.platform === 'win32' });
  const [packed] = Object.values(JSON.parse(told)) as [{ filename: string; files: { path: string }[] }];
  tarball = join(folder, packed.filename);
  names = packed.files.map((f) => f.path);
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

test('it is below 2 MB, has a source map for every program, and runs nothing when it is installed', () => {
  assert.ok(statSync(tarball).size < 2e6, `${statSync(tarball).size} bytes`);
  const programs = names.filter((name) => name.endsWith('.js'));
  assert.ok(programs.length > 10);
  for (const name of programs) assert.ok(names.includes(`${name}.map`), `${name} has no map`);
  for (const script of ['preinstall', 'install', 'postinstall']) assert.is(manifest.scripts[script], undefined);
  const targets =
    JSON.stringify([manifest.exports, manifest.bin, manifest.main, manifest.types]).match(/dist[^"]*/g) ?? [];
  assert.ok(targets.length > 5);
  for (const target of targets) assert.ok(names.includes(target), `${target} is not in the package`);
});

test('the engine needs no package but webgpu, and is made of nothing but its rooms', () => {
  const at = project('engine', ['webgpu']);
  const script = TRAINING.replaceAll(/: E\.\w+( \| null)?/g, '');
  writeFileSync(join(at, 'a.js'), `import * as E from 'emotion-gcn/engine';\n${script}`);
  const loss = lossOf(node(['a.js'], at));
  assert.ok(loss < 1e-3, `loss ${loss}`);

  const dist = join(at, 'node_modules/emotion-gcn/dist');
  const reached = new Set(['engine_node.js']);
  const sources = new Set<string>();
  for (const file of reached) {
    const text = readFileSync(join(dist, file), 'utf8');
    for (const [, from] of text.matchAll(/(?:from|import)\s*\(?"\.\/([^"]+)"/g)) reached.add(from);
    for (const source of JSON.parse(readFileSync(join(dist, `${file}.map`), 'utf8')).sources) sources.add(source);
  }
  const rooms = new Set([...sources].map((s) => s.match(/src\/(device\/node|\w+)/)?.[1]));
  assert.ok(sources.size > 100, `${sources.size} sources`);
  assert.equal([...rooms].sort(), ['autograd', 'base', 'device', 'device/node', 'faces', 'kernels', 'models']);
});

test('all entries compile as strict TypeScript, the declarations with them', () => {
  const at = project('strict', [...Object.keys(manifest.dependencies), '@types/node']);
  const both = `import { readTrainArgs, type TrainArgs, Trainer } from 'emotion-gcn';
const args: TrainArgs = readTrainArgs({ image_dir: 'faces', data: 'faces/training.csv', emb: 'random', saved_model: 'run' });
const trainer: Trainer = new Trainer(args, { hooks: { onEpoch: (row) => console.log(row.epoch, row.val_accuracy) } });
const same: typeof import('emotion-gcn').Device = E.Device;
const files: NetworkFiles = { weights: new Uint8Array(8), args: { classes: args.classes ?? [] } };
const answer: Promise<readonly Expression[]> = loadNetwork(await B.openDevice(), files).then((network: FaceNetwork) =>
  network.predict([network.crop({ width: 1, height: 1, data: new Uint8Array(3) })]),
);
console.log(trainer, same, answer);
`;
  const page = `import * as B from 'emotion-gcn/browser';
import { type Expression, type FaceNetwork, loadNetwork, type NetworkFiles } from 'emotion-gcn/browser';
`;
  writeFileSync(join(at, 'a.ts'), `import * as E from 'emotion-gcn/engine';\n${page}${both}${TRAINING}`);
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const compilerOptions = {
      ...{ strict: true, skipLibCheck: false, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true },
      ...{ module, moduleResolution, target: 'es2023', lib: ['es2023', 'dom'], types: ['node'], noEmit: true },
    };
    writeFileSync(join(at, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['a.ts'] }));
    try {
      node([resolve('node_modules/typescript/bin/tsc'), '-p', at]);
    } catch (error) {
      assert.unreachable(`${module}: ${(error as { stdout: string }).stdout}`);
    }
  }
});

test('the library and the program run', () => {
  const at = project('whole', Object.keys(manifest.dependencies));
  writeFileSync(
    join(at, 'a.js'),
    `import { decodeImage, Device } from 'emotion-gcn';
     import { Device as OfEngine } from 'emotion-gcn/engine';
     console.log(Device === OfEngine, typeof decodeImage);`,
  );
  assert.is(node(['a.js'], at), 'true function\n');
  assert.is(node(['node_modules/emotion-gcn/dist/cli.js', '--version'], at).trim(), manifest.version);
});

test("a page's door is one file without Node, which Node can load too", () => {
  const at = project('door', []);
  const file = join(at, 'node_modules/emotion-gcn/dist/browser.js');
  const text = readFileSync(file, 'utf8');
  assert.not.match(text, /\bnode:|\brequire\(/);
  assert.equal([...text.matchAll(/^(?:import|export) .*from/gm)], []);
  writeFileSync(
    join(at, 'a.js'),
    `import { openDevice, readSafetensors, writeSafetensors } from 'emotion-gcn/browser';
     const bytes = writeSafetensors({ w: { shape: [1], data: Float32Array.of(3) } }, {}, { sealed: true });
     console.log(readSafetensors(bytes).tensors.get('w').data[0], await openDevice().catch((error) => error.name));`,
  );
  assert.is(node(['a.js'], at), '3 MachineError\n');
});

test('a bundler for pages makes one file of the engine, which trains with the WebGPU that a page has', async () => {
  const at = project('page', ['webgpu']);
  // Both of its doors are one module to a page.
  const same =
    "import { Device } from 'emotion-gcn/browser';\nif (Device !== E.Device) throw new Error('two engines');";
  writeFileSync(join(at, 'page.ts'), `import * as E from 'emotion-gcn/engine';\n${same}\n${TRAINING}`);
  const outfile = join(at, 'page.js');
  const { metafile } = await build({
    ...{ entryPoints: [join(at, 'page.ts')], outfile, bundle: true, format: 'esm', logLevel: 'silent', metafile: true },
  });
  assert.equal(Object.values(metafile.outputs)[0].imports, []);
  // The page's own: Node's door is only asked for a driver.
  writeFileSync(
    join(at, 'browser.js'),
    `import { create, globals } from 'webgpu';
     import { openDevice } from 'emotion-gcn/engine';
     await openDevice();
     globalThis.gpu = create(['backend=' + ({ darwin: 'metal', win32: 'd3d12' }[process.platform] ?? 'vulkan')]);
     Object.assign(globalThis, globals);
     Object.defineProperty(globalThis, 'navigator', { value: { gpu: globalThis.gpu } });
     await import('./${basename(outfile)}');`,
  );
  const loss = lossOf(node(['browser.js'], at));
  assert.ok(loss < 1e-3, `loss ${loss}`);
});

test.run();
