// What a safetensors file of weights may tell of its network besides: the names of the classes and the size of the input.
import { areClassNames, MAX_CLASSES } from '../base/emotions';
import { InputError } from '../base/errors';
import { printable } from '../base/printable';
import { type Identity, imageSizeWanted } from '../models';

/** A network, as its weights alone do not tell it. */
export interface ToldNetwork extends Pick<Identity, 'model' | 'network'> {
  readonly classes: readonly string[];
  /** Side of its input in pixels. */
  readonly image_size: number;
}

/** The metadata that tell of a network, for `writeSafetensors`. */
export const networkMetadata = ({ model, network, classes, image_size }: ToldNetwork): Record<string, string> => ({
  format: 'pt',
  ...{ model, network, classes: JSON.stringify(classes), image_size: String(image_size) },
});

/**
 * What a file's metadata tell of the network whose weights it holds; null: nothing, as where they do not name `model` and `network`.
 * @param identity as its tensors tell it
 * @param file name for messages
 * @throws InputError where they are not a network's, or another's than the tensors
 */
export function toldNetwork(
  metadata: Readonly<Record<string, string>>,
  identity: Identity,
  file: string,
): { readonly classes: readonly string[] | null; readonly image_size: number | null } {
  const fail = (key: string, expected: string): never => {
    const text = printable(metadata[key]);
    throw new InputError(
      `${file}: expected ${expected} as ${key} in its metadata, found ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`,
    );
  };
  const told = { classes: null as readonly string[] | null, image_size: null as number | null };
  if (metadata.model === undefined || metadata.network === undefined) return told;
  for (const key of ['model', 'network'] as const)
    if (metadata[key] !== identity[key]) fail(key, `${identity[key]}, as its tensors are,`);
  if (metadata.classes !== undefined) {
    const names = parsed(metadata.classes);
    if (!isNames(names) || names.length !== identity.classes || names.length > MAX_CLASSES)
      return fail('classes', `a JSON list of the names of its ${identity.classes} classes`);
    told.classes = names;
  }
  if (metadata.image_size !== undefined) {
    const imageSize = /^\d{1,4}$/.test(metadata.image_size) ? Number(metadata.image_size) : 0;
    const wanted = imageSizeWanted({ ...identity, imageSize });
    if (wanted) fail('image_size', wanted);
    told.image_size = imageSize;
  }
  return told;
}

const isNames = (v: unknown): v is string[] =>
  Array.isArray(v) && v.every((name) => typeof name === 'string') && areClassNames(v);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
