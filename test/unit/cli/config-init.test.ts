import { expect, test } from 'vitest';
import { configInitCommand } from '../../../src/cli/commands/config-init.js';
import type { Session } from '../../../src/cli/session.js';
import { fakeTerminal } from '../../support/terminal.js';

test('config init says what to do when its file cannot be written', async () => {
  const session: Session = {
    terminal: fakeTerminal(),
    cwd: '/nowhere',
    env: {},
    argv: [],
    options: { load: [], verbose: false, debug: false },
    parse: () => Promise.resolve(null),
  };
  await expect(configInitCommand('study.yaml', {}, session)).rejects.toMatchObject({
    code: 'IO',
    message: '/nowhere/study.yaml could not be written: ENOENT',
    where: '/nowhere/study.yaml',
    cure: 'name a file in a directory that is there and that you may write to',
  });
});
