// What a bad file may take: opened in a process of its own, its error comes soon, and the most memory that the process ever had is at
// most 200 MB, and the file's size, above what the same process needs for a small file. Of pictures it is four bytes a pixel.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundleInto } from '../bundled';
import { bytes, header, pickle, text, u32 } from './make';

const test = suite('memory');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-memory-'));
const out = resolve(`build/open-${process.pid}`);
test.before(() => bundleInto(out, { open: 'test/hostile/open.ts' }));
test.after(() => {
  rmSync(dir, { recursive: true });
  rmSync(out, { recursive: true });
});

const MiB = 2 ** 20;
const SIZE = 64 * MiB;
/** A row of the same bytes, so many in all. */
const rows = (part: string | Uint8Array, size = SIZE): Buffer => Buffer.alloc(size - (size % part.length), part);
/** A list of the same items, which come by the thousand as pickles have them. */
const list = (item: string | Uint8Array, end = 'R.'): Uint8Array =>
  pickle(']', rows(bytes('(', ...Array(1000).fill(item), 'e')), end.slice(0, -1));
const CSV = 'subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n';
const le = (n: number): Uint8Array => u32(n);

/** A PNG of black pixels, its last row missing. */
function png(side: number): Uint8Array {
  const chunk = (type: string, data: Uint8Array): Uint8Array => {
    const body = bytes(type, data);
    return bytes(be(data.length), body, be(crc32(body)));
  };
  const rgb = deflateSync(Buffer.alloc((side * 3 + 1) * (side - 1)), { level: 1 });
  return bytes(
    '\x89PNG\r\n\x1a\n',
    chunk('IHDR', bytes(be(side), be(side), 8, 2, 0, 0, 0)),
    chunk('IDAT', rgb),
    chunk('IEND', bytes()),
  );
}
const be = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n).buffer).reverse();

const files: Record<string, () => Uint8Array> = {
  'dicts.pkl': () => list('}'),
  'dicts-of-few.pkl': () => list(bytes('}', text('abc'), 'K\x01s')),
  'tuples.pkl': () => list('K\x01\x85'),
  'texts.pkl': () => list(bytes(text(''))),
  'bytes.pkl': () => list('C\0'),
  'numbers.pkl': () => list('G12345678'),
  'small-numbers.pkl': () => list('K\x01'),
  'one-dict.pkl': () =>
    pickle(
      '}',
      ...Array.from({ length: 40 }, (_, j) =>
        bytes('(', ...Array.from({ length: 50_000 }, (_, i) => bytes('J', le(50_000 * j + i), 'N')), 'u'),
      ),
      rows('N0'),
      'R',
    ),
  'one-text.pkl': () => pickle('X', le(SIZE), rows('\xe4\xb8\xad'.repeat(4)), 'aa', 'R'),
  'one-quoted-line.pkl': () => pickle("S'", rows('\\x41'), "'\n", 'R'),
  'one-unicode-line.pkl': () => pickle('V', rows('\\u4e2d'), '\n', 'R'),
  'memo.pkl': () => pickle(rows('N\x94h\x000')),
  'cut.pkl': () => list('K\x01').subarray(0, -2),
  'one-line.csv': () => bytes(CSV, rows('a')),
  'one-field.csv': () => bytes(CSV, '"', rows('a\n')),
  'commas.csv': () => bytes(CSV, rows(',')),
  'broken-rows.csv': () => bytes(CSV, rows('a,b\n')),
  'other-classes.csv': () =>
    bytes(CSV, Array.from({ length: 1_000_000 }, (_, i) => `a,1,1,1,1,1,${1e5 + i},,\n`).join('')),
  'one-line.txt': () => bytes('the', rows(' 0.1')),
  'empty-lines.txt': () => bytes('x', ' 0.1'.repeat(300), '\n', rows('\n')),
  'values.safetensors': () => header(`{"a":{"dtype":"U8","shape":[${'1,'.repeat(7e6)}1],"data_offsets":[0,1]}}`),
  'names.safetensors': () => header(`{${Array.from({ length: 1e6 }, (_, i) => `"${i}":1`).join()}}`),
  'nested.safetensors': () => header(`{"a":${'['.repeat(8e6)}`),
  'widened.safetensors': () =>
    bytes(header(`{"a":{"dtype":"I8","shape":[${SIZE}],"data_offsets":[0,${SIZE}]}}`), rows('\0')),
  'cut.png': () => png(4096),
  'large.png': () => png(16).fill(0x7f, 17, 24),
};

interface Opened {
  kind?: string;
  error?: string;
  message: string;
  ms: number;
  peak: number;
}

function open(file: string, content: Uint8Array | string): Opened {
  const path = join(dir, file);
  writeFileSync(path, content);
  const { stdout, stderr } = spawnSync(process.execPath, [join(out, 'open.js'), path], { encoding: 'utf8' });
  rmSync(path);
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`${file}: the process died: ${stderr.slice(0, 2000)}`);
  }
}

let least = 0;
test('a good file', () => {
  const { kind, peak } = open('good.pkl', readFileSync('test/golden/pickles/adj_pandas15_protocol0.pkl'));
  assert.is(kind, 'adjacency');
  least = peak;
});

for (const [file, make] of Object.entries(files)) {
  test(file, () => {
    const content = make();
    const { error, message, ms, peak } = open(file, content);
    assert.is(error, 'InputError', `${file}: ${message}`);
    assert.match(message, file);
    assert.ok(message.length < 1000);
    const own = file === 'cut.png' ? (4 * 4096 ** 2) / MiB : content.length / MiB;
    assert.ok(peak - least - own < 200e6 / MiB, `${file}: ${peak} MiB, a good file ${least}, its size ${own}`);
    // The process's own time; under 2 s on a machine that does nothing else.
    assert.ok(ms < 6000, `${file}: took ${ms} ms`);
  });
}

test.run();
