import { freemem } from 'node:os';

import { ProcessingError } from '../../errors.js';
import { Hdf5File, type Hdf5Data } from '../../io/index.js';
import type { SpectralData } from './spectral-data.js';

/** Trials, tapers, frequencies, channels. */
export type SlabShape = readonly [number, number, number, number];

/** What one call works on: one trial and a block of channels. */
export interface Slab {
  readonly shape: SlabShape;
  readonly data: ArrayLike<number>;
}

export interface CallOptions {
  /** True: the shape of the result only. */
  readonly noCompute?: boolean;
}

export type CallResult<M> =
  | { readonly kind: 'dry'; readonly shape: SlabShape; readonly dtype: 'float32' }
  | { readonly kind: 'done'; readonly shape: SlabShape; readonly data: Float32Array; readonly metadata: M };

interface Call {
  readonly trial: number;
  /** Number of the channel block, and its channels from first to last (excluded). */
  readonly block: number;
  readonly channels: readonly [number, number];
}

/** What a run will write, known before anything runs. */
export interface RoutineDescription {
  readonly outputShape: SlabShape;
  readonly dtype: 'float32';
  readonly chunkShape: SlabShape;
  readonly bytes: number;
  readonly calls: number;
}

export interface ComputeOptions {
  /** Ignored beyond the form of the file: processes come from the workflow, one per recording. */
  readonly parallel?: boolean | null;
  /** Each call writes a dataset of its own, which the run puts together at its end. Default: as `parallel`. */
  readonly parallelStore?: boolean | null;
  /** Name of another `compute...` method to use. */
  readonly method?: string;
  /** Largest share of the free memory that one result chunk may take. */
  readonly memThresh?: number;
  /** What the log entry records. */
  readonly logDict?: Readonly<Record<string, unknown>>;
  readonly parallelDebug?: boolean;
}

interface Plan {
  readonly data: SpectralData;
  readonly calls: readonly Call[];
  readonly keepTrials: boolean;
  readonly description: RoutineDescription;
}

/** A computation over trials and channel blocks with a dry pass, a preallocated container, metadata and a log. */
export abstract class ComputationalRoutine<O extends CallOptions, M> {
  readonly options: O;
  /** Things the user should know that stopped nothing. */
  readonly warnings: string[] = [];
  #plan: Plan | null = null;
  #metadata = new Map<string, M>();

  constructor(options: O) {
    this.options = options;
  }

  /** One call; must answer `noCompute` without touching the data. */
  abstract call(slab: Slab, options: O): CallResult<M>;
  /** The metadata of one call as the container stores it. */
  abstract encode(metadata: M): Readonly<Record<string, Hdf5Data>>;

  /** The data that are computed on; a subclass may average trials first. */
  protected prepare(data: SpectralData, _keepTrials: boolean): SpectralData {
    return data;
  }

  /**
   * The dry pass: shapes, type, bytes and calls of the run.
   *
   * @param outStackingDim - axis on which trials are stacked; only 0 (time) can be
   * @throws ProcessingError INVALID_ARGUMENT, SHAPE_MISMATCH when trials cannot be put together
   */
  initialize(
    given: SpectralData,
    outStackingDim: number,
    { chanPerWorker = null, keepTrials = true }: { chanPerWorker?: number | null; keepTrials?: boolean } = {},
  ): RoutineDescription {
    if (outStackingDim !== 0) throw invalid('trials are stacked on axis 0', 'give 0 as outStackingDim');
    if (chanPerWorker !== null && !(Number.isInteger(chanPerWorker) && chanPerWorker > 0)) {
      throw invalid(
        `chanPerWorker ${chanPerWorker} is no number of channels`,
        'give a whole number from 1 on',
      );
    }
    const data = this.prepare(given, keepTrials);
    const [trials, tapers, bins, channels] = data.shape;
    if (chanPerWorker !== null && !keepTrials)
      this.warnings.push('chanPerWorker is ignored when trials are averaged');
    const width = chanPerWorker === null || !keepTrials ? channels : Math.min(chanPerWorker, channels);
    const calls: Call[] = [];
    let chunkShape: SlabShape = [0, 0, 0, 0];
    for (let trial = 0; trial < trials; trial++) {
      for (let start = 0, block = 0; start < channels; start += width, block++) {
        const end = Math.min(start + width, channels);
        const slab = { shape: [1, tapers, bins, end - start] as const, data: [] };
        const { shape } = this.call(slab, { ...this.options, noCompute: true });
        chunkShape = chunkShape.map((size, axis) => Math.max(size, shape[axis]!)) as unknown as SlabShape;
        calls.push({ trial, block, channels: [start, end] });
      }
    }
    const outputShape: SlabShape = [keepTrials ? trials : 1, chunkShape[1], chunkShape[2], channels];
    const description = {
      outputShape,
      dtype: 'float32',
      chunkShape,
      bytes: 4 * outputShape.reduce((product, size) => product * size, 1),
      calls: calls.length,
    } as const;
    this.#plan = { data, calls, keepTrials, description };
    return description;
  }

  /** @throws ProcessingError INVALID_ARGUMENT before `initialize` */
  describe(): RoutineDescription {
    return this.#planned().description;
  }

