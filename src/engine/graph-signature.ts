/** A digest of everything that the keys of a graph follow from, made without making the keys. */
import { createHash } from 'node:crypto';
import { ByteWriter } from './byte-writer.js';
import { canonicalDigest } from './canonical.js';
import type { KeyMaker } from './fingerprint.js';
import type { Binding, CompiledGraph } from './graph.js';
import type { NodeDefinition } from './node.js';

const TAG: Readonly<Record<Binding['kind'] | 'absent', number>> = {
  absent: 0,
  value: 1,
  external: 2,
  output: 3,
  element: 4,
  join: 5,
  dropped: 6,
  list: 7,
};

/** Bytes that are gathered before they are hashed. */
const CHUNK_BYTES = 65_536;
/** For a join that is content with any number of members. */
const NO_MINIMUM = 0xffffffff;

/**
 * Two graphs of one signature have the same instances, and all their keys are the same as long as their results are:
 * ids, nodes (name, version, code, tools, environment, seed), literals, files by content, and who takes what from whom.
 *
 * @param fileDigest - of a file outside the graph, by its path as written; null when it is not known
 * @returns null when a file is not known, or when the graph still grows
 */
export function graphSignature(
  graph: CompiledGraph,
  keys: KeyMaker,
  fileDigest: (path: string) => string | null,
): string | null {
  if (graph.deferred.length > 0 || graph.expansions.length > 0 || graph.refused.size > 0) return null;
  const writer = new SignatureWriter(keys, fileDigest);
  for (const { id, node, inputs, conditions } of graph.instances) {
    writer.text(id);
    for (const port of writer.node(node)) writer.binding(inputs[port] as Binding);
    writer.count(conditions.length);
    for (const condition of conditions) writer.binding(condition);
    if (!writer.isKnown) return null;
  }
  return writer.digest();
}

class SignatureWriter {
  readonly #hash = createHash('sha256');
  readonly #writer = new ByteWriter();
  readonly #keys: KeyMaker;
  readonly #fileDigest: (path: string) => string | null;
  readonly #nodes = new Map<NodeDefinition, number>();
  readonly #labels = new WeakMap<readonly string[], string>();
  isKnown = true;

  constructor(keys: KeyMaker, fileDigest: (path: string) => string | null) {
    this.#keys = keys;
    this.#fileDigest = fileDigest;
  }

  /** @returns the ports that are part of keys */
  node(node: NodeDefinition): readonly string[] {
    const { digest, ports } = this.#keys.common(node);
    let number = this.#nodes.get(node);
    if (number === undefined) {
      number = this.#nodes.size;
      this.#nodes.set(node, number);
      this.text(digest);
      this.text(node.deterministic ? 'by content' : 'by key');
    }
    this.count(number);
    return ports;
  }

  binding(binding: Binding): void {
    const writer = this.#writer;
    if (binding.kind === 'value' && binding.parsed === undefined) {
      writer.byte(TAG.absent);
      return;
    }
    writer.byte(TAG[binding.kind]);
    switch (binding.kind) {
      case 'value':
        this.text(this.#keys.literal(binding).digest);
        return;
      case 'external': {
        const digest = this.#fileDigest(binding.path);
        if (digest === null) this.isKnown = false;
        else this.text(digest);
        return;
      }
      case 'output':
        this.count(binding.instance);
        this.text(binding.port);
        writer.byte(binding.orNull === true ? 1 : 0);
        return;
      case 'element':
        this.count(binding.instance);
        this.text(binding.port);
        this.count(binding.at);
        return;
      case 'join':
        this.text(binding.port);
        this.count(binding.minItems ?? NO_MINIMUM);
        this.#members(binding);
        return;
      case 'dropped':
        this.#members(binding);
        return;
      case 'list':
        this.count(binding.items.length);
        for (const item of binding.items) this.binding(item);
    }
  }

  text(text: string): void {
    if (!this.#writer.text(text)) this.isKnown = false;
    if (this.#writer.length < CHUNK_BYTES) return;
    this.#hash.update(this.#writer.bytes());
    this.#writer.clear();
  }

  count(value: number): void {
    this.#writer.count(value);
  }

  digest(): string {
    return this.#hash.update(this.#writer.bytes()).digest('hex');
  }

  #members({ members, keys }: { readonly members: Int32Array; readonly keys: readonly string[] }): void {
    let labels = this.#labels.get(keys);
    if (labels === undefined) {
      labels = canonicalDigest([...keys]);
      this.#labels.set(keys, labels);
    }
    this.text(labels);
    this.count(members.length);
    this.#writer.raw(new Uint8Array(members.buffer, members.byteOffset, members.byteLength));
  }
}
