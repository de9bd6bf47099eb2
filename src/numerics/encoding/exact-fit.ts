import { ProcessingError } from '../../errors.js';
import { matrix, type Matrix } from '../linalg/matrix.js';
import type { EncodingModel } from './encoding-model.js';
import { voxelDefect, type FitResult, type FitStatus } from './fit-result.js';
import type { MomentSource } from './moment-source.js';
import { PRF_FIT_COLUMNS } from '../../native/index.js';
import { momentSource, type KernelChoice } from './native-moments.js';
import type { Paradigm } from './paradigm.js';
import { PixelScan } from './pixel-scan.js';
import { ProjectedResponse } from './projected-response.js';
import { StartDictionary } from './start-dictionary.js';
import type { ParameterTable } from './tables.js';
import { StepRange, VoxelFit, VoxelScratch, type VoxelProblem, type VoxelSearch } from './voxel-fit.js';

export interface ExactFitOptions {
  readonly confounds?: Matrix | null;
  /** One more start per voxel. */
  readonly start?: ParameterTable | null;
  /** Parameters that stay at their start value. */
  readonly fixed?: readonly string[];
  /** Ranges of parameters; others keep those of the model. */
  readonly bounds?: Readonly<Record<string, readonly [number, number]>>;
  readonly startCount?: number;
  readonly maxIterations?: number;
  /** Default `auto`: the addon where it is built and has a kernel for the model. */
  readonly kernel?: KernelChoice;
  readonly onVoxel?: (done: number, total: number) => void;
}

/** How many starts take part in each round, and up to how many iterations; the last runs to the end. */
const ROUNDS = [
  { kept: Infinity, iterations: 0 },
  { kept: 4, iterations: 1 },
  { kept: 3, iterations: 2 },
  { kept: 2, iterations: 8 },
  { kept: 2, iterations: Infinity },
] as const;
/** Starts beside those of the grid, for fields of about a pixel. */
const PIXEL_STARTS = 2;
/** Voxels whose points are evaluated together; where the source makes whole fits, more. */
const BLOCK = 64;
const BLOCK_OF_FITS = 512;
/** As {@link PRF_FIT_COLUMNS} counts them. */
const STATUS = ['converged', 'at_bound', 'max_iterations'] as const satisfies readonly FitStatus[];

/**
 * The least-squares optimum of every voxel: several starts from the maxima of the correlation grid, then variable
 * projection with Levenberg-Marquardt. Voxels are independent: neither their order nor their number changes a bit.
 *
 * @param data - time x voxels
 * @throws ProcessingError SHAPE_MISMATCH, INVALID_ARGUMENT
 */
export function exactFit(
  model: EncodingModel,
  paradigm: Paradigm,
  data: Matrix,
  options: ExactFitOptions = {},
): FitResult {
  return new ExactFitter(model, paradigm, options).fit(data);
}

/** A voxel that can be fitted. */
interface Candidate {
  readonly voxel: number;
  readonly problem: VoxelProblem;
  /** Mean of the data, and their sum of squares about it. */
  readonly mean: number;
  readonly centred: number;
  readonly heldBaseline: number | null;
  fits: VoxelFit[];
}

/** The optimum of a voxel. */
interface Fitted {
  readonly theta: Float64Array;
  readonly amplitude: number;
  readonly ssq: number;
  /** Mean of the response there. */
  readonly mean: number;
  readonly iterations: number;
  readonly optima: number;
  readonly status: FitStatus;
}

interface Results {
  readonly parameters: Matrix;
  readonly r2: Float64Array;
  readonly ssq: Float64Array;
  readonly sigma2: Float64Array;
  readonly iterations: Int32Array;
  readonly optima: Int32Array;
  readonly status: FitStatus[];
}

