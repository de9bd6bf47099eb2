import { ConfigError, type ErrorCode } from '../errors.js';
import { whyNotJson, MAX_VALUE_BYTES } from './json.js';
import { axisSpace, wrongKeys, type KeySpace } from './key-space.js';
import { compareKeys } from './labels.js';
import { combinedSpace, mappedInputs, type KnownSpaces } from './node-space.js';
import { describePort, type Port } from './port.js';
import { CONDITION_PORT, DROPPED_PORT, elementPort, whyNotFit } from './port-fit.js';
import { checkPublications } from './publication-check.js';
import {
  edgesOf,
  sourcesOf,
  type TemplateExpansion,
  type TemplateGraph,
  type TemplateInput,
  type TemplateNode,
} from './template.js';

export interface CheckedTemplate {
  /** Every node after those that it depends on; otherwise as added. */
  readonly order: readonly TemplateNode[];
  /** What mapped nodes vary over, null for single ones. Without keys where a list of the run decides. */
  readonly spaces: ReadonlyMap<string, KeySpace | null>;
  readonly expansions: ReadonlyMap<string, TemplateExpansion>;
}

/** Nodes and lists of a template by id. */
interface Known {
  readonly nodes: ReadonlyMap<string, TemplateNode>;
  readonly expansions: ReadonlyMap<string, TemplateExpansion>;
}

export interface GraphProblem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly where: string;
  readonly cure: string;
}

/**
 * Everything that can be wrong with a wiring. The stages are names, ports, cycles, keys, edges, publications; a
 * stage needs the ones before it, so problems are collected per stage.
 *
 * @throws ConfigError with the code of the first problem and a message that lists all of its stage
 */
export function checkTemplate(template: TemplateGraph): CheckedTemplate {
  const problems: GraphProblem[] = [];
  const nodes = new Map<string, TemplateNode>();
  for (const item of template.nodes) {
    if (nodes.has(item.id)) {
      problems.push({
        code: 'GRAPH_DUPLICATE_ID',
        message: `two nodes have id '${item.id}'`,
        where: item.id,
        cure: 'give each node its own id',
      });
    }
    nodes.set(item.id, item);
  }
  refuse(template.name, problems);
  const expansions = new Map((template.expansions ?? []).map((expansion) => [expansion.id, expansion]));
  const known: Known = { nodes, expansions };
  for (const item of template.nodes) checkNames(item, known, problems);
  for (const expansion of expansions.values()) checkExpansion(expansion, known, problems);
  refuse(template.name, problems);
  const order = orderOf(template, known);
  const spaces = new Map<string, KeySpace | null>();
  const knownSpaces: KnownSpaces = {
    node: (id) => spaces.get(id) ?? null,
    expansion: (id) => axisSpace(id, null),
  };
  for (const item of order) spaces.set(item.id, checkedSpace(item, knownSpaces, problems));
  refuse(template.name, problems);
  for (const item of order) checkEdges(item, known, problems);
  for (const { where, input, port } of template.contracts ?? []) {
    checkInput(input, port, known, (message, cure) => {
      problems.push({ code: 'GRAPH_EDGE', message: `input ${where}: ${message}`, where, cure });
    });
  }
  refuse(template.name, problems);
  checkPublications(template, nodes, spaces, problems);
  refuse(template.name, problems);
  return { order, spaces, expansions };
}

const SHOWN_PROBLEMS = 10;

function refuse(workflow: string, problems: readonly GraphProblem[]): void {
  const [first, ...others] = problems;
  if (first === undefined) return;
  const shown = others
    .slice(0, SHOWN_PROBLEMS - 1)
    .map((problem) => `\n${problem.where}: ${problem.message}`);
  if (others.length >= SHOWN_PROBLEMS) shown.push(`\n... and ${others.length - SHOWN_PROBLEMS + 1} more`);
  throw new ConfigError(first.code, `${first.message}${shown.join('')}`, {
    where: `${workflow}: ${first.where}`,
    cure: first.cure,
  });
}

