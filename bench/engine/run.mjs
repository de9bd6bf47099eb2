/**
 * What the engine itself costs: `npm run bench:engine -- --nodes N --case first|noop|again|plan --graph GRAPH`.
 *
 * first: N trivial nodes through two warm worker processes. noop: the same again, prompt to exit of a `pipeline`
 * process (graph chains only). again: the same in a process that only builds and runs the graph, so that planner and
 * look-ups are seen without the start of the command. plan: what a plan of N nodes with an empty cache costs. Graphs:
 * chains (ten side by side), chain, wide, tree, dense ((N / 2) squared edges). One JSON line per result; the last line is the result.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1000' },
    case: { type: 'string', default: 'first' },
    repeat: { type: 'string', default: '3' },
    graph: { type: 'string', default: 'chains' },
  },
});
const nodes = Number(values.nodes);
const repeat = Number(values.repeat);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const script = here('./one-run.mjs');
const workflowFile = here('./workflow.mjs');
const pipeline = here('../../bin/pipeline.js');

function once(what, outputDir) {
  const before = childCpuMs();
  const started = performance.now();
  const child = spawnSync(process.execPath, [script, what, String(nodes), outputDir, values.graph], {
    encoding: 'utf8',
  });
  const wallMs = performance.now() - started;
  if (child.status !== 0) throw new Error(child.stderr);
  return { ...JSON.parse(child.stdout), prompt_to_exit_ms: wallMs, all_cpu_ms: childCpuMs() - before };
}

/** A whole `pipeline run`, from prompt to exit. */
function pipelineRun(outputDir) {
  const before = childCpuMs();
  const started = performance.now();
  const words = ['--load', workflowFile, 'run', '-w', 'bench_chains', '-i', outputDir, '-o', outputDir];
  const peakFile = `${outputDir}.peak`;
  const child = spawnSync(
    process.execPath,
    [
      ...['--import', here('./report-peak.mjs'), pipeline, ...words],
      ...['--set', `bench_chains.nodes=${nodes}`, '--jobs', '2', '--log-format', 'json'],
    ],
    { encoding: 'utf8', maxBuffer: 2 ** 30, env: { ...process.env, NEUROLOOM_BENCH_PEAK: peakFile } },
  );
  const wallMs = performance.now() - started;
  if (child.status !== 0) throw new Error(child.stderr.slice(-2000));
  const finished = JSON.parse(child.stderr.trim().split('\n').at(-1));
  return {
    counts: finished.counts,
    prompt_to_exit_ms: wallMs,
    all_cpu_ms: childCpuMs() - before,
    peak_rss_mb: Math.round(Number(readFileSync(peakFile, 'utf8')) / 1024),
  };
}

/** Processor time of all children that have ended, theirs included. */
function childCpuMs() {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

/** The runs of `noop` follow on one first run, which takes far longer than they do. */
const standing = values.case === 'noop' ? mkdtempSync(join(tmpdir(), 'neuroloom-bench-')) : undefined;

function measure() {
  if (standing !== undefined) return pipelineRun(join(standing, 'out'));
  const root = mkdtempSync(join(tmpdir(), 'neuroloom-bench-'));
  try {
    if (values.case === 'plan') return once('plan', join(root, 'out'));
    if (values.case === 'first') return once('run', join(root, 'out'));
    once('run', join(root, 'out'));
    return once('run', join(root, 'out'));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

if (!['first', 'noop', 'again', 'plan'].includes(values.case))
  throw new Error('--case first|noop|again|plan');
if (values.case === 'noop' && values.graph !== 'chains')
  throw new Error('--case noop has --graph chains only');
const load = Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
if (standing !== undefined) {
  process.on('exit', () => rmSync(standing, { recursive: true, force: true }));
  mkdirSync(join(standing, 'out'));
  pipelineRun(join(standing, 'out'));
}
const results = [];
for (let i = 0; i < repeat; i++) {
  const found = measure();
  const wholeProcess = values.case === 'noop';
  const result = {
    area: 'engine',
    case: values.case,
    graph: values.graph,
    nodes,
    wall_ms: Math.round(wholeProcess ? found.prompt_to_exit_ms : found.wall_ms),
    /** Of the parent; `all_cpu_ms` counts workers too. */
    cpu_ms: Math.round(wholeProcess ? found.all_cpu_ms : found.cpu_ms),
    all_cpu_ms: Math.round(found.all_cpu_ms),
    peak_rss_mb: found.peak_rss_mb,
    load,
    edges: found.edges,
    counts: found.counts,
  };
  console.log(JSON.stringify(result));
  results.push(result);
}
results.sort((a, b) => a.all_cpu_ms - b.all_cpu_ms);
const median = results[Math.floor(results.length / 2)];
console.log(
  JSON.stringify({
    ...median,
    median_of: repeat,
    wall_ms_per_node: median.wall_ms / nodes,
    cpu_ms_per_node: median.all_cpu_ms / nodes,
  }),
);
