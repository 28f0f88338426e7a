/** @throws Error when `fn`, given to `what`, is an async function: that returns before its work is done. */
export function refuseAsync(what: string, fn: (...args: never[]) => unknown): void {
  const kind = fn.constructor.name;
  if (kind !== 'AsyncFunction' && kind !== 'AsyncGeneratorFunction' && kind !== 'GeneratorFunction') return;
  throw new Error(
    `${what} takes a function that has done its work when it returns, found the ${kind} ${fn.name || '(without a name)'}: ` +
      'await outside, or return a promise of what is read (loss.item()) from an ordinary function',
  );
}
