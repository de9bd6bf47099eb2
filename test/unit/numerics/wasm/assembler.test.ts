import { describe, expect, test } from 'vitest';

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
} from '../../../../src/numerics/wasm/assembler.js';
import { instantiate } from '../../../../src/numerics/wasm/instance.js';

/** A function of one page, and the doubles of that page. */
function program(functions: Record<string, FunctionWriter>) {
  const { memory, functions: exported } = instantiate(moduleOf(functions), 1)!;
  return { numbers: new Float64Array(memory.buffer), whole: new Int32Array(memory.buffer), exported };
}

describe('written modules', () => {
  test.each([0, 1, 63, 64, 127, 128, 16383, 16384, -1, -64, -65, -128, -129, 2 ** 31 - 1, -(2 ** 31)])(
    'the whole number %d arrives',
    (value) => {
      // Stored as what is added to a number of the memory, and read back by a place that it points to.
      const writer = new FunctionWriter(0, true).write(
        f64.store(i32.of(64), f64.of(0.5)),
        f64.load(i32.add(i32.of(value), i32.sub(i32.of(64), i32.of(value)))),
      );
      expect(program({ run: writer }).exported['run']!()).toBe(0.5);
    },
  );

  test.each([0, -0, 1.5, -1e300, 5e-324, Infinity])('the double %d arrives', (value) => {
    expect(program({ run: new FunctionWriter(0, true).write(f64.of(value)) }).exported['run']!()).toBe(value);
  });

  test('a loop adds up the numbers between two places, none where they meet', () => {
    const writer = new FunctionWriter(2, true);
    const sum = writer.number();
    writer.write(whileBelow(0, get(1), gain(sum, f64.load(get(0))), advance(0, 8)), get(sum));
    const { numbers, exported } = program({ run: writer });
    numbers.set([1, 20, 300, 4000]);
    expect(exported['run']!(0, 32)).toBe(4321);
    expect(exported['run']!(8, 24)).toBe(320);
    expect(exported['run']!(16, 16)).toBe(0);
  });

  test('arithmetic of doubles, and of two at once', () => {
    const writer = new FunctionWriter(0);
    const sum = writer.pair();
    writer.write(
      f64.store(i32.of(32), f64.div(f64.sub(f64.load(i32.of(0)), f64.load(i32.of(0), 8)), f64.of(4))),
      set(sum, pair.of(f64.of(100))),
      gainPair(sum, pair.mul(pair.load(i32.of(0)), pair.loadTwice(i32.of(8)))),
      pair.store(i32.of(40), get(sum)),
      f64.store(i32.of(56), f64.add(pair.first(get(sum)), f64.mul(f64.of(2), pair.second(get(sum))))),
    );
    const { numbers, exported } = program({ run: writer });
    numbers.set([3, 5]);
    exported['run']!();
    expect([...numbers.subarray(4, 8)]).toEqual([-0.5, 115, 125, 365]);
  });

  test('conditions, calls between functions, and values that are not used', () => {
    const size = new FunctionWriter(1, true).write(f64.size(f64.load(get(0))));
    const clip = new FunctionWriter(1).write(
      unless(f64.isAbove(call(0, get(0)), f64.of(1)), f64.store(get(0), f64.of(0))),
      drop(call(0, get(0))),
    );
    const { numbers, exported } = program({ size, clip });
    numbers.set([-3, 0.5, NaN]);
    for (const place of [0, 8, 16]) exported['clip']!(place);
    expect([...numbers.subarray(0, 3)]).toEqual([-3, 0, 0]);
  });

  test('places that stand in the memory', () => {
    const writer = new FunctionWriter(0, true).write(f64.load(i32.load(i32.of(8), 4)));
    const { numbers, whole, exported } = program({ run: writer });
    whole[3] = 80;
    numbers[10] = 7;
    expect(exported['run']!()).toBe(7);
  });

  test('what is no module is not run', () => {
    expect(instantiate(Uint8Array.of(0, 1, 2), 1)).toBe(null);
  });
});
