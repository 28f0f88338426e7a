// What a run says while it goes on: a bar on a terminal, else a line now and then. Results go to stdout, all else to stderr.
import { SingleBar } from 'cli-progress';
import type { StepEvent, TrainHooks } from '../train/loop/events';
import type { EpochRow } from '../train/run/results';
import { decimal, duration, memory, percent } from './format';
import { print, say } from './terminal';

/** Seconds between lines where there is no terminal. */
const INTERVAL = 10;

type Phase = StepEvent['phase'] | 'prepare';

export class ProgressView implements Required<Pick<TrainHooks, 'onNotice' | 'onPrepare' | 'onStep' | 'onEpoch'>> {
  private bar: SingleBar | null = null;
  private shown = '';
  private lastLine = Number.NEGATIVE_INFINITY;
  private epochs = 0;
  private readonly left = new TimeLeft();

  /** @param preparing what `onPrepare` counts */
  constructor(private readonly preparing = 'preparing faces') {}

  readonly onNotice = (line: string): void => {
    this.stop();
    say(line);
  };

  readonly onPrepare = (done: number, total: number): void => {
    this.show('prepare', this.preparing, done, total, '');
  };

  readonly onStep = (event: StepEvent): void => {
    const { phase, epoch, epochs, step, steps, loss, cat, cont, accuracy, imagesPerSecond, bytes } = event;
    this.epochs = epochs;
    const parts = [
      loss === null
        ? `accuracy ${percent(accuracy)}`
        : `loss ${decimal(loss)}${cont === null ? '' : ` (${decimal(cat)} + ${decimal(cont)})`}`,
      `${imagesPerSecond.toPrecision(3)} images/s`,
      `${duration(this.left.after(event))} left`,
      memory(bytes),
    ];
    const title = phase === 'train' ? `epoch ${epoch}/${epochs}` : 'validating';
    this.show(phase, title, step, steps, parts.join('  '));
  };

  readonly onEpoch = (row: EpochRow): void => {
    this.stop();
    const ccc = row.val_ccc_valence === null ? [] : [decimal(row.val_ccc_valence), decimal(row.val_ccc_arousal)];
    const parts = [
      `epoch ${row.epoch}/${this.epochs}: loss ${decimal(row.train_loss)}`,
      `accuracy ${percent(row.train_accuracy)}`,
      `validation loss ${decimal(row.val_loss)}`,
      `accuracy ${percent(row.val_accuracy)}`,
      ...(ccc.length > 0 ? [`CCC ${ccc.join(' ')}`] : []),
      duration(row.seconds ?? Number.NaN),
    ];
    print(parts.join('  '));
  };

  /** Takes the bar away; the next step shows it again. */
  stop(): void {
    this.bar?.stop();
    this.bar = null;
    this.shown = '';
  }

  private show(phase: Phase, title: string, done: number, total: number, text: string): void {
    if (!process.stderr.isTTY) {
      const now = performance.now() / 1000;
      if (now - this.lastLine < INTERVAL) return;
      this.lastLine = now;
      say(`${title}  ${done}/${total}  ${text}`.trimEnd());
      return;
    }
    if (this.shown !== phase || !this.bar) {
      this.stop();
      this.bar = new SingleBar({
        format: '{title} {bar} {value}/{total}  {text}',
        stream: process.stderr,
        barsize: 20,
        barCompleteChar: '━',
        barIncompleteChar: '╌',
        clearOnComplete: true,
        gracefulExit: false, // Ctrl-C is ours
      });
      this.bar.start(total, done, { title, text });
      this.shown = phase;
    }
    this.bar.update(done, { title, text });
    if (done === total) this.stop();
  }
}

/** Estimates the seconds until the end of a run from the pace of its steps; NaN before there is one. */
export class TimeLeft {
  private readonly pace = { train: { seconds: 0, steps: 0 }, validate: { seconds: 0, steps: 0 } };
  private last: { phase: Phase; time: number } | null = null;

  constructor(private readonly now: () => number = () => performance.now() / 1000) {}

  after({ phase, epoch, epochs, step, steps }: StepEvent): number {
    const time = this.now();
    const pace = this.pace[phase];
    pace.steps = steps;
    // A phase's first step holds what came before it, such as compiling.
    if (this.last?.phase === phase && step > 1) {
      const seconds = time - this.last.time;
      pace.seconds = pace.seconds === 0 ? seconds : 0.9 * pace.seconds + 0.1 * seconds;
    }
    this.last = { phase, time };
    const { train, validate } = this.pace;
    const whole = (p: typeof pace) => p.seconds * p.steps;
    if (pace.seconds === 0 && step < steps) return Number.NaN;
    const rest = pace.seconds * (steps - step) + (phase === 'train' ? whole(validate) : 0);
    return rest + (epochs - epoch) * (whole(train) + whole(validate));
  }
}
