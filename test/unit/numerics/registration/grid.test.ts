import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cropVolume,
  FADE_VOXELS,
  pasteDisplacement,
  pasteVolume,
  type Shape3,
  type TrainingGrid,
  trainingGrid,
  unionSupportOf,
  voxelCount,
} from '../../../../src/numerics/registration/grid.js';

const at = (shape: Shape3, x: number, y: number, z: number) => (x * shape[1] + y) * shape[2] + z;

function boxSupport(shape: Shape3, first: Shape3, last: Shape3): Uint8Array {
  const support = new Uint8Array(voxelCount(shape));
  for (let x = first[0]; x <= last[0]; x++)
    for (let y = first[1]; y <= last[1]; y++)
      for (let z = first[2]; z <= last[2]; z++) support[at(shape, x, y, z)] = 1;
  return support;
}

describe('training grid', () => {
  test('the box of the support grows by the margin, clipped at the volume, and is padded at the high end', () => {
    const shape: Shape3 = [30, 40, 50];
    const support = boxSupport(shape, [2, 10, 20], [9, 30, 49]);
    const grid = trainingGrid(support, shape, { crop: true, margin: 4, levels: 4 });
    expect(grid).toEqual({ offset: [0, 6, 16], size: [14, 29, 34], padded: [16, 32, 48] });
  });

  test('without cropping the whole volume is padded', () => {
    const shape: Shape3 = [5, 8, 9];
    const support = boxSupport(shape, [1, 1, 1], [1, 1, 1]);
    const grid = trainingGrid(support, shape, { crop: false, margin: 4, levels: 2 });
    expect(grid).toEqual({ offset: [0, 0, 0], size: [5, 8, 9], padded: [8, 8, 12] });
  });

  test('a cohort without density and a support of another size are refused', () => {
    const options = { crop: true, margin: 4, levels: 2 };
    expect(() => trainingGrid(new Uint8Array(8), [2, 2, 2], options)).toThrow(
      'no voxel of the cohort has density',
    );
    expect(() => trainingGrid(new Uint8Array(7), [2, 2, 2], options)).toThrow(
      'union support has 7 values, shape 2 x 2 x 2 needs 8',
    );
  });

  test('the union support is where any volume is positive', () => {
    expect([...unionSupportOf([Float32Array.of(0, 1, 0, -1), Float32Array.of(0, 0, 2, 0)])]).toEqual([
      0, 1, 1, 0,
    ]);
  });
});

const shapes = fc.tuple(
  fc.integer({ min: 1, max: 9 }),
  fc.integer({ min: 1, max: 9 }),
  fc.integer({ min: 1, max: 9 }),
);

describe('crop and paste', () => {
  test('pasting a crop gives the volume back where the grid covers it and 0 elsewhere', () => {
    fc.assert(
      fc.property(shapes, shapes, fc.integer({ min: 1, max: 3 }), (shape, corner, levels) => {
        const first = corner.map((value, axis) => value % shape[axis]!) as unknown as Shape3;
        const support = boxSupport(shape, first, first);
        const grid = trainingGrid(support, shape, { crop: true, margin: 1, levels });
        const volume = Float32Array.from({ length: voxelCount(shape) }, (_, index) => index + 1);
        const pasted = pasteVolume(cropVolume(volume, shape, grid), shape, grid);
        for (let x = 0; x < shape[0]; x++)
          for (let y = 0; y < shape[1]; y++)
            for (let z = 0; z < shape[2]; z++) {
              const inside = [x, y, z].every(
                (value, axis) =>
                  value >= grid.offset[axis]! && value < grid.offset[axis]! + grid.padded[axis]!,
              );
              const index = at(shape, x, y, z);
              if (pasted[index] !== (inside ? volume[index] : 0)) return false;
            }
        return grid.padded.every((count) => count % 2 ** levels === 0);
      }),
    );
  });

  test('beyond the volume a crop is 0', () => {
    const grid: TrainingGrid = { offset: [0, 0, 2], size: [1, 1, 1], padded: [1, 1, 4] };
    expect([...cropVolume(Float32Array.of(1, 2, 3), [1, 1, 3], grid)]).toEqual([3, 0, 0, 0]);
  });
});

describe('pasted displacement', () => {
  const shape: Shape3 = [60, 3, 3];
  const grid: TrainingGrid = { offset: [20, 1, 0], size: [4, 1, 2], padded: [4, 1, 2] };
  const field = Float32Array.from({ length: 3 * voxelCount(grid.padded) }, (_, index) => index + 1);
  const pasted = pasteDisplacement(field, shape, grid);

  test('is the field itself inside the training grid', () => {
    const full = 3 * at(shape, 21, 1, 1);
    const part = 3 * at(grid.padded, 1, 0, 1);
    expect([...pasted.subarray(full, full + 3)]).toEqual([...field.subarray(part, part + 3)]);
  });

  test('fades outside as a raised cosine of the distance to the nearest voxel, to 0 at 16 voxels', () => {
    const edge = field[3 * at(grid.padded, 3, 0, 0)]!;
    for (const distance of [1, 5, 8, 15, 16, 20]) {
      const fade = distance < FADE_VOXELS ? (1 + Math.cos((Math.PI * distance) / 16)) / 2 : 0;
      expect(pasted[3 * at(shape, 23 + distance, 1, 0)]).toBeCloseTo(edge * fade, 5);
      expect(pasted[3 * at(shape, 20 - distance, 1, 0)]).toBeCloseTo(field[0]! * fade, 5);
    }
    // Off two axes: distance sqrt(3^2 + 1^2 + 1^2) from the corner voxel (3, 0, 1).
    const corner = field[3 * at(grid.padded, 3, 0, 1) + 2]!;
    const fade = (1 + Math.cos((Math.PI * Math.sqrt(11)) / 16)) / 2;
    expect(pasted[3 * at(shape, 26, 2, 2) + 2]).toBeCloseTo(corner * fade, 5);
  });

  test('a field of another size is refused', () => {
    expect(() => pasteDisplacement(new Float32Array(3), shape, grid)).toThrow(
      'training-grid displacement has 3 values, shape 4 x 1 x 2 x 3 needs 24',
    );
  });
});
