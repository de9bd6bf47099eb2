import type { Matrix } from '../linalg/matrix.js';

/** A stimulus as runs of equal image columns; repeated frames and columns are kept once. */
export interface RunCode {
  /** Shape (frames): which of the unique frames. */
  readonly frameOf: Int32Array;
  readonly uniqueFrames: number;
  /** Number of different columns. */
  readonly profiles: number;
  /** Shape (profiles + 1): where the values of a column begin. */
  readonly profileStart: Int32Array;
  /** Shape (profiles): the y index of its first value. */
  readonly profileFirst: Int32Array;
  readonly profileValues: Float64Array;
  /** Shape (uniqueFrames + 1): where the runs of a frame begin. */
  readonly frameStart: Int32Array;
  readonly runProfile: Int32Array;
  /** First column of a run, and the one after its last. */
  readonly runFrom: Int32Array;
  readonly runTo: Int32Array;
}

/** @param stimulus - frames x (nx ny), y fastest */
export function encodeRuns(stimulus: Matrix, nx: number, ny: number): RunCode {
  const encoder = new RunEncoder(nx, ny);
  const frameOf = new Int32Array(stimulus.rows);
  for (let t = 0; t < stimulus.rows; t++) {
    frameOf[t] = encoder.frame(stimulus.values.subarray(t * nx * ny, (t + 1) * nx * ny));
  }
  return encoder.finish(frameOf);
}

class RunEncoder {
  readonly #frames = new Map<string, number>();
  readonly #profiles = new Map<string, number>();
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
    const key = bytesOf(pixels);
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    const id = this.#frames.size;
    this.#frames.set(key, id);
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

  finish(frameOf: Int32Array): RunCode {
    return {
      frameOf,
      uniqueFrames: this.#frames.size,
      profiles: this.#profiles.size,
      profileStart: Int32Array.from(this.#profileStart),
      profileFirst: Int32Array.from(this.#profileFirst),
      profileValues: Float64Array.from(this.#profileValues),
      frameStart: Int32Array.from(this.#frameStart),
      runProfile: Int32Array.from(this.#runProfile),
      runFrom: Int32Array.from(this.#runFrom),
      runTo: Int32Array.from(this.#runTo),
    };
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
    const key = `${from}:${bytesOf(stretch)}`;
    const known = this.#profiles.get(key);
    if (known !== undefined) return known;
    const id = this.#profiles.size;
    this.#profiles.set(key, id);
    this.#profileFirst.push(from);
    for (const value of stretch) this.#profileValues.push(value);
    this.#profileStart.push(this.#profileValues.length);
    return id;
  }
}

function bytesOf(values: Float64Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('latin1');
}
