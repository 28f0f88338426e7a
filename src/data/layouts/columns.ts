// The columns of a CSV of annotations, as AffectNet calls them or as its owner does.
import { InputError } from '../../base/errors';

/** What a column may be of, and how AffectNet calls it. */
export const AFFECTNET = {
  image: 'subDirectory_filePath',
  face_x: 'face_x',
  face_y: 'face_y',
  face_width: 'face_width',
  face_height: 'face_height',
  landmarks: 'facial_landmarks',
  expression: 'expression',
  valence: 'valence',
  arousal: 'arousal',
} as const;

export type Role = keyof typeof AFFECTNET;
export type CsvColumns = Readonly<Record<Role, string>>;

const ROLES = Object.keys(AFFECTNET) as Role[];

/** What `--columns` expects. */
export const COLUMNS_EXPECTED = `pairs as image=path,expression=label (of ${ROLES.join(', ')})`;

/**
 * The columns that a text such as `image=path,expression=label` names; those that it does not are called as AffectNet's.
 * @throws InputError for another text, one name twice
 */
export function columnsOf(text: string | null): CsvColumns {
  const given: Partial<Record<Role, string>> = {};
  for (const pair of text?.split(',') ?? []) {
    const [role, name] = [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1).trim()];
    if (!pair.includes('=') || name === '' || !ROLES.includes(role as Role) || role in given)
      throw new InputError(`--columns expects ${COLUMNS_EXPECTED}, found ${JSON.stringify(pair)}`);
    given[role as Role] = name;
  }
  return { ...AFFECTNET, ...given };
}
