import path from 'node:path';
import type { FileFacts, KeyComponent, OutputRecord, StoredResult } from './cache-store.js';
import { canonicalDigest } from './canonical.js';
import type { Binding, Instance } from './graph.js';
import { KeyBytes } from './key-bytes.js';
import type { NodeDefinition } from './node.js';

/** What a key takes from one input: never a path, always content. */
export interface InputDigest {
  readonly digest: string;
  /** For people, at most 200 characters. */
  readonly brief: string;
}

/** How a planner answers questions about what an instance depends on. */
export interface KeySources {
  /** An output of an instance that has a result; see {@link outputDigest}. */
  output(instance: number, port: string): InputDigest;
  /** One element of an output that is a list; see {@link elementDigest}. */
  element(instance: number, port: string, at: number): InputDigest;
  file(path: string): FileFacts;
  /** Why an instance has no result (skipped or failed), or null when it has one. */
  missing(instance: number): string | null;
}

export interface KeyOptions {
  readonly seed: number;
  /** Closure digest of a node's module, null for built-in nodes; see `codeDigests`. */
  readonly code: (node: NodeDefinition) => string | null;
  /** Value of an environment variable that the node declares, null when unset. */
  readonly env: (name: string) => string | null;
  /** Version text of a tool that the node declares. */
  readonly tool: (name: string) => string;
}

export interface Fingerprint {
  /** 64 hex digits. */
  readonly key: string;
  /** Put together when they are first asked for: a node that is reused needs none of them. */
  readonly components: readonly KeyComponent[];
  /** JSON of the parameters that their components are too short for, by digest; made with the components. */
  readonly literals: ReadonlyMap<string, string>;
}

/** A parameter. */
interface Literal extends InputDigest {
  /** Its JSON where `brief` does not hold it whole; null otherwise. */
  readonly json: string | null;
}

/** Takes the parts of a key in their order. */
interface PartTaker {
  part(kind: KeyComponent['kind'], name: string, item: InputDigest): void;
}

/** What the keys of all instances of a node have in common, and the ports that the rest comes from. */
interface FixedParts {
  /** Of `before` and `after`. */
  readonly digest: string;
  readonly before: readonly KeyComponent[];
  readonly ports: readonly string[];
  readonly after: readonly KeyComponent[];
}

/** Joins up to this size have one component per member, so that an explanation can name the one that changed. */
const NAMED_MEMBERS = 64;
const BRIEF_LENGTH = 200;
const NO_LITERALS: ReadonlyMap<string, string> = new Map();

/**
 * Keys of instances (spec/engine.md 6.4): node name, version, code, inputs by content, parameters, tools,
 * environment, seed. Not in it: paths, host, time, resources, participant label.
 *
 * Digests of literals are remembered by binding, and bindings are shared between instances, so keep one maker for
 * a whole plan.
 */
export class KeyMaker {
  readonly #options: KeyOptions;
  readonly #literals = new WeakMap<Binding, Literal>();
  readonly #fixed = new Map<NodeDefinition, FixedParts>();

  constructor(options: KeyOptions) {
    this.#options = options;
  }

