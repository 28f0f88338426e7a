// A picture, or the camera's, with what was seen drawn over it.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { FaceSight, Sight } from './messages';

export function Stage({
  stream,
  url,
  name,
  mirrored,
  sight,
  video,
}: {
  readonly stream: MediaStream | null;
  /** Of a picture, where there is no stream. */
  readonly url: string | null;
  readonly name: string;
  readonly mirrored: boolean;
  readonly sight: Sight | null;
  /** Where the video is kept, for who takes pictures of it. */
  readonly video: { current: HTMLVideoElement | null };
}) {
  const [ratio, setRatio] = useState(4 / 3);
  useEffect(() => {
    const { current } = video;
    if (!current || current.srcObject === stream) return;
    current.srcObject = stream;
    // It plays once it has something to play.
    current.play().catch(() => {});
  }, [stream]);
  return (
    <div class="stage">
      <div class="shown" style={{ aspectRatio: `${ratio}`, width: `min(100%, calc(60vh * ${ratio}))` }}>
        {stream ? (
          <video
            ref={video}
            class={mirrored ? 'mirrored' : ''}
            muted
            playsInline
            aria-label="The camera’s picture"
            // At first, and when a phone is turned.
            onResize={({ currentTarget: { videoWidth, videoHeight } }) =>
              videoHeight > 0 && setRatio(videoWidth / videoHeight)
            }
          />
        ) : (
          <img
            src={url ?? ''}
            alt={name}
            onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => setRatio(naturalWidth / naturalHeight)}
          />
        )}
        <Overlay sight={sight} mirrored={stream !== null && mirrored} />
      </div>
    </div>
  );
}

function Overlay({ sight, mirrored }: { readonly sight: Sight | null; readonly mirrored: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const { current } = canvas;
    if (!current) return;
    const watch = new ResizeObserver(() => setWidth(current.clientWidth));
    watch.observe(current);
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (canvas.current) draw(canvas.current, sight, mirrored);
  }, [sight, mirrored, width]);
  return <canvas ref={canvas} />;
}

/** Seen on any picture, in light and dark. */
const [LIGHT, DARK] = ['#b9b5ff', 'rgb(20 18 43 / 60%)'];

function draw(canvas: HTMLCanvasElement, sight: Sight | null, mirrored: boolean): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  const density = devicePixelRatio;
  canvas.width = Math.round(canvas.clientWidth * density);
  canvas.height = Math.round(canvas.clientHeight * density);
  if (!sight) return;
  const scale = canvas.width / sight.width;
  for (const [i, face] of sight.faces.entries()) {
    // Of the picture's pixels, mirrored with it.
    context.setTransform(mirrored ? -scale : scale, 0, 0, scale, mirrored ? canvas.width : 0, 0);
    if (face.heat) drawHeat(context, face);
    if (!face.found) continue;
    const [x, y, w, h] = face.found.box;
    for (const [width, color] of [
      [4, DARK],
      [2, LIGHT],
    ] as const) {
      context.lineWidth = (width * density) / scale;
      context.strokeStyle = color;
      context.strokeRect(x, y, w, h);
    }
    context.fillStyle = LIGHT;
    const { landmarks } = face.found;
    const radius = (1.25 * density) / scale;
    context.beginPath();
    for (let p = 0; p < landmarks.length; p += 2) {
      context.moveTo(landmarks[p] + radius, landmarks[p + 1]);
      context.arc(landmarks[p], landmarks[p + 1], radius, 0, 2 * Math.PI);
    }
    context.fill();
    if (sight.faces.length > 1) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      const left = (mirrored ? sight.width - x - w : x) * scale;
      context.font = `600 ${13 * density}px system-ui, sans-serif`;
      const text = `${i + 1}`;
      const room = context.measureText(text).width + 10 * density;
      context.fillRect(left, y * scale - 18 * density, room, 18 * density);
      context.fillStyle = '#14122b';
      context.fillText(text, left + 5 * density, y * scale - 4.5 * density);
    }
  }
}

/** Over the part that the network saw, turned as it lies in the picture. */
function drawHeat(context: CanvasRenderingContext2D, { heat, matrix: m, window: [x0, y0, x1, y1] }: FaceSight): void {
  if (!heat) return;
  const d = 1 / (m[0] * m[4] - m[1] * m[3]);
  const [a, b, c, e] = [m[4] * d, -m[1] * d, -m[3] * d, m[0] * d];
  context.save();
  context.transform(a, c, b, e, -a * m[2] - b * m[5], -c * m[2] - e * m[5]);
  const image = Object.assign(document.createElement('canvas'), { width: heat.size, height: heat.size });
  image.getContext('2d')?.putImageData(new ImageData(heat.pixels, heat.size, heat.size), 0, 0);
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, x0, y0, x1 - x0, y1 - y0);
  context.restore();
}
