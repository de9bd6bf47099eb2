import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  ATLAS_NAMES,
  ATLAS_SCHEMES,
  AtlasScheme,
  atlasScheme,
  encodeGifti,
  hemisphereOf,
  labelId,
  labelTable,
  networkInName,
  readLabelNames,
  readParcellation,
  writeAnnotation,
  writeNifti,
  writeNpy,
  writeVertexLabel,
} from '../../../src/io/index.js';

describe('schemes', () => {
  test('the 19 ids, each found by itself and by its other spellings', () => {
    expect(Object.values(AtlasScheme)).toHaveLength(19);
    expect(ATLAS_SCHEMES.map(({ id }) => id)).toEqual(Object.values(AtlasScheme));
    for (const name of ATLAS_NAMES) expect(Object.values(AtlasScheme)).toContain(atlasScheme(name).id);
    expect(atlasScheme('Schaefer_400').id).toBe('schaefer400');
    expect(atlasScheme('schaefer').id).toBe('schaefer200');
    expect(atlasScheme('hcp').regionsPerHemisphere).toBe(180);
    expect(atlasScheme('aparc.a2009s').id).toBe('destrieux');
  });

  test('an unknown name gets the nearest one; aparc is not taken for DKT', () => {
    expect(() => atlasScheme('destrieu')).toThrow(/unknown atlas destrieu; did you mean destrieux\?/);
    expect(() => atlasScheme('aparc')).toThrow(/unknown atlas aparc/);
  });

  test('label numbers: FreeSurfer, the same in both hemispheres for subfields, 100 apart for the thalamus', () => {
    expect(labelId('aseg', 'Left-Hippocampus')).toBe(17);
    expect(labelId('aseg', 'right-hippocampus')).toBe(53);
    expect(labelTable('hippocampal_subfields')?.get(237)).toBe('CA1-head');
    for (const id of [203, 211, 212, 215, 226, ...Array.from({ length: 14 }, (_, i) => 233 + i)]) {
      expect(labelTable('hippocampal_subfields')?.has(id)).toBe(true);
    }
    for (const id of [7001, 7003, 7005, 7006, 7007, 7008, 7009, 7010, 7015]) {
      expect(labelTable('amygdala_nuclei')?.has(id)).toBe(true);
    }
    expect(labelTable('thalamic_nuclei')?.get(8133)).toBe('Left-VPL');
    expect(labelTable('thalamic_nuclei')?.get(8233)).toBe('Right-VPL');
    expect(labelTable('destrieux')).toBeNull();
  });

  test('a part of a name is refused with the names that contain it', () => {
    expect(() => labelId('aseg', 'hippocampus')).toThrow('aseg has no label hippocampus');
    try {
      labelId('aseg', 'hippocampus');
    } catch (error) {
      expect((error as { cure: string }).cure).toBe('name one of Left-Hippocampus, Right-Hippocampus');
    }
  });

  test('hemispheres and networks stand in names', () => {
    expect(hemisphereOf('Left-Hippocampus')).toBe('left');
    expect(hemisphereOf('ctx_rh_G_cuneus')).toBe('right');
    expect(hemisphereOf('7Networks_LH_Vis_1')).toBe('left');
    expect(hemisphereOf('Brain-Stem')).toBeNull();
    expect(networkInName('7Networks_RH_SalVentAttn_Med_3')).toBe('SalVentAttn');
    expect(networkInName('17Networks_LH_DefaultA_PFCd_1')).toBe('DefaultA');
    expect(networkInName('precuneus')).toBeNull();
  });
});

