import { openDevice } from '../src/device/node';
import { share } from './attended';

/** The one device of a test process: its files share it, so that each kernel is compiled once. */
export const device = await openDevice();
share(() => device.wait());
