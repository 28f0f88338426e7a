// What several processes do together by a real MPI, for mpi.test.ts: job.js HOW FOLDER. Each writes what it has come to into FOLDER.
import { writeFileSync } from 'node:fs';
import { launched } from '../../src/ranks/launcher';
import { openRanks, RankFailed } from '../../src/ranks/open';
import { LENGTH, partOf, STEPS } from './job_parts';

const [how, folder] = process.argv.slice(2);
// As the program has it, before MPI is there.
process.on('SIGHUP', () => tell('signal', 'SIGHUP'));
const launch = launched();
if (!launch) throw new Error('there is no launcher');
const ranks = await openRanks(launch);
const { rank, size } = ranks;
const tell = (name: string, data: string | Uint8Array): void => writeFileSync(`${folder}/${name}.${rank}`, data);
tell('place', JSON.stringify({ rank, size, local: ranks.local, library: ranks.library }));
try {
  if (how === 'exchange') {
    process.kill(process.pid, 'SIGHUP');
    const [sum, part] = [ranks.floats(LENGTH), ranks.floats(LENGTH)];
    for (const [step, { fresh, flush, without }] of STEPS.entries()) {
      part.set(partOf(rank, step));
      await ranks.add(sum, without.includes(rank) ? null : part, { fresh, flush });
      tell(`sum${step}`, new Uint8Array(sum.slice().buffer));
    }
    const lengths = [0, 3, 100_000];
    const bytes = await ranks.gather(new Uint8Array(lengths[rank]).fill(rank + 1));
    tell('bytes', JSON.stringify(bytes.map((b) => [b.length, b[0] ?? 0, b.at(-1) ?? 0])));
  } else if (how === 'apart' && rank === 1) await ranks.add(ranks.floats(8), null, STEPS[0]);
  else if (how === 'fail' && rank === 1) throw new Error('no such file');
  else if (how === 'quiet' && rank === 1) process.exit(0);
  else if (how === 'late') {
    ranks.allow(2);
    if (rank === 1) await new Promise((done) => setTimeout(done, 60_000));
  } else if (how === 'codes') process.exitCode = rank === 1 ? 130 : 0;
  if (how !== 'codes') await ranks.gather(new Uint8Array());
  process.exitCode = await ranks.close(Number(process.exitCode ?? 0));
} catch (error) {
  const isOther = error instanceof RankFailed;
  tell('error', `${isOther ? 'heard' : 'own'}: ${(error as Error).message}`);
  const failures = await ranks.fail({ message: (error as Error).message, exitCode: 2 });
  process.exitCode = await ranks.close(failures[0].exitCode);
}
tell('end', String(process.exitCode));
