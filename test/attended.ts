// What tests get for `uvu` (scripts/test.mjs): behind each test every device that its process has opened is waited for, and the test fails
// with the WebGPU errors that nobody captured meanwhile. A test that provokes them takes them: `await uncaptured()`.
import { type Context, suite as plain, type uvu } from 'uvu';

type Attended = Pick<GPUDevice, 'queue' | 'lost' | 'addEventListener'>;

const open = new Set<Attended>();
const shared: (() => Promise<void>)[] = [];
let errors: string[] = [];

/** From now on this device's uncaptured errors fail the test that runs. */
export function attend(device: Attended): void {
  open.add(device);
  device.addEventListener('uncapturederror', (event) => errors.push((event as GPUUncapturedErrorEvent).error.message));
  device.lost.then(() => open.delete(device));
}

/** What waits for a device that tests share: what that throws behind a test fails it, and not the next. */
export function share(wait: () => Promise<void>): void {
  shared.push(wait);
}

/** The uncaptured errors since the test began, or since this was asked: they fail it no more. */
export async function uncaptured(): Promise<string[]> {
  for (const device of open) await device.queue.onSubmittedWorkDone().catch(() => {}); // it was lost
  await new Promise((done) => setTimeout(done)); // events come behind promises
  const found = errors;
  errors = [];
  return found;
}

/** @throws Error with what went wrong on a device and was told to nobody */
async function refuseUncaptured(): Promise<void> {
  const found = new Set(await uncaptured());
  for (const wait of shared) await wait().catch((error: Error) => found.add(error.message));
  if (found.size > 0) throw new Error(`WebGPU errors that nobody captured:\n${[...found].join('\n')}`);
}

/** As uvu's own. */
export function suite<T = Context>(name?: string, state?: T): uvu.Test<T> {
  const made = plain<T>(name, state);
  const attended =
    (register: typeof made.only) =>
    (name: string, run: uvu.Callback<T>): void =>
      register(name, async (context) => {
        try {
          await run(context);
        } catch (error) {
          await refuseUncaptured().catch(({ message }: Error) => console.log(message));
          throw error;
        }
        await refuseUncaptured();
      });
  return Object.assign(attended(made), made, {
    only: attended(made.only),
    run: () => {
      made.after(refuseUncaptured); // what comes of hooks
      made.run();
    },
  });
}

export const test = suite();

try {
  const { globals } = (await import('webgpu')) as unknown as { globals: { GPUAdapter: typeof GPUAdapter } };
  const { prototype } = globals.GPUAdapter;
  const { requestDevice } = prototype;
  prototype.requestDevice = async function (...asked): Promise<GPUDevice> {
    const device = await requestDevice.apply(this, asked);
    attend(device);
    return device;
  };
} catch {} // where it does not load, no device is opened
