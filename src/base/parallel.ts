/** Does `work` for 0 .. count - 1, `most` at once; ends with the first error. */
export async function inParallel(count: number, most: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < count; i = next++) await work(i);
  };
  await Promise.all(Array.from({ length: Math.min(most, count) }, lane));
}
