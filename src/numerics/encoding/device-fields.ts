/** Sums of round Gaussian fields over images on a device of tensors: what the grid and Adam evaluate again and again. */
import { ProcessingError } from '../../errors.js';
import type { FieldInputs, Tensor } from '../../tensor/index.js';
import { useComputeDevice, type ComputeOptions } from '../registration/compute-device.js';
import { convolveHeld } from './convolve.js';
import type { EncodingModel } from './encoding-model.js';
import type { Paradigm } from './paradigm.js';
import type { ProjectedResponse } from './projected-response.js';

/**
 * Values of the largest array, 64 MB, which every card takes; without own programs about ten of them are there at a time.
 * The stimulus and the data are held whole, in parts of this size.
 */
const MOST_VALUES = 2 ** 24;

/** What is left of a call for the gradient, in the order of the columns of the device's sums. */
export const SUMS = 6;

/** A model on a device. Fields are (x, y, sd) one after another. */
export interface DeviceFields {
  /** The response is this times the sum under exp(-r^2 / (2 sd^2)). */
  readonly height: (sd: number) => number;
  /** The height falls with this power of the size. */
  readonly power: number;
  /**
   * Sums over time with the residual of data - baseline - amplitude n for each field: r^2, r, r n, and r times the sums
   * under u g, w g and (u^2 + w^2) g, where n is the sum under g and (u, w) the distance in units of the size.
   *
   * @param fields - (V, 3)
   * @param line - amplitude times height, and baseline, (V, 2)
   * @returns (V, 6)
   */
  sums(fields: Float32Array, line: Float32Array): Promise<Float32Array>;
  /**
   * The field that correlates best with each time course, of equal ones the first.
   *
   * @param fields - (G, 3)
   * @param signed - by r; else by r^2
   * @returns number of the field for each voxel
   */
  best(fields: Float32Array, signed: boolean): Promise<Int32Array>;
  dispose(): void;
}

/**
 * Brings a model and its data to a device. Computes in float32.
 *
 * @param series - time courses, voxels one after another, without what confounds explain
 * @param mostValues - of the largest array, where one voxel, one field and one pixel do not need more
 * @throws ProcessingError INVALID_ARGUMENT for models that are not one round Gaussian over images on a grid
 * @throws DependencyError BACKEND_MISSING when an explicit device is not there
 */
