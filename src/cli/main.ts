#!/usr/bin/env node
// The program `emotion-gcn`: finds the command, and turns whatever goes wrong into one message and an exit code.
import { Command, CommanderError } from 'commander';
import { InputError, MachineError } from '../base/errors';
import { packageVersion } from '../train/run/package_version';
import { outliveTerminal } from './interrupt';
import { checkValues } from './settings_options';
import { complain, terminal } from './terminal';

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

/** Exit codes: 0 done, 1 ours or the machine's failure, 2 wrong usage or input, 130, 143 and 129 stopped by Ctrl-C, SIGTERM and SIGHUP. */
async function main(args: readonly string[]): Promise<void> {
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
    return;
  }
  const spelt = args.map(withUnderscores);
  try {
    checkValues(command, spelt);
    await program.parseAsync(spelt, { from: 'user' });
  } catch (error) {
    fail(error, command);
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

/** Prints what went wrong, as one message, and sets the exit code. */
function fail(error: unknown, command?: Command): void {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return; // help or version, printed already
    const message = error.message
      .replace(/^error: /, '')
      .replace('\n', ' ')
      .replace(/\.$/, '');
    report(`${message}; see emotion-gcn ${command ? typed(command) : ''}--help`, 2, error);
  } else if (error instanceof InputError) report(error.message, 2, error);
  else if (error instanceof MachineError) report(error.message, 1, error);
  else {
    const message = error instanceof Error ? error.message : String(error);
    report(`${message} (unexpected; EMOTION_GCN_DEBUG=1 shows where)`, 1, error);
  }
}

function report(message: string, exitCode: number, error: unknown): void {
  const debug = process.env.EMOTION_GCN_DEBUG === '1' && error instanceof Error;
  complain(`error: ${message}${debug ? `\n${error.stack ?? ''}` : ''}`);
  process.exitCode = exitCode;
}

outliveTerminal();
process.on('exit', () => terminal.live.end());
// A reader or a terminal that goes away (`| head`) is no error: a training goes on without it. A full disk behind stdout is one.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && !(error.code === 'EIO' && process.stdout.isTTY)) fail(error);
});
process.stderr.on('error', () => {});
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error) => {
    fail(error);
    process.exit();
  });
}

await main(process.argv.slice(2));
