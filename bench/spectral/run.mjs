/**
 * Eigenpairs of a surface beside scipy: `npm run build && npm run bench:spectral -- MESH [-k 300] [--mass lumped]
 * [--solver auto|native|typescript] [--isa avx512] [--threads 1]`.
 *
 * MESH: a .mesh.gz of reference/meshes, or ico:S or bumps:S as ../shared/bench/scipy_eigsh.py makes them. One JSON line per
 * run with the keys of that script; `seconds` and `cpu_s` hold everything after assembly: ordering, factors, slices, polish,
 * certificate and gate. Each run is cold: the symbolic step of earlier ones is not reused (give one run per process).
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { cotangentOperator, eigsh } from '../../dist/numerics.js';
import { selectIsa, setNativeThreads } from '../../dist/native/index.js';

const words = process.argv.slice(2);
const option = (name, otherwise) => (words.includes(name) ? words[words.indexOf(name) + 1] : otherwise);
const k = Number(option('-k', 300));
const mass = option('--mass', 'lumped');
const solver = option('--solver', 'auto');
const isa = option('--isa', undefined);
const threads = Number(option('--threads', 1));

function icosphere(levels) {
  const p = (1 + Math.sqrt(5)) / 2;
  // prettier-ignore
  const corners = [-1, p, 0, 1, p, 0, -1, -p, 0, 1, -p, 0, 0, -1, p, 0, 1, p, 0, -1, -p, 0, 1, -p, p, 0, -1, p, 0, 1, -p, 0, -1, -p, 0, 1];
  // prettier-ignore
  let faces = [0, 11, 5, 0, 5, 1, 0, 1, 7, 0, 7, 10, 0, 10, 11, 1, 5, 9, 5, 11, 4, 11, 10, 2, 10, 7, 6, 7, 1, 8, 3, 9, 4, 3, 4, 2, 3, 2, 6, 3, 6, 8, 3, 8, 9, 4, 9, 5, 2, 4, 11, 6, 2, 10, 8, 6, 7, 9, 8, 1];
  const vertices = corners.map((value) => value / Math.hypot(1, p));
  for (let level = 0; level < levels; level++) {
    const middles = new Map();
    const middle = (a, b) => {
      const key = Math.min(a, b) * 2 ** 26 + Math.max(a, b);
      if (!middles.has(key)) {
        const sum = [0, 1, 2].map((d) => vertices[3 * a + d] + vertices[3 * b + d]);
        const length = Math.hypot(...sum);
        vertices.push(...sum.map((value) => value / length));
        middles.set(key, vertices.length / 3 - 1);
      }
      return middles.get(key);
    };
    const finer = [];
    for (let t = 0; t < faces.length; t += 3) {
      const [a, b, c] = faces.slice(t, t + 3);
      const [ab, bc, ca] = [middle(a, b), middle(b, c), middle(c, a)];
      finer.push(a, ab, ca, b, bc, ab, c, ca, bc, ab, bc, ca);
    }
    faces = finer;
  }
  return { vertices: Float64Array.from(vertices), faces: Int32Array.from(faces) };
}

function load(name) {
  const [kind, levels] = name.split(':');
  if (levels !== undefined) {
    const mesh = icosphere(Number(levels));
    if (kind === 'ico') return mesh;
    for (let at = 0; at < mesh.vertices.length; at += 3) {
      const [x, y, z] = mesh.vertices.subarray(at, at + 3);
      const bumps =
        0.12 * Math.sin(7 * x + 1) * Math.cos(5 * y) +
        0.08 * Math.sin(11 * z + 2 * x) +
        0.05 * Math.cos(13 * y - 3 * z);
      mesh.vertices.set(
        [x, y, z].map((value) => 60 * (1 + bumps) * value),
        at,
      );
    }
    return mesh;
  }
  const bytes = gunzipSync(readFileSync(name));
  const [n, m] = [bytes.readInt32LE(0), bytes.readInt32LE(4)];
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  return {
    vertices: Float64Array.from(new Float32Array(copy, 8, 3 * n)),
    faces: new Int32Array(copy, 8 + 12 * n, 3 * m),
  };
}

const { vertices, faces } = load(words[0]);
const { stiffness, mass: heavy } = cotangentOperator(vertices, faces, mass);
if (isa !== undefined) selectIsa(isa);
if (solver !== 'typescript') setNativeThreads(threads);
const before = process.cpuUsage();
const start = performance.now();
const pairs = eigsh(stiffness, heavy, { k, solver });
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(before);
console.log(
  JSON.stringify({
    mesh: words[0],
    n: pairs.n,
    k,
    mass,
    solver: pairs.solver,
    isa: isa ?? null,
    threads,
    seconds: Number(seconds.toFixed(3)),
    cpu_s: Number(((user + system) / 1e6).toFixed(3)),
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    res_lambda: pairs.quality.resLambda,
    res_back: pairs.quality.resBack,
    orth: pairs.quality.orthonormality,
    certificate: pairs.certificate.count,
    lambda1: pairs.eigenvalues[1],
    lambda_last: pairs.eigenvalues.at(-1),
  }),
);
