/**
 * Decides when each instance is looked at and when it starts. Event-driven: an end decrements what its dependants
 * wait for; nothing is scanned and nothing polls. Cached instances pass in slices of time and take no slot.
 */
import { Dispatcher } from './dispatcher.js';
import type { CompiledGraph } from './graph.js';
import { ReadyQueue } from './ready-queue.js';
import type { ResourcePool } from './resource-pool.js';
import { STOP, type StopLevel, type StopSignal } from './stop-signal.js';

/**
 * What a failed node means for others: `keep-going` runs all that does not depend on it, `finish-running` starts no
 * more, `stop` ends the running ones too.
 */
export type FailureMode = 'keep-going' | 'finish-running' | 'stop';

/**
 * `settled`: the instance has come to an end. `run`: it needs a slot. `later`: ask again after this time. `parked`:
 * ask again when `released` names it.
 */
export type Decision =
  | { readonly kind: 'settled' }
  | { readonly kind: 'run' }
  | { readonly kind: 'parked' }
  | { readonly kind: 'later'; readonly afterMs: number };

/** What the scheduler drives. Everything that an instance is, means and costs is behind it. */
export interface SchedulerWork {
  /** Runs `look`, which looks at many instances in a row. */
  together(look: () => void): void;
  /** Looks at an instance whose dependencies have ended. */
  decide(index: number): Decision | Promise<Decision>;
  /**
   * Runs it; `later` when another run holds its key, `run` when it was given back and needs a slot again.
   *
   * @param batch - instances of one batch share a slot and run one after another
   */
  execute(index: number, batch: number | null): Promise<Decision>;
  /** How many instances like this one may share a slot. */
  batchSize(index: number): number;
  /** Ends running instances: by asking, or (`now`) by killing. */
  cancelAll(now: boolean): void;
  /** The instance can no longer run. */
  abandon(index: number, because: string): void;
  /** Whether the end of this instance made more instances known; null: those that will never be known otherwise. */
  unfold(index: number | null): boolean;
  /** Parked instances that can be looked at again now that this one has ended. */
  released(index: number): readonly number[];
  /** Whether the end of this instance stops the run in the modes that stop. */
  isFatal(index: number): boolean;
}

export interface SchedulerOptions {
  readonly graph: CompiledGraph;
  readonly work: SchedulerWork;
  readonly pool: ResourcePool;
  readonly failureMode: FailureMode;
  readonly stop: StopSignal;
}

/** The interface stays alive: after this long the loop gives way. */
const SLICE_MS = 5;
/** Inputs that are being hashed at a time; more only hold memory. */
const MAX_PENDING_DECISIONS = 64;

