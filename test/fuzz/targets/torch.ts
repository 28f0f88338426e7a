import { isDeepStrictEqual } from 'node:util';
import type { StoredTensor } from '../../../src/formats/safetensors';
import {
  readCheckpoint,
  readTorch,
  readTorchTensor,
  TorchTensor,
  writeCheckpoint,
  writeTorchTensor,
} from '../../../src/formats/torch';
import { filesIn } from '../files';
import type { Target } from '../target';

const FILE = 'fuzzed.pth';

/** Files of torch.save, zip and legacy: weights, an optimizer's state, one tensor. */
export const target: Target = {
  names: FILE,
  seeds: () => [...filesIn('test/golden/checkpoints', /\.pth$/), ...filesIn('test/golden/pickles', /^emb_.*\.pkl$/)],
  async read(bytes) {
    if ((await readTorch(bytes, FILE)) instanceof TorchTensor) {
      const tensor = await readTorchTensor(bytes, FILE);
      same([await readTorchTensor(await writeTorchTensor(tensor), 'as it was written')], [tensor]);
      return;
    }
    const { epoch, state, optimizer } = await readCheckpoint(bytes, FILE);
    const written = await writeCheckpoint({ epoch: epoch ?? 0, state, optimizer: null });
    // Names may lose a further part (`module.`), which is no number's loss.
    same((await readCheckpoint(written, 'as it was written')).state.values(), state.values());
    optimizer?.();
  },
};

function same(a: Iterable<StoredTensor>, b: Iterable<StoredTensor>): void {
  const [again, first] = [a, b].map((tensors) => [...tensors].map(({ shape, data }) => ({ shape, data })));
  if (!isDeepStrictEqual(again, first)) throw new Error('what is written of it is read otherwise');
}
