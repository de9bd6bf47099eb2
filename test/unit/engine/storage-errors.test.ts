import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { classifyThrown } from '../../../src/engine/failure.js';
import { outputError } from '../../../src/engine/output-error.js';
import { storageError } from '../../../src/engine/storage-error.js';

// As Node gives them: it has no name for EDQUOT.
test.each([
  ['ENOSPC', constants.errno.ENOSPC],
  [`Unknown system error -${constants.errno.EDQUOT}`, constants.errno.EDQUOT],
])('%s is a full disk wherever it comes up', (code, errno) => {
  const refused = Object.assign(new Error(`${code}: write`), { code, errno: -errno, path: '/full/x' });
  expect(storageError(refused, '/cache')).toMatchObject({ code: 'IO_FULL', where: '/cache' });
  expect(outputError(refused, '/out/a.txt')).toMatchObject({ code: 'IO_FULL', where: '/out/a.txt' });
  expect(classifyThrown(refused)).toMatchObject({ failureClass: 'io-full' });
});
