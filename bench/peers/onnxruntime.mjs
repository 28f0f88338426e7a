// ONNX Runtime on the CPU, its own threads, with our own export of the network: node onnxruntime.mjs FOLDER_WITH_NODE_MODULES
import { createRequire } from 'node:module';
import { filler, plain, serve } from './serve.mjs';

const { InferenceSession, Tensor } = createRequire(`${process.argv[2]}/x.js`)('onnxruntime-node');

await serve(async ({ file, size, batch }) => {
  const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
  const images = new Tensor('float32', filler(batch * 3 * size * size, 0), [batch, 3, size, size]);
  return {
    compute: () => session.run({ images }),
    free() {},
    wait: (result) => result,
    values: async (result) => [plain((await result).logits.data)],
    end: () => void session.release(),
  };
});
