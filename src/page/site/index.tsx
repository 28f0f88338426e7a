// The static site: the network itself, in this browser. The page's frame calls `mount`.
import { render } from 'preact';
import { useEffect, useMemo, useReducer, useState } from 'preact/hooks';
import { useCamera } from './camera';
import { Client, type EngineView } from './client';
import { areOfRun, chosenFiles, type Dropped, droppedFiles, type Given, givenPicture, picturesAmong } from './pictures';
import './site.css';
import { type Collected, newLabel, Teach } from './teach';
import { FileButton, type Looking, Try } from './try';

export function mount(root: HTMLElement): void {
  render(<SiteApp />, root);
}

const VIEWS = [
  { id: 'try', title: 'Try' },
  { id: 'teach', title: 'Teach' },
] as const;

/** Of a run: what its network is made of. */
const WANTED = /(^|\/)(args|config)\.json$|\.safetensors$/;

/** Longest file of a run that is read: DenseNet-121's weights have 28 MB. */
const MOST = 2 ** 29;

function SiteApp() {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const client = useMemo(() => new Client(), []);
  client.onChange = () => redraw(null);
  const engine = client.view;
  const camera = useCamera();
  const view = useView();
  const [looking, setLooking] = useState<Looking>({ whole: false, target: null });
  const [pictures, setPictures] = useState<readonly Given[]>([]);
  const [chosen, choose] = useState(0);
  const [wrong, setWrong] = useState('');
  const [collected, change] = useState<Collected>(() => ({
    ...{ labels: [newLabel('happy'), newLabel('sad')], laps: [], busy: false, word: '', wrong: '' },
  }));

  useEffect(() => {
    document.title = `${view === 'try' ? 'Try' : 'Teach'} · emotion-gcn`;
  }, [view]);

  const look = (files: readonly File[]): void => {
    if (files.length === 0) return;
    setWrong('');
    camera.stop();
    for (const { url } of pictures) URL.revokeObjectURL(url);
    setPictures(picturesAmong(files).map(givenPicture));
    choose(0);
    location.hash = 'try';
  };
  const take = async (files: readonly Dropped[] | null): Promise<void> => {
    setWrong('');
    try {
      const read = async ({ path, file }: Dropped) => {
        const wanted = WANTED.test(path);
        if (wanted && file.size > MOST) throw new Error(`${path}: is longer than any network’s weights`);
        // Of the others their names alone.
        return { path, bytes: wanted ? new Uint8Array(await file.arrayBuffer()) : new Uint8Array() };
      };
      await client.take(files && (await Promise.all(files.map(read))));
      setLooking((before) => ({ ...before, target: null }));
    } catch (error) {
      setWrong(`The network is as before: ${(error as Error).message}.`);
    }
  };
  const receive = (files: readonly Dropped[]): void => {
    if (areOfRun(files)) void take(files);
    else look(files.map(({ file }) => file));
  };

  useEffect(() => {
    const over = (event: DragEvent): void => event.preventDefault();
    const drop = (event: DragEvent): void => {
      event.preventDefault();
      if (event.dataTransfer) droppedFiles(event.dataTransfer).then(receive, ({ message }) => setWrong(message));
    };
    const paste = ({ clipboardData }: ClipboardEvent): void => look([...(clipboardData?.files ?? [])]);
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    addEventListener('paste', paste);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('drop', drop);
      removeEventListener('paste', paste);
    };
  });

  return (
    <>
      <div class="head">
        <nav aria-label="Views">
          <ul>
            {VIEWS.map(({ id, title }) => (
              <li key={id}>
                <a href={`#${id}`} aria-current={id === view ? 'page' : undefined}>
                  {title}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <NetworkLine engine={engine} take={take} />
      </div>
      <StandingLine engine={engine} />
      {wrong && <p role="alert">{wrong}</p>}
      <h1 class="hidden">{view === 'try' ? 'Try the network' : 'Teach the network'}</h1>
      {view === 'try' ? (
        <Try
          {...{ client, engine, camera, pictures, chosen, choose, looking, setLooking }}
          learning={collected.busy}
          addFiles={(files) => receive(chosenFiles(files))}
        />
      ) : (
        <Teach
          {...{ client, engine, camera, collected, change }}
          whole={looking.whole}
          setWhole={(whole) => setLooking({ ...looking, whole })}
        />
      )}
    </>
  );
}

/** Which network answers, and how another is taken. */
function NetworkLine({
  engine: { network },
  take,
}: {
  readonly engine: EngineView;
  take(files: readonly Dropped[] | null): Promise<void>;
}) {
  if (!network) return null;
  return (
    <div class="network">
      <span>
        <b>{network.name}</b>{' '}
        <span class="muted">
          {network.model} on {network.network}, {network.classes.length} classes, {network.imageSize} px
        </span>
      </span>
      <FileButton label="Open a run" folder onFiles={(files) => void take(chosenFiles(files))} />
      {network.from !== 'site' && (
        <button type="button" onClick={() => void take(null)}>
          Back to the site’s
        </button>
      )}
    </div>
  );
}

function StandingLine({ engine: { standing, machine } }: { readonly engine: EngineView }) {
  const words = {
    loading: () => 'Loading the networks …',
    ready: () => `Computes on ${machine?.adapter}${machine?.software ? ', on the CPU' : ''}`,
    lost: (why: string) => `The graphics device was lost${why ? ` (${why})` : ''}. It is being opened again …`,
    broken: (why: string) => `The network cannot compute here: ${why}`,
  };
  const why = 'why' in standing ? standing.why : '';
  return (
    <div class="standing" data-standing={standing.kind} role="status">
      {words[standing.kind](why)}
      {standing.kind === 'loading' && (
        <progress aria-label="Networks that are here" value={standing.loaded} max={standing.total || 1} />
      )}
    </div>
  );
}

function useView(): 'try' | 'teach' {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const read = (): void => setHash(location.hash);
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  return hash === '#teach' ? 'teach' : 'try';
}
