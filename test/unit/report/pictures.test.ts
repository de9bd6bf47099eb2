import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { canonicalVolume } from '../../../src/report/canonical-volume.js';
import { binsOf, histogram } from '../../../src/report/histogram.js';
import { graphSvg } from '../../../src/report/graph-picture.js';
import { drawMosaic, lengthsMm, usualRange } from '../../../src/report/mosaic.js';
import { encodePng } from '../../../src/report/png.js';
import { drawSurface } from '../../../src/report/surface-picture.js';
import { lanesOf } from '../../../src/report/timeline.js';
import { ticks } from '../../../src/report/format.js';
import type { NiftiVolume } from '../../../src/io/index.js';
import { icosphere } from '../../support/analytic-meshes.js';

/** A volume whose only voxel that is not 0 is the one furthest to the right, front and top of the head. */
function cornerVolume(affine: readonly number[], voxel: readonly [number, number, number]): NiftiVolume {
  const shape = [4, 5, 6];
  const data = new Float32Array(120);
  data[voxel[0] + 4 * (voxel[1] + 5 * voxel[2])] = 7;
  return { shape, affine, voxelSizeMm: [2, 2, 2], data } as unknown as NiftiVolume;
}

describe('volumes are shown with left on the left whatever way their axes run', () => {
  test.each([
    ['RAS', [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1], [3, 4, 5], [4, 5, 6]],
    ['LAS', [-2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1], [0, 4, 5], [4, 5, 6]],
    ['PIR', [0, 0, 2, 0, -2, 0, 0, 0, 0, -2, 0, 0, 0, 0, 0, 1], [0, 0, 5], [6, 4, 5]],
  ] as const)('%s', (_, affine, voxel, shape) => {
    const volume = canonicalVolume(cornerVolume(affine, voxel));
    expect(volume.shape).toEqual(shape);
    const [x, y, z] = volume.shape;
    expect(volume.at(x - 1, y - 1, z - 1)).toBe(7);
    expect(volume.at(0, 0, 0)).toBe(0);
  });
});

test('a mosaic shows the support in the brightest colour and nothing elsewhere', () => {
  const { image, range, support } = drawMosaic(
    cornerVolume([2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1], [3, 4, 5]),
    { colors: 'sequential' },
  );
  expect([range, support]).toEqual([[0, 7], 1]);
  // Slices of a support of one voxel all lie in it: the first one has it at its upper right.
  const width = Math.round((8 * 120) / 12);
  const firstRow = image.pixels.subarray(0, width);
  expect(firstRow[width - 1]).toBe(255);
  expect(firstRow[0]).toBe(1);
});

test('vectors are shown by their length in mm: those in voxels by the size of each axis', () => {
  const field = {
    ...cornerVolume([2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 6, 0, 0, 0, 0, 1], [0, 0, 0]),
    shape: [2, 1, 1, 1, 3],
    voxelSizeMm: [2, 3, 6],
    // Component by component: (1, 1, 1) and (0, -2, 0).
    data: Float32Array.of(1, 0, 1, -2, 1, 0),
  } as NiftiVolume;
  expect([...lengthsMm(field, 'voxels').data]).toEqual([7, 6]);
  expect([...lengthsMm(field, 'mm').data].map((value) => value ** 2)[1]).toBe(4);
  expect(() => lengthsMm({ ...field, data: new Float32Array(4) }, 'mm')).toThrow('has not 3 components');
});

test('the usual range leaves the brightest half percent out and is symmetric for signed values', () => {
  const values = Float64Array.from({ length: 1000 }, (_, i) => i + 1);
  expect(usualRange(values, 'sequential')).toEqual([0, 995]);
  expect(usualRange(values, 'diverging')).toEqual([-995, 995]);
  expect(usualRange(new Float64Array(5), 'sequential')).toEqual([0, 1]);
});

test('a PNG holds its pixels, row by row behind a filter byte', () => {
  const png = encodePng({
    width: 2,
    height: 2,
    pixels: Uint8Array.of(0, 1, 1, 0),
    palette: [
      [1, 2, 3],
      [4, 5, 6],
    ],
  });
  const at = png.indexOf('IDAT');
  const length = png.readUInt32BE(at - 4);
  expect([...inflateSync(png.subarray(at + 4, at + 4 + length))]).toEqual([0, 0, 1, 0, 1, 0]);
  expect(png.readUInt32BE(16)).toBe(2);
});

