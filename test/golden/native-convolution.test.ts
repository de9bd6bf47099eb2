import { afterAll, describe, expect, test } from 'vitest';

import {
  convBackward,
  convForward,
  maxPoolBackward,
  maxPoolForward,
  selectIsa,
} from '../../src/native/index.js';
import { goldenVolume, goldenWeights, relativeError } from '../support/golden-tensors.js';
import { testedIsas } from '../support/native.js';
import { hasReference } from '../support/reference.js';

// Float32 path of spec/learned_atlas 11.1, relative to the largest absolute value.
const VALUES = 2e-5;
const GRADIENTS = 1e-4;

afterAll(() => {
  const best = testedIsas()[0];
  if (best !== undefined) selectIsa(best);
});

describe.skipIf(!hasReference).each(testedIsas())('golden arrays on %s', (isa) => {
  test('the convolution with leaky ReLU and its three gradients', async () => {
    selectIsa(isa);
    const [x, w, bias] = [
      await goldenVolume('conv_x'),
      await goldenWeights('conv_w'),
      await goldenWeights('conv_b'),
    ];
    const [expectedY, dy] = [await goldenVolume('conv_y'), await goldenVolume('conv_gy')];
    const [n = 0, sx = 0, sy = 0, sz = 0, cin = 0] = x.shape;
    const shape = { grid: { n, x: sx, y: sy, z: sz }, cin, cout: bias.values.length, slope: 0.2 };
    const y = new Float32Array(expectedY.values.length);
    convForward({ ...shape, x: x.values, w: w.values, bias: bias.values, y });
    expect(relativeError(y, expectedY.values)).toBeLessThan(VALUES);

    const dx = new Float32Array(x.values.length);
    const dw = new Float32Array(w.values.length);
    const db = new Float32Array(bias.values.length);
    convBackward({ ...shape, x: x.values, w: w.values, y, dy: dy.values, dx, dw, db });
    expect(relativeError(dx, (await goldenVolume('conv_gx')).values)).toBeLessThan(GRADIENTS);
    expect(relativeError(dw, (await goldenWeights('conv_gw')).values)).toBeLessThan(GRADIENTS);
    expect(relativeError(db, (await goldenWeights('conv_gb')).values)).toBeLessThan(GRADIENTS);
  });

  test('max pooling and its gradient', async () => {
    selectIsa(isa);
    const [x, expectedY] = [await goldenVolume('pool_x'), await goldenVolume('pool_y')];
    const [n = 0, sx = 0, sy = 0, sz = 0, c = 0] = x.shape;
    const grid = { n, x: sx, y: sy, z: sz };
    const y = new Float32Array(expectedY.values.length);
    const argmax = new Uint8Array(y.length);
    maxPoolForward({ grid, c, x: x.values, y, argmax });
    expect(relativeError(y, expectedY.values)).toBeLessThan(VALUES);
    const dx = new Float32Array(x.values.length);
    maxPoolBackward({ grid, c, dy: (await goldenVolume('pool_gy')).values, argmax, dx });
    expect(relativeError(dx, (await goldenVolume('pool_gx')).values)).toBeLessThan(GRADIENTS);
  });
});
