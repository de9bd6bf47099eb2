import { expect, test } from 'vitest';
import { checkRandomGraph } from '../support/random-graph-check.js';

// Two hundred in test/long.
test('random graphs under random edits equal a naive evaluator, and a second run executes nothing', async () => {
  expect.hasAssertions();
  for (let seed = 1; seed <= 15; seed++) await checkRandomGraph(7919 * seed);
});
