// Brings test/engine/closure-digests.json up to date: npm run closures [-- --results-unchanged "why"]
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { 'results-unchanged': { type: 'string' } } });
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'test/engine/closure-digests.test.ts'],
  { stdio: 'inherit', env: { ...process.env, NEUROLOOM_CLOSURES: values['results-unchanged'] ?? '' } },
);
process.exitCode = status ?? 1;
