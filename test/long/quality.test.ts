/**
 * Quality on the reference cohorts, leave-source-out; bars of reference/atlas/RESULTS.md and above. Every row is printed.
 * Hybrid takes minutes per subject.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nativeStatus } from '../../src/native/index.js';
import { hasReference, reference } from '../support/reference.js';

const script = fileURLToPath(new URL('../../bench/quality/run.mjs', import.meta.url));

interface SubjectRow {
  readonly id: string;
  readonly relative_reduction: number;
  readonly departure_pearson: number;
  readonly departure_energy_ratio: number;
  readonly n_folds: number;
  readonly template_mass_ratio: number;
}
interface Summary {
  readonly median: { readonly relative_reduction: number; readonly departure_pearson: number };
  readonly most_folds: number;
}
interface Result {
  readonly rows: SubjectRow[];
  readonly summary: Summary;
}

async function run(...options: string[]): Promise<Result> {
  const running = promisify(execFile)(process.execPath, [script, ...options]);
  // Rows as they come: a run of an hour should not end without one when it is interrupted.
  running.child.stdout?.on('data', (rows: string) => process.stdout.write(rows));
  const { stdout } = await running;
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  return { rows: lines.slice(0, -1) as SubjectRow[], summary: lines.at(-1) as Summary };
}

/** Gain of a learned template over the mean template that is registered in the same way, smallest over the people. */
function smallestLead(learned: Result, averaging: Result): number {
  const mean = new Map(averaging.rows.map((row) => [row.id, row.relative_reduction]));
  return Math.min(...learned.rows.map((row) => row.relative_reduction - mean.get(row.id)!));
}

const usable = hasReference && nativeStatus().available;

describe.skipIf(!usable)('quality of the learned atlas', () => {
  test('an untrained network with the mean as template reports no gain', async () => {
    const { rows } = await run('--case', 'control', '--subjects', '101,103');
    for (const row of rows) {
      expect(Math.abs(row.relative_reduction)).toBeLessThan(0.01);
      expect(row.departure_energy_ratio).toBeLessThan(0.01);
    }
  });

  test('direct mode as the reference measured it, on the half grid', async () => {
    const averaging = await run('--case', 'mean_warp', '--full-steps', '0');
    const { rows, summary } = await run('--case', 'direct', '--full-steps', '0');
    expect(summary.median.relative_reduction).toBeGreaterThanOrEqual(0.62);
    expect(summary.median.departure_pearson).toBeGreaterThanOrEqual(0.88);
    expect(summary.most_folds).toBe(0);
    expect(Math.min(...rows.map((row) => row.relative_reduction))).toBeGreaterThan(0.5);
    const mean = (id: string) => averaging.rows.find((row) => row.id === id)!.relative_reduction;
    expect(rows.filter((row) => row.relative_reduction > mean(row.id)).length).toBeGreaterThanOrEqual(4);
  });

  test('a template without the density term is caught by its energy', async () => {
    const { rows } = await run(
      '--case',
      'direct',
      '--subjects',
      '101,103',
      '--full-steps',
      '0',
      '--set',
      '{"loss":{"density_weight":0}}',
    );
    for (const row of rows) expect(row.departure_energy_ratio).toBeGreaterThan(2);
  });
});

describe.skipIf(!usable)('hybrid mode at its defaults', () => {
  let trainings = '';
  beforeAll(async () => {
    trainings = await mkdtemp(join(tmpdir(), 'quality-'));
  });
  afterAll(() => rm(trainings, { recursive: true }));
  const hybrid = (...options: string[]) => run('--case', 'hybrid', '--checkpoints', trainings, ...options);

  test('predicts people that it never saw, each better than the averaging template', async () => {
    const learned = await hybrid();
    expect(learned.summary.median.relative_reduction).toBeGreaterThanOrEqual(0.75);
    expect(learned.summary.median.departure_pearson).toBeGreaterThanOrEqual(0.95);
    expect(learned.summary.most_folds).toBe(0);
    expect(smallestLead(learned, await run('--case', 'mean_warp'))).toBeGreaterThanOrEqual(0.05);
    for (const row of learned.rows) expect(Math.abs(row.template_mass_ratio - 1)).toBeLessThan(0.1001);
  });

  test('so it does with steps on the half grid only', async () => {
    const learned = await hybrid('--full-steps', '0');
    expect(learned.summary.median.relative_reduction).toBeGreaterThanOrEqual(0.66);
    expect(learned.summary.median.departure_pearson).toBeGreaterThanOrEqual(0.91);
    expect(learned.summary.most_folds).toBe(0);
    expect(smallestLead(learned, await run('--case', 'mean_warp', '--full-steps', '0'))).toBeGreaterThan(0);
  });

  test('the network alone gains something on people that it never saw', async () => {
    const { summary } = await hybrid('--steps', '0');
    expect(summary.median.relative_reduction).toBeGreaterThan(0);
    expect(summary.median.departure_pearson).toBeGreaterThan(0.3);
  });
});

describe.skipIf(!usable)('hybrid mode on five people with odd sizes', () => {
  test('finishes without folds, each person better than with the averaging template', async () => {
    const people = ['--cohort', reference('atlas/cohort_cst'), '--subjects', '1,2,3,4,5'];
    const learned = await run('--case', 'hybrid', ...people);
    expect(learned.rows).toHaveLength(5);
    expect(learned.summary.most_folds).toBe(0);
    expect(smallestLead(learned, await run('--case', 'mean_warp', ...people))).toBeGreaterThan(0);
  });
});
