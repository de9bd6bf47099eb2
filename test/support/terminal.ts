import type { Terminal } from '../../src/cli/terminal.js';

/** A terminal nobody looks at, but for what is given. */
export function fakeTerminal(given: Partial<Terminal> = {}): Terminal {
  return {
    result: () => undefined,
    note: () => undefined,
    block: () => undefined,
    screen: null,
    hasColor: false,
    isInteractive: false,
    failure: () => null,
    ...given,
  };
}
