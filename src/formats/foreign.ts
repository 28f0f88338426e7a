// What people have in place of the file that they mean: told by how it begins, whatever its name.
import { InputError } from '../base/errors';

const KINDS: readonly (readonly [begin: RegExp, what: string, advice: string])[] = [
  [/^version https:\/\/git-lfs\.github\.com\//, 'a Git LFS pointer, not the file itself', 'get it by "git lfs pull"'],
  [
    /^(\xef\xbb\xbf)?\s*<(!doctype\s|html|head|\?xml|!--)/i,
    'a web page',
    'download the file itself (a link to it may ask to log in or to confirm first)',
  ],
  [/^\x1f\x8b/, 'a file packed by gzip', 'unpack it by "gunzip", a .tgz by "tar -xzf"'],
  [/^(7z\xbc\xaf|Rar!|BZh\d|\xfd7zXZ)/, 'a packed archive', 'unpack it'],
  [/^PK(\x05\x06|\x07\x08)/, 'an empty or split zip archive', 'get it again'],
  [
    /^.{257}ustar/s,
    'a tar archive, as PyTorch before 0.1.10 wrote checkpoints, or of other files',
    'unpack it; an old checkpoint: load it with PyTorch and save its state_dict() again',
  ],
  [/^\x89HDF\r\n/, 'an HDF5 file, as Keras writes weights', 'convert it to safetensors'],
  [/^\x93NUMPY/, "a file of NumPy's save", 'write it as safetensors'],
  [/^%PDF/, 'a PDF', 'check the path'],
];

/** Bytes that tell. */
export const FOREIGN_HEAD = 512;

/** @param bytes of the file, the first `FOREIGN_HEAD` at least. @throws InputError naming what the file is, with advice, if it is known and none of ours */
export function refuseForeign(bytes: Uint8Array, file: string): void {
  const begin = String.fromCharCode(...bytes.subarray(0, FOREIGN_HEAD));
  for (const [magic, what, advice] of KINDS)
    if (magic.test(begin)) throw new InputError(`${file}: byte 0: this is ${what}; ${advice}`);
}
