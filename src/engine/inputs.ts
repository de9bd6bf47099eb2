/** The inputs of an instance in the form that travels to a worker. */
import { basename, join as joinPath } from 'node:path';
import type { FileFacts, OutputRecord, StoredResult } from './cache-store.js';
import { elementOf } from './fingerprint.js';
import type { DroppedItem, ExpandedFile } from './handle.js';
import type { Binding, Instance } from './graph.js';
import type { InstanceTable } from './instance-table.js';
import type { TaskInput } from './worker-protocol.js';

/** What is known of the files outside the graph that one instance reads, by path as written. */
export type ExternalFacts = ReadonlyMap<string, FileFacts>;

/** Files outside the graph that an instance reads, as written. */
export function externalPaths(instance: Instance): string[] {
  const paths: string[] = [];
  const visit = (binding: Binding): void => {
    if (binding.kind === 'external') paths.push(binding.path);
    else if (binding.kind === 'list') binding.items.forEach(visit);
  };
  for (const port in instance.inputs) visit(instance.inputs[port] as Binding);
  return paths;
}

/** All inputs of an instance whose dependencies have ended well. Paths are absolute. */
export function taskInputs(
  table: InstanceTable,
  instance: Instance,
  facts: ExternalFacts,
): Record<string, TaskInput> {
  const inputs: Record<string, TaskInput> = {};
  for (const [port, binding] of Object.entries(instance.inputs)) inputs[port] = bind(table, binding, facts);
  return inputs;
}

function bind(table: InstanceTable, binding: Binding, facts: ExternalFacts): TaskInput {
  switch (binding.kind) {
    case 'value':
      return { kind: 'value', value: binding.value };
    case 'external': {
      const file = facts.get(binding.path);
      if (file === undefined) throw new Error(`nothing is known of ${binding.path}`);
      const { path, digest, bytes } = file;
      return { kind: 'file', path, relPath: basename(path), digest, bytes };
    }
    case 'output':
      if (binding.orNull === true && table.missing(binding.instance) !== null) return { kind: 'null' };
      return outputOf(table, binding.instance, binding.port);
    case 'element': {
      const result = resultOf(table, binding.instance);
      return fromRecord(elementOf(result, binding.port, binding.at), result.outputDir);
    }
    case 'join': {
      const there = [...binding.members].filter((member) => table.state(member) === 'done');
      return { kind: 'list', items: there.map((member) => outputOf(table, member, binding.port)) };
    }
    case 'dropped':
      return { kind: 'value', value: droppedItems(table, binding) };
    case 'list':
      return { kind: 'list', items: binding.items.map((item) => bind(table, item, facts)) };
  }
}

function droppedItems(table: InstanceTable, binding: Extract<Binding, { kind: 'dropped' }>): DroppedItem[] {
  const items: DroppedItem[] = [];
  binding.members.forEach((member, at) => {
    const reason = table.missing(member);
    if (reason !== null) items.push({ key: binding.keys[at] as string, reason });
  });
  return items;
}

function outputOf(table: InstanceTable, index: number, port: string): TaskInput {
  const result = resultOf(table, index);
  const record = result.outputs[port] ?? { kind: 'null' };
  return fromRecord(record, result.outputDir);
}

function resultOf(table: InstanceTable, index: number): StoredResult {
  const result = table.result(index);
  if (result === undefined) throw new Error(`${table.instance(index).id} is done and has no result`);
  return result;
}

/** Elements of a list output, as the function sees them that gives their keys; null when there is no list. */
export function listElements(result: StoredResult, port: string): unknown[] | null {
  const record = result.outputs[port];
  if (record?.kind === 'value') return Array.isArray(record.value) ? (record.value as unknown[]) : null;
  if (record?.kind !== 'list') return null;
  return record.items.map((item) => {
    if (item.kind !== 'file') return item.kind === 'value' ? item.value : null;
    const { rel: relPath, bytes, digest } = item;
    return { relPath, bytes, digest } satisfies ExpandedFile;
  });
}

function fromRecord(record: OutputRecord, directory: string): TaskInput {
  switch (record.kind) {
    case 'null':
      return { kind: 'null' };
    case 'value':
      return { kind: 'value', value: record.value };
    case 'file': {
      const { rel, digest, bytes } = record;
      return { kind: 'file', path: joinPath(directory, rel), relPath: rel, digest, bytes };
    }
    case 'list':
      return { kind: 'list', items: record.items.map((item) => fromRecord(item, directory)) };
  }
}