class ExactFitter {
  readonly #model: EncodingModel;
  readonly #options: ExactFitOptions;
  readonly #response: ProjectedResponse;
  readonly #source: MomentSource;
  readonly #search: VoxelSearch;
  readonly #range: StepRange;
  readonly #scratch: VoxelScratch;
  readonly #dictionary: StartDictionary | null;
  readonly #scan: PixelScan | null;
  /** Of the parameters: where each stands, and which coordinate it is (-1: none). */
  readonly #columns: readonly {
    readonly column: number;
    readonly index: number;
    readonly isAmplitude: boolean;
  }[];
  /** Fits without a voxel. */
  readonly #idle: VoxelFit[] = [];

  constructor(model: EncodingModel, paradigm: Paradigm, options: ExactFitOptions) {
    this.#model = model;
    this.#options = options;
    const fixed = options.fixed ?? [];
    checkNames(model, fixed, 'fixedPars');
    checkNames(model, Object.keys(options.bounds ?? {}), 'bounds');
    if (fixed.length > 0 && (options.start ?? null) === null) {
      throw new ProcessingError('INVALID_ARGUMENT', 'fixed parameters need values to stay at', {
        where: 'fixedPars',
        cure: 'pass initPars',
      });
    }
    this.#response = new ProjectedResponse(model, paradigm, {
      confounds: options.confounds ?? null,
      removesMean: !fixed.includes('baseline'),
    });
    const names = this.#response.coordinates.map(({ name }) => name);
    this.#columns = model.getParameterLabels().map((label, column) => {
      return { column, index: names.indexOf(label), isAmplitude: label === 'amplitude' };
    });
    this.#source = momentSource(this.#response, options.kernel ?? 'auto');
    this.#search = searchOf(model, this.#response, options);
    this.#range = new StepRange(this.#response.coordinates);
    this.#scratch = new VoxelScratch(this.#source.layout.size);
    // With a coordinate held at a value per voxel there is no common grid.
    const { allowNegative, held } = this.#search;
    const [response, source] = [this.#response, this.#source];
    const isFree = !held.includes(true);
    const field = response.gaussianField;
    this.#dictionary = isFree
      ? new StartDictionary(response, source, options.startCount ?? 8, allowNegative)
      : null;
    this.#scan =
      isFree && field !== null ? new PixelScan(response, source, field, PIXEL_STARTS, allowNegative) : null;
  }

  fit(data: Matrix): FitResult {
    const labels = this.#model.getParameterLabels();
    const voxels = data.columns;
    checkHeld(this.#options, data);
    const results: Results = {
      parameters: matrix(voxels, labels.length),
      r2: new Float64Array(voxels).fill(NaN),
      ssq: new Float64Array(voxels).fill(NaN),
      sigma2: new Float64Array(voxels).fill(NaN),
      iterations: new Int32Array(voxels),
      optima: new Int32Array(voxels),
      status: new Array<FitStatus>(voxels),
    };
    const block = this.#source.fits === null ? BLOCK : BLOCK_OF_FITS;
    for (let first = 0; first < voxels; first += block) {
      const end = Math.min(first + block, voxels);
      this.#fitBlock(data, first, end, results);
      for (let v = first; v < end; v++) this.#options.onVoxel?.(v + 1, voxels);
    }
    return { ...results, parameters: { columns: labels, values: results.parameters } };
  }

  #fitBlock(data: Matrix, first: number, end: number, results: Results): void {
    const series = new Float64Array((end - first) * data.rows);
    const candidates: Candidate[] = [];
    for (let voxel = first; voxel < end; voxel++) {
      const row = series.subarray((voxel - first) * data.rows, (voxel - first + 1) * data.rows);
      for (let t = 0; t < data.rows; t++) row[t] = data.values[t * data.columns + voxel]!;
      const defect = voxelDefect(row);
      if (defect === null) candidates.push(this.#candidate(row, voxel, voxel - first));
      else this.#reject(voxel, defect, results);
    }
    if (this.#source.fits !== null) {
      this.#fitAtOnce(this.#source.fits, candidates, series, data.rows, results);
      return;
    }
    for (const candidate of candidates) this.#beginFits(candidate, series);
    for (const { kept, iterations } of ROUNDS) {
      const isStart = iterations === 0;
      const advancing: VoxelFit[] = [];
      for (const candidate of candidates) {
        this.#keepBest(candidate, kept);
        for (const fit of candidate.fits) if (fit.extend(iterations)) advancing.push(fit);
      }
      this.#advance(advancing, series, isStart);
    }
    for (const candidate of candidates) {
      const { fits } = candidate;
      const best = fits.reduce((a, b) => (b.ssq < a.ssq ? b : a));
      const iterations = fits.reduce((sum, fit) => sum + fit.iterations, 0);
      const optima = distinctOptima(fits, candidate.problem.total);
      this.#write(candidate, { ...pointOf(best), iterations, optima }, data.rows, results);
      this.#keepBest(candidate, 0);
    }
  }

  /** Whole fits by the source. */
  #fitAtOnce(
    fits: NonNullable<MomentSource['fits']>,
    candidates: readonly Candidate[],
    series: Float64Array,
    frames: number,
    results: Results,
  ): void {
    const size = this.#source.layout.size;
    const length = size + PRF_FIT_COLUMNS.length;
    const rows = new Float64Array(candidates.length * frames);
    const problems = new Float64Array(candidates.length * 2);
    const first = new Int32Array(candidates.length + 1);
    const starts: Float64Array[] = [];
    candidates.forEach((candidate, k) => {
      const { voxel, total, amplitude } = candidate.problem;
      starts.push(...this.#starts(series, candidate));
      first[k + 1] = starts.length;
      problems[2 * k] = total;
      problems[2 * k + 1] = amplitude ?? NaN;
      rows.set(series.subarray(voxel * frames, (voxel + 1) * frames), k * frames);
    });
    const points = new Float64Array(starts.length * size);
    starts.forEach((start, k) => points.set(start, k * size));
    const out = new Float64Array(candidates.length * length);
    const { quarter } = this.#range;
    fits({
      ...{ search: this.#search, quarter, voxels: candidates.length, series: rows, problems, first },
      ...{ starts: points, out },
    });
    candidates.forEach((candidate, k) => {
      const theta = out.subarray(k * length, k * length + size);
      const [amplitude, ssq, mean, iterations, optima, status] = out.subarray(
        k * length + size,
        (k + 1) * length,
      ) as unknown as readonly [number, number, number, number, number, number];
      const best = { theta, amplitude, ssq, mean, iterations, optima, status: STATUS[status]! };
      this.#write(candidate, best, frames, results);
    });
  }

  #reject(voxel: number, defect: FitStatus, { parameters, status }: Results): void {
    status[voxel] = defect;
    parameters.values.fill(NaN, voxel * parameters.columns, (voxel + 1) * parameters.columns);
  }

  #candidate(series: Float64Array, voxel: number, row: number): Candidate {
    const start = this.#startOf(voxel);
    const heldBaseline = start?.baseline ?? null;
    const centred = energyAbout(series, meanOf(series));
    if (heldBaseline !== null) for (let t = 0; t < series.length; t++) series[t] = series[t]! - heldBaseline;
    const mean = this.#response.project(series);
    const problem = { voxel: row, total: energyAbout(series, 0), amplitude: start?.amplitude ?? null };
    return { voxel, problem, mean, centred, heldBaseline, fits: [] };
  }

  #beginFits(candidate: Candidate, series: Float64Array): void {
    for (const start of this.#starts(series, candidate)) {
      const fit =
        this.#idle.pop() ?? new VoxelFit(this.#source.layout, this.#search, this.#range, this.#scratch);
      fit.begin(candidate.problem, start);
      candidate.fits.push(fit);
    }
  }

  /** Best first; the others become idle, and those that have come to the place of a better one. */
  #keepBest(candidate: Candidate, kept: number): void {
    const best: VoxelFit[] = [];
    for (const fit of candidate.fits.sort((a, b) => a.ssq - b.ssq)) {
      if (best.length < kept && !best.some((better) => isSamePlace(better, fit))) best.push(fit);
      else this.#idle.push(fit);
    }
    candidate.fits = best;
  }

  /** Evaluates what the fits want until none wants more. */
  #advance(fits: VoxelFit[], series: Float64Array, isRecurring: boolean): void {
    const { size, length } = this.#source.layout;
    const thetas = new Float64Array(fits.length * size);
    const voxels = new Int32Array(fits.length);
    const moments = new Float64Array(fits.length * length);
    let active = fits;
    while (active.length > 0) {
      active.forEach(({ trial, problem }, k) => {
        for (let i = 0; i < size; i++) thetas[k * size + i] = trial[i]!;
        voxels[k] = problem.voxel;
      });
      this.#source.moments({ count: active.length, thetas, voxels, series, isRecurring }, moments);
      active = active.filter((fit, k) => fit.receive(moments, k * length));
    }
  }

  #starts(series: Float64Array, { voxel, problem }: Candidate): Float64Array[] {
    const given = this.#startOf(voxel)?.theta ?? null;
    const own = this.#dictionary?.starts(series, problem.voxel) ?? [];
    own.push(...(this.#scan?.starts(series, problem.voxel) ?? []));
    const starts = given === null ? own : [given, ...own];
    if (starts.length > 0) return starts;
    // Nothing correlates in the allowed direction: the middle of the grid.
    const { coordinates } = this.#response;
    const middle = coordinates.map(({ grid }, i) =>
      this.#response.toTheta(i, grid[Math.floor(grid.length / 2)]!),
    );
    return [Float64Array.from(middle)];
  }

  #startOf(voxel: number): { theta: Float64Array; amplitude: number | null; baseline: number | null } | null {
    const table = this.#options.start ?? null;
    if (table === null) return null;
    const { columns, values } = table.values;
    const named = (name: string): number => values[voxel * columns + table.columns.indexOf(name)]!;
    const fixed = this.#options.fixed ?? [];
    return {
      theta: Float64Array.from(this.#response.coordinates, ({ name }, i) =>
        this.#response.toTheta(i, named(name)),
      ),
      amplitude: fixed.includes('amplitude') ? named('amplitude') : null,
      baseline: fixed.includes('baseline') ? named('baseline') : null,
    };
  }

  #write(
    { voxel, problem, mean, centred, heldBaseline }: Candidate,
    best: Fitted,
    frames: number,
    to: Results,
  ): void {
    const baseline = heldBaseline ?? mean - best.amplitude * best.mean;
    for (const { column, index, isAmplitude } of this.#columns) {
      const linear = isAmplitude ? best.amplitude : baseline;
      to.parameters.values[voxel * to.parameters.columns + column] =
        index >= 0 ? this.#response.toParameter(index, best.theta[index]!) : linear;
    }
    to.ssq[voxel] = best.ssq;
    to.sigma2[voxel] = best.ssq / frames;
    // With confounds the variance that counts is that of the data without them.
    to.r2[voxel] = 1 - best.ssq / (heldBaseline === null ? problem.total : centred);
    to.iterations[voxel] = best.iterations;
    to.optima[voxel] = best.optima;
    to.status[voxel] = best.status;
  }
}

