#!/usr/bin/env node
// The program `emotion-gcn`: finds the command, and turns whatever goes wrong into one message and an exit code.
import { Command, CommanderError } from 'commander';
import { InputError, MachineError } from '../base/errors';
import { packageVersion } from '../train/run/package_version';
import { outliveTerminal, Stopped } from './interrupt';
import { launch } from './ranks';
import { checkValues } from './settings_options';
import { complain, terminal } from './terminal';
import type { Ending } from './together';

/** Each command's file: of a command that is called by its name no other is read. */
const COMMANDS: Readonly<Record<string, () => Promise<() => Command>>> = {
  train: async () => (await import('./train')).trainCommand,
  evaluate: async () => (await import('./evaluate')).evaluateCommand,
  predict: async () => (await import('./predict')).predictCommand,
  explain: async () => (await import('./explain')).explainCommand,
  export: async () => (await import('./export')).exportCommand,
  prepare: async () => (await import('./prepare')).prepareCommand,
  ui: async () => (await import('./ui')).uiCommand,
  report: async () => (await import('./report')).reportCommand,
  compare: async () => (await import('./compare')).compareCommand,
  reproduce: async () => (await import('./reproduce')).reproduceCommand,
  gradcheck: async () => (await import('./gradcheck')).gradcheckCommand,
  inspect: async () => (await import('./inspect')).inspectCommand,
  demo: async () => (await import('./demo')).demoCommand,
  synth: async () => (await import('./synth')).synthCommand,
  doctor: async () => (await import('./doctor')).doctorCommand,
  cache: async () => (await import('./cache')).cacheCommand,
};

/**
 * Runs a command. Exit codes: 0 done, 1 ours or the machine's failure, 2 wrong usage or input, 130, 143 and 129 stopped by Ctrl-C, SIGTERM and SIGHUP.
 * @returns what went wrong
 */
async function main(args: readonly string[]): Promise<Ending | null> {
  const program = new Command('emotion-gcn')
    .description('Trains Emotion-GCN (facial expression, valence and arousal) on any GPU, or on the CPU.')
    .version(packageVersion('emotion-gcn', import.meta.url), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help; after a command, its own')
    .addHelpText('after', '\nExample:\n  emotion-gcn demo\n  emotion-gcn train --help')
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  const called = Object.hasOwn(COMMANDS, args[0] ?? '') ? [args[0]] : Object.keys(COMMANDS);
  for (const load of called.map((name) => COMMANDS[name])) {
    const command = (await load())().copyInheritedSettings(program);
    for (const part of command.commands) part.copyInheritedSettings(command);
    program.addCommand(command);
  }
  const { command, rest } = commandOf(program, args);
  if (command.commands.length > 0 && rest.length === 0) {
    command.outputHelp({ error: true });
    process.exitCode = 2;
    return null;
  }
  const spelt = args.map(withUnderscores);
  try {
    checkValues(command, spelt);
    await program.parseAsync(spelt, { from: 'user' });
    return null;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return null; // help or version, printed already
    return endingOf(error, command);
  }
}

/** The command that the first arguments name (`train`, `prepare adjacency`; else the program), and the other arguments. */
function commandOf(program: Command, args: readonly string[]): { command: Command; rest: readonly string[] } {
  const next = program.commands.find((c) => c.name() === args[0]);
  return next ? commandOf(next, args.slice(1)) : { command: program, rest: args };
}

/** How a command is typed, with a space after it: `prepare adjacency `; nothing for the program. */
const typed = (command: Command): string => (command.parent ? `${typed(command.parent)}${command.name()} ` : '');

/** `--batch-size` is `--batch_size`. */
const withUnderscores = (arg: string): string =>
  arg.replace(/^--[a-z][a-z-]*/, (flag) => `--${flag.slice(2).replaceAll('-', '_')}`);

/** What went wrong, as one message, and the exit code. */
function endingOf(error: unknown, command?: Command): Ending {
  const ending = (message: string, exitCode: number): Ending => {
    const debug = process.env.EMOTION_GCN_DEBUG === '1' && error instanceof Error;
    return { message: `${message}${debug ? `\n${error.stack ?? ''}` : ''}`, exitCode };
  };
  if (error instanceof CommanderError) {
    const message = error.message
      .replace(/^error: /, '')
      .replace('\n', ' ')
      .replace(/\.$/, '');
    return ending(`${message}; see emotion-gcn ${command ? typed(command) : ''}--help`, 2);
  }
  if (error instanceof Stopped) return { message: error.message, exitCode: error.exitCode };
  if (error instanceof InputError) return ending(error.message, 2);
  if (error instanceof MachineError) return ending(error.message, 1);
  const message = error instanceof Error ? error.message : String(error);
  return ending(`${message} (unexpected; EMOTION_GCN_DEBUG=1 shows where)`, 1);
}

function report({ message, exitCode }: Ending): void {
  complain(`error: ${message}`);
  process.exitCode = exitCode;
}

outliveTerminal();
process.on('exit', () => terminal.live.end());
// A reader or a terminal that goes away (`| head`) is no error: a training goes on without it. A full disk behind stdout is one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && !(error.code === 'EIO' && process.stdout.isTTY)) report(endingOf(error));
});
process.stderr.on('error', () => {});

const args = process.argv.slice(2);
if (launch) {
  const { runTogether } = await import('./together');
  const command = Object.hasOwn(COMMANDS, args[0] ?? '') ? args[0] : '';
  await runTogether(launch, command, () => main(args), endingOf);
} else {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => {
      report(endingOf(error));
      process.exit();
    });
  }
  const ending = await main(args);
  if (ending) report(ending);
}
