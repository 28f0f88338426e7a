// Ranks that ask one network.
import { createHash } from 'node:crypto';
import { hashOf } from '../../data/data_hash';
import { sameOnAll } from '../../ranks/agree';
import type { Ranks } from '../../ranks/ranks';
import { packageVersion } from '../run/package_version';
import { type Run, weightsFile } from '../run/read_run';

/**
 * Makes sure that all ranks ask the same network, and in the same way.
 * @param how by the name that a person knows it by
 * @throws InputError on all ranks, with the first that differs
 */
export async function sameQuestion(ranks: Ranks, run: Run, how: Readonly<Record<string, string>>): Promise<void> {
  if (ranks.size === 1) return;
  const version = packageVersion('emotion-gcn', import.meta.url);
  await sameOnAll(ranks, { version, 'the content of the weights': weightsHash(run), ...how });
}

function weightsHash(run: Run): string {
  if (!run.given) return hashOf(weightsFile(run, 'best'));
  const { state, embedding } = run.given;
  const hash = createHash('sha256');
  for (const [name, { data }] of state) hash.update(name).update(data);
  if (embedding) hash.update(embedding);
  return hash.digest('hex');
}