  /** @throws ConfigError CANONICAL when a parsed parameter has no canonical form */
  fingerprint(instance: Instance, sources: KeySources): Fingerprint {
    const bytes = KEY_BYTES.begin();
    this.#eachPart(instance, sources, bytes);
    let components: readonly KeyComponent[] | null = null;
    const list = (): KeyComponent[] => {
      const parts: KeyComponent[] = [];
      this.#eachPart(instance, sources, {
        part: (kind, name, { digest, brief }) => parts.push({ kind, name, digest, brief }),
      });
      return parts;
    };
    const literalsOf = (): ReadonlyMap<string, string> => this.#longLiterals(instance);
    return {
      key: bytes.digest(),
      get components() {
        return (components ??= list());
      },
      get literals() {
        return literalsOf();
      },
    };
  }

  #longLiterals({ node, inputs }: Instance): ReadonlyMap<string, string> {
    let long: Map<string, string> | null = null;
    for (const name of this.#fixedParts(node).ports) {
      const binding = inputs[name];
      if (binding?.kind !== 'value' || binding.parsed === undefined) continue;
      const { digest, json } = this.literal(binding);
      if (json !== null) (long ??= new Map<string, string>()).set(digest, json);
    }
    return long ?? NO_LITERALS;
  }

  /** What the keys of all instances of a node have in common: one digest, and the ports that the rest comes from. */
  common(node: NodeDefinition): { readonly digest: string; readonly ports: readonly string[] } {
    return this.#fixedParts(node);
  }

  #eachPart(instance: Instance, sources: KeySources, to: PartTaker): void {
    const { before, ports, after } = this.#fixedParts(instance.node);
    for (const item of before) to.part(item.kind, item.name, item);
    for (const name of ports) this.#addInput(to, name, instance.inputs[name] as Binding, sources);
    for (const item of after) to.part(item.kind, item.name, item);
  }

  #fixedParts(node: NodeDefinition): FixedParts {
    let fixed = this.#fixed.get(node);
    if (fixed === undefined) {
      const { code, env, tool, seed } = this.#options;
      const before = [component('node', 'node', node.name), component('version', 'version', node.version)];
      const closure = code(node);
      if (closure !== null)
        before.push({ kind: 'code', name: 'code', digest: closure, brief: shortDigest(closure) });
      const after = [
        ...node.tools.map(({ name }) => component('tool', name, tool(name))),
        ...[...node.env].sort().map((name) => component('env', name, env(name))),
        ...node.containers.map(({ name, sha256 }) => component('container', name, sha256)),
        component('seed', 'seed', seed),
      ];
      const ports = Object.keys(node.inputs).filter((name) => !node.steering.includes(name));
      fixed = { digest: keyOf([...before, ...after]), before, ports: ports.sort(), after };
      this.#fixed.set(node, fixed);
    }
    return fixed;
  }

  #addInput(to: PartTaker, name: string, binding: Binding, sources: KeySources): void {
    if (binding.kind === 'value') {
      // An absent value is left out, like an undefined field.
      if (binding.parsed !== undefined) to.part('params', name, this.literal(binding));
      return;
    }
    if (binding.kind === 'join') {
      this.#addJoin(to, name, binding, sources);
      return;
    }
    if (binding.kind === 'list' && binding.items.length <= NAMED_MEMBERS) {
      binding.items.forEach((item, i) => {
        to.part('input', `${name}[${i}]`, this.#digest(item, sources));
      });
      to.part('input', `${name}.length`, valueDigest(binding.items.length));
      return;
    }
    to.part('input', name, this.#digest(binding, sources));
  }

  /** Members by position, not by label; the labels of dropped members as a component of their own. */
  #addJoin(
    to: PartTaker,
    name: string,
    binding: Extract<Binding, { kind: 'join' }>,
    sources: KeySources,
  ): void {
    const dropped: string[] = [];
    const present: InputDigest[] = [];
    binding.members.forEach((member, i) => {
      const key = binding.keys[i] as string;
      if (sources.missing(member) !== null) {
        dropped.push(key);
        return;
      }
      const item = sources.output(member, binding.port);
      present.push({
        digest: item.digest,
        get brief() {
          return `${key}: ${item.brief}`.slice(0, BRIEF_LENGTH);
        },
      });
    });
    if (present.length <= NAMED_MEMBERS) {
      present.forEach((item, i) => {
        to.part('input', `${name}[${i}]`, item);
      });
      to.part('input', `${name}.length`, valueDigest(present.length));
    } else {
      to.part('input', name, listDigest(present));
    }
    if (dropped.length > 0) to.part('input', `${name}.dropped`, valueDigest(dropped));
  }

  #digest(binding: Binding, sources: KeySources): InputDigest {
    switch (binding.kind) {
      case 'value':
        return this.literal(binding);
      case 'external':
        return fileDigestOf(sources.file(binding.path));
      case 'output':
        // What may be null is nothing when it was skipped.
        if (binding.orNull === true && sources.missing(binding.instance) !== null) return NOTHING;
        return sources.output(binding.instance, binding.port);
      case 'element':
        return sources.element(binding.instance, binding.port, binding.at);
      case 'list':
        return listDigest(binding.items.map((item) => this.#digest(item, sources)));
      case 'dropped': {
        const list: { key: string; reason: string }[] = [];
        binding.members.forEach((member, i) => {
          const reason = sources.missing(member);
          if (reason !== null) list.push({ key: binding.keys[i] as string, reason });
        });
        return valueDigest(list);
      }
      case 'join': {
        const present = [...binding.members].filter((member) => sources.missing(member) === null);
        return listDigest(present.map((member) => sources.output(member, binding.port)));
      }
    }
  }

  /** Digest of a literal, made once for each binding. */
  literal(binding: Extract<Binding, { kind: 'value' }>): Literal {
    let known = this.#literals.get(binding);
    if (known === undefined) {
      known = literalOf(binding.parsed);
      this.#literals.set(binding, known);
    }
    return known;
  }
}

