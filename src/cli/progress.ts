// What a run says while it goes on, by --progress: bars on a terminal, a line now and then, JSON, or nothing.
import { type Command, Option } from 'commander';
import { InputError } from '../base/errors';
import type { StepEvent, TrainHooks } from '../train/loop/events';
import type { EpochRow } from '../train/run/results';
import type { BestBy, EpochScores } from '../train/settings/best';
import { decimal, duration, memory, percent } from './format';
import { countPanel, type PanelOptions, SparkCurve, stepPanel } from './panel';
import { PROGRESS, type ProgressKind, type Terminal, terminal } from './terminal';

/** Seconds between lines where nothing is drawn in place, and between JSON's lines of a count. */
const INTERVAL = { lines: 10, json: 1 };

/** Gives a command `--progress` and `--quiet`, which its action does not see: they are no settings of what it does. */
export function addProgress(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--progress <HOW>',
        `how it says how it goes: ${PROGRESS.join(', ')} (json: an object a line on stdout, the result too; default: bar on a terminal, else lines)`,
      ),
    )
    .option('--quiet', 'the same as --progress off: results and errors alone')
    .hook('preAction', (it) => {
      const given: ProgressFlags = it.opts();
      terminal.progress = progressOf(given);
      delete given.progress;
      delete given.quiet;
    });
}

interface ProgressFlags {
  progress?: string;
  quiet?: true;
}

/** @throws InputError for another word, or for both flags */
function progressOf({ progress, quiet }: ProgressFlags): ProgressKind {
  if (quiet && progress !== undefined) throw new InputError('--quiet is --progress off: give one of them');
  if (quiet) return 'off';
  const how = PROGRESS.find((name) => name === (progress ?? 'bar'));
  if (!how) throw new InputError(`--progress expects one of ${PROGRESS.join(', ')}, found ${JSON.stringify(progress)}`);
  return how === 'bar' && !terminal.canDraw ? 'lines' : how;
}

export class ProgressView implements Required<Pick<TrainHooks, 'onNotice' | 'onPrepare' | 'onStep' | 'onEpoch'>> {
  private lastTold = Number.NEGATIVE_INFINITY;
  private epochs = 0;
  private begun: { done: number; time: number } | null = null;
  private readonly left = new TimeLeft();
  private readonly curve = new SparkCurve();

  /**
   * @param what what `onPrepare` counts
   * @param by what the best epoch is the best by
   */
  constructor(
    private readonly what = 'preparing faces',
    private readonly by: BestBy = 'accuracy',
    private readonly to: Terminal = terminal,
  ) {}

  readonly onNotice = (line: string): void => this.to.say(line);

  /** @param total null: nobody knows */
  readonly onPrepare = (done: number, total: number | null): void => {
    const { what, to } = this;
    const time = performance.now();
    // How many there are is soon seen where nobody knows.
    if (!this.begun && total === null) this.lastTold = time / 1000;
    this.begun ??= { done, time };
    const perSecond = (1000 * (done - this.begun.done)) / (time - this.begun.time);
    const count = { what, done, total, perSecond };
    if (to.progress === 'bar') this.draw((options) => countPanel(count, options));
    else if (to.progress === 'json') {
      if (this.isDue(INTERVAL.json) || done === total) to.event('count', { what, done, total });
    } else this.line(total === null ? `${done} ${what}` : `${what}  ${done}/${total}`);
    if (done !== total) return;
    this.begun = null;
    this.stop();
  };

  readonly onStep = (event: StepEvent): void => {
    const { phase, epoch, epochs, step, steps, loss, cat, cont, accuracy, imagesPerSecond, bytes, best } = event;
    this.epochs = epochs;
    const left = this.left.after(event);
    if (phase === 'train' && event.batchLoss !== null) this.curve.add(event.batchLoss);
    if (this.to.progress === 'bar') {
      const { by, curve } = this;
      this.draw((options) => stepPanel(event, { left, by, curve }, options));
    } else if (this.to.progress === 'json') {
      const of = phase === 'train' ? 'train' : 'val';
      this.to.event('step', {
        ...{ phase, epoch, epochs, step, steps, lr: event.lr },
        ...{ [`${of}_loss`]: loss, [`${of}_cat`]: cat, [`${of}_cont`]: cont, [`${of}_accuracy`]: accuracy },
        ...{ images_per_second: imagesPerSecond, seconds_left: left, bytes, best_epoch: best && best.epoch + 1 },
      });
    } else {
      const parts = [
        loss === null
          ? `accuracy ${percent(accuracy)}`
          : `loss ${decimal(loss)}${cont === null ? '' : ` (${decimal(cat)} + ${decimal(cont)})`}`,
        `${imagesPerSecond.toPrecision(3)} images/s`,
        `${duration(left)} left`,
        memory(bytes),
      ];
      const title = phase === 'train' ? `epoch ${epoch}/${epochs}` : 'validating';
      this.line(`${title}  ${step}/${steps}  ${parts.join('  ')}`);
    }
  };

  readonly onEpoch = (row: EpochRow, best: EpochScores): void => {
    const { to, epochs } = this;
    if (to.progress === 'off') return;
    if (to.progress === 'json') {
      to.event('epoch', { ...row, epochs, best_epoch: best.epoch + 1 });
      return;
    }
    const ccc = row.val_ccc_valence === null ? [] : [decimal(row.val_ccc_valence), decimal(row.val_ccc_arousal)];
    const parts = [
      `epoch ${row.epoch}/${epochs}: loss ${decimal(row.train_loss)}`,
      `accuracy ${percent(row.train_accuracy)}`,
      `validation loss ${decimal(row.val_loss)}`,
      `accuracy ${percent(row.val_accuracy)}`,
      ...(ccc.length > 0 ? [`CCC ${ccc.join(' ')}`] : []),
      duration(row.seconds ?? Number.NaN),
    ];
    to.print(parts.join('  '));
  };

  /** Takes what is drawn away; the next step shows it again. */
  stop(): void {
    this.to.live.end();
  }

  private draw(panel: (options: PanelOptions) => string[]): void {
    const colours = this.to.hasColours;
    this.to.live.show((columns) => panel({ columns, colours }));
  }

  private line(text: string): void {
    if (this.isDue(INTERVAL.lines)) this.to.say(text);
  }

  /** Whether so many seconds have gone since it last was. */
  private isDue(seconds: number): boolean {
    const now = performance.now() / 1000;
    if (now - this.lastTold < seconds) return false;
    this.lastTold = now;
    return true;
  }
}

/** Estimates the seconds until the end of a run from the pace of its steps; NaN before there is one. */
export class TimeLeft {
  private readonly pace = { train: { seconds: 0, steps: 0 }, validate: { seconds: 0, steps: 0 } };
  private last: { phase: StepEvent['phase']; time: number } | null = null;

  constructor(private readonly now: () => number = () => performance.now() / 1000) {}

  after({
    phase,
    epoch,
    epochs,
    step,
    steps,
  }: Pick<StepEvent, 'phase' | 'epoch' | 'epochs' | 'step' | 'steps'>): number {
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
