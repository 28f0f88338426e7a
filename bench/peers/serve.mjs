// What the peers' programs share: they read one JSON request a line, and answer each with a line of JSON.
//   {"do":"prepare","task":{…}}  makes the inputs and computes once, unseen by the clock   -> {"ok":true}
//   {"do":"time","times":3}      computes three times and waits for the last result        -> {"ms":…} for all
//   {"do":"samples"}             64 numbers of every array of the last result              -> {"values":[[…],…]}
//   {"do":"memory"}              the most bytes in use since `prepare`, as the peer counts -> {"bytes":…}
import { createInterface } from 'node:readline';

/** The numbers that every program here computes with; `filler` of measure.ts. */
export const filler = (n, salt) =>
  Float32Array.from({ length: n }, (_, i) => ((i * 7919 + salt * 389) % 1013) / 506.5 - 1);

export const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

const SAMPLES = 64;
/** Which elements of an array of `size` are compared. */
export const sampled = (size) =>
  Array.from({ length: SAMPLES }, (_, i) => Math.floor((i * (size - 1)) / (SAMPLES - 1)));

/**
 * Answers requests until there are no more. `prepare(task)` returns an object with
 * - `compute()`: the arrays of one result; `free(result)`;
 * - `wait(result)`: resolves when it has been computed;
 * - `values(result)`: resolves to the arrays, each as `size` and `at(i)`, the number at i in the order of our logical shape
 *   (NCHW, OIHW);
 * - `memory()`: bytes, where the peer counts them;
 * - `lazy`: true where a result that is freed before it was waited for is never computed.
 */
export async function serve(prepare) {
  let work;
  let result;
  const drop = () => {
    if (result !== undefined) work.free(result);
    result = undefined;
  };
  const answers = {
    async prepare({ task }) {
      drop();
      work?.end?.();
      work = await prepare(task);
      result = work.compute();
      await work.wait(result);
      return { ok: true };
    },
    async time({ times }) {
      const start = performance.now();
      const kept = [];
      for (let i = 0; i < times; i++) {
        if (work.lazy && i > 0) kept.push(result);
        else drop();
        result = work.compute();
      }
      await work.wait(work.lazy ? [...kept, result] : result);
      const ms = performance.now() - start;
      for (const r of kept) work.free(r);
      return { ms };
    },
    async samples() {
      const arrays = await work.values(result);
      return { values: arrays.map(({ size, at }) => sampled(size).map(at)) };
    },
    async memory() {
      return { bytes: work.memory() };
    },
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    const answer = await answers[request.do](request).catch((error) => ({ error: String(error.message ?? error) }));
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0); // Dawn keeps a process alive
}

/** An array in the order of its logical shape, as `values` wants it. */
export const plain = (data) => ({ size: data.length, at: (i) => data[i] });

/** Puts Dawn, on the adapter that our own device takes, where the peers look for a browser's WebGPU. */
export async function offerWebGpu() {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  globalThis.gpu = create([]);
  const navigator = { gpu: globalThis.gpu, userAgent: 'node', platform: 'linux' };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  globalThis.self ??= globalThis;
}
