/** @throws Error when `fn`, given to `what`, is an async function, which returns before its work is done, or none at all, say its promise. */
export function refuseAsync(what: string, fn: (...args: never[]) => unknown): void {
  const kind = fn?.constructor.name;
  if (typeof fn === 'function' && kind !== 'AsyncFunction' && !kind.endsWith('GeneratorFunction')) return;
  const found = typeof fn === 'function' ? `the ${kind} ${fn.name || '(without a name)'}` : (kind ?? fn);
  throw new Error(
    `${what} takes a function that has done its work when it returns, found ${found}: ` +
      'await outside, or return a promise of what is read (loss.item()) from an ordinary function',
  );
}
