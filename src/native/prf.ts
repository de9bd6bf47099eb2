import { checkCount, checkDoubles, checkInts, checkSeparate } from './arguments.js';
import { nativeBinding } from './loader.js';
import type { PrfArguments } from './encoding-binding.js';

/** A stack of images as runs of equal columns; frames and columns that repeat are kept once. */
export interface PrfStimulus {
  /** Centres of the image columns, and of the pixels within a column. */
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** Shape (frames): which of the unique frames. */
  readonly frameOf: Int32Array;
  readonly uniqueFrames: number;
  /** Number of different columns. */
  readonly profiles: number;
  /** Shape (profiles + 1): where the steps of a column begin. */
  readonly stepStart: Int32Array;
  /** Before which y index the column steps (their number: behind the last), and by how much it falls there. */
  readonly stepRow: Int32Array;
  readonly stepFall: Float64Array;
  /** Largest pixel, whatever its sign. */
  readonly peak: number;
  /** Shape (uniqueFrames + 1): where the runs of a frame begin. */
  readonly frameStart: Int32Array;
  readonly runProfile: Int32Array;
  /** First column of a run, and the one after its last. */
  readonly runFrom: Int32Array;
  readonly runTo: Int32Array;
}

/** How a response is convolved and projected. */
export interface PrfProjection {
  /** Length of a kernel. */
  readonly taps: number;
  /** Shape (taps), or with `ownKernels` (count, 3, taps): each field's kernel and two derivatives of it. */
  readonly kernels: Float64Array;
  readonly ownKernels: boolean;
  readonly removesMean: boolean;
  /** Shape (C, frames): orthonormal rows without mean, taken out of every response. */
  readonly confounds: Float64Array;
}

export interface PrfResponses {
  readonly stimulus: PrfStimulus;
  readonly projection: PrfProjection;
  readonly count: number;
  /** Shape (count, 3): x, y and sd of each field. */
  readonly fields: Float64Array;
  /** Shape (count, frames), written: the response of each field after convolution and projection. */
  readonly out: Float64Array;
}

export interface PrfMoments extends PrfResponses {
  /** Shape (count): row of the series that belongs to each field. */
  readonly voxels: Int32Array;
  /** Shape (voxels, frames): data after projection. */
  readonly series: Float64Array;
  /**
   * Shape (count, 3 + 2 S + S (S + 1) / 2), written; S is 3, with own kernels 5. p'p, p'y, mean of p before projection,
   * d_i'p, d_i'y, and d_i'd_j for j >= i row by row; the slopes are by x, y, log sd and the two of the kernel.
   */
  readonly out: Float64Array;
}

/**
 * Responses of round Gaussian fields, sum over pixels of image exp(-r^2 / (2 sd^2)) per frame, convolved with the first
 * sample held before the start. A field's result does not depend on the others, nor on the number of threads.
 *
 * @throws ProcessingError INVALID_ARGUMENT or SHAPE_MISMATCH; DependencyError ADDON_MISSING
 */
export function prfResponses({ stimulus, projection, count, fields, out }: PrfResponses): void {
  const operation = 'prfResponses';
  checkCount(operation, 'count', count, 0);
  checkDoubles(operation, 'out', out, count * stimulus.frameOf.length);
  checkSeparate(operation, 'out', out, { fields });
  nativeBinding().prfResponses(
    ...stimulusArguments(operation, stimulus),
    ...requestArguments(operation, stimulus, projection, count, fields),
    out,
  );
}

/** The sums that a step of a separable fit needs of each field. Same errors. */
export function prfMoments(request: PrfMoments): void {
  const operation = 'prfMoments';
  const { stimulus, projection, count, fields, voxels, series, out } = request;
  checkCount(operation, 'count', count, 0);
  const slopes = projection.ownKernels ? 5 : 3;
  const rows = checkCount(operation, 'voxels', series.length / stimulus.frameOf.length, 0);
  checkInts(operation, 'voxels', voxels, count);
  checkDoubles(operation, 'out', out, count * (3 + 2 * slopes + (slopes * (slopes + 1)) / 2));
  checkSeparate(operation, 'out', out, { fields, series });
  nativeBinding().prfMoments(
    ...stimulusArguments(operation, stimulus),
    ...requestArguments(operation, stimulus, projection, count, fields),
    ...[rows, voxels, series, out],
  );
}

