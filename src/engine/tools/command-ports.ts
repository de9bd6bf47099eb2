/** What nodes that run programs share: the files they leave, and how inputs are named to a command. */
import type { NodeContext } from '../node.js';
import {
  port,
  type FilePort,
  type InputFile,
  type ListPort,
  type OptionalPort,
  type Port,
  type Ports,
  type ValuePort,
} from '../port.js';
import type { z } from 'zod';

/** A file that a program leaves: its format, and its name among the outputs of the node. */
export interface OutputFile<F extends string = string> {
  readonly format: F;
  readonly file: string;
}

export type OutputFiles = Readonly<Record<string, OutputFile>>;

/**
 * An output port of a wrapped program: a file of this format, which it writes under this name.
 *
 * @param file - relative path with `/`, without `..`
 */
export function outputFile<F extends string>(format: F, file: string): OutputFile<F> {
  return { format, file };
}

/** What a command gets of an input: the path of a file, any other value as it is. */
export type CommandInput<P> =
  P extends OptionalPort<infer Q>
    ? CommandInput<Q> | null
    : P extends ListPort<infer Q>
      ? readonly CommandInput<Q>[]
      : P extends FilePort
        ? string
        : P extends ValuePort<infer S>
          ? z.output<S>
          : never;

/** What the arguments of a wrapped program are made of: values, and paths of input files. */
export type CommandInputs<I extends Ports> = { readonly [K in keyof I]: CommandInput<I[K]> };
/** Paths at which a wrapped program has to write its outputs, by port. */
export type CommandPaths<O extends OutputFiles> = { readonly [K in keyof O]: string };

/** Sees a line of a program. */
export type LineHook = (line: string, stream: 'stdout' | 'stderr', ctx: NodeContext) => void;

/** Lines go to the log of the node; those of stderr are not warnings: most tools tell their progress there. */
export const showLine: LineHook = (line, _stream, ctx) => {
  if (line.trim() !== '') ctx.log.info(line);
};

export function outputPorts<O extends OutputFiles>(outputs: O): { [K in keyof O]: FilePort<O[K]['format']> } {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { format }]) => [name, port.file(format)]),
  ) as { [K in keyof O]: FilePort<O[K]['format']> };
}

/** Absolute paths of the outputs, within the directory of the node. */
export function filesOf<O extends OutputFiles>(outputs: O, ctx: NodeContext): { [K in keyof O]: string } {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { file }]) => [name, ctx.outputFile(file)]),
  ) as { [K in keyof O]: string };
}

/**
 * Inputs as a command gets them: files by a path.
 *
 * @param place - the path of a file, by its port and, in a list, its place there; default: where it lies
 */
export function commandInputs<I extends Ports>(
  ports: I,
  inputs: object,
  place: (file: InputFile, port: string, at: number | null) => string = (file) => file.path,
): CommandInputs<I> {
  const given = inputs as Readonly<Record<string, unknown>>;
  const valueOf = (name: string, item: Port, value: unknown, at: number | null): unknown => {
    if (value === null) return null;
    switch (item.kind) {
      case 'value':
        return value;
      case 'file':
        return place(value as InputFile, name, at);
      case 'list':
        return (value as readonly unknown[]).map((one, i) => valueOf(name, item.of, one, i));
      case 'optional':
        return valueOf(name, item.of, value, at);
    }
  };
  return Object.fromEntries(
    Object.entries(ports).map(([name, item]) => [name, valueOf(name, item, given[name], null)]),
  ) as CommandInputs<I>;
}
