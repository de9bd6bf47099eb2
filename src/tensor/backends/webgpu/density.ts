/** Log density and its inverse, element by element: WGSL has neither log1p nor expm1. */
import type { Tensor, tfjs } from '../../tfjs.js';
import { float } from './convolution.js';
import { asTensor, type GpuBackend, runProgram } from './program.js';

/** log(1 + x): the logarithm of WGSL is only absolutely exact next to 1, so a series of atanh stands there. */
const LOG1P = `
  fn log1p(x : f32) -> f32 {
    if (!(abs(x) < 1.0)) { return log(1.0 + x); }
    if (x < -0.5) { return log(1.0 + x); }
    let ratio = x / (2.0 + x);
    let square = ratio * ratio;
    var series = 0.0;
    for (var k = 10; k >= 0; k--) { series = series * square + 1.0 / f32(2 * k + 1); }
    return 2.0 * ratio * series;
  }`;

const EXPM1 = `
  fn expm1(x : f32) -> f32 {
    if (!(abs(x) < 0.5)) { return exp(x) - 1.0; }
    var series = 1.0;
    for (var k = 9; k >= 2; k--) { series = series * x / f32(k) + 1.0; }
    return x * series;
  }`;

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

/** A map of each value of `x` to `value`. */
function mapped(
  backend: GpuBackend,
  key: string,
  inputs: Readonly<Record<string, tfjs.TensorInfo>>,
  shape: readonly number[],
  code: string,
  value: string,
): tfjs.TensorInfo {
  const size = sizeOf(shape);
  return runProgram(backend, {
    key: `${key}_${size}`,
    inputs,
    shape,
    code: `${code} fn compute(index : i32) { if (index < ${size}) { result[index] = ${value}; } }`,
  });
}

export function logDensity(backend: GpuBackend, x: tfjs.TensorInfo, offset: number): tfjs.TensorInfo {
  const value = `log1p(x[index] / ${float(offset)}) * ${float(1 / Math.log1p(1 / offset))}`;
  return mapped(backend, `log_density_${offset}`, { x }, x.shape, LOG1P, value);
}

export function logDensityGradient(backend: GpuBackend, x: Tensor, dy: Tensor, offset: number): Tensor {
  const value = `dy[index] * ${float(1 / Math.log1p(1 / offset))} / (x[index] + ${float(offset)})`;
  return asTensor(mapped(backend, `log_density_gradient_${offset}`, { x, dy }, x.shape, '', value));
}

export function inverseLogDensity(backend: GpuBackend, t: tfjs.TensorInfo, offset: number): tfjs.TensorInfo {
  const value = `expm1(t[index] * ${float(Math.log1p(1 / offset))}) * ${float(offset)}`;
  return mapped(backend, `density_of_log_${offset}`, { t }, t.shape, EXPM1, value);
}

export function inverseLogDensityGradient(
  backend: GpuBackend,
  t: Tensor,
  dy: Tensor,
  offset: number,
): Tensor {
  const rate = Math.log1p(1 / offset);
  const value = `dy[index] * exp(t[index] * ${float(rate)}) * ${float(offset * rate)}`;
  return asTensor(mapped(backend, `density_of_log_gradient_${offset}`, { t, dy }, t.shape, '', value));
}
