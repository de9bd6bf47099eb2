import {
  advance,
  call,
  drop,
  f64,
  FunctionWriter,
  gain,
  gainPair,
  get,
  i32,
  moduleOf,
  pair,
  set,
  unless,
  whileBelow,
  type Code,
} from '../wasm/assembler.js';
import { instantiate, type WasmMemory } from '../wasm/instance.js';
import type { ImageRuns } from './image-runs.js';

/** What the response of a field to images becomes. */
export interface FieldCourse {
  readonly stimulus: ImageRuns;
  /** Length of the kernels. */
  readonly taps: number;
  /** Whether there are two more slopes: by what the kernel has of its own. */
  readonly hasOwnKernel: boolean;
  readonly removesMean: boolean;
  /** Shape (C, T): orthonormal. */
  readonly confounds: Float64Array;
}

/** Value, and slopes by x, y and log sd. */
const PARTS = 4;
const NUMBER = 8;
/** A place of one moment of an axis, of a step, of a run, and of the sums of a frame. */
const [MOMENTS, STEP, RUN, SUMS] = [3 * NUMBER, 2 * NUMBER, 12, PARTS * NUMBER];
/** Samples that a convolution makes at once. */
const TILE = 8;
const PAGE = 2 ** 16;
/** Largest memory of a program; places are numbers of 31 bits. */
const MOST_BYTES = 2 ** 30;

/**
 * The inner loops of a receptive field for one stimulus, as a WebAssembly module that is written for it: sums under the
 * Gaussian, convolution, projection, and the sums that a step of a fit needs. The same steps as `GridDrive` and
 * `ProjectedResponse`, three times as fast: all lengths and places are constants.
 */
export class FieldProgram {
  /** Shape (columns + 1, 3): sums of g, g u / sd and g u^2 over the columns before each, u = (place - centre) / sd. */
  readonly alongX: Float64Array;
  /** Shape (rows + 1, 3). */
  readonly alongY: Float64Array;
  /** Shape (1 or 3, taps): the kernel, and its slopes by what it has of its own. */
  readonly kernels: Float64Array;
  /** One number: values of a frame that are not above it are 0, and their slopes. */
  readonly dark: Float64Array;
  /** Shape (1 + S, T and zeros): response and slopes, after projection. */
  readonly rows: Float64Array;
  /** Shape (T and zeros): data. */
  readonly data: Float64Array;
  /** One number: mean of the response before projection. */
  readonly mean: Float64Array;
  /** p'p, p'y, d_i'p, d_i'y and the upper triangle of d_i'd_j. */
  readonly sums: Float64Array;
  /** Response and slopes of the field that stands in the arrays. */
  readonly evaluate: () => void;
  /** The response alone. */
  readonly respond: () => void;
  /** The sums of what stands in `rows` and `data`. */
  readonly sum: () => void;

  /** A program, or null where this machine cannot run it or the stimulus is too large for one memory. */
  static of(course: FieldCourse): FieldProgram | null {
    const layout = new Layout(course);
    if (layout.bytes > MOST_BYTES) return null;
    const instance = instantiate(writeModule(course, layout), Math.ceil(layout.bytes / PAGE));
    return instance === null ? null : new FieldProgram(course, layout, instance.memory, instance.functions);
  }

  private constructor(
    { stimulus, confounds }: FieldCourse,
    layout: Layout,
    memory: WasmMemory,
    functions: Readonly<Record<string, () => void>>,
  ) {
    const doubles = (place: number, length: number): Float64Array =>
      new Float64Array(memory.buffer, place, length);
    const { columns, rows, slopes, width, taps, frames } = layout;
    this.alongX = doubles(layout.alongX, 3 * (columns + 1));
    this.alongY = doubles(layout.alongY, 3 * (rows + 1));
    this.kernels = doubles(layout.kernels, taps * (slopes > PARTS - 1 ? 3 : 1));
    this.dark = doubles(layout.dark, 1);
    this.rows = doubles(layout.series, (1 + slopes) * width);
    this.data = doubles(layout.data, width);
    this.mean = doubles(layout.mean, 1);
    this.sums = doubles(layout.sums, layout.sumCount);
    for (let c = 0; c * frames < confounds.length; c++)
      doubles(layout.confounds + c * width * NUMBER, frames).set(
        confounds.subarray(c * frames, (c + 1) * frames),
      );
    layout.store(stimulus, memory);
    this.evaluate = functions['evaluate']!;
    this.respond = functions['respond']!;
    this.sum = functions['sum']!;
  }
}

