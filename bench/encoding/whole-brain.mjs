/**
 * The workflow end to end: `node bench/encoding/whole-brain.mjs --voxels 100000 --frames 150 --model gaussian2d_hrf --jobs 2`.
 *
 * Simulates receptive fields under a bar stimulus (seeded), writes npy files, and runs `pipeline run -w encoding_fit` as
 * a child. `--kill-after S` kills that child and all of its workers after so many seconds and runs the same command again.
 * One JSON line: processor seconds of the pipeline and all its workers, wall seconds, the largest node and the parent.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeNpy } from 'neuroloom/io';
import { GaussianPRF2DWithHRF, SPMHRFModel, matrix, seededRandom } from 'neuroloom/numerics';

const { values } = parseArgs({
  options: {
    voxels: { type: 'string', default: '100000' },
    frames: { type: 'string', default: '150' },
    pixels: { type: 'string', default: '40' },
    model: { type: 'string', default: 'gaussian2d_hrf' },
    jobs: { type: 'string', default: '2' },
    chunk: { type: 'string', default: '4000' },
    'kill-after': { type: 'string' },
  },
});
const [voxels, frames, pixels] = [values.voxels, values.frames, values.pixels].map(Number);
const isLinear = values.model.startsWith('linear');
/** Different fields; the voxels repeat them with noise of their own. */
const FIELDS = Math.min(500, voxels);
const TR = 1.5;

function barStimulus() {
  const stack = new Float64Array(frames * pixels * pixels);
  for (let t = 0; t < frames; t++) {
    const sweep = Math.floor(t / 20);
    const step = t % 20;
    if (step >= 16) continue;
    const angle = (sweep * Math.PI) / 4;
    for (let i = 0; i < pixels; i++) {
      for (let j = 0; j < pixels; j++) {
        const [x, y] = [-1 + (2 * i) / (pixels - 1), -1 + (2 * j) / (pixels - 1)];
        const along = x * Math.cos(angle) + y * Math.sin(angle);
        if (Math.abs(along - (-1 + (2 * (step + 0.5)) / 16)) < 0.12) stack[(t * pixels + i) * pixels + j] = 1;
      }
    }
  }
  return { shape: [frames, pixels, pixels], values: stack };
}

function features(random) {
  return matrix(
    frames,
    20,
    Array.from({ length: frames * 20 }, () => random.normal()),
  );
}

function writeData(input) {
  const random = seededRandom(1, 'bench encoding whole brain');
  const data = new Float32Array(frames * voxels);
  const stimulus = isLinear ? null : barStimulus();
  const design = isLinear ? features(random) : null;
  let responses = null;
  if (stimulus !== null) {
    const rows = Array.from({ length: FIELDS }, () => {
      const radius = 0.8 * random.uniform();
      const angle = 2 * Math.PI * random.uniform();
      return [radius * Math.cos(angle), radius * Math.sin(angle), 0.05 + 0.25 * radius, 100, 1];
    });
    const model = new GaussianPRF2DWithHRF({ hrfModel: new SPMHRFModel({ tr: TR }), paradigm: stimulus });
    const columns = ['x', 'y', 'sd', 'baseline', 'amplitude'];
    responses = model.predict(undefined, { columns, values: matrix(FIELDS, 5, rows.flat()) });
  }
  for (let v = 0; v < voxels; v++) {
    for (let t = 0; t < frames; t++) {
      const signal = responses === null ? 0 : responses.values[t * FIELDS + (v % FIELDS)];
      data[t * voxels + v] = signal + 0.2 * random.normal();
    }
  }
  mkdirSync(input);
  writeFileSync(join(input, 'sub-1_bold.npy'), encodeNpy({ shape: [frames, voxels], data }));
  const paradigm =
    stimulus === null
      ? { shape: [frames, 20], data: design.values }
      : { shape: stimulus.shape, data: Uint8Array.from(stimulus.values) };
  writeFileSync(join(input, 'paradigm.npy'), encodeNpy(paradigm));
}

/** Runs the pipeline in a process group of its own; `times` of the shell counts all that ended below it. */
function run(root, killAfterS) {
  const pipeline = fileURLToPath(new URL('../../bin/pipeline.js', import.meta.url));
  const words = [
    'run',
    '-w',
    'encoding_fit',
    '-i',
    join(root, 'in'),
    '-o',
    join(root, 'out'),
    '--jobs',
    values.jobs,
  ];
  const options = [`model=${values.model}`, `tr=${TR}`, `chunk_voxels=${values.chunk}`, 'plots=false'];
  const args = [pipeline, ...words, ...options.flatMap((option) => ['--set', `encoding_fit.${option}`])];
  const script = '"$0" "$@" >&2; code=$?; times; exit $code';
  const started = performance.now();
  const child = spawn('bash', ['-c', script, process.execPath, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));
  const timer =
    killAfterS === null ? null : setTimeout(() => process.kill(-child.pid, 'SIGKILL'), 1000 * killAfterS);
  return new Promise((settle, fail) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code !== 0 && killAfterS === null) fail(new Error(stderr.slice(-2000)));
      const seconds = [...stdout.matchAll(/(\d+)m([\d.]+)s/g)].map(([, m, s]) => 60 * Number(m) + Number(s));
      settle({ wall_s: (performance.now() - started) / 1000, cpu_s: seconds.reduce((sum, s) => sum + s, 0) });
    });
  });
}

function nodes(root) {
  const logs = join(root, 'out', 'logs');
  const last = readdirSync(logs).sort().at(-1);
  const lines = readFileSync(join(logs, last, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(JSON.parse);
  const done = lines.filter(({ type }) => type === 'node-done');
  const peak = Math.max(...done.map((event) => event.peakMb));
  return { nodes: done.length, reused: lines.filter(({ type }) => type === 'node-reused').length, peak };
}

const root = mkdtempSync(join(tmpdir(), 'neuroloom-bench-'));
try {
  writeData(join(root, 'in'));
  const killAfter = values['kill-after'];
  const killed = killAfter === undefined ? null : await run(root, Number(killAfter));
  const result = await run(root, null);
  const { peak, ...counts } = nodes(root);
  console.log(
    JSON.stringify({
      area: 'encoding',
      case: `whole-brain ${values.model}`,
      voxels,
      frames,
      jobs: Number(values.jobs),
      ...(killed !== null && { killed_after_s: killed.wall_s }),
      ...result,
      cpu_ms_per_voxel: (1000 * result.cpu_s) / voxels,
      ...counts,
      largest_node_mb: peak,
    }),
  );
} finally {
  rmSync(root, { recursive: true, force: true });
}
