/**
 * Every registration kernel against reference/atlas/golden (float64 torch), on each instruction set and with one and
 * three threads. Tolerances of spec/learned_atlas.md 11: 2e-5 of the largest value, gradients 1e-4.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import * as native from '../../../src/native/index.js';
import { goldenNumbers } from '../../support/golden-atlas.js';
import { goldenVolume, relativeError } from '../../support/golden-tensors.js';
import { testedIsas } from '../../support/native.js';
import { hasReference } from '../../support/reference.js';

const VALUE = 2e-5;
const GRADIENT = 1e-4;
const OFFSET = 1e-3;

const scalars = hasReference ? (goldenNumbers() as { scalars: Record<string, number> }).scalars : {};

function gridOf(shape: readonly number[]): native.Grid {
  const [n = 0, x = 0, y = 0, z = 0] = shape;
  return { n, x, y, z };
}

function logOf(density: Float32Array): Float32Array {
  const out = new Float32Array(density.length);
  native.logDensity(density, OFFSET, out);
  return out;
}

describe.skipIf(!hasReference).each(testedIsas())('registration kernels on %s', (isa) => {
  beforeAll(() => native.selectIsa(isa));
  afterAll(() => {
    native.setNativeThreads(1);
    native.selectIsa(testedIsas()[0] ?? 'baseline');
  });

  describe.each([1, 3])('with %i threads', (threads) => {
    beforeAll(() => native.setNativeThreads(threads));

    test.each(['zeros', 'border'] as const)('the warp with %s outside, and both gradients', async (mode) => {
      const volume = await goldenVolume('warp_vol');
      const displacement = (await goldenVolume('warp_disp')).values;
      const dout = (await goldenVolume('warp_gout')).values;
      const input = { grid: gridOf(volume.shape), c: 2, volume: volume.values, displacement, mode };
      const out = new Float32Array(dout.length);
      const dVolume = new Float32Array(dout.length);
      const dDisplacement = new Float32Array(displacement.length);
      native.warpForward({ ...input, out });
      native.warpBackward({ ...input, dout, dVolume, dDisplacement });
      expect(relativeError(out, (await goldenVolume(`warp_${mode}_out`)).values)).toBeLessThan(VALUE);
      expect(relativeError(dVolume, (await goldenVolume(`warp_${mode}_gvol`)).values)).toBeLessThan(GRADIENT);
      expect(relativeError(dDisplacement, (await goldenVolume(`warp_${mode}_gdisp`)).values)).toBeLessThan(
        GRADIENT,
      );
    });

    test.each([0, 1, 5, 7])('%i squarings of a velocity', async (steps) => {
      const velocity = await goldenVolume('vecint_v');
      const grid = gridOf(velocity.shape);
      const size = velocity.values.length;
      const expected = (await goldenVolume(`vecint_${steps}_out`)).values;
      const out = new Float32Array(size);
      const again = new Float32Array(size);
      const stages = new Float32Array(size * steps);
      native.integrateForward({ grid, steps, velocity: velocity.values, out, stages });
      native.integrateForward({ grid, steps, velocity: velocity.values, out: again, stages: null });
      expect(relativeError(out, expected)).toBeLessThan(VALUE);
      expect(again).toEqual(out);
      if (steps < 5) return;
      // The golden gradient is that of sum(u / 2 + u^2 / 20).
      const dvelocity = new Float32Array(size);
      native.integrateBackward({ grid, steps, stages, dout: out.map((u) => 0.5 + 0.1 * u), dvelocity });
      expect(relativeError(dvelocity, (await goldenVolume(`vecint_${steps}_gv`)).values)).toBeLessThan(GRADIENT);
    });

    test('a field from half to full resolution', async () => {
      const u = await goldenVolume('vecint_v');
      const grid = gridOf(u.shape);
      const out = new Float32Array(8 * u.values.length);
      const du = new Float32Array(u.values.length);
      native.upsampleFieldForward({ grid, u: u.values, out });
      // The golden gradient is that of sum(u + u^2 / 2).
      native.upsampleFieldBackward({ grid, dout: out.map((v) => 1 + v), du });
      expect(relativeError(out, (await goldenVolume('up2_out')).values)).toBeLessThan(VALUE);
      expect(relativeError(du, (await goldenVolume('up2_g')).values)).toBeLessThan(GRADIENT);
    });

    test.each([3, 5, 9])('local correlation with a window of %i', async (window) => {
      const subject = await goldenVolume('loss_S');
      const warped = (await goldenVolume('loss_W')).values;
      const input = {
        grid: gridOf(subject.shape),
        window,
        eps: 1e-5,
        activeOnly: true,
        i: logOf(subject.values),
        j: logOf(warped),
      };
      const { loss, saved } = native.nccForward({ ...input, gradients: 'j' });
      const dj = new Float32Array(warped.length);
      native.nccBackward({ ...input, saved, scale: 1, di: null, dj });
      const dW = new Float32Array(warped.length);
      native.logDensityBackward(warped, OFFSET, dj, dW);
      expect(Math.abs(loss - (scalars[`ncc_log_win${window}`] ?? NaN))).toBeLessThan(VALUE);
      const expected = (await goldenVolume(`ncc_log_win${window}_gW`)).values;
      expect(relativeError(dW, expected)).toBeLessThan(GRADIENT);
    });

    test('local correlation of identical, empty subject and empty template', async () => {
      const subject = await goldenVolume('loss_S');
      const log = logOf(subject.values);
      const empty = new Float32Array(log.length);
      const input = { grid: gridOf(subject.shape), window: 9, eps: 1e-5, activeOnly: true };
      const loss = (i: Float32Array, j: Float32Array) =>
        native.nccForward({ ...input, i, j, gradients: 'none' }).loss;
      expect(Math.abs(loss(log, log) - (scalars['ncc_log_identical_win9'] ?? NaN))).toBeLessThan(VALUE);
      expect(loss(empty, log)).toBe(scalars['ncc_log_empty_subject']);
      expect(loss(log, empty)).toBe(scalars['ncc_log_empty_template']);
    });

    test.each([
      ['0.25', '0.0'],
      ['1.0', '0.0'],
      ['0.0', '0.1'],
    ])('soft Dice with off-support weight %s and threshold %s', async (off, threshold) => {
      const subject = await goldenVolume('loss_S');
      const warped = (await goldenVolume('loss_W')).values;
      const n = subject.shape[0] ?? 0;
      const options = {
        n,
        size: warped.length / n,
        a: logOf(warped),
        b: logOf(subject.values),
        s: subject.values,
        threshold: Number(threshold),
        offWeight: Number(off),
        eps: 1e-6,
      };
      const da = new Float32Array(warped.length);
      const dW = new Float32Array(warped.length);
      native.softDiceBackward({ ...options, scale: 1, da });
      native.logDensityBackward(warped, OFFSET, da, dW);
      const name = `dice_off${off}_thr${threshold}`;
      expect(Math.abs(native.softDiceForward(options) - (scalars[name] ?? NaN))).toBeLessThan(VALUE);
      expect(relativeError(dW, (await goldenVolume(`${name}_gW`)).values)).toBeLessThan(GRADIENT);
    });

    test('density L1', async () => {
      const subject = await goldenVolume('loss_S');
      const warped = (await goldenVolume('loss_W')).values;
      const n = subject.shape[0] ?? 0;
      const options = { n, size: warped.length / n, w: warped, s: subject.values, eps: 1e-6 };
      const dw = new Float32Array(warped.length);
      native.densityL1Backward({ ...options, scale: 1, dw });
      expect(Math.abs(native.densityL1Forward(options) - (scalars['density'] ?? NaN))).toBeLessThan(VALUE);
      expect(relativeError(dw, (await goldenVolume('density_gW')).values)).toBeLessThan(GRADIENT);
    });

    test('smoothness of a velocity', async () => {
      const v = await goldenVolume('vecint_v');
      const options = { grid: gridOf(v.shape), v: v.values };
      const dv = new Float32Array(v.values.length);
      native.smoothnessBackward({ ...options, scale: 1, dv });
      const expected = scalars['smooth'] ?? NaN;
      expect(Math.abs(native.smoothnessForward(options) / expected - 1)).toBeLessThan(VALUE);
      expect(relativeError(dv, (await goldenVolume('smooth_gv')).values)).toBeLessThan(GRADIENT);
    });

    test('the Jacobian hinge of a rough field', async () => {
      const u = await goldenVolume('jac_rough_disp');
      const options = { grid: gridOf(u.shape), u: u.values, margin: 0.1 };
      const du = new Float32Array(u.values.length);
      native.jacobianHingeBackward({ ...options, scale: 1, du });
      const expected = scalars['jacobian_hinge_margin0.1'] ?? NaN;
      expect(Math.abs(native.jacobianHingeForward(options) / expected - 1)).toBeLessThan(VALUE);
      expect(relativeError(du, (await goldenVolume('jacobian_hinge_gdisp')).values)).toBeLessThan(GRADIENT);
    });

    test('normalised log density', () => {
      const { x, y } = (scalars as unknown as { llog: { x: number[]; y: number[] } }).llog;
      expect(relativeError(logOf(Float32Array.from(x)), y)).toBeLessThan(1e-7);
    });
  });
});
