/** The columns of a table of parameters, and what follows from parameters. */
import {
  hasHrf,
  parameterNames,
  stimulusOf,
  type EncodingSettings,
} from '../../numerics/encoding/settings.js';

/** Width at half height of a Gaussian of standard deviation 1: 2 sqrt(2 ln 2). */
const FWHM = 2 * Math.sqrt(2 * Math.log(2));

/** A value that follows from the parameters of a voxel. */
export interface Derived {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly of: (parameter: (name: string) => number) => number;
}

export function derivedOf(settings: EncodingSettings): readonly Derived[] {
  const names = parameterNames(settings);
  const width: Derived = {
    name: 'fwhm',
    unit: stimulusOf(settings.model) === 'images' ? 'units of the coordinates' : 'units of the stimulus',
    description: 'full width at half maximum, 2.3548 sd',
    of: (parameter) => FWHM * parameter('sd'),
  };
  if (stimulusOf(settings.model) === 'images') {
    return [
      {
        name: 'polar_angle',
        unit: 'rad',
        description: 'atan2(y, x), from -pi to pi, 0 to the right, counter-clockwise',
        of: (parameter) => Math.atan2(parameter('y'), parameter('x')),
      },
      {
        name: 'eccentricity',
        unit: 'units of the coordinates',
        description: 'distance from (0, 0)',
        of: (parameter) => Math.hypot(parameter('x'), parameter('y')),
      },
      width,
    ];
  }
  return settings.model.startsWith('gaussian1d') && names.includes('sd') ? [width] : [];
}

/** Unit and meaning of each parameter. */
export function parameterUnits(
  settings: EncodingSettings,
): Record<string, { Units: string; Description: string }> {
  const isImages = stimulusOf(settings.model) === 'images';
  const place = isImages ? 'units of the coordinates' : 'units of the stimulus';
  const known: Record<string, { Units: string; Description: string }> = {
    x: { Units: place, Description: 'centre of the receptive field, first axis of the images' },
    y: { Units: place, Description: 'centre of the receptive field, second axis of the images' },
    sd: { Units: place, Description: 'standard deviation' },
    mu: { Units: place, Description: 'mean of the tuning curve' },
    mode: { Units: place, Description: 'stimulus of the largest response' },
    fwhm: { Units: place, Description: 'full width at half maximum' },
    amplitude: { Units: 'units of the data', Description: amplitudeMeaning(settings) },
    baseline: { Units: 'units of the data', Description: 'level without stimulus' },
    srf_amplitude: { Units: '1', Description: 'surround as a share of the centre' },
    srf_size: { Units: '1', Description: 'sd of the surround over sd of the centre' },
    hrf_delay: { Units: 's', Description: 'peak of the response of this voxel' },
    hrf_dispersion: { Units: '1', Description: 'width of the response of this voxel' },
  };
  return Object.fromEntries(parameterNames(settings).map((name) => [name, known[name]!]));
}

function amplitudeMeaning({ model, rf_norm, hrf_mode }: EncodingSettings): string {
  const drive =
    stimulusOf(model) === 'images'
      ? {
          peer: 'drive with fields of height pixel area / (sd sqrt(2 pi))',
          volume: 'drive with fields of volume 1',
          peak: 'drive with fields of height 1',
        }[rf_norm]
      : 'response of peak 1';
  if (!hasHrf(model)) return `factor of the ${drive}`;
  const kernel =
    hrf_mode === 'exact' ? 'a kernel of sum 1' : 'the kernel of the original, whose sum depends on tr';
  return `factor of the ${drive} after ${kernel}`;
}
