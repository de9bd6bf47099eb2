/** Sums over all voxels: in parts, each by a tree, always in the same order. */
import type { tfjs } from '../../tfjs.js';
import { free, type GpuBackend, runProgram, type Uniform } from './program.js';

const WORKGROUP = 64;
/** Values that one workgroup sums where they are few, and the most workgroups of a row. */
const FEW = 4096;
const MOST_PARTS = 1024;

interface Reduction {
  readonly key: string;
  readonly inputs: Readonly<Record<string, tfjs.TensorInfo>>;
  readonly uniforms?: readonly Uniform[];
  /** Rows that are summed apart, and places of each. */
  readonly rows: number;
  readonly columns: number;
  /** Sums of each row. */
  readonly terms: number;
  /** Declares `fn termsOf(index : i32) -> array<f32, terms>` of a place, counted through all rows. */
  readonly code: string;
}

/** Sums [rows, terms], which belong to the caller. */
export function reduce(backend: GpuBackend, reduction: Reduction): tfjs.TensorInfo {
  const { key, rows, columns, terms } = reduction;
  const parts = columns <= FEW ? 1 : Math.min(MOST_PARTS, Math.ceil(columns / FEW));
  const partial = runProgram(backend, {
    key: `${key}_sums_${rows}_${columns}`,
    inputs: reduction.inputs,
    uniforms: reduction.uniforms ?? [],
    shape: [rows, parts, terms],
    workgroup: WORKGROUP,
    workgroups: rows * parts,
    code: `${reduction.code}
      var<workgroup> shared_ : array<f32, ${WORKGROUP * terms}>;
      fn compute(index : i32) {
        let place = i32(localIndex);
        let group = index / ${WORKGROUP};
        let row = group / ${parts};
        var sums : array<f32, ${terms}>;
        for (var at = (group % ${parts}) * ${WORKGROUP} + place; at < ${columns} && row < ${rows}; at += ${parts * WORKGROUP}) {
          let added = termsOf(row * ${columns} + at);
          for (var t = 0; t < ${terms}; t++) { sums[t] += added[t]; }
        }
        for (var t = 0; t < ${terms}; t++) { shared_[t * ${WORKGROUP} + place] = sums[t]; }
        for (var apart = ${WORKGROUP / 2}; apart > 0; apart /= 2) {
          workgroupBarrier();
          if (place < apart) {
            for (var t = 0; t < ${terms}; t++) {
              shared_[t * ${WORKGROUP} + place] += shared_[t * ${WORKGROUP} + place + apart];
            }
          }
        }
        if (place == 0 && row < ${rows}) {
          for (var t = 0; t < ${terms}; t++) { result[group * ${terms} + t] = shared_[t * ${WORKGROUP}]; }
        }
      }`,
  });
  if (parts === 1) return { ...partial, shape: [rows, terms] };
  const total = reduce(backend, {
    key: `partial_${terms}`,
    inputs: { partial },
    rows,
    columns: parts,
    terms,
    code: `fn termsOf(index : i32) -> array<f32, ${terms}> {
      var read : array<f32, ${terms}>;
      for (var t = 0; t < ${terms}; t++) { read[t] = partial[index * ${terms} + t]; }
      return read;
    }`,
  });
  free(backend, partial);
  return total;
}

/** One number from the sums of a reduction, which are used up: an expression over `sums`, an array of f32. */
export function scalarOf(
  backend: GpuBackend,
  key: string,
  sums: tfjs.TensorInfo,
  expression: string,
): tfjs.TensorInfo {
  const info = runProgram(backend, {
    key: `${key}_of_${sums.shape.join('_')}`,
    inputs: { sums },
    shape: [1],
    code: `fn compute(index : i32) { if (index == 0) { ${expression} } }`,
  });
  free(backend, sums);
  return { ...info, shape: [] };
}
