// PyTorch's files: what torch.save wrote, zip and legacy, read without executing anything; and written.
export {
  readCheckpoint,
  readTorchTensor,
  type TorchCheckpoint,
  writeCheckpoint,
  writeTorchTensor,
} from './checkpoint';
export type { OptimizerSettings, SavedOptimizer } from './optimizer';
export { isTorch, readTorch, TORCH_HEAD } from './read';
export { TorchTensor } from './tensor';
export { type TensorToWrite, writeTorch } from './write';