function checkNames(item: TemplateNode, known: Known, problems: GraphProblem[]): void {
  for (const name in item.inputs) {
    if (!Object.hasOwn(item.node.inputs, name)) {
      const where = `${item.id}.${name}`;
      const cure = `inputs of ${item.node.name}: ${Object.keys(item.node.inputs).join(', ') || 'none'}`;
      problems.push({ code: 'GRAPH_EDGE', message: `node ${item.id} has no input '${name}'`, where, cure });
    }
  }
  for (const name in item.inputs) {
    const input = item.inputs[name] as TemplateInput;
    for (const { message, cure } of unknownSources(input, known)) {
      const where = `${item.id}.${name}`;
      problems.push({
        code: 'GRAPH_EDGE',
        message: `input ${name} of ${item.id} comes from ${message}`,
        where,
        cure,
      });
    }
  }
  for (const condition of item.conditions ?? []) {
    for (const { message, cure } of unknownSources(condition, known)) {
      problems.push({
        code: 'GRAPH_EDGE',
        message: `a condition of ${item.id} comes from ${message}`,
        where: item.id,
        cure,
      });
    }
  }
}

function unknownSources(
  input: TemplateInput,
  { nodes, expansions }: Known,
): readonly { message: string; cure: string }[] {
  let found: { message: string; cure: string }[] = NOTHING_UNKNOWN;
  const add = (message: string, cure: string): void => {
    found = [...found, { message, cure }];
  };
  if (input.kind === 'expanded' && !expansions.has(input.expansion)) {
    add('a list that is not in the workflow', `add expansion '${input.expansion}'`);
  }
  for (const source of sourcesOf(input, expansions)) {
    if (!nodes.has(source)) add(`'${source}', which is not in the workflow`, `add node '${source}'`);
  }
  return found;
}

const NOTHING_UNKNOWN: { message: string; cure: string }[] = [];

function checkExpansion({ id, node, port }: TemplateExpansion, known: Known, problems: GraphProblem[]): void {
  const source = known.nodes.get(node);
  const report = (message: string, cure: string): void => {
    problems.push({ code: 'GRAPH_EDGE', message: `expand of ${node}.${port}: ${message}`, where: id, cure });
  };
  const output = source?.node.outputs[port];
  if (source === undefined || output === undefined) {
    report('there is no such output', 'expand an output of a node of this workflow');
  } else if (source.mapped) {
    report(`${node} is mapped`, 'join its outputs in a node that gives one list');
  } else if (elementPort(output) === null) {
    report(`${describePort(output)} is not a list`, 'expand a list port, or a value that is an array');
  }
}

/** Kahn's algorithm without recursion, in the order of adding; a long chain costs no stack. */
function orderOf(template: TemplateGraph, known: Known): TemplateNode[] {
  const waiting = new Map<string, number>();
  const followers = new Map<string, TemplateNode[]>();
  const order: TemplateNode[] = [];
  for (const item of template.nodes) {
    const sources = new Set<string>();
    for (const input of edgesOf(item)) {
      for (const source of sourcesOf(input, known.expansions)) sources.add(source);
    }
    waiting.set(item.id, sources.size);
    for (const source of sources) {
      const list = followers.get(source);
      if (list === undefined) followers.set(source, [item]);
      else list.push(item);
    }
    if (sources.size === 0) order.push(item);
  }
  for (let i = 0; i < order.length; i += 1) {
    for (const follower of followers.get((order[i] as TemplateNode).id) ?? []) {
      const left = (waiting.get(follower.id) as number) - 1;
      waiting.set(follower.id, left);
      if (left === 0) order.push(follower);
    }
  }
  if (order.length < template.nodes.length) {
    const path = cyclePath(template, known, waiting);
    const shown = path.length > 12 ? [...path.slice(0, 6), '...', ...path.slice(-5)] : path;
    throw new ConfigError('GRAPH_CYCLE', `nodes wait for each other: ${shown.join(' -> ')}`, {
      where: `${template.name}: ${path[0]}`,
      cure: 'remove one of these edges; an output cannot be needed to compute itself',
    });
  }
  return order;
}

