/**
 * Effective draws per second of processor time, the smallest over all parameters.
 *
 *   npm run build && npm run bench:bayes -- [--draws 1000] [--tune 1000] [--peer]
 *
 * The distributions with known moments of test/support/bayes-targets.ts, and the ready models. One JSON line per model and
 * sampler: {model, sampler, cpu_ms, ess_bulk, ess_tail, ess_per_s, divergences, r_hat}. With --peer the group difference runs in
 * PyMC and in emcee as well, on one core (bench/bayes/pymc_group.py, emcee_group.py), where PEER_PYTHON (python3) has them.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import {
  createGroupDifference,
  createHierarchicalRegression,
  createHorseshoe,
  getBayesianSampler,
  seededRandom,
  tensorModel,
} from '../../dist/numerics.js';

const { values: given } = parseArgs({
  options: {
    draws: { type: 'string', default: '1000' },
    tune: { type: 'string', default: '1000' },
    peer: { type: 'boolean', default: false },
  },
});
const config = { draws: Number(given.draws), tune: Number(given.tune), chains: 4, targetAccept: 0.95 };

const random = seededRandom(3, 'data');
const normal = (n, mean, sd) => Array.from({ length: n }, () => mean + sd * random.normal());
const groups = [normal(60, 10, 2), normal(60, 8.5, 4)];
const predictors = Array.from({ length: 10 }, (_, j) => ({ name: `d${j}`, values: normal(150, 100, 5) }));
const site = Array.from({ length: 150 }, (_, i) => `s${i % 8}`);
const noise = normal(150, 0, 4);
const outcome = noise.map((e, i) => 2 * predictors[0].values[i] + 3 * (i % 8) + e);

const targets = await importTypeScript('../../test/support/bayes-targets.ts');
const models = [
  targets.gaussian(Float64Array.from({ length: 9 }, (_, i) => 10 ** (i / 2 - 2))),
  targets.funnel(),
  targets.createEightSchools(),
  targets.studentT(3, 10),
  createGroupDifference({ values: groups }),
  createHierarchicalRegression({ outcome, predictors: predictors.slice(0, 3), site }),
  createHorseshoe({ outcome, predictors }),
  describedGroupDifference(),
];

for (const model of models) {
  for (const sampler of ['nuts', 'nutpie']) {
    const before = process.cpuUsage();
    const posterior = await getBayesianSampler(sampler, config).sample(model);
    const { user, system } = process.cpuUsage(before);
    const rows = posterior.summary();
    const least = (key) => Math.min(...rows.map((row) => row[key]));
    const seconds = (user + system) / 1e6;
    console.log(
      JSON.stringify({
        model: model.name,
        sampler,
        cpu_ms: Math.round(1000 * seconds),
        ess_bulk: Math.round(least('ess_bulk')),
        ess_tail: Math.round(least('ess_tail')),
        ess_per_s: Math.round(Math.min(least('ess_bulk'), least('ess_tail')) / seconds),
        divergences: posterior.divergences,
        r_hat: Number(Math.max(...rows.map((row) => row.r_hat)).toFixed(4)),
      }),
    );
  }
}

for (const peer of given.peer ? ['pymc', 'emcee'] : []) {
  const script = fileURLToPath(new URL(`./${peer}_group.py`, import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.env.PEER_PYTHON ?? 'python3', [script], {
    input: JSON.stringify({ groups, draws: config.draws, tune: config.tune }),
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
  });
  console.log(status === 0 ? stdout.trim() : JSON.stringify({ peer, why: stderr.trim().split('\n').at(-1) }));
}

/** The group difference by its log density alone. */
function describedGroupDifference() {
  const all = groups.flat();
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  const sd = Math.sqrt(all.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (all.length - 1));
  return tensorModel({
    ...createGroupDifference({ values: groups }),
    name: 'group_difference, described',
    logDensity(t, q) {
      const group = all.map((_, i) => (i < groups[0].length ? 0 : 1));
      const [means, logScales, excess] = [t.part(q, 0, 2), t.part(q, 2, 4), t.exp(t.at(q, 4))];
      const nu = t.add(excess, 1);
      const logScale = t.pick(logScales, group);
      const z = t.div(t.sub(t.data(all.map((x) => (x - mean) / sd)), t.pick(means, group)), t.exp(logScale));
      const half = t.mul(t.add(nu, 1), 0.5);
      const scale = t.mul(t.log(t.mul(nu, Math.PI)), 0.5);
      const norm = t.sub(t.sub(t.logGamma(half), t.logGamma(t.mul(nu, 0.5))), scale);
      return [
        t.sub(t.sub(norm, logScale), t.mul(half, t.log1p(t.div(t.square(z), nu)))),
        t.mul(t.square(means), -1 / 8),
        t.mul(t.square(logScales), -1 / 2),
        t.sub(t.at(q, 4), t.div(excess, 29)),
      ];
    },
  });
}

/** A module that imports nothing but types. */
async function importTypeScript(path) {
  const source = readFileSync(new URL(path, import.meta.url), 'utf8');
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputText).toString('base64')}`);
}
