/**
 * A graphics card measured in one command: its ceilings, training steps, the fit of receptive fields, and torch on the
 * same card beside them.
 *
 *   npm run build
 *   node bench/compute/card.mjs --device webgpu --case ceilings atlas fields --size 64 96 160 --flow half --torch python3
 *
 * The packages of the device are those of docs/graphics-cards.md (NODE_PATH may name their folder). One JSON object per
 * line. On webgpu every step has two numbers: the bytes of the arrays that its programs read and write, and the
 * operations of its convolutions, each over the ceiling that this card reached in the same run. --torch names a Python with
 * torch that sees the card; without it nothing stands beside. NEUROLOOM_SOFTWARE_GPU=1 runs it on Mesa's software driver:
 * whether it runs, never a time.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { atlasTraining } from './cases/atlas.mjs';
import { median } from './measure.mjs';

const { values: asked } = parseArgs({
  options: {
    device: { type: 'string', default: 'webgpu' },
    case: { type: 'string', multiple: true, default: ['ceilings', 'atlas', 'fields'] },
    size: { type: 'string', multiple: true, default: ['64', '96', '160'] },
    flow: { type: 'string', default: 'half' },
    voxels: { type: 'string', default: '10000' },
    reps: { type: 'string', default: '7' },
    torch: { type: 'string' },
  },
  args: spread(process.argv.slice(2)),
});

/** `--size 64 96` as `--size 64 --size 96`. */
function spread(words) {
  let option = '';
  return words.flatMap((word) => {
    if (word.startsWith('--')) {
      option = word;
      return [];
    }
    return [option, word];
  });
}

const reps = Number(asked.reps);
const nl = await import('../../dist/tensor/index.js');
const { tf } = await import('../../dist/tensor/tfjs.js');
const device = await nl.useDevice(await nl.resolveDevice(asked.device), 1);
const say = (record) => console.log(JSON.stringify(record));
say({ device: device.device, backend: device.backend, adapter: device.adapter, versions: device.versions });

const backend = tf.backend();
let counted = { bytes: 0, operations: 0, programs: 0 };
if (device.backend === 'webgpu') {
  const run = backend.runWebGPUProgram.bind(backend);
  const sizeOf = (shape) => shape.reduce((product, length) => product * length, 1);
  backend.runWebGPUProgram = (program, inputs, ...rest) => {
    counted.programs += 1;
    counted.bytes +=
      4 * [program.outputShape, ...inputs.map(({ shape }) => shape)].reduce((sum, s) => sum + sizeOf(s), 0);
    // Keys of the convolutions end with batch, sizes and channels.
    const conv = /^neuroloom_conv(?:_dx|_dw)?_(\d+)_(\d+)_(\d+)_(\d+)_(\d+)_(\d+)/.exec(program.shaderKey);
    if (conv !== null)
      counted.operations += 2 * 27 * conv.slice(1).reduce((product, n) => product * Number(n), 1);
    return run(program, inputs, ...rest);
  };
}

/** Milliseconds of a call that ends with a read; what it counted is that of one call. */
async function timed(call, times = reps) {
  await call();
  const wall = [];
  for (let rep = 0; rep < times; rep++) {
    counted = { bytes: 0, operations: 0, programs: 0 };
    const start = performance.now();
    await call();
    wall.push(performance.now() - start);
  }
  return { wall_ms: median(wall), best_ms: Math.min(...wall) };
}

const round = (value) => Number(value.toPrecision(4));
const ceilings = { bytes: null, operations: null };

/** Bytes and operations of a call, each over the ceiling: null where that was not measured. */
function shares({ best_ms: best }) {
  const share = (amount, ceiling) =>
    ceiling === null || amount === 0 ? null : round(amount / (best / 1000) / ceiling);
  return {
    gigabytes: round(counted.bytes / 1e9),
    tera_operations: round(counted.operations / 1e12),
    programs: counted.programs,
    share_of_bandwidth: share(counted.bytes, ceilings.bytes),
    share_of_operations: share(counted.operations, ceilings.operations),
  };
}

const readOne = async (make) => {
  const found = tf.tidy(make);
  const values = await found.data();
  found.dispose();
  return values;
};

