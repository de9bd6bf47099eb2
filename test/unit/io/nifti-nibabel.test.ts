import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as reader from 'nifti-reader-js';
import { describe, expect, test } from 'vitest';

import { fortranToC, readNifti, readNiftiHeader, readNpy, writeNifti } from '../../../src/io/index.js';
import { nibabelPython, runPython } from '../../support/nibabel.js';
import { temporaryDirectory } from '../../support/temporary.js';

interface Case {
  name: string;
  file: string;
  dtype: string;
  affine: number[];
  shape: number[];
  little_endian: boolean;
  version: 1 | 2;
}

const directory = temporaryDirectory();

describe.skipIf(nibabelPython === null)('files written by nibabel', () => {
  const cases: Case[] =
    nibabelPython === null ? [] : (JSON.parse(runPython('nibabel_fixtures.py', directory)) as Case[]);

  test.for(cases)('$name holds what nibabel reads from it', async (item) => {
    const volume = await readNifti(join(directory, item.file));
    const expected = await readNpy(join(directory, `${item.name}.npy`));

    expect(volume.header.version).toBe(item.version);
    expect(volume.header.littleEndian).toBe(item.little_endian);
    expect(volume.header.datatypeName).toBe(item.dtype);
    expect(volume.header.dims).toEqual(item.shape);
    // nibabel builds the qform in float64 from float32 quaternions, as we do: rounding only
    volume.affine.forEach((entry, i) => expect(Math.abs(entry - (item.affine[i] ?? NaN))).toBeLessThan(1e-6));
    const values = fortranToC(volume.data, item.shape);
    const largest = Math.max(...[...expected.data].map(Math.abs));
    values.forEach((value, i) => {
      // nibabel scales small integers in float32 or float64; 1e-7 of the largest value covers its rounding
      expect(Math.abs(value - (expected.data[i] ?? NaN))).toBeLessThanOrEqual(1e-7 * largest);
    });
  });

  test.for(cases)('nifti-reader-js sees the same header and bytes in $name', (item) => {
    const ours = readNiftiHeader(join(directory, item.file));
    const raw = readFileSync(join(directory, item.file));
    const bytes = Uint8Array.from(item.file.endsWith('.gz') ? gunzipSync(raw) : raw).buffer;
    const theirs = reader.readHeader(bytes);

    expect(theirs).not.toBeNull();
    expect(ours.datatype).toBe(theirs?.datatypeCode);
    expect(ours.dims).toEqual(theirs?.dims.slice(1, 1 + (theirs.dims[0] ?? 0)));
    expect(ours.pixdim).toEqual(theirs?.pixDims);
    expect(ours.voxelOffset).toBe(theirs?.vox_offset);
    if (theirs !== null && ours.sformCode >= ours.qformCode && ours.sformCode > 0) {
      expect(ours.affine).toEqual(theirs.affine.flat());
    }
  });

  test.for(['complex64', 'complex128', 'rgb24'])('%s is refused by name', async (kind) => {
    const path = join(directory, `${kind}.nii`);
    await expect(readNifti(path)).rejects.toThrow(`${path} has data type ${kind}: `);
  });

  test('arrays in Fortran order, format 2 and 3, big-endian, half and bool are read in C order', async () => {
    const series = await readNpy(join(directory, 'series.npy'));
    const fortran = await readNpy(join(directory, 'series_f.npy'));
    expect(fortran.shape).toEqual([3, 4, 5, 2]);
    expect(fortran.data).toEqual(series.data);
    for (const version of ['v2', 'v3']) {
      const array = await readNpy(join(directory, `${version}.npy`));
      expect(array).toEqual({ shape: [2, 3], dtype: 'i4', data: Int32Array.from([0, 1, 2, 3, 4, 5]) });
    }
    expect((await readNpy(join(directory, 'big.npy'))).data).toEqual(Float64Array.from([1.5, -2]));
    expect((await readNpy(join(directory, 'scalar.npy'))).data).toEqual(Float64Array.from([3.25]));
    expect((await readNpy(join(directory, 'bool.npy'))).data).toEqual(Uint8Array.from([1, 0, 0, 1]));
    const half = await readNpy(join(directory, 'half.npy'));
    expect([...half.data]).toEqual([1.5, -2.25, 2 ** -24, Infinity]);
  });

  test('nibabel reads what we write, also from big-endian and NIfTI-2 templates', async () => {
    const shape = [3, 4, 5];
    const data = Float32Array.from({ length: 60 }, (_, i) => Math.fround(Math.sin(i)));
    const paths: string[] = [];
    for (const name of ['float32_1_le.nii.gz', 'float32_1_be.nii', 'int16_2_be_scaled.nii', 'qform.nii.gz']) {
      const template = readNiftiHeader(join(directory, name));
      const path = join(directory, `ours_${name.replace('.gz', '')}.gz`);
      await writeNifti(path, { shape, data, template: template.headerBytes });
      paths.push(path);
    }
    const seen = JSON.parse(runPython('nibabel_load.py', ...paths)) as Array<{
      shape: number[];
      dtype: string;
      affine: number[];
      sform_code: number;
      qform_code: number;
      zooms: number[];
      data: number[];
    }>;
    const inC = [...fortranToC(data, shape)];
    const geometry = cases.find((item) => item.name === 'float32_1_le');
    for (const [i, volume] of seen.entries()) {
      expect(volume.shape).toEqual(shape);
      expect(volume.dtype).toBe('float32');
      expect(volume.data).toEqual(inC);
      expect(volume.qform_code).toBe(4);
      expect(volume.sform_code).toBe(i === 3 ? 0 : 4);
      volume.zooms.forEach((zoom, axis) => expect(zoom).toBeCloseTo([2, 2.5, 3][axis] ?? NaN, 6));
      if (i < 3) volume.affine.forEach((x, k) => expect(x).toBeCloseTo(geometry?.affine[k] ?? NaN, 6));
    }
  });
});