export async function fieldsOnDevice(
  model: EncodingModel,
  paradigm: Paradigm,
  response: ProjectedResponse,
  series: Float32Array,
  compute: ComputeOptions,
  mostValues = MOST_VALUES,
): Promise<DeviceFields> {
  const field = response.gaussianField;
  const { kernel, confounds } = response.projection;
  if (field === null || kernel === null) {
    throw new ProcessingError(
      'INVALID_ARGUMENT',
      `${model.response.model}${kernel === null ? ' with an HRF per voxel' : ''} is fitted on the processor only`,
      { where: 'device', cure: 'set device cpu, or fit gaussian2d or gaussian2d_hrf with images on a grid' },
    );
  }
  await useComputeDevice(compute, {
    memory: 'give images of fewer pixels, or fewer voxels to a recording (both are held whole)',
  });
  const nl = await import('../../tensor/index.js');
  const { frames } = response;
  const { xs, ys } = field.stimulus;
  const seen = arrivingStimulus(paradigm, kernel, confounds);
  const places = seen.pixels.flatMap((p) => [xs[Math.floor(p / ys.length)]!, ys[p % ys.length]!]);
  const held: Tensor[] = [];
  const hold = (values: Float32Array, shape: number[]): Tensor => {
    const tensor = nl.tensor(values, shape);
    held.push(tensor);
    return tensor;
  };
  const voxels = series.length / frames;
  const rowsOf = (width: number) => Math.max(1, Math.floor(mostValues / width));
  const parts = blocksOf(seen.pixels.length, rowsOf(frames));
  const mostPixels = Math.max(...parts.map(([from, to]) => to - from));
  // Four series to a voxel, or one weight to a pixel.
  const blocks = blocksOf(voxels, rowsOf(Math.max(4 * frames, mostPixels)));
  let screen: Omit<FieldInputs, 'fields'>[], data: Tensor[], unit: Tensor[];
  try {
    screen = parts.map(([from, to]) => ({
      pixels: hold(Float32Array.from(places.slice(2 * from, 2 * to)), [to - from, 2]),
      stimulus: hold(seen.values.slice(from * frames, to * frames), [to - from, frames]),
    }));
    data = blocks.map(([from, to]) => hold(series.slice(from * frames, to * frames), [to - from, frames]));
    unit = blocks.map(([from, to]) => hold(unitRows(series, frames, from, to), [to - from, frames]));
  } catch (error) {
    nl.dispose(held);
    throw error;
  }
  /** Sums over the pixels, part by part. */
  const overScreen = (sumsOf: (inputs: FieldInputs) => Tensor, own: Tensor): Tensor => {
    const [first, ...others] = screen;
    let total = sumsOf({ fields: own, ...first! });
    for (const part of others) {
      const parts = [total, sumsOf({ fields: own, ...part })] as const;
      total = nl.add(...parts);
      nl.dispose([...parts]);
    }
    return total;
  };
  return {
    height: field.height,
    power: field.power,
    async sums(fields, line) {
      const all = new Float32Array(SUMS * voxels);
      for (const [b, [from, to]] of blocks.entries()) {
        const found = await nl.scoped(() => {
          const own = nl.tensor(fields.slice(3 * from, 3 * to), [to - from, 3]);
          const lines = nl.tensor(line.slice(2 * from, 2 * to), [to - from, 2]);
          return nl.read(nl.fieldSums(overScreen(nl.fieldProducts, own), data[b]!, lines));
        });
        all.set(found, SUMS * from);
      }
      return all;
    },
    async best(fields, signed) {
      const chosen = new Int32Array(voxels);
      const largest = new Float64Array(voxels).fill(-Infinity);
      const most = Math.max(...blocks.map(([from, to]) => to - from));
      // Correlations with voxels, the series and its norm, or weights of pixels, to a field.
      const own = rowsOf(Math.max(most, frames + 1, mostPixels));
      for (const [from, to] of blocksOf(fields.length / 3, own)) {
        for (const [b, [first]] of blocks.entries()) {
          const found = await nl.scoped(() => {
            const own = nl.tensor(fields.slice(3 * from, 3 * to), [to - from, 3]);
            const predicted = overScreen(nl.fieldPredictions, own);
            return nl.read(nl.bestCorrelations(predicted, unit[b]!, { signed }));
          });
          for (let v = 0; 2 * v < found.length; v++) {
            const r = found[2 * v + 1]!;
            const gain = signed ? r : r * r;
            if (!(gain > largest[first + v]!)) continue;
            largest[first + v] = gain;
            chosen[first + v] = from + found[2 * v]!;
          }
        }
      }
      return chosen;
    },
    dispose() {
      nl.dispose(held);
    },
  };
}

/** The stimulus of each pixel that is ever lit as it arrives at the data: convolved, without what confounds explain. */
function arrivingStimulus(paradigm: Paradigm, kernel: Float64Array, confounds: Float64Array) {
  const { rows: frames, columns, values } = paradigm.values;
  const lit = Array.from({ length: columns }, (_, p) => p).filter((p) => {
    for (let t = 0; t < frames; t++) if (values[t * columns + p] !== 0) return true;
    return false;
  });
  // A screen that stays dark is one pixel without light: arrays have no empty axes.
  const pixels = lit.length === 0 ? [0] : lit;
  const result = new Float32Array(pixels.length * frames);
  const series = new Float64Array(frames);
  const convolved = new Float64Array(frames);
  pixels.forEach((p, row) => {
    for (let t = 0; t < frames; t++) series[t] = values[t * columns + p]!;
    convolveHeld(kernel, series, convolved);
    for (let at = 0; at < confounds.length; at += frames) {
      let dot = 0;
      for (let t = 0; t < frames; t++) dot += confounds[at + t]! * convolved[t]!;
      for (let t = 0; t < frames; t++) convolved[t] = convolved[t]! - dot * confounds[at + t]!;
    }
    result.set(convolved, row * frames);
  });
  return { pixels, values: result };
}

/** Ranges of at most `most` out of `count`. */
function blocksOf(count: number, most: number): [number, number][] {
  return Array.from({ length: Math.ceil(count / most) }, (_, b) => [
    b * most,
    Math.min(count, (b + 1) * most),
  ]);
}

/** Rows without mean and of unit norm; flat ones are 0. */
function unitRows(series: Float32Array, frames: number, from: number, to: number): Float32Array {
  const unit = new Float32Array((to - from) * frames);
  for (let v = from; v < to; v++) {
    const row = Float64Array.from(series.subarray(v * frames, (v + 1) * frames));
    const mean = row.reduce((sum, value) => sum + value, 0) / frames;
    const norm = Math.hypot(...row.map((value) => value - mean));
    if (norm > 0)
      unit.set(
        row.map((value) => (value - mean) / norm),
        (v - from) * frames,
      );
  }
  return unit;
}
