// The system's ffmpeg as a child process that can reach nothing but the one file.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { MachineError } from '../../base/errors';
import { MAX_PIXELS } from '../image';
import { selectFilter } from './frame';

/** How to get it. */
const INSTALL: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'brew install ffmpeg',
  win32: 'winget install ffmpeg',
};

/** The program ffmpeg in the folders of PATH; not in the folder one happens to be in. @throws MachineError with the way to get it */
export function findFfmpeg(file: string): string {
  const name = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .map((folder) => join(folder, name))
    .find(isProgram);
  if (found) return found;
  throw new MachineError(
    `${file}: a video, which the program ffmpeg reads, and there is none in the folders of PATH; install it, for example by ` +
      `"${INSTALL[process.platform] ?? 'sudo apt install ffmpeg'}"`,
  );
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Containers that hold a film in one file, as ffmpeg calls them. Its others may be lists that name further files and addresses. */
const CONTAINERS = (
  'mov matroska avi mpeg mpegts mpegtsraw mpegvideo asf flv ogg mxf dv rm wtv nut ivf yuv4mpegpipe ' +
  'h264 hevc m4v h263 h261 vc1 av1 obu mjpeg gxf nsv nuv swf'
).split(' ');

/** Frames as they are in the file, none doubled and none left out; the second is what it was called before ffmpeg 5.1. */
const PASS = [
  ['-fps_mode', 'passthrough'],
  ['-vsync', 'passthrough'],
] as const;

/** Says that ffmpeg is so old. */
const TOO_NEW = /option '?fps_mode/i;

/**
 * Raw frames on stdout, turned as they are shown, and of each a line of `showinfo` on stderr, with its time in microseconds. The path can be taken
 * neither for a flag nor for a protocol.
 */
function argumentsFor(file: string, fps: number | null, pass: readonly string[]): string[] {
  const filters = ['settb=AVTB', ...(fps === null ? [] : [selectFilter(fps)]), 'format=rgb24', 'showinfo=checksum=0'];
  const input = ['-protocol_whitelist', 'file', '-format_whitelist', CONTAINERS.join(), '-max_pixels', `${MAX_PIXELS}`];
  const output = ['-map', '0:V:0', '-autoscale', '0', '-vf', filters.join(), ...pass, '-enc_time_base', '1:1000000'];
  return [
    ...['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'level+info'],
    ...[...input, '-i', `file:${resolve(file)}`],
    ...[...output, '-f', 'rawvideo', 'pipe:1'],
  ];
}

/** Microseconds (or NOPTS) and size of a frame, in a line that others may have been mixed with. */
const SHOWN = /\bn: *\d+ pts: *(-?\d+|NOPTS) .*? s:(\d+)x(\d+) i:/;
const PROBLEM = /\[(?:error|fatal|panic)\] (.*)/;
/** Of no meaning where times are not written. */
const IDLE = /non monotonically increasing dts/;

/** Longest line that is looked at. */
const LINE = 2 ** 14;

/** Frames that may be told of before they come: more than pipes hold of the smallest. */
const AHEAD = 2 ** 16;

/** What `showinfo` says of a frame. */
export interface Shown {
  /** Seconds; null: the file has none. */
  readonly time: number | null;
  readonly width: number;
  readonly height: number;
}

/** A running ffmpeg. `end` must be called. */
export class Ffmpeg {
  /** Raw frames, RGB, one behind the other. */
  readonly frames: Readable;
  /** Whether it is too old for the flags that it was started with. */
  isOld = false;
  /** What it complained of first. */
  private problem: string | null = null;
  private readonly shown: Shown[] = [];
  private line = '';
  /** Told when there is more to know. */
  private wake: () => void = () => {};
  /** Whether no more will be said. */
  private isSilent = false;
  private readonly ended: Promise<unknown>;

  private constructor(
    private readonly child: ChildProcessByStdio<null, Readable, Readable>,
    private readonly signal?: AbortSignal,
  ) {
    this.frames = child.stdout;
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.hear(text));
    // Not the child's own `close`: that comes when stdout is read to its end, which waits for what is said of the next frame.
    const silent = new Promise<void>((done) => child.stderr.once('close', done)).then(() => {
      this.isSilent = true;
      this.wake();
    });
    this.ended = Promise.all([silent, new Promise<void>((done) => child.once('exit', () => done()))]);
    process.once('exit', this.kill);
    signal?.addEventListener('abort', this.kill, { once: true });
    if (signal?.aborted) this.kill();
  }

  /**
   * Starts it on the frames of a file.
   * @param old for ffmpeg before 5.1
   * @throws MachineError if it cannot be started
   */
  static async start(
    program: string,
    file: string,
    fps: number | null,
    old: boolean,
    signal?: AbortSignal,
  ): Promise<Ffmpeg> {
    // A group of its own: Ctrl-C in the terminal comes by way of the signal, and what it may start ends with it.
    const child = spawn(program, argumentsFor(file, fps, PASS[old ? 1 : 0]), {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
      env: { ...process.env, AV_LOG_FORCE_NOCOLOR: '1' },
    });
    try {
      await once(child, 'spawn');
    } catch (error) {
      throw new MachineError(`${program}: cannot be started (${(error as NodeJS.ErrnoException).code})`);
    }
    child.on('error', () => {});
    return new Ffmpeg(child, signal);
  }

  private hear(text: string): void {
    const lines = (this.line + text).split(/[\r\n]/);
    this.line = lines.pop()!.slice(0, LINE);
    for (const line of lines) {
      const shown = SHOWN.exec(line);
      if (shown) {
        const [, pts, width, height] = shown;
        this.shown.push({ time: pts === 'NOPTS' ? null : Number(pts) / 1e6, width: +width, height: +height });
        if (this.shown.length > AHEAD) this.kill();
      } else if (!IDLE.test(line)) {
        const [, problem] = PROBLEM.exec(line) ?? [];
        if (TOO_NEW.test(line)) this.isOld = true;
        if (problem) this.problem ??= problem.replace(/ on whitelist '.*'/, ' of a film').slice(0, 200);
      }
    }
    this.wake();
  }

  /** What is said of the next frame; null: of no more. */
  async next(): Promise<Shown | null> {
    while (this.shown.length === 0 && !this.isSilent) await new Promise<void>((wake) => (this.wake = wake));
    return this.shown.shift() ?? null;
  }

  /** Waits for its end. @returns in its own words what was wrong with the file; null: nothing */
  async outcome(): Promise<string | null> {
    await this.ended;
    const { signalCode, exitCode } = this.child;
    if (signalCode) return `it was ended by ${signalCode}`;
    return this.problem ?? (exitCode === 0 ? null : `exit ${exitCode}`);
  }

  /** Nothing of it is left. */
  end(): void {
    this.kill();
    process.off('exit', this.kill);
    this.signal?.removeEventListener('abort', this.kill);
  }

  private readonly kill = (): void => {
    const { pid, exitCode, signalCode } = this.child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    try {
      if (process.platform === 'win32') this.child.kill('SIGKILL');
      else process.kill(-pid, 'SIGKILL');
    } catch {}
  };
}
