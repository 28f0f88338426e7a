import { type Sample, Samples } from '../../src/data/sample_columns';

/** Samples of these classes, of pictures 0.jpg, 1.jpg, …, otherwise alike. */
export const labelled = (expressions: Iterable<number>, more: Partial<Sample> = {}): Samples =>
  Samples.of(
    Array.from(expressions, (expression, i) => ({
      ...{ image: `${i}.jpg`, where: `set line ${i}`, expression, valence: 0, arousal: 0, pose: null, group: null },
      ...more,
    })),
  );