export interface PrfProducts {
  readonly rows: number;
  readonly rank: number;
  readonly columns: number;
  /** Shape (rows, rank). */
  readonly left: Float64Array;
  /** Shape (rank, columns). */
  readonly right: Float64Array;
  /** Shape (rows, columns), written: left times right, each number summed in the order of the rank. */
  readonly out: Float64Array;
}

/** A product of two matrices, for the scores of many voxels. A row's result does not depend on the others. Same errors. */
export function prfProducts({ rows, rank, columns, left, right, out }: PrfProducts): void {
  const operation = 'prfProducts';
  checkCount(operation, 'rows', rows, 0);
  checkCount(operation, 'rank', rank, 0);
  checkCount(operation, 'columns', columns, 0);
  checkDoubles(operation, 'left', left, rows * rank);
  checkDoubles(operation, 'right', right, rank * columns);
  checkDoubles(operation, 'out', out, rows * columns);
  checkSeparate(operation, 'out', out, { left, right });
  nativeBinding().prfProducts(rows, rank, columns, left, right, out);
}

export interface PrfPeaks {
  readonly rows: number;
  readonly columns: number;
  /** Shape (rows, columns): products with the data; overwritten. */
  readonly scores: Float64Array;
  /** Shape (columns): factor of their square; null for 1. */
  readonly weights: Float64Array | null;
  /** Else products of at most 0 score nothing. */
  readonly allowNegative: boolean;
  /** Of the grid, the last axis fastest. */
  readonly sizes: Int32Array;
  /** On two axes: neighbours across corners count too. */
  readonly isDiagonal: boolean;
  readonly most: number;
  /** Shape (rows, most), written: places of the highest peaks, best first, then -1. */
  readonly out: Int32Array;
}

/** The best places of every row: no neighbour scores better, of equal ones the first counts. Same errors. */
export function prfPeaks(request: PrfPeaks): void {
  const operation = 'prfPeaks';
  const { rows, columns, scores, weights, allowNegative, sizes, isDiagonal, most, out } = request;
  checkCount(operation, 'rows', rows, 0);
  checkCount(operation, 'columns', columns, 0);
  checkCount(operation, 'most', most, 0);
  checkDoubles(operation, 'scores', scores, rows * columns);
  if (weights !== null) checkDoubles(operation, 'weights', weights, columns);
  checkInts(operation, 'out', out, rows * most);
  nativeBinding().prfPeaks(
    ...[rows, columns, scores, weights, allowNegative, sizes.length, sizes, isDiagonal, most, out],
  );
}

/** Ranges and rules of whole fits; arrays of shape (S), S as of the projection. */
export interface PrfSearch {
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly held: readonly boolean[];
  /** A quarter of the range of each coordinate, the longest step. */
  readonly quarter: Float64Array;
  readonly allowNegative: boolean;
  readonly maxIterations: number;
}

/** Numbers of an exact double-gamma HRF beside its delay and dispersion; times in s. */
export interface PrfHrf {
  readonly tr: number;
  readonly onset: number;
  readonly undershoot: number;
  readonly uDispersion: number;
  readonly ratio: number;
}

export interface PrfFit {
  readonly stimulus: PrfStimulus;
  readonly taps: number;
  /** Shape (taps): the kernel of all voxels; or the HRF that each voxel has its own form of. */
  readonly kernel: Float64Array | PrfHrf;
  readonly removesMean: boolean;
  /** Shape (C, frames): orthonormal rows without mean. */
  readonly confounds: Float64Array;
  readonly search: PrfSearch;
  /** The response is height sd^-power times the sum under the Gaussian of unit height. */
  readonly height: number;
  readonly power: number;
  readonly voxels: number;
  /** Shape (voxels, frames): data after projection. */
  readonly series: Float64Array;
  /** Shape (voxels, 2): energy of the data; the amplitude where it is held, else NaN. */
  readonly problems: Float64Array;
  /** Shape (voxels + 1): where the starts of a voxel begin; each has one at least. */
  readonly first: Int32Array;
  /** Shape (starts, S): x, y, log sd, and delay and dispersion. */
  readonly starts: Float64Array;
  /** Shape (voxels, S + 6), written: the optimum, then as {@link PRF_FIT_COLUMNS} names them. */
  readonly out: Float64Array;
}

