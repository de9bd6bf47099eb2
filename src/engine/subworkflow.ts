/** Workflows that are parts of other workflows: a declaration of what goes in, and a function that wires nodes. */
import { z } from 'zod';
import { ConfigError } from '../errors.js';
import type { Workflow } from './builder.js';
import type { Handle, Mapped } from './handle.js';
import type { Port, Ports, WireOut } from './port.js';

/** Handles of the declared inputs, as the wiring of a nested workflow sees them. */
export type SubInputs<I extends Ports> = { readonly [K in keyof I]: Handle<WireOut<I[K]>> };

/** What a nested workflow gives: handles by name. */
export type SubOutputs = Readonly<Record<string, Handle<unknown> | Mapped<unknown>>>;

/** Outputs of a nested workflow that was mapped over items. */
export type MappedOutputs<O> = {
  readonly [K in keyof O]: O[K] extends Handle<infer T> ? Mapped<T> : never;
};

/**
 * A piece of a workflow with typed inputs and outputs, from `defineSubworkflow`; used by `wf.sub` and `wf.mapSub`.
 */
export interface Subworkflow<I extends Ports, O extends SubOutputs> {
  readonly kind: 'subworkflow';
  readonly name: string;
  readonly inputs: I;
  /** A method, so that one with narrower ports is still a Subworkflow. */
  build(wf: Workflow, inputs: SubInputs<I>): O;
}

const NAME = /^[a-z][a-z0-9_]{0,63}$/;

/**
 * Declares a part that workflows can have: `wf.sub(part, inputs)` once, `wf.mapSub(part, inputs)` once per item.
 *
 * Inputs are declared like ports of a node. A value may have a default; it reaches the nodes inside as it is, so
 * schemas that change values belong to the ports of nodes.
 *
 * @throws ConfigError WORKFLOW_DEFINITION when the name is not snake_case or a schema changes values
 */
export function defineSubworkflow<const I extends Ports, const O extends SubOutputs>(declaration: {
  readonly name: string;
  readonly inputs: I;
  build(wf: Workflow, inputs: SubInputs<I>): O;
}): Subworkflow<I, O> {
  const { name, inputs } = declaration;
  if (!NAME.test(name)) {
    throw new ConfigError('WORKFLOW_DEFINITION', `the name of nested workflow '${name}' is not snake_case`, {
      cure: 'use lower-case letters, digits and _, starting with a letter',
    });
  }
  for (const [port, definition] of Object.entries(inputs)) {
    if (!changesValues(definition)) continue;
    throw new ConfigError('WORKFLOW_DEFINITION', `the schema of input ${port} changes values`, {
      where: `${name}.${port}`,
      cure: 'declare plain types here, and defaults inside objects and transforms at the ports of the nodes',
    });
  }
  const build = (wf: Workflow, handles: SubInputs<I>): O => declaration.build(wf, handles);
  return Object.freeze({ kind: 'subworkflow' as const, name, inputs, build });
}

function changesValues(port: Port): boolean {
  if (port.kind === 'optional' || port.kind === 'list') return changesValues(port.of);
  if (port.kind === 'file') return false;
  const schema = port.schema instanceof z.ZodDefault ? (port.schema.unwrap() as z.ZodType) : port.schema;
  const shape = (io: 'input' | 'output'): string =>
    JSON.stringify(
      z.toJSONSchema(schema, { io, unrepresentable: 'any', cycles: 'ref' }),
      (key, value: unknown) =>
        // Objects refuse unknown keys on their way out only.
        key === 'additionalProperties' && value === false ? undefined : value,
    );
  return shape('input') !== shape('output');
}
