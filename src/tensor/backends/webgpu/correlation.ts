/** Local normalised cross-correlation: window sums of all moments together, along one axis after the other. */
import type { Tensor, tfjs } from '../../tfjs.js';
import type { Workspace } from '../../workspace.js';
import { gridOf } from '../native/shapes.js';
import { float } from './convolution.js';
import { asTensor, free, type GpuBackend, runProgram } from './program.js';
import { reduce } from './reduction.js';

export interface CorrelationSettings {
  readonly window: number;
  readonly eps: number;
  readonly activeOnly: boolean;
}

interface Windows {
  readonly shape: readonly number[];
  readonly window: number;
  /** Numbers that are summed for each voxel. */
  readonly terms: number;
}

const voxelsOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

/** `fn windowOf(voxel) -> array<f32, terms>`: sums of `termsAt` over the window along an axis, over what is in the grid. */
function windowAlong(axis: 0 | 1 | 2, { shape, window, terms }: Windows): string {
  const { x, y, z } = gridOf(shape).grid;
  const length = [x, y, z][axis] ?? 1;
  const stride = [y * z, z, 1][axis] ?? 1;
  const half = (window - 1) / 2;
  return `
    fn windowOf(voxel : i32) -> array<f32, ${terms}> {
      let own = (voxel / ${stride}) % ${length};
      var sums : array<f32, ${terms}>;
      for (var at = max(-${half}, -own); at <= min(${half}, ${length - 1} - own); at++) {
        let added = termsAt(voxel + at * ${stride});
        for (var t = 0; t < ${terms}; t++) { sums[t] += added[t]; }
      }
      for (var t = 0; t < ${terms}; t++) { sums[t] = sums[t] / ${float(window)}; }
      return sums;
    }`;
}

/** Reads what an earlier axis left in `name`. */
const reading = (name: string, terms: number, stride = terms) => `
  fn termsAt(voxel : i32) -> array<f32, ${terms}> {
    var read : array<f32, ${terms}>;
    for (var t = 0; t < ${terms}; t++) { read[t] = ${name}[voxel * ${stride} + t]; }
    return read;
  }`;

/** Window sums along z, then y, of what `first` declares as `termsAt`. */
function twoAxes(
  backend: GpuBackend,
  key: string,
  windows: Windows,
  inputs: Readonly<Record<string, tfjs.TensorInfo>>,
  first: string,
): tfjs.TensorInfo {
  const { shape, terms, window } = windows;
  const voxels = voxelsOf(shape);
  const pass = (axis: 1 | 2, given: Readonly<Record<string, tfjs.TensorInfo>>, code: string) =>
    runProgram(backend, {
      key: [key, 'axis', axis, ...shape, window].join('_'),
      inputs: given,
      shape: [voxels, terms],
      workgroups: Math.ceil(voxels / 64),
      code: `${code} ${windowAlong(axis, windows)}
        fn compute(index : i32) {
          if (index >= ${voxels}) { return; }
          let sums = windowOf(index);
          for (var t = 0; t < ${terms}; t++) { result[index * ${terms} + t] = sums[t]; }
        }`,
    });
  const alongZ = pass(2, inputs, first);
  const alongY = pass(1, { alongZ }, reading('alongZ', terms));
  free(backend, alongZ);
  return alongY;
}

/** The least variance that counts. */
const leastOf = ({ window, eps, activeOnly }: CorrelationSettings) => (activeOnly ? eps : eps / window ** 3);

/** Numbers that are left for each voxel: three coefficients of the gradient, whether it counts, its correlation. */
const LEFT = 5;

