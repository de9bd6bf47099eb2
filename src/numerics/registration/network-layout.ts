import type { SeededRandom } from '../random.js';
import type { NamedArray } from './array-file.js';
import type { ModelSettings } from './settings.js';

/** Input channels: log template and log subject. */
const INPUT_CHANNELS = 2;

/** Negative slope of the leaky ReLU after every convolution but the last. */
export const LEAKY_SLOPE = 0.2;

/** One convolution of the network: names of its parameters start with `name`. */
export interface Convolution {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** How often the grid it runs on was halved. */
  readonly level: number;
}

/** What decides the shape of the network. */
export type NetworkShape = Pick<ModelSettings, 'enc_features' | 'dec_features' | 'flow_resolution'>;

/**
 * The convolutions in the order of their parameters: `enc.0` ..., `dec.0` ..., the tail `rem.0` ..., `flow`.
 * Each has a weight [3, 3, 3, inputs, outputs] and a bias [outputs].
 */
export function convolutions(shape: NetworkShape): Convolution[] {
  const { enc_features: encoder, dec_features: decoder } = shape;
  const levels = encoder.length;
  const list: Convolution[] = [];
  let channels = INPUT_CHANNELS;
  const append = (name: string, outputs: number, level: number) => {
    list.push({ name, inputs: channels, outputs, level });
    channels = outputs;
  };
  encoder.forEach((outputs, level) => append(`enc.${level}`, outputs, level));
  for (let level = 0; level < levels; level++) {
    append(`dec.${level}`, decoder[level]!, levels - level);
    if (upsamples(shape, level)) channels += encoder[levels - 1 - level]!;
  }
  const last = shape.flow_resolution === 'half' ? 1 : 0;
  decoder.slice(levels).forEach((outputs, index) => append(`rem.${index}`, outputs, last));
  append('flow', 3, last);
  return list;
}

/** Whether a decoder level doubles the grid and joins a skip: all do, but with half flow not the last. */
export function upsamples(shape: NetworkShape, level: number): boolean {
  return shape.flow_resolution === 'full' || level < shape.enc_features.length - 1;
}

/** Ratio of a He draw to the uniform one: variance 2 / ((1 + slope^2) fan_in) instead of 1 / (3 fan_in). */
const HE_FACTOR = Math.sqrt(6 / (1 + LEAKY_SLOPE ** 2));

/**
 * Fresh network parameters: U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for weights and biases, fan_in = 27 x inputs; the flow
 * convolution N(0, flow_init_std) with bias 0, so that training starts near the identity.
 *
 * With `conv_init: he` the same draws are scaled and the biases are 0. The uniform draw shrinks what varies from voxel
 * to voxel by 0.4 per layer, so that the flow convolution of twelve layers sees constants: training then waits on a
 * plateau for up to 45 epochs (bench/RESULTS.md).
 *
 * @see He et al. 2015, Delving deep into rectifiers, eq. 15
 * @param random - drawn from in parameter order, each array in C order
 */
export function initialWeights(
  model: NetworkShape & Pick<ModelSettings, 'flow_init_std' | 'conv_init'>,
  random: SeededRandom,
): NamedArray[] {
  return convolutions(model).flatMap(({ name, inputs, outputs }) => {
    const weight = new Float32Array(27 * inputs * outputs);
    const bias = new Float32Array(outputs);
    if (name === 'flow') {
      weight.forEach((_, index) => (weight[index] = model.flow_init_std * random.normal()));
    } else {
      const he = model.conv_init === 'he';
      const bound = 1 / Math.sqrt(27 * inputs);
      const widest = he ? HE_FACTOR * bound : bound;
      weight.forEach((_, index) => (weight[index] = random.uniformBetween(-widest, widest)));
      if (!he) bias.forEach((_, index) => (bias[index] = random.uniformBetween(-bound, bound)));
    }
    return [
      { name: `${name}.weight`, shape: [3, 3, 3, inputs, outputs], values: weight },
      { name: `${name}.bias`, shape: [outputs], values: bias },
    ];
  });
}
