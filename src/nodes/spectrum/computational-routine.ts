import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';

import { ProcessingError } from '../../errors.js';
import { Hdf5File, Hdf5Writer, type Hdf5Data } from '../../io/index.js';
import { RoutineWorkers } from './routine-workers.js';
import { writeAxes } from './spectral-container.js';
import type { SpectralData } from './spectral-data.js';

/** Where worker processes find a routine: a module, and the exported class whose static `computeFunction` is one call. */
export interface WorkerModule {
  readonly url: string;
  readonly exportName: string;
}

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

/** Options of `compute` of a compute routine: worker processes, and where the result is written. */
export interface ComputeOptions {
  /** Calls run in worker processes; null: no. */
  readonly parallel?: boolean | null;
  /**
   * Each worker writes the result of a call into a file of its own (`<k>.h5`, dataset `chk`), and the container is put together at
   * the end; otherwise results come back by message, one after the other. The container is the same. Default: as `parallel`.
   */
  readonly parallelStore?: boolean | null;
  /** Worker processes; default: one per processor. */
  readonly workers?: number;
  /** Name of another `compute...` method to use. */
  readonly method?: string;
  /** Largest share of the free memory that one result chunk may take. */
  readonly memThresh?: number;
  /** What the log entry records. */
  readonly logDict?: Readonly<Record<string, unknown>>;
  /** The order of a parallel run within this process. */
  readonly parallelDebug?: boolean;
}

interface Plan {
  readonly data: SpectralData;
  readonly calls: readonly Call[];
  readonly keepTrials: boolean;
  readonly description: RoutineDescription;
  /** Hz. */
  readonly frequencies: Float64Array;
}

/** A computation over trials and channel blocks with a dry pass, a preallocated container, metadata and a log. */
export abstract class ComputationalRoutine<O extends CallOptions, M> {
  readonly options: O;
  /** Things the user should know that stopped nothing. */
  readonly warnings: string[] = [];
  #plan: Plan | null = null;
  #metadata = new Map<string, M>();
  #out = '';

  constructor(options: O) {
    this.options = options;
  }

  /** One call; must answer `noCompute` without touching the data. */
  abstract call(slab: Slab, options: O): CallResult<M>;
  /** The metadata of one call as the container stores it. */
  abstract encode(metadata: M): Readonly<Record<string, Hdf5Data>>;

  /** How worker processes find this routine; null: it runs within this process. */
  protected workerModule(): WorkerModule | null {
    return null;
  }

  /** Metadata of the last run by `<trial>_<block>`. */
  get metadata(): ReadonlyMap<string, M> {
    return this.#metadata;
  }

