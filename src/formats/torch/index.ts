// PyTorch's files: what torch.save wrote, zip and legacy, read without executing anything; and written.
export {
  readCheckpoint,
  readTorchTensor,
  type SgdSettings,
  type SgdState,
  type TorchCheckpoint,
  writeCheckpoint,
  writeTorchTensor,
} from './checkpoint';
export { isTorch, readTorch, TORCH_HEAD } from './read';
export { TorchTensor } from './tensor';
export { type TensorToWrite, writeTorch } from './write';
