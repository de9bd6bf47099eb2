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
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { GaussianPRF2DWithHRF, ParameterFitter, SPMHRFModel, matrix } from 'neuroloom/numerics';

const ITERATIONS_OF_PEER = 1000;
const { values } = parseArgs({
  options: {
    shared: { type: 'string', default: process.env.NEUROLOOM_SHARED ?? '../shared' },
    repeat: { type: 'string', default: '3' },
    voxels: { type: 'string' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
});
const shared = resolve(values.shared);
const reference = join(shared, 'reference', 'encoding');
const manifest = JSON.parse(readFileSync(join(reference, 'manifest.json'), 'utf8'));

function load(name) {
  const { file, dtype, shape } = manifest[name];
  const bytes = gunzipSync(readFileSync(join(reference, file)));
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return {
    shape,
    values: Float64Array.from(dtype === 'float32le' ? new Float32Array(copy) : new Float64Array(copy)),
  };
}

function loadMatrix(name) {
  const { shape, values: numbers } = load(name);
  return matrix(shape[0], shape[1], numbers);
}

/** The real voxels, again from the first on where more are wanted. */
function series(voxels) {
  const { rows, columns, values: numbers } = loadMatrix('bold');
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
    gridCoordinates: loadMatrix('grid_coordinates'),
    hrfModel: new SPMHRFModel({ tr: 1.317025, mode: 'exact', uniqueHrfs }),
    paradigm: load('stimulus'),
  });
  const fitter = new ParameterFitter(model, data);
  const cpu = process.cpuUsage();
  const started = performance.now();
  const { r2 } = fitter.fit({ kernel, bounds: { x: [-13.4, 13.4], y: [-7.5, 7.5], sd: [0.1, 10] } });
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
  const script = join(shared, 'bench', 'torch_prf_fit.py');
  const child = spawnSync(
    values.python,
    [script, '--ref', reference, '--voxels', '500', '--iters', '30', '--threads', '1'],
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
