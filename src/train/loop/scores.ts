// What an epoch is judged by, out of its row in results.csv.
import type { EpochRow } from '../run/results';
import type { EpochScores } from '../settings/best';

export const scoresOf = (row: EpochRow): EpochScores => ({
  epoch: row.epoch - 1,
  accuracy: row.val_accuracy,
  loss: row.val_loss,
  ccc: meanCcc(row),
});

/** null for 0/0 too, where truth and guess are one constant. */
function meanCcc({ val_ccc_valence: valence, val_ccc_arousal: arousal }: EpochRow): number | null {
  const mean = valence === null || arousal === null ? Number.NaN : (valence + arousal) / 2;
  return Number.isNaN(mean) ? null : mean;
}
