/** The way back from a file to what it was made of, through the `prov.json` of the runs of an output directory. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { StorageError } from '../errors.js';
import { fileEntity } from './provenance.js';
import { PROVENANCE_FILE } from './run-records.js';
import { storageError } from './storage-error.js';

const Attributes = z.record(z.string(), z.unknown());
const RelationSchema = z.object({
  'prov:activity': z.string(),
  'prov:entity': z.string(),
  'prov:role': z.string(),
  'nl:key': z.string().optional(),
});
const DocumentSchema = z.object({
  prefix: z.record(z.string(), z.string()),
  agent: z.record(z.string(), Attributes),
  activity: z.record(z.string(), Attributes),
  entity: z.record(z.string(), Attributes),
  used: z.record(z.string(), RelationSchema),
  wasGeneratedBy: z.record(z.string(), RelationSchema),
  wasAssociatedWith: z.record(
    z.string(),
    z.object({ 'prov:activity': z.string(), 'prov:agent': z.string() }),
  ),
});

type Document = z.infer<typeof DocumentSchema>;
type Relation = z.infer<typeof RelationSchema>;

/** A step of the way back: an activity, what it made of the way, and what it used. */
export interface OriginStep {
  readonly runId: string;
  readonly activity: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Entities that later steps (or the question) took from it. */
  readonly made: readonly string[];
  readonly used: readonly OriginUse[];
}

export interface OriginUse {
  readonly role: string;
  readonly entity: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Whether a step of this way made it; false for what came from outside. */
  readonly isMade: boolean;
}

/** Steps from the last activity back to the first ones; each activity once. */
export interface Origin {
  readonly entity: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly steps: readonly OriginStep[];
  /** The documents that the way went through, restricted to it: W3C PROV again. */
  readonly document: object;
}

/**
 * Where a content comes from.
 *
 * @param digest - SHA-256 of the content, 64 hex digits
 * @returns null when no run of the output directory knows it
 * @throws StorageError FILE_FORMAT when a `prov.json` is not what a run writes; IO when it cannot be read
 */
export function findOrigin(outputDir: string, digest: string): Origin | null {
  const records = new Records(outputDir);
  const entity = fileEntity(digest);
  const found = records.maker(entity, null);
  if (found === null) {
    const attributes = records.entity(entity);
    return attributes === null
      ? null
      : { entity, attributes, steps: [], document: emptyDocument(entity, attributes) };
  }
  const walk = new Walk(records);
  walk.follow(entity, found);
  return { entity, attributes: records.entity(entity) ?? {}, steps: walk.steps(), document: walk.document() };
}

/** An activity and the document that it stands in. */
interface Maker {
  readonly runId: string;
  readonly document: Indexed;
  readonly activity: string;
}

/** A document with its relations by what they are looked for. */
interface Indexed {
  readonly runId: string;
  readonly all: Document;
  readonly madeBy: ReadonlyMap<string, readonly string[]>;
  readonly usedBy: ReadonlyMap<string, readonly Relation[]>;
}

/** The documents of an output directory, the newest first, read when they are needed. */
class Records {
  readonly #outputDir: string;
  readonly #unread: string[];
  readonly #read: Indexed[] = [];

  constructor(outputDir: string) {
    this.#outputDir = outputDir;
    const logs = join(outputDir, 'logs');
    this.#unread = existsSync(logs) ? readdirSync(logs).sort() : [];
  }

  /** The activity that made an entity: the one of a key when that is known, else the newest. */
  maker(entity: string, key: string | null): Maker | null {
    return this.#first((document) => {
      const makers = document.madeBy.get(entity) ?? [];
      const activity =
        key === null ? makers[0] : makers.find((one) => document.all.activity[one]?.['nl:key'] === key);
      return activity === undefined ? null : { runId: document.runId, document, activity };
    });
  }

  entity(id: string): Readonly<Record<string, unknown>> | null {
    return this.#first((document) => document.all.entity[id] ?? null);
  }

  #first<T>(find: (document: Indexed) => T | null): T | null {
    for (const document of this.#documents()) {
      const found = find(document);
      if (found !== null) return found;
    }
    return null;
  }

  *#documents(): Generator<Indexed> {
    yield* this.#read;
    for (let runId = this.#unread.pop(); runId !== undefined; runId = this.#unread.pop()) {
      const path = join(this.#outputDir, 'logs', runId, PROVENANCE_FILE);
      if (!existsSync(path)) continue;
      const document = indexed(runId, readDocument(path));
      this.#read.push(document);
      yield document;
    }
  }
}

