// What a file holds, read by the very readers that training uses: what passes here training takes, and what it refuses is refused here.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../base/errors';
import { classesOf, type Dataset, datasetOfPickle, layoutOf, nodesOf, readAdjacency, tensorFileKind } from '../../data';
import { asInputError, lookAt, readHead, readWhole } from '../../data/files';
import { PyObject, readPickle } from '../../formats/pickle';
import { readSafetensors } from '../../formats/safetensors';
import { readTorch, TorchTensor } from '../../formats/torch';
import { inspectAffectNet, inspectAnnotations } from './annotations';
import type { FileKind, Inspection, InspectSettings } from './inspection';
import { inspectImage, inspectRun } from './samples';
import { inspectAdjacency, inspectCheckpoint, inspectEmbedding, inspectPickle, inspectSafetensors } from './tensors';

export * from './inspection';

/**
 * Looks into a file, or the folder of a run or of annotated pictures.
 * @param kind what it is; null: found out by its content
 * @throws InputError naming file and place: not of that kind, damaged, or nothing that is known
 */
export async function inspect(file: string, kind: FileKind | null, settings: InspectSettings): Promise<Inspection> {
  try {
    const known = kind ?? (settings.columns && lookAt(file) === 'a file' ? 'affectnet-csv' : await kindOf(file));
    if (settings.contactSheet && known !== 'annotations' && known !== 'affectnet-csv')
      throw new InputError(`--contact_sheet expects annotated pictures, found that ${file} is: ${known}`);
    const dataset = settings.dataset ?? (await datasetOf(file, known, settings.numClasses));
    const classes = settings.classes ?? classesOf({ dataset, num_classes: settings.numClasses });
    switch (known) {
      case 'checkpoint':
        return await inspectCheckpoint(file);
      case 'pickle':
        return await inspectPickle(file);
      case 'adjacency':
        return await inspectAdjacency(file, classes);
      case 'annotations':
        return await inspectAnnotations(file, { ...settings, dataset });
      case 'embedding':
        return await inspectEmbedding(file, classes, 'embedding');
      case 'safetensors':
        return await inspectSafetensors(file);
      case 'affectnet-csv':
        return settings.valData
          ? await inspectAnnotations(file, { ...settings, dataset })
          : await inspectAffectNet(file, settings);
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

const PICTURE = [
  /^\xff\xd8\xff/,
  /^\x89PNG\r\n/,
  /^GIF8/,
  /^RIFF....WEBP/s,
  /^II\*\0/,
  /^MM\0\*/,
  /^....ftyp/s,
  /^BM.{12}[\x0c-\x7f]\0\0\0/s,
  /^P[1-6]\s/,
];

/** What a file is, by its content. */
async function kindOf(file: string): Promise<FileKind> {
  if (lookAt(file) === 'a folder') {
    if (existsSync(join(file, 'args.json'))) return 'run';
    await layoutOf(file).catch((error) => {
      throw error instanceof InputError ? new InputError(`${error.message}; nor is it a run (args.json)`) : error;
    });
    return 'annotations';
  }
  const head = await readHead(file, 4096);
  if (head.length === 0) throw new InputError(`${file}: expected something in it, found an empty file`);
  const text = head.toString('latin1');
  if (PICTURE.some((magic) => magic.test(text))) return 'image';
  switch (await tensorFileKind(file)) {
    case 'torch':
      return (await readTorch(await readWhole(file), file)) instanceof TorchTensor ? 'embedding' : 'checkpoint';
    case 'safetensors': {
      const { tensors } = readSafetensors(await readWhole(file), file);
      if (tensors.has('emb')) return 'embedding';
      const graph = ['A', 'rho', 'adj'].some((name) => tensors.has(name));
      // A network's weights may have an A among them.
      return graph && !tensors.has('gc1.weight') ? 'adjacency' : 'safetensors';
    }
    case 'pickle': {
      const value = readPickle(await readWhole(file), file);
      if (value instanceof PyObject) return 'adjacency';
      return value instanceof Map && value.has('train') && value.has('val') ? 'annotations' : 'pickle';
    }
  }
  const [line] = text.split(/\r?\n/, 1);
  if (line.includes('subDirectory_filePath')) return 'affectnet-csv';
  if (/^\S+([ \t]-?[\d.]\S*){10}/.test(line) || /^\d+ \d+\s*$/.test(line)) return 'glove';
  const shown = JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
  throw new InputError(
    `${file}: expected a checkpoint, pickle, safetensors file, picture, AffectNet's CSV, GloVe's text or the folder of a run; it begins with ${shown}; say what it is with --kind`,
  );
}

/** Whose classes annotations and label graphs have, by their content; of other files AffectNet's. */
async function datasetOf(file: string, kind: FileKind, num_classes: number): Promise<Dataset> {
  if (kind === 'annotations') {
    if (lookAt(file) === 'a folder') return (await layoutOf(file)).name === 'affwild2' ? 'affwild2' : 'affectnet';
    const pickle = (await tensorFileKind(file)) === 'pickle';
    return (pickle && datasetOfPickle(readPickle(await readWhole(file), file))) || 'affectnet';
  }
  const fits = async (dataset: Dataset): Promise<boolean> =>
    readAdjacency(file, nodesOf(classesOf({ dataset, num_classes }))).then(
      () => true,
      () => false,
    );
  const other = kind === 'adjacency' && num_classes === 7 && !(await fits('affectnet')) && (await fits('affwild2'));
  return other ? 'affwild2' : 'affectnet';
}
