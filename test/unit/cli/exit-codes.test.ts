import { expect, test } from 'vitest';
import { EXIT, exitCodeOf, exitCodeOfSignal } from '../../../src/cli/exit-codes.js';
import {
  ConfigError,
  DependencyError,
  ProcessingError,
  RequirementError,
  StorageError,
} from '../../../src/errors.js';

test.each([
  [new ConfigError('USAGE', ''), EXIT.usage],
  [new RequirementError('TOOL_MISSING', ''), EXIT.requirements],
  // SQLite that was built for another Node.
  [new DependencyError('ADDON_MISSING', ''), EXIT.requirements],
  [new DependencyError('BACKEND_MISSING', ''), EXIT.requirements],
  // Something was run before a card was lost.
  [new DependencyError('DEVICE_LOST', ''), EXIT.nodeFailed],
  [new DependencyError('DEVICE_REFUSED', ''), EXIT.nodeFailed],
  [new StorageError('CACHE_CORRUPT', ''), EXIT.storage],
  [new ProcessingError('GRAPH_CYCLE', ''), EXIT.usage],
  [new ProcessingError('FOLDS', ''), EXIT.nodeFailed],
  [new ProcessingError('INTERNAL', ''), EXIT.bug],
  [new TypeError(), EXIT.bug],
])('%o ends a command with %i', (error, code) => {
  expect(exitCodeOf(error)).toBe(code);
});

test('a process that a signal ended has the code of that signal', () => {
  expect((['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const).map(exitCodeOfSignal)).toEqual([
    130, 143, 143, 1,
  ]);
});
