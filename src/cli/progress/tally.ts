import type { RunView } from '../../engine/run-view.js';

/** A node of the workflow with what has become of its instances. */
export interface ShownNode {
  readonly id: string;
  readonly total: number;
  readonly ended: number;
  readonly failed: number;
}

interface Group {
  readonly label: string;
  total: number;
  ended: number;
  failed: number;
}

/** `sub-01` of `sub-01__ses-2` or `sub-01_hemi-L`, `101` of `101`. */
const PARTICIPANT = /^(?:sub-[A-Za-z0-9]+|[0-9]+)(?=_|$)/;

/** Counts by node and by participant. Names are read once; counting again is a pass over numbers. */
export class Tally {
  readonly #nodes: Group[] = [];
  readonly #participants: Group[] = [];
  readonly #nodeOf: number[] = [];
  /** -1: it belongs to no item. */
  readonly #participantOf: number[] = [];
  readonly #places = { nodes: new Map<string, number>(), participants: new Map<string, number>() };
  #word = 'participant';

  constructor(readonly view: RunView) {}

  count(): void {
    this.#grow();
    for (const group of [...this.#nodes, ...this.#participants])
      Object.assign(group, { ended: 0, failed: 0 });
    for (let index = 0; index < this.#nodeOf.length; index++) {
      const end = this.view.ended(index);
      if (end === undefined) continue;
      const participant = this.#participantOf[index] as number;
      const groups = [this.#nodes[this.#nodeOf[index] as number], this.#participants[participant]];
      for (const group of groups) {
        if (group === undefined) continue;
        group.ended++;
        if (end === 'failed') group.failed++;
      }
    }
  }

  get nodes(): readonly ShownNode[] {
    return this.#nodes.map(({ label: id, total, ended, failed }) => ({ id, total, ended, failed }));
  }

  /** `word`: what they are, which are participants where every item belongs to one. */
  get participants(): {
    readonly word: string;
    readonly labels: readonly string[];
    readonly ended: number;
    readonly failed: readonly string[];
  } {
    const all = this.#participants;
    return {
      word: this.#word,
      labels: all.map(({ label }) => label),
      ended: all.filter(({ ended, total }) => ended === total).length,
      failed: all.filter(({ failed }) => failed > 0).map(({ label }) => label),
    };
  }

  /** The participant that an instance is about. */
  labelOf(index: number): string | null {
    return this.#participants[this.#participantOf[index] ?? -1]?.label ?? null;
  }

  /** What came into the graph since the last time. */
  #grow(): void {
    const { instances } = this.view.graph;
    for (let index = this.#nodeOf.length; index < instances.length; index++) {
      const { nodeId, itemKey } = instances[index] as (typeof instances)[number];
      this.#nodeOf.push(place(this.#nodes, this.#places.nodes, nodeId));
      if (itemKey === null) {
        this.#participantOf.push(-1);
        continue;
      }
      const label = PARTICIPANT.exec(itemKey)?.[0];
      if (label === undefined) this.#word = 'item';
      this.#participantOf.push(place(this.#participants, this.#places.participants, label ?? itemKey));
    }
  }
}

function place(groups: Group[], places: Map<string, number>, label: string): number {
  let at = places.get(label);
  if (at === undefined) {
    at = groups.push({ label, total: 0, ended: 0, failed: 0 }) - 1;
    places.set(label, at);
  }
  (groups[at] as Group).total++;
  return at;
}
