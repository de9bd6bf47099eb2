import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CompiledGraph } from '../../src/engine/graph.js';
import { runInProcess } from './in-process-run.js';
import { buildWorkflow, evaluate, randomEdit, randomGraph, type Random, type Step } from './random-graph.js';

const EDITS = 3;

/** Park-Miller: the same graphs in every run of a test. */
function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

/**
 * One random graph and some edits of it: results and number of executed nodes are those of the naive evaluator, the plan
 * says beforehand what may run, and a second run executes nothing.
 */
export async function checkRandomGraph(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const root = mkdtempSync(join(tmpdir(), 'neuroloom-random-'));
  const home = process.cwd();
  try {
    const known = new Set<string>();
    let steps: Step[] = randomGraph(random);
    for (let edit = 0; edit <= EDITS; edit++) {
      const told = `seed ${seed}, edit ${edit}: ${JSON.stringify(steps)}`;
      const expected = evaluate(steps, known);
      const wf = buildWorkflow(steps);
      const compile = (): CompiledGraph => wf.compile() as unknown as CompiledGraph;
      const run = await runInProcess(compile, root, `${edit}-first`);
      const executed = run.reports.filter(({ state }) => state === 'executed');
      expect(
        run.reports.filter(({ state }) => state === 'failed'),
        told,
      ).toEqual([]);
      expect(
        steps.map((_, i) => run.value(`s${i}`, 'y')),
        told,
      ).toEqual(expected.values);
      expect(executed.length, told).toBe(expected.executed.length);
      expect(
        executed.every(({ reason }) => reason !== null),
        told,
      ).toBe(true);
      // What the plan is sure of runs, and nothing runs that it excludes.
      const planned = new Map(run.plan.entries.map(({ id, action }) => [id, action]));
      for (const { id, nodeId, state } of run.reports) {
        const action = planned.get(id) ?? planned.get(`${nodeId}[*]`);
        if (state === 'executed') expect(['run', 'may-run'], `${told}: ${id}`).toContain(action);
        if (action === 'reuse') expect(state, `${told}: ${id}`).toBe('reused');
      }
      const second = await runInProcess(compile, root, `${edit}-second`);
      expect(
        second.reports.filter(({ state }) => state === 'executed'),
        told,
      ).toEqual([]);
      expect(second.plan.counts.run + second.plan.counts['may-run'], told).toBe(0);
      steps = randomEdit(steps, random);
    }
  } finally {
    process.chdir(home);
    rmSync(root, { recursive: true, force: true });
  }
}
