import type { z } from 'zod';
import type { NodeDefinition } from './node.js';
import type {
  ElementPort,
  ExternalFile,
  FileOf,
  ListPort,
  OptionalPort,
  Port,
  Ports,
  RequiredPort,
  ValuePort,
  WireIn,
  WireOut,
} from './port.js';
import type { TemplateInput } from './template.js';

declare const CARRIES: unique symbol;
declare const MAYBE: unique symbol;

/** One value or file that will exist when the graph runs. */
export class Handle<T> {
  declare readonly [CARRIES]: T;
  readonly kind = 'handle';
  /** The workflow that made it. */
  readonly owner: object;
  readonly source: TemplateInput;

  constructor(owner: object, source: TemplateInput) {
    this.owner = owner;
    this.source = source;
  }
}

/** One value or file per item of a map. Goes into `map`, or through `join` into a single node. */
export class Mapped<T> {
  declare readonly [CARRIES]: T;
  readonly kind: 'mapped' | 'items' = 'mapped';
  readonly owner: object;
  readonly source: TemplateInput;
  /** Item keys in key order; null when they are known at run time only. */
  readonly keys: readonly string[] | null;

  constructor(owner: object, source: TemplateInput, keys: readonly string[] | null) {
    this.owner = owner;
    this.source = source;
    this.keys = keys;
  }
}

/** What a map inside `wf.when` gives to those outside: nothing (null) for items that were skipped. */
export class MaybeMapped<T> extends Mapped<T | null> {
  declare readonly [MAYBE]: T;
}

/** What an item gives that is a handle, or a list of handles: what they stand for. */
export type Selected<U> = U extends Handle<infer T> ? T : U extends readonly Handle<infer T>[] ? T[] : U;

/** Items known while the workflow is built, in key order. */
export class Items<T> extends Mapped<T> {
  override readonly kind = 'items';
  declare readonly keys: readonly string[];
  readonly values: readonly T[];
  /** Inputs of one axis vary together in a product; each call of `wf.items` makes one. */
  readonly axis: string;

  constructor(owner: object, axis: string, keys: readonly string[], values: readonly T[]) {
    super(owner, { kind: 'items', axis, keys, items: values.map(literalInput) }, keys);
    this.values = values;
    this.axis = axis;
  }

  /** Something of each item, for example a path: `subjects.select((s) => inputFile(s.volume))`. */
  select<U>(pick: (item: T, key: string) => U): Items<Selected<U>> {
    return new Items<Selected<U>>(
      this.owner,
      this.axis,
      this.keys,
      this.values.map((value, i) => pick(value, this.keys[i] as string)) as Selected<U>[],
    );
  }
}

/** What a literal stands for: marked files, lists of literals or handles, or a JSON value. */
export function literalInput(value: unknown): TemplateInput {
  if (isExternalFile(value)) return { kind: 'external', path: value.path };
  if (value instanceof Handle) return value.source;
  if (Array.isArray(value) && value.some((item) => isExternalFile(item) || item instanceof Handle)) {
    return { kind: 'list', items: value.map(literalInput) };
  }
  return { kind: 'value', value };
}

function isExternalFile(value: unknown): value is ExternalFile {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    value.kind === 'external-file' &&
    'path' in value
  );
}

/** Options of `wf.join`. */
export interface JoinOptions {
  /**
   * At least so many items must have a result; others are dropped. Without it every item must be there.
   */
  readonly minItems?: number;
}

/** An item that a join went without. */
export interface DroppedItem {
  readonly key: string;
  readonly reason: string;
}

/** Outputs of a node that was added once. */
export interface AddedNode<O extends Ports> {
  readonly id: string;
  readonly out: { readonly [K in keyof O]: Handle<WireOut<O[K]>> };
}

/** Outputs of a node that was mapped over items. */
export interface MappedNode<O extends Ports> {
  readonly id: string;
  /** In key order; null when they are known at run time only. */
  readonly keys: readonly string[] | null;
  readonly out: { readonly [K in keyof O]: Mapped<WireOut<O[K]>> };
}

type Literal<P> =
  P extends OptionalPort<infer Q>
    ? Literal<Q> | null
    : P extends ListPort<infer Q>
      ? readonly (WireLiteral<Q> | Handle<WireIn<Q>>)[]
      : WireLiteral<P>;

type WireLiteral<P> =
  P extends ValuePort<infer S> ? z.input<S> : P extends ElementPort ? ExternalFile : never;

type Single<P> = Literal<P> | Handle<WireIn<P>>;

/** Ports that may be left out: optional ones, and values whose schema has a default. */
type OmittableNames<I extends Ports> = {
  [K in keyof I]: I[K] extends OptionalPort
    ? K
    : I[K] extends ValuePort<infer S>
      ? undefined extends z.input<S>
        ? unknown extends z.input<S>
          ? never
          : K
        : never
      : never;
}[keyof I];

/** Inputs of `add`: literals and handles. */
export type AddInputs<I extends Ports> = {
  readonly [K in Exclude<keyof I, OmittableNames<I>>]: Single<I[K]>;
} & { readonly [K in OmittableNames<I>]?: Single<I[K]> };

/** Inputs of `map`: as for `add`, and mapped handles, which vary by key. */
export type MapInputs<I extends Ports> = {
  readonly [K in Exclude<keyof I, OmittableNames<I>>]: Single<I[K]> | Mapped<WireIn<I[K]>>;
} & { readonly [K in OmittableNames<I>]?: Single<I[K]> | Mapped<WireIn<I[K]>> };

/** Refuses mapped handles also where a port takes anything, and names that are no input. */
export type OnlySingle<A, I extends Ports> = {
  readonly [K in keyof A]: K extends keyof I ? (A[K] extends Mapped<unknown> ? never : unknown) : never;
};

/** A file of a list, as the function sees it that gives its key to `wf.expand`. */
export interface ExpandedFile {
  /** Path below the output directory of the node that made it, with `/`. */
  readonly relPath: string;
  readonly bytes: number;
  /** SHA-256 of the content, 64 hex digits. */
  readonly digest: string;
}

/** One element of a list as the function sees it that gives its key. */
export type ExpandItem<T> = T extends FileOf ? ExpandedFile : T;

/** What a part under a condition gives to those outside: handles of what may have been skipped. */
export type Maybe<R> =
  R extends Handle<infer T>
    ? Handle<T | null>
    : R extends Mapped<infer T>
      ? MaybeMapped<T>
      : R extends object
        ? { readonly [K in keyof R]: Maybe<R[K]> }
        : R;

/** What may be published: files, lists of files, and files that may be absent. */
export type Publishable = FileOf | readonly FileOf[] | null;

/** Handles for every output of a node. */
export function outputHandles<O extends Ports, H>(
  node: NodeDefinition<Ports, O>,
  make: (port: string, definition: Port) => H,
): { readonly [K in keyof O]: H } {
  const out: Record<string, H> = {};
  for (const [name, definition] of Object.entries(node.outputs)) out[name] = make(name, definition);
  return out as { readonly [K in keyof O]: H };
}

/** The port without its optional shell. */
export function requiredPort(item: Port): RequiredPort {
  return item.kind === 'optional' ? item.of : item;
}
