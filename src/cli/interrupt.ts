import { closeSync } from 'node:fs';
import { setImmediate } from 'node:timers';
import { isatty } from 'node:tty';
import { STOP_SIGNALS } from '../data/platform';
import { launch } from './ranks';

/** Milliseconds within which a second signal is the first one's: npx sends Ctrl-C on to a program that has it from the terminal, a shell a hang-up. */
const SAME = 300;

/** Why a run was stopped: a signal. */
export class Stopped extends Error {
  constructor(readonly exitCode: number) {
    super('stopped by a signal');
  }
}

/** Whether somebody may look at what is printed. A program that nobody looks at (nohup, a batch job) outlives its terminal; a
 * rank's is its launcher's. */
const onTerminal = (): boolean => !launch && Boolean(process.stdout.isTTY || process.stderr.isTTY);

/** A closed terminal ends no program whose output goes elsewhere: what nohup asks for, and Node takes back as it starts. */
export function outliveTerminal(): void {
  if (!onTerminal()) process.on('SIGHUP', () => {});
  // At its end Node gives terminals their settings back, and aborts (exit code 134) where one is gone; not where it is closed.
  const terminals = [0, 1, 2].filter(isatty);
  process.on('exit', () => {
    for (const file of terminals) if (!isatty(file)) closeSync(file);
  });
}

/**
 * Runs something that a first Ctrl-C (SIGTERM, SIGHUP) asks to stop, through its signal, and that a second one ends at once.
 * @param onStop told at the first one
 * @param onHangUp what a SIGHUP does where no terminal is written to: the run goes on
 * @returns null where it ended with the signal's reason: the program then ends, whatever is still under way in it; as a rank it throws that
 */
export async function stoppable<T>(
  run: (signal: AbortSignal) => Promise<T>,
  onStop: () => void,
  onHangUp: () => void = () => {},
): Promise<T | null> {
  const controller = new AbortController();
  const { signal } = controller;
  let again = false;
  const stop = (name: NodeJS.Signals): void => {
    if (name === 'SIGHUP' && !onTerminal()) {
      onHangUp();
      return;
    }
    const exitCode = STOP_SIGNALS[name as keyof typeof STOP_SIGNALS];
    if (!signal.aborted) {
      // A signal that came while the program was busy is told behind its timers, and before what is immediate.
      setTimeout(() => setImmediate(() => (again = true)), SAME).unref();
      onStop();
      controller.abort(new Stopped(exitCode));
    } else if (again) process.exit(exitCode);
  };
  for (const name of Object.keys(STOP_SIGNALS)) process.on(name, stop);
  try {
    return await run(signal);
  } catch (error) {
    // All ranks hear of it.
    if (launch || !signal.aborted || error !== signal.reason) throw error;
    exitStopped(signal);
    // Such as a file being read: nothing waits for it any more.
    setTimeout(() => process.exit(), 500).unref();
    return null;
  } finally {
    // The first one's second may come as a stopped program ends.
    if (!signal.aborted) for (const name of Object.keys(STOP_SIGNALS)) process.off(name, stop);
  }
}

/** The program ends, once it has nothing more to do, as stopped by this signal of `stoppable`'s. */
export function exitStopped(signal: AbortSignal): void {
  process.exitCode = (signal.reason as Stopped).exitCode;
}
