import { ConfigError, type ErrorCode } from '../errors.js';
import { whyNotJson, MAX_VALUE_BYTES } from './json.js';
import { checkItemKey, compareKeys } from './labels.js';
import { describePort, type Port } from './port.js';
import { DROPPED_PORT, whyNotFit } from './port-fit.js';
import { checkPublications } from './publication-check.js';
import { sourcesOf, type TemplateGraph, type TemplateInput, type TemplateNode } from './template.js';

export interface CheckedTemplate {
  /** Every node after those that it depends on; otherwise as added. */
  readonly order: readonly TemplateNode[];
  /** Item keys of mapped nodes, null for single ones. */
  readonly keys: ReadonlyMap<string, readonly string[] | null>;
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
  for (const item of template.nodes) checkNames(item, nodes, problems);
  refuse(template.name, problems);
  const order = orderOf(template, nodes);
  const keys = new Map<string, readonly string[] | null>();
  for (const item of order) keys.set(item.id, keysOf(item, keys, problems));
  refuse(template.name, problems);
  for (const item of order) checkEdges(item, nodes, problems);
  refuse(template.name, problems);
  checkPublications(template, nodes, keys, problems);
  refuse(template.name, problems);
  return { order, keys };
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

function checkNames(
  item: TemplateNode,
  nodes: ReadonlyMap<string, TemplateNode>,
  problems: GraphProblem[],
): void {
  const known = Object.keys(item.node.inputs);
  for (const [name, input] of Object.entries(item.inputs)) {
    const where = `${item.id}.${name}`;
    if (!Object.hasOwn(item.node.inputs, name)) {
      const cure = `inputs of ${item.node.name}: ${known.join(', ') || 'none'}`;
      problems.push({ code: 'GRAPH_EDGE', message: `node ${item.id} has no input '${name}'`, where, cure });
    }
    for (const source of sourcesOf(input)) {
      if (nodes.has(source)) continue;
      const message = `input ${name} of ${item.id} comes from '${source}', which is not in the workflow`;
      problems.push({ code: 'GRAPH_EDGE', message, where, cure: `add node '${source}'` });
    }
  }
}

/** Kahn's algorithm without recursion, in the order of adding; a long chain costs no stack. */
function orderOf(template: TemplateGraph, nodes: ReadonlyMap<string, TemplateNode>): TemplateNode[] {
  const waiting = new Map<string, number>();
  const followers = new Map<string, TemplateNode[]>();
  const order: TemplateNode[] = [];
  for (const item of template.nodes) {
    const sources = new Set<string>();
    for (const input of Object.values(item.inputs))
      for (const source of sourcesOf(input)) sources.add(source);
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
    const path = cyclePath(template, nodes, waiting);
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
  nodes: ReadonlyMap<string, TemplateNode>,
  waiting: ReadonlyMap<string, number>,
): string[] {
  const isLeft = (id: string): boolean => (waiting.get(id) ?? 0) > 0;
  let id = template.nodes.find((item) => isLeft(item.id))?.id as string;
  const visitedAt = new Map<string, number>();
  const walked: string[] = [];
  while (!visitedAt.has(id)) {
    visitedAt.set(id, walked.length);
    walked.push(id);
    const sources = Object.values((nodes.get(id) as TemplateNode).inputs).flatMap((input) => [
      ...sourcesOf(input),
    ]);
    id = sources.find(isLeft) as string;
  }
  const cycle = walked.slice(visitedAt.get(id) as number).reverse();
  return [...cycle, cycle[0] as string];
}

function keysOf(
  item: TemplateNode,
  known: ReadonlyMap<string, readonly string[] | null>,
  problems: GraphProblem[],
): readonly string[] | null {
  let keys: readonly string[] | null = null;
  let from = '';
  for (const [name, input] of Object.entries(item.inputs)) {
    const own = mappedKeys(input, known);
    if (own === null) continue;
    const where = `${item.id}.${name}`;
    if (!item.mapped) {
      problems.push({
        code: 'GRAPH_EDGE',
        message: `input ${name} of ${item.id} is mapped, and ${item.id} runs once`,
        where,
        cure: `use wf.map, or join it: wf.join(...)`,
      });
      continue;
    }
    if (input.kind === 'items') problems.push(...wrongKeys(own, where));
    if (keys === null) {
      keys = own;
      from = name;
      continue;
    }
    const difference = keyDifference(keys, own);
    if (difference !== null) {
      problems.push({
        code: 'GRAPH_KEYS',
        message: `inputs ${from} and ${name} of ${item.id} have different keys: ${difference}`,
        where,
        cure: 'map over items with the same keys',
      });
    }
  }
  if (item.mapped && keys === null) {
    problems.push({
      code: 'GRAPH_KEYS',
      message: `map of ${item.id}: no input is mapped`,
      where: item.id,
      cure: 'pass items or the output of another map, or add the node once',
    });
  }
  return item.mapped ? (keys ?? []) : null;
}

function mappedKeys(
  input: TemplateInput,
  known: ReadonlyMap<string, readonly string[] | null>,
): readonly string[] | null {
  if (input.kind === 'items') return input.keys;
  return input.kind === 'output' ? (known.get(input.node) ?? null) : null;
}

function wrongKeys(keys: readonly string[], where: string): GraphProblem[] {
  const problems: GraphProblem[] = [];
  const cure = 'give every item its own key, and list them in key order';
  keys.forEach((key, i) => {
    const wrong = checkItemKey(key);
    if (wrong !== null) problems.push({ code: 'GRAPH_KEYS', message: wrong, where, cure });
    else if (i > 0 && compareKeys(keys[i - 1] as string, key) >= 0) {
      const message = `key '${key}' appears twice or out of order`;
      problems.push({ code: 'GRAPH_KEYS', message, where, cure });
    }
  });
  return problems;
}

function keyDifference(a: readonly string[], b: readonly string[]): string | null {
  const inA = new Set(a);
  const inB = new Set(b);
  const onlyA = a.filter((key) => !inB.has(key));
  const onlyB = b.filter((key) => !inA.has(key));
  if (onlyA.length + onlyB.length === 0) return null;
  const list = (keys: string[]): string =>
    keys.length > 5 ? `${keys.slice(0, 5).join(', ')}, ...` : keys.join(', ');
  const parts: string[] = [];
  if (onlyA.length > 0) parts.push(`only the first has ${list(onlyA)}`);
  if (onlyB.length > 0) parts.push(`only the second has ${list(onlyB)}`);
  return parts.join('; ');
}

function checkEdges(
  item: TemplateNode,
  nodes: ReadonlyMap<string, TemplateNode>,
  problems: GraphProblem[],
): void {
  for (const [name, definition] of Object.entries(item.node.inputs)) {
    const where = `${item.id}.${name}`;
    const report = (message: string, cure: string): void => {
      problems.push({ code: 'GRAPH_EDGE', message: `input ${name} of ${item.id}: ${message}`, where, cure });
    };
    const input = item.inputs[name];
    if (input === undefined) {
      if (!mayBeAbsent(definition)) report('nothing is connected', `connect a ${describePort(definition)}`);
      continue;
    }
    checkInput(input, definition, nodes, report);
  }
}

function mayBeAbsent(definition: Port): boolean {
  if (definition.kind === 'optional') return true;
  return definition.kind === 'value' && definition.schema.safeParse(undefined).success;
}

type Report = (message: string, cure: string) => void;

function checkInput(
  input: TemplateInput,
  definition: Port,
  nodes: ReadonlyMap<string, TemplateNode>,
  report: Report,
): void {
  const required = definition.kind === 'optional' ? definition.of : definition;
  switch (input.kind) {
    case 'output':
    case 'join':
    case 'dropped': {
      const from = offered(input, nodes, report);
      const wrong = from === null ? null : whyNotFit(from, definition);
      if (wrong !== null) report(wrong, 'connect an output of the same kind');
      return;
    }
    case 'items':
      for (const item of input.items) checkInput(item, definition, nodes, report);
      return;
    case 'external':
      if (required.kind !== 'file')
        report(`a file cannot go into ${describePort(definition)}`, 'pass a value');
      return;
    case 'list':
      if (required.kind === 'list') {
        for (const item of input.items) checkInput(item, required.of, nodes, report);
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
  input: Extract<TemplateInput, { kind: 'output' | 'join' | 'dropped' }>,
  nodes: ReadonlyMap<string, TemplateNode>,
  report: Report,
): Port | null {
  const source = nodes.get(input.node) as TemplateNode;
  if (input.kind !== 'output' && !source.mapped) {
    report(`${input.node} is not mapped, so there is nothing to join`, 'connect its output itself');
    return null;
  }
  if (input.kind === 'dropped') return DROPPED_PORT;
  if (!Object.hasOwn(source.node.outputs, input.port)) {
    const known = Object.keys(source.node.outputs).join(', ') || 'none';
    report(`${input.node} has no output '${input.port}'`, `outputs of ${source.node.name}: ${known}`);
    return null;
  }
  const from = source.node.outputs[input.port] as Port;
  if (input.kind === 'output') return from;
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
