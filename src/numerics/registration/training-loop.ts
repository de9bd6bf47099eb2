import { setImmediate } from 'node:timers/promises';
import { NodeError, ProcessingError } from '../../errors.js';
import {
  type CheckpointIdentity,
  readCheckpoint,
  type TrainingState,
  writeCheckpoint,
} from './checkpoint.js';
import { LOSS_TERMS, type LossTerms } from './loss-terms.js';
import type { OptimizerSettings } from './settings.js';

/** What one step of a training reports. */
export interface StepReport {
  /** Ids of the subjects of the step. */
  readonly subjects: readonly string[];
  readonly loss: number;
  readonly terms: LossTerms;
  /** Euclidean norm of the gradient of everything that the step changes. */
  readonly gradNorm: number;
  /** Smallest Jacobian determinant of the displacements of the step. */
  readonly jacMin: number;
}

/** A training that goes in epochs of steps, and whose state can be stored at any point between two steps. */
export interface Training {
  readonly stepsPerEpoch: number;
  readonly learningRate: number;
  startEpoch(): void;
  step(index: number): Promise<StepReport>;
  finishEpoch(): Promise<void>;
  /** Everything that decides how training goes on. */
  exportState(): Promise<TrainingState>;
  importState(state: TrainingState): void;
  /** What training is for: template and weights or velocities. */
  exportModel(): Promise<TrainingState['arrays']>;
  importModel(arrays: TrainingState['arrays']): void;
  dispose(): void;
}

/** One epoch in the history of a training: means over its subjects. The same in every equal run. */
export interface EpochRecord {
  readonly epoch: number;
  readonly loss: number;
  readonly terms: LossTerms;
  readonly lr: number;
  /** Mean over the steps of the epoch. */
  readonly grad_norm: number;
  /** Smallest over the steps of the epoch. */
  readonly jac_min: number;
}

/** Progress after an epoch. */
export interface EpochEvent extends EpochRecord {
  readonly epochs: number;
  readonly seconds: number;
  readonly eta_seconds: number;
}

