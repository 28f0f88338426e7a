// What must hold of annotations, whatever they were read from.
import type { AnnotationSet } from '../../../src/data/samples';

/** @throws Error for a sample that training cannot take */
export function checkSamples({ samples }: AnnotationSet, classes: number): void {
  const inRange = (v: number): boolean => Number.isNaN(v) || Math.abs(v) <= 1;
  for (const { image, where, expression, valence, arousal, pose } of samples) {
    const good =
      image !== '' &&
      Number.isInteger(expression) &&
      expression >= 0 &&
      expression < classes &&
      inRange(valence) &&
      inRange(arousal) &&
      (pose === null || 'landmarks' in pose || [...pose.leftEye, ...pose.rightEye, ...pose.box].every(Number.isFinite));
    if (!good)
      throw new Error(`a sample that is none: ${JSON.stringify({ image, where, expression, valence, arousal, pose })}`);
  }
}
