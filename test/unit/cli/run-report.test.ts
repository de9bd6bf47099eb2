import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { drawnElsewhere } from '../../../src/cli/run-report.js';
import type { ParentWatch } from '../../../src/engine/parent-watch.js';
import { ProcessingError } from '../../../src/errors.js';
import { isAlive, until } from '../../engine/rig.js';
import { temporaryDirectory } from '../../support/temporary.js';

const MODULE = fileURLToPath(new URL('../../../dist/cli/run-report.js', import.meta.url));

const root = temporaryDirectory();
const task = {
  ...{ outputDir: root, runId: 'r', workflow: 'fooof', cwd: root },
  options: { load: [], verbose: false, debug: false },
};

function script(name: string, text: string): string {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
}

test('a report that never ends, or ends without a word, is an answer and no end of the run', async () => {
  const stuck = script('stuck.mjs', "process.on('message', () => {}); for (;;) {}");
  expect(await drawnElsewhere(task, 0.3, stuck)).toEqual({ error: 'overdue' });
  const crash = script('crash.mjs', "process.on('message', () => process.exit(70));");
  expect(await drawnElsewhere(task, null, crash)).toEqual({ error: 'its process ended with code 70' });
});

test('the process that draws ends with the process that asked it, whatever it does', async () => {
  const pid = join(root, 'pid');
  const busy = script(
    'busy.mjs',
    `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(pid)}, process.pid + '\\n'); for (;;) {}`,
  );
  const asks = script(
    'asks.mjs',
    `import { drawnElsewhere } from ${JSON.stringify(MODULE)};
    await drawnElsewhere(${JSON.stringify(task)}, null, ${JSON.stringify(busy)});`,
  );
  const asking = spawn(process.execPath, [asks], { stdio: ['ignore', 'inherit', 'inherit'] });
  const drawing = (): string => (existsSync(pid) ? readFileSync(pid, 'utf8') : '');
  await until('it draws', () => drawing().endsWith('\n'));
  expect(isAlive(Number(drawing()))).toBe(true);
  asking.kill('SIGKILL');
  await until('it is gone', () => !isAlive(Number(drawing())));
});

test('a report that cannot be started is an answer too', async () => {
  const watch = {
    around: () => {
      throw new ProcessingError('CRASHED', 'no process could be started');
    },
  } as unknown as ParentWatch;
  expect(await drawnElsewhere(task, null, 'never.mjs', watch)).toEqual({
    error: 'its process could not be started: no process could be started',
  });
});

test('the process that draws is asked with the task and its answer comes back', async () => {
  const path = script(
    'echo.mjs',
    "process.once('message', ({ runId }) => process.send({ report: { path: runId, participants: 0, problems: [] } }));",
  );
  expect(await drawnElsewhere(task, null, path)).toEqual({
    report: { path: 'r', participants: 0, problems: [] },
  });
});
