/** Does `work` for 0 .. count - 1, at most `most` at once; the first error ends it, and nothing more begins. */
export async function inParallel(count: number, most: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < count; i = next++) await work(i);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(most, count) }, lane));
  } finally {
    next = count;
  }
}
