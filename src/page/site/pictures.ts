// Pictures that a person gives: by choosing, dropping or pasting.

/** A picture that was given; its address is the page's own. */
export interface Given {
  readonly name: string;
  readonly url: string;
  /** A new bitmap of it, upright. @throws Error in words for what the browser cannot decode */
  bitmap(): Promise<ImageBitmap>;
}

/** Of a picture that has more pixels, so many are looked at: every face that the detector sees is found in them. */
const ENOUGH = 2 ** 24;

export function givenPicture(file: File): Given {
  const name = file.name || 'pasted picture';
  return { name, url: URL.createObjectURL(file), bitmap: () => bitmapOf(file, name) };
}

async function bitmapOf(file: File, name: string): Promise<ImageBitmap> {
  let whole: ImageBitmap;
  try {
    whole = await createImageBitmap(file, { imageOrientation: 'from-image', colorSpaceConversion: 'none' });
  } catch {
    throw new Error(`${name}: this browser cannot read it as a picture. JPEG, PNG, WebP, GIF and AVIF are fine.`);
  }
  const scale = Math.sqrt(ENOUGH / (whole.width * whole.height));
  if (scale >= 1) return whole;
  const [resizeWidth, resizeHeight] = [whole.width, whole.height].map((n) => Math.max(1, Math.floor(n * scale)));
  const smaller = await createImageBitmap(whole, { resizeWidth, resizeHeight, resizeQuality: 'high' });
  whole.close();
  return smaller;
}

/** A file, and where it lay in what was dropped. */
export interface Dropped {
  readonly path: string;
  readonly file: File;
}

/** The files of what was dropped, those of folders too. @throws Error in words for what cannot be read */
export async function droppedFiles({ items, files }: DataTransfer): Promise<Dropped[]> {
  // All at once: what was dropped is gone after the first wait.
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry != null);
  if (entries.length === 0) return [...files].map((file) => ({ path: file.name, file }));
  try {
    return (await Promise.all(entries.map((entry) => filesOf(entry, entry.name)))).flat();
  } catch (error) {
    throw new Error(`What was dropped cannot be read: ${(error as Error).message}`);
  }
}

export const chosenFiles = (files: FileList | null): Dropped[] =>
  [...(files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

async function filesOf(entry: FileSystemEntry, path: string): Promise<Dropped[]> {
  if (entry.isFile)
    return [{ path, file: await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail)) }];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const all: Dropped[] = [];
  // It gives some at a time, and none at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (some.length === 0) return all;
    all.push(...(await Promise.all(some.map((one) => filesOf(one, `${path}/${one.name}`)))).flat());
  }
}

/** What is a network's, and not a folder of pictures'. */
const OF_NETWORK = /\.(safetensors|pth|onnx)$|(^|\/)(args|config)\.json$/i;

/** Whether files are those of a run: a run has pictures of its own among them. */
export const areOfRun = (files: readonly Dropped[]): boolean => files.some(({ path }) => OF_NETWORK.test(path));

/** The pictures among files, as far as their names tell; all, where none is one: each is told what it is not. */
export function picturesAmong(files: readonly File[]): readonly File[] {
  const pictures = files.filter(({ type }) => type.startsWith('image/'));
  return pictures.length > 0 ? pictures : files;
}
