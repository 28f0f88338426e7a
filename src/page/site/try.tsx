// Try: pictures or the camera, and what the network says of the faces in them.
import { useEffect, useRef, useState } from 'preact/hooks';
import { FaceAnswer, saidOf, sentence } from './answer';
import type { Camera } from './camera';
import type { Client, EngineView } from './client';
import type { Sight, Target } from './messages';
import type { Given } from './pictures';
import { Stage } from './stage';

/** Milliseconds between two sentences that are read aloud while the camera runs. */
const PATIENCE = 3000;

/** What is looked at, which a person sets. */
export interface Looking {
  /** The picture is one face. */
  readonly whole: boolean;
  readonly target: Target | null;
}

/** A picture's result: what was seen, or what went wrong. */
interface Seen {
  readonly sight: Sight | null;
  readonly wrong: string;
  /** Pictures a second, where the camera is looked at. */
  readonly rate: number | null;
}

const NOTHING: Seen = { sight: null, wrong: '', rate: null };

export function Try({
  client,
  engine,
  camera,
  pictures,
  chosen,
  choose,
  looking,
  setLooking,
  learning,
  addFiles,
}: {
  readonly client: Client;
  readonly engine: EngineView;
  readonly camera: Camera;
  readonly pictures: readonly Given[];
  readonly chosen: number;
  choose(i: number): void;
  readonly looking: Looking;
  setLooking(looking: Looking): void;
  /** A lesson is under way, which everything waits for. */
  readonly learning: boolean;
  addFiles(files: FileList | null): void;
}) {
  const video = useRef<HTMLVideoElement>(null);
  const [seen, setSeen] = useState<Seen>(NOTHING);
  const [aloud, setAloud] = useState('');
  const picture = camera.stream ? null : (pictures[chosen] ?? null);
  const classes = engine.network?.classes ?? [];
  const { whole, target } = looking;

  // A picture: once, and again where something else would be seen.
  useEffect(() => {
    if (!picture) return;
    let on = true;
    client.see(picture.bitmap, whole, target).then(
      (sight) => {
        if (!on) return;
        setSeen({ ...NOTHING, sight });
        setAloud(sentence(sight.faces, client.view.network?.classes ?? []));
      },
      (error: Error) => on && setSeen({ ...NOTHING, wrong: error.message }),
    );
    return () => {
      on = false;
    };
  }, [picture, whole, target, engine.turn]);

  // The camera: a frame at a time; those that come meanwhile are passed over.
  useEffect(() => {
    if (!camera.stream) return;
    let on = true;
    const run = async (): Promise<void> => {
      let [told, said, before, rate] = [0, '', performance.now(), 0];
      while (on) {
        const current = await frame(() => video.current);
        if (!on) return;
        const sight = await client.see(() => createImageBitmap(current), whole, target);
        const now = performance.now();
        rate = rate === 0 ? 1000 / (now - before) : 0.8 * rate + (0.2 * 1000) / (now - before);
        before = now;
        if (!on) return;
        setSeen({ ...NOTHING, sight, rate });
        const names = client.view.network?.classes ?? [];
        const words = sight.faces.map((face) => names[saidOf(face)]).join();
        if (words === said || now - told < PATIENCE) continue;
        [told, said] = [now, words];
        setAloud(sentence(sight.faces, names));
      }
    };
    run().catch((error: Error) => on && setSeen({ ...NOTHING, wrong: error.message }));
    return () => {
      on = false;
    };
  }, [camera.stream, whole, target]);

  useEffect(() => setSeen(NOTHING), [picture, camera.stream]);

  const shown = camera.stream !== null || picture !== null;
  const { sight, wrong, rate } = seen;
  // Another network's classes are not those that were seen.
  const faces = sight?.faces.filter((face) => face.probabilities.length === classes.length) ?? [];
  return (
    <div class="try">
      <div class="tools">
        <FileButton label="Choose pictures" accept="image/*" multiple onFiles={addFiles} />
        <CameraButtons camera={camera} />
        <LookAt whole={whole} onChange={(whole) => setLooking({ ...looking, whole })} />
        <WhereItLooked
          target={target}
          classes={classes}
          continuous={engine.network?.model !== 'single_task'}
          onChange={(target) => setLooking({ ...looking, target })}
        />
      </div>
      <div class="columns">
        <div>
          {shown ? (
            <Stage
              stream={camera.stream}
              url={picture?.url ?? null}
              name={picture?.name ?? ''}
              mirrored={camera.mirrored}
              sight={sight}
              video={video}
            />
          ) : (
            <div class="invite">
              <p>Drop pictures here, paste one, or start the camera.</p>
              <p class="muted">They stay on this machine: this page can send nothing anywhere.</p>
            </div>
          )}
          {shown && sight && <Speed sight={sight} rate={rate} />}
          {!camera.stream && pictures.length > 1 && (
            <ul class="strip" aria-label="Pictures">
              {pictures.map(({ name, url }, i) => (
                <li key={url}>
                  <button type="button" aria-pressed={i === chosen} aria-label={name} onClick={() => choose(i)}>
                    <img src={url} alt="" />
                  </button>
                </li>
              ))}
            </ul>
          )}
        </div>
        <div class="answers">
          {wrong && <p role="alert">{wrong}</p>}
          {shown && !wrong && (learning || !sight) && (
            <p class="muted">{learning ? 'Waiting for the end of the lesson …' : WAITING[engine.standing.kind]}</p>
          )}
          {sight?.faces.length === 0 && (
            <p>
              No face was found.{' '}
              <button type="button" onClick={() => setLooking({ ...looking, whole: true })}>
                Look at the whole picture
              </button>
            </p>
          )}
          {faces.map((face, i) => (
            <FaceAnswer
              key={i}
              face={face}
              title={face.found ? (faces.length > 1 ? `Face ${i + 1}` : 'The face') : 'The whole picture'}
              classes={classes}
            />
          ))}
        </div>
      </div>
      <p class="hidden" aria-live="polite">
        {aloud}
      </p>
    </div>
  );
}

