import { readFileSync } from 'node:fs';

import type { FitOptions } from '../../src/numerics/fooof/settings.js';
import { reference } from './reference.js';

export const FOOOF_SETS = ['sim_fixed', 'sim_knee', 'real_fooof', 'real_eeglab_a', 'real_ndsp'] as const;

export interface GoldenFit {
  readonly settings: string;
  readonly freq_range: [number, number] | null;
  readonly aperiodic_params: number[];
  readonly gaussian_params: number[][];
  readonly peak_params: number[][];
  readonly r_squared: number;
  readonly error: number;
  readonly model: number[];
  readonly peak_sse: number;
  readonly n_guess: number;
  readonly trace?: {
    readonly simple_params: number[];
    readonly robust_threshold: number;
    readonly robust_mask_indices: number[];
    readonly robust_params: number[];
    readonly guess_all: number[][];
    readonly guess_after_edge: number[][];
    readonly guess_after_overlap: number[][];
  };
}

export interface GoldenSpectrum {
  readonly id: string;
  readonly freqs: string;
  readonly power: number[];
  readonly truth?: {
    readonly seed: number;
    readonly mode: 'fixed' | 'knee';
    readonly n_peaks_asked: number;
    readonly layout: 'isolated' | 'random' | 'overlap';
    readonly noise: ['log' | 'welch', number];
    readonly grid: [number, number, number];
    readonly aperiodic_params: number[];
    readonly peaks_mean_height_std: Array<[number, number, number]>;
  };
  readonly results: GoldenFit[];
}

export interface GoldenSet {
  readonly settings: Record<string, FitOptions>;
  readonly grids: Record<string, number[]>;
  readonly spectra: GoldenSpectrum[];
}

export function goldenFooof(name: string): GoldenSet {
  return JSON.parse(readFileSync(reference(`fooof/${name}.json`), 'utf8')) as GoldenSet;
}

/** Simulations without noise leave residuals of rounding size; "peaks" found there mean nothing. */
export function isNoiseless({ truth }: GoldenSpectrum): boolean {
  return truth?.noise[0] === 'log' && truth.noise[1] === 0;
}
