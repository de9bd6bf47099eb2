import { afterEach, describe, expect, test, vi } from 'vitest';

import { classifyThrown } from '../../../../src/engine/failure.js';
import { FieldMoments } from '../../../../src/numerics/encoding/field-moments.js';
import { GaussianPRF2D } from '../../../../src/numerics/encoding/models.js';
import { momentSource } from '../../../../src/numerics/encoding/native-moments.js';
import { PortableMoments } from '../../../../src/numerics/encoding/moment-source.js';
import { ProjectedResponse } from '../../../../src/numerics/encoding/projected-response.js';
import { moduleOf } from '../../../../src/numerics/wasm/assembler.js';
import { instantiate } from '../../../../src/numerics/wasm/instance.js';
import { multiplyBlocks } from '../../../../src/numerics/wasm/products.js';

/** What Node throws under `ulimit -v`. */
const NO_ROOM = new RangeError('WebAssembly.Memory(): could not allocate memory');

/** An engine whose memories beyond so many pages end with this error. */
function limitMemory(pages: number, error: Error): void {
  const engine = (globalThis as unknown as { WebAssembly: Record<string, unknown> }).WebAssembly;
  const Real = engine['Memory'] as new (size: { initial: number }) => object;
  const Memory = class extends Real {
    constructor(size: { initial: number }) {
      if (size.initial > pages) throw error;
      super(size);
    }
  };
  const { validate, Module, Instance } = engine;
  vi.stubGlobal('WebAssembly', { validate, Module, Instance, Memory });
}

function product(rank: number) {
  const left = Float64Array.from({ length: 4 * rank }, (_, i) => Math.sin(i));
  const right = Float64Array.from({ length: 4 * rank }, (_, i) => Math.cos(i));
  return { rows: 4, rank, columns: 4, left, right, out: new Float64Array(16).fill(9) };
}

describe('where there is no room for the memory of a module', () => {
  afterEach(() => void vi.unstubAllGlobals());

  test('products are left to the caller, and smaller ones go on', () => {
    expect(multiplyBlocks(product(2))).toBe(true);
    limitMemory(1, NO_ROOM);
    const large = product(4096);
    expect(multiplyBlocks(large)).toBe(false);
    expect([...large.out]).toEqual(new Array(16).fill(9));
    expect(multiplyBlocks(product(2))).toBe(true);
    vi.unstubAllGlobals();
    expect(multiplyBlocks(large)).toBe(true);
    expect(large.out[0]).toBeCloseTo(
      large.left.slice(0, 4096).reduce((sum, value, i) => sum + value * large.right[4 * i]!, 0),
      9,
    );
  });

  test('receptive fields are computed without a program, to the same numbers', () => {
    const values = Float64Array.from({ length: 9 * 35 }, (_, i) => (i % 11 < 3 ? 1 : 0));
    const model = new GaussianPRF2D({ paradigm: { shape: [9, 7, 5], values } });
    const response = new ProjectedResponse(model, model.getParadigm());
    const thetas = Float64Array.of(0.1, -0.2, Math.log(0.4));
    const responses = (): Float64Array => {
      const out = new Float64Array(9);
      momentSource(response, 'portable').responses(1, thetas, out);
      return out;
    };
    expect(momentSource(response, 'portable')).toBeInstanceOf(FieldMoments);
    const withRoom = responses();
    limitMemory(0, NO_ROOM);
    expect(momentSource(response, 'portable')).toBeInstanceOf(PortableMoments);
    const without = responses();
    expect(Math.max(...without)).toBeGreaterThan(0.01);
    without.forEach((value, t) => expect(value).toBeCloseTo(withRoom[t]!, 12));
  });

  test('any other error of the engine is one', () => {
    limitMemory(0, new TypeError('no such memory'));
    expect(() => instantiate(moduleOf({}), 1)).toThrow('no such memory');
  });

  test('a node that ends so has too little memory', () => {
    expect(classifyThrown(NO_ROOM)).toMatchObject({
      code: 'OUT_OF_MEMORY',
      failureClass: 'out-of-memory',
      message: 'no memory for a large array: WebAssembly.Memory(): could not allocate memory',
    });
  });
});