/** Walks back from a node that Kahn left over: every such node has a source that was left over too. */
function cyclePath(
  template: TemplateGraph,
  { nodes, expansions }: Known,
  waiting: ReadonlyMap<string, number>,
): string[] {
  const isLeft = (id: string): boolean => (waiting.get(id) ?? 0) > 0;
  let id = template.nodes.find((item) => isLeft(item.id))?.id as string;
  const visitedAt = new Map<string, number>();
  const walked: string[] = [];
  while (!visitedAt.has(id)) {
    visitedAt.set(id, walked.length);
    walked.push(id);
    const sources = edgesOf(nodes.get(id) as TemplateNode).flatMap((input) => [
      ...sourcesOf(input, expansions),
    ]);
    id = sources.find(isLeft) as string;
  }
  const cycle = walked.slice(visitedAt.get(id) as number).reverse();
  return [...cycle, cycle[0] as string];
}

function checkedSpace(item: TemplateNode, known: KnownSpaces, problems: GraphProblem[]): KeySpace | null {
  const inputs = mappedInputs(item, known);
  if (!item.mapped) {
    for (const { name } of inputs) {
      problems.push({
        code: 'GRAPH_EDGE',
        message: `input ${name} of ${item.id} is mapped, and ${item.id} runs once`,
        where: `${item.id}.${name}`,
        cure: `use wf.map, or join it: wf.join(...)`,
      });
    }
    return null;
  }
  for (const name in item.inputs) {
    const input = item.inputs[name] as TemplateInput;
    if (input.kind === 'items') problems.push(...itemProblems(input.keys, `${item.id}.${name}`));
  }
  const combined = combinedSpace(item, inputs);
  if (combined === null) {
    problems.push({
      code: 'GRAPH_KEYS',
      message: `map of ${item.id}: no input is mapped`,
      where: item.id,
      cure: 'pass items or the output of another map, or add the node once',
    });
    return null;
  }
  if (!combined.ok) {
    problems.push({
      code: 'GRAPH_KEYS',
      message: combined.message.replace(/^inputs (\S+) and (\S+) /, `inputs $1 and $2 of ${item.id} `),
      where: `${item.id}.${combined.input}`,
      cure: 'map over items with the same keys, or use mode: cross for every combination',
    });
  }
  return combined.space;
}

function itemProblems(keys: readonly string[], where: string): GraphProblem[] {
  const cure = 'give every item its own key, and list them in key order';
  const messages = wrongKeys(keys);
  const isSorted = keys.every((key, i) => i === 0 || compareKeys(keys[i - 1] as string, key) <= 0);
  if (!isSorted) messages.push('the keys are out of order');
  return messages.map((message) => ({ code: 'GRAPH_KEYS', message, where, cure }));
}

function checkEdges(item: TemplateNode, known: Known, problems: GraphProblem[]): void {
  for (const name in item.node.inputs) {
    const definition = item.node.inputs[name] as Port;
    const report = (message: string, cure: string): void => {
      const where = `${item.id}.${name}`;
      problems.push({ code: 'GRAPH_EDGE', message: `input ${name} of ${item.id}: ${message}`, where, cure });
    };
    const input = item.inputs[name];
    if (input === undefined) {
      if (!mayBeAbsent(definition)) report('nothing is connected', `connect a ${describePort(definition)}`);
      continue;
    }
    checkInput(input, definition, known, report);
  }
  for (const condition of item.conditions ?? []) {
    checkInput(condition, CONDITION_PORT, known, (message) => {
      const cure = 'use a node output with port.value(z.boolean()) in wf.when';
      problems.push({
        code: 'GRAPH_EDGE',
        message: `condition of ${item.id}: ${message}`,
        where: item.id,
        cure,
      });
    });
  }
}

function mayBeAbsent(definition: Port): boolean {
  if (definition.kind === 'optional') return true;
  return definition.kind === 'value' && definition.schema.safeParse(undefined).success;
}

