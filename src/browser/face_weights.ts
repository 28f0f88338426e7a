import { InputError, MachineError } from '../base/errors';
import { readTfjsWeights, type TfjsTensor } from '../formats/tfjs';

/**
 * Fetches the weights of a network of TensorFlow.js, such as `tiny_face_detector_model`, `face_landmark_68_model` and
 * `face_expression_model` of `@vladmandic/face-api`.
 * @param manifest address of `NAME-weights_manifest.json`, or of a graph's json that has one; the files that it names lie beside it
 * @throws MachineError where one cannot be fetched; InputError where one is not what it should be
 * @example
 * const detector = await fetchFaceWeights('model/tiny_face_detector_model-weights_manifest.json');
 * detector.get('conv0/bias')?.shape; // [16]
 */
export async function fetchFaceWeights(manifest: string | URL): Promise<Map<string, TfjsTensor>> {
  const address = new URL(manifest, globalThis.location?.href);
  const text = new TextDecoder().decode(await fetched(address));
  const groups = groupsIn(text);
  const names = groups.flatMap(({ paths }) => (Array.isArray(paths) ? paths : [])).map(String);
  // Names of what lies elsewhere are refused below, before they are fetched for nothing.
  const plain = [...new Set(names)].filter((name) => /^[\w.-]+$/.test(name));
  const files = await Promise.all(plain.map(async (name) => [name, await fetched(new URL(name, address))] as const));
  const bytes = new Map(files);
  return readTfjsWeights(groups, (name) => bytes.get(name) ?? new Uint8Array(), String(manifest));

  function groupsIn(json: string): { paths?: unknown }[] {
    try {
      const read = JSON.parse(json);
      const groups = read?.weightsManifest ?? read;
      if (Array.isArray(groups) && groups.every((group) => typeof group === 'object' && group !== null)) return groups;
    } catch {
      // no JSON
    }
    throw new InputError(`${manifest}: expected a list of groups {weights, paths}, found ${json.slice(0, 40)}…`);
  }
}

async function fetched(address: URL): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (error) {
    throw new MachineError(`${address}: cannot be fetched: ${(error as Error).message}`);
  }
  if (!response.ok) throw new MachineError(`${address}: cannot be fetched: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}
