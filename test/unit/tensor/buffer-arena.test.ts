import { expect, test } from 'vitest';
import { BufferArena } from '../../../src/tensor/backends/native/buffer-arena.js';

const place = (array: Float32Array | Uint8Array) => array.byteOffset;

test('what is given back serves arrays of other lengths', () => {
  const arena = new BufferArena();
  const [a, b, c] = [arena.floats(1000), arena.floats(2000), arena.floats(500)];
  arena.giveBack(a);
  arena.giveBack(b);
  const joined = arena.floats(3000);
  expect(joined.buffer).toBe(a.buffer);
  expect(place(joined)).toBe(place(a));
  arena.giveBack(joined);
  arena.giveBack(c);
  expect(arena.usage.bytes).toBe(0);
  expect(place(arena.bytes(20_000))).toBe(place(a));
});

test('arrays in use never share memory', () => {
  const arena = new BufferArena();
  const live: Float32Array[] = [];
  let state = 1;
  for (let round = 0; round < 400; round++) {
    state = (state * 48271) % 2147483647;
    if (state % 3 === 0 && live.length > 0)
      arena.giveBack(live.splice(state % live.length, 1)[0] as Float32Array);
    else live.push(arena.floats(1 + (state % 5000)).fill(round));
  }
  expect(live.length).toBeGreaterThan(20);
  for (const array of live) expect(array.every((value) => value === array[0])).toBe(true);
  const sorted = live.toSorted((a, b) => place(a) - place(b));
  for (const [i, array] of sorted.entries()) {
    const next = sorted[i + 1];
    if (next !== undefined) expect(place(array) + array.byteLength).toBeLessThanOrEqual(place(next));
  }
});

test('use is counted, and a buffer without any array is let go', () => {
  const arena = new BufferArena();
  const first = arena.floats(16);
  const second = arena.floats(32);
  expect(arena.usage).toEqual({ bytes: 192, most: 192 });
  arena.giveBack(first);
  expect(arena.usage).toEqual({ bytes: 128, most: 192 });
  arena.releaseUnused();
  expect(arena.floats(16).buffer).toBe(second.buffer);
  arena.giveBack(second);
  arena.giveBack(second);
  arena.giveBack(new Float32Array(16));
  expect(arena.usage.bytes).toBe(64);
});

test('a request beyond the first buffer gets one of its own', () => {
  const arena = new BufferArena();
  const large = arena.bytes(2 ** 28);
  const small = arena.floats(8);
  expect(large.length).toBe(2 ** 28);
  arena.giveBack(large);
  arena.giveBack(small);
  arena.releaseUnused();
  expect(arena.floats(8).buffer).not.toBe(large.buffer);
});
