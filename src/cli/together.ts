// The program as one of several ranks: which commands all do, who speaks, and how all end.
import { availableParallelism, cpus, hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Launched } from '../ranks/launcher';
import { distinct, type Failure, failureLine } from '../ranks/messages';
import { type OpenRanks, openRanks } from '../ranks/open';
import { endAllByLauncher } from '../ranks/pmi';
import { haveJoined } from './ranks';
import { complain } from './terminal';

/** Why a program ends, in words and as an exit code. */
export type Ending = Pick<Failure, 'message' | 'exitCode'>;

type EndingOf = (error: unknown) => Ending;

/** Commands that all ranks do together. All others rank 0 does alone, and the others wait. */
const TOGETHER: readonly string[] = ['train', 'predict', 'evaluate'];

/** Seconds, unless a command says so otherwise. */
const SILENCE = 600;

/** Milliseconds within which the first rank of a host, if it cannot join either, has said so and ended all. */
const SPEAKER = 2000;

/**
 * Runs a command as one of several ranks: joins the others before anything else, so that all hear of whatever goes wrong, and ends with
 * them. From then on only rank 0 is heard.
 * @param command of the program; empty: none
 * @param run what goes wrong with the command, or null
 */
export async function runTogether(
  launch: Launched,
  command: string,
  run: () => Promise<Ending | null>,
  endingOf: EndingOf,
): Promise<void> {
  const ranks = await openRanks(launch).catch((error) => cannotJoin(launch, endingOf(error)));
  haveJoined(ranks);
  if (ranks.rank > 0) for (const stream of [process.stdout, process.stderr]) stream.write = () => true;
  else warnOfBinding(launch);
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error) => void endAll(ranks, endingOf(error)));
  const isTogether = TOGETHER.includes(command);
  if (isTogether) ranks.allow(SILENCE);
  else if (command && ranks.rank === 0) complain(`${command} is done by rank 0 alone; the others wait`);
  const ending = isTogether || ranks.rank === 0 ? await run() : null;
  if (ending) await endAll(ranks, ending);
  try {
    process.exitCode = await ranks.close(Number(process.exitCode ?? 0));
  } catch (error) {
    await endAll(ranks, endingOf(error));
  }
}

/** Says why, once a host where it is the same for all there; then all are ended that wait for this one. */
async function cannotJoin({ kind, rank, local }: Launched, { message, exitCode }: Ending): Promise<never> {
  const isFirst = (local?.rank ?? rank) === 0;
  if (!isFirst) await wait(SPEAKER);
  // Wrong usage is the same for all.
  if (isFirst || exitCode !== 2)
    complain(`error: ${rank === 0 ? message : failureLine({ rank, host: hostname(), message })}`);
  // Open MPI does so by itself.
  if (kind === 'mpich') endAllByLauncher(exitCode);
  process.exit(exitCode);
}

/** Open MPI binds each of few ranks to a core. */
function warnOfBinding({ kind, by }: Launched): void {
  const [own, all] = [availableParallelism(), cpus().length];
  if (kind !== 'openmpi' || own >= all) return;
  const advice = by === 'srun' ? '--cpus-per-task' : '--bind-to none';
  complain(`warning: ${by} gave each rank ${own} of ${all} cores; add ${advice}`);
}

/** Tells all that this rank ends so, and ends with them. Rank 0 says what all have said. */
async function endAll(ranks: OpenRanks, ending: Ending): Promise<never> {
  const failures = await ranks.fail(ending);
  const [{ exitCode }] = failures;
  // Whoever has stopped it knows.
  const before = exitCode < 128 ? 'error: ' : '';
  for (const line of distinct(failures.filter(({ told }) => !told))) complain(`${before}${line}`);
  return process.exit(await ranks.close(exitCode));
}
