/**
 * Heat kernel signature beside numpy: `npm run build && node bench/spectral/signature.mjs [--vertices 160000] [-k 300]
 * [--times 100] [--threads 1] [--solver native|typescript] [--rounds 3] [--numpy]`.
 *
 * One JSON line per round; with --numpy each is followed by one of signature_numpy.py, on the same values and as many threads. The
 * last line holds the medians. Processor time of all threads; making the values does not count.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { heatKernelSignature, heatTimes } from '../../dist/numerics.js';
import { nativeStatus, setNativeThreads } from '../../dist/native/index.js';
import { decay, weightedSquares } from '../../dist/numerics/descriptors/signatures.js';

const words = process.argv.slice(2);
const option = (name, otherwise) => (words.includes(name) ? words[words.indexOf(name) + 1] : otherwise);
const n = Number(option('--vertices', 160_000));
const k = Number(option('-k', 300));
const count = Number(option('--times', 100));
const threads = Number(option('--threads', 1));
const rounds = Number(option('--rounds', 3));
const solver = option('--solver', 'native');
const seconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

// Eigenvalues grow as those of a surface do (Weyl); components by a formula that numpy repeats.
const eigenvalues = Float64Array.from({ length: k }, (_, i) => 0.01 * i);
const eigenvectors = new Float64Array(n * k);
for (let at = 0; at < eigenvectors.length; at++) eigenvectors[at] = ((at * 7919) % 10007) / 5003.5 - 1;
const times = heatTimes(eigenvalues, count);
const spectrum = { eigenvalues, eigenvectors };

function ours() {
  const before = [seconds(), performance.now()];
  const signature = compute();
  const [cpu, wall] = [seconds() - before[0], (performance.now() - before[1]) / 1e3];
  let sum = 0;
  for (const value of signature) sum += value;
  return { cpu_s: cpu, seconds: wall, sum };
}

function compute() {
  if (solver !== 'typescript') return heatKernelSignature(spectrum, times);
  const weights = Float64Array.from({ length: count * k }, (_, at) =>
    decay(eigenvalues[at % k] * times[Math.floor(at / k)]),
  );
  return weightedSquares(spectrum, weights, 'typescript');
}

function numpys() {
  const script = fileURLToPath(new URL('signature_numpy.py', import.meta.url));
  const env = { ...process.env, OPENBLAS_NUM_THREADS: `${threads}`, OMP_NUM_THREADS: `${threads}` };
  return JSON.parse(execFileSync('python3', [script, `${n}`, `${k}`, `${count}`], { env, encoding: 'utf8' }));
}

if (solver === 'native') {
  const status = nativeStatus();
  if (!status.available) throw new Error(`the addon is not available: ${status.reason}`);
  setNativeThreads(threads);
}
const shape = { vertices: n, k, times: count, threads };
const results = { [solver]: [], numpy: [] };
for (let round = 0; round < rounds; round++) {
  const sides = words.includes('--numpy') ? { [solver]: ours, numpy: numpys } : { [solver]: ours };
  for (const [side, run] of Object.entries(sides)) {
    const result = run();
    results[side].push(result);
    console.log(JSON.stringify({ side, ...shape, ...result }));
  }
}
const [own, peer] = [results[solver], results.numpy];
const difference = peer.length === 0 ? {} : { sum_difference: Math.abs(own[0].sum / peer[0].sum - 1) };
console.log(
  JSON.stringify({
    ...shape,
    [`${solver}_cpu_s`]: median(own.map(({ cpu_s }) => cpu_s)),
    ...(peer.length > 0 && { numpy_cpu_s: median(peer.map(({ cpu_s }) => cpu_s)) }),
    ...difference,
  }),
);
