/**
 * Removes the mean (order 0) or the least-squares line (order 1) in place; null leaves the samples as they are.
 *
 * @param samples - (n)
 */
export function removePolynomial(samples: Float64Array, order: 0 | 1 | null): void {
  if (order === null || samples.length === 0) return;
  const n = samples.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += samples[i]!;
  const mean = sum / n;
  const middle = (n - 1) / 2;
  let slope = 0;
  if (order === 1 && n > 1) {
    let products = 0;
    for (let i = 0; i < n; i++) products += (i - middle) * (samples[i]! - mean);
    slope = products / ((n * (n * n - 1)) / 12);
  }
  for (let i = 0; i < n; i++) samples[i]! -= mean + slope * (i - middle);
}
