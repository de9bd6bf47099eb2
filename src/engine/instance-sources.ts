/** What an instance took its inputs from, when all of it has ended. */
import type { OutputRecord } from './cache-store.js';
import { elementOf } from './fingerprint.js';
import type { Binding } from './graph.js';
import type { InstanceTable } from './instance-table.js';

/** One thing that an instance used. */
export type Source =
  | { readonly kind: 'external'; readonly path: string }
  | {
      readonly kind: 'output';
      readonly instance: number;
      readonly port: string;
      /** A value or a file; lists are given item by item. */
      readonly record: Exclude<OutputRecord, { kind: 'list' | 'null' }>;
    };

/** Calls `visit` for every file and value that came to an instance through a port, joins and lists item by item. */
export function eachSource(
  table: InstanceTable,
  index: number,
  visit: (port: string, source: Source) => void,
): void {
  const { inputs } = table.instance(index);
  for (const port in inputs)
    visitBinding(table, inputs[port] as Binding, (source) => {
      visit(port, source);
    });
}

function visitBinding(table: InstanceTable, binding: Binding, visit: (source: Source) => void): void {
  switch (binding.kind) {
    case 'value':
    case 'dropped':
      return;
    case 'external':
      visit({ kind: 'external', path: binding.path });
      return;
    case 'output':
      visitOutput(table, binding.instance, binding.port, visit);
      return;
    case 'element': {
      const { instance, port, at } = binding;
      const result = table.result(instance);
      if (result === undefined) return;
      eachLeaf(elementOf(result, port, at), (record) => {
        visit({ kind: 'output', instance, port, record });
      });
      return;
    }
    case 'join':
      for (const member of binding.members) visitOutput(table, member, binding.port, visit);
      return;
    case 'list':
      for (const item of binding.items) visitBinding(table, item, visit);
      return;
  }
}

function visitOutput(
  table: InstanceTable,
  instance: number,
  port: string,
  visit: (source: Source) => void,
): void {
  const record = table.result(instance)?.outputs[port];
  if (record === undefined) return;
  eachLeaf(record, (leaf) => {
    visit({ kind: 'output', instance, port, record: leaf });
  });
}

/** Every value and file of an output, lists item by item; a list of values counts as one value. */
export function eachLeaf(
  record: OutputRecord,
  visit: (leaf: Exclude<OutputRecord, { kind: 'list' | 'null' }>) => void,
): void {
  if (record.kind === 'list') {
    if (record.items.length > 0 && record.items.every(({ kind }) => kind === 'value')) {
      visit({
        kind: 'value',
        value: record.items.map((item) => (item.kind === 'value' ? item.value : null)),
      });
    } else for (const item of record.items) eachLeaf(item, visit);
  } else if (record.kind !== 'null') visit(record);
}
