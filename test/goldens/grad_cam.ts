// Grad-CAM of whole networks, as PyTorch's autograd gives it.
import { tensor } from '../../src/autograd';
import type { Device } from '../../src/device';
import { type GradCamTarget, gradCams } from '../../src/models';
import { type Check, compareStored, LOGITS_EVAL } from './compare';
import type { Fixture, HashSpec } from './fixture';
import { filledModel, inputTensor, release } from './network';

const targetOf = (name: string): GradCamTarget =>
  name === 'valence' || name === 'arousal' ? name : { class: Number(name.slice('class'.length)) };

export async function checkGradCam(device: Device, fixture: Fixture): Promise<Check[]> {
  const model = filledModel(device, fixture);
  const { data, shape } = fixture.hashed(fixture.needed<HashSpec>('input'));
  const emb = fixture.has('emb') ? inputTensor(device, fixture, 'emb') : undefined;
  const names = [...fixture.tensors.keys()].flatMap((name) => name.match(/^map\.(\w+)\.f64ref$/)?.[1] ?? []);
  const { maps } = await gradCams(model, tensor(device, data, shape), names.map(targetOf), emb);
  release(device, model);
  return names.flatMap((name, i) =>
    [{ kind: 'map', got: maps[i].map } as const, { kind: 'score', got: [maps[i].score] } as const].map(
      ({ kind, got }) => {
        const of = `${kind}.${name}`;
        return compareStored(of, got, fixture.numbers(`${of}.f64ref`), fixture.own(of), LOGITS_EVAL);
      },
    ),
  );
}
