import type { Adjacency } from './adjacency.js';
import type { NodeFailure } from './failure.js';
import { checkTemplate } from './graph-check.js';
import { GraphUnfolding } from './graph-unfolding.js';
import type { NodeDefinition, Resources } from './node.js';
import type { AttemptLimits, RetryRule } from './retry.js';
import type { TemplateGraph, TemplateNode } from './template.js';

/** Where the value of an input of one instance comes from. */
export type Binding =
  /** A literal: `value` as written travels to the node, `parsed` by the port's schema enters the key. */
  | { readonly kind: 'value'; readonly value: unknown; readonly parsed: unknown }
  /** A file outside the graph. */
  | { readonly kind: 'external'; readonly path: string }
  /** An output port of another instance. `orNull`: null when that one is skipped. */
  | { readonly kind: 'output'; readonly instance: number; readonly port: string; readonly orNull?: boolean }
  /** Element `at` of an output that is a list. */
  | { readonly kind: 'element'; readonly instance: number; readonly port: string; readonly at: number }
  /**
   * The same output port of many instances, in key order. `minItems` null: every member must be there.
   * Otherwise failed and skipped members are dropped while at least `minItems` remain.
   */
  | {
      readonly kind: 'join';
      readonly members: Int32Array;
      readonly keys: readonly string[];
      readonly port: string;
      readonly minItems: number | null;
    }
  /** `{ key, reason }[]` of the members without a result (skipped or failed), in key order; never fails itself. */
  | { readonly kind: 'dropped'; readonly members: Int32Array; readonly keys: readonly string[] }
  /** A list put together from single bindings. */
  | { readonly kind: 'list'; readonly items: readonly Binding[] };

/** One execution of a node: the node itself, or one item of a map. */
export interface Instance {
  /** Place in `CompiledGraph.instances`; never an identity across runs. */
  readonly index: number;
  /** Stable across runs: the node's id, with `[key]` for an item. */
  readonly id: string;
  /** Id of the node in the template graph. */
  readonly nodeId: string;
  readonly node: NodeDefinition;
  readonly itemKey: string | null;
  /** Every input port of the node has a binding. Bindings that instances share are one object. */
  readonly inputs: Readonly<Record<string, Binding>>;
  /** Truth values of other instances that must all be true; otherwise it is skipped. Not part of the key. */
  readonly conditions: readonly Binding[];
  readonly resources: Resources;
  readonly timeoutMs: number | null;
  readonly retry: RetryRule | null;
}

/** Whether it gets a process that runs nothing else. */
export function isIsolated({ node, resources }: Pick<Instance, 'node' | 'resources'>): boolean {
  return node.isolate || resources.gpus > 0;
}

/** An output that is copied to a place in the output directory. */
export interface Publication {
  readonly instance: number;
  readonly port: string;
  /**
   * Relative to the output directory with `/`, or absolute inside it. For a list port it is the directory that
   * receives the files under their own names.
   */
  readonly target: string;
  /** Members of one group are published together after all of them completed. */
  readonly group: string | null;
}

/**
 * The instances of a workflow and how they depend on each other; what planner and scheduler work on. It grows where
 * lists that the run makes decide about items.
 */
export interface CompiledGraph {
  readonly name: string;
  /** In topological order: an instance depends only on those before it. */
  readonly instances: readonly Instance[];
  readonly dependencies: Adjacency;
  readonly dependents: Adjacency;
  readonly publications: readonly Publication[];
  /** Lists of the run that are not known yet although the instance that makes them is. */
  readonly expansions: readonly OpenExpansion[];
  /** Nodes that are not unfolded yet, because such a list decides about their items. */
  readonly deferred: readonly TemplateNode[];
  /** Why instances cannot run although all that they depend on may be there: wrong keys of a list, for example. */
  readonly refused: ReadonlyMap<number, NodeFailure>;
  /**
   * Tells what became of a list; instances that wait for nothing else are appended, in topological order as ever.
   *
   * @param items - the elements, or null when the list will never be there
   * @returns the number of instances that were added
   */
  expand(expansion: string, items: readonly unknown[] | null): number;
  /** What the next attempt of an instance may use. */
  raise(index: number, limits: AttemptLimits): void;
}

/** A list that an instance makes and whose elements become items. */
export interface OpenExpansion {
  readonly id: string;
  readonly instance: number;
  readonly port: string;
}

/**
 * Checks the wiring and unfolds the maps.
 *
 * @throws ConfigError with a GRAPH_ code; the message lists every problem of the stage that failed
 */
export function compileGraph(template: TemplateGraph): CompiledGraph {
  return new GraphUnfolding(template, checkTemplate(template));
}

/** Everything that ever asks for resources: instances, and nodes whose instances are not known yet. */
export function requestsOf(graph: CompiledGraph): readonly { id: string; resources: Resources }[] {
  return graph.deferred.length === 0 ? graph.instances : [...graph.instances, ...graph.deferred];
}
