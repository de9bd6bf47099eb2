/**
 * The same graph of trivial nodes in neuroloom and in its peers, in turn:
 * `node bench/engine/peers.mjs --nodes 1000 --repeat 3 [--python python3] [--only ours,linear,multiproc,snakemake]`.
 *
 * Chains, ten side by side, two processes, first run in an empty directory, prompt to exit. Nipype and Snakemake come
 * from Debian (python3-nipype, snakemake); what is not installed is told and left out. One JSON line per run, then the
 * medians and our factors against each.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1000' },
    repeat: { type: 'string', default: '3' },
    python: { type: 'string', default: 'python3' },
    only: { type: 'string', default: 'ours,linear,multiproc,snakemake' },
  },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const { nodes, python } = values;
const nipype = (directory, plugin) => [
  python,
  [here('./peers/nipype_chains.py'), nodes, directory, plugin, FASTEST_POLL_S],
];
/** Seconds that MultiProc sleeps between two looks at its jobs; its default is 2. */
const FASTEST_POLL_S = '0.01';

const sides = {
  ours: (directory) => [
    process.execPath,
    [
      ...[here('../../bin/pipeline.js'), '--load', here('./workflow.mjs'), 'run', '-w', 'bench_chains'],
      ...['-i', directory, '-o', directory, '--set', `bench_chains.nodes=${nodes}`, '--jobs', '2'],
    ],
  ],
  linear: (directory) => nipype(directory, 'Linear'),
  multiproc: (directory) => nipype(directory, 'MultiProc'),
  snakemake: (directory) => [
    'snakemake',
    ['-s', here('./peers/Snakefile'), '-d', directory, '-c2', '--quiet', 'all', '--config', `nodes=${nodes}`],
  ],
};

/** Processor time of all children that have ended, theirs included. */
function childCpuMs() {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

const found = {};
for (let i = 0; i < Number(values.repeat); i++) {
  for (const side of values.only.split(',')) {
    const root = mkdtempSync(join(tmpdir(), 'neuroloom-peer-'));
    const directory = join(root, 'study');
    mkdirSync(directory);
    try {
      const [program, args] = sides[side](directory);
      const before = childCpuMs();
      const started = performance.now();
      const child = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 30, cwd: root });
      const wallMs = performance.now() - started;
      if (child.error !== undefined || child.status !== 0) {
        console.log(JSON.stringify({ side, failed: String(child.error ?? child.stderr.slice(-300)) }));
        continue;
      }
      const result = {
        side,
        nodes: Number(nodes),
        wall_ms_per_node: wallMs / Number(nodes),
        cpu_ms_per_node: (childCpuMs() - before) / Number(nodes),
        load: loadavg()[0],
      };
      console.log(JSON.stringify(result));
      (found[side] ??= []).push(result);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
}

const median = (side, field) => {
  const sorted = found[side].map((one) => one[field]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
};
for (const side of Object.keys(found)) {
  const line = {
    side,
    median_of: found[side].length,
    wall_ms_per_node: median(side, 'wall_ms_per_node'),
    cpu_ms_per_node: median(side, 'cpu_ms_per_node'),
  };
  if (found.ours !== undefined && side !== 'ours') {
    line.times_our_wall = line.wall_ms_per_node / median('ours', 'wall_ms_per_node');
    line.times_our_cpu = line.cpu_ms_per_node / median('ours', 'cpu_ms_per_node');
  }
  console.log(JSON.stringify(line));
}
