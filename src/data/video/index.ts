// Videos: animated GIF and WebP, and whatever film the system's ffmpeg reads.
import { extname } from 'node:path';
import { lookAt, readHead } from '../files';
import { isPictureHead, readPicture } from '../image';
import { animationFrames, animationIn, mayMove } from './animation';
import { findFfmpeg } from './ffmpeg';
import { filmFrames } from './film';
import type { Frame, FrameOptions } from './frame';

export type { Frame, FrameOptions } from './frame';

/** What the names of videos end in; .ts and .ogg, which are others' too, are known by their content. */
const ENDINGS: ReadonlySet<string> = new Set(
  (
    '.mp4 .m4v .mov .qt .mkv .webm .avi .divx .mpg .mpeg .mpe .m1v .m2v .vob .m2ts .wmv .asf .flv .f4v .ogv .3gp .3g2 .mxf .dv ' +
    '.rm .rmvb .wtv .nut .ivf .y4m .h264 .264 .h265 .265 .hevc .mjpeg .mjpg .gxf'
  ).split(' '),
);

/** How videos begin; of an MPEG transport stream every packet of 188 or 192 bytes. */
const MAGIC =
  /^(.{4}(ftyp|moov|mdat|wide|free|skip|pnot)|\x1aE\xdf\xa3|RIFF.{4}AVI |OggS|FLV\x01|0&\xb2u\x8ef\xcf\x11|\0\0\x01[\xba\xb3]|G.{187}G.{187}G|.{4}G.{191}G.{191}G|\x06\x0e\x2b\x34|YUV4MPEG2|\.RMF|DKIF)/s;
const HEAD = 512;

/** Whether a video is called so. */
export const isVideoName = (name: string): boolean => ENDINGS.has(extname(name).toLowerCase());

/**
 * The frames of a video in their order, each with its time; as they are asked for, so that none waits in memory.
 * @param say hears of what cannot be read of it
 * @returns null where `file` is no video: a still picture, nothing, or what nobody can tell by its content or name.
 * @throws MachineError where ffmpeg is needed and missing. The frames throw an InputError naming the file if it is too large or damaged from
 * its begin, and the signal's reason.
 * @example
 * const frames = await framesOf('faces/images/validation/00000.jpg', { fps: 2 });
 * for await (const { time, image } of frames ?? []) console.log(time, image.width);
 * frames; // null
 */
export async function framesOf(
  file: string,
  options: FrameOptions,
  say: (line: string) => void = () => {},
): Promise<AsyncGenerator<Frame> | null> {
  if (lookAt(file) !== 'a file') return null;
  const head = await readHead(file, HEAD);
  if (mayMove(head)) {
    const animation = await readPicture(file).then(animationIn, () => null);
    return animation && animationFrames(file, animation, options, say);
  }
  if (head.length === 0 || isPictureHead(head) || !(MAGIC.test(head.toString('latin1')) || isVideoName(file)))
    return null;
  return filmFrames(findFfmpeg(file), file, options, say);
}