/** Where everything stands, in bytes. */
class Layout {
  readonly columns: number;
  readonly rows: number;
  readonly frames: number;
  readonly taps: number;
  /** Samples of a series with the zeros behind it. */
  readonly width: number;
  readonly slopes: number;
  readonly confoundCount: number;
  readonly profileCount: number;
  readonly uniqueCount: number;
  readonly sumCount: number;
  readonly alongX: number;
  readonly alongY: number;
  readonly steps: number;
  /** Per profile: where its steps end. */
  readonly stepEnds: number;
  readonly profiles: number;
  readonly runs: number;
  /** Per unique frame: where its runs end. */
  readonly runEnds: number;
  readonly unique: number;
  /** Per frame: where its sums stand. */
  readonly frameAt: number;
  /** Per part: the series with its first sample held before. */
  readonly padded: number;
  readonly kernels: number;
  readonly dark: number;
  readonly mean: number;
  readonly series: number;
  readonly confounds: number;
  readonly data: number;
  readonly sums: number;
  #bytes = 0;

  constructor({ stimulus, taps, hasOwnKernel, confounds }: FieldCourse) {
    const { xs, ys, frameOf, uniqueFrames, profiles, stepRow, runProfile } = stimulus;
    this.columns = xs.length;
    this.rows = ys.length;
    this.frames = frameOf.length;
    this.taps = taps;
    this.width = Math.ceil(this.frames / TILE) * TILE;
    this.slopes = hasOwnKernel ? PARTS + 1 : PARTS - 1;
    this.confoundCount = confounds.length / this.frames;
    this.profileCount = profiles;
    this.uniqueCount = uniqueFrames;
    this.sumCount = 2 + 2 * this.slopes + (this.slopes * (this.slopes + 1)) / 2;
    const series = this.width * NUMBER;
    this.alongX = this.#take((xs.length + 1) * MOMENTS);
    this.alongY = this.#take((ys.length + 1) * MOMENTS);
    this.steps = this.#take(stepRow.length * STEP);
    this.stepEnds = this.#take(profiles * 4);
    this.profiles = this.#take(profiles * MOMENTS);
    this.runs = this.#take(runProfile.length * RUN);
    this.runEnds = this.#take(uniqueFrames * 4);
    this.unique = this.#take(uniqueFrames * SUMS);
    this.frameAt = this.#take(this.frames * 4);
    this.padded = this.#take(PARTS * this.paddedBytes);
    this.kernels = this.#take(3 * taps * NUMBER);
    this.dark = this.#take(NUMBER);
    this.mean = this.#take(NUMBER);
    this.series = this.#take((1 + this.slopes) * series);
    this.confounds = this.#take(this.confoundCount * series);
    this.data = this.#take(series);
    this.sums = this.#take(this.sumCount * NUMBER);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of one part. */
  get paddedBytes(): number {
    return (this.taps - 1 + this.width) * NUMBER;
  }

  /** Writes the stimulus, with places instead of numbers. */
  store(stimulus: ImageRuns, { buffer }: WasmMemory): void {
    const places = (at: number, length: number): Int32Array => new Int32Array(buffer, at, length);
    const { stepRow, stepFall, stepStart, runFrom, runTo, runProfile, frameStart, frameOf } = stimulus;
    const falls = new Float64Array(buffer, this.steps, 2 * stepFall.length);
    const stepRows = places(this.steps, 4 * stepRow.length);
    stepFall.forEach((fall, k) => (falls[2 * k] = fall));
    stepRow.forEach((row, k) => (stepRows[4 * k + 2] = this.alongY + row * MOMENTS));
    places(this.stepEnds, stimulus.profiles).set(stepStart.subarray(1).map((k) => this.steps + k * STEP));
    const runs = places(this.runs, 3 * runProfile.length);
    runProfile.forEach((profile, r) => {
      runs[3 * r] = this.alongX + runFrom[r]! * MOMENTS;
      runs[3 * r + 1] = this.alongX + runTo[r]! * MOMENTS;
      runs[3 * r + 2] = this.profiles + profile * MOMENTS;
    });
    places(this.runEnds, stimulus.uniqueFrames).set(frameStart.subarray(1).map((r) => this.runs + r * RUN));
    places(this.frameAt, frameOf.length).set(frameOf.map((f) => this.unique + f * SUMS));
  }

  /** The next bytes, from a multiple of 16. */
  #take(bytes: number): number {
    const at = this.#bytes;
    this.#bytes = Math.ceil((at + bytes) / 16) * 16;
    return at;
  }
}