/** What stands behind the coordinates of a fitted voxel; status: 0 converged, 1 at a bound, 2 too many iterations. */
export const PRF_FIT_COLUMNS = ['amplitude', 'ssq', 'mean', 'iterations', 'optima', 'status'] as const;

/** Whole fits, from the starts of every voxel to its optimum. A voxel's result does not depend on the others. Same errors. */
export function prfFit(request: PrfFit): void {
  const operation = 'prfFit';
  const { stimulus, taps, kernel, removesMean, confounds, search, height, power } = request;
  const { voxels, series, problems, first, starts, out } = request;
  const isShared = kernel instanceof Float64Array;
  const size = isShared ? 3 : 5;
  checkCount(operation, 'voxels', voxels, 0);
  checkDoubles(operation, 'series', series, voxels * stimulus.frameOf.length);
  checkDoubles(operation, 'problems', problems, 2 * voxels);
  checkInts(operation, 'first', first, voxels + 1);
  const count = checkCount(operation, 'starts', starts.length / size, 0);
  checkDoubles(operation, 'starts', starts, count * size);
  checkDoubles(operation, 'out', out, voxels * (size + PRF_FIT_COLUMNS.length));
  checkSeparate(operation, 'out', out, { series, problems, starts });
  const { low, high, held, quarter, allowNegative, maxIterations } = search;
  checkDoubles(operation, 'low', low, size);
  checkDoubles(operation, 'high', high, size);
  checkDoubles(operation, 'quarter', quarter, size);
  const settings = Float64Array.of(
    ...[size, Number(allowNegative), maxIterations, height, power],
    ...[...low, ...high, ...held.map(Number), ...quarter],
    ...(isShared ? [] : [kernel.tr, kernel.onset, kernel.undershoot, kernel.uDispersion, kernel.ratio]),
  );
  const projection = {
    ...{ taps, removesMean, confounds, ownKernels: !isShared },
    kernels: isShared ? kernel : new Float64Array(0),
  };
  nativeBinding().prfFit(
    ...stimulusArguments(operation, stimulus),
    ...requestArguments(operation, stimulus, projection, 0, new Float64Array(0)),
    ...[voxels, series, problems, first, count, starts, settings, out],
  );
}

function stimulusArguments(operation: string, s: PrfStimulus): PrfArguments {
  const runs = s.runProfile.length;
  checkInts(operation, 'stepStart', s.stepStart, s.profiles + 1);
  checkInts(operation, 'stepRow', s.stepRow, s.stepFall.length);
  checkInts(operation, 'frameStart', s.frameStart, s.uniqueFrames + 1);
  checkInts(operation, 'runFrom', s.runFrom, runs);
  checkInts(operation, 'runTo', s.runTo, runs);
  return [
    ...[s.frameOf.length, s.uniqueFrames, s.xs.length, s.ys.length, s.profiles, s.stepFall.length, runs],
    ...[s.xs, s.ys, s.frameOf, s.stepStart, s.stepRow, s.stepFall],
    ...[s.frameStart, s.runProfile, s.runFrom, s.runTo, s.peak],
  ];
}

function requestArguments(
  operation: string,
  { frameOf }: PrfStimulus,
  { taps, kernels, ownKernels, removesMean, confounds }: PrfProjection,
  count: number,
  fields: Float64Array,
): PrfArguments {
  checkCount(operation, 'taps', taps);
  checkDoubles(operation, 'fields', fields, 3 * count);
  checkDoubles(operation, 'kernels', kernels, ownKernels ? 3 * count * taps : taps);
  const confoundCount = checkCount(operation, 'confounds', confounds.length / frameOf.length, 0);
  return [count, fields, taps, ownKernels, kernels, removesMean, confoundCount, confounds];
}