  /**
   * Frequency axis of the result, Hz.
   *
   * @throws ProcessingError INVALID_ARGUMENT before `initialize`
   */
  get frequencies(): Float64Array {
    return this.#planned().frequencies;
  }

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
    this.#plan = { data, calls, keepTrials, description, frequencies: this.outputFrequencies(data) };
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
    const workers = options.parallel === true ? workerCount(plan, options) : 1;
    const free = Math.floor(freemem() / workers);
    if (!(chunkBytes < memThresh * free)) {
      const each = workers === 1 ? '' : ` for each of ${workers} workers`;
      throw new ProcessingError(
        'MEMORY_LIMIT',
        `a result chunk takes ${chunkBytes} bytes, more than ${memThresh} of the ${free} that are free${each}`,
        { cure: 'compute fewer channels per call with chan_per_worker, or raise mem_thresh' },
      );
    }
    this.#metadata = new Map();
    this.#out = out;
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
      await (run as (file: Hdf5Writer, options: ComputeOptions) => Promise<void> | void).call(
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
  preallocateOutput(out: string): Hdf5Writer | Promise<Hdf5Writer> {
    const { outputShape } = this.describe();
    const file = Hdf5Writer.create(out);
    try {
      file.preallocate('data', 'float32', outputShape);
    } catch (error) {
      file.discard();
      throw error;
    }
    return file;
  }

  /** Call after call into the preallocated dataset. */
  computeSequential(file: Hdf5Writer): void {
    const { data, calls, keepTrials } = this.#planned();
    if (keepTrials || calls.length === 1) {
      for (const call of calls) this.#store(file, call, this.#run(data, call));
      return;
    }
    const { outputShape } = this.describe();
    const mean = new Float64Array(outputShape.reduce((product, size) => product * size, 1));
    for (const call of calls) {
      const result = this.#run(data, call);
      for (let k = 0; k < mean.length; k++) mean[k]! += result[k]!;
    }
    for (let k = 0; k < mean.length; k++) mean[k]! /= data.shape[0];
    file.writeSlab(
      'data',
      outputShape.map((size) => [0, size]),
      Float32Array.from(mean),
    );
  }

  /** Calls in worker processes; the container does not depend on which of them ends first. */
  async computeParallel(file: Hdf5Writer, options: ComputeOptions): Promise<void> {
    const plan = this.#planned();
    const { data, calls, keepTrials } = plan;
    if (!keepTrials && options.parallelStore === true) {
      this.warnings.push('parallelStore is ignored when trials are averaged');
    }
    const module = this.workerModule();
    if (module === null || options.parallelDebug === true || !keepTrials) {
      if (!keepTrials) return this.computeSequential(file);
      const results = calls.map((call) => this.#run(data, call));
      for (const [i, call] of calls.entries()) this.#store(file, call, results[i]!);
      return;
    }
    const store = options.parallelStore ?? true;
    const chunks = store ? await mkdtemp(`${this.#out}.chunks-`) : null;
    const pool = new RoutineWorkers(module, workerCount(plan, options));
    try {
      const done = await pool.run(
        calls.length,
        (k) => ({ slab: slabOf(data, calls[k]!), options: this.options }),
        (k) => (chunks === null ? null : join(chunks, `${k}.h5`)),
      );
      for (const [k, call] of calls.entries()) {
        const result = done[k]!;
        this.#metadata.set(`${call.trial}_${call.block}`, result.metadata as M);
        this.#store(file, call, result.data ?? (await readChunk(join(chunks!, `${k}.h5`))));
      }
    } finally {
      pool.close();
      if (chunks !== null) await rm(chunks, { recursive: true, force: true });
    }
  }

  /** Metadata of every call, as `<key>__<trial>_<block>` of the group `metadata`. */
  processMetadata(file: Hdf5Writer): void {
    for (const [name, metadata] of this.#metadata) {
      const encoded = Object.entries(this.encode(metadata)).map(([key, value]) => [`${key}__${name}`, value]);
      file.setAttributes(Object.fromEntries(encoded), 'metadata');
    }
  }

  /** Axes, trials and the log with what produced this file. */
  writeLog(file: Hdf5Writer, given: SpectralData, logDict: Readonly<Record<string, unknown>>): void {
    const { data } = this.#planned();
    const entry = JSON.stringify({ routine: this.constructor.name, ...logDict });
    const trials = Array.from(
      { length: this.describe().outputShape[0] },
      (_, i) => data.trialdefinition[i] ?? ([i, i + 1, 0] as const),
    );
    const log = given.log === '' ? entry : `${given.log}\n${entry}`;
    writeAxes(file, { ...data, freq: this.frequencies, trialdefinition: trials, log });
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

  #store(file: Hdf5Writer, { trial, channels }: Call, result: Float32Array): void {
    const { outputShape } = this.describe();
    file.writeSlab('data', [[trial, trial + 1], [0, outputShape[1]], [0, outputShape[2]], channels], result);
  }
}

function workerCount({ calls }: Plan, { workers = availableParallelism() }: ComputeOptions): number {
  return Math.max(1, Math.min(workers, calls.length));
}

async function readChunk(path: string): Promise<Float32Array> {
  const file = await Hdf5File.open(path);
  try {
    return file.read('chk').data as Float32Array;
  } finally {
    file.close();
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
