/**
 * How good the exact solver is beside full-batch Adam, on the real voxels of the reference whose response is positive:
 * `node bench/encoding/adam.mjs [--shared DIR] [--iterations 1000] [--grid 10]`.
 *
 * Both sides fit the same model, with amplitudes that cannot be negative and the HRF of the peer (`compat`), and Adam is the
 * peer's: correlation grid (10 values of each parameter, as in its golden trace), refined baseline and amplitude, then the iterations; its first steps are tested against the
 * peer's own trace. A voxel counts where the exact fit of either sign has a positive amplitude. One JSON line.
 */
import { parseArgs } from 'node:util';
import {
  GaussianPRF2DWithHRF,
  matrix,
  parameterColumn,
  ParameterFitter,
  SPMHRFModel,
} from 'neuroloom/numerics';
import { Reference, REFERENCE_BOUNDS, REFERENCE_TR } from './reference.mjs';

const { values: options } = parseArgs({
  options: {
    shared: { type: 'string', default: process.env.NEUROLOOM_SHARED ?? '../shared' },
    iterations: { type: 'string', default: '1000' },
    grid: { type: 'string', default: '10' },
  },
});
const reference = new Reference(options.shared);

function fitter(data, allowNegativeAmplitudes) {
  const model = new GaussianPRF2DWithHRF({
    gridCoordinates: reference.matrix('grid_coordinates'),
    hrfModel: new SPMHRFModel({ tr: REFERENCE_TR, mode: 'compat' }),
    allowNegativeAmplitudes,
  });
  return new ParameterFitter(model, data, reference.array('stimulus'));
}

const linspace = (from, to, count) =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

const bounds = REFERENCE_BOUNDS;
const bold = reference.matrix('bold');
const signed = fitter(bold, true).fit({ bounds });
const amplitude = parameterColumn(signed.parameters, 'amplitude');
const kept = [...amplitude.keys()].filter((v) => amplitude[v] > 0 && !Number.isNaN(signed.r2[v]));
const data = matrix(
  bold.rows,
  kept.length,
  Float64Array.from({ length: bold.rows * kept.length }, (_, i) => {
    const [t, v] = [Math.floor(i / kept.length), i % kept.length];
    return bold.values[t * bold.columns + kept[v]];
  }),
);

const positive = fitter(data, false);
const exact = positive.fit({ bounds });
const points = Number(options.grid);
const grid = positive.fitGrid(
  {
    x: linspace(-8, 8, points),
    y: linspace(-4, 4, points),
    sd: linspace(0.1, 4, points),
    baseline: [0],
    amplitude: [1],
  },
  { cost: 'correlation' },
);
const initPars = positive.refineBaselineAndAmplitude(grid, { l2Alpha: 1e-3, refitsBaseline: false });
const adam = positive.fit({ solver: 'adam', initPars, maxNIterations: Number(options.iterations) });
const mean = (numbers) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
console.log(
  JSON.stringify({
    area: 'encoding',
    case: 'exact against Adam, positive amplitude',
    voxels: kept.length,
    mean_r2_exact: mean(exact.r2),
    mean_r2_adam: mean(adam.r2),
    gain: mean(exact.r2) - mean(adam.r2),
    voxels_below_adam_by_1e6: kept.filter((_, v) => exact.r2[v] < adam.r2[v] - 1e-6).length,
  }),
);
