// What a file holds, read by the very readers that training uses: what passes here training takes, and what it refuses is refused here.
import { existsSync, statSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { classesOf } from '../../data';
import { asInputError } from '../../data/files';
import { InputError } from '../../device/errors';
import { PyObject, readPickle } from '../../formats/pickle';
import { readSafetensors } from '../../formats/safetensors';
import { isTorch, readTorch, TorchTensor } from '../../formats/torch';
import type { Inspection, InspectSettings, Kind } from './inspection';
import { inspectAffectNet, inspectAnnotations, inspectImage, inspectRun } from './samples';
import { inspectAdjacency, inspectCheckpoint, inspectEmbedding, inspectPickle, inspectSafetensors } from './tensors';

export * from './inspection';

/**
 * Looks into a file, or the folder of a run or of Aff-Wild2's annotations.
 * @param kind what it is; null: found out by its content
 * @throws InputError naming file and place: not of that kind, damaged, or nothing that is known
 */
export async function inspect(file: string, kind: Kind | null, settings: InspectSettings): Promise<Inspection> {
  try {
    const classes = classesOf({ dataset: settings.dataset, num_classes: settings.numClasses });
    switch (kind ?? (await kindOf(file))) {
      case 'checkpoint':
        return await inspectCheckpoint(file);
      case 'pickle':
        return await inspectPickle(file);
      case 'adjacency':
        return await inspectAdjacency(file, classes);
      case 'annotations':
        return await inspectAnnotations(file, settings);
      case 'embedding':
        return await inspectEmbedding(file, classes, 'embedding');
      case 'safetensors':
        return await inspectSafetensors(file);
      case 'affectnet-csv':
        return await inspectAffectNet(file, settings);
      case 'glove':
        return await inspectEmbedding(file, classes, 'glove');
      case 'image':
        return await inspectImage(file);
      case 'run':
        return await inspectRun(file);
    }
  } catch (error) {
    throw asInputError(file, error);
  }
}

const PICTURE = [/^\xff\xd8\xff/, /^\x89PNG\r\n/, /^GIF8/, /^RIFF....WEBP/s, /^II\*\0/, /^MM\0\*/, /^....ftypavif/s];

/** What a file is, by its content. */
async function kindOf(file: string): Promise<Kind> {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) throw new InputError(`${file}: no such file; check the path`);
  if (found.isDirectory()) {
    if (existsSync(join(file, 'args.json'))) return 'run';
    if (existsSync(join(file, 'EXPR_Set')) || existsSync(join(file, 'VA_Set'))) return 'annotations';
    throw new InputError(
      `${file}: expected a run (args.json) or Aff-Wild2's annotations (EXPR_Set, VA_Set), found neither`,
    );
  }
  const head = await headOf(file);
  const text = head.toString('latin1');
  if (PICTURE.some((magic) => magic.test(text))) return 'image';
  if (isTorch(head))
    return (await readTorch(await readFile(file), file)) instanceof TorchTensor ? 'embedding' : 'checkpoint';
  if (head.length > 8 && head[8] === 0x7b && head.readUInt32LE(4) === 0) {
    const { tensors } = readSafetensors(await readFile(file), file);
    if (tensors.has('emb')) return 'embedding';
    const graph = ['A', 'rho', 'adj'].some((name) => tensors.has(name));
    // A network's weights may have an A among them.
    return graph && !tensors.has('gc1.weight') ? 'adjacency' : 'safetensors';
  }
  if (head[0] === 0x80 && head[1] <= 5) {
    const value = readPickle(await readFile(file), file);
    if (value instanceof PyObject) return 'adjacency';
    return value instanceof Map && value.has('train') && value.has('val') ? 'annotations' : 'pickle';
  }
  const [line] = text.split(/\r?\n/, 1);
  if (line.includes('subDirectory_filePath')) return 'affectnet-csv';
  if (/^\S+( -?\d\S*){10}/.test(line)) return 'glove';
  const shown = JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
  throw new InputError(
    `${file}: expected a checkpoint, pickle, safetensors file, picture, AffectNet's CSV, GloVe's text or the folder of a run; it begins with ${shown}; say what it is with --kind`,
  );
}

async function headOf(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const head = Buffer.alloc(4096);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    if (bytesRead === 0) throw new InputError(`${file}: expected something in it, found an empty file`);
    return head.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