/** How a training runs: everything but the mathematics. */
export interface LoopOptions {
  readonly epochs: number;
  readonly optimizer: Pick<OptimizerSettings, 'patience' | 'min_delta' | 'checkpoint_every' | 'resume'>;
  /** null: nothing is stored, nothing is continued. */
  readonly checkpointDir: string | null;
  readonly identity: CheckpointIdentity;
  readonly signal?: AbortSignal | undefined;
  readonly onEpoch?: ((event: EpochEvent) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** How a training ended. */
export interface LoopResult {
  readonly history: EpochRecord[];
  /** Epoch whose model is the result, from 1. */
  readonly bestEpoch: number;
  readonly stoppedEarly: boolean;
  /** Epochs that were complete when a checkpoint was continued; null when training began at the start. */
  readonly resumedAfter: number | null;
}

/** Where a training stands; JSON-safe. */
interface Progress {
  epoch: number;
  /** Steps done in the current epoch. */
  position: number;
  sums: {
    subjects: number;
    steps: number;
    loss: number;
    gradNorm: number;
    jacMin: number | null;
    terms: LossTerms;
  };
  history: EpochRecord[];
  best: { epoch: number; loss: number } | null;
}

const MODEL = 'best/';

/**
 * Runs a training to its end, its early stop, its cancellation or its failure.
 *
 * State is stored every `checkpoint_every` epochs, at the end, and on cancellation between two steps; a stored
 * training continues bit for bit. With `patience` the model of the best epoch is restored at the end.
 *
 * @throws ProcessingError TRAINING_DIVERGED when a loss is not finite, CHECKPOINT with `resume: require`
 * @throws NodeError CANCELLED when the signal aborts
 */
export async function runTraining(training: Training, options: LoopOptions): Promise<LoopResult> {
  const run = new TrainingRun(training, options);
  await run.resume();
  while (!run.finished) {
    await run.epoch();
  }
  return run.result();
}

class TrainingRun {
  readonly #training: Training;
  readonly #options: LoopOptions;
  #progress: Progress = { epoch: 0, position: 0, sums: emptySums(), history: [], best: null };
  #bestModel: TrainingState['arrays'] = [];
  #resumedAfter: number | null = null;
  #stored = -1;
  readonly #startedMs = performance.now();

  constructor(training: Training, options: LoopOptions) {
    this.#training = training;
    this.#options = options;
  }

  get finished(): boolean {
    return this.#progress.epoch >= this.#options.epochs || this.#stoppedEarly;
  }

  get #stoppedEarly(): boolean {
    const { patience } = this.#options.optimizer;
    const { best, epoch } = this.#progress;
    return patience > 0 && best !== null && epoch - best.epoch >= patience;
  }

  async resume(): Promise<void> {
    const { checkpointDir, identity, optimizer, onWarning } = this.#options;
    if (checkpointDir === null) {
      if (optimizer.resume === 'require') {
        throw new ProcessingError('CHECKPOINT', 'resume is required, but no checkpoint directory is given', {
          cure: 'give checkpointDir, or take a resume of auto',
        });
      }
      return;
    }
    const state = await readCheckpoint(checkpointDir, identity, optimizer.resume, (message) =>
      onWarning?.(message),
    );
    if (state === null) return;
    const { progress, training } = state.scalars as {
      progress: Progress;
      training: Record<string, unknown>;
    };
    const isBest = ({ name }: { name: string }) => name.startsWith(MODEL);
    this.#training.importState({ scalars: training, arrays: state.arrays.filter((array) => !isBest(array)) });
    this.#bestModel = state.arrays
      .filter(isBest)
      .map((array) => ({ ...array, name: array.name.slice(MODEL.length) }));
    this.#progress = progress;
    this.#resumedAfter = progress.epoch;
    this.#stored = progress.epoch;
  }

  async epoch(): Promise<void> {
    const training = this.#training;
    while (this.#progress.position < training.stepsPerEpoch) {
      await this.#yieldOrCancel();
      // After the cancellation point: a state stored there has not begun its epoch yet.
      if (this.#progress.position === 0) training.startEpoch();
      this.#add(await training.step(this.#progress.position));
      this.#progress.position += 1;
    }
    await training.finishEpoch();
    await this.#closeEpoch();
    const { checkpoint_every: every } = this.#options.optimizer;
    if (this.#progress.epoch % every === 0 || this.finished) await this.#store();
  }

  result(): LoopResult {
    const { history, best, epoch } = this.#progress;
    if (best !== null) this.#training.importModel(this.#bestModel);
    return {
      history,
      bestEpoch: best?.epoch ?? epoch,
      stoppedEarly: this.#stoppedEarly && epoch < this.#options.epochs,
      resumedAfter: this.#resumedAfter,
    };
  }

  /** Lets timers, messages and the abort signal through: a step blocks the process. */
  async #yieldOrCancel(): Promise<void> {
    await setImmediate();
    if (this.#options.signal?.aborted !== true) return;
    await this.#store();
    const { epoch, position } = this.#progress;
    throw new NodeError('CANCELLED', 'training was cancelled', {
      where: `epoch ${epoch + 1} of ${this.#options.epochs}, after ${position} of ${this.#training.stepsPerEpoch} steps`,
      cure: 'run the same command again: training continues from its checkpoint',
    });
  }

  #add(report: StepReport): void {
    if (!Number.isFinite(report.loss) || !Number.isFinite(report.gradNorm)) this.#fail(report);
    const { sums } = this.#progress;
    const weight = report.subjects.length;
    sums.subjects += weight;
    sums.steps += 1;
    sums.loss += weight * report.loss;
    sums.gradNorm += report.gradNorm;
    sums.jacMin = Math.min(sums.jacMin ?? Infinity, report.jacMin);
    for (const name of LOSS_TERMS) {
      const term = report.terms[name];
      if (term !== undefined) sums.terms[name] = (sums.terms[name] ?? 0) + weight * term;
    }
  }

  #fail(report: StepReport): never {
    const terms = LOSS_TERMS.flatMap((name) =>
      report.terms[name] === undefined ? [] : [`${name} ${report.terms[name]}`],
    );
    const { epoch, position } = this.#progress;
    throw new ProcessingError(
      'TRAINING_DIVERGED',
      `training diverged: loss ${report.loss}, gradient norm ${report.gradNorm} (${terms.join(', ')})`,
      {
        where: `epoch ${epoch + 1}, step ${position + 1}, subject ${report.subjects.join(', ')}`,
        cure: 'lower learned_atlas.optimizer.lr (direct mode: direct_lr), or look at the volumes of these subjects',
      },
    );
  }

  async #closeEpoch(): Promise<void> {
    const progress = this.#progress;
    const { subjects, steps, loss, gradNorm, jacMin, terms } = progress.sums;
    progress.epoch += 1;
    progress.position = 0;
    progress.sums = emptySums();
    const record: EpochRecord = {
      epoch: progress.epoch,
      loss: loss / subjects,
      terms: Object.fromEntries(
        LOSS_TERMS.flatMap((name) => (terms[name] === undefined ? [] : [[name, terms[name] / subjects]])),
      ),
      lr: this.#training.learningRate,
      grad_norm: gradNorm / steps,
      jac_min: jacMin ?? Infinity,
    };
    progress.history.push(record);
    await this.#rate(record);
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const done = progress.epoch - (this.#resumedAfter ?? 0);
    const { epochs } = this.#options;
    const remaining = epochs - progress.epoch;
    this.#options.onEpoch?.({ ...record, epochs, seconds, eta_seconds: (seconds / done) * remaining });
  }

  /** Keeps the model of the best epoch, when somebody asked for it. */
  async #rate({ epoch, loss }: EpochRecord): Promise<void> {
    const { patience, min_delta: minDelta } = this.#options.optimizer;
    if (patience === 0) return;
    const { best } = this.#progress;
    // Relative to the size of the best loss; losses are sums of terms that are 0 or more.
    if (best !== null && !(loss < best.loss - minDelta * Math.abs(best.loss))) return;
    this.#progress.best = { epoch, loss };
    this.#bestModel = await this.#training.exportModel();
  }

  async #store(): Promise<void> {
    const { checkpointDir, identity } = this.#options;
    const { epoch, position } = this.#progress;
    if (checkpointDir === null || (this.#stored === epoch && position === 0)) return;
    const { scalars, arrays } = await this.#training.exportState();
    const best = this.#bestModel.map((array) => ({ ...array, name: MODEL + array.name }));
    await writeCheckpoint(checkpointDir, identity, {
      scalars: { progress: this.#progress, training: scalars },
      arrays: [...arrays, ...best],
    });
    this.#stored = position === 0 ? epoch : -1;
  }
}

function emptySums(): Progress['sums'] {
  return { subjects: 0, steps: 0, loss: 0, gradNorm: 0, jacMin: null, terms: {} };
}
