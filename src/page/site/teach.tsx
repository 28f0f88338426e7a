// Teach: pictures under labels of one's own, a lesson, and the weights to take away.
import { useEffect, useRef, useState } from 'preact/hooks';
import { CropImage } from './answer';
import type { Camera } from './camera';
import type { Client, EngineView } from './client';
import { LossChart } from './loss_chart';
import type { Crop, Lap } from './messages';
import { droppedFiles, givenPicture, picturesAmong } from './pictures';
import { Stage } from './stage';
import { CameraButtons, FileButton, LookAt } from './try';

/** Pictures of a label that are shown. */
const SHOWN = 24;

/** Epochs at first: of the last layer, of the whole network. */
const EPOCHS = { head: 60, whole: 10 };

/** A label, and the pictures under it. */
export interface Label {
  readonly id: number;
  readonly name: string;
  readonly crops: readonly (Crop & { readonly id: number })[];
}

/** What is kept while another view is shown. */
export interface Collected {
  readonly labels: readonly Label[];
  readonly laps: readonly Lap[];
  /** A lesson is under way. */
  readonly busy: boolean;
  /** What came of it, and what went wrong, in words. */
  readonly word: string;
  readonly wrong: string;
}

let ids = 0;
export const newLabel = (name: string): Label => ({ id: ids++, name, crops: [] });

export function Teach({
  client,
  engine,
  camera,
  whole,
  setWhole,
  collected: { labels, laps, busy, word, wrong },
  change,
}: {
  readonly client: Client;
  readonly engine: EngineView;
  readonly camera: Camera;
  readonly whole: boolean;
  setWhole(whole: boolean): void;
  readonly collected: Collected;
  change(how: (before: Collected) => Collected): void;
}) {
  const video = useRef<HTMLVideoElement>(null);
  const [all, setAll] = useState(false);
  const [epochs, setEpochs] = useState(EPOCHS.head);
  const names = labels.map(({ name }) => name.trim());
  const missing = lacking(labels, names);

  const set = (part: Partial<Collected>): void => change((before) => ({ ...before, ...part }));
  const setWrong = (wrong: string): void => set({ wrong });
  const put = (id: number, how: (label: Label) => Label): void =>
    change((before) => ({ ...before, labels: before.labels.map((label) => (label.id === id ? how(label) : label)) }));

  /** Takes what is seen under a label: the largest face, or all of the picture. @returns whether there was one */
  const collect = async (id: number, take: () => Promise<ImageBitmap>): Promise<boolean> => {
    const { faces } = await client.see(take, whole, null);
    const area = (face: (typeof faces)[number]): number => (face.found ? face.found.box[2] * face.found.box[3] : 0);
    const [face] = faces.toSorted((a, b) => area(b) - area(a));
    if (face) put(id, (label) => ({ ...label, crops: [...label.crops, { ...face.crop, id: ids++ }] }));
    return face !== undefined;
  };
  const addFiles = async (label: Label, files: readonly File[] | Promise<readonly File[]>): Promise<void> => {
    setWrong('');
    const without: string[] = [];
    try {
      for (const file of picturesAmong(await files)) {
        const { name, url, bitmap } = givenPicture(file);
        URL.revokeObjectURL(url);
        if (!(await collect(label.id, bitmap))) without.push(name);
      }
    } catch (error) {
      setWrong((error as Error).message);
    }
    if (without.length > 0)
      setWrong(`No face was found in ${without.join(', ')}: to take pictures as they are, look at the whole picture.`);
  };
  const capture = async (label: Label): Promise<void> => {
    const { current } = video;
    if (!current || current.readyState < 2) return;
    try {
      const found = await collect(label.id, () => createImageBitmap(current));
      setWrong(found ? '' : 'No face was found: come nearer, or look at the whole picture.');
    } catch (error) {
      setWrong((error as Error).message);
    }
  };

  const teach = async (): Promise<void> => {
    set({ laps: [], busy: true, word: 'It is learning.', wrong: '' });
    client.onLap = (lap) => change((before) => ({ ...before, laps: [...before.laps, lap] }));
    try {
      const examples = labels.flatMap(({ crops }, label) => crops.map(({ size, pixels }) => ({ size, pixels, label })));
      const last = await client.teach({ labels: names, examples, whole: all, epochs });
      set({ busy: false, word: `It has learnt: ${told(last)}.` });
    } catch (error) {
      set({ busy: false, word: '', wrong: `It could not learn: ${(error as Error).message}` });
    }
  };
  const save = async (): Promise<void> => {
    const bytes = await client.ask('save', null);
    const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
    const link = Object.assign(document.createElement('a'), { href: url, download: 'taught.safetensors' });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  };

  return (
    <div class="teach">
      <div class="tools">
        <CameraButtons camera={camera} />
        <LookAt whole={whole} onChange={setWhole} />
      </div>
      <div class="columns">
        <div class="labels">
          {camera.stream && (
            <Stage stream={camera.stream} url={null} name="" mirrored={camera.mirrored} sight={null} video={video} />
          )}
          {labels.map((label) => (
            <LabelCard
              key={label.id}
              label={label}
              camera={camera.stream !== null}
              only={labels.length <= 2}
              capture={() => capture(label)}
              addFiles={(files) => addFiles(label, files)}
              rename={(name) => put(label.id, (before) => ({ ...before, name }))}
              drop={(id) => put(label.id, (before) => ({ ...before, crops: before.crops.filter((c) => c.id !== id) }))}
              remove={() =>
                change((before) => ({ ...before, labels: before.labels.filter(({ id }) => id !== label.id) }))
              }
            />
          ))}
          <button
            type="button"
            onClick={() => change((before) => ({ ...before, labels: [...before.labels, newLabel(freeName(names))] }))}
          >
            Add a label
          </button>
        </div>
        <div class="lesson">
          <h2>Lesson</h2>
          <div class="tools">
            <label class="option">
              <span>Teach</span>
              <select
                value={all ? 'whole' : 'head'}
                disabled={busy}
                onChange={({ currentTarget: { value } }) => {
                  setAll(value === 'whole');
                  setEpochs(EPOCHS[value as 'head' | 'whole']);
                }}
              >
                <option value="head">the last layer</option>
                <option value="whole">the whole network</option>
              </select>
            </label>
            <label class="option">
              <span>Epochs</span>
              <input
                type="number"
                min="1"
                max="1000"
                value={epochs}
                disabled={busy}
                onChange={({ currentTarget }) =>
                  setEpochs(Math.max(1, Math.min(Math.round(currentTarget.valueAsNumber) || 1, 1000)))
                }
              />
            </label>
            {busy ? (
              <button type="button" onClick={() => client.ask('stop', null)}>
                Stop
              </button>
            ) : (
              <button type="button" class="primary" disabled={missing !== ''} onClick={teach}>
                Teach
              </button>
            )}
          </div>
          {missing && <p class="muted">{missing}</p>}
          {wrong && <p role="alert">{wrong}</p>}
          {laps.length > 0 && <LossChart laps={laps} />}
          {busy && laps.length > 0 && <p class="muted">{told(laps[laps.length - 1])}</p>}
          <p aria-live="polite">{word}</p>
          {engine.network?.from === 'lesson' && !busy && (
            <div class="taught">
              <div class="tools">
                <a class="button" href="#try">
                  Try it
                </a>
                <button type="button" onClick={save}>
                  Save its weights
                </button>
              </div>
              <p class="muted">
                On the command line: <code>npx emotion-gcn predict --checkpoint taught.safetensors photo.jpg</code>
              </p>
            </div>
          )}
        </div>
      </div>
    </div>
  );
}

