// What is no file of ours, and many bad files one after the other.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { readSafetensors } from '../../src/formats/safetensors';
import { writeZip } from '../../src/formats/torch/zip';
import { bytes, CALL, global, header, pickle, read, refuses, tensorFile, torch, withEntries } from './make';

test('what is no file of ours is named, with advice, whatever its name', async () => {
  const lfs = bytes('version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 28000000\n');
  const page = bytes('\n<!DOCTYPE html><html><head><title>Sign in</title>');
  const tar = new Uint8Array(1024);
  tar.set(bytes('sys_info'));
  tar.set(bytes('ustar'), 257);
  const zip = await writeZip(
    new Map([
      ['a/readme.txt', bytes('hello')],
      ['weights.pth', bytes('x')],
    ]),
  );
  for (const reader of [torch, read, (file: Uint8Array) => () => readSafetensors(file, 'bad.pth')]) {
    await refuses('a pointer', reader(lfs), 'Git LFS pointer', 'git lfs pull');
    await refuses('a page', reader(page), 'a web page', 'download');
    await refuses('a tar', reader(tar), 'tar archive', '0.1.10', 'state_dict()');
    await refuses('gzip', reader(bytes(0x1f, 0x8b, 8, 0)), 'gunzip');
  }
  await refuses('another zip', torch(zip), 'zip archive of', 'weights.pth', 'unpack it');
  const original = Buffer.from(readFileSync('test/golden/pickles/adj_pandas15_protocol0.pkl'));
  const crlf = new Uint8Array(Buffer.from(original.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'));
  await refuses('CR LF', read(crlf), 'line ends were changed');
  const trainer = pickle(global('my_training.config', 'TrainerConfig'), ')', 0x81);
  await refuses(
    'another program',
    torch(await withEntries({ 'archive/data.pkl': trainer })),
    'my_training.config.TrainerConfig',
    'torch.save(model.state_dict()',
  );
});

test('ten thousand bad files in one process leave no memory behind', async () => {
  const files: (() => unknown)[] = [
    torch(tensorFile.subarray(0, 300)),
    torch(bytes(tensorFile, 'x')),
    read(pickle(global('os', 'system'), CALL)),
    read(pickle('}'.repeat(2000), '0')),
    () => readSafetensors(header('{"a":1}'), 'bad'),
    () => readSafetensors(new Uint8Array(100_000), 'bad'),
  ];
  const run = async (times: number): Promise<number> => {
    for (let i = 0; i < times; i++) {
      try {
        await files[i % files.length]();
      } catch (error) {
        assert.instance(error, InputError);
      }
    }
    return process.memoryUsage().rss / 2 ** 20;
  };
  const before = await run(2_000);
  const grown = (await run(8_000)) - before;
  assert.ok(grown < 100, `grew by ${grown} MiB`);
});

test.run();
