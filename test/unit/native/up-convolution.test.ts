import { afterAll, describe, expect, test } from 'vitest';
import {
  convForward,
  selectIsa,
  setNativeThreads,
  upConcatForward,
  upConvBackward,
  upConvForward,
  type UpConvInputs,
} from '../../../src/native/index.js';
import { relativeError } from '../../support/golden-tensors.js';
import { testedIsas, uniformFloats } from '../../support/native.js';

const grid = { n: 2, x: 6, y: 10, z: 52 };
const [cLow, cSkip, cout] = [17, 5, 19];
const voxels = grid.n * grid.x * grid.y * grid.z;

const inputs: UpConvInputs = {
  grid,
  cLow,
  cSkip,
  cout,
  low: uniformFloats((voxels / 8) * cLow, 1),
  skip: uniformFloats(voxels * cSkip, 2),
  w: uniformFloats(27 * (cLow + cSkip) * cout, 3),
  slope: 0.2,
};
const bias = uniformFloats(cout, 4);
const dy = uniformFloats(voxels * cout, 5);

function forward(): Float32Array {
  const y = new Float32Array(voxels * cout).fill(NaN);
  upConvForward({ ...inputs, bias, y });
  return y;
}

function backward(y: Float32Array): Record<'dLow' | 'dSkip' | 'dw' | 'db', Float32Array> {
  const unset = (length: number) => new Float32Array(length).fill(NaN);
  const gradients = {
    dLow: unset(inputs.low.length),
    dSkip: unset(inputs.skip.length),
    dw: unset(inputs.w.length),
    db: unset(cout),
  };
  upConvBackward({ ...inputs, y, dy, ...gradients });
  return gradients;
}

afterAll(() => {
  const best = testedIsas()[0];
  if (best !== undefined) selectIsa(best);
  setNativeThreads(1);
});

describe.each(testedIsas())('upsampling convolution on %s', (isa) => {
  test('is the convolution of the joined volume', () => {
    selectIsa(isa);
    setNativeThreads(2);
    const { low, skip, w, slope } = inputs;
    const joined = new Float32Array(voxels * (cLow + cSkip));
    upConcatForward({ grid, cLow, cSkip, low, skip, y: joined });
    const expected = new Float32Array(voxels * cout);
    convForward({ grid, cin: cLow + cSkip, cout, x: joined, w, bias, slope, y: expected });
    expect(relativeError(forward(), expected)).toBeLessThan(2e-6);
  });

  test('gives the same bytes again for the same number of threads', () => {
    selectIsa(isa);
    for (const threads of [1, 3]) {
      setNativeThreads(threads);
      const [first, second] = [0, 1].map(() => {
        const y = forward();
        return [y, ...Object.values(backward(y))].map((values) => Buffer.from(values.buffer));
      });
      first?.forEach((bytes, index) => expect(bytes.equals(second?.[index] as Buffer)).toBe(true));
    }
  });

  test('a gradient that is not wanted does not change the others', () => {
    selectIsa(isa);
    setNativeThreads(1);
    const y = forward();
    const all = backward(y);
    const db = new Float32Array(cout);
    const dLow = new Float32Array(inputs.low.length);
    upConvBackward({ ...inputs, y, dy, dLow, dSkip: null, dw: null, db });
    expect(dLow).toEqual(all.dLow);
    expect(relativeError(db, all.db)).toBeLessThan(1e-6);
  });
});

test.skipIf(testedIsas().length === 0)('sizes that do not fit are refused', () => {
  const y = new Float32Array(voxels * cout);
  const odd = { ...grid, z: 51 };
  expect(() => {
    upConvForward({ ...inputs, grid: odd, bias, y });
  }).toThrow('grid.z is 51, which is odd');
  expect(() => {
    upConvForward({ ...inputs, low: inputs.skip, bias, y });
  }).toThrow('low has 31200 elements, not 13260');
  expect(() => {
    upConvForward({ ...inputs, bias, y: inputs.skip });
  }).toThrow('y has 31200 elements, not 118560');
});
