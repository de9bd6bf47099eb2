/** What happened in a run, read from `logs/<run-id>/`: the report of an old run is the report of a new one. */
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { RunEvent, RunReason } from '../engine/events.js';
import { readRunDocument, type RunDocument } from '../engine/run-document.js';
import type { DrawnGraph } from '../engine/template-graph.js';
import { instanceParts } from '../engine/result-files.js';
import { ConfigError } from '../errors.js';

/** `parameters.json`: one value of the configuration. */
export interface ShownParameter {
  readonly key: string;
  readonly value: unknown;
  readonly isDefault: boolean;
  readonly origin: string;
}

/** `environment.json`: on what the run ran. */
export interface RunEnvironment {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly threads: number;
  readonly memory_gb: number;
  readonly packages: Readonly<Record<string, string>>;
}

export type InstanceState =
  'executed' | 'reused' | 'skipped' | 'failed' | 'not-started' | 'cancelled' | 'adopted' | 'unfinished';

export interface InstanceFacts {
  readonly id: string;
  readonly node: string;
  readonly item: string | null;
  state: InstanceState;
  /** Why it ran; null where it did not. */
  reason: RunReason | null;
  /** Of the node itself, ms; null where it did not end. */
  ms: number | null;
  peakMb: number | null;
  attempts: number;
  /** Why it was skipped or not started. */
  because: string | null;
}

/** One attempt; ms since the run began. */
export interface AttemptFacts {
  readonly id: string;
  readonly startMs: number;
  endMs: number;
  state: 'done' | 'skipped' | 'failed' | 'cancelled' | 'unfinished';
}

export type FailedEvent = Extract<RunEvent, { type: 'node-failed' }>;
export type PublishedEvent = Extract<RunEvent, { type: 'published' }>;

export interface RunFacts {
  readonly directory: string;
  readonly outputDir: string;
  readonly document: RunDocument;
  /** How it ended, also where the process did not live to say it. */
  readonly status: RunDocument['status'] | 'interrupted';
  readonly ms: number;
  readonly instances: ReadonlyMap<string, InstanceFacts>;
  readonly attempts: readonly AttemptFacts[];
  readonly failures: readonly FailedEvent[];
  readonly retried: readonly Extract<RunEvent, { type: 'node-retried' }>[];
  readonly published: readonly PublishedEvent[];
  readonly pruned: readonly string[];
  readonly warnings: readonly {
    readonly code: string;
    readonly message: string;
    readonly cure: string | null;
  }[];
  readonly workers: number;
  readonly parameters: readonly ShownParameter[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly graph: DrawnGraph | null;
  readonly environment: RunEnvironment | null;
  /** Files of the log that are there. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

const LOG_FILES = ['run.json', 'config.json', 'events.jsonl', 'log.jsonl', 'prov.json', 'trace.json'];
/** Of what nodes warned, kept for the page. */
const MOST_WARNINGS = 500;

/**
 * Reads the log of a run.
 *
 * @throws ConfigError USAGE when it is no log of a run
 */
export async function readRunFacts(outputDir: string, runId: string): Promise<RunFacts> {
  const directory = join(outputDir, 'logs', runId);
  const document = readRunDocument(directory);
  if (document === null) {
    throw new ConfigError('USAGE', `${directory} holds no readable run.json`, {
      where: directory,
      cure: 'name a run that `pipeline runs` lists',
    });
  }
  const reader = new EventReader();
  await eachEvent(join(directory, 'events.jsonl'), (event, time) => reader.read(event, time));
  const { lastMs, finished, ...found } = reader.end();
  const isOpen = document.status === 'running';
  return {
    directory,
    outputDir,
    document,
    status: finished?.status ?? (isOpen ? 'interrupted' : document.status),
    ms: finished?.ms ?? lastMs,
    ...found,
    parameters: readJson<ShownParameter[]>(join(directory, 'parameters.json')) ?? [],
    config: readJson<Record<string, unknown>>(join(directory, 'config.json')) ?? {},
    graph: readJson<DrawnGraph>(join(directory, 'graph.json')),
    environment: readJson<RunEnvironment>(join(directory, 'environment.json')),
    files: LOG_FILES.map((name) => ({ name, path: join(directory, name) }))
      .filter(({ path }) => existsSync(path))
      .map(({ name, path }) => ({ name, bytes: statSync(path).size })),
  };
}

function readJson<T>(path: string): T | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : null;
}

async function eachEvent(path: string, read: (event: RunEvent, timeMs: number) => void): Promise<void> {
  if (!existsSync(path)) return;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    // A killed run may have left half a line at the end.
    if (!line.endsWith('}')) continue;
    const { time, ...event } = JSON.parse(line) as RunEvent & { time: string };
    read(event as RunEvent, Date.parse(time));
  }
}

