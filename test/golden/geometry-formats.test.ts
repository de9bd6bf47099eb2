/** One tiny file per format; contents in expected.json of reference/spectral/formats. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import {
  detectGeometryFormat,
  GeometryFormat,
  parseAnnotation,
  parseFreesurferMorph,
  parseVertexLabel,
  readGifti,
  readMgh,
  readNifti,
  readNpy,
  readSurface,
} from '../../src/io/index.js';
import { hasReference, reference } from '../support/reference.js';

interface Expected {
  readonly format?: keyof typeof GeometryFormat;
  readonly same_as?: string;
  readonly vertices?: number[][];
  readonly faces?: number[][];
  readonly scalars?: number[];
}

const folder = (name: string): string => reference(`spectral/formats/${name}`);

describe.skipIf(!hasReference)('geometry fixtures (skipped without the reference data)', () => {
  const expected = hasReference
    ? (JSON.parse(readFileSync(folder('expected.json'), 'utf8')) as Record<string, Expected>)
    : {};
  const sphere = expected['lh.tiny'];
  const formats = Object.entries(expected).filter(([name]) => name !== 'tiny_fortran.npy');

  test.each(formats)('%s is recognised by its content', async (name, entry) => {
    const format = entry.format ?? expected[entry.same_as ?? '']?.format;
    const original = format === undefined ? undefined : GeometryFormat[format];
    // Second copies of a fixture carry no format of their own where only its encoding differs.
    const known: Record<string, GeometryFormat> = { 'tiny_ascii.ply': GeometryFormat.PLY };
    expect(await detectGeometryFormat(folder(name))).toBe(known[name] ?? original);
  });

  const surfaces = [
    'lh.tiny',
    'tiny.ply',
    'tiny_ascii.ply',
    'tiny.obj',
    'tiny.vtk',
    'tiny_bin.vtk',
    'tiny.npz',
    'tiny.surf.gii',
    'tiny_b64.surf.gii',
    'tiny.h5',
  ];
  test.each([...surfaces, 'tiny_deflate.npz'])('%s holds the sphere, number by number', async (name) => {
    const surface = await readSurface(folder(name));
    expect([...surface.faces]).toEqual(sphere?.faces?.flat());
    // ASCII files give as many digits as their writer printed; the coordinates are float32.
    const vertices = [...surface.vertices].map(Math.fround);
    expect(vertices).toEqual(sphere?.vertices?.flat().map(Math.fround));
  });

  test('tiny_ascii.surf.gii: as many digits as were printed', async () => {
    const surface = await readSurface(folder('tiny_ascii.surf.gii'));
    expect([...surface.faces]).toEqual(sphere?.faces?.flat());
    const wanted = sphere?.vertices?.flat() ?? [];
    surface.vertices.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThan(5e-7));
  });

  test('tiny.stl: corners with equal numbers are one vertex; "solid" in a binary header does not matter', async () => {
    const { vertices, faces } = await readSurface(folder('tiny.stl'));
    expect([vertices.length / 3, faces.length / 3]).toEqual([42, 80]);
    const corner = (points: ArrayLike<number>, vertex: number): number[] =>
      [0, 1, 2].map((axis) => Math.fround(points[3 * vertex + axis] ?? NaN));
    const flat = sphere?.vertices?.flat() ?? [];
    const wanted = sphere?.faces?.flat().map((vertex) => corner(flat, vertex));
    expect([...faces].map((vertex) => corner(vertices, vertex))).toEqual(wanted);
  });

  test('values per vertex, labels and volumes of the other fixtures, number by number', async () => {
    const wanted = (name: string) => expected[name] as unknown as Record<string, unknown>;
    const { arrays } = await readGifti(folder('tiny.func.gii'));
    expect(arrays.map(({ data }) => [...data])).toEqual(wanted('tiny.func.gii')['columns']);
    const labelled = await readGifti(folder('tiny.label.gii'));
    const { labels, keys, names } = wanted('tiny.label.gii');
    expect([...(labelled.arrays[0]?.data ?? [])]).toEqual(labels);
    expect(labelled.labels.map(({ key }) => key)).toEqual(keys);
    expect(labelled.labels.map(({ name }) => name)).toEqual(names);
    const { shape, affine, data_first_axis_fastest: voxels } = wanted('tiny.nii.gz');
    for (const name of ['tiny.nii', 'tiny.nii.gz']) {
      const volume = await readNifti(folder(name));
      expect([volume.shape, [...volume.data]]).toEqual([shape, voxels]);
      expect(volume.affine.map((value) => value + 0)).toEqual((affine as number[][]).flat());
    }
    const scaled = wanted('tiny_scaled.nii')['values_after_scaling_first_axis_fastest'] as number[];
    (await readNifti(folder('tiny_scaled.nii'))).data.forEach((value, i) => {
      expect(Math.abs(value - scaled[i]!)).toBeLessThan(1e-9);
    });
  });

  test('lh.tiny.thickness', () => {
    const values = parseFreesurferMorph(readFileSync(folder('lh.tiny.thickness')), 'lh.tiny.thickness');
    expect([...values]).toEqual(expected['lh.tiny.thickness']?.scalars);
  });

  test('lh.tiny.annot: positions in the table, names and colours', () => {
    const { regions, entries } = parseAnnotation(readFileSync(folder('lh.tiny.annot')), 'lh.tiny.annot');
    const wanted = expected['lh.tiny.annot'] as unknown as Record<string, unknown>;
    expect([...regions]).toEqual(wanted['label_index_per_vertex']);
    expect(entries.map(({ name }) => name)).toEqual(wanted['names']);
    expect(entries.map(({ rgbt }) => rgbt)).toEqual(wanted['rgbt']);
  });

  test('lh.tiny.label', () => {
    const label = parseVertexLabel(readFileSync(folder('lh.tiny.label')), 'lh.tiny.label');
    const wanted = expected['lh.tiny.label'] as unknown as Record<string, unknown>;
    expect([...label.indices]).toEqual(wanted['indices']);
    expect([...label.values]).toEqual(wanted['values']);
  });

  test('tiny.mgz: values, scanner and surface coordinates', async () => {
    const volume = await readMgh(folder('tiny.mgz'));
    const wanted = expected['tiny.mgz'] as unknown as Record<string, number[][]>;
    expect(volume.shape).toEqual(wanted['shape']);
    expect([...volume.data]).toEqual(wanted['data_first_axis_fastest']);
    expect(volume.affine.map((value) => value + 0)).toEqual(wanted['affine']?.flat());
    expect(volume.tkrAffine.map((value) => value + 0)).toEqual(wanted['vox2ras_tkr']?.flat());
  });

  test('tiny_fortran.npy', async () => {
    const array = await readNpy(folder('tiny_fortran.npy'));
    expect([array.shape, [...array.data]]).toEqual([
      [2, 3],
      [0, 1, 2, 3, 4, 5],
    ]);
  });

  test.each(['lh.hipp_closed_sub01L', 'hipp_closed_sub01L.ply'])('%s: a closed hippocampus', async (name) => {
    const { vertices, faces } = await readSurface(reference(`spectral/meshes/${name}`));
    expect([vertices.length / 3, faces.length / 3]).toEqual([8208, 16412]);
  });
});
