// The calls of an MPI library that ranks need, by koffi, for the three binary interfaces that there are: Open MPI's (handles are addresses of
// its symbols), MPICH's (32-bit numbers), and the standard one of MPI 5 (small numbers as wide as a pointer).
import { readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Launched, MpiKind } from './launcher';

export type Koffi = typeof import('koffi').default;
type LibraryHandle = ReturnType<Koffi['load']>;

/** Names by which loaders know the libraries of each kind. */
export const NAMES: Readonly<Record<MpiKind, readonly string[]>> =
  process.platform === 'darwin'
    ? { openmpi: ['libmpi.40.dylib', 'libmpi.dylib'], mpich: ['libmpi.12.dylib', 'libmpi.dylib'] }
    : { openmpi: ['libmpi.so.40', 'libmpi.so'], mpich: ['libmpich.so.12', 'libmpi.so.12', 'libmpi.so'] };

/** A pointer or a number that stands for one of MPI's objects. */
type Handle = bigint | number;

interface Interface {
  /** C's type of a handle. */
  readonly type: string;
  readonly world: Handle;
  readonly bytes: Handle;
  /** Of four bytes, which nobody converts. */
  readonly words: Handle;
  /** MPI_THREAD_FUNNELED, MPI_STATUS_IGNORE. */
  readonly funneled: number;
  readonly noStatus: bigint;
}

const INTERFACES: Readonly<Record<MpiKind | 'standard', (lib: LibraryHandle, koffi: Koffi) => Interface>> = {
  openmpi: (lib, koffi) => {
    const address = (name: string): bigint => koffi.address(lib.symbol(`ompi_mpi_${name}`, 'void *'));
    return {
      type: 'void *',
      ...{ world: address('comm_world'), bytes: address('byte'), words: address('float') },
      ...{ funneled: 1, noStatus: 0n },
    };
  },
  mpich: () => ({
    type: 'int',
    ...{ world: 0x44000000, bytes: 0x4c00010d, words: 0x4c00040a },
    ...{ funneled: 1, noStatus: 1n },
  }),
  standard: () => ({
    type: 'intptr_t',
    ...{ world: 0x101, bytes: 0x247, words: 0x210 },
    ...{ funneled: 1024, noStatus: 0n },
  }),
};

/** Numbers of four bytes. */
export type Words = Float32Array | Int32Array;

/** What a call that is under way reads, writes and is known by: nothing of it may be collected before it is done. */
export interface Pending {
  readonly handle: BigUint64Array;
  readonly kept: readonly ArrayBufferView[];
}

/** An MPI library that is loaded. Its calls are made in one thread; those that are begun here never wait. */
export class Library {
  private readonly of: Interface;
  private readonly functions = new Map<string, (...args: unknown[]) => number>();
  private readonly out = new Int32Array(1);

  private constructor(
    koffi: Koffi,
    private readonly lib: LibraryHandle,
    readonly name: string,
    /** What it says of itself. */
    readonly version: string,
  ) {
    const standard = name.includes('libmpi_abi');
    this.of = INTERFACES[standard ? 'standard' : kindOf(version)](lib, koffi);
  }

  /**
   * Loads the library of the launcher's kind, or the one that `path` names.
   * @throws Error with a line for each that was tried
   */
  static load(koffi: Koffi, { kind }: Pick<Launched, 'kind'>, path?: string): Library {
    const tried: string[] = [];
    for (const name of path ? [path] : [...NAMES[kind], ...besideLauncher(kind)])
      try {
        const lib = koffi.load(name, { global: true });
        const text = Buffer.alloc(8192);
        lib.func('MPI_Get_library_version', 'int', ['void *', 'void *'])(text, new Int32Array(1));
        const version = text.toString('latin1', 0, text.indexOf(0)).trim().replace(/\s+/g, ' ');
        if (path || kindOf(version) === kind) return new Library(koffi, lib, name, version);
        tried.push(`${name}: ${firstOf(version)}, which is of another kind`);
      } catch (error) {
        // glibc tells the name first.
        tried.push(
          `${name}: ${(error as Error).message.replace(/^.*\bdlopen[^:]*: |^Failed to load shared library: /, '').replace(`${name}: `, '')}`,
        );
      }
    throw new Error(tried.join('\n'));
  }

