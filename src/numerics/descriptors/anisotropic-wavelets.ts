import { faceDirections, principalDirections } from '../mesh/principal-directions.js';
import { anisotropicOperator } from '../spectral/anisotropic-operator.js';
import type { SolverChoice } from '../spectral/choose-kernels.js';
import { operatorSpectrum } from '../spectral/operator-spectrum.js';
import { logSpaced, waveletSignature, wholeSpectrum, zeroModes, type Spectrum } from './signatures.js';

/** Options of anisotropic wavelets: angles, scales, how strongly directions differ. */
export interface AnisotropicWaveletOptions {
  /** Angles from the direction of largest curvature, equally spaced in [0, pi). */
  readonly angles?: number;
  /** Strength of anisotropy: diffusivity 1 / (1 + alpha) along the direction. */
  readonly alpha?: number;
  /** Eigenpairs per angle. */
  readonly k?: number;
  /** Scales, unit^2; five from the spectra of all angles where absent. Fix them once per cohort. */
  readonly scales?: ArrayLike<number>;
  readonly solver?: SolverChoice;
}

/** Anisotropic wavelets of every vertex. */
export interface AnisotropicWaveletResult {
  /** (n, angles * scales), angle by angle, unit^-2; NaN for a vertex in no triangle. */
  readonly values: Float64Array;
  readonly scales: Float64Array;
  /** Radians. */
  readonly angles: Float64Array;
  /** Triangles whose curvature has no direction: diffusion is isotropic there. */
  readonly umbilicFaces: number;
}

/**
 * Anisotropic spectral multiscale wavelet descriptor: Mexican hat wavelets of operators whose diffusion is slower along
 * one direction, turned step by step from the direction of largest curvature.
 *
 * @param vertices - (n, 3)
 * @param faces - (m, 3), counter-clockwise seen from outside
 * @throws ProcessingError as the operator and the eigen-solver
 * @see Li, Liu, Hu, Chen & Liu 2021
 */
export function anisotropicWavelets(
  vertices: ArrayLike<number>,
  faces: ArrayLike<number>,
  { angles: count = 4, alpha = 0.5, k = 50, scales, solver = 'auto' }: AnisotropicWaveletOptions = {},
): AnisotropicWaveletResult {
  const { directions, umbilic } = faceDirections(principalDirections(vertices, faces), vertices, faces);
  const angles = Float64Array.from({ length: count }, (_, i) => (Math.PI * i) / count);
  const spectra: Spectrum[] = Array.from(angles, (theta) =>
    wholeSpectrum(
      operatorSpectrum(
        anisotropicOperator(vertices, faces, { directions, alpha, theta, isotropic: umbilic }),
        {
          k,
          solver,
        },
      ),
    ),
  );
  const common = scales === undefined ? commonScales(spectra) : Float64Array.from(scales);
  const tables = spectra.map((spectrum) => waveletSignature(spectrum, 'mexican_hat', common));
  const n = vertices.length / 3;
  const values = new Float64Array(n * count * common.length);
  for (let i = 0; i < n; i++) {
    tables.forEach((table, a) => {
      const row = table.subarray(i * common.length, (i + 1) * common.length);
      values.set(row, (i * count + a) * common.length);
    });
  }
  const umbilicFaces = umbilic.reduce((sum, mark) => sum + mark, 0);
  return { values, scales: common, angles, umbilicFaces };
}

/** One list for all angles: from the largest eigenvalue of any to the smallest one above 0. */
function commonScales(spectra: readonly Spectrum[]): Float64Array {
  const last = Math.max(...spectra.map(({ eigenvalues }) => eigenvalues[eigenvalues.length - 1]!));
  const first = Math.min(...spectra.map(({ eigenvalues }) => eigenvalues[zeroModes(eigenvalues)]!));
  return logSpaced(1 / last, 2 / first, 5);
}
