// npm run bench:peers [-- FILTER] [--json] [--help]
// Ours and other engines side by side: each work in turn, round after round, by the wall clock, on one adapter. A peer's result
// is compared with ours before its time counts. ratio = their time / ours: above 1 we are faster.
import { parseArgs } from 'node:util';
import { InputError } from '../../src/base/errors';
import { openDevice } from '../../src/device/node';
import { program } from '../program';
import { stepWorks } from '../steps';
import { kernelWorks } from '../works';
import { contests } from './dense';
import { contend } from './dense/contend';
import { compareKernels } from './kernels';
import { Lanes } from './lanes';
import { compareSteps, MEASURED_STEPS } from './networks';
import { Report } from './report';

const HELP = `npm run bench:peers [-- FILTER] [--json]

Compares this engine with TensorFlow.js and jax-js on the same WebGPU adapter, with PyTorch and ONNX Runtime on the CPU,
and its kernels with the best ones known for a fixed shape. Takes up to 20 minutes; FILTER is a part of a work's name:
  step, inference, conv, "conv backward_data", "3x3", matmul, batch_norm, "@14 b8", …
The peers are installed into the per-user cache once (about 600 MiB); PyTorch is used where python3 has it.
--json prints JSON lines: {"work", "adapter", "ours_ms", "peer", "peer_ms", "ratio"}, or "skipped" with a reason, at the end
one {"target", "met", …} a target.`;

/** Works that have not begun by then are left out, and said to be. */
const MINUTES = 18;

program(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  if (values.help) return console.log(HELP);
  const deadline = performance.now() + MINUTES * 60_000;
  const filter = positionals.join(' ');
  const chosen = (work: { readonly name: string }): boolean => work.name.includes(filter);
  // Opening our device first sets up the driver, and its environment, for the other processes too.
  const device = await openDevice();
  const lanes = new Lanes();
  try {
    const dense = contests().filter((c) => chosen(c.work));
    const steps = stepWorks.filter((w) => chosen(w) && MEASURED_STEPS.has(w.name));
    const kernels = kernelWorks(device).filter((w) => w.task && chosen(w));
    if (dense.length + steps.length + kernels.length === 0)
      throw new InputError(`no work has "${filter}" in its name; npm run bench:peers -- --help tells which there are`);
    const report = new Report(values.json, device.info.description || device.info.device);
    await contend(device, dense, report);
    await compareSteps(device, steps, lanes, report);
    lanes.end();
    await compareKernels(device, kernels, lanes, report, deadline);
    report.close();
  } finally {
    lanes.end();
    device.destroy();
  }
});