test('a sphere covers a disc in every view, and shades towards its rim', () => {
  const sphere = icosphere(3);
  const vertices = Float64Array.from(sphere.vertices);
  const values = Array.from({ length: vertices.length / 3 }, (_, i) => vertices[3 * i + 2]!);
  const { image, range } = drawSurface({ vertices, faces: Int32Array.from(sphere.faces) }, values);
  expect(range[0]).toBeCloseTo(-range[1], 10);
  const view = (n: number) =>
    image.pixels.filter((_, i) => {
      const x = i % image.width;
      return x >= n * 184 && x < n * 184 + 180;
    });
  const disc = (Math.PI / 4) * (180 / 1.05) ** 2;
  for (let n = 0; n < 6; n++) {
    const covered = view(n).filter((pixel) => pixel !== 0).length;
    // An icosphere of 642 vertices lies inside its sphere; the disc is a little smaller.
    expect(covered / disc).toBeGreaterThan(0.96);
    expect(covered / disc).toBeLessThan(1.01);
  }
});

test('what has no value is grey, and an angle is not averaged over its end', () => {
  // A square of two triangles that faces the viewer from above.
  const square = {
    vertices: Float64Array.of(-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0),
    faces: Int32Array.of(0, 1, 2, 0, 2, 3),
  };
  const seen = (values: number[], colors: 'cyclic' | 'sequential') => {
    const { image } = drawSurface(square, values, { colors, range: [-Math.PI, Math.PI] });
    return new Set(
      [...image.pixels].filter((pixel) => pixel !== 0).map((pixel) => image.palette[pixel]!.join()),
    );
  };
  const [red] = [...seen([3.1, 3.1, 3.1, 3.1], 'cyclic')];
  expect([...seen([-3.1, 3.1, -3.1, 3.1], 'cyclic')]).toEqual([red]);
  expect(seen([-3.1, 3.1, -3.1, 3.1], 'sequential').size).toBeGreaterThan(20);
  expect([...seen([NaN, NaN, NaN, NaN], 'sequential')]).toEqual(['150,150,150']);
  expect(seen([NaN, 1, 1, 1], 'sequential').size).toBe(2);
});

test('bins cover all values, ticks are round, lanes keep attempts apart', () => {
  const bins = binsOf([0.05, 0.1, 0.55, 0.99]);
  expect(bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(4);
  expect(bins[0]!.from).toBeLessThanOrEqual(0.05);
  expect(bins.at(-1)!.to).toBeGreaterThan(0.99);
  expect(binsOf([2, 2, 2])).toEqual([{ from: 1.9, to: 2.1, count: 3 }]);
  // A range that is only rounding is a point.
  expect(binsOf([1 - 1e-12, 1, 1])).toHaveLength(1);
  expect(ticks(1 - 1e-12, 1)).toEqual([1 - 1e-12]);
  expect(binsOf([1 - 1e-8, 1]).reduce((sum, bin) => sum + bin.count, 0)).toBe(2);
  expect(ticks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  const attempt = (startMs: number, endMs: number) => ({ id: 'a', startMs, endMs, state: 'done' as const });
  const attempts = [attempt(0, 10), attempt(2, 4), attempt(4, 12), attempt(10, 11)];
  expect([...lanesOf(attempts).values()]).toEqual([0, 1, 1, 0]);
});

test('the graph as SVG: each node below what it takes from, gathered edges thick, text escaped', () => {
  const svg = graphSvg({
    workflow: 'w',
    nodes: [
      { id: 'read', name: 'read', version: 1, mapped: true, items: 3, publishes: [] },
      { id: 'join', name: 'join', version: 2, mapped: false, items: null, publishes: ['a<b.tsv'] },
    ],
    edges: [{ from: 'read', to: 'join', port: 'all', kind: 'gather' }],
  });
  const y = (id: string): number => Number(new RegExp(`y="(\\d+)"[^>]*/><text[^>]*>${id}`).exec(svg)?.[1]);
  expect(y('join')).toBeGreaterThan(y('read') + 40);
  expect(svg).toContain('class="edge gather"');
  expect(svg).toContain('a&lt;b.tsv');
  expect(svg).toContain('read × 3');
});

test('a histogram counts in whole numbers', () => {
  const values = [1, 2, 2, 3];
  const { text } = histogram({
    kind: 'histogram',
    title: 't',
    caption: '',
    x: 'mm',
    counted: 'subjects',
    values,
  });
  const up = [...text.matchAll(/text-anchor="end"\s*>([^<]+)</g)].map(([, number]) => Number(number));
  expect(up).toEqual([0, 1, 2]);
});
