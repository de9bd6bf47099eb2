/** The first command of the README, in this checkout as a newcomer has it. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/own-project.js';

function demo(): string {
  const { status, stdout, stderr } = spawnSync('npm', ['run', 'demo'], { cwd: ROOT, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout + stderr;
}

test('npm run demo learns an atlas, says how good it is and where it lies; again, nothing is computed', () => {
  rmSync(join(ROOT, 'demo'), { recursive: true, force: true });
  const first = demo();
  expect(first).toMatch(/^learned_atlas: done in .*: 34 run, 0 reused$/m);
  expect(first).toContain('The atlas of 6 subjects is in demo/out/atlas_learned');
  const [, reduction] = /median relative_reduction (\S+), departure_pearson/.exec(first) ?? [];
  // 0: no better than the average of the others.
  expect(Number(reduction)).toBeGreaterThan(0.5);
  expect(demo()).toMatch(/^learned_atlas: done in .*: 0 run, 34 reused$/m);
});
