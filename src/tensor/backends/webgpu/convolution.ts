/**
 * Convolution 3x3x3 and its gradients as matrix products whose left factor is gathered while it is used: voxels by taps
 * and channels for the values and for the gradient by the input, taps and channels by voxels for the filter.
 */
import type { Tensor, tfjs } from '../../tfjs.js';
import { gridOf } from '../native/shapes.js';
import { asTensor, free, type GpuBackend, runProgram } from './program.js';

/** Rows and depth of a tile in the memory of a workgroup; columns are the output channels, up to this many at once. */
const ROWS = 64;
const DEPTH = 16;
const COLUMNS = 32;
/** Each invocation sums a block of 4 x 4. */
const BLOCK = 4;
/** Voxels that one workgroup sums for the gradient of the filter. */
const SLAB = 4096;

export interface Product {
  readonly key: string;
  readonly inputs: Readonly<Record<string, tfjs.TensorInfo>>;
  /** Sizes of the product: rows, columns, and the axis that is summed. */
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Parts of the summed axis that are summed apart, each `slab` long. */
  readonly parts: number;
  readonly slab: number;
  readonly shape: readonly number[];
  /** `fn left(row : i32, k : i32) -> f32` and `fn right(k : i32, column : i32) -> f32`, inside the sizes. */
  readonly code: string;
  /** Expression of `total`, `row` and `column` that is stored. */
  readonly stored?: string;
}

/** A tiled matrix product. */
export function multiply(backend: GpuBackend, product: Product): tfjs.TensorInfo {
  const { rows, columns, depth, parts, slab } = product;
  const width = Math.min(COLUMNS, Math.ceil(columns / BLOCK) * BLOCK);
  const workgroup = (ROWS / BLOCK) * (width / BLOCK);
  const tilesDown = Math.ceil(rows / ROWS);
  const tilesAcross = Math.ceil(columns / width);
  const code = `
    ${product.code}
    var<workgroup> tileLeft : array<f32, ${DEPTH * ROWS}>;
    var<workgroup> tileRight : array<f32, ${DEPTH * width}>;
    fn compute(index : i32) {
      let place = i32(localIndex);
      let group = index / ${workgroup};
      let across = group % ${tilesAcross};
      let down = (group / ${tilesAcross}) % ${tilesDown};
      let part = group / ${tilesAcross * tilesDown};
      let begin = part * ${slab};
      let ownColumn = (place % ${width / BLOCK}) * ${BLOCK};
      let ownRow = (place / ${width / BLOCK}) * ${BLOCK};
      var sums : array<vec4<f32>, ${BLOCK}>;
      for (var step = 0; step < ${Math.ceil(Math.min(slab, depth) / DEPTH)}; step++) {
        let first = begin + step * ${DEPTH};
        for (var at = place; at < ${ROWS * DEPTH}; at += ${workgroup}) {
          let row = down * ${ROWS} + at % ${ROWS};
          let k = first + at / ${ROWS};
          var value = 0.0;
          if (row < ${rows} && k < ${depth} && k < begin + ${slab}) { value = left(row, k); }
          tileLeft[at] = value;
        }
        for (var at = place; at < ${width * DEPTH}; at += ${workgroup}) {
          let column = across * ${width} + at % ${width};
          let k = first + at / ${width};
          var value = 0.0;
          if (column < ${columns} && k < ${depth}) { value = right(k, column); }
          tileRight[at] = value;
        }
        workgroupBarrier();
        for (var k = 0; k < ${DEPTH}; k++) {
          let at = k * ${width} + ownColumn;
          let across4 = vec4<f32>(tileRight[at], tileRight[at + 1], tileRight[at + 2], tileRight[at + 3]);
          for (var r = 0; r < ${BLOCK}; r++) {
            sums[r] += tileLeft[k * ${ROWS} + ownRow + r] * across4;
          }
        }
        workgroupBarrier();
      }
      if (part >= ${parts}) { return; }
      for (var r = 0; r < ${BLOCK}; r++) {
        let row = down * ${ROWS} + ownRow + r;
        for (var c = 0; c < ${BLOCK}; c++) {
          let column = across * ${width} + ownColumn + c;
          if (row < ${rows} && column < ${columns}) {
            let total = sums[r][c];
            result[(part * ${rows} + row) * ${columns} + column] = ${product.stored ?? 'total'};
          }
        }
      }
    }`;
  return runProgram(backend, {
    key: product.key,
    inputs: product.inputs,
    shape: product.shape,
    workgroup,
    workgroups: tilesAcross * tilesDown * parts,
    code,
  });
}

interface Shapes {
  readonly n: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly cin: number;
  readonly cout: number;
}

function shapesOf(x: tfjs.TensorInfo, w: tfjs.TensorInfo): Shapes {
  const { grid, c } = gridOf(x.shape);
  return { ...grid, cin: c, cout: w.shape[4] ?? 0 };
}

/** Reads `name` at the voxel of `row` moved by a tap, 0 outside. */
function gathered(name: string, channels: number, { x, y, z }: Shapes): string {
  return `
    fn tapOf(row : i32, tap : i32, channel : i32) -> f32 {
      let px = (row / ${y * z}) % ${x} + tap / 9 - 1;
      let py = (row / ${z}) % ${y} + (tap / 3) % 3 - 1;
      let pz = row % ${z} + tap % 3 - 1;
      if (px < 0 || py < 0 || pz < 0 || px >= ${x} || py >= ${y} || pz >= ${z}) { return 0.0; }
      let item = row / ${x * y * z};
      return ${name}[((((item * ${x} + px) * ${y} + py) * ${z} + pz) * ${channels}) + channel];
    }`;
}

