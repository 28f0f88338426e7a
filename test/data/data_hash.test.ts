// The hash of annotations, by which moved data are known again.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hashOf } from '../../src/data/data_hash';
import { textNpy } from './npy_file';

const test = suite('data hash');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-hash-'));
test.after(() => rmSync(dir, { recursive: true }));
const put = (path: string, content: string | Uint8Array = 'x'): void => {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), content);
};

test('a text, and a folder of texts, as runs that there are have it', () => {
  // sha256sum of the contents one after the other.
  put('one.csv', 'abc');
  assert.is(hashOf(join(dir, 'one.csv')), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  put('texts/b.txt', 'c');
  put('texts/a/x.txt', 'ab');
  assert.is(hashOf(join(dir, 'texts')), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

/** Whether a change of a copy of `from` gives another hash. */
function differs(from: string, change: (copy: string) => void): boolean {
  rmSync(join(dir, 'copy'), { recursive: true, force: true });
  cpSync(join(dir, from), join(dir, 'copy'), { recursive: true });
  assert.is(hashOf(join(dir, 'copy')), hashOf(join(dir, from)), 'moved');
  change('copy');
  return hashOf(join(dir, 'copy')) !== hashOf(join(dir, from));
}

test('a folder a class: the paths of pictures count, not what they show', () => {
  for (const path of ['happy/1.jpg', 'happy/2.jpg', 'sad/3.jpg']) put(`classes/train/${path}`);
  put('classes/valence_arousal.csv', 'file,valence,arousal\n');
  assert.not(differs('classes', (copy) => put(`${copy}/train/happy/1.jpg`, 'another picture')));
  assert.ok(differs('classes', (copy) => put(`${copy}/train/sad/1.jpg`)));
  assert.ok(differs('classes', (copy) => rmSync(join(dir, copy, 'train/sad/3.jpg'))));
  assert.ok(differs('classes', (copy) => put(`${copy}/valence_arousal.csv`, 'file,valence,arousal\nx,1,1\n')));
});

test('the npy release: which faces there are and their labels, not their landmarks', () => {
  for (const id of ['1', '2'])
    for (const name of ['exp', 'val', 'lnd']) put(`npy/train_set/annotations/${id}_${name}.npy`, textNpy('1'));
  put('npy/train_set/images/1.jpg');
  assert.not(differs('npy', (copy) => put(`${copy}/train_set/annotations/1_lnd.npy`, textNpy('2'))));
  assert.ok(differs('npy', (copy) => put(`${copy}/train_set/annotations/1_exp.npy`, textNpy('2'))));
  assert.ok(differs('npy', (copy) => put(`${copy}/train_set/annotations/2_val.npy`, textNpy('2'))));
  assert.ok(differs('npy', (copy) => put(`${copy}/train_set/annotations/3_exp.npy`, textNpy('1'))));
  assert.ok(differs('npy', (copy) => put(`${copy}/train_set/images/2.jpg`)));
});

test.run();
