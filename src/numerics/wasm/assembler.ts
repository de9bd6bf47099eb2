/**
 * Writes small WebAssembly modules: loops over numbers in one memory, for which the engine knows neither lengths nor bounds to
 * check. Expressions are sequences of bytes that leave their value on the stack. Source: WebAssembly Core Specification 2.0.
 */

/** Instructions; an expression leaves one value, a statement none. */
export type Code = readonly number[];
/** Number of a local variable or parameter. */
export type Local = number;

const I32 = 0x7f;
const F64 = 0x7c;
const V128 = 0x7b;
/** What is known of a place in memory: a multiple of so many bytes, as power of 2. */
const [BY4, BY8] = [2, 3];

/** A whole number without sign, seven bits to a byte. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest === 0 ? low : low + 128);
  } while (rest > 0);
  return bytes;
}

/** A whole number of 32 bits with sign. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const isLast = rest === (low & 0x40 ? -1 : 0);
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}

const binary =
  (...operation: number[]) =>
  (left: Code, right: Code): Code => [...left, ...right, ...operation];
const loading =
  (...operation: number[]) =>
  (place: Code, offset = 0): Code => [...place, ...operation, ...unsigned(offset)];
const storing =
  (...operation: number[]) =>
  (place: Code, value: Code, offset = 0): Code => [...place, ...value, ...operation, ...unsigned(offset)];

export const get = (local: Local): Code => [0x20, ...unsigned(local)];
export const set = (local: Local, value: Code): Code => [...value, 0x21, ...unsigned(local)];

/** Whole numbers: places in memory, in bytes. */
export const i32 = {
  of: (value: number): Code => [0x41, ...signed(value)],
  add: binary(0x6a),
  sub: binary(0x6b),
  load: loading(0x28, BY4),
  isBelow: binary(0x49),
} as const;

/** Doubles. */
export const f64 = {
  of: (value: number): Code => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)],
  add: binary(0xa0),
  sub: binary(0xa1),
  mul: binary(0xa2),
  div: binary(0xa3),
  size: (value: Code): Code => [...value, 0x99],
  isAbove: binary(0x64),
  load: loading(0x2b, BY8),
  store: storing(0x39, BY8),
} as const;

/** Two doubles side by side. */
export const pair = {
  /** The same twice. */
  of: (value: Code): Code => [...value, 0xfd, 0x14],
  add: binary(0xfd, 0xf0, 0x01),
  sub: binary(0xfd, 0xf1, 0x01),
  mul: binary(0xfd, 0xf2, 0x01),
  /** Two neighbours. */
  load: loading(0xfd, 0x00, BY8),
  store: storing(0xfd, 0x0b, BY8),
  /** One number of the memory twice. */
  loadTwice: loading(0xfd, 0x0a, BY8),
  first: (value: Code): Code => [...value, 0xfd, 0x21, 0],
  second: (value: Code): Code => [...value, 0xfd, 0x21, 1],
} as const;

/** Adds to a local of doubles. */
export const gain = (local: Local, value: Code): Code => set(local, f64.add(get(local), value));
/** Adds to a local of pairs. */
export const gainPair = (local: Local, value: Code): Code => set(local, pair.add(get(local), value));
/** Moves a place. */
export const advance = (local: Local, bytes: number): Code => set(local, i32.add(get(local), i32.of(bytes)));

/** Runs a body and again while a place is below an end; not at all where it is not. */
export function whileBelow(place: Local, end: Code, ...body: readonly Code[]): Code {
  const condition = i32.isBelow(get(place), end);
  // if: the loop, which jumps back to its start.
  return [...condition, 0x04, 0x40, 0x03, 0x40, ...body.flat(), ...condition, 0x0d, 0, 0x0b, 0x0b];
}

/** Runs a body unless a condition holds. */
export function unless(condition: Code, ...body: readonly Code[]): Code {
  return [...condition, 0x45, 0x04, 0x40, ...body.flat(), 0x0b];
}

/** Calls a function by its number in the module. */
export const call = (number: number, ...places: readonly Code[]): Code => [
  ...places.flat(),
  0x10,
  ...unsigned(number),
];

/** Leaves a value unused. */
export const drop = (value: Code): Code => [...value, 0x1a];

/** A function of a module: its parameters are places, its result a double where it has one. */
export class FunctionWriter {
  readonly parameters: number;
  readonly isNumber: boolean;
  readonly #types: number[] = [];
  readonly #code: number[] = [];

  constructor(parameters: number, isNumber = false) {
    this.parameters = parameters;
    this.isNumber = isNumber;
  }

  place(): Local {
    return this.#local(I32);
  }

  number(): Local {
    return this.#local(F64);
  }

  pair(): Local {
    return this.#local(V128);
  }

  write(...code: readonly Code[]): this {
    for (const part of code) this.#code.push(...part);
    return this;
  }

  /** As a module holds it. */
  get body(): readonly number[] {
    const locals = this.#types.flatMap((type) => [1, type]);
    return sized([...unsigned(this.#types.length), ...locals, ...this.#code, 0x0b]);
  }

  get type(): readonly number[] {
    const parameters = new Array<number>(this.parameters).fill(I32);
    return [0x60, ...unsigned(this.parameters), ...parameters, ...(this.isNumber ? [1, F64] : [0])];
  }

  #local(type: number): Local {
    this.#types.push(type);
    return this.parameters + this.#types.length - 1;
  }
}

/** A module of functions, called by name, over the memory that it imports as `env.memory`. */
export function moduleOf(functions: Readonly<Record<string, FunctionWriter>>): Uint8Array<ArrayBuffer> {
  const all = Object.values(functions);
  const exported = Object.keys(functions).map((name, i) => [...text(name), 0, ...unsigned(i)]);
  const memory = [...text('env'), ...text('memory'), 2, 0, ...unsigned(1)];
  const bytes = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      all.map(({ type }) => type),
    ),
    ...section(2, [memory]),
    ...section(
      3,
      all.map((_, i) => unsigned(i)),
    ),
    ...section(7, exported),
    ...section(
      10,
      all.map(({ body }) => body),
    ),
  ];
  return Uint8Array.from(bytes);
}

function section(number: number, entries: readonly (readonly number[])[]): number[] {
  return [number, ...sized([...unsigned(entries.length), ...entries.flat()])];
}

function sized(bytes: readonly number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function text(value: string): number[] {
  return sized([...new TextEncoder().encode(value)]);
}