/** How far a lesson is, in words. */
function told({ epoch, epochs, loss, accuracy, held }: Lap): string {
  const right = accuracy === null ? '' : `, ${Math.round(accuracy * held)} of ${held} held out said right`;
  return `epoch ${epoch} of ${epochs}, loss ${loss.toFixed(3)}${right}`;
}

/** What keeps a lesson from being taught, in words; nothing: ''. */
function lacking(labels: readonly Label[], names: readonly string[]): string {
  const empty = labels.filter(({ crops }) => crops.length === 0).map(({ name }) => name.trim() || 'a label');
  if (names.some((name) => name === '')) return 'Every label needs a name.';
  if (labels.length < 2) return 'Two labels are needed at least.';
  if (empty.length > 0) return `Pictures are needed under ${empty.join(', ')}.`;
  return '';
}

/** A name that no label has. */
function freeName(names: readonly string[]): string {
  for (let i = names.length + 1; ; i++) if (!names.includes(`label ${i}`)) return `label ${i}`;
}

function LabelCard({
  label: { name, crops },
  camera,
  only,
  capture,
  addFiles,
  rename,
  drop,
  remove,
}: {
  readonly label: Label;
  readonly camera: boolean;
  readonly only: boolean;
  capture(): Promise<void>;
  addFiles(files: readonly File[] | Promise<readonly File[]>): Promise<void>;
  rename(name: string): void;
  drop(id: number): void;
  remove(): void;
}) {
  const held = useRef(false);
  useEffect(
    () => () => {
      held.current = false;
    },
    [],
  );
  /** Pictures follow each other as long as the button is held. */
  const hold = async (): Promise<void> => {
    if (held.current) return;
    held.current = true;
    while (held.current) {
      await capture();
      // The page lives on, also where nothing could be taken.
      await new Promise(requestAnimationFrame);
    }
  };
  const release = (): void => {
    held.current = false;
  };
  return (
    <section
      class="label"
      aria-label={`Label ${name}`}
      onDrop={(event) => {
        event.preventDefault();
        // Else the page would look at them.
        event.stopPropagation();
        if (event.dataTransfer)
          void addFiles(droppedFiles(event.dataTransfer).then((files) => files.map(({ file }) => file)));
      }}
    >
      <header>
        <input
          type="text"
          aria-label="Name of the label"
          value={name}
          maxLength={100}
          onInput={({ currentTarget }) => rename(currentTarget.value)}
        />
        <span class="muted">{crops.length === 1 ? '1 picture' : `${crops.length} pictures`}</span>
        <button type="button" class="icon" disabled={only} aria-label={`Delete the label ${name}`} onClick={remove}>
          ×
        </button>
      </header>
      <div class="tools">
        {camera && (
          <button
            type="button"
            aria-label={`Take a picture of ${name}`}
            title="Held down, it takes one after the other"
            onPointerDown={(event) => event.button === 0 && void hold()}
            onPointerUp={release}
            onPointerLeave={release}
            onPointerCancel={release}
            // By keyboard or a screen reader: no pointer went down.
            onClick={(event) => event.detail === 0 && void capture()}
          >
            Take a picture
          </button>
        )}
        <FileButton
          label="Add pictures"
          named={`Add pictures of ${name}`}
          accept="image/*"
          multiple
          onFiles={(files) => addFiles([...(files ?? [])])}
        />
      </div>
      {crops.length > 0 && (
        <ul class="thumbs">
          {crops.slice(-SHOWN).map((crop, i) => (
            <li key={crop.id}>
              <button
                type="button"
                aria-label={`Remove picture ${Math.max(0, crops.length - SHOWN) + i + 1} of ${name}`}
                title="Remove"
                onClick={() => drop(crop.id)}
              >
                <CropImage crop={crop} />
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
