// Classes and their names: one emotion by many, those of the data sets and as people write them.

/** AffectNet's seven classes. */
export const CLASSES = ['Neutral', 'Happy', 'Sad', 'Surprise', 'Fear', 'Disgust', 'Anger'] as const;

/** Most classes of one's own. */
export const MAX_CLASSES = 50;

/**
 * The nodes of a label graph: the classes, then the two continuous labels.
 * @example
 * nodesOf(['calm', 'bored']); // ['calm', 'bored', 'Valence', 'Arousal']
 */
export const nodesOf = (classes: readonly string[]): readonly string[] => [...classes, 'Valence', 'Arousal'];

/** The usual words for an emotion; the first is its key. */
const WORDS: readonly (readonly string[])[] = [
  ['neutral', 'neutrality', 'neutralness'],
  ['happy', 'happiness', 'happily'],
  ['sad', 'sadness', 'sadly'],
  ['surprise', 'surprised', 'surprising', 'suprise', 'suprised'],
  ['fear', 'fearful', 'afraid', 'scared'],
  ['disgust', 'disgusted', 'disgusting'],
  ['anger', 'angry', 'angered'],
  ['contempt', 'contemptuous', 'contemptious'],
];

const KEYS = new Map(WORDS.flatMap((words) => words.map((word) => [word, words[0]])));

/** What a name has in common with others of the same emotion: not capitals, blanks, signs between words, nor which of the usual words it is. */
export function emotionKey(name: string): string {
  const plain = name
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, ' ');
  return KEYS.get(plain) ?? plain;
}

/** Whether it is one of the emotions that AffectNet tells apart, whoever's classes they are. */
export const isEmotion = (name: string): boolean => KEYS.has(emotionKey(name));

/** Finds the class of a name: the one that is called so, else the one of the same emotion; -1: none. */
export function classFinder(classes: readonly string[]): (name: string) => number {
  const plain = classes.map((name) => name.trim().toLowerCase());
  const keys = classes.map(emotionKey);
  return (name) => {
    const same = plain.indexOf(name.trim().toLowerCase());
    return same >= 0 ? same : keys.indexOf(emotionKey(name));
  };
}

/** Whether names can be those of classes: nodes of a label graph, told apart in files. */
export const areClassNames = (names: readonly string[]): boolean =>
  new Set(nodesOf(names).map(emotionKey)).size === names.length + 2 &&
  names.every((name) => name.length <= 100 && !/[,"\u0000-\u001f\u007f]/.test(name) && !/^\d+$/.test(name));
