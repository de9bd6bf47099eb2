/** Receptive fields: sums under Gaussians as matrix products whose left factor is computed while it is used. */
import type { tfjs } from '../../tfjs.js';
import { multiply } from './convolution.js';
import { free, type GpuBackend, runProgram } from './program.js';
import { reduce } from './reduction.js';

interface Inputs {
  readonly fields: tfjs.TensorInfo;
  readonly pixels: tfjs.TensorInfo;
  readonly stimulus: tfjs.TensorInfo;
}

const sizesOf = ({ fields, stimulus }: Inputs) => ({
  voxels: fields.shape[0] ?? 0,
  pixels: stimulus.shape[0] ?? 0,
  frames: stimulus.shape[1] ?? 0,
});

/** Products of `kinds` weights of each field with the stimulus, (V, kinds, T). */
function products(backend: GpuBackend, inputs: Inputs, kinds: 1 | 4): tfjs.TensorInfo {
  const { voxels, pixels, frames } = sizesOf(inputs);
  return multiply(backend, {
    key: ['fields', voxels, pixels, frames, kinds].join('_'),
    inputs: { ...inputs },
    rows: voxels * kinds,
    columns: frames,
    depth: pixels,
    parts: 1,
    slab: pixels,
    shape: [voxels, kinds, frames],
    code: `
      fn left(row : i32, k : i32) -> f32 {
        let at = 3 * (row / ${kinds});
        let u = (pixels[2 * k] - fields[at]) / fields[at + 2];
        let w = (pixels[2 * k + 1] - fields[at + 1]) / fields[at + 2];
        let squares = u * u + w * w;
        let g = exp(-0.5 * squares);
        let kind = row % ${kinds};
        if (kind == 1) { return u * g; }
        if (kind == 2) { return w * g; }
        if (kind == 3) { return squares * g; }
        return g;
      }
      fn right(k : i32, column : i32) -> f32 { return stimulus[k * ${frames} + column]; }`,
  });
}

export function predictFields(backend: GpuBackend, inputs: Inputs): tfjs.TensorInfo {
  const { voxels, frames } = sizesOf(inputs);
  return { ...products(backend, inputs, 1), shape: [voxels, frames] };
}

/** The four products of each field, (V, 4, T). */
export function multiplyFields(backend: GpuBackend, inputs: Inputs): tfjs.TensorInfo {
  return products(backend, inputs, 4);
}

/** Sums of the residual with itself, with 1, and with the four products of each field, (V, 6). */
export function sumFields(
  backend: GpuBackend,
  series: tfjs.TensorInfo,
  data: tfjs.TensorInfo,
  line: tfjs.TensorInfo,
): tfjs.TensorInfo {
  const [voxels = 0, frames = 0] = data.shape;
  return reduce(backend, {
    key: 'field',
    inputs: { series, data, line },
    rows: voxels,
    columns: frames,
    terms: 6,
    code: `fn termsOf(index : i32) -> array<f32, 6> {
      let field = index / ${frames};
      let at = 4 * field * ${frames} + index % ${frames};
      let n = series[at];
      let r = data[index] - line[2 * field + 1] - line[2 * field] * n;
      return array<f32, 6>(
        r * r, r, r * n, r * series[at + ${frames}], r * series[at + ${2 * frames}], r * series[at + ${3 * frames}]);
    }`,
  });
}

/** Row of the best prediction and its correlation, (V, 2): one time course to an invocation. */
export function correlateBest(
  backend: GpuBackend,
  predictions: tfjs.TensorInfo,
  data: tfjs.TensorInfo,
  signed: boolean,
): tfjs.TensorInfo {
  const [points = 0, frames = 0] = predictions.shape;
  const voxels = data.shape[0] ?? 0;
  const unit = unitRows(backend, predictions);
  const correlations = multiply(backend, {
    key: ['correlations', voxels, points, frames].join('_'),
    inputs: { data, unit },
    rows: voxels,
    columns: points,
    depth: frames,
    parts: 1,
    slab: frames,
    shape: [voxels, points],
    code: `
      fn left(row : i32, k : i32) -> f32 { return data[row * ${frames} + k]; }
      fn right(k : i32, column : i32) -> f32 { return unit[column * ${frames + 1} + k]; }`,
  });
  const best = runProgram(backend, {
    key: ['best', voxels, points, signed].join('_'),
    inputs: { correlations, unit },
    shape: [voxels, 2],
    workgroups: Math.ceil(voxels / 64),
    code: `fn compute(index : i32) {
      if (index >= ${voxels}) { return; }
      var best = 0;
      var largest = -2.0;
      for (var point = 0; point < ${points}; point++) {
        let r = correlations[index * ${points} + point];
        let gain = select(${signed ? 'r' : 'r * r'}, ${signed ? '-1.0' : '0.0'}, unit[point * ${frames + 1} + ${frames}] == 0.0);
        if (gain > largest) { largest = gain; best = point; }
      }
      result[2 * index] = f32(best);
      result[2 * index + 1] = correlations[index * ${points} + best];
    }`,
  });
  free(backend, unit, correlations);
  return best;
}

/** Rows without mean and of unit norm, each followed by its norm before; a flat one stays 0. */
function unitRows(backend: GpuBackend, rows: tfjs.TensorInfo): tfjs.TensorInfo {
  const [count = 0, frames = 0] = rows.shape;
  return runProgram(backend, {
    key: ['unit', count, frames].join('_'),
    inputs: { rows },
    shape: [count, frames + 1],
    workgroups: Math.ceil(count / 64),
    code: `fn compute(index : i32) {
      if (index >= ${count}) { return; }
      var sum = 0.0;
      for (var t = 0; t < ${frames}; t++) { sum += rows[index * ${frames} + t]; }
      let mean = sum / ${frames}.0;
      var squares = 0.0;
      for (var t = 0; t < ${frames}; t++) { let away = rows[index * ${frames} + t] - mean; squares += away * away; }
      let norm = sqrt(squares);
      for (var t = 0; t < ${frames}; t++) {
        result[index * ${frames + 1} + t] = select((rows[index * ${frames} + t] - mean) / norm, 0.0, norm == 0.0);
      }
      result[index * ${frames + 1} + ${frames}] = norm;
    }`,
  });
}