/** Functions of a module before those that are called from outside. */
const [FIELD, CONVOLVE, PROJECT] = [0, 1, 2];

function writeModule({ removesMean, hasOwnKernel }: FieldCourse, layout: Layout): Uint8Array<ArrayBuffer> {
  const { padded, paddedBytes, mean, slopes } = layout;
  const row = (i: number): Code => i32.of(rowAt(layout, i));
  const convolve = (part: number, kernel: number, to: number): Code =>
    call(CONVOLVE, i32.of(padded + part * paddedBytes), i32.of(kernelAt(layout, kernel)), row(to));
  const response = [call(FIELD), convolve(0, 0, 0), f64.store(i32.of(mean), call(PROJECT, row(0)))];
  const rest = [1, 2, 3].map((part) => convolve(part, 0, part));
  if (hasOwnKernel) rest.push(convolve(0, 1, PARTS), convolve(0, 2, PARTS + 1));
  for (let i = 1; i <= slopes; i++) rest.push(drop(call(PROJECT, row(i))));
  return moduleOf({
    field: fieldSums(layout),
    convolve: convolution(layout),
    project: projection(layout, removesMean),
    evaluate: new FunctionWriter(0).write(...response, ...rest),
    respond: new FunctionWriter(0).write(...response),
    sum: productSums(layout),
  });
}

const rowAt = ({ series, width }: Layout, row: number): number => series + row * width * NUMBER;
const kernelAt = ({ kernels, taps }: Layout, kernel: number): number => kernels + kernel * taps * NUMBER;

/** Moments of the profiles, sums of the unique frames, series of all frames. */
function fieldSums(layout: Layout): FunctionWriter {
  const writer = new FunctionWriter(0);
  return writer.write(profileMoments(writer, layout), frameSums(writer, layout), expansion(writer, layout));
}

function profileMoments(writer: FunctionWriter, layout: Layout): Code {
  const { steps, stepEnds, profiles, profileCount } = layout;
  const [ends, profile, step, end, row] = [0, 0, 0, 0, 0].map(() => writer.place()) as Places<5>;
  const fall = writer.number();
  const moments = [0, 1, 2].map(() => writer.number());
  return [
    ...set(ends, i32.of(stepEnds)),
    ...set(profile, i32.of(profiles)),
    ...set(step, i32.of(steps)),
    ...whileBelow(
      profile,
      i32.of(profiles + profileCount * MOMENTS),
      set(end, i32.load(get(ends))),
      ...moments.map((moment) => set(moment, f64.of(0))),
      whileBelow(
        step,
        get(end),
        set(fall, f64.load(get(step))),
        set(row, i32.load(get(step), NUMBER)),
        ...moments.map((moment, m) => gain(moment, f64.mul(get(fall), f64.load(get(row), m * NUMBER)))),
        advance(step, STEP),
      ),
      ...moments.map((moment, m) => f64.store(get(profile), get(moment), m * NUMBER)),
      advance(profile, MOMENTS),
      advance(ends, 4),
    ),
  ];
}