const WAITING = {
  ready: 'Looking …',
  loading: 'Waiting for the networks …',
  lost: 'Waiting for the graphics device …',
  broken: '',
};

/** The video with its next frame. */
function frame(video: () => HTMLVideoElement | null): Promise<HTMLVideoElement> {
  return new Promise((done) => {
    const look = (): void => {
      const current = video();
      // It has a picture.
      if (current && current.readyState >= 2) done(current);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

function Speed({ sight: { finding, looking, faces }, rate }: { readonly sight: Sight; readonly rate: number | null }) {
  const figures = [
    ...(faces.every(({ found }) => found) ? [`finding ${finding.toFixed(0)} ms`] : []),
    ...(faces.length > 0 ? [`${(looking / faces.length).toFixed(1)} ms a face`] : []),
    ...(rate === null ? [] : [`${rate.toFixed(1)} pictures/s`]),
  ];
  return <p class="speed muted">{figures.join(' · ')}</p>;
}

/** A button that opens the browser's choice of files. */
export function FileButton({
  label,
  accept,
  multiple,
  folder,
  onFiles,
  named,
}: {
  readonly label: string;
  readonly accept?: string;
  readonly multiple?: boolean;
  readonly folder?: boolean;
  onFiles(files: FileList | null): void;
  /** What it is called where its label does not say enough. */
  readonly named?: string;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" aria-label={named} onClick={() => input.current?.click()}>
        {label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        accept={accept}
        multiple={multiple}
        {...(folder ? { webkitdirectory: true } : {})}
        onChange={({ currentTarget }) => {
          onFiles(currentTarget.files);
          // The same again is a change too.
          currentTarget.value = '';
        }}
      />
    </>
  );
}

export function CameraButtons({ camera }: { readonly camera: Camera }) {
  return (
    <>
      {camera.stream ? (
        <button type="button" onClick={camera.stop}>
          Stop the camera
        </button>
      ) : (
        <button type="button" onClick={camera.start}>
          Start the camera
        </button>
      )}
      {camera.stream && camera.several && (
        <button type="button" onClick={camera.turn}>
          Other camera
        </button>
      )}
      {camera.wrong && (
        <p role="alert" class="wrong">
          {camera.wrong}
        </p>
      )}
    </>
  );
}

export function LookAt({ whole, onChange }: { readonly whole: boolean; onChange(whole: boolean): void }) {
  return (
    <label class="option">
      <span>Look at</span>
      <select
        value={whole ? 'whole' : 'faces'}
        onChange={({ currentTarget }) => onChange(currentTarget.value === 'whole')}
      >
        <option value="faces">faces that are found</option>
        <option value="whole">the whole picture</option>
      </select>
    </label>
  );
}

/** What Grad-CAM is asked about. */
function WhereItLooked({
  target,
  classes,
  continuous,
  onChange,
}: {
  readonly target: Target | null;
  readonly classes: readonly string[];
  readonly continuous: boolean;
  onChange(target: Target | null): void;
}) {
  const read = (value: string): Target | null => {
    if (value === '') return null;
    return /^\d+$/.test(value) ? Number(value) : (value as Target);
  };
  return (
    <label class="option">
      <span>Where it looks</span>
      <select value={`${target ?? ''}`} onChange={({ currentTarget }) => onChange(read(currentTarget.value))}>
        <option value="">not shown</option>
        <option value="said">for what it says</option>
        {classes.map((name, c) => (
          <option key={name} value={c}>
            for {name}
          </option>
        ))}
        {continuous && <option value="valence">for valence</option>}
        {continuous && <option value="arousal">for arousal</option>}
      </select>
    </label>
  );
}