describe('files of regions', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'neuroloom-regions-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  /** Six vertices on a line, 1 mm apart. */
  const surface = { vertices: Float64Array.from({ length: 18 }, (_, i) => (i % 3 === 0 ? i / 3 : 0)) };

  test('an annotation: ids are positions in its table, a value of no entry is no region', async () => {
    await writeAnnotation(at('lh.a.annot'), {
      regions: Int32Array.of(0, 2, 2, -1, 1, 1),
      entries: ['unknown', 'a', 'b'].map((name, i) => ({ name, rgbt: [10 * i + 1, 2, 3, 0] as const })),
    });
    const found = await readParcellation([at('lh.a.annot')], { surface });
    expect([...found.labels]).toEqual([0, 2, 2, -1, 1, 1]);
    expect(found.regions.map(({ id, name, rgb }) => [id, name, rgb])).toEqual([
      [0, 'unknown', [1, 2, 3]],
      [1, 'a', [11, 2, 3]],
      [2, 'b', [21, 2, 3]],
    ]);
  });

  test('the annotation of another surface is refused with both counts', async () => {
    await writeAnnotation(at('lh.b.annot'), {
      regions: Int32Array.of(0, 0, 0, 0),
      entries: [{ name: 'a', rgbt: [1, 2, 3, 0] }],
    });
    await expect(readParcellation([at('lh.b.annot')], { surface })).rejects.toThrow(
      /lh.b.annot is of 4 vertices, the surface has 6/,
    );
  });

  test('GIfTI labels keep their keys, names of a lookup come first, unnamed numbers get a name', async () => {
    await writeFile(
      at('a.label.gii'),
      encodeGifti({
        arrays: [{ intent: 'LABEL', shape: [6], data: Int32Array.of(0, 7, 7, 12, 12, 99) }],
        labels: [
          { key: 0, name: '???', rgba: [0, 0, 0, 0] },
          { key: 7, name: 'seven', rgba: [1, 0, 0, 1] },
          { key: 12, name: 'twelve', rgba: null },
        ],
      }),
    );
    const { regions } = await readParcellation([at('a.label.gii')], {
      surface,
      names: new Map([[12, 'dozen']]),
    });
    expect(regions.map(({ id, name }) => [id, name])).toEqual([
      [0, '???'],
      [7, 'seven'],
      [12, 'dozen'],
      [99, 'region-99'],
    ]);
  });

  test('labels are a region each; one vertex in two is refused', async () => {
    const label = (indices: number[]) => ({
      indices: Int32Array.from(indices),
      coordinates: new Float64Array(3 * indices.length),
      values: new Float64Array(indices.length),
    });
    await writeVertexLabel(at('lh.one.label'), label([0, 1]));
    await writeVertexLabel(at('lh.two.label'), label([4]));
    const { labels, regions } = await readParcellation([at('lh.one.label'), at('lh.two.label')], { surface });
    expect([...labels]).toEqual([0, 0, -1, -1, 1, -1]);
    expect(regions.map(({ name }) => name)).toEqual(['lh.one', 'lh.two']);
    await writeVertexLabel(at('lh.three.label'), label([1, 2]));
    await expect(readParcellation([at('lh.one.label'), at('lh.three.label')], { surface })).rejects.toThrow(
      /vertex 1 is in lh.one too/,
    );
    await writeVertexLabel(at('lh.far.label'), label([6]));
    await expect(readParcellation([at('lh.far.label')], { surface })).rejects.toThrow(
      /names vertex 6 of a surface with 6/,
    );
  });

  test('a volume is sampled at the vertices; outside of every label the nearest within reach counts', async () => {
    // Voxels of 1 mm along x: 0 0 5 5 0 0 8 8, the first at x = 0.
    await writeNifti(at('labels.nii.gz'), {
      shape: [8, 1, 1],
      affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
      data: Int16Array.of(0, 0, 5, 5, 0, 0, 8, 8),
    } as never);
    const far = await readParcellation([at('labels.nii.gz')], { surface, reachMm: 1.2 });
    expect([...far.labels]).toEqual([-1, 5, 5, 5, 5, 8]);
    const near = await readParcellation([at('labels.nii.gz')], { surface, reachMm: 0 });
    expect([...near.labels]).toEqual([-1, -1, 5, 5, -1, -1]);
    // FreeSurfer's surfaces are in tkregister RAS: c_ras leads to the space of the volume.
    const moved = await readParcellation([at('labels.nii.gz')], {
      surface: { ...surface, cRas: [2, 0, 0] },
      reachMm: 0,
    });
    expect([...moved.labels]).toEqual([5, 5, -1, -1, 8, 8]);
  });

  test('a volume whose affine leads nowhere is refused, not taken for one without labels', async () => {
    // MGH: version 1, 2 x 1 x 1 voxels of type 0 (bytes), valid directions that are all 0.
    const bytes = Buffer.alloc(284 + 2);
    [1, 2, 1, 1, 1, 0, 0].forEach((value, i) => bytes.writeInt32BE(value, 4 * i));
    bytes.writeInt16BE(1, 28);
    [1, 1, 1].forEach((value, i) => bytes.writeFloatBE(value, 30 + 4 * i));
    bytes.fill(5, 284);
    await writeFile(at('flat.mgh'), bytes);
    await expect(readParcellation([at('flat.mgh')], { surface })).rejects.toMatchObject({
      code: 'AFFINE_SINGULAR',
      where: at('flat.mgh'),
    });
  });

  test('whole numbers per vertex; anything else is refused by vertex', async () => {
    await writeNpy(at('a.npy'), { shape: [6], data: Float64Array.of(1, 1, 2, 2, NaN, 3) });
    const { labels } = await readParcellation([at('a.npy')], { surface });
    expect([...labels]).toEqual([1, 1, 2, 2, -1, 3]);
    await writeNpy(at('b.npy'), { shape: [6], data: Float64Array.of(1, 1, 2.5, 2, 2, 3) });
    await expect(readParcellation([at('b.npy')], { surface })).rejects.toThrow(/vertex 2 has the value 2.5/);
    await writeFile(at('a.obj'), 'v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n');
    await expect(readParcellation([at('a.obj')], { surface })).rejects.toThrow(/holds no regions/);
  });

  test('tables of names: those of FreeSurfer and those of BIDS', async () => {
    await writeFile(
      at('lut.txt'),
      '# comment\n\n17  Left-Hippocampus   220 216 20  0\n53 Right-Hippocampus 1 2 3 0\n',
    );
    expect([...(await readLabelNames(at('lut.txt')))]).toEqual([
      [17, 'Left-Hippocampus'],
      [53, 'Right-Hippocampus'],
    ]);
    await writeFile(at('lut.tsv'), 'index\tname\n4\tfour\n');
    expect([...(await readLabelNames(at('lut.tsv')))]).toEqual([[4, 'four']]);
    await writeFile(at('bad.txt'), 'hello world\n');
    await expect(readLabelNames(at('bad.txt'))).rejects.toThrow(/line 1 is not "number name/);
    await expect(readLabelNames(at('none.txt'))).rejects.toThrow(/none.txt/);
  });
});
