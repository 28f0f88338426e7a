// Predictions as text: rows of CSV and JSON, and back.
import type { FacePrediction } from './face_prediction';
import { csvField } from './predictions';

/** What rows of predictions have. */
export interface RowShape {
  readonly classes: readonly string[];
  /** Faces were looked for: of each its number, box, landmarks and score. */
  readonly faces: boolean;
  /** Some are of frames of videos, which have a time. */
  readonly time: boolean;
}

const columnsOf = ({ classes, faces, time }: RowShape): string[] => [
  'image',
  ...(time ? ['time'] : []),
  ...(faces ? ['face'] : []),
  ...['expression', ...classes, 'valence', 'arousal'],
  ...(faces ? ['box', 'landmarks', 'score'] : []),
];

/** The first line of a CSV of predictions. */
export const csvHeader = (shape: RowShape): string => columnsOf(shape).map(csvField).join(',');

/** Lists of numbers are joined by `;`; what is null is empty. */
export function csvRow(prediction: FacePrediction, { classes, faces, time }: RowShape): string {
  const { image, expression, probabilities, valence, arousal, box, landmarks } = prediction;
  const fields = [
    csvField(image),
    ...(time ? [prediction.time] : []),
    ...(faces ? [prediction.face] : []),
    csvField(expression ?? ''),
    ...classes.map((name) => probabilities?.[name]),
    ...[valence, arousal],
    ...(faces ? [box?.join(';'), landmarks?.flat().join(';'), prediction.score] : []),
  ];
  return fields.map((field) => field ?? '').join(',');
}

/** @returns null: it is none of this shape */
export function csvPrediction(fields: readonly string[], shape: RowShape): FacePrediction | null {
  const { classes, faces, time } = shape;
  if (fields.length !== columnsOf(shape).length) return null;
  const left = fields.values();
  const text = (): string | null => left.next().value || null;
  const list = (): number[] | null => text()?.split(';').map(Number) ?? null;
  const number = (): number | null => list()?.[0] ?? null;
  const points = (): number[][] | null => {
    const numbers = list();
    return numbers && Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
  };
  const image = text();
  const at = time ? number() : null;
  const prediction = {
    image,
    ...(at === null ? {} : { time: at }),
    ...(faces ? { face: number() } : {}),
    expression: text(),
    probabilities: Object.fromEntries(classes.map((name) => [name, number()])),
    ...{ valence: number(), arousal: number() },
    ...(faces ? { box: list(), landmarks: points(), score: number() } : {}),
  };
  const none = prediction.face === null ? { probabilities: null } : {};
  return predictionOf({ ...prediction, ...none }, shape);
}

/** As an element of an array that is indented by two; lists of numbers are on one line. */
export const jsonElement = (prediction: FacePrediction): string => jsonText(prediction).replaceAll(/^/gm, '  ');

function jsonText(prediction: FacePrediction): string {
  const { box, landmarks, score, ...plain } = prediction;
  const text = JSON.stringify(plain, null, 2);
  if (box === undefined) return text;
  const lists = Object.entries({ box, landmarks, score }).map(
    ([name, value]) => `  "${name}": ${JSON.stringify(value)}`,
  );
  return `${text.slice(0, -'\n}'.length)},\n${lists.join(',\n')}\n}`;
}

const isNumber = (v: unknown): boolean => Number.isFinite(v);
const isCoordinate = (v: unknown): boolean => v === null || isNumber(v);
const areNumbers = (v: unknown, length: number): boolean =>
  Array.isArray(v) && v.length === length && v.every(isNumber);

/** @returns null: it is none of this shape */
export function predictionOf(value: unknown, { classes, faces, time }: RowShape): FacePrediction | null {
  const found = (value ?? {}) as Partial<Record<keyof FacePrediction, unknown>>;
  const { image, face, expression, probabilities, valence, arousal, box, landmarks, score } = found;
  const isFrame = found.time === undefined || (time && isNumber(found.time));
  if (typeof image !== 'string' || !isFrame) return null;
  if (faces && face === null) {
    const rest = [expression, probabilities, valence, arousal, box, landmarks, score];
    return rest.every((v) => v === null) ? (value as FacePrediction) : null;
  }
  const names = typeof probabilities === 'object' && probabilities !== null ? Object.keys(probabilities) : [];
  const isOfClasses = names.length === classes.length && classes.every((name, i) => names[i] === name);
  const isRead =
    typeof expression === 'string' &&
    isOfClasses &&
    Object.values(probabilities as Record<string, unknown>).every(isNumber) &&
    [valence, arousal].every(isCoordinate);
  const arePoints =
    landmarks === null ||
    (Array.isArray(landmarks) && landmarks.length === 68 && landmarks.every((point) => areNumbers(point, 2)));
  const isPlaced = faces
    ? Number.isSafeInteger(face) && areNumbers(box, 4) && arePoints && isCoordinate(score)
    : [face, box, landmarks, score].every((v) => v === undefined);
  return isRead && isPlaced ? (value as FacePrediction) : null;
}
