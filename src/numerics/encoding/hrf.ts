/** Haemodynamic response: the double gamma of SPM, exactly or as the peer samples it. Source: spec of encoding, section 2. */
import { digamma, logGamma } from '../special/gamma.js';

export interface DoubleGamma {
  /** Time of the first peak, s. */
  readonly delay: number;
  /** Time of the undershoot, s. */
  readonly undershoot: number;
  readonly dispersion: number;
  readonly uDispersion: number;
  /** Height of the undershoot relative to the response. */
  readonly ratio: number;
}

export interface HrfSampling {
  /** Repetition time, s. */
  readonly tr: number;
  /** Length of the kernel, s. */
  readonly timeLength: number;
  /** Shift of the response, s. */
  readonly onset: number;
  /** Spacing of the peer's fine grid, s; compat only. */
  readonly highresDt: number;
}

/** Density of the gamma distribution with shape a and scale d at t; 0 for t <= 0. */
export function gammaDensity(t: number, a: number, d: number): number {
  return t > 0 ? Math.exp((a - 1) * Math.log(t) - t / d - a * Math.log(d) - logGamma(a)) : 0;
}

/** Number of samples of the exact kernel. */
export function exactKernelLength(sampling: HrfSampling): number {
  return Math.floor(sampling.timeLength / sampling.tr) + 1;
}

/**
 * Kernel at the times k tr, divided by its sum.
 *
 * @param normalize - `sum`: a constant series stays as it is; `integral`: the sum times tr is 1
 */
export function exactKernel(
  shape: DoubleGamma,
  sampling: HrfSampling,
  normalize: 'sum' | 'integral' = 'sum',
): Float64Array {
  const kernel = new Float64Array(exactKernelLength(sampling));
  const a1 = shape.delay / shape.dispersion + 1;
  const a2 = shape.undershoot / shape.uDispersion;
  let sum = 0;
  for (let k = 0; k < kernel.length; k++) {
    const t = k * sampling.tr - sampling.onset;
    kernel[k] = gammaDensity(t, a1, shape.dispersion) - shape.ratio * gammaDensity(t, a2, shape.uDispersion);
    sum += kernel[k]!;
  }
  const scale = 1 / (normalize === 'sum' ? sum : sum * sampling.tr);
  return kernel.map((value) => value * scale);
}

/** Derivatives of the exact kernel (unit sum) with respect to delay and dispersion. */
export function exactKernelDerivatives(
  shape: DoubleGamma,
  sampling: HrfSampling,
): { readonly delay: Float64Array; readonly dispersion: Float64Array } {
  const { delay, dispersion } = shape;
  const length = exactKernelLength(sampling);
  const byDelay = new Float64Array(length);
  const byDispersion = new Float64Array(length);
  const a = delay / dispersion + 1;
  const a2 = shape.undershoot / shape.uDispersion;
  const psi = digamma(a);
  const logD = Math.log(dispersion);
  let sum = 0;
  let sumDelay = 0;
  let sumDispersion = 0;
  const kernel = new Float64Array(length);
  for (let k = 0; k < length; k++) {
    const t = k * sampling.tr - sampling.onset;
    const first = gammaDensity(t, a, dispersion);
    kernel[k] = first - shape.ratio * gammaDensity(t, a2, shape.uDispersion);
    if (first > 0) {
      const byShape = first * (Math.log(t) - logD - psi);
      byDelay[k] = byShape / dispersion;
      byDispersion[k] =
        (-byShape * delay) / (dispersion * dispersion) +
        first * (t / (dispersion * dispersion) - a / dispersion);
    }
    sum += kernel[k]!;
    sumDelay += byDelay[k]!;
    sumDispersion += byDispersion[k]!;
  }
  const normalised = (slope: Float64Array, total: number): Float64Array =>
    slope.map((value, k) => (value - (kernel[k]! * total) / sum) / sum);
  return { delay: normalised(byDelay, sumDelay), dispersion: normalised(byDispersion, sumDispersion) };
}

/**
 * The kernel as the peer computes it: times stretched to span the whole length, sampled on a fine grid one step late
 * twice, divided by the sum over that grid, then interpolated. Only for comparison with its numbers.
 */
export function compatKernel(shape: DoubleGamma, sampling: HrfSampling): Float64Array {
  const count = Math.round(sampling.timeLength / sampling.tr);
  const spacing = (sampling.timeLength - 1e-4) / (count - 1);
  const times = Float64Array.from({ length: count }, (_, i) =>
    Math.fround(1e-4 + spacing * i - sampling.onset),
  );
  return peerSamples(times, sampling.highresDt, {
    a1: shape.delay / shape.dispersion + 1,
    d1: shape.dispersion,
    a2: shape.undershoot / shape.uDispersion,
    d2: shape.uDispersion,
    c: shape.ratio,
  });
}

/** Parameters of the two gamma functions of a haemodynamic response, s, and its time step. */
export interface SpmHrfOptions {
  readonly a1?: number;
  readonly d1?: number;
  readonly a2?: number;
  readonly d2?: number;
  readonly c?: number;
  readonly highresDt?: number;
}

/**
 * The peer's free-standing function: double gamma at the given times, by its fine grid.
 *
 * @param times - ascending, s
 * @returns one value per time
 */
export function spmHrf(times: ArrayLike<number>, options: SpmHrfOptions = {}): Float64Array {
  const { a1 = 6, d1 = 1, a2 = 16, d2 = 1, c = 1 / 6, highresDt = 0.1 } = options;
  return peerSamples(Float64Array.from(times), highresDt, { a1, d1, a2, d2, c });
}

interface PeerShape {
  readonly a1: number;
  readonly d1: number;
  readonly a2: number;
  readonly d2: number;
  readonly c: number;
}

function peerSamples(times: Float64Array, step: number, shape: PeerShape): Float64Array {
  const start = times[0]!;
  const count = Math.ceil(Math.fround(Math.fround(times.at(-1)! - start) / Math.fround(step))) + 1;
  const fine = new Float64Array(count);
  let sum = 0;
  for (let j = 1; j < count; j++) {
    // Evaluated one step early and then moved one sample on: two steps late in all.
    const late = start + step * (j - 1) - step;
    const t = late < 0 ? 0 : Math.max(late, 1e-6);
    fine[j] = gammaDensity(t, shape.a1, shape.d1) - shape.c * gammaDensity(t, shape.a2, shape.d2);
    sum += fine[j]!;
  }
  return times.map((t) => {
    const place = Math.min((t - start) / step, count - 1);
    const left = Math.min(Math.floor(place), count - 2);
    const share = place - left;
    return ((1 - share) * fine[left]! + share * fine[left + 1]!) / sum;
  });
}