/** What the card reaches: a sum of two arrays for bytes; on webgpu a chain of multiply-adds, else a matrix product. */
async function measureCeilings() {
  const software = device.adapter?.software === true;
  const length = software ? 2 ** 20 : 2 ** 24;
  const [a, b] = [tf.ones([length]), tf.ones([length])];
  const adds = 20;
  const stream = await timed(() =>
    readOne(() => {
      let sum = a;
      for (let i = 0; i < adds; i++) sum = tf.add(sum, b);
      return tf.slice(sum, [0], [1]);
    }),
  );
  ceilings.bytes = (3 * 4 * length * adds) / (stream.best_ms / 1000);
  tf.dispose([a, b]);
  if (device.backend === 'webgpu') {
    const { runProgram } = await import('../../dist/tensor/backends/webgpu/program.js');
    const invocations = software ? 2 ** 10 : 2 ** 18;
    const steps = software ? 256 : 4096;
    const chain = await timed(() =>
      readOne(() => {
        const info = runProgram(backend, {
          key: `chain_${invocations}_${steps}`,
          inputs: {},
          shape: [invocations],
          code: `fn compute(index : i32) {
            let factor = 1.0 + f32(index) * 1.0e-9;
            var sums = array<vec4<f32>, 4>(vec4<f32>(0.1), vec4<f32>(0.2), vec4<f32>(0.3), vec4<f32>(0.4));
            for (var i = 0; i < ${steps}; i++) {
              for (var k = 0; k < 4; k++) { sums[k] = fma(sums[k], vec4<f32>(factor), vec4<f32>(1.0e-7)); }
            }
            let all = sums[0] + sums[1] + sums[2] + sums[3];
            if (index < ${invocations}) { result[index] = all.x + all.y + all.z + all.w; }
          }`,
        });
        return tf.slice(tf.engine().makeTensorFromTensorInfo(info), [0], [1]);
      }),
    );
    ceilings.operations = (2 * 16 * invocations * steps) / (chain.best_ms / 1000);
  } else {
    const n = 4096;
    const matrix = tf.ones([n, n]);
    const product = await timed(() => readOne(() => tf.slice(tf.matMul(matrix, matrix), [0, 0], [1, 1])));
    ceilings.operations = (2 * n ** 3) / (product.best_ms / 1000);
    matrix.dispose();
  }
  say({
    name: 'ceilings',
    gigabytes_per_s: round(ceilings.bytes / 1e9),
    tera_operations_per_s: round(ceilings.operations / 1e12),
  });
}

async function atlasSteps() {
  for (const size of asked.size.map(Number)) {
    const { training } = await atlasTraining(size, asked.flow);
    const losses = [];
    let at = 0;
    const result = await timed(() => training.step(at++ % 2).then(({ loss }) => losses.push(loss)));
    say({
      name: 'atlas_step',
      size,
      flow: asked.flow,
      wall_ms: round(result.wall_ms),
      best_ms: round(result.best_ms),
      ...shares(result),
      losses: losses.slice(0, 3),
    });
    training.dispose();
    torch('torch_atlas_step.py', ['--size', String(size), '--flow', asked.flow, '--reps', String(reps)]);
  }
}

/** One iteration over all voxels: responses of fields over a moving bar, residuals, gradients. */
async function fieldSums() {
  const [voxels, side, frames] = [Number(asked.voxels), 60, 150];
  const pixels = new Float32Array(2 * side * side);
  const stimulus = new Float32Array(side * side * frames);
  for (let p = 0; p < side * side; p++) {
    const [i, j] = [Math.floor(p / side), p % side];
    pixels.set([-10 + (20 * i) / (side - 1), -10 + (20 * j) / (side - 1)], 2 * p);
    for (let t = 0; t < frames; t++) stimulus[p * frames + t] = Math.abs(i - (t % side)) < 4 ? 1 : 0;
  }
  const fields = new Float32Array(3 * voxels);
  const line = new Float32Array(2 * voxels);
  for (let v = 0; v < voxels; v++) {
    fields.set([8 * Math.sin(v), 8 * Math.cos(1.7 * v), 0.5 + 2.5 * ((v % 97) / 97)], 3 * v);
    line.set([0.05, 0.1], 2 * v);
  }
  const data = Float32Array.from({ length: voxels * frames }, (_, i) => Math.sin(0.01 * i));
  const held = [
    nl.tensor(fields, [voxels, 3]),
    nl.tensor(pixels, [side * side, 2]),
    nl.tensor(stimulus, [side * side, frames]),
    nl.tensor(data, [voxels, frames]),
    nl.tensor(line, [voxels, 2]),
  ];
  const [own, places, seen, series, lines] = held;
  let ssq = 0;
  const result = await timed(async () => {
    const sums = nl.tidy(() =>
      nl.fieldSums(nl.fieldProducts({ fields: own, pixels: places, stimulus: seen }), series, lines),
    );
    const values = await nl.read(sums);
    sums.dispose();
    ssq = values.reduce((sum, value, i) => sum + (i % 6 === 0 ? value : 0), 0);
  });
  counted.operations = 2 * 4 * voxels * side * side * frames;
  say({
    name: 'field_sums',
    voxels,
    frames,
    pixels: side * side,
    wall_ms: round(result.wall_ms),
    best_ms: round(result.best_ms),
    ...shares(result),
    ssq: round(ssq),
  });
  nl.dispose(held);
  torch('torch_field_sums.py', ['--voxels', String(voxels), '--reps', String(reps)]);
}

function torch(script, words) {
  if (asked.torch === undefined) return;
  const path = fileURLToPath(new URL(`./peers/${script}`, import.meta.url));
  const found = spawnSync(asked.torch, [
    path,
    ...words,
    '--device',
    device.adapter?.software ? 'cpu' : 'cuda',
  ]);
  if (found.status !== 0) throw new Error(`${script} failed: ${found.stderr.toString().trim()}`);
  process.stdout.write(found.stdout);
}

const CASES = { ceilings: measureCeilings, atlas: atlasSteps, fields: fieldSums };
for (const name of asked.case) {
  if (CASES[name] === undefined) throw new Error(`no case ${name}: ${Object.keys(CASES).join(', ')}`);
  await CASES[name]();
}
// A driver that does not end would keep the process.
process.exit(0);
