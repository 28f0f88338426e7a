// A program that opens the device which its first argument names ('' for the best), uses it, and ends in the way that its
// second argument names. For adapter.test.ts.
import { openDevice } from '../../src/device/node';

const [gpu, end] = process.argv.slice(2);
const device = await openDevice({ gpu: gpu || undefined });
const memory = device.alloc(1 << 20, 'memory');
device.upload(memory, Float32Array.of(1, 2, 3));
const [a, b, c] = new Float32Array(await device.read(memory));
console.log(`software ${device.software}, read ${a} ${b} ${c}`);
device.clear(memory);
device.flush(); // work that nobody waits for
if (end === 'exit') process.exit(3);
if (end === 'throw') throw new Error('boom');
process.exitCode = 5;
