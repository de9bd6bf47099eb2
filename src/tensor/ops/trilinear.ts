/** Trilinear sampling and its two gradients, made of gather and scatter. Never recorded on a tape itself. */
import { volumeShape, type VolumeShape } from '../shapes.js';
import { tf, type Tensor, type tfjs } from '../tfjs.js';
import type { WarpMode } from './warp.js';

/** Along one axis, for every voxel: the two neighbours of the sampled coordinate. */
interface AxisSample {
  /** Neighbour below and above, int32, inside the grid. */
  readonly index: readonly [Tensor, Tensor];
  /** Weights of the two, 0 where the neighbour does not exist. */
  readonly weight: readonly [Tensor, Tensor];
  /** Derivatives of the two weights by the displacement. */
  readonly slope: readonly [Tensor, Tensor];
}

/** Position of each voxel along an axis, (N * X * Y * Z). */
function positions(grid: VolumeShape, axis: 0 | 1 | 2): Tensor {
  const { n, x, y, z } = grid;
  const values = new Float32Array(n * x * y * z);
  const [step, length] = (
    [
      [y * z, x],
      [z, y],
      [1, z],
    ] as const
  )[axis];
  for (let voxel = 0; voxel < values.length; voxel++) values[voxel] = Math.floor(voxel / step) % length;
  return tf.tensor1d(values, 'float32');
}

function within(value: Tensor, least: number, greatest: number): Tensor {
  const inside = tf.logicalAnd(
    tf.greaterEqual(value, tf.scalar(least)),
    tf.lessEqual(value, tf.scalar(greatest)),
  );
  return tf.cast(inside, 'float32');
}

/**
 * The cell is taken from the displacement and not from position + displacement: in float32 that sum can round up to
 * the next cell, where the derivative is another one.
 */
function sampleAxis(grid: VolumeShape, displacement: Tensor, axis: 0 | 1 | 2, mode: WarpMode): AxisSample {
  const length = [grid.x, grid.y, grid.z][axis] ?? 1;
  const component = tf.reshape(tf.slice(displacement, [0, axis], [-1, 1]), [-1]);
  const wholeSteps = tf.floor(component);
  const free = tf.sub(component, wholeSteps);
  // Not 1 - free: the complement then keeps all bits of a small negative displacement.
  const rest = tf.sub(tf.add(wholeSteps, tf.scalar(1)), component);
  const below = tf.add(positions(grid, axis), wholeSteps);
  const above = tf.add(below, tf.scalar(1));
  const toIndex = (position: Tensor) => tf.cast(tf.clipByValue(position, 0, length - 1), 'int32');
  const index = [toIndex(below), toIndex(above)] as const;
  const complement = (x: Tensor) => tf.sub(tf.scalar(1), x);
  if (mode === 'border') {
    // Outside, index clips to the border voxel and the fraction is 0. The derivative ends on the border itself.
    const inside = within(below, 0, length - 2);
    const fraction = tf.mul(free, inside);
    const moves = tf.mul(inside, tf.cast(tf.greater(tf.add(below, free), tf.scalar(0)), 'float32'));
    const remaining = tf.add(tf.mul(rest, inside), complement(inside));
    return { index, weight: [remaining, fraction], slope: [tf.neg(moves), moves] };
  }
  const exists = [within(below, 0, length - 1), within(above, 0, length - 1)] as const;
  return {
    index,
    weight: [tf.mul(rest, exists[0]), tf.mul(free, exists[1])],
    slope: [tf.neg(exists[0]), exists[1]],
  };
}

interface Corner {
  /** Row of the sampled voxel among all N * X * Y * Z voxels, int32. */
  readonly row: Tensor;
  /** For each axis, whether this corner is the neighbour below (0) or above (1). */
  readonly side: readonly [0 | 1, 0 | 1, 0 | 1];
}

function sampleCorners(grid: VolumeShape, displacement: Tensor, mode: WarpMode) {
  const field = tf.reshape(displacement, [-1, 3]);
  const axes = ([0, 1, 2] as const).map((axis) => sampleAxis(grid, field, axis, mode)) as [
    AxisSample,
    AxisSample,
    AxisSample,
  ];
  const voxels = grid.x * grid.y * grid.z;
  const firstRows = new Int32Array(grid.n * voxels).map((_, voxel) => Math.floor(voxel / voxels) * voxels);
  const firstRow = tf.tensor1d(firstRows, 'int32');
  const corners: Corner[] = [];
  for (const sx of [0, 1] as const) {
    for (const sy of [0, 1] as const) {
      for (const sz of [0, 1] as const) {
        const plane = tf.add(tf.mul(axes[0].index[sx], tf.scalar(grid.y, 'int32')), axes[1].index[sy]);
        const voxel = tf.add(tf.mul(plane, tf.scalar(grid.z, 'int32')), axes[2].index[sz]);
        corners.push({ row: tf.add(firstRow, voxel), side: [sx, sy, sz] });
      }
    }
  }
  return { axes, corners };
}

/** Product of the three weights of a corner, with one of them replaced by its slope where asked. */
function cornerFactor(axes: readonly AxisSample[], corner: Corner, derivative: number | null): Tensor {
  const factors = axes.map((axis, i) => (i === derivative ? axis.slope : axis.weight)[corner.side[i] ?? 0]);
  return factors.reduce((product, factor) => tf.mul(product, factor));
}

/** W(p) = V(p + u(p)); shapes as in `warp`. */
export function pull(volume: Tensor, displacement: Tensor, mode: WarpMode): Tensor {
  const grid = volumeShape(volume, 'warp', 'volume');
  const rows = tf.reshape(volume, [-1, grid.c]);
  const { axes, corners } = sampleCorners(grid, displacement, mode);
  const parts = corners.map((corner) =>
    tf.mul(
      tf.gather(rows, corner.row as tfjs.Tensor1D),
      tf.reshape(cornerFactor(axes, corner, null), [-1, 1]),
    ),
  );
  return tf.reshape(
    parts.reduce((total, part) => tf.add(total, part)),
    volume.shape,
  );
}

/** Gradients of sum(dy * pull(volume, displacement)) by the volume and by the displacement. */
export function pullGradients(
  volume: Tensor,
  displacement: Tensor,
  dy: Tensor,
  mode: WarpMode,
): [Tensor, Tensor] {
  const grid = volumeShape(volume, 'warp', 'volume');
  const rows = tf.reshape(volume, [-1, grid.c]);
  const upstream = tf.reshape(dy, [-1, grid.c]);
  const { axes, corners } = sampleCorners(grid, displacement, mode);
  const scattered = corners.map((corner) => {
    const weighted = tf.mul(upstream, tf.reshape(cornerFactor(axes, corner, null), [-1, 1]));
    return tf.scatterND(tf.reshape(corner.row, [-1, 1]), weighted, [rows.shape[0] ?? 0, grid.c]);
  });
  const matches = corners.map((corner) =>
    tf.sum(tf.mul(upstream, tf.gather(rows, corner.row as tfjs.Tensor1D)), 1),
  );
  const components = [0, 1, 2].map((axis) => {
    const parts = corners.map((corner, i) => tf.mul(matches[i] as Tensor, cornerFactor(axes, corner, axis)));
    return parts.reduce((total, part) => tf.add(total, part));
  });
  return [
    tf.reshape(
      scattered.reduce((total, part) => tf.add(total, part)),
      volume.shape,
    ),
    tf.reshape(
      tf.concat(
        components.map((part) => tf.reshape(part, [-1, 1])),
        1,
      ),
      displacement.shape,
    ),
  ];
}
