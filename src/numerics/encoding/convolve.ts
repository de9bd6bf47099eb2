/**
 * Causal convolution of a time course; before its start the first sample is held.
 * out[t] = sum over k of kernel[k] series[max(t - k, 0)]
 *
 * @param kernel - response per sample of the series
 * @param series - shape (T)
 * @param out - shape (T), not the series itself
 */
export function convolveHeld(kernel: Float64Array, series: Float64Array, out: Float64Array): Float64Array {
  convolveHeldRows(kernel, series, out, 1);
  return out;
}

/**
 * The same for several time courses, one after the other.
 *
 * @param series - shape (rows, T)
 * @param out - shape (rows, T), not the series themselves
 */
export function convolveHeldRows(
  kernel: Float64Array,
  series: Float64Array,
  out: Float64Array,
  rows: number,
): void {
  const frames = series.length / rows;
  const before = kernel.length - 1;
  const padded = new Float64Array(before + frames);
  for (let row = 0; row < rows; row++) {
    const from = row * frames;
    padded.fill(series[from] ?? 0, 0, before);
    for (let t = 0; t < frames; t++) padded[before + t] = series[from + t]!;
    convolvePadded(kernel, padded, out, from, frames);
  }
}

/**
 * The transpose of {@link convolveHeld}: the sum over t of gradient[t] times what sample s adds to out[t].
 *
 * @param gradient - shape (T): derivatives by the samples of the convolved series
 * @returns shape (T): derivatives by those of the series
 */
export function convolveHeldTransposed(kernel: Float64Array, gradient: Float64Array): Float64Array {
  const frames = gradient.length;
  const out = new Float64Array(frames);
  for (let t = 0; t < frames; t++) {
    for (let k = 0; k < kernel.length; k++) {
      const from = Math.max(t - k, 0);
      out[from] = out[from]! + kernel[k]! * gradient[t]!;
    }
  }
  return out;
}

/** Four samples at a time: their sums do not wait for each other, and a sample that is read serves all four. */
function convolvePadded(
  kernel: Float64Array,
  padded: Float64Array,
  out: Float64Array,
  to: number,
  frames: number,
): void {
  const last = kernel.length - 1;
  let t = 0;
  for (; t + 4 <= frames; t += 4) {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    let x1 = padded[last + t + 1]!;
    let x2 = padded[last + t + 2]!;
    let x3 = padded[last + t + 3]!;
    for (let k = 0, from = last + t; k <= last; k++, from--) {
      const h = kernel[k]!;
      const x0 = padded[from]!;
      a += h * x0;
      b += h * x1;
      c += h * x2;
      d += h * x3;
      x3 = x2;
      x2 = x1;
      x1 = x0;
    }
    out[to + t] = a;
    out[to + t + 1] = b;
    out[to + t + 2] = c;
    out[to + t + 3] = d;
  }
  for (; t < frames; t++) {
    let sum = 0;
    for (let k = 0; k <= last; k++) sum += kernel[k]! * padded[last + t - k]!;
    out[to + t] = sum;
  }
}
