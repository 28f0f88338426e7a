// Opens one file as `inspect` does, in a process of its own, and prints what it came to and the most memory that the process had.
import { readFileSync } from 'node:fs';
import { type FileKind, inspect } from '../../src/train/inspect';

const [file, kind] = process.argv.slice(2);
const start = process.cpuUsage();
const found = await inspect(file, (kind as FileKind) || null, {
  imageDir: null,
  dataset: null,
  numClasses: 7,
  maxBad: 0.01,
}).then(
  ({ kind }) => ({ kind }),
  ({ name, message }: Error) => ({ error: name, message }),
);
const { user, system } = process.cpuUsage(start);
const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
console.log(JSON.stringify({ ...found, ms: (user + system) / 1000, peak }));