type Report = (message: string, cure: string) => void;

function checkInput(input: TemplateInput, definition: Port, known: Known, report: Report): void {
  const required = definition.kind === 'optional' ? definition.of : definition;
  switch (input.kind) {
    case 'output':
    case 'join':
    case 'dropped':
    case 'expanded': {
      const from = offered(input, known, report);
      const wrong = from === null ? null : whyNotFit(from, definition);
      if (wrong !== null) report(wrong, 'connect an output of the same kind');
      return;
    }
    case 'items':
      for (const item of input.items) checkInput(item, definition, known, report);
      return;
    case 'external':
      if (required.kind !== 'file')
        report(`a file cannot go into ${describePort(definition)}`, 'pass a value');
      return;
    case 'list':
      if (required.kind === 'list') {
        for (const item of input.items) checkInput(item, required.of, known, report);
      } else if (required.kind === 'value' && input.items.every((item) => item.kind === 'value')) {
        const values = input.items.map((item) => (item.kind === 'value' ? item.value : null));
        checkLiteral(values, required, report);
      } else {
        report(`a list cannot go into ${describePort(definition)}`, 'connect a list port');
      }
      return;
    case 'value':
      checkLiteral(input.value, definition, report);
  }
}

/** The port at the far end of an edge, as the consumer sees it. */
function offered(
  input: Extract<TemplateInput, { kind: 'output' | 'join' | 'dropped' | 'expanded' }>,
  known: Known,
  report: Report,
): Port | null {
  if (input.kind === 'expanded') {
    const { node, port } = known.expansions.get(input.expansion) as TemplateExpansion;
    return elementPort((known.nodes.get(node) as TemplateNode).node.outputs[port] as Port);
  }
  const source = known.nodes.get(input.node) as TemplateNode;
  if (input.kind !== 'output' && !source.mapped) {
    report(`${input.node} is not mapped, so there is nothing to join`, 'connect its output itself');
    return null;
  }
  if (input.kind === 'dropped') return DROPPED_PORT;
  if (!Object.hasOwn(source.node.outputs, input.port)) {
    const outputs = Object.keys(source.node.outputs).join(', ') || 'none';
    report(`${input.node} has no output '${input.port}'`, `outputs of ${source.node.name}: ${outputs}`);
    return null;
  }
  const from = source.node.outputs[input.port] as Port;
  if (input.kind === 'output') {
    return input.orNull === true && from.kind !== 'optional' ? { kind: 'optional', of: from } : from;
  }
  if (from.kind === 'list' || from.kind === 'optional') {
    report(`a join of ${describePort(from)} is a list that no port takes`, 'join single values or files');
    return null;
  }
  return { kind: 'list', of: from };
}

function checkLiteral(value: unknown, definition: Port, report: Report): void {
  switch (definition.kind) {
    case 'optional':
      if (value !== null && value !== undefined) checkLiteral(value, definition.of, report);
      return;
    case 'file':
      report('a value cannot go into a file port', 'mark the path as a file: inputFile(path)');
      return;
    case 'list':
      if (!Array.isArray(value)) report('a single value cannot go into a list port', 'pass an array');
      else for (const item of value) checkLiteral(item, definition.of, report);
      return;
    case 'value': {
      const wrong = value === undefined ? null : whyNotJson(value);
      if (wrong !== null) {
        report(`${wrong}; only plain JSON travels to nodes`, 'pass numbers, text, lists and plain objects');
        return;
      }
      const bytes = value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value));
      if (bytes > MAX_VALUE_BYTES) {
        report(`a value of ${bytes} bytes is too large (limit ${MAX_VALUE_BYTES})`, 'pass it as a file');
        return;
      }
      const parsed = definition.schema.safeParse(value);
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        const path =
          issue === undefined || issue.path.length === 0 ? '' : `${issue.path.map(String).join('.')}: `;
        report(`${path}${issue?.message ?? 'the value does not fit'}`, 'correct the value');
      }
    }
  }
}
