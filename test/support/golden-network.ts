import * as nl from '../../src/tensor/index.js';
import { transpose } from './golden-tensors.js';

/** Weights of the golden networks by the rule of golden.json, in the layout of src/tensor; names and shapes as listed there. */
export function ruleWeights(
  parameters: readonly (readonly [string, readonly number[]])[],
  flowScale = 1,
): Map<string, nl.Parameter> {
  return new Map(
    parameters.map(([name, shape], i) => {
      const size = shape.reduce((product, length) => product * length, 1);
      if (shape.length === 1) {
        return [
          name,
          nl.parameter(
            Float32Array.from({ length: size }, (_, k) => 0.01 * Math.cos(k)),
            shape,
          ),
        ];
      }
      const fanIn = 27 * (shape[1] ?? 1);
      const factor = (name === 'flow.weight' ? flowScale : 1) * (1.5 / Math.sqrt(fanIn));
      const values = Float32Array.from({ length: size }, (_, k) => factor * Math.sin(0.7 * k + 0.3 * i));
      const filter = transpose({ shape, values }, [2, 3, 4, 1, 0]);
      return [name, nl.parameter(filter.values, filter.shape)];
    }),
  );
}

/** The U-Net of spec/learned_atlas.md section 3 on joined channels. */
export function goldenNetwork(
  x: nl.Tensor,
  weights: ReadonlyMap<string, nl.Tensor>,
  halfFlow: boolean,
): nl.Tensor {
  let joined: nl.Tensor | null = null;
  const conv = (input: nl.Tensor, layer: string, slope: number) => {
    const w = weights.get(`${layer}.weight`) as nl.Tensor;
    const b = weights.get(`${layer}.bias`) as nl.Tensor;
    const skip = joined;
    joined = null;
    return skip === null ? nl.convBlock(input, w, b, slope) : nl.upConvBlock(input, skip, w, b, slope);
  };
  const count = (prefix: string) =>
    [...weights.keys()].filter((k) => k.startsWith(prefix) && k.endsWith('.bias')).length;
  const levels = count('enc.');
  const skips: nl.Tensor[] = [];
  let y = x;
  for (let level = 0; level < levels; level++) {
    y = conv(y, `enc.${level}`, 0.2);
    skips.push(y);
    y = nl.maxPool2(y);
  }
  for (let level = 0; level < levels; level++) {
    y = conv(y, `dec.${level}`, 0.2);
    if (halfFlow && level === levels - 1) break;
    joined = skips[levels - 1 - level] as nl.Tensor;
  }
  for (let layer = 0; layer < count('rem.'); layer++) y = conv(y, `rem.${layer}`, 0.2);
  return conv(y, 'flow', 1);
}
