import { nativeStatus, type Isa } from '../../src/native/index.js';

/** Instruction sets that this machine can run; none without the addon, which a test of its own reports. */
export function testedIsas(): readonly Isa[] {
  const status = nativeStatus();
  return status.available ? status.isas : [];
}

/** Values in [-1, 1), the same for the same seed. */
export function uniformFloats(length: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
