import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';

import {
  estimateArrayMemory,
  memoryGuard,
  ramStatus,
  type ArrayDtype,
  type MemoryInfo,
} from '../../../../src/numerics/cpu/memory.js';

test('arrays of 160000 x 300 numbers need 0.3576 GiB', () => {
  expect(estimateArrayMemory([160000, 300])).toEqual({ bytes: 384e6, gib: 384e6 / 2 ** 30 });
  expect(estimateArrayMemory([160000, 300], 'float32').bytes).toBe(192e6);
  expect(estimateArrayMemory([]).bytes).toBe(8);
  expect(() => estimateArrayMemory([1], 'text' as ArrayDtype)).toThrow("no type of numbers 'text'");
  expect(() => estimateArrayMemory([-1])).toThrow('an axis of -1 is not possible');
});

describe('ramStatus', () => {
  const withFiles = (files: Record<string, string>, check: (status: MemoryInfo) => void): void => {
    const root = mkdtempSync(join(tmpdir(), 'neuroloom-ram-'));
    try {
      const all = { 'proc/meminfo': 'MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n', ...files };
      for (const [name, text] of Object.entries(all)) {
        mkdirSync(dirname(join(root, name)), { recursive: true });
        writeFileSync(join(root, name), text);
      }
      check(ramStatus(root));
    } finally {
      rmSync(root, { recursive: true });
    }
  };

  test('of a machine alone', () => {
    withFiles({}, (status) =>
      expect(status).toEqual({
        totalGib: 16,
        availableGib: 8,
        usedGib: 8,
        percentUsed: 50,
        limitedBy: 'machine',
      }),
    );
  });

  test('the nearest control group with a limit counts, and its cached files are free', () => {
    const gib = 2 ** 30;
    withFiles(
      {
        'proc/self/cgroup': '0::/jobs/42\n',
        'sys/fs/cgroup/jobs/42/memory.max': 'max\n',
        'sys/fs/cgroup/jobs/42/memory.current': '1\n',
        'sys/fs/cgroup/jobs/memory.max': `${4 * gib}\n`,
        'sys/fs/cgroup/jobs/memory.current': `${3 * gib}\n`,
        'sys/fs/cgroup/jobs/memory.stat': `anon 5\ninactive_file ${gib}\n`,
      },
      (status) => expect(status).toMatchObject({ totalGib: 4, availableGib: 2, limitedBy: 'cgroup' }),
    );
    withFiles(
      {
        'proc/self/cgroup': '9:cpu:/x\n4:memory:/batch\n',
        'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
        'sys/fs/cgroup/memory/memory.usage_in_bytes': '5\n',
        'sys/fs/cgroup/memory/batch/memory.limit_in_bytes': `${2 * gib}\n`,
        'sys/fs/cgroup/memory/batch/memory.usage_in_bytes': `${gib}\n`,
      },
      (status) => expect(status).toMatchObject({ totalGib: 2, availableGib: 1, limitedBy: 'cgroup' }),
    );
  });

  test('of this machine is possible', () => {
    const { totalGib, availableGib, percentUsed } = ramStatus();
    expect(availableGib).toBeGreaterThan(0);
    expect(totalGib).toBeGreaterThan(availableGib);
    expect(percentUsed).toBeLessThan(100);
  });
});

describe('memoryGuard', () => {
  const of = (availableGib: number): MemoryInfo => ({
    totalGib: 16,
    availableGib,
    usedGib: 16 - availableGib,
    percentUsed: 0,
    limitedBy: 'machine',
  });

  test('warns or refuses before, and says after what was taken', () => {
    const onWarning = vi.fn();
    memoryGuard({ minAvailableGib: 4, onWarning, status: () => of(1.5) });
    expect(onWarning).toHaveBeenCalledWith(
      '1.50 GiB of memory are available, 4 GiB are needed (limited by the machine)',
    );
    expect(() => memoryGuard({ minAvailableGib: 4, errorOnLow: true, status: () => of(1.5) })).toThrow(
      '1.50 GiB of memory are available, 4 GiB are needed',
    );
    const onInfo = vi.fn();
    const statuses = [of(8), of(5.5)];
    {
      using guard = memoryGuard({ onInfo, status: () => statuses.shift()! });
      expect(guard.before.availableGib).toBe(8);
    }
    expect(onInfo).toHaveBeenCalledExactlyOnceWith('2.50 GiB of memory were taken');
  });

  const prlimit = ['/usr/bin/prlimit', '/bin/prlimit'].find((path) => existsSync(path));
  test.skipIf(prlimit === undefined)('sees a real limit of the process, and refuses below it', () => {
    const module = new URL('../../../../dist/numerics/cpu/memory.js', import.meta.url).href;
    const script = `
      import { memoryGuard, ramStatus } from ${JSON.stringify(module)};
      const status = ramStatus();
      try { memoryGuard({ minAvailableGib: 3, errorOnLow: true }); status.guard = 'passed'; }
      catch (error) { status.guard = error.code; }
      process.stdout.write(JSON.stringify(status));`;
    const under = (gib: number): MemoryInfo & { guard: string } => {
      const args = [`--data=${gib * 2 ** 30}`, process.execPath, '--input-type=module', '-e', script];
      const { stdout, stderr } = spawnSync(prlimit!, args, { encoding: 'utf8' });
      expect(stderr).toBe('');
      return JSON.parse(stdout) as MemoryInfo & { guard: string };
    };
    const small = under(2);
    expect(small).toMatchObject({ totalGib: 2, limitedBy: 'process', guard: 'OUT_OF_MEMORY' });
    expect(small.availableGib).toBeLessThan(2);
  });
});
