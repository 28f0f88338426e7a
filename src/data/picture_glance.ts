// What a picture file tells without being decoded: enough to count sizes, what is cut off and what is there twice.
import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { isJpeg } from '../formats/picture/jpeg_end';
import { jpegSize } from '../formats/picture/jpeg_size';
import { decodeImage, headerOf, ImageError, MAX_PIXELS, NO_SUCH_FILE, readPicture } from './image';
import type { ImageRoot } from './image_root';

/** Bytes that are read of a file's begin; a cropped face is no longer. */
const HEAD = 2 ** 16;
/** And of the end of a longer one. */
const TAIL = 2 ** 12;

export interface Glance {
  /** As it is stored: a camera's orientation may turn it. */
  readonly width: number;
  readonly height: number;
  /** 52 bits of size, begin and end: files with another are not the same. */
  readonly print: number;
  /** Whether the whole file went into it. */
  readonly whole: boolean;
}

/**
 * Looks at begin and end of a picture file; where these leave a doubt, all of it is decoded, as training does.
 * @param decode decode it in any case
 * @param root the folder that it must lie in, by its real path
 * @throws ImageError: as `readPicture` and `decodeImage`
 */
export async function glanceAt(file: string, decode: boolean, root: ImageRoot): Promise<Glance> {
  const { head, tail, size } = await endsOf(file, root);
  const header = decode || !endsWhole(head, tail) ? null : isJpeg(head) ? jpegSize(head) : await headerOf(head);
  const { width, height } =
    header && header.width * header.height <= MAX_PIXELS ? header : await decodeImage(await readPicture(file, root));
  const hash = createHash('sha1').update(`${size} `).update(head).update(tail).digest();
  return { width, height, print: hash.readUIntBE(0, 6) * 16 + (hash[6] >> 4), whole: size === head.length };
}

async function endsOf(file: string, root: ImageRoot): Promise<{ head: Buffer; tail: Buffer; size: number }> {
  const outside = root.linkProblemOf(file);
  if (outside) throw new ImageError(outside);
  try {
    // Of a pipe opening may have no end.
    const status = await stat(file);
    if (!status.isFile()) throw new ImageError('not a file');
    const { size } = status;
    const handle = await open(file);
    try {
      const read = async (length: number, at: number): Promise<Buffer> => {
        const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, at);
        return buffer.subarray(0, bytesRead);
      };
      const head = await read(Math.min(size, HEAD), 0);
      const tail = size > HEAD ? await read(Math.min(TAIL, size - HEAD), Math.max(HEAD, size - TAIL)) : Buffer.alloc(0);
      return { head, tail, size };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ImageError(code === 'ENOENT' || code === 'ENOTDIR' ? NO_SUCH_FILE : `cannot be read (${code})`);
  }
}

/** Whether the end is that of a whole file; other formats than JPEG and PNG have no mark of it. */
function endsWhole(head: Buffer, tail: Buffer): boolean {
  const end = (tail.length > 0 ? tail : head).subarray(-TAIL);
  if (isJpeg(head)) return end.lastIndexOf('\xff\xd9', undefined, 'latin1') >= 0;
  return head[0] !== 0x89 || end.includes('IEND');
}