/** The loss; what its gradient needs is left in the workspace. */
export function correlationLoss(
  backend: GpuBackend,
  i: tfjs.TensorInfo,
  j: tfjs.TensorInfo,
  settings: CorrelationSettings,
  workspace: Workspace | null,
): tfjs.TensorInfo {
  const { window, activeOnly } = settings;
  const { shape } = i;
  const voxels = voxelsOf(shape);
  const windows = { shape, window, terms: 5 };
  const key = `ncc_${activeOnly}`;
  const moments = twoAxes(
    backend,
    'ncc_moments',
    windows,
    { i, j },
    `fn termsAt(voxel : i32) -> array<f32, 5> {
      let a = i[voxel];
      let b = j[voxel];
      return array<f32, 5>(a, b, a * a, b * b, a * b);
    }`,
  );
  const left = runProgram(backend, {
    key: [key, ...shape, window, settings.eps].join('_'),
    inputs: { moments },
    shape: [voxels, LEFT],
    workgroups: Math.ceil(voxels / 64),
    code: `${reading('moments', 5)} ${windowAlong(0, windows)}
      fn compute(index : i32) {
        if (index >= ${voxels}) { return; }
        let means = windowOf(index);
        let varianceI = means[2] - means[0] * means[0];
        let varianceJ = means[3] - means[1] * means[1];
        let covariance = means[4] - means[0] * means[1];
        let least = ${float(leastOf(settings))};
        let contrastI = max(varianceI, least);
        let contrastJ = max(varianceJ, least);
        let ratio = covariance * covariance / (contrastI * contrastJ);
        let counts = ${activeOnly ? 'select(0.0, 1.0, varianceI > least)' : '1.0'};
        let moves = ${activeOnly ? 'select(0.0, counts, ratio <= 1.0)' : '1.0'};
        let byCovariance = moves * 2.0 * covariance / (contrastI * contrastJ);
        let byVariance = select(0.0, -moves * ratio / contrastJ, varianceJ >= least);
        result[index * ${LEFT}] = byCovariance;
        result[index * ${LEFT} + 1] = byVariance;
        result[index * ${LEFT} + 2] = -byCovariance * means[0] - 2.0 * byVariance * means[1];
        result[index * ${LEFT} + 3] = counts;
        result[index * ${LEFT} + 4] = ${activeOnly ? 'counts * select(ratio, 1.0, ratio > 1.0)' : 'ratio'};
      }`,
  });
  free(backend, moments);
  const sums = reduce(backend, {
    key,
    inputs: { left },
    rows: 1,
    columns: voxels,
    terms: 2,
    code: `fn termsOf(index : i32) -> array<f32, 2> {
      let counts = left[index * ${LEFT} + 3];
      let correlation = left[index * ${LEFT} + 4];
      return array<f32, 2>(counts, ${activeOnly ? 'counts - correlation' : '-correlation'});
    }`,
  });
  const loss = runProgram(backend, {
    key,
    inputs: { sums },
    shape: [1],
    code: `fn compute(index : i32) { if (index == 0) { result[0] = sums[1] / max(sums[0], 1.0); } }`,
  });
  if (workspace === null) free(backend, left, sums);
  else
    workspace.leave([left, sums], () => {
      free(backend, left, sums);
    });
  return { ...loss, shape: [] };
}

/** Gradient of the loss by j. */
export function correlationGradient(
  backend: GpuBackend,
  { i, j, dy }: { readonly i: Tensor; readonly j: Tensor; readonly dy: Tensor },
  [left, sums]: readonly [tfjs.TensorInfo, tfjs.TensorInfo],
  window: number,
): Tensor {
  const { shape } = j;
  const voxels = voxelsOf(shape);
  const windows = { shape, window, terms: 3 };
  const coefficients = twoAxes(backend, 'ncc_coefficients', windows, { left }, reading('left', 3, LEFT));
  const gradient = runProgram(backend, {
    key: ['ncc_gradient', ...shape, window].join('_'),
    inputs: { coefficients, i, j, dy, sums },
    shape,
    code: `${reading('coefficients', 3)} ${windowAlong(0, windows)}
      fn compute(index : i32) {
        if (index >= ${voxels}) { return; }
        let means = windowOf(index);
        let slope = means[0] * i[index] + 2.0 * means[1] * j[index] + means[2];
        result[index] = -dy[0] * slope / max(sums[0], 1.0);
      }`,
  });
  free(backend, coefficients);
  return asTensor(gradient);
}
