// The program, of which one rank fails as the variable FAULT says (JSON of a Fault).
import { writeSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Loader } from '../../src/data';
import { Trainer } from '../../src/train/loop/trainer';
import { RunFolder } from '../../src/train/run/run_folder';
import { VALIDATION } from './validation';

/** Before MPI is there; before anything is prepared; its second batch of the second epoch; the validation after the first; while a checkpoint is written. */
export type Phase = 'start' | 'preparation' | 'step' | 'validation' | 'writing';

const FAULTS = {
  kill: () => void process.kill(process.pid, 'SIGKILL'),
  stop: () => void process.kill(process.pid, 'SIGSTOP'),
  'exit 0': () => process.exit(0),
  'exit 3': () => process.exit(3),
  throw: () => {
    throw new Error('a fault of this rank');
  },
  uncaught: () => void setImmediate(() => FAULTS.throw()),
  /** No loss of the batch is finite. */
  nan: () => {},
  /** All batches from there on are late by a second. */
  slow: () => {},
};
export type What = keyof typeof FAULTS;

export interface Fault {
  readonly rank: number;
  readonly at: Phase;
  readonly what: What;
}

const { OMPI_COMM_WORLD_RANK, PMI_RANK, FAULT = 'null' } = process.env;
const rank = Number(OMPI_COMM_WORLD_RANK ?? PMI_RANK ?? 0);
const fault = JSON.parse(FAULT) as Fault | null;
const isAt = (phase: Phase): boolean => fault?.rank === rank && fault.at === phase;
function fail(): void {
  if (!fault) return;
  writeSync(2, `fault: ${fault.what}\n`);
  FAULTS[fault.what]();
}

let hasTrained = false;
const { share } = Loader.prototype;
Loader.prototype.share = async function* (this: Loader, epoch, ...which) {
  let seen = 0;
  for await (const loaded of share.call(this, epoch, ...which)) {
    if (this.samples === VALIDATION) {
      if (isAt('validation') && hasTrained) fail();
    } else {
      hasTrained = true;
      if (isAt('step') && epoch === 1 && ++seen === 2) {
        fail();
        if (fault?.what === 'nan') loaded.batch.va.fill(Number.NaN);
      }
      if (isAt('step') && fault?.what === 'slow' && epoch > 0) await wait(1000);
    }
    yield loaded;
  }
};
const { run } = Trainer.prototype;
Trainer.prototype.run = function (this: Trainer, ...how) {
  if (isAt('preparation')) fail();
  return run.apply(this, how);
};
const { writeLast } = RunFolder.prototype;
RunFolder.prototype.writeLast = function (this: RunFolder, bytes) {
  if (isAt('writing') && hasTrained) setTimeout(fail, 2);
  return writeLast.call(this, bytes);
};

if (isAt('start')) fail();
await import('../../src/cli/main');