class EventReader {
  readonly #instances = new Map<string, InstanceFacts>();
  readonly #attempts: AttemptFacts[] = [];
  readonly #open = new Map<string, AttemptFacts>();
  readonly #failures: FailedEvent[] = [];
  readonly #retried: Extract<RunEvent, { type: 'node-retried' }>[] = [];
  readonly #published: PublishedEvent[] = [];
  readonly #pruned: string[] = [];
  readonly #warnings: { code: string; message: string; cure: string | null }[] = [];
  #workers = 0;
  #beganMs = Number.NaN;
  #lastMs = 0;
  #finished: Extract<RunEvent, { type: 'run-finished' }> | null = null;

  read(event: RunEvent, timeMs: number): void {
    if (Number.isNaN(this.#beganMs)) this.#beganMs = timeMs;
    const now = timeMs - this.#beganMs;
    this.#lastMs = Math.max(this.#lastMs, now);
    switch (event.type) {
      case 'run-started':
        this.#workers = event.jobs;
        return;
      case 'nodes-reused':
        for (const id of event.ids) this.#instance(id).state = 'reused';
        return;
      case 'node-adopted':
        this.#instance(event.id).state = 'adopted';
        return;
      case 'node-started': {
        this.#end(event.id, 'failed', now);
        const attempt: AttemptFacts = { id: event.id, startMs: now, endMs: now, state: 'unfinished' };
        this.#attempts.push(attempt);
        this.#open.set(event.id, attempt);
        Object.assign(this.#instance(event.id), { state: 'unfinished', reason: event.reason });
        return;
      }
      case 'node-done': {
        const { ms, peakMb, attempts } = event;
        Object.assign(this.#instance(event.id), { state: 'executed', ms, peakMb, attempts });
        this.#end(event.id, 'done', now);
        return;
      }
      case 'node-skipped':
        Object.assign(this.#instance(event.id), { state: 'skipped', because: event.reason });
        this.#end(event.id, 'skipped', now);
        return;
      case 'node-failed': {
        const { ms, attempts } = event;
        Object.assign(this.#instance(event.id), { state: 'failed', ms, attempts });
        this.#failures.push(event);
        this.#end(event.id, 'failed', now);
        return;
      }
      case 'node-retried':
        this.#retried.push(event);
        return;
      case 'node-not-started':
        Object.assign(this.#instance(event.id), { state: 'not-started', because: event.because });
        return;
      case 'node-cancelled':
        this.#instance(event.id).state = 'cancelled';
        this.#end(event.id, 'cancelled', now);
        return;
      case 'published':
        this.#published.push(event);
        return;
      case 'pruned':
        this.#pruned.push(event.path);
        return;
      case 'warning':
        this.#warn(event.code, event.message, event.cure);
        return;
      case 'node-log':
        this.#warn(event.id, event.message, null);
        return;
      case 'run-finished':
        this.#finished = event;
        return;
      default:
        return;
    }
  }

  end() {
    for (const attempt of this.#open.values()) attempt.endMs = this.#lastMs;
    return {
      instances: this.#instances,
      attempts: this.#attempts,
      failures: this.#failures,
      retried: this.#retried,
      published: this.#published,
      pruned: this.#pruned,
      warnings: this.#warnings,
      workers: this.#workers,
      lastMs: this.#lastMs,
      finished: this.#finished,
    };
  }

  #warn(code: string, message: string, cure: string | null): void {
    if (this.#warnings.length < MOST_WARNINGS) this.#warnings.push({ code, message, cure });
  }

  #instance(id: string): InstanceFacts {
    let known = this.#instances.get(id);
    if (known === undefined) {
      const nothing = { reason: null, ms: null, peakMb: null, attempts: 0, because: null };
      known = { id, ...instanceParts(id), state: 'unfinished', ...nothing };
      this.#instances.set(id, known);
    }
    return known;
  }

  #end(id: string, state: AttemptFacts['state'], now: number): void {
    const attempt = this.#open.get(id);
    if (attempt === undefined) return;
    this.#open.delete(id);
    attempt.endMs = now;
    attempt.state = state;
  }
}
