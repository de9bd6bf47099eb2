/** Who waits for whom among instances, as compressed rows; grows at the end. */
import type { Binding, Instance } from './graph.js';

/** Neighbours of instance i: `targets[offsets[i]] .. targets[offsets[i + 1] - 1]`, each once. */
export interface Adjacency {
  readonly offsets: Int32Array;
  readonly targets: Int32Array;
}

export const NO_EDGES: Adjacency = { offsets: new Int32Array(1), targets: new Int32Array(0) };

/** Edges to what instances depend on; rows that are known already are copied. */
export function dependenciesOf(instances: readonly Instance[], known: Adjacency = NO_EDGES): Adjacency {
  const from = known.offsets.length - 1;
  const offsets = new Int32Array(instances.length + 1);
  offsets.set(known.offsets);
  let length = known.targets.length;
  let targets = new Int32Array(Math.max(16, length + (instances.length - from) * 2));
  targets.set(known.targets);
  // `seen[j] === i + 1` says that edge i -> j is there already.
  const seen = new Int32Array(instances.length);
  const add = (source: number, to: number): void => {
    if (seen[to] === source + 1) return;
    seen[to] = source + 1;
    if (length === targets.length) {
      const larger = new Int32Array(targets.length * 2);
      larger.set(targets);
      targets = larger;
    }
    targets[length] = to;
    length += 1;
  };
  for (let i = from; i < instances.length; i += 1) {
    const { inputs, conditions } = instances[i] as Instance;
    for (const name in inputs) eachSource(inputs[name] as Binding, (to) => add(i, to));
    for (const condition of conditions) eachSource(condition, (to) => add(i, to));
    offsets[i + 1] = length;
  }
  return { offsets, targets: targets.slice(0, length) };
}

/** Every instance that a binding takes something from. */
export function eachSource(binding: Binding, visit: (instance: number) => void): void {
  switch (binding.kind) {
    case 'output':
    case 'element':
      visit(binding.instance);
      return;
    case 'join':
    case 'dropped':
      for (const member of binding.members) visit(member);
      return;
    case 'list':
      for (const item of binding.items) eachSource(item, visit);
      return;
    case 'value':
    case 'external':
  }
}

/** The same edges from the other end. */
export function reversed({ offsets, targets }: Adjacency): Adjacency {
  const count = offsets.length - 1;
  const back = new Int32Array(count + 1);
  for (const to of targets) back[to + 1] = (back[to + 1] as number) + 1;
  for (let i = 0; i < count; i += 1) back[i + 1] = (back[i + 1] as number) + (back[i] as number);
  const next = back.slice(0, count);
  const sources = new Int32Array(targets.length);
  for (let from = 0; from < count; from += 1) {
    for (let e = offsets[from] as number; e < (offsets[from + 1] as number); e += 1) {
      const to = targets[e] as number;
      sources[next[to] as number] = from;
      next[to] = (next[to] as number) + 1;
    }
  }
  return { offsets: back, targets: sources };
}
