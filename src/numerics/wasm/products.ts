import {
  advance,
  f64,
  FunctionWriter,
  gainPair,
  get,
  i32,
  moduleOf,
  pair,
  set,
  whileBelow,
} from './assembler.js';
import { instantiate, type WasmInstance } from './instance.js';

/** out (rows, columns) = left (rows, rank) times right (rank, columns). */
export interface Product {
  readonly rows: number;
  readonly rank: number;
  readonly columns: number;
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly out: Float64Array;
}

/** Rows and columns whose sums are held at once. */
const BLOCK = 4;
const NUMBER = 8;
const PAGE = 2 ** 16;

/** Largest memory: for more, rows are given in parts. */
const MOST_PAGES = 2 ** 13;

let program: { readonly instance: WasmInstance; readonly pages: number } | null = null;

/**
 * Products of matrices, four rows by four columns at a time; every number is summed in the order of the rank, so that it
 * depends neither on its place nor on the rows beside it.
 *
 * @returns false where this machine cannot run it, or there is no room: nothing is written then
 */
export function multiplyBlocks({ rows, rank, columns, left, right, out }: Product): boolean {
  const [tall, wide] = [rounded(rows), rounded(columns)];
  const places = placesOf([tall * rank, rank * wide, rank * BLOCK, tall * wide]);
  const instance = withRoom(places.at(-1)!);
  if (instance === null) return false;
  const [leftAt, rightAt, panelAt, outAt] = places as [number, number, number, number];
  const view = (at: number, length: number): Float64Array =>
    new Float64Array(instance.memory.buffer, at, length);
  const rowsOfLeft = view(leftAt, tall * rank);
  rowsOfLeft.set(left.subarray(0, rows * rank));
  rowsOfLeft.fill(0, rows * rank);
  spread(right, view(rightAt, rank * wide), rank, columns, wide);
  const outEnd = outAt + tall * wide * NUMBER;
  instance.functions['multiply']!(leftAt, rightAt, panelAt, outAt, outEnd, rank * NUMBER, wide * NUMBER);
  spread(view(outAt, rows * wide), out, rows, wide, columns);
  return true;
}

const rounded = (count: number): number => Math.ceil(count / BLOCK) * BLOCK;

/** Rows of one width to rows of another; what is behind the narrower ones is 0. */
function spread(from: Float64Array, to: Float64Array, rows: number, width: number, newWidth: number): void {
  if (width === newWidth) {
    to.set(from.subarray(0, rows * width));
    return;
  }
  const common = Math.min(width, newWidth);
  for (let row = 0; row < rows; row++) {
    to.set(from.subarray(row * width, row * width + common), row * newWidth);
    to.fill(0, row * newWidth + common, (row + 1) * newWidth);
  }
}

/** Where arrays of so many numbers stand one after the other, in bytes, and the end of the last. */
function placesOf(lengths: readonly number[]): number[] {
  const places = [0];
  for (const length of lengths) places.push(places.at(-1)! + length * NUMBER);
  return places;
}

/** The program with a memory of so many bytes at least. */
function withRoom(bytes: number): WasmInstance | null {
  const pages = Math.ceil(bytes / PAGE);
  if (program !== null && program.pages >= pages) return program.instance;
  if (pages > MOST_PAGES) return null;
  const instance = instantiate(moduleOf({ multiply: multiplication() }), pages);
  if (instance !== null) program = { instance, pages };
  return instance;
}

/**
 * Parameters: left, right, panel, out, end of out; bytes of a row of left, and of one of right and out. The columns of a block
 * are copied to the panel first, where they lie side by side.
 */
function multiplication(): FunctionWriter {
  const writer = new FunctionWriter(7);
  const [left, right, panel, out, outEnd, rankBytes, rowBytes] = [0, 1, 2, 3, 4, 5, 6];
  const [rightEnd, panelEnd, row, source, at, target] = [0, 0, 0, 0, 0, 0].map(() => writer.place()) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const lefts = Array.from({ length: BLOCK }, () => writer.place());
  const [first, second, weight] = [writer.pair(), writer.pair(), writer.pair()];
  const sums = lefts.map(() => [writer.pair(), writer.pair()] as const);
  const after = (place: number, bytes: number) => i32.add(get(place), get(bytes));
  const fourRanks = i32.add(after(rankBytes, rankBytes), after(rankBytes, rankBytes));
  const pack = whileBelow(
    at,
    get(panelEnd),
    pair.store(get(at), pair.load(get(source))),
    pair.store(get(at), pair.load(get(source), 2 * NUMBER), 2 * NUMBER),
    advance(at, BLOCK * NUMBER),
    set(source, after(source, rowBytes)),
  );
  const accumulate = whileBelow(
    at,
    get(panelEnd),
    set(first, pair.load(get(at))),
    set(second, pair.load(get(at), 2 * NUMBER)),
    ...lefts.flatMap((place, r) => [
      set(weight, pair.loadTwice(get(place))),
      gainPair(sums[r]![0], pair.mul(get(weight), get(first))),
      gainPair(sums[r]![1], pair.mul(get(weight), get(second))),
      advance(place, NUMBER),
    ]),
    advance(at, BLOCK * NUMBER),
  );
  const tile = [
    ...lefts.map((place, r) => set(place, r === 0 ? get(row) : after(lefts[r - 1]!, rankBytes))),
    ...sums.flat().map((sum) => set(sum, pair.of(f64.of(0)))),
    set(at, get(panel)),
    accumulate,
    ...sums.flatMap(([one, other]) => [
      pair.store(get(target), get(one)),
      pair.store(get(target), get(other), 2 * NUMBER),
      set(target, after(target, rowBytes)),
    ]),
    // The last row ends where those of the next tile begin.
    set(row, get(lefts[BLOCK - 1]!)),
  ];
  return writer.write(
    set(rightEnd, after(right, rowBytes)),
    set(panelEnd, i32.add(get(panel), fourRanks)),
    whileBelow(
      right,
      get(rightEnd),
      set(source, get(right)),
      set(at, get(panel)),
      pack,
      set(row, get(left)),
      set(target, get(out)),
      whileBelow(target, get(outEnd), ...tile),
      advance(right, BLOCK * NUMBER),
      advance(out, BLOCK * NUMBER),
    ),
  );
}