function pointOf(fit: VoxelFit): Omit<Fitted, 'iterations' | 'optima'> {
  const { theta, amplitude, ssq, mean } = fit;
  return { theta, amplitude, ssq, mean, status: statusOf(fit) };
}

function statusOf(fit: VoxelFit): FitStatus {
  if (!fit.isConverged) return 'max_iterations';
  return fit.isAtBound ? 'at_bound' : 'converged';
}

function searchOf(model: EncodingModel, response: ProjectedResponse, options: ExactFitOptions): VoxelSearch {
  const fixed = options.fixed ?? [];
  const range = response.coordinates.map(({ name, bounds, isLogarithmic }) => {
    const [low, high] = options.bounds?.[name] ?? bounds;
    if (!(low < high) || (isLogarithmic && !(low > 0))) {
      throw new ProcessingError('INVALID_ARGUMENT', `the bounds of ${name} are ${low} to ${high}`, {
        where: 'bounds',
        cure: isLogarithmic
          ? 'give a positive lower bound below the upper one'
          : 'give a lower bound below the upper one',
      });
    }
    return [low, high] as const;
  });
  return {
    low: Float64Array.from(range, ([low], i) => response.toTheta(i, low)),
    high: Float64Array.from(range, ([, high], i) => response.toTheta(i, high)),
    held: response.coordinates.map(({ name }) => fixed.includes(name)),
    allowNegative: model.allowNegativeAmplitudes,
    maxIterations: options.maxIterations ?? 100,
  };
}

