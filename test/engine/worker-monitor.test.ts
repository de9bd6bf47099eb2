import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const module = fileURLToPath(new URL('../../dist/engine/worker-monitor.js', import.meta.url));

// The process is busy while the thread cuts a log that cannot be looked at, and asks for the logs before it hears of that.
const SCRIPT = `
  import { writeSync } from 'node:fs';
  import { startMonitor } from ${JSON.stringify(module)};
  const monitor = await startMonitor();
  monitor.watchLogs([{ fd: 999999, path: '/none', tailPath: '/none.tail' }], 1000);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
  monitor.holdLogs();
  writeSync(1, 'read');
  setTimeout(() => 0, 60_000);
`;

test('a monitor that fails while it cuts the logs lets go of them, and ends its worker', () => {
  // The time is that of a process which hangs for ever.
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
    encoding: 'utf8',
    timeout: 30_000,
    detached: true,
  } as Parameters<typeof spawnSync>[2] & {
    encoding: 'utf8';
  });
  expect([stdout, status]).toEqual(['read', 70]);
  expect(stderr).toContain('the monitor of this worker failed: Error: EBADF');
});
