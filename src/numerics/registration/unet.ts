import { convBlock, maxPool2, type Tensor, upConcat } from '../../tensor/index.js';
import type { SeededRandom } from '../random.js';
import type { NamedArray } from './array-file.js';
import type { ModelSettings } from './settings.js';

/** Negative slope of the leaky ReLU after every convolution but the last. */
const SLOPE = 0.2;

/** Input channels: log template and log subject. */
const INPUT_CHANNELS = 2;

/** One convolution of the network: names of its parameters start with `name`. */
export interface Convolution {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
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
  const append = (name: string, outputs: number) => {
    list.push({ name, inputs: channels, outputs });
    channels = outputs;
  };
  encoder.forEach((outputs, level) => append(`enc.${level}`, outputs));
  for (let level = 0; level < levels; level++) {
    append(`dec.${level}`, decoder[level]!);
    if (upsamples(shape, level)) channels += encoder[levels - 1 - level]!;
  }
  decoder.slice(levels).forEach((outputs, index) => append(`rem.${index}`, outputs));
  append('flow', 3);
  return list;
}

/** Whether a decoder level doubles the grid and joins a skip: all do, but with half flow not the last. */
function upsamples(shape: NetworkShape, level: number): boolean {
  return shape.flow_resolution === 'full' || level < shape.enc_features.length - 1;
}

/**
 * Fresh network parameters: U(-1/sqrt(fan_in), 1/sqrt(fan_in)) for weights and biases, fan_in = 27 x inputs; the flow
 * convolution N(0, flow_init_std) with bias 0, so that training starts near the identity.
 *
 * @param random - drawn from in parameter order, each array in C order
 */
export function initialWeights(
  model: NetworkShape & Pick<ModelSettings, 'flow_init_std'>,
  random: SeededRandom,
): NamedArray[] {
  return convolutions(model).flatMap(({ name, inputs, outputs }) => {
    const weight = new Float32Array(27 * inputs * outputs);
    const bias = new Float32Array(outputs);
    if (name === 'flow') {
      weight.forEach((_, index) => (weight[index] = model.flow_init_std * random.normal()));
    } else {
      const bound = 1 / Math.sqrt(27 * inputs);
      weight.forEach((_, index) => (weight[index] = random.uniformBetween(-bound, bound)));
      bias.forEach((_, index) => (bias[index] = random.uniformBetween(-bound, bound)));
    }
    return [
      { name: `${name}.weight`, shape: [3, 3, 3, inputs, outputs], values: weight },
      { name: `${name}.bias`, shape: [outputs], values: bias },
    ];
  });
}

/**
 * Velocity that the network predicts.
 *
 * @param weights - parameters in the order of {@link convolutions}, weight and bias of each
 * @param input - (N, X, Y, Z, 2), log template and log subject; sizes multiples of 2^levels
 * @returns (N, X, Y, Z, 3) on the velocity grid, voxels of that grid
 */
export function predictVelocity(shape: NetworkShape, weights: readonly Tensor[], input: Tensor): Tensor {
  const { enc_features: encoder, dec_features: decoder } = shape;
  const levels = encoder.length;
  let next = 0;
  const convolve = (x: Tensor, slope: number) => {
    const [weight, bias] = [weights[next]!, weights[next + 1]!];
    next += 2;
    return convBlock(x, weight, bias, slope);
  };
  const skips: Tensor[] = [];
  let x = input;
  for (let level = 0; level < levels; level++) {
    x = convolve(x, SLOPE);
    skips.push(x);
    x = maxPool2(x);
  }
  for (let level = 0; level < levels; level++) {
    x = convolve(x, SLOPE);
    if (upsamples(shape, level)) x = upConcat(x, skips[levels - 1 - level]!);
  }
  for (let index = levels; index < decoder.length; index++) x = convolve(x, SLOPE);
  return convolve(x, 1);
}