  /**
   * Runs every call and writes the container `out`.
   *
   * @throws ProcessingError INVALID_ARGUMENT before `initialize`, MEMORY_LIMIT when a chunk is too large
   */
  async compute(given: SpectralData, out: string, options: ComputeOptions = {}): Promise<void> {
    const plan = this.#planned();
    const { memThresh = 0.5, method } = options;
    const chunkBytes = 4 * plan.description.chunkShape.reduce((product, size) => product * size, 1);
    if (!(chunkBytes < memThresh * freemem())) {
      throw new ProcessingError(
        'MEMORY_LIMIT',
        `a result chunk takes ${chunkBytes} bytes, more than ${memThresh} of the ${freemem()} that are free`,
        { cure: 'compute fewer channels per call with chan_per_worker, or raise mem_thresh' },
      );
    }
    this.#metadata = new Map();
    const file = await this.preallocateOutput(out);
    try {
      const chosen =
        method ??
        (options.parallel === true || options.parallelDebug === true
          ? 'computeParallel'
          : 'computeSequential');
      const run = (this as unknown as Record<string, unknown>)[chosen];
      if (!chosen.startsWith('compute') || typeof run !== 'function') {
        throw invalid(`there is no method ${chosen}`, 'name a method that starts with compute');
      }
      await (run as (file: Hdf5File, options: ComputeOptions) => Promise<void> | void).call(
        this,
        file,
        options,
      );
      this.processMetadata(file);
      this.writeLog(file, given, options.logDict ?? {});
      file.close();
    } catch (error) {
      file.discard();
      throw error;
    }
  }

  /** The container with its dataset in full size. */
  async preallocateOutput(out: string): Promise<Hdf5File> {
    const { outputShape } = this.describe();
    const file = await Hdf5File.create(out);
    const size = outputShape.reduce((product, axis) => product * axis, 1);
    file.createDataset('data', { shape: outputShape, data: new Float32Array(size) });
    return file;
  }

  /** Call after call into the preallocated dataset, flushed after each trial. */
  computeSequential(file: Hdf5File): void {
    const { data, calls, keepTrials } = this.#planned();
    const sum = keepTrials ? null : new Float64Array(this.describe().outputShape.reduce((a, b) => a * b, 1));
    for (const [i, call] of calls.entries()) {
      const result = this.#run(data, call);
      if (sum === null) {
        this.#store(file, call, result);
        if (calls[i + 1]?.trial !== call.trial) file.flush();
      } else for (let k = 0; k < sum.length; k++) sum[k]! += result[k]!;
    }
    if (sum === null) return;
    const { outputShape } = this.describe();
    file.writeSlab(
      'data',
      outputShape.map((size) => [0, size]),
      Float32Array.from(sum, (value) => value / data.shape[0]),
    );
  }

  /** The order of a parallel run: all calls first, each result by itself, then the container. */
  computeParallel(file: Hdf5File, { parallelStore = true }: ComputeOptions): void {
    const { data, calls, keepTrials } = this.#planned();
    if (!keepTrials) {
      if (parallelStore === true) this.warnings.push('parallelStore is ignored when trials are averaged');
      this.computeSequential(file);
      return;
    }
    const results = calls.map((call) => this.#run(data, call));
    for (const [i, call] of calls.entries()) this.#store(file, call, results[i]!);
  }

  /** Metadata of every call, as `<key>__<trial>_<block>` of the group `metadata`. */
  processMetadata(file: Hdf5File): void {
    for (const [name, metadata] of this.#metadata) {
      const encoded = Object.entries(this.encode(metadata)).map(([key, value]) => [`${key}__${name}`, value]);
      file.setAttributes(Object.fromEntries(encoded), 'metadata');
    }
  }

  /** Axes, trials and the log with what produced this file. */
  writeLog(file: Hdf5File, given: SpectralData, logDict: Readonly<Record<string, unknown>>): void {
    const { data } = this.#planned();
    const entry = JSON.stringify({ routine: this.constructor.name, ...logDict });
    const frequencies = this.outputFrequencies(data);
    file.createDataset('freq', { shape: [frequencies.length], data: frequencies });
    const trials = Array.from(
      { length: this.describe().outputShape[0] },
      (_, i) => data.trialdefinition[i] ?? [i, i + 1, 0],
    );
    file.createDataset('trialdefinition', {
      shape: [trials.length, 3],
      data: Float64Array.from(trials.flat()),
    });
    file.setAttributes({
      dimord: ['time', 'taper', 'freq', 'channel'],
      channel: data.channel,
      samplerate: data.samplerate ?? 'None',
      _log: given.log === '' ? entry : `${given.log}\n${entry}`,
      _version: data.version,
    });
  }

  /** Frequency axis of the result. */
  protected outputFrequencies(data: SpectralData): Float64Array {
    return data.freq;
  }

  #planned(): Plan {
    if (this.#plan === null) {
      throw invalid('the routine was not initialised', 'call initialize(data, 0) before compute');
    }
    return this.#plan;
  }

  #run(data: SpectralData, call: Call): Float32Array {
    const result = this.call(slabOf(data, call), this.options);
    if (result.kind === 'dry') throw invalid('noCompute is set', 'leave noCompute out to compute');
    this.#metadata.set(`${call.trial}_${call.block}`, result.metadata);
    return result.data;
  }

  #store(file: Hdf5File, { trial, channels }: Call, result: Float32Array): void {
    const { outputShape } = this.describe();
    file.writeSlab('data', [[trial, trial + 1], [0, outputShape[1]], [0, outputShape[2]], channels], result);
  }
}

function slabOf({ shape, data }: SpectralData, { trial, channels: [from, to] }: Call): Slab {
  const [, tapers, bins, channels] = shape;
  const width = to - from;
  const slab = new Float64Array(tapers * bins * width);
  const start = trial * tapers * bins * channels;
  for (let row = 0; row < tapers * bins; row++) {
    for (let channel = 0; channel < width; channel++) {
      slab[row * width + channel] = data[start + row * channels + from + channel]!;
    }
  }
  return { shape: [1, tapers, bins, width], data: slab };
}

function invalid(message: string, cure: string): ProcessingError {
  return new ProcessingError('INVALID_ARGUMENT', message, { cure });
}
