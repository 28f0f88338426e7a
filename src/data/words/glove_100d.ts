// GloVe's own vectors of 100 numbers (6B, PDDL) that come with the package: labels, their synonyms, words for how people feel.

import { emotionKey } from '../../base/emotions';
import { InputError } from '../../base/errors';

/** How `--emb` calls them. */
export const GLOVE_100D = 'glove100';

/** Where longer word vectors are to be had. */
export const GLOVE_300D =
  'GloVe of 300 numbers is at https://nlp.stanford.edu/projects/glove/ (glove.6B.zip, of which glove.6B.300d.txt is needed: --emb glove.6B.300d.txt)';

/**
 * The vectors of some names, filled up with zeros: of the very word in lower case, else of a usual word for the same emotion.
 *
 * @param dim numbers a name, at least 100
 * @returns names.length x dim
 * @throws InputError for a name without a word, with the words that are there
 */
export async function gloveWords(names: readonly string[], dim: number): Promise<Float32Array> {
  const { dimensions, vectors } = (await import('./glove_100d.json')).default;
  const there = new Map<string, readonly number[]>(Object.entries(vectors));
  const byEmotion = new Map([...there.keys()].reverse().map((word) => [emotionKey(word), word]));
  const words = names.map((name) => {
    const plain = name.trim().toLowerCase();
    return there.has(plain) ? plain : byEmotion.get(emotionKey(name));
  });
  const missing = names.filter((_, i) => words[i] === undefined);
  if (missing.length > 0)
    throw new InputError(
      `--emb ${GLOVE_100D}: expected a word vector of each class, not found: ${missing.join(', ')}; there are ` +
        `${[...there.keys()].join(', ')}; call these classes by words that are there (--classes), or take --emb random, or a file: ${GLOVE_300D}`,
    );
  const out = new Float32Array(names.length * dim);
  for (const [i, word] of words.entries()) out.set((there.get(word!) as number[]).slice(0, dimensions), i * dim);
  return out;
}