/** Keys of instances are made one after another, and none while another one is made. */
const KEY_BYTES = new KeyBytes();
/** Keys of lists that exist already are also checked while the key of an instance is made. */
const CHECKED_BYTES = new KeyBytes();

const NOTHING: InputDigest = { digest: canonicalDigest(['null']), brief: 'none' };

/** Key of a list of components: their kinds, names and digests in order. Briefs are for people only. */
export function keyOf(components: readonly KeyComponent[]): string {
  const bytes = CHECKED_BYTES.begin();
  for (const item of components) bytes.part(item.kind, item.name, item);
  return bytes.digest();
}

export function valueDigest(value: unknown): InputDigest {
  return { digest: canonicalDigest(value), brief: briefOf(value) };
}

function literalOf(value: unknown): Literal {
  const { digest, brief } = valueDigest(value);
  const isCut = typeof value === 'object' && value !== null && brief.endsWith('...');
  return { digest, brief, json: isCut ? JSON.stringify(value) : null };
}

/**
 * What an output port contributes to the keys of those connected to it: content, so that a recomputation with the
 * same result stops there. Outputs of a node that is not deterministic count by the node's key instead.
 */
export function outputDigest(result: StoredResult, port: string, node: NodeDefinition): InputDigest {
  const record = result.outputs[port] ?? { kind: 'null' };
  const brief = recordBrief(record);
  if (!node.deterministic) return { digest: canonicalDigest(['by key', result.key, port]), brief };
  if (record.kind === 'value') return { digest: canonicalDigest(record.value), brief };
  return { digest: canonicalDigest(hashedRecord(record)), brief };
}

/** What one element of a list contributes: its content, wherever it stands in the list. */
export function elementDigest(
  result: StoredResult,
  port: string,
  at: number,
  node: NodeDefinition,
): InputDigest {
  const record = elementOf(result, port, at);
  const brief = recordBrief(record);
  if (!node.deterministic) return { digest: canonicalDigest(['by key', result.key, port, at]), brief };
  if (record.kind === 'value') return { digest: canonicalDigest(record.value), brief };
  return { digest: canonicalDigest(hashedRecord(record)), brief };
}

/** Element `at` of an output that is a list, or a value that is an array. */
export function elementOf(result: StoredResult, port: string, at: number): OutputRecord {
  const record = result.outputs[port] ?? { kind: 'null' };
  if (record.kind === 'list') return record.items[at] ?? { kind: 'null' };
  if (record.kind === 'value' && Array.isArray(record.value)) {
    return { kind: 'value', value: record.value[at] as unknown };
  }
  return { kind: 'null' };
}

/** Digest over all outputs of a node, kept with its result. */
export function outputsDigest(outputs: Readonly<Record<string, OutputRecord>>): string {
  return canonicalDigest(
    Object.fromEntries(Object.entries(outputs).map(([name, record]) => [name, hashedRecord(record)])),
  );
}

function hashedRecord(record: OutputRecord): unknown {
  switch (record.kind) {
    case 'value':
      return ['value', record.value];
    case 'file':
      return ['file', record.rel, record.digest];
    case 'list':
      return ['list', record.items.map(hashedRecord)];
    case 'null':
      return ['null'];
  }
}

function fileDigestOf(facts: FileFacts): InputDigest {
  const name = path.basename(facts.path);
  const what = facts.state === 'present' ? `${shortDigest(facts.digest)}, ${facts.bytes} bytes` : facts.state;
  return {
    digest: canonicalDigest(['file', facts.digest]),
    brief: `${name} (${what})`.slice(0, BRIEF_LENGTH),
  };
}

function listDigest(items: readonly InputDigest[]): InputDigest {
  const digest = canonicalDigest(['list', items.map((item) => item.digest)]);
  return { digest, brief: `${items.length} items (${shortDigest(digest)})` };
}

function recordBrief(record: OutputRecord): string {
  switch (record.kind) {
    case 'value':
      return briefOf(record.value);
    case 'file':
      return `${path.basename(record.rel)} (${shortDigest(record.digest)}, ${record.bytes} bytes)`.slice(
        0,
        BRIEF_LENGTH,
      );
    case 'list':
      return `${record.items.length} items (${shortDigest(canonicalDigest(hashedRecord(record)))})`;
    case 'null':
      return 'none';
  }
}

function component(kind: KeyComponent['kind'], name: string, value: unknown): KeyComponent {
  return { kind, name, ...valueDigest(value) };
}

function briefOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none');
  return text.length > BRIEF_LENGTH ? `${text.slice(0, BRIEF_LENGTH - 3)}...` : text;
}

function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
