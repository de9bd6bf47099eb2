import {
  LossSettings,
  ModelSettings,
  OptimizerSettings,
  type TrainingSettings,
} from '../../src/numerics/registration/settings.js';
import type { Shape3 } from '../../src/numerics/registration/grid.js';

/**
 * Volumes with one smooth tract each: a tube of Gaussian profile along the last axis, bent, shifted from subject to
 * subject, cut to exact zeros where it is thin.
 */
export function tinyTracts(count: number, shape: Shape3): Float32Array[] {
  const [X, Y, Z] = shape;
  return Array.from({ length: count }, (_, subject) => {
    const volume = new Float32Array(X * Y * Z);
    const shift = 0.8 * Math.sin(2.1 * subject + 0.4);
    for (let x = 0; x < X; x++) {
      for (let y = 0; y < Y; y++) {
        for (let z = 0; z < Z; z++) {
          const bend = Math.sin((Math.PI * z) / Z);
          const dx = x - (X - 1) / 2 - shift;
          const dy = y - (Y - 1) / 2 - bend + 0.5 * shift;
          const density = (1 + 0.1 * subject) * Math.exp(-(dx * dx + dy * dy) / 3);
          volume[(x * Y + y) * Z + z] = density > 0.05 ? density : 0;
        }
      }
    }
    return volume;
  });
}

/** Settings of a network so small that a step takes milliseconds. */
export function tinySettings(
  optimizer: object,
  blocks: { model?: object; loss?: object } = {},
): TrainingSettings {
  return {
    model: ModelSettings.parse({
      enc_features: [3, 4],
      dec_features: [4, 4, 3],
      flow_init_std: 0.05,
      ...blocks.model,
    }),
    loss: LossSettings.parse({ ncc_window: 5, ...blocks.loss }),
    optimizer: OptimizerSettings.parse({ direct_velocity_rounds: 1, epochs: 3, ...optimizer }),
    densityInLog: false,
  };
}
