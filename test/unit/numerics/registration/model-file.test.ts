import { describe, expect, test } from 'vitest';
import { decodeArrayFile, encodeArrayFile } from '../../../../src/numerics/registration/array-file.js';
import {
  type AtlasModel,
  decodeModelFile,
  encodeModelFile,
} from '../../../../src/numerics/registration/model-file.js';
import { velocityShapeOf } from '../../../../src/numerics/registration/grid.js';
import { LossSettings, ModelSettings } from '../../../../src/numerics/registration/settings.js';

const padded = [4, 4, 8] as const;
const values = (count: number, start: number) =>
  Float32Array.from({ length: count }, (_, k) => Math.sin(start + k));

function directModel(): AtlasModel {
  return {
    metadata: {
      schema_version: 1,
      software_version: '0.1.0',
      mode: 'direct',
      config_digest: 'abc',
      model: ModelSettings.parse({ enc_features: [4, 4], dec_features: [4, 4] }),
      loss: LossSettings.parse({}),
      direct_lr: 0.1,
      instance_steps: 30,
      instance_full_steps: 30,
      shape: [6, 6, 9],
      affine: [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1],
      grid: { offset: [1, 1, 1], size: [4, 4, 7], padded },
      train_scale: 0.25,
      normalization_method: 'waytotal',
      training_space: 'template_native',
      subjects: ['101', '102'],
    },
    theta: values(128, 0),
    furtherThetas: [],
    unionSupport: Uint8Array.from({ length: 128 }, (_, k) => k % 2),
    weights: [],
    velocities: [values(48, 1), values(48, 2)],
  };
}

describe('model file', () => {
  test('what is written is read back, and equal models give equal bytes', () => {
    const model = directModel();
    const bytes = encodeModelFile(model);
    expect(decodeModelFile(bytes, 'm.bin')).toEqual(model);
    expect(encodeModelFile(directModel())).toEqual(bytes);
  });

  test('network weights keep their names and their order', () => {
    const direct = directModel();
    const weights = [
      { name: 'enc.0.weight', shape: [3, 3, 3, 2, 1], values: values(54, 3) },
      { name: 'enc.0.bias', shape: [1], values: values(1, 4) },
    ];
    const model = {
      ...direct,
      metadata: { ...direct.metadata, mode: 'hybrid' as const },
      weights,
      velocities: [],
    };
    expect(decodeModelFile(encodeModelFile(model), 'm.bin')).toEqual(model);
  });

  test('arrays start at multiples of 64 bytes behind a readable header', () => {
    const bytes = Buffer.from(encodeModelFile(directModel()));
    expect(bytes.toString('latin1', 0, 8)).toBe('NLARRAY1');
    const headerLength = bytes.readUInt32LE(8);
    const header = JSON.parse(bytes.toString('utf8', 12, 12 + headerLength)) as {
      arrays: { name: string; offset: number; type: string }[];
    };
    const start = Math.ceil((12 + headerLength) / 64) * 64;
    expect(header.arrays.map(({ name, offset }) => [name, offset])).toEqual([
      ['theta', 0],
      ['union_support', 512],
      ['velocity/101', 640],
      ['velocity/102', 832],
    ]);
    expect(bytes.readFloatLE(start + 4)).toBe(Math.fround(Math.sin(1)));
  });

  test('damage of any kind is told apart', () => {
    const bytes = encodeModelFile(directModel());
    const flipped = Uint8Array.from(bytes);
    flipped[700] = flipped[700]! ^ 1;
    expect(() => decodeModelFile(flipped, 'm.bin')).toThrow(
      'the digest at its end does not match: truncated or damaged',
    );
    expect(() => decodeModelFile(bytes.subarray(0, bytes.length - 5), 'm.bin')).toThrow(
      'the digest at its end',
    );
    expect(() => decodeModelFile(bytes.subarray(0, 30), 'm.bin')).toThrow(
      'the file ends before its header does',
    );
    expect(() => decodeModelFile(new Uint8Array(100), 'm.bin')).toThrow('not a learned_atlas_model file');
    const other = encodeArrayFile({ kind: 'something_else', metadata: {}, arrays: [] });
    expect(() => decodeModelFile(other, 'm.bin')).toThrow(
      'expected a learned_atlas_model file, this is a something_else file',
    );
  });

  test('another schema version and a missing array are refused', () => {
    const file = decodeArrayFile(encodeModelFile(directModel()), 'learned_atlas_model', 'm.bin');
    const without = encodeArrayFile({
      ...file,
      arrays: file.arrays.filter(({ name }) => name !== 'velocity/102'),
    });
    expect(() => decodeModelFile(without, 'm.bin')).toThrow('the model has no array velocity/102');
    const newer = encodeArrayFile({ ...file, metadata: { ...(file.metadata as object), schema_version: 2 } });
    expect(() => decodeModelFile(newer, 'm.bin')).toThrow('model schema 2, this version reads 1');
  });

  test('an array that does not fit its grid is refused', () => {
    expect(() => encodeModelFile({ ...directModel(), theta: values(3, 0) })).toThrow(
      'array theta has 3 values, shape 4 x 4 x 8 needs 128',
    );
  });

  test('the velocity lives on half the grid or on all of it', () => {
    expect(velocityShapeOf(padded, 'half')).toEqual([2, 2, 4]);
    expect(velocityShapeOf(padded, 'full')).toEqual(padded);
  });
});