const voxelsOf = ({ n, x, y, z }: Shapes) => n * x * y * z;
const keyOf = (name: string, { n, x, y, z, cin, cout }: Shapes) => [name, n, x, y, z, cin, cout].join('_');

/** Values: convolution, bias and leaky ReLU. */
export function convolve(
  backend: GpuBackend,
  x: tfjs.TensorInfo,
  w: tfjs.TensorInfo,
  b: tfjs.TensorInfo,
  slope: number,
): tfjs.TensorInfo {
  const sizes = shapesOf(x, w);
  const { n, cin, cout } = sizes;
  return multiply(backend, {
    key: `${keyOf('conv', sizes)}_${slope}`,
    inputs: { x, w, b },
    rows: voxelsOf(sizes),
    columns: cout,
    depth: 27 * cin,
    parts: 1,
    slab: 27 * cin,
    shape: [n, sizes.x, sizes.y, sizes.z, cout],
    code: `${gathered('x', cin, sizes)}
      fn left(row : i32, k : i32) -> f32 { return tapOf(row, k / ${cin}, k % ${cin}); }
      fn right(k : i32, column : i32) -> f32 { return w[k * ${cout} + column]; }`,
    stored:
      slope === 1 ? 'total + b[column]' : `max(total + b[column], ${float(slope)} * (total + b[column]))`,
  });
}

/** Gradient by the input: the same with the filter turned about and its channels exchanged. */
function inputGradient(
  backend: GpuBackend,
  x: tfjs.TensorInfo,
  w: tfjs.TensorInfo,
  dz: tfjs.TensorInfo,
): Tensor {
  const sizes = shapesOf(x, w);
  const { cin, cout } = sizes;
  return asTensor(
    multiply(backend, {
      key: keyOf('conv_dx', sizes),
      inputs: { dz, w },
      rows: voxelsOf(sizes),
      columns: cin,
      depth: 27 * cout,
      parts: 1,
      slab: 27 * cout,
      shape: x.shape,
      code: `${gathered('dz', cout, sizes)}
        fn left(row : i32, k : i32) -> f32 { return tapOf(row, k / ${cout}, k % ${cout}); }
        fn right(k : i32, column : i32) -> f32 {
          return w[((26 - k / ${cout}) * ${cin} + column) * ${cout} + k % ${cout}];
        }`,
    }),
  );
}

/** Gradients by the filter and the bias: sums over the voxels, slab by slab; the bias is a tap that always reads 1. */
function filterGradients(
  backend: GpuBackend,
  x: tfjs.TensorInfo,
  w: tfjs.TensorInfo,
  dz: tfjs.TensorInfo,
): { readonly w: Tensor; readonly b: Tensor } {
  const sizes = shapesOf(x, w);
  const { cin, cout } = sizes;
  const voxels = voxelsOf(sizes);
  const parts = Math.ceil(voxels / SLAB);
  const taps = 27 * cin;
  const partial = multiply(backend, {
    key: keyOf('conv_dw', sizes),
    inputs: { x, dz },
    rows: taps + 1,
    columns: cout,
    depth: voxels,
    parts,
    slab: SLAB,
    shape: [parts, taps + 1, cout],
    code: `${gathered('x', cin, sizes)}
      fn left(row : i32, k : i32) -> f32 {
        if (row == ${taps}) { return 1.0; }
        return tapOf(k, row / ${cin}, row % ${cin});
      }
      fn right(k : i32, column : i32) -> f32 { return dz[k * ${cout} + column]; }`,
  });
  const total = (key: string, first: number, shape: readonly number[]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    return asTensor(
      runProgram(backend, {
        key: [key, first, size, parts, cout].join('_'),
        inputs: { partial },
        shape,
        code: `fn compute(index : i32) {
          if (index >= ${size}) { return; }
          var sum = 0.0;
          for (var part = 0; part < ${parts}; part++) { sum += partial[part * ${(taps + 1) * cout} + ${first} + index]; }
          result[index] = sum;
        }`,
      }),
    );
  };
  const gradients = { w: total('slabs', 0, w.shape), b: total('slabs', taps * cout, [cout]) };
  free(backend, partial);
  return gradients;
}

/** Gradients of `convolve` that are wanted; `y` is its result. */
export function convolutionGradients(
  backend: GpuBackend,
  {
    x,
    w,
    y,
    dy,
    slope,
    wanted,
  }: {
    readonly x: Tensor;
    readonly w: Tensor;
    readonly y: Tensor;
    readonly dy: Tensor;
    readonly slope: number;
    readonly wanted: ReadonlySet<string>;
  },
): Record<string, Tensor> {
  const beforeSlope = slope === 1 ? null : slopeGradient(backend, y, dy, slope);
  const dz = beforeSlope ?? dy;
  const gradients: Record<string, Tensor> = {
    ...(wanted.has('w') || wanted.has('b') ? filterGradients(backend, x, w, dz) : {}),
    ...(wanted.has('x') ? { x: inputGradient(backend, x, w, dz) } : {}),
  };
  beforeSlope?.dispose();
  return gradients;
}

/** Where the result of the leaky ReLU is 0 or less, its derivative is the slope. */
function slopeGradient(backend: GpuBackend, y: Tensor, dy: Tensor, slope: number): Tensor {
  return asTensor(
    runProgram(backend, {
      key: `slope_${dy.size}_${slope}`,
      inputs: { y, dy },
      shape: dy.shape,
      code: `fn compute(index : i32) {
        if (index < ${dy.size}) { result[index] = select(${float(slope)} * dy[index], dy[index], y[index] > 0.0); }
      }`,
    }),
  );
}

/** A number as WGSL writes floats. */
export function float(value: number): string {
  const text = String(Math.fround(value));
  return /[.e]/.test(text) ? text : `${text}.0`;
}
