import type { PrfStimulus } from '../../native/index.js';
import type { Matrix } from '../linalg/matrix.js';

/** A stimulus as runs of equal image columns, with the pixels of the columns beside their steps. */
export interface ImageRuns extends PrfStimulus {
  /** Shape (profiles + 1): where the values of a column begin. */
  readonly profileStart: Int32Array;
  /** Shape (profiles): the y index of its first value. */
  readonly profileFirst: Int32Array;
  readonly profileValues: Float64Array;
}

/**
 * @param stimulus - frames x pixels, y fastest
 * @param xs - of the image columns
 * @param ys - within a column
 */
export function encodeRuns(stimulus: Matrix, xs: Float64Array, ys: Float64Array): ImageRuns {
  const [nx, ny] = [xs.length, ys.length];
  const encoder = new RunEncoder(nx, ny);
  const frameOf = new Int32Array(stimulus.rows);
  for (let t = 0; t < stimulus.rows; t++) {
    frameOf[t] = encoder.frame(stimulus.values.subarray(t * nx * ny, (t + 1) * nx * ny));
  }
  return { xs, ys, ...encoder.finish(frameOf) };
}

class RunEncoder {
  readonly #frames = new KnownSeries();
  readonly #profiles = new KnownSeries();
  readonly #profileStart = [0];
  readonly #profileFirst: number[] = [];
  readonly #profileValues: number[] = [];
  readonly #frameStart = [0];
  readonly #runProfile: number[] = [];
  readonly #runFrom: number[] = [];
  readonly #runTo: number[] = [];

  constructor(
    readonly nx: number,
    readonly ny: number,
  ) {}

  frame(pixels: Float64Array): number {
    const { id, isNew } = this.#frames.add(0, pixels);
    if (!isNew) return id;
    let previous = -1;
    for (let i = 0; i < this.nx; i++) {
      const profile = this.#profile(pixels.subarray(i * this.ny, (i + 1) * this.ny));
      if (profile >= 0 && profile === previous) this.#runTo[this.#runTo.length - 1] = i + 1;
      else if (profile >= 0) this.#beginRun(profile, i);
      previous = profile;
    }
    this.#frameStart.push(this.#runProfile.length);
    return id;
  }

  finish(frameOf: Int32Array): Omit<ImageRuns, 'xs' | 'ys'> {
    const { start, row, fall } = this.#steps();
    return {
      frameOf,
      uniqueFrames: this.#frames.size,
      profiles: this.#profiles.size,
      profileStart: Int32Array.from(this.#profileStart),
      profileFirst: Int32Array.from(this.#profileFirst),
      profileValues: Float64Array.from(this.#profileValues),
      stepStart: Int32Array.from(start),
      stepRow: Int32Array.from(row),
      stepFall: Float64Array.from(fall),
      peak: this.#profileValues.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0),
      frameStart: Int32Array.from(this.#frameStart),
      runProfile: Int32Array.from(this.#runProfile),
      runFrom: Int32Array.from(this.#runFrom),
      runTo: Int32Array.from(this.#runTo),
    };
  }

  /** Where the columns change: with sums over the rows before a place, a column needs only those. */
  #steps(): { readonly start: number[]; readonly row: number[]; readonly fall: number[] } {
    const start = [0];
    const row: number[] = [];
    const fall: number[] = [];
    this.#profileFirst.forEach((first, profile) => {
      const [from, to] = [this.#profileStart[profile]!, this.#profileStart[profile + 1]!];
      for (let k = from; k <= to; k++) {
        const before = k === from ? 0 : this.#profileValues[k - 1]!;
        const after = k === to ? 0 : this.#profileValues[k]!;
        if (before === after) continue;
        row.push(first + k - from);
        fall.push(before - after);
      }
      start.push(row.length);
    });
    return { start, row, fall };
  }

  #beginRun(profile: number, column: number): void {
    this.#runProfile.push(profile);
    this.#runFrom.push(column);
    this.#runTo.push(column + 1);
  }

  /** Number of the column's non-zero stretch; -1 when all of it is 0. */
  #profile(column: Float64Array): number {
    let from = 0;
    let to = column.length;
    while (from < to && column[from] === 0) from++;
    while (to > from && column[to - 1] === 0) to--;
    if (from === to) return -1;
    const stretch = column.subarray(from, to);
    const { id, isNew } = this.#profiles.add(from, stretch);
    if (!isNew) return id;
    this.#profileFirst.push(from);
    for (const value of stretch) this.#profileValues.push(value);
    this.#profileStart.push(this.#profileValues.length);
    return id;
  }
}

/** Numbers series in the order in which they are first seen. */
class KnownSeries {
  size = 0;
  readonly #byHash = new Map<
    number,
    { readonly id: number; readonly at: number; readonly series: Float64Array }[]
  >();

  /** @param at - a place that tells equal series apart */
  add(at: number, series: Float64Array): { readonly id: number; readonly isNew: boolean } {
    const hash = hashOf(at, series);
    const alike = this.#byHash.get(hash) ?? [];
    const known = alike.find((other) => other.at === at && isEqual(other.series, series));
    if (known !== undefined) return { id: known.id, isNew: false };
    const id = this.size++;
    alike.push({ id, at, series });
    this.#byHash.set(hash, alike);
    return { id, isNew: true };
  }
}

/** FNV-1a over the two halves of every number. */
function hashOf(at: number, series: Float64Array): number {
  const halves = new Int32Array(series.buffer, series.byteOffset, 2 * series.length);
  let hash = at ^ 0x811c9dc5;
  for (let i = 0; i < halves.length; i++) hash = Math.imul(hash ^ halves[i]!, 0x01000193);
  return hash ^ series.length;
}

function isEqual(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}
