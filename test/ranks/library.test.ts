// The calls of an MPI library as its C headers have them, for each binary interface: a library, played by the test, tells what it is called with.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Koffi, Library } from '../../src/ranks/library';
import { given } from '../given';

interface Call {
  readonly name: string;
  readonly types: readonly string[];
  readonly args: readonly unknown[];
}

/** A loader of these libraries, by name: what each says of itself. */
function loader(libraries: Readonly<Record<string, string>>) {
  const calls: Call[] = [];
  /** What is written into the numbers that a call gives back. */
  const out = { value: 0 };
  const made: string[] = [];
  const koffi = {
    load(name: string) {
      if (!(name in libraries))
        throw new Error(`Failed to load shared library: ${name}: cannot open shared object file`);
      return {
        symbol: (symbol: string) => symbol,
        func(fn: string, result: string, types: readonly string[]) {
          assert.is(result, 'int');
          made.push(fn);
          return (...args: unknown[]) => {
            if (fn === 'MPI_Get_library_version') {
              const [text, length] = args as [Buffer, Int32Array];
              // MPICH's and the standard's MPI_MAX_LIBRARY_VERSION_STRING; Open MPI's is less.
              assert.equal([text.length >= 8192, length.length], [true, 1]);
              return Buffer.from(`${libraries[name]}\0`).copy(text);
            }
            assert.is(args.length, types.length, fn);
            calls.push({ name: fn, types, args });
            for (const arg of args) if (arg instanceof Int32Array && arg.length === 1) arg[0] = out.value;
            return 0;
          };
        },
      };
    },
    address: (symbol: string): bigint => BigInt(symbol.length),
  };
  return { koffi: koffi as unknown as Koffi, calls, out, made };
}

const OPEN_MPI = 'Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4';
const MPICH = 'MPICH Version:\t4.0.2\nMPICH Release date: ...';
const NEWER = 'MPICH Version: 5.0.0';

/** Of each interface: C's type of a handle, the handles of all ranks, of bytes and of words, what stands for no status, and FUNNELED. */
const INTERFACES = [
  ['openmpi', 'libmpi.so.40', OPEN_MPI, undefined, ['void *', 19n, 13n, 14n, 0n, 1]],
  ['mpich', 'libmpich.so.12', MPICH, undefined, ['int', 0x44000000, 0x4c00010d, 0x4c00040a, 1n, 1]],
  ['mpich', '/opt/libmpi_abi.so', NEWER, '/opt/libmpi_abi.so', ['intptr_t', 0x101, 0x247, 0x210, 0n, 1024]],
] as const;

for (const [kind, name, version, path, [type, world, bytes, words, noStatus, funneled]] of INTERFACES)
  test(`calls of ${name}: types and arguments`, () => {
    const { koffi, calls, out, made } = loader({ [name]: version });
    const library = Library.load(koffi, { kind }, path);
    const [data, other] = [Float32Array.of(1, 2, 3), new Float32Array(6)];
    const [few, all] = [Uint8Array.of(1, 2), new Uint8Array(9)];
    const [counts, places] = [Int32Array.of(2, 7), Int32Array.of(0, 2)];
    const last = (): Call => calls.at(-1) as Call;
    const P = 'void *';

    library.init();
    assert.equal(last().types, [P, P, 'int', P]);
    assert.equal(last().args.slice(0, 3), [null, null, funneled]);
    out.value = 5;
    assert.is(library.size, 5);
    assert.equal([last().name, last().types, last().args[0]], ['MPI_Comm_size', [type, P], world]);
    assert.is(library.rank, 5);
    assert.equal([last().name, last().types, last().args[0]], ['MPI_Comm_rank', [type, P], world]);

    const begun: [string, () => ReturnType<Library['send']>, string[], unknown[], unknown[]][] = [
      [
        'MPI_Ialltoall',
        () => library.alltoall(data, other, 3),
        [P, 'int', type, P, 'int', type],
        [data, 3, words, other, 3, words],
        [data, other],
      ],
      [
        'MPI_Iallgather',
        () => library.allgather(data, other, 3),
        [P, 'int', type, P, 'int', type],
        [data, 3, words, other, 3, words],
        [data, other],
      ],
      [
        'MPI_Iallgatherv',
        () => library.allgatherv(few, all, counts, places),
        [P, 'int', type, P, P, P, type],
        [few, 2, bytes, all, counts, places, bytes],
        [few, all, counts, places],
      ],
      ['MPI_Isend', () => library.send(data, 2, 9), [P, 'int', type, 'int', 'int'], [data, 3, words, 2, 9], [data]],
      ['MPI_Irecv', () => library.receive(data, 2, 9), [P, 'int', type, 'int', 'int'], [data, 3, words, 2, 9], [data]],
    ];
    for (const [fn, begin, types, args, kept] of begun) {
      const pending = begin();
      assert.is(last().name, fn);
      assert.equal(last().types, [...types, type, P], fn);
      assert.equal(last().args, [...args, world, pending.handle], fn);
      assert.is(last().args.at(-1), pending.handle, fn);
      assert.equal(pending.kept, kept, fn);
      assert.ok(pending.handle.byteLength >= 8, 'room for any request');
      for (const [flag, done] of [
        [0, false],
        [1, true],
      ] as const) {
        out.value = flag;
        assert.is(library.test(pending), done);
      }
      assert.equal([last().name, last().types], ['MPI_Test', [P, P, P]]);
      assert.is(last().args[0], pending.handle);
      assert.is(last().args[2], noStatus);
    }
    library.abort(130);
    assert.equal([last().name, last().types, last().args], ['MPI_Abort', [type, 'int'], [world, 130]]);
    library.finalize();
    assert.equal([last().name, last().types, last().args], ['MPI_Finalize', [], []]);
    assert.is(made.length, new Set(made).size, 'each function is looked up once');
  });

const [first, second, third] = ['libmpich.so.12', 'libmpi.so.12', 'libmpi.so'] as const;

given(
  test,
  process.platform !== 'darwin',
  'names as Linux has them',
)('the library of the launcher is taken, by any of its names; one that a path names, whatever it is', () => {
  const title = (libraries: Record<string, string>, kind: 'openmpi' | 'mpich', path?: string): string => {
    const { title, name } = Library.load(loader(libraries).koffi, { kind }, path);
    return `${name}: ${title}`;
  };
  assert.is(title({ [first]: MPICH, [second]: NEWER }, 'mpich'), `${first}: MPICH 4.0.2`);
  assert.is(title({ [second]: OPEN_MPI, [third]: NEWER }, 'mpich'), `${third}: MPICH 5.0.0`);
  assert.is(title({ [third]: OPEN_MPI }, 'openmpi'), `${third}: Open MPI v4.1.4`);
  assert.is(title({ '/x.so': OPEN_MPI, [first]: MPICH }, 'mpich', '/x.so'), '/x.so: Open MPI v4.1.4');
  assert.throws(
    () => Library.load(loader({ [third]: OPEN_MPI }).koffi, { kind: 'mpich' }),
    (error: Error) => {
      const [a, b, c, ...beside] = error.message.split('\n');
      assert.equal(
        [a, b, c],
        [
          `${first}: cannot open shared object file`,
          `${second}: cannot open shared object file`,
          `${third}: Open MPI v4.1.4, which is of another kind`,
        ],
      );
      return beside.every((line) => /^\/.*\/lib(64)?\/libmp[\w.]+: cannot open/.test(line));
    },
  );
});

test.run();