  /** Such as `Open MPI v4.1.4`. */
  get title(): string {
    return firstOf(this.version);
  }

  /** Joins the others that the launcher has started; waits for them. */
  init(): void {
    this.call('Init_thread', ['void *', 'void *', 'int', 'void *'], [null, null, this.of.funneled, this.out]);
  }

  get size(): number {
    this.call('Comm_size', [this.of.type, 'void *'], [this.of.world, this.out]);
    return this.out[0];
  }

  get rank(): number {
    this.call('Comm_rank', [this.of.type, 'void *'], [this.of.world, this.out]);
    return this.out[0];
  }

  /** Each rank gets its part of everybody's `from`. @param count words of a part */
  alltoall(from: Words, to: Words, count: number): Pending {
    const { words } = this.of;
    const types = ['data', 'int', 'handle', 'data', 'int', 'handle'];
    return this.begin('Ialltoall', types, [from, count, words, to, count, words]);
  }

  /** Each rank's `count` words, in rank order. */
  allgather(from: Words, to: Words, count: number): Pending {
    const { words } = this.of;
    const types = ['data', 'int', 'handle', 'data', 'int', 'handle'];
    return this.begin('Iallgather', types, [from, count, words, to, count, words]);
  }

  /** Each rank's bytes. @param counts how many those are, which lie in `to` at `places` */
  allgatherv(from: Uint8Array, to: Uint8Array, counts: Int32Array, places: Int32Array): Pending {
    const { bytes } = this.of;
    const types = ['data', 'int', 'handle', 'data', 'data', 'data', 'handle'];
    return this.begin('Iallgatherv', types, [from, from.length, bytes, to, counts, places, bytes]);
  }

  send(words: Words, to: number, tag: number): Pending {
    return this.begin('Isend', ['data', 'int', 'handle', 'int', 'int'], [words, words.length, this.of.words, to, tag]);
  }

  receive(words: Words, from: number, tag: number): Pending {
    return this.begin(
      'Irecv',
      ['data', 'int', 'handle', 'int', 'int'],
      [words, words.length, this.of.words, from, tag],
    );
  }

  /** Whether a request is done; also lets the library get on with all others. */
  test({ handle }: Pending): boolean {
    this.call('Test', ['void *', 'void *', 'void *'], [handle, this.out, this.of.noStatus]);
    return this.out[0] !== 0;
  }

  /** Ends all ranks, this one included. */
  abort(exitCode: number): void {
    this.call('Abort', [this.of.type, 'int'], [this.of.world, exitCode]);
  }

  /** Waits for the others. */
  finalize(): void {
    this.call('Finalize', [], []);
  }

  /** Of a collective or a message within all ranks: their communicator and the request come last. */
  private begin(name: string, types: readonly string[], args: readonly unknown[]): Pending {
    const { type, world } = this.of;
    const handle = new BigUint64Array(1);
    const cTypes = types.map((t) => (t === 'data' ? 'void *' : t === 'handle' ? type : t));
    this.call(name, [...cTypes, type, 'void *'], [...args, world, handle]);
    return { handle, kept: args.filter((a): a is ArrayBufferView => ArrayBuffer.isView(a)) };
  }

  /** An error ends all ranks, with the library's own words: MPI_ERRORS_ARE_FATAL is what it does unless told otherwise. */
  private call(name: string, types: readonly string[], args: readonly unknown[]): void {
    let fn = this.functions.get(name);
    if (!fn) {
      fn = this.lib.func(`MPI_${name}`, 'int', [...types]);
      this.functions.set(name, fn);
    }
    fn(...args);
  }
}

const kindOf = (version: string): MpiKind => (/^Open MPI/.test(version) ? 'openmpi' : 'mpich');

const firstOf = (version: string): string => {
  const mpich = /^MPICH Version: (\S+)/.exec(version);
  return mpich ? `MPICH ${mpich[1]}` : version.split(',')[0];
};

/** Where a loader does not look (modules of a cluster, Homebrew): beside the program that has started this one, which is the launcher or of it. */
function besideLauncher(kind: MpiKind): string[] {
  try {
    const prefix = dirname(dirname(readlinkSync(`/proc/${process.ppid}/exe`)));
    return ['lib', 'lib64'].flatMap((folder) => NAMES[kind].map((name) => join(prefix, folder, name)));
  } catch {
    return [];
  }
}
