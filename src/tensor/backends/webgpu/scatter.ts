/**
 * Sums of values that invocations add to places of their choice. Numbers are added as integers of 64 bits, in units of
 * 2^-36 of the largest one: the order of the additions, which is not fixed, then does not matter, and two runs give the
 * same bits.
 */
import type { tfjs } from '../../tfjs.js';
import { type GpuBackend, runProgram } from './program.js';

/** Invocations that look for the largest value. */
const SEEKERS = 16384;

/** Bits of the largest absolute value, int32 [1]: those of floats without sign are in the order of integers, NaN last. */
export function largestBits(backend: GpuBackend, values: tfjs.TensorInfo): tfjs.TensorInfo {
  const size = values.shape.reduce((product, length) => product * length, 1);
  return runProgram(backend, {
    key: `largest_${size}`,
    inputs: { values },
    shape: [1],
    workgroups: Math.min(SEEKERS / 64, Math.ceil(size / 64)),
    atomic: true,
    code: `fn compute(index : i32) {
      var largest = 0;
      for (var at = index; at < ${size}; at += ${SEEKERS}) { largest = max(largest, bitcast<i32>(values[at]) & 0x7fffffff); }
      atomicMax(&result[0], largest);
    }`,
  });
}

/** `scaleOf(bits)`: the power of two that values are multiplied with; a million of the largest have room in 64 bits. */
const SCALE = `
  fn scaleOf(bits : i32, sign : i32) -> f32 {
    let exponent = clamp(36 - ((bits >> 23) - 127), -126, 126);
    return bitcast<f32>((sign * exponent + 127) << 23);
  }`;

/** Declares `deposit(at, value, scale)`, for atomic results of two numbers for each place, and `scaleOf`. */
export const DEPOSIT = `${SCALE}
  fn deposit(at : i32, value : f32, scale : f32) {
    let scaled = abs(value) * scale;
    // A sampled place that is no number has made the result of the op none already.
    if (!(scaled > 0.0)) { return; }
    let upper = floor(scaled / 4294967296.0);
    var high = i32(upper);
    var low = u32(scaled - upper * 4294967296.0 + 0.5);
    if (value < 0.0) {
      low = ~low + 1u;
      high = ~high + select(0, 1, low == 0u);
    }
    let before = bitcast<u32>(atomicAdd(&result[2 * at], bitcast<i32>(low)));
    high += select(0, 1, before + low < before);
    if (high != 0) { atomicAdd(&result[2 * at + 1], high); }
  }`;

/** Declares `deposited(at, bits)`, which reads such a result named `sums`; NaN where an added value was not finite. */
export const DEPOSITED = `${SCALE}
  fn deposited(at : i32, bits : i32) -> f32 {
    if (bits >= 0x7f800000) { return uniforms.NAN; }
    var low = bitcast<u32>(sums[2 * at]);
    var high = sums[2 * at + 1];
    let negative = high < 0;
    if (negative) {
      low = ~low + 1u;
      high = ~high + select(0, 1, low == 0u);
    }
    let size = (f32(high) * 4294967296.0 + f32(low)) * scaleOf(bits, -1);
    return select(size, -size, negative);
  }`;