/** A run is the columns that it spans times the moments of its profile. */
function frameSums(writer: FunctionWriter, layout: Layout): Code {
  const { runs, runEnds, unique, uniqueCount, dark } = layout;
  const [ends, frame, run, end, from, to, profile] = [0, 0, 0, 0, 0, 0, 0].map(() =>
    writer.place(),
  ) as Places<7>;
  const sums = [0, 1, 2, 3].map(() => writer.number()) as Places<4>;
  const [value, byX, byY, bySd] = sums;
  const [width, height] = [writer.number(), writer.number()];
  const along = (m: number): Code => f64.sub(f64.load(get(to), m * NUMBER), f64.load(get(from), m * NUMBER));
  const moment = (m: number): Code => f64.load(get(profile), m * NUMBER);
  return [
    ...set(ends, i32.of(runEnds)),
    ...set(frame, i32.of(unique)),
    ...set(run, i32.of(runs)),
    ...whileBelow(
      frame,
      i32.of(unique + uniqueCount * SUMS),
      set(end, i32.load(get(ends))),
      ...sums.map((sum) => set(sum, f64.of(0))),
      whileBelow(
        run,
        get(end),
        set(from, i32.load(get(run))),
        set(to, i32.load(get(run), 4)),
        set(profile, i32.load(get(run), 8)),
        set(width, along(0)),
        set(height, moment(0)),
        gain(value, f64.mul(get(width), get(height))),
        gain(byX, f64.mul(along(1), get(height))),
        gain(byY, f64.mul(get(width), moment(1))),
        gain(bySd, f64.add(f64.mul(along(2), get(height)), f64.mul(get(width), moment(2)))),
        advance(run, RUN),
      ),
      unless(
        f64.isAbove(f64.size(get(value)), f64.load(i32.of(dark))),
        ...sums.map((sum) => set(sum, f64.of(0))),
      ),
      ...sums.map((sum, part) => f64.store(get(frame), get(sum), part * NUMBER)),
      advance(frame, SUMS),
      advance(ends, 4),
    ),
  ];
}

/** Every part with its first sample held before it; what is behind the last frame stays 0. */
function expansion(writer: FunctionWriter, layout: Layout): Code {
  const { frameAt, frames, padded, paddedBytes, taps } = layout;
  const [at, to, from] = [0, 0, 0].map(() => writer.place()) as Places<3>;
  const copies = Array.from({ length: PARTS }, (_, part) =>
    f64.store(get(to), f64.load(get(from), part * NUMBER), part * paddedBytes),
  );
  const first = padded + (taps - 1) * NUMBER;
  return [
    ...set(to, i32.of(padded)),
    ...set(from, i32.load(i32.of(frameAt))),
    ...whileBelow(to, i32.of(first), ...copies, advance(to, NUMBER)),
    ...set(at, i32.of(frameAt)),
    ...whileBelow(
      at,
      i32.of(frameAt + frames * 4),
      set(from, i32.load(get(at))),
      ...copies,
      advance(to, NUMBER),
      advance(at, 4),
    ),
  ];
}

/** Parameters: a padded series, a kernel, and where the series behind it goes. A tile is four pairs of samples. */
function convolution({ taps, width }: Layout): FunctionWriter {
  const writer = new FunctionWriter(3);
  const [series, kernel, out] = [0, 1, 2];
  const [last, tap, tapEnd, from] = [0, 0, 0, 0].map(() => writer.place()) as Places<4>;
  const weight = writer.pair();
  const sums = Array.from({ length: TILE / 2 }, () => writer.pair());
  return writer.write(
    set(last, i32.add(get(out), i32.of(width * NUMBER))),
    set(tapEnd, i32.add(get(kernel), i32.of(taps * NUMBER))),
    whileBelow(
      out,
      get(last),
      ...sums.map((sum) => set(sum, pair.of(f64.of(0)))),
      set(tap, get(kernel)),
      set(from, i32.add(get(series), i32.of((taps - 1) * NUMBER))),
      whileBelow(
        tap,
        get(tapEnd),
        set(weight, pair.loadTwice(get(tap))),
        ...sums.map((sum, i) => gainPair(sum, pair.mul(get(weight), pair.load(get(from), 2 * i * NUMBER)))),
        advance(tap, NUMBER),
        advance(from, -NUMBER),
      ),
      ...sums.map((sum, i) => pair.store(get(out), get(sum), 2 * i * NUMBER)),
      advance(out, TILE * NUMBER),
      advance(series, TILE * NUMBER),
    ),
  );
}

