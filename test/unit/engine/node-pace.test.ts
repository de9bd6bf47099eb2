import { expect, test } from 'vitest';
import { NodePace } from '../../../src/engine/node-pace.js';
import { addOne, nameIt } from '../../support/engine-nodes.js';

function paceAfter(...times: number[]): NodePace {
  const pace = new NodePace();
  for (const ms of times) pace.note(addOne as never, ms);
  return pace;
}

test('a node that nobody has seen run is not put behind another', () => {
  expect(paceAfter().batchSize(addOne as never)).toBe(1);
  expect(paceAfter(0.1, 0.1).batchSize(addOne as never)).toBe(1);
});

test('the shorter a node, the more go together; never more than sixteen', () => {
  expect(paceAfter(0, 0, 0).batchSize(addOne as never)).toBe(16);
  expect(paceAfter(3, 3, 3).batchSize(addOne as never)).toBe(3);
  expect(paceAfter(20, 20, 20).batchSize(addOne as never)).toBe(1);
});

test('one slow or failed run ends batches of this node, and of no other', () => {
  const pace = paceAfter(0, 0, 0, 0, 30);
  for (let i = 0; i < 3; i++) pace.note(nameIt as never, 0);
  expect(pace.batchSize(addOne as never)).toBe(1);
  expect(pace.batchSize(nameIt as never)).toBe(16);
  expect(paceAfter(0, 0, 0, Infinity).batchSize(addOne as never)).toBe(1);
});
