import { expect, test } from 'vitest';
import { itemNodes } from '../../../src/engine/item-nodes.js';
import type { TemplateGraph, TemplateInput, TemplateNode } from '../../../src/engine/template.js';

const node = (id: string, mapped: boolean, inputs: Record<string, TemplateInput>): TemplateNode =>
  ({ id, mapped, inputs }) as unknown as TemplateNode;
const items: TemplateInput = { kind: 'items', keys: ['1'], items: [{ kind: 'value', value: 1 }] };
const from = (source: string): TemplateInput => ({ kind: 'output', node: source, port: 'x' });
const joined = (source: string): TemplateInput => ({ kind: 'join', node: source, port: 'x', minItems: null });

test('nodes before every join are those of one item; what a join decides is not, at any distance', () => {
  const graph: TemplateGraph = {
    name: 'w',
    nodes: [
      node('settings', false, {}),
      node('read', true, { item: items, settings: from('settings') }),
      node('fit', true, { data: from('read') }),
      node('mean', false, { all: joined('fit') }),
      node('compare', true, { data: from('fit'), mean: from('mean') }),
      node('draw', true, { compared: from('compare') }),
      node('pair', true, { list: { kind: 'list', items: [from('read'), joined('fit')] } }),
    ],
    publications: [],
  };
  expect(itemNodes(graph)).toEqual(['read', 'fit']);
});

test('a workflow of joins alone has no such nodes, and a cycle does not go on for ever', () => {
  const graph = { name: 'w', nodes: [node('all', false, {})], publications: [] };
  expect(itemNodes(graph)).toEqual([]);
  const cycle = [node('a', true, { x: from('b') }), node('b', true, { x: from('a') })];
  expect(itemNodes({ name: 'w', nodes: cycle, publications: [] })).toEqual([]);
});
