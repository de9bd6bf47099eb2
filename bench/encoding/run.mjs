/**
 * Population receptive fields, per voxel: `npm run bench:encoding -- [--shared DIR] [--repeat 3] [--voxels 160]`.
 *
 * ours: the exact solver on the reference's real voxels, one thread, by the addon (neuroloom), by its portable twin (typescript),
 * and with an HRF per voxel (flexible). peer: full-batch Adam in torch
 * (`torch_prf_fit.py` beside the reference), whose time per voxel is that of one iteration times 1,000. All sides are
 * timed in turn. `--voxels` repeats the real voxels up to that number: a part of the workflow has about 4,000, the
 * measurement of the peer 500. One JSON line per result, then one per side with its ratio to the peer; the last is that of the addon.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GaussianPRF2DWithHRF, ParameterFitter, SPMHRFModel, matrix } from 'neuroloom/numerics';
import { Reference, REFERENCE_BOUNDS, REFERENCE_TR } from './reference.mjs';

const ITERATIONS_OF_PEER = 1000;
const { values } = parseArgs({
  options: {
    shared: { type: 'string', default: process.env.NEUROLOOM_SHARED ?? '../shared' },
    repeat: { type: 'string', default: '3' },
    voxels: { type: 'string' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
});
const reference = new Reference(values.shared);

/** The real voxels, again from the first on where more are wanted. */
function series(voxels) {
  const { rows, columns, values: numbers } = reference.matrix('bold');
  const wanted = voxels ?? columns;
  const repeated = new Float64Array(rows * wanted);
  for (let t = 0; t < rows; t++) {
    for (let v = 0; v < wanted; v++) repeated[t * wanted + v] = numbers[t * columns + (v % columns)];
  }
  return matrix(rows, wanted, repeated);
}

function ours(side, kernel, uniqueHrfs = false) {
  const data = series(values.voxels === undefined ? undefined : Number(values.voxels));
  const model = new GaussianPRF2DWithHRF({
    gridCoordinates: reference.matrix('grid_coordinates'),
    hrfModel: new SPMHRFModel({ tr: REFERENCE_TR, mode: 'exact', uniqueHrfs }),
    paradigm: reference.array('stimulus'),
  });
  const fitter = new ParameterFitter(model, data);
  const cpu = process.cpuUsage();
  const started = performance.now();
  const { r2 } = fitter.fit({ kernel, bounds: REFERENCE_BOUNDS });
  const wall = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  const fitted = r2.filter((value) => !Number.isNaN(value));
  return {
    side,
    cpu_ms: (user + system) / 1000 / fitted.length,
    wall_ms: wall / fitted.length,
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    mean_r2: fitted.reduce((sum, value) => sum + value, 0) / fitted.length,
  };
}

function peer() {
  const script = join(values.shared, 'bench', 'torch_prf_fit.py');
  const child = spawnSync(
    values.python,
    [script, '--ref', reference.directory, '--voxels', '500', '--iters', '30', '--threads', '1'],
    // Without these torch and NumPy spin in further threads, which their processor time then counts.
    { encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' } },
  );
  if (child.status !== 0) throw new Error(`the peer did not run: ${child.stderr.slice(-500)}`);
  const cpu = Number(/cpu [\d.]+ s = ([\d.]+) us per voxel-iteration/.exec(child.stdout)[1]);
  const wall = Number(/([\d.]+) us per voxel-iteration, cpu/.exec(child.stdout)[1]);
  return {
    side: 'torch',
    cpu_ms: (cpu * ITERATIONS_OF_PEER) / 1000,
    wall_ms: (wall * ITERATIONS_OF_PEER) / 1000,
  };
}

const measures = {
  typescript: () => ours('typescript', 'portable'),
  flexible: () => ours('flexible', 'auto', true),
  neuroloom: () => ours('neuroloom', 'auto'),
  torch: peer,
};
const cpu = Object.fromEntries(Object.keys(measures).map((side) => [side, []]));
for (let i = 0; i < Number(values.repeat); i++) {
  for (const [side, measure] of Object.entries(measures)) {
    const result = { area: 'encoding', case: 'gaussian2d_hrf', unit: 'per voxel', ...measure() };
    console.log(JSON.stringify(result));
    cpu[side].push(result.cpu_ms);
  }
}
const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const other = median(cpu.torch);
for (const side of ['flexible', 'typescript', 'neuroloom']) {
  const own = median(cpu[side]);
  console.log(
    JSON.stringify({
      ...{
        area: 'encoding',
        case: 'gaussian2d_hrf',
        side,
        cpu_ms: own,
        peer_cpu_ms: other,
        ratio: other / own,
      },
      median_of: Number(values.repeat),
    }),
  );
}