/** Collects the activities behind an entity. Iterative: a chain may be as long as the graph. */
class Walk {
  readonly #records: Records;
  readonly #found = new Map<string, { readonly maker: Maker; readonly made: Set<string> }>();
  readonly #made = new Set<string>();

  constructor(records: Records) {
    this.#records = records;
  }

  follow(entity: string, maker: Maker): void {
    const open = [{ entity, maker }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      this.#made.add(next.entity);
      const known = this.#found.get(next.maker.activity);
      if (known !== undefined) {
        known.made.add(next.entity);
        continue;
      }
      this.#found.set(next.maker.activity, { maker: next.maker, made: new Set([next.entity]) });
      for (const use of next.maker.document.usedBy.get(next.maker.activity) ?? []) {
        const key = use['nl:key'];
        if (key === undefined) continue;
        const source = this.#records.maker(use['prov:entity'], key);
        if (source !== null) open.push({ entity: use['prov:entity'], maker: source });
      }
    }
  }

  steps(): OriginStep[] {
    return [...this.#found].map(([activity, { maker, made }]) => ({
      runId: maker.runId,
      activity,
      attributes: maker.document.all.activity[activity] ?? {},
      made: [...made],
      used: (maker.document.usedBy.get(activity) ?? []).map((use) => ({
        role: use['prov:role'],
        entity: use['prov:entity'],
        attributes: maker.document.all.entity[use['prov:entity']] ?? {},
        isMade: this.#made.has(use['prov:entity']),
      })),
    }));
  }

  document(): object {
    const activity: Record<string, unknown> = {};
    const entity: Record<string, unknown> = {};
    const agent: Record<string, unknown> = {};
    const used: Record<string, unknown> = {};
    const wasGeneratedBy: Record<string, unknown> = {};
    const wasAssociatedWith: Record<string, unknown> = {};
    let prefix: Readonly<Record<string, string>> = {};
    let number = 0;
    for (const [id, { maker, made }] of this.#found) {
      const { all, usedBy } = maker.document;
      ({ prefix } = all);
      Object.assign(agent, all.agent);
      activity[id] = all.activity[id];
      for (const use of usedBy.get(id) ?? []) {
        entity[use['prov:entity']] = all.entity[use['prov:entity']];
        used[`_:u${(number += 1)}`] = use;
      }
      for (const one of made) {
        entity[one] ??= all.entity[one];
        wasGeneratedBy[`_:g${(number += 1)}`] = { 'prov:entity': one, 'prov:activity': id };
      }
      wasAssociatedWith[`_:a${(number += 1)}`] = { 'prov:activity': id, 'prov:agent': 'software:neuroloom' };
    }
    return { prefix, agent, activity, entity, used, wasGeneratedBy, wasAssociatedWith };
  }
}

function emptyDocument(entity: string, attributes: object): object {
  return { entity: { [entity]: attributes } };
}

function readDocument(path: string): Document {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw storageError(cause, path);
  }
  const refuse = (problem: string, cause?: unknown): StorageError =>
    new StorageError('FILE_FORMAT', `the provenance of a run is not what a run writes: ${problem}`, {
      where: path,
      cure: 'delete the file, or restore it from a backup; other runs keep their own',
      cause,
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw refuse('it is not JSON', cause);
  }
  const parsed = DocumentSchema.safeParse(json);
  if (!parsed.success) throw refuse(z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}

function indexed(runId: string, all: Document): Indexed {
  const madeBy = new Map<string, string[]>();
  const usedBy = new Map<string, Relation[]>();
  for (const made of Object.values(all.wasGeneratedBy))
    push(madeBy, made['prov:entity'], made['prov:activity']);
  for (const use of Object.values(all.used)) push(usedBy, use['prov:activity'], use);
  return { runId, all, madeBy, usedBy };
}

function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [item]);
  else known.push(item);
}
