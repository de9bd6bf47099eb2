import type { z } from 'zod';

/** A value that travels as JSON (at most 64 KiB), parsed by its schema at both ends of the process boundary. */
export interface ValuePort<S extends z.ZodType = z.ZodType> {
  readonly kind: 'value';
  readonly schema: S;
}

/** A file of a named format; two file ports fit when the format is the same word. */
export interface FilePort<F extends string = string> {
  readonly kind: 'file';
  readonly format: F;
  /** Absent: its numbers are not looked at. */
  readonly numbers?: NumbersRule;
}

/** How many numbers a file has, and how many of them are neither NaN nor infinite. */
export interface NumberCount {
  readonly finite: number;
  readonly total: number;
}

/** What an output file with numbers that are not finite means. */
export interface NumbersRule {
  /** Counts the numbers of a file; called in the worker, when the node has ended. */
  readonly count: (path: string) => NumberCount | Promise<NumberCount>;
  /**
   * `allow`: nothing. `warn`: a warning. `fail`: the node fails (`output-invalid`). Default: it fails when no number is
   * finite, and warns when some are not.
   */
  readonly nan?: 'allow' | 'warn' | 'fail';
}

/** Many of one port, in a fixed order. A directory is a list of files. */
export interface ListPort<P extends ElementPort = ElementPort> {
  readonly kind: 'list';
  readonly of: P;
}

/** A port that may stay empty: an absent input or output is null. */
export interface OptionalPort<P extends RequiredPort = RequiredPort> {
  readonly kind: 'optional';
  readonly of: P;
}

export type ElementPort = ValuePort | FilePort;
export type RequiredPort = ElementPort | ListPort;
/** An input or output of a node: what it carries, and whether it may be left out. */
export type Port = RequiredPort | OptionalPort;
/** Ports by name. */
export type Ports = Readonly<Record<string, Port>>;

/** The ports of nodes. */
export const port = {
  /** A JSON value; what the schema accepts may be connected, what it returns reaches the node. */
  value: <S extends z.ZodType>(schema: S): ValuePort<S> => ({ kind: 'value', schema }),
  /**
   * A file of this format, for example `nifti` or `tsv`.
   *
   * @param numbers - of an output: what becomes of numbers that are not finite
   */
  file: <F extends string>(format: F, numbers?: NumbersRule): FilePort<F> => ({
    kind: 'file',
    format,
    ...(numbers !== undefined && { numbers }),
  }),
  /** A list of values or files. */
  list: <P extends ElementPort>(of: P): ListPort<P> => ({ kind: 'list', of }),
  /** A port that may be empty. */
  optional: <P extends RequiredPort>(of: P): OptionalPort<P> => ({ kind: 'optional', of }),
} as const;

declare const FORMAT: unique symbol;

/** A file of a format somewhere in the graph: the type that handles of file ports carry. Never a run time value. */
export interface FileOf<F extends string = string> {
  readonly [FORMAT]: F;
}

/** A file outside the graph, made by {@link inputFile}. Fits every file port: its format is not known. */
export class ExternalFile {
  readonly kind = 'external-file';
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
}

/**
 * Marks a path as a file that a file port reads.
 *
 * The file need not exist: what is missing is a matter of the node that reads it, and becomes part of its key.
 *
 * @param path - absolute, or relative to the working directory of the run
 */
export function inputFile(path: string): ExternalFile {
  return new ExternalFile(path);
}

/**
 * A file as a node's `run` sees it.
 *
 * For a file outside the graph `relPath` is the base name. It helps to tell formats apart, and is not part of
 * the key: a result must not depend on it. `digest` is `missing` or `unreadable` for a file that could not be
 * read when the node was planned.
 */
export interface InputFile {
  /** Absolute path, to be read only. */
  readonly path: string;
  readonly relPath: string;
  /** SHA-256 of the content, 64 hex digits, or `missing` or `unreadable`. */
  readonly digest: string;
  readonly bytes: number;
}

/** What may be connected to an input port. */
export type WireIn<P> =
  P extends OptionalPort<infer Q>
    ? WireIn<Q> | null
    : P extends ListPort<infer Q>
      ? readonly WireIn<Q>[]
      : P extends FilePort<infer F>
        ? FileOf<F> | ExternalFile
        : P extends ValuePort<infer S>
          ? z.input<S>
          : never;

/** What an output port offers to those connected to it. */
export type WireOut<P> =
  P extends OptionalPort<infer Q>
    ? WireOut<Q> | null
    : P extends ListPort<infer Q>
      ? WireOut<Q>[]
      : P extends FilePort<infer F>
        ? FileOf<F>
        : P extends ValuePort<infer S>
          ? z.output<S>
          : never;

/** What the body of a node receives from an input port. */
export type BodyIn<P> =
  P extends OptionalPort<infer Q>
    ? BodyIn<Q> | null
    : P extends ListPort<infer Q>
      ? readonly BodyIn<Q>[]
      : P extends FilePort
        ? InputFile
        : P extends ValuePort<infer S>
          ? z.output<S>
          : never;

/** What the body of a node returns for an output port: a file is the path that `ctx.outputFile` gave. */
export type BodyOut<P> =
  P extends OptionalPort<infer Q>
    ? BodyOut<Q> | null
    : P extends ListPort<infer Q>
      ? readonly BodyOut<Q>[]
      : P extends FilePort
        ? string
        : P extends ValuePort<infer S>
          ? z.input<S>
          : never;

/** In words, for messages: `file(tsv)`, `list of value`, `optional file(nifti)`. */
export function describePort(item: Port): string {
  switch (item.kind) {
    case 'value':
      return 'value';
    case 'file':
      return `file(${item.format})`;
    case 'list':
      return `list of ${describePort(item.of)}`;
    case 'optional':
      return `optional ${describePort(item.of)}`;
  }
}