/** Parameter: a series. Takes its mean (unless the baseline is held) and the confounds out. @returns the mean */
function projection(layout: Layout, removesMean: boolean): FunctionWriter {
  const { frames, width, confounds, confoundCount } = layout;
  const writer = new FunctionWriter(1, true);
  const series = 0;
  const [at, end, basis] = [0, 0, 0].map(() => writer.place()) as Places<3>;
  const [mean, dot] = [writer.number(), writer.number()];
  const overFrames = (...body: Code[]): Code => [
    ...set(at, get(series)),
    ...whileBelow(at, get(end), ...body, advance(at, NUMBER)),
  ];
  const overBoth = (c: number, ...body: Code[]): Code => [
    ...set(basis, i32.of(confounds + c * width * NUMBER)),
    ...overFrames(...body, advance(basis, NUMBER)),
  ];
  writer.write(
    set(end, i32.add(get(series), i32.of(frames * NUMBER))),
    overFrames(gain(mean, f64.load(get(at)))),
    set(mean, f64.div(get(mean), f64.of(frames))),
  );
  if (removesMean) writer.write(overFrames(f64.store(get(at), f64.sub(f64.load(get(at)), get(mean)))));
  for (let c = 0; c < confoundCount; c++) {
    writer.write(
      set(dot, f64.of(0)),
      overBoth(c, gain(dot, f64.mul(f64.load(get(basis)), f64.load(get(at))))),
      overBoth(c, f64.store(get(at), f64.sub(f64.load(get(at)), f64.mul(get(dot), f64.load(get(basis)))))),
    );
  }
  for (let t = frames; t < width; t++) writer.write(f64.store(get(series), f64.of(0), t * NUMBER));
  return writer.write(get(mean));
}

/** All products of response, slopes and data with each other that a step needs, two samples at a time. */
function productSums(layout: Layout): FunctionWriter {
  const { slopes, width, data, sums: sumsAt } = layout;
  const writer = new FunctionWriter(0);
  const at = writer.place();
  const y = writer.pair();
  const rows = Array.from({ length: 1 + slopes }, () => writer.pair());
  const [p, ...d] = rows as [number, ...number[]];
  const products: (readonly [number, number])[] = [
    [p, p],
    [p, y],
  ];
  for (const slope of d) products.push([slope, p]);
  for (const slope of d) products.push([slope, y]);
  d.forEach((one, i) => d.slice(i).forEach((other) => products.push([one, other])));
  const sums = products.map(() => writer.pair());
  // Places count from the first sample of each series.
  writer.write(
    whileBelow(
      at,
      i32.of(width * NUMBER),
      set(y, pair.load(get(at), data)),
      ...rows.map((row, i) => set(row, pair.load(get(at), rowAt(layout, i)))),
      ...products.map(([one, other], k) => gainPair(sums[k]!, pair.mul(get(one), get(other)))),
      advance(at, 2 * NUMBER),
    ),
    ...sums.map((sum, k) =>
      f64.store(i32.of(sumsAt), f64.add(pair.first(get(sum)), pair.second(get(sum))), k * NUMBER),
    ),
  );
  return writer;
}

type Places<N extends number, All extends number[] = []> = All['length'] extends N
  ? All
  : Places<N, [...All, number]>;
