import { ProcessingError } from '../../errors.js';
import { matrix, type Matrix } from '../linalg/matrix.js';
import type { EncodingModel } from './encoding-model.js';
import { voxelDefect, type FitResult, type FitStatus } from './fit-result.js';
import type { Paradigm } from './paradigm.js';
import { ProjectedResponse } from './projected-response.js';
import { StartDictionary } from './start-dictionary.js';
import type { ParameterTable } from './tables.js';
import { VoxelFit, type VoxelOptimum, type VoxelSearch } from './voxel-fit.js';

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
  readonly onVoxel?: (done: number, total: number) => void;
}

/** How many starts take part in each round, and for how many iterations. */
const ROUNDS = [
  { kept: Infinity, iterations: 1 },
  { kept: 4, iterations: 3 },
] as const;
/** Starts that are followed to the end. */
const FOLLOWED = 2;

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

class ExactFitter {
  readonly #model: EncodingModel;
  readonly #options: ExactFitOptions;
  readonly #response: ProjectedResponse;
  readonly #voxelFit: VoxelFit;
  readonly #search: VoxelSearch;
  readonly #dictionary: StartDictionary | null;

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
    this.#voxelFit = new VoxelFit(this.#response);
    this.#search = searchOf(model, this.#response, options);
    // With a coordinate held at a value per voxel there is no common grid.
    this.#dictionary = this.#search.held.includes(true) ? null : new StartDictionary(this.#response);
  }

  fit(data: Matrix): FitResult {
    const labels = this.#model.getParameterLabels();
    const voxels = data.columns;
    const parameters = matrix(voxels, labels.length);
    const result = {
      r2: new Float64Array(voxels).fill(NaN),
      ssq: new Float64Array(voxels).fill(NaN),
      sigma2: new Float64Array(voxels).fill(NaN),
      iterations: new Int32Array(voxels),
      optima: new Int32Array(voxels),
      status: new Array<FitStatus>(voxels),
    };
    const series = new Float64Array(data.rows);
    for (let v = 0; v < voxels; v++) {
      for (let t = 0; t < data.rows; t++) series[t] = data.values[t * voxels + v]!;
      const row = parameters.values.subarray(v * labels.length, (v + 1) * labels.length);
      const defect = voxelDefect(series);
      result.status[v] = defect ?? this.#fitVoxel(series, v, row, result);
      if (defect !== null) row.fill(NaN);
      this.#options.onVoxel?.(v + 1, voxels);
    }
    return { parameters: { columns: labels, values: parameters }, ...result };
  }

  #fitVoxel(
    series: Float64Array,
    voxel: number,
    row: Float64Array,
    result: {
      r2: Float64Array;
      ssq: Float64Array;
      sigma2: Float64Array;
      iterations: Int32Array;
      optima: Int32Array;
    },
  ): FitStatus {
    const frames = series.length;
    const start = this.#startOf(voxel);
    const heldBaseline = start?.baseline ?? null;
    const centred = energy(without(series, meanOf(series)));
    if (heldBaseline !== null) for (let t = 0; t < frames; t++) series[t] = series[t]! - heldBaseline;
    const mean = this.#response.project(series);
    const total = energy(series);
    const held = start?.amplitude ?? null;
    const starts = this.#starts(series, start?.theta ?? null);
    const found = this.#follow(series, total, starts, held);
    const best = found[0]!;
    this.#response.evaluate(best.theta, false);
    const baseline = heldBaseline ?? mean - best.amplitude * this.#response.mean;
    this.#write(row, best, baseline);
    result.ssq[voxel] = best.ssq;
    result.sigma2[voxel] = best.ssq / frames;
    // With confounds the variance that counts is that of the data without them.
    result.r2[voxel] = 1 - best.ssq / (heldBaseline === null ? total : centred);
    result.iterations[voxel] = found.reduce((sum, { iterations }) => sum + iterations, 0);
    result.optima[voxel] = distinctOptima(found, total);
    if (!best.isConverged) return 'max_iterations';
    return best.isAtBound ? 'at_bound' : 'converged';
  }

  /** All starts for a few steps, the better ones for a few more, the best to the end; best first. */
  #follow(
    series: Float64Array,
    total: number,
    starts: readonly Float64Array[],
    held: number | null,
  ): VoxelOptimum[] {
    const run = (theta: Float64Array, maxIterations: number, damping?: number): VoxelOptimum =>
      this.#voxelFit.run(series, total, theta, { ...this.#search, maxIterations }, held, damping);
    const { maxIterations } = this.#search;
    let field = starts.map((start) => run(start, Math.min(ROUNDS[0]!.iterations, maxIterations)));
    for (const { kept, iterations } of [...ROUNDS.slice(1), { kept: FOLLOWED, iterations: maxIterations }]) {
      field = field
        .sort(byCost)
        .slice(0, kept)
        .map((candidate) => {
          const left = Math.min(iterations, maxIterations - candidate.iterations);
          if (candidate.isConverged || left <= 0) return candidate;
          const next = run(candidate.theta, left, candidate.damping);
          return { ...next, iterations: next.iterations + candidate.iterations };
        });
    }
    return field.sort(byCost);
  }

  #starts(series: Float64Array, given: Float64Array | null): Float64Array[] {
    const { allowNegative } = this.#search;
    const own = this.#dictionary?.starts(series, this.#options.startCount ?? 8, allowNegative) ?? [];
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

  #write(row: Float64Array, { theta, amplitude }: VoxelOptimum, baseline: number): void {
    const names = this.#response.coordinates.map(({ name }) => name);
    this.#model.getParameterLabels().forEach((label, at) => {
      const i = names.indexOf(label);
      if (i >= 0) row[at] = this.#response.toParameter(i, theta[i]!);
      else row[at] = label === 'amplitude' ? amplitude : baseline;
    });
  }
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

function byCost(a: VoxelOptimum, b: VoxelOptimum): number {
  return a.ssq - b.ssq;
}

/** Optima that differ in cost by more than a millionth of the data's energy, or in place by more than a hundredth. */
function distinctOptima(found: readonly VoxelOptimum[], total: number): number {
  const kept: VoxelOptimum[] = [];
  for (const optimum of found) {
    const known = kept.some(
      (other) =>
        Math.abs(other.ssq - optimum.ssq) <= 1e-6 * total &&
        other.theta.every((value, i) => Math.abs(value - optimum.theta[i]!) <= 1e-2 * (1 + Math.abs(value))),
    );
    if (!known) kept.push(optimum);
  }
  return kept.length;
}

function meanOf(series: Float64Array): number {
  return series.reduce((sum, value) => sum + value, 0) / series.length;
}

function without(series: Float64Array, offset: number): Float64Array {
  return series.map((value) => value - offset);
}

function energy(series: Float64Array): number {
  let sum = 0;
  for (const value of series) sum += value * value;
  return sum;
}
