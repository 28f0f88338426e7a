// How a page opens its device, with a stand-in for the browser.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError, MachineError } from '../../src/base/errors';
import { openDevice } from '../../src/device/browser';
import { nudged } from '../../src/device/wait';

const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator') ?? { value: undefined, configurable: true };
const browser = (navigator: unknown, secure = true): void => {
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  Object.assign(globalThis, { isSecureContext: secure });
};
test.after(() => {
  Object.defineProperty(globalThis, 'navigator', before);
  Reflect.deleteProperty(globalThis, 'isSecureContext');
});

const failure = (options?: { gpu?: string }): Promise<Error> =>
  openDevice(options).then(
    () => assert.unreachable('it opened a device'),
    (error) => error,
  );

test('a page without WebGPU is told why', async () => {
  browser({}, false);
  const insecure = await failure();
  assert.instance(insecure, MachineError);
  assert.match(insecure.message, 'only over https or on localhost');
  browser({});
  assert.match((await failure()).message, 'this browser has no WebGPU');
  browser(undefined);
  assert.instance(await failure(), MachineError);
});

test('no adapter is an error of the machine, a name one of the caller', async () => {
  const asked: unknown[] = [];
  browser({ gpu: { requestAdapter: async (options: unknown) => void asked.push(options) } });
  assert.instance(await failure(), MachineError);
  assert.match((await failure({ gpu: 'software' })).message, 'gives no software adapter');
  assert.equal(asked, [
    { powerPreference: 'high-performance', forceFallbackAdapter: false },
    { powerPreference: 'high-performance', forceFallbackAdapter: true },
  ]);
  assert.instance(await failure({ gpu: 'nvidia' }), InputError);
  assert.is(asked.length, 2);
});

test('in Firefox, which looks at its queue seldom, a wait submits nothing until it is over', async () => {
  /** What a wait has submitted: it lasts until it has submitted twice, or this long. */
  const submitted = async (userAgent: string, milliseconds: number): Promise<number> => {
    browser({ userAgent });
    let count = 0;
    let over: (value: number) => void = () => {};
    const wait = new Promise<number>((done) => (over = done));
    const late = setTimeout(() => over(7), milliseconds);
    const submit = (): undefined => {
      if (++count === 2) over(7);
    };
    assert.is(await nudged(wait, { submit }), 7);
    clearTimeout(late);
    const during = count;
    await new Promise((done) => setTimeout(done, 20));
    assert.is(count, during, 'it went on');
    return during;
  };
  assert.is(await submitted('Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36', 60), 0);
  assert.is(await submitted('Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 60_000), 2);
});

test.run();
