// What the network says of a face: a bar a class, and a dot between valence and arousal.
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Crop, FaceSight } from './messages';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** The likeliest class. */
export const saidOf = ({ probabilities }: FaceSight): number => probabilities.indexOf(Math.max(...probabilities));

/** A sentence of what is seen, to be read aloud. */
export function sentence(faces: readonly FaceSight[], classes: readonly string[]): string {
  if (faces.length === 0) return 'No face was found.';
  const one = (face: FaceSight): string => `${classes[saidOf(face)]}, ${percent(Math.max(...face.probabilities))}`;
  if (faces.length === 1) return one(faces[0]);
  return `${faces.length} faces: ${faces.map((face, i) => `${i + 1} ${one(face)}`).join('; ')}`;
}

export function FaceAnswer({
  face,
  title,
  classes,
}: {
  readonly face: FaceSight;
  readonly title: string;
  readonly classes: readonly string[];
}) {
  const said = saidOf(face);
  const { probabilities, valence, arousal } = face;
  return (
    <section class="answer" aria-label={title}>
      <header>
        <CropImage crop={face.crop} label={`${title}, as the network sees it`} />
        <div>
          <h3>{title}</h3>
          <p class="said">
            {classes[said]} <span class="muted">{percent(probabilities[said])}</span>
          </p>
        </div>
      </header>
      <ul class="bars">
        {classes.map((name, c) => (
          <li key={name} class={c === said ? 'most' : ''}>
            <span class="class" title={name}>
              {name}
            </span>
            <span class="track" aria-hidden="true">
              <span class="bar-fill" style={{ width: `${100 * (probabilities[c] ?? 0)}%` }} />
            </span>
            <span class="figure">{percent(probabilities[c] ?? 0)}</span>
          </li>
        ))}
      </ul>
      {valence !== null && arousal !== null && <Plane valence={valence} arousal={arousal} />}
    </section>
  );
}

/** Side of the plane in its own units, and of what it shows: -1 to 1. */
const HALF = 72;

function Plane({ valence, arousal }: { readonly valence: number; readonly arousal: number }) {
  const at = (v: number): number => HALF * Math.max(-1, Math.min(v, 1));
  return (
    <figure class="plane">
      <svg
        viewBox="-80 -80 160 160"
        role="img"
        aria-label={`valence ${valence.toFixed(2)}, arousal ${arousal.toFixed(2)}`}
      >
        <circle r={HALF} class="ring" />
        <circle r={HALF / 2} class="ring" />
        <path d={`M${-HALF} 0H${HALF}M0 ${-HALF}V${HALF}`} class="axis" />
        <text x={HALF} y="-6" text-anchor="end">
          valence
        </text>
        <text x="6" y={-HALF + 10}>
          arousal
        </text>
        <circle cx={at(valence)} cy={-at(arousal)} r="6" class="spot" />
      </svg>
      <figcaption>
        valence <b>{valence.toFixed(2)}</b>
        <br />
        arousal <b>{arousal.toFixed(2)}</b>
      </figcaption>
    </figure>
  );
}

/** A crop's pixels. @param label none: what it is in says it */
export function CropImage({ crop, label }: { readonly crop: Crop; readonly label?: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const { size, pixels } = crop;
    const image = new ImageData(size, size);
    for (let i = 0, o = 0; i < pixels.length; i += 3, o += 4) {
      image.data[o] = pixels[i];
      image.data[o + 1] = pixels[i + 1];
      image.data[o + 2] = pixels[i + 2];
      image.data[o + 3] = 255;
    }
    canvas.current?.getContext('2d')?.putImageData(image, 0, 0);
  }, [crop]);
  const named = label === undefined ? {} : ({ role: 'img', 'aria-label': label } as const);
  return <canvas ref={canvas} class="crop" width={crop.size} height={crop.size} {...named} />;
}