export class Scheduler {
  readonly #options: SchedulerOptions;
  #waitsFor = new Int32Array(0);
  #settled = new Uint8Array(0);
  readonly #queue: ReadyQueue;
  readonly #dispatcher: Dispatcher;
  /** Instances to look at, in order; read from `#nextToDecide`. */
  #toDecide: number[] = [];
  #nextToDecide = 0;
  #pendingDecisions = 0;
  readonly #delayed = new Set<NodeJS.Timeout>();
  /** Slots that are taken. */
  #running = 0;
  #batches = 0;
  #left = 0;
  #sliceAsked = false;
  #stopped: string | null = null;
  #finish: () => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;
  #error: { readonly error: unknown } | null = null;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { graph, pool } = options;
    const priority = longestPaths(graph);
    this.#queue = new ReadyQueue(priority);
    this.#dispatcher = new Dispatcher(this.#queue, pool, graph.instances, priority);
    this.#addInstances();
  }

  /**
   * Runs until every instance has come to an end.
   *
   * @throws what `work` throws, after all that was running has ended: an error of the engine, not of a node
   */
  async run(): Promise<void> {
    const { stop } = this.#options;
    const forget = stop.onRise((level) => {
      this.#guard(() => {
        this.#rise(level);
      });
    });
    try {
      await new Promise<void>((resolve, reject) => {
        this.#finish = resolve;
        this.#fail = reject;
        this.#guard(() => {
          this.#rise(stop.level);
          this.#slice();
        });
      });
    } finally {
      forget();
    }
  }

  #rise(level: StopLevel): void {
    if (level === STOP.none) return;
    this.#stopped ??= 'the run was cancelled';
    if (level >= STOP.cancel) this.#options.work.cancelAll(level >= STOP.kill);
    this.#slice();
  }

  #slice(): void {
    this.#options.work.together(() => {
      this.#decideForAWhile();
    });
    if (this.#nextToDecide > 4096 && this.#nextToDecide * 2 > this.#toDecide.length) {
      this.#toDecide = this.#toDecide.slice(this.#nextToDecide);
      this.#nextToDecide = 0;
    }
    this.#start();
    this.#checkEnd();
  }

  #decideForAWhile(): void {
    const until = performance.now() + SLICE_MS;
    while (this.#stopped === null && this.#nextToDecide < this.#toDecide.length) {
      if (this.#pendingDecisions >= MAX_PENDING_DECISIONS) return;
      this.#decide(this.#toDecide[this.#nextToDecide++] as number);
      if (performance.now() > until) {
        this.#askSlice();
        return;
      }
    }
  }

  #askSlice(): void {
    if (this.#sliceAsked) return;
    this.#sliceAsked = true;
    setImmediate(() => {
      this.#sliceAsked = false;
      this.#guard(() => {
        this.#slice();
      });
    });
  }

  #decide(index: number): void {
    const decision = this.#options.work.decide(index);
    if (!(decision instanceof Promise)) {
      this.#apply(index, decision);
      return;
    }
    this.#pendingDecisions++;
    decision.then(
      (decided) => {
        this.#pendingDecisions--;
        this.#guard(() => {
          this.#apply(index, decided);
          this.#askSlice();
        });
      },
      (error: unknown) => {
        this.#pendingDecisions--;
        this.#abort(error);
      },
    );
  }

  #apply(index: number, decision: Decision): void {
    switch (decision.kind) {
      case 'settled':
        this.#settle(index);
        return;
      case 'run':
        this.#queue.push(index);
        return;
      case 'parked':
        return;
      case 'later': {
        const timer = setTimeout(() => {
          this.#delayed.delete(timer);
          this.#toDecide.push(index);
          this.#guard(() => {
            this.#slice();
          });
        }, decision.afterMs);
        this.#delayed.add(timer);
        return;
      }
    }
  }

  #start(): void {
    const { work, pool, graph } = this.#options;
    while (this.#stopped === null) {
      const index = this.#dispatcher.next();
      if (index < 0) return;
      const instance = graph.instances[index];
      if (instance === undefined) throw new Error(`there is no instance ${index}`);
      const batch = [index, ...this.#dispatcher.companions(index, this.#batchSize(index) - 1)];
      const name = batch.length > 1 ? ++this.#batches : null;
      this.#running++;
      let open = batch.length;
      const ended = (): void => {
        if (--open > 0) return;
        this.#running--;
        pool.release(instance.resources);
      };
      for (const member of batch) {
        work.execute(member, name).then(
          (decision) => {
            ended();
            this.#guard(() => {
              this.#apply(member, decision);
              // Ends that arrive together are looked at together.
              this.#askSlice();
            });
          },
          (error: unknown) => {
            ended();
            this.#abort(error);
          },
        );
      }
    }
  }

  /** What waits is shared out evenly: a batch never takes what another slot could begin with. */
  #batchSize(index: number): number {
    const most = this.#options.work.batchSize(index);
    if (most <= 1) return 1;
    return Math.min(most, Math.ceil((this.#dispatcher.waiting + 1) / this.#options.pool.limits.jobs));
  }

  #settle(index: number): void {
    this.#settled[index] = 1;
    this.#left--;
    this.#toDecide.push(...this.#options.work.released(index));
    if (this.#options.failureMode !== 'keep-going' && this.#options.work.isFatal(index))
      this.#stopAfter(index);
    const { offsets, targets } = this.#options.graph.dependents;
    for (let edge = offsets[index] as number; edge < (offsets[index + 1] as number); edge++) {
      const dependent = targets[edge] as number;
      const waits = (this.#waitsFor[dependent] as number) - 1;
      this.#waitsFor[dependent] = waits;
      if (waits === 0) this.#toDecide.push(dependent);
    }
    if (this.#options.work.unfold(index)) this.#grow();
  }

  #grow(): void {
    this.#addInstances();
    this.#dispatcher.grow(longestPaths(this.#options.graph));
  }

  /** Takes in the instances that the graph has more than before. */
  #addInstances(): void {
    const { graph } = this.#options;
    const { offsets, targets } = graph.dependencies;
    const from = this.#settled.length;
    const count = graph.instances.length;
    const waitsFor = new Int32Array(count);
    const settled = new Uint8Array(count);
    waitsFor.set(this.#waitsFor);
    settled.set(this.#settled);
    for (let i = from; i < count; i++) {
      let waits = 0;
      for (let edge = offsets[i] as number; edge < (offsets[i + 1] as number); edge++) {
        if (settled[targets[edge] as number] === 0) waits++;
      }
      waitsFor[i] = waits;
      if (waits === 0) this.#toDecide.push(i);
    }
    this.#waitsFor = waitsFor;
    this.#settled = settled;
    this.#left += count - from;
  }

  #stopAfter(index: number): void {
    if (this.#stopped !== null) return;
    const id = this.#options.graph.instances[index]?.id ?? '';
    this.#stopped = `the run was stopped after ${id} failed`;
    if (this.#options.failureMode === 'stop') this.#options.work.cancelAll(false);
  }

  #checkEnd(): void {
    if (this.#running > 0 || this.#pendingDecisions > 0) return;
    if (this.#stopped === null) {
      const waiting = this.#delayed.size > 0 || this.#nextToDecide < this.#toDecide.length;
      if (this.#left > 0) {
        // Something fits always when nothing runs: requests are checked before a run.
        if (!waiting && this.#dispatcher.waiting === 0 && !this.#sliceAsked) {
          this.#fail(new Error(`${this.#left} instances wait for something that cannot come`));
        }
        return;
      }
    } else if (this.#error === null) {
      if (this.#options.work.unfold(null)) this.#addInstances();
      for (let i = 0; i < this.#settled.length; i++) {
        if (this.#settled[i] !== 0) continue;
        this.#settled[i] = 1;
        this.#options.work.abandon(i, this.#stopped);
      }
    }
    for (const timer of this.#delayed) clearTimeout(timer);
    this.#delayed.clear();
    if (this.#error === null) this.#finish();
    else this.#fail(this.#error.error);
  }

  /** An error of the engine itself: nothing new starts, what runs is ended, then the error is passed on. */
  #abort(error: unknown): void {
    this.#error ??= { error };
    this.#stopped ??= 'the engine failed';
    this.#options.work.cancelAll(false);
    this.#checkEnd();
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#abort(error);
    }
  }
}

/** Per instance the number of instances on the longest way to an end: what is far from it starts first. */
export function longestPaths(graph: CompiledGraph): Float64Array {
  const length = new Float64Array(graph.instances.length);
  const { offsets, targets } = graph.dependents;
  // Instances stand after all that they depend on, so one pass from the back is enough.
  for (let i = length.length - 1; i >= 0; i--) {
    let longest = 0;
    for (let edge = offsets[i] as number; edge < (offsets[i + 1] as number); edge++) {
      longest = Math.max(longest, length[targets[edge] as number] as number);
    }
    length[i] = longest + 1;
  }
  return length;
}
