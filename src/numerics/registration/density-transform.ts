/**
 * Normalised log density `l(x) = log1p(x/o) / log1p(1/o)` of an array: 0 at 0, 1 at 1.
 *
 * @param density - train units, 0 or more
 * @param offset - `o`; null when the densities are logarithmic already, then `l(x) = x`
 */
export function logDensityOf(density: Float32Array, offset: number | null): Float32Array {
  if (offset === null) return density.slice();
  const norm = 1 / Math.log1p(1 / offset);
  return density.map((value) => Math.log1p(value / offset) * norm);
}

/** The density of an array of normalised log densities, `o expm1(t log1p(1/o))`. */
export function densityOf(logDensity: Float32Array, offset: number | null): Float32Array {
  if (offset === null) return logDensity.slice();
  const norm = Math.log1p(1 / offset);
  return logDensity.map((value) => offset * Math.expm1(value * norm));
}

/**
 * Start of the log template: `l` of the mean of the cohort.
 *
 * @param volumes - one per subject, train units
 */
export function meanLogDensity(volumes: readonly Float32Array[], offset: number | null): Float32Array {
  return logDensityOf(meanVolume(volumes), offset);
}

/** Mean of volumes, sums in float64. */
export function meanVolume(volumes: readonly ArrayLike<number>[]): Float32Array {
  const sums = new Float64Array(volumes[0]?.length ?? 0);
  for (const volume of volumes) {
    for (let index = 0; index < sums.length; index++) sums[index] = sums[index]! + volume[index]!;
  }
  return Float32Array.from(sums, (sum) => sum / volumes.length);
}

/** After each step of the template: not below 0, and 0 where no subject has density. */
export function projectTheta(theta: Float32Array, unionSupport: Uint8Array): void {
  for (let index = 0; index < theta.length; index++) {
    if (unionSupport[index] === 0 || theta[index]! < 0) theta[index] = 0;
  }
}

/**
 * Scales a template so that its mass departs from the mean of the cohort by at most a fraction.
 *
 * Mass is a weak direction of the objective: a network that always compresses makes a template that is too large, and
 * the loss does not see it (masses of 1.14 and 1.39 of the mean were measured). Held here, the deformations carry it.
 *
 * @param theta - log template, changed in place
 * @param offset - as `densityOf`
 * @param meanMass - mean over the cohort of the sum of the density
 * @param limit - largest |mass / meanMass - 1|
 */
export function limitTemplateMass(
  theta: Float32Array,
  offset: number | null,
  { meanMass, limit }: { readonly meanMass: number; readonly limit: number },
): void {
  const template = densityOf(theta, offset);
  const ratio = totalMass(template) / meanMass;
  const wanted = Math.min(Math.max(ratio, 1 - limit), 1 + limit);
  // An empty template has no mass to scale.
  if (wanted === ratio || ratio === 0) return;
  const factor = wanted / ratio;
  theta.set(
    logDensityOf(
      template.map((density) => density * factor),
      offset,
    ),
  );
}

/** Sum of a density, in float64. */
export function totalMass(density: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < density.length; index++) sum += density[index]!;
  return sum;
}
