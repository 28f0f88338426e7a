// The camera, as a hook: one stream for all views.
import { useEffect, useRef, useState } from 'preact/hooks';

type Facing = 'user' | 'environment';

export interface Camera {
  /** null: off. */
  readonly stream: MediaStream | null;
  /** Shown as in a mirror. */
  readonly mirrored: boolean;
  /** Whether there is another to turn to. */
  readonly several: boolean;
  /** Why there is none, in words. */
  readonly wrong: string;
  start(): void;
  stop(): void;
  /** Front or back. */
  turn(): void;
}

const WORDS: Readonly<Record<string, string>> = {
  NotAllowedError: 'The camera was not allowed. Allow it in the browser’s address bar, then start it again.',
  NotFoundError: 'No camera was found. Connect one, or choose pictures.',
  OverconstrainedError: 'No camera was found. Connect one, or choose pictures.',
  NotReadableError: 'The camera cannot be read: another program may be using it.',
};

export function useCamera(): Camera {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [facing, setFacing] = useState<Facing>('user');
  const [several, setSeveral] = useState(false);
  const [wrong, setWrong] = useState('');
  const held = useRef<MediaStream | null>(null);

  const stop = (): void => {
    for (const track of held.current?.getTracks() ?? []) track.stop();
    held.current = null;
    setStream(null);
  };
  const start = async (facingMode: Facing): Promise<void> => {
    stop();
    setWrong('');
    if (!navigator.mediaDevices) {
      setWrong('A page has the camera only over https or on localhost.');
      return;
    }
    try {
      const video = { facingMode, width: { ideal: 640 }, height: { ideal: 480 } };
      const found = await navigator.mediaDevices.getUserMedia({ video });
      held.current = found;
      const [track] = found.getVideoTracks();
      track.addEventListener('ended', () => {
        if (held.current !== found) return;
        stop();
        setWrong('The camera went away.');
      });
      // Which way it does look: a desk's camera has no other side.
      const { facingMode: real } = track.getSettings();
      setFacing(real === 'environment' ? 'environment' : 'user');
      setStream(found);
      const devices = await navigator.mediaDevices.enumerateDevices();
      setSeveral(devices.filter(({ kind }) => kind === 'videoinput').length > 1);
    } catch (error) {
      const { name, message } = error as Error;
      setWrong(WORDS[name] ?? `The camera cannot be used: ${message}`);
    }
  };
  useEffect(() => stop, []);
  return {
    ...{ stream, several, wrong, stop, mirrored: facing === 'user' },
    start: () => void start(facing),
    turn: () => void start(facing === 'user' ? 'environment' : 'user'),
  };
}
