import { InputError, MachineError } from '../src/base/errors';

/** Runs a benchmark's `main`: wrong usage ends with one line and exit code 2, all else that fails with 1. */
export function program(main: () => Promise<void>): void {
  main().catch((error: Error) => {
    const usage = error instanceof InputError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
    console.error(usage || error instanceof MachineError ? error.message : error.stack);
    process.exitCode = usage ? 2 : 1;
  });
}
