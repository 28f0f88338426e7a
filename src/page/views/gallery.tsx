// Faces that tell most: what was said wrong with the greatest confidence, and what was said with the least.
import { Fragment } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { percent, whole } from '../format';
import type { PagePredictions, PageRun } from '../protocol';
import { readSamplesAddress, type SamplesAddress } from './address';
import { classColour, css } from './colours';
import { fileName, signed } from './figures';
import { useInFrames } from './frames';
import { type Order, pick } from './measures';
import { Choice, Dot, Photograph, Select, useRun } from './parts';
import type { View, ViewProps } from './view';

/** Cards that are shown at first, and that `more` adds; so many of them are made in a frame. */
const AT_ONCE = 60;
const EACH = 12;

const hasSamples = ({ predictions }: PageRun): boolean => predictions !== null && predictions.expression.length > 0;

export const gallery: View = {
  id: 'gallery',
  title: 'Gallery',
  has: (runs) => runs.some(hasSamples),
  Component({ runs, picture }: ViewProps) {
    const asked = useAddress();
    // Another address begins anew.
    return (
      <Gallery key={asked && JSON.stringify(asked)} asked={asked} runs={runs.filter(hasSamples)} picture={picture} />
    );
  },
};

/** The samples that the page's address asks for. */
function useAddress(): SamplesAddress | null {
  const [asked, setAsked] = useState(() => readSamplesAddress(location.hash));
  useEffect(() => {
    const read = (): void => setAsked(readSamplesAddress(location.hash));
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  return asked;
}

function Gallery({ asked, runs, picture }: ViewProps & { readonly asked: SamplesAddress | null }) {
  const [run, control] = useRun(runs, asked?.run);
  const predictions = run.predictions as PagePredictions;
  const { classes } = run;
  const within = (c: number | null | undefined): number | null =>
    c !== null && c !== undefined && c < classes.length ? c : null;
  const [truth, setTruth] = useState<number | null>(asked?.truth ?? null);
  const [said, setSaid] = useState<number | null>(asked?.said ?? null);
  const [order, setOrder] = useState<Order>(
    asked && asked.truth === asked.said && asked.truth !== null ? 'sure' : 'mistakes',
  );
  const [cards, setCards] = useState(AT_ONCE);
  const [open, setOpen] = useState<number | null>(null);
  const rows = useMemo(
    () => pick(predictions, { order, truth: within(truth), said: within(said) }),
    [predictions, order, truth, said, classes],
  );
  const list = useRef<HTMLUListElement>(null);
  const anew =
    <T,>(set: (value: T) => void) =>
    (value: T): void => {
      set(value);
      setCards(AT_ONCE);
    };
  const options: [string, string][] = [['', 'any'], ...classes.map((name, c): [string, string] => [String(c), name])];
  const place = (text: string): number | null => (text === '' ? null : Number(text));
  const text = (c: number | null): string => (within(c) === null ? '' : String(c));
  const last = Math.min(cards, rows.length);
  const wanted = useMemo(() => ({}), [rows, run.id, run.pictures, classes]);
  const shown = useInFrames(Math.ceil(last / EACH), wanted, (piece) => (
    <Fragment key={piece}>
      {Array.from(rows.subarray(piece * EACH, Math.min(last, (piece + 1) * EACH)), (row) => (
        <li key={row}>
          <Card run={run} predictions={predictions} row={row} address={picture(run, row)} open={() => setOpen(row)} />
        </li>
      ))}
    </Fragment>
  ));
  return (
    <>
      <div class="tools">
        {control}
        <Choice
          label="Order"
          options={[
            ['mistakes', 'Mistakes'],
            ['unsure', 'Least sure'],
            ['sure', 'Surest'],
          ]}
          value={order}
          choose={anew(setOrder)}
        />
        <Select label="True" options={options} value={text(truth)} choose={anew((c) => setTruth(place(c)))} />
        <Select label="Predicted" options={options} value={text(said)} choose={anew((c) => setSaid(place(c)))} />
      </div>
      <p class="muted" role="status">
        {rows.length === 0
          ? 'No face is like that.'
          : `${whole(rows.length)} ${rows.length === 1 ? 'face' : 'faces'}, ${WORDS[order]}`}
        {rows.length > 0 &&
          !predictions.confidence &&
          ' (in the order of the file: confidences are not known of this run)'}
      </p>
      <ul class="gallery" ref={list} onKeyDown={(event) => walk(event, list.current)}>
        {shown}
      </ul>
      {rows.length > last && (
        <button type="button" class="more" onClick={() => setCards(cards + AT_ONCE)}>
          {whole(Math.min(AT_ONCE, rows.length - last))} more
        </button>
      )}
      {open !== null && open < predictions.image.length && (
        <Large
          run={run}
          predictions={predictions}
          row={open}
          address={picture(run, open)}
          step={(by) => {
            const next = rows[rows.indexOf(open) + by];
            if (next !== undefined) setOpen(next);
          }}
          close={() => setOpen(null)}
        />
      )}
    </>
  );
}

const WORDS: Readonly<Record<Order, string>> = {
  mistakes: 'wrong, the surest first',
  unsure: 'the least sure first',
  sure: 'the surest first',
};

interface CardProps {
  readonly run: PageRun;
  readonly predictions: PagePredictions;
  readonly row: number;
  readonly address: string | null;
}

function Card({ run, predictions: p, row, address, open }: CardProps & { open(): void }) {
  const [truth, said] = [p.expression[row], p.predicted[row]];
  const name = (c: number): string => run.classes[c] ?? '?';
  return (
    <button type="button" class="card" onClick={open} title={p.image[row]}>
      <Photograph address={address} image={p.image[row]} />
      <span class="says">
        <Dot color={css(classColour(truth))} />
        <span class="name">{name(truth)}</span>
      </span>
      <span class="says">
        {truth === said ? (
          <span class="muted">recognised</span>
        ) : (
          <>
            <span class="hidden">taken for</span>
            <span class="muted" aria-hidden="true">
              →
            </span>
            <Dot color={css(classColour(said))} />
            <span class="name">{name(said)}</span>
          </>
        )}
        {p.confidence && <span class="sure">{percent(p.confidence[row], 0)}</span>}
      </span>
    </button>
  );
}

/** Arrow keys from card to card. */
function walk(event: KeyboardEvent, list: HTMLElement | null): void {
  const cards = [...(list?.querySelectorAll<HTMLElement>('.card') ?? [])];
  const at = cards.indexOf(document.activeElement as HTMLElement);
  if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  const top = cards[0].getBoundingClientRect().top;
  const across = cards.filter((card) => card.getBoundingClientRect().top === top).length;
  const to = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at - across,
    ArrowDown: at + across,
    Home: 0,
    End: cards.length - 1,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  cards[to]?.focus();
}

/** One face with all that is known of it; arrow keys go on to the next. */
function Large({
  run,
  predictions: p,
  row,
  address,
  step,
  close,
}: CardProps & { step(by: number): void; close(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const [truth, said] = [p.expression[row], p.predicted[row]];
  const name = (c: number): string => run.classes[c] ?? '?';
  const pair = (pairs: PagePredictions['valence'], which: 0 | 1): string =>
    pairs?.[row] ? signed(pairs[row][which]) : '–';
  return (
    <dialog
      ref={dialog}
      class="large"
      aria-label={p.image[row]}
      onClose={close}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
      onKeyDown={(event) => {
        if (event.key === 'ArrowLeft') step(-1);
        if (event.key === 'ArrowRight') step(1);
      }}
    >
      <div class="large-body">
        <div class="large-picture">
          <Photograph key={row} address={address} image={p.image[row]} />
        </div>
        <div aria-live="polite">
          <h2 class="name" title={p.image[row]}>
            {fileName(p.image[row])}
          </h2>
          <dl>
            <dt>True</dt>
            <dd>
              <Dot color={css(classColour(truth))} />
              {name(truth)}
              {p.likelihood && ` ${percent(p.likelihood[row])}`}
            </dd>
            <dt>Predicted</dt>
            <dd>
              <Dot color={css(classColour(said))} />
              {name(said)}
              {p.confidence && ` ${percent(p.confidence[row])}`}
            </dd>
            {p.valence && (
              <>
                <dt>Valence</dt>
                <dd>
                  {pair(p.valence, 0)} true, {pair(p.valence, 1)} predicted
                </dd>
              </>
            )}
            {p.arousal && (
              <>
                <dt>Arousal</dt>
                <dd>
                  {pair(p.arousal, 0)} true, {pair(p.arousal, 1)} predicted
                </dd>
              </>
            )}
            <dt>File</dt>
            <dd class="path">{p.image[row]}</dd>
          </dl>
        </div>
      </div>
      <div class="tools">
        <button type="button" onClick={() => step(-1)}>
          Previous
        </button>
        <button type="button" onClick={() => step(1)}>
          Next
        </button>
        <button type="button" class="last" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