/** What is held at no number would be free, or spoil the fit; voxels that are not fitted may have none. */
function checkHeld({ start, fixed = [] }: ExactFitOptions, { rows, columns: voxels, values }: Matrix): void {
  if (start === null || start === undefined) return;
  const isFitted = (voxel: number): boolean =>
    voxelDefect(Float64Array.from({ length: rows }, (_, t) => values[t * voxels + voxel]!)) === null;
  for (const name of fixed) {
    const column = start.columns.indexOf(name);
    for (let voxel = 0; voxel < voxels; voxel++) {
      const value = start.values.values[voxel * start.values.columns + column];
      if (Number.isFinite(value) || !isFitted(voxel)) continue;
      throw new ProcessingError('INVALID_ARGUMENT', `${name} of voxel ${voxel} is held at ${value}`, {
        where: 'initPars',
        cure: 'give a finite value for every voxel, or leave the voxel out',
      });
    }
  }
}

function checkNames(model: EncodingModel, names: readonly string[], where: string): void {
  const labels = model.getParameterLabels();
  const unknown = names.find((name) => !labels.includes(name));
  if (unknown === undefined) return;
  throw new ProcessingError(
    'INVALID_ARGUMENT',
    `${model.response.model} has no parameter ${unknown}; it has ${labels.join(', ')}`,
    {
      where,
      cure: 'name one of them',
    },
  );
}

/** Optima that differ in cost by more than a millionth of the data's energy, or in place by more than a hundredth. */
function distinctOptima(fits: readonly VoxelFit[], total: number): number {
  const kept: VoxelFit[] = [];
  for (const optimum of fits) {
    const known = kept.some(
      (other) => Math.abs(other.ssq - optimum.ssq) <= 1e-6 * total && isSamePlace(other, optimum),
    );
    if (!known) kept.push(optimum);
  }
  return kept.length;
}

function isSamePlace(a: VoxelFit, b: VoxelFit): boolean {
  return a.theta.every((value, i) => Math.abs(value - b.theta[i]!) <= 1e-2 * (1 + Math.abs(value)));
}

function meanOf(series: Float64Array): number {
  return series.reduce((sum, value) => sum + value, 0) / series.length;
}

function energyAbout(series: Float64Array, centre: number): number {
  let sum = 0;
  for (const value of series) sum += (value - centre) ** 2;
  return sum;
}
