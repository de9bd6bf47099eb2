/** The models by the names that users of the original look for; each is a response with its options. */
import { EncodingModel, type ModelOptions } from './encoding-model.js';
import type { HRFModel } from './hrf-model.js';
import {
  css2d,
  divisiveNormalization2d,
  dog2d,
  gaussian2d,
  gaussian2dAngle,
  type ImageModelOptions,
} from './image-responses.js';
import {
  alphaGaussian,
  gaussian1d,
  gaussianMixture2d,
  logGaussian,
  logGaussianMode,
  pointGaussian2d,
  vonMises,
} from './point-responses.js';

export type PointModelOptions = ModelOptions;
export type ImagePrfOptions = ModelOptions & ImageModelOptions;
export type WithHrf<Options> = Options & { readonly hrfModel: HRFModel };

/** Normal tuning: mu, sd, amplitude, baseline. */
export class GaussianPRF extends EncodingModel {
  constructor(options: PointModelOptions = {}) {
    super(gaussian1d(), options);
  }
}

/** The same through an HRF. */
export class GaussianPRFWithHRF extends EncodingModel {
  constructor(options: WithHrf<PointModelOptions>) {
    super(gaussian1d(), options);
  }
}

/** mu, kappa, amplitude, baseline. */
export class VonMisesPRF extends EncodingModel {
  constructor(options: PointModelOptions = {}) {
    super(vonMises(), options);
  }
}

/** Log-normal tuning by mean and standard deviation, or by mode and full width at half maximum. */
export class LogGaussianPRF extends EncodingModel {
  constructor(options: PointModelOptions & { readonly parameterisation?: 'mu_sd' | 'mode_fwhm' } = {}) {
    super(options.parameterisation === 'mode_fwhm' ? logGaussianMode() : logGaussian(), options);
  }
}

/** mu, sd, alpha, amplitude, baseline. */
export class AlphaGaussianPRF extends EncodingModel {
  constructor(options: PointModelOptions = {}) {
    super(alphaGaussian(), options);
  }
}

/** mu_x, mu_y, sd_x, sd_y, rho when correlated, amplitude, baseline; for points in the plane. */
export class GaussianPointPRF2D extends EncodingModel {
  constructor(options: PointModelOptions & { readonly correlated?: boolean } = {}) {
    super(pointGaussian2d({ correlated: options.correlated ?? false }), options);
  }
}

/** mu_x, mu_y, sd_x, sd_y, weight, amplitude, baseline. */
export class GaussianMixturePRF2D extends EncodingModel {
  constructor(options: PointModelOptions = {}) {
    super(gaussianMixture2d(), options);
  }
}

/** Population receptive field: x, y, sd, baseline, amplitude. */
export class GaussianPRF2D extends EncodingModel {
  constructor(options: ImagePrfOptions = {}) {
    super(gaussian2d(options), options);
  }
}

/** The same through an HRF, fixed or with two parameters per voxel. */
export class GaussianPRF2DWithHRF extends EncodingModel {
  constructor(options: WithHrf<ImagePrfOptions>) {
    super(gaussian2d(options), options);
  }
}

/** theta, ecc, sd, baseline, amplitude. */
export class GaussianPRF2DAngle extends EncodingModel {
  constructor(options: ImagePrfOptions = {}) {
    super(gaussian2dAngle(options), options);
  }
}

/** x, y, sd, baseline, amplitude, srf_amplitude, srf_size. */
export class DifferenceOfGaussiansPRF2D extends EncodingModel {
  constructor(options: ImagePrfOptions = {}) {
    super(dog2d(options), options);
  }
}

/** The same through an HRF. */
export class DifferenceOfGaussiansPRF2DWithHRF extends EncodingModel {
  constructor(options: WithHrf<ImagePrfOptions>) {
    super(dog2d(options), options);
  }
}

/** x, y, sd, rf_amplitude, srf_amplitude, srf_size, neural_baseline, surround_baseline, with an HRF bold_baseline. */
export class DivisiveNormalizationGaussianPRF2D extends EncodingModel {
  constructor(options: ImagePrfOptions = {}) {
    super(divisiveNormalization2d(options), options);
  }
}

/** Compressive spatial summation: x, y, sd, baseline, amplitude, n. */
export class CompressiveSpatialSummationPRF2D extends EncodingModel {
  constructor(options: ImagePrfOptions = {}) {
    super(css2d(options), options);
  }
}
