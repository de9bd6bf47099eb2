/**
 * Causal convolution of a time course; before its start the first sample is held.
 * out[t] = sum over k of kernel[k] series[max(t - k, 0)]
 *
 * @param kernel - response per sample of the series
 * @param series - shape (T)
 * @param out - shape (T), not the series itself
 */
export function convolveHeld(kernel: Float64Array, series: Float64Array, out: Float64Array): Float64Array {
  const first = series[0] ?? 0;
  const length = kernel.length;
  let tail = 0;
  for (let k = 0; k < length; k++) tail += kernel[k]!;
  for (let t = 0; t < series.length; t++) {
    // What of the kernel lies before the start meets the held sample.
    if (t < length) tail -= kernel[t]!;
    const taps = Math.min(t + 1, length);
    let sum = t + 1 < length ? tail * first : 0;
    for (let k = 0; k < taps; k++) sum += kernel[k]! * series[t - k]!;
    out[t] = sum;
  }
  return out;
}
