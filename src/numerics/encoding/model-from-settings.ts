import { ProcessingError } from '../../errors.js';
import type { Matrix } from '../linalg/matrix.js';
import type { EncodingModel } from './encoding-model.js';
import { SPMHRFModel } from './hrf-model.js';
import { LinearModel, LinearModelWithBaseline, LinearModelWithBaselineHRF } from './linear-models.js';
import {
  DifferenceOfGaussiansPRF2D,
  DifferenceOfGaussiansPRF2DWithHRF,
  GaussianPRF,
  GaussianPRF2D,
  GaussianPRF2DWithHRF,
  GaussianPRFWithHRF,
  LogGaussianPRF,
} from './models.js';
import type { EncodingSettings } from './settings.js';

/**
 * The model that settings describe.
 *
 * @param tr - s; null is refused by models with an HRF
 * @param gridCoordinates - pixels x 2; null: -1 to 1
 */
export function modelFromSettings(
  settings: EncodingSettings,
  tr: number | null,
  gridCoordinates: Matrix | null,
): EncodingModel {
  const own = {
    allowNegativeAmplitudes: !settings.positive_amplitude,
    flexibleHrfParameters: settings.flexible_hrf,
  };
  const images = {
    ...own,
    rfNorm: settings.rf_norm,
    ...(gridCoordinates !== null && { gridCoordinates }),
  };
  const hrf = (): { hrfModel: SPMHRFModel } => ({ hrfModel: hrfFromSettings(settings, tr) });
  switch (settings.model) {
    case 'linear':
      return new LinearModel();
    case 'linear_baseline':
      return new LinearModelWithBaseline();
    case 'linear_baseline_hrf':
      return new LinearModelWithBaselineHRF(hrf());
    case 'gaussian1d':
      return new GaussianPRF(own);
    case 'gaussian1d_hrf':
      return new GaussianPRFWithHRF({ ...own, ...hrf() });
    case 'log_gaussian':
      return new LogGaussianPRF(own);
    case 'log_gaussian_mode':
      return new LogGaussianPRF({ ...own, parameterisation: 'mode_fwhm' });
    case 'gaussian2d':
      return new GaussianPRF2D(images);
    case 'gaussian2d_hrf':
      return new GaussianPRF2DWithHRF({ ...images, ...hrf() });
    case 'dog2d':
      return new DifferenceOfGaussiansPRF2D(images);
    case 'dog2d_hrf':
      return new DifferenceOfGaussiansPRF2DWithHRF({ ...images, ...hrf() });
  }
}

function hrfFromSettings({ hrf, hrf_mode }: EncodingSettings, tr: number | null): SPMHRFModel {
  if (tr === null) {
    throw new ProcessingError('INVALID_ARGUMENT', 'the repetition time is not known', {
      where: 'tr',
      cure: 'set encoding_fit.tr, in seconds',
    });
  }
  return new SPMHRFModel({
    tr,
    mode: hrf_mode,
    normalize: hrf.normalize,
    delay: hrf.delay,
    undershoot: hrf.undershoot,
    dispersion: hrf.dispersion,
    uDispersion: hrf.undershoot_dispersion,
    ratio: hrf.ratio,
    onset: hrf.onset,
    timeLength: hrf.time_length,
    minHrfDelay: hrf.delay_bounds[0],
    maxHrfDelay: hrf.delay_bounds[1],
    minDispersion: hrf.dispersion_bounds[0],
    maxDispersion: hrf.dispersion_bounds[1],
  });
}
