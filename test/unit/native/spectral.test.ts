/** Every kernel of the eigen-solver against its TypeScript twin on the same arrays, on each instruction set. */
import { afterAll, describe, expect, test } from 'vitest';
import {
  nativeStatus,
  selectIsa,
  setNativeThreads,
  spectralOrder,
  spectralSymbolic,
} from '../../../src/native/index.js';
import { weightedSquares } from '../../../src/numerics/descriptors/signatures.js';
import { seededRandom } from '../../../src/numerics/random.js';
import { eigsh } from '../../../src/numerics/spectral/eigsh.js';
import { cotangentOperator } from '../../../src/numerics/spectral/mesh-operator.js';
import { nativeKernels } from '../../../src/numerics/spectral/native-kernels.js';
import type { Slice, SliceTask, SolverKernels } from '../../../src/numerics/spectral/solver-kernels.js';
import { commonPair, permutedPair } from '../../../src/numerics/spectral/solver-pair.js';
import { sparseFromTriplets, type SparseMatrix } from '../../../src/numerics/spectral/sparse-matrix.js';
import { typescriptKernels } from '../../../src/numerics/spectral/typescript-kernels.js';
import { grid, icosphere, together } from '../../support/meshes.js';

const status = nativeStatus();
const isas = status.available ? status.isas : [];
const draws = seededRandom(5, 'kernels');
const random = (length: number): Float64Array => Float64Array.from({ length }, () => draws.normal());

function expectClose(found: Float64Array, known: Float64Array, tolerance: number): void {
  let size = 0;
  let worst = 0;
  known.forEach((value, at) => {
    size = Math.max(size, Math.abs(value));
    worst = Math.max(worst, Math.abs(value - found[at]!));
  });
  expect(found).toHaveLength(known.length);
  expect(worst).toBeLessThanOrEqual(tolerance * size);
}

function patternOf(size: number, edge: (i: number, j: number) => boolean): SparseMatrix {
  const [row, column]: [number[], number[]] = [[], []];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      if (!edge(i, j)) continue;
      row.push(i);
      column.push(j);
    }
  }
  return sparseFromTriplets({ row, column, value: row.map(() => 1) }, [size, size]);
}

// Stiffness and mass of linear elements on a square of side 1 with opposite edges joined, each cell cut from corner (0, 0) to
// corner (1, 1).
function flatTorus(side: number, mass: 'lumped' | 'consistent'): { stiffness: SparseMatrix; mass: SparseMatrix } {
  const cell = 1 / side ** 2;
  const [row, column, stiff, heavy]: [number[], number[], number[], number[]] = [[], [], [], []];
  const neighbours = [
    [1, 0, -1],
    [-1, 0, -1],
    [0, 1, -1],
    [0, -1, -1],
    [1, 1, 0],
    [-1, -1, 0],
  ] as const;
  const place = (x: number, y: number): number => ((x + side) % side) * side + ((y + side) % side);
  for (let x = 0; x < side; x++) {
    for (let y = 0; y < side; y++) {
      for (const [dx, dy, weight] of [[0, 0, 4] as const, ...neighbours]) {
        row.push(place(x, y));
        column.push(place(x + dx, y + dy));
        stiff.push(weight);
        const isSelf = weight === 4;
        heavy.push(mass === 'lumped' ? (isSelf ? cell : 0) : isSelf ? cell / 2 : cell / 12);
      }
    }
  }
  const shape: [number, number] = [side ** 2, side ** 2];
  return {
    stiffness: sparseFromTriplets({ row, column, value: stiff }, shape),
    mass: sparseFromTriplets({ row, column, value: heavy }, shape),
  };
}

// Plane waves are the eigenvectors: (4 - 2 cos a - 2 cos b) over the mass's own sum of cosines.
function torusEigenvalues(side: number, mass: 'lumped' | 'consistent'): Float64Array {
  const values: number[] = [];
  for (let p = 0; p < side; p++) {
    for (let q = 0; q < side; q++) {
      const [a, b] = [(2 * Math.PI * p) / side, (2 * Math.PI * q) / side];
      const stiff = 4 * Math.sin(a / 2) ** 2 + 4 * Math.sin(b / 2) ** 2;
      const heavy = mass === 'lumped' ? 1 : 0.5 + (Math.cos(a) + Math.cos(b) + Math.cos(a + b)) / 6;
      values.push((stiff / heavy) * side ** 2);
    }
  }
  return Float64Array.from(values).sort();
}

describe.skipIf(isas.length === 0)('kernels of the eigen-solver', () => {
  afterAll(() => selectIsa(isas[0]!));
  // Large enough for packed products, odd so that every tile has a rest.
  const { vertices, faces } = grid(46, 40, 1.3, 1);
  const operator = cotangentOperator(vertices, faces, 'consistent');
  const given = commonPair(operator.stiffness, operator.mass);
  const symbolic = typescriptKernels.analyse(given.size, given.starts, given.columns);
  const pair = permutedPair(given, symbolic.order);
  const lumped = permutedPair(commonPair(operator.stiffness, cotangentOperator(vertices, faces).mass), symbolic.order);
  const n = pair.size;
  const scripted = typescriptKernels;

  test('ordering and structure of the factor are equal to the last bit', () => {
    const sphere = icosphere(4);
    const { stiffness } = cotangentOperator(sphere.vertices, sphere.faces);
    const both = together([grid(40, 30, 1.3, 1), grid(25, 20, 1, 1)], 3);
    const parts = cotangentOperator(both.vertices, both.faces).stiffness;
    const star = patternOf(300, (i, j) => (i === 0) !== (j === 0));
    const complete = patternOf(200, (i, j) => i !== j);
    const loops = patternOf(150, (i, j) => i === j);
    const patterns = [stiffness, parts, star, complete, loops, patternOf(1, () => true)];
    for (const { rows, rowStarts, columnIndices } of patterns) {
      const known = scripted.analyse(rows, rowStarts, columnIndices);
      expect(nativeKernels.analyse(rows, rowStarts, columnIndices)).toEqual(known);
    }
  });

  test('two threads give the same order', () => {
    const sphere = icosphere(5);
    const { stiffness } = cotangentOperator(sphere.vertices, sphere.faces);
    const one = spectralOrder(stiffness.rows, stiffness.rowStarts, stiffness.columnIndices);
    setNativeThreads(2);
    const two = spectralOrder(stiffness.rows, stiffness.rowStarts, stiffness.columnIndices);
    setNativeThreads(1);
    expect(two).toEqual(one);
  });

  test('eigenpairs are the same bytes with one thread and with two', () => {
    const solve = (): Float64Array =>
      eigsh(operator.stiffness, operator.mass, { k: 110, solver: 'native' }).eigenvectors;
    const one = solve();
    setNativeThreads(2);
    try {
      expect(Buffer.from(solve().buffer).equals(Buffer.from(one.buffer))).toBe(true);
    } finally {
      setNativeThreads(1);
    }
  });

  test('pairs are joined, measured and renumbered to the last bit', () => {
    const both = together([grid(12, 9, 1.3, 1), grid(7, 5, 1, 1)], 3);
    for (const kind of ['lumped', 'consistent'] as const) {
      const { stiffness, mass } = cotangentOperator(both.vertices, both.faces, kind);
      // No Laplacian, and the mass no finite element's.
      const other = { ...stiffness, values: stiffness.values.map((value, e) => value + (e === 0 ? 1 : 0)) };
      for (const [k, m] of [[stiffness, mass], [other, stiffness]] as const) {
        const heavy = m === mass ? m : { ...m, values: m.values.map(Math.abs) };
        const known = scripted.join(k, heavy);
        expect(known.count).toBe(2);
        const found = nativeKernels.join(k, heavy);
        expect(found).toEqual(known);
        expect(nativeKernels.facts(found.pair)).toEqual(scripted.facts(known.pair));
        const { order } = scripted.analyse(known.pair.size, known.pair.starts, known.pair.columns);
        expect(nativeKernels.permute(found.pair, order)).toEqual(scripted.permute(known.pair, order));
      }
    }
  });

  test('matrices that are no pair are refused in the words of TypeScript', () => {
    const entries = (value: number[]): SparseMatrix =>
      sparseFromTriplets({ row: [0, 0, 1, 1], column: [0, 1, 0, 1], value }, [2, 2]);
    const one = entries([1, 0, 0, 1]);
    const unsorted = { ...one, columnIndices: Int32Array.of(1, 0, 0, 1) };
    const outside = { ...one, columnIndices: Int32Array.of(0, 7, 0, 1) };
    for (const [k, m, message] of [
      [entries([1, 2, 3, 1]), one, 'entry (0, 1) is 2, entry (1, 0) is 3'],
      [entries([1, NaN, 3, 1]), one, 'entry (0, 1) of the stiffness matrix is NaN'],
      [one, entries([1, 0, 0, -4]), 'row 1 of the mass matrix has the diagonal entry -4'],
      [unsorted, one, 'the stiffness matrix is not symmetric'],
      [outside, one, 'the stiffness matrix is not symmetric'],
    ] as const) {
      for (const kernels of [nativeKernels, scripted]) expect(() => kernels.join(k, m)).toThrow(message);
    }
    const lopsided = { ...pair, columns: pair.columns.map((column, e) => (e === 1 ? 0 : column)) };
    expect(() => nativeKernels.permute(lopsided, symbolic.order)).toThrow('the pattern is not symmetric');
    expect(() => nativeKernels.permute(pair, symbolic.order.map(() => 0))).toThrow('the order is no permutation');
  });

  test('columns outside, and orders that are none, are refused', () => {
    const starts = Int32Array.of(0, 1, 2);
    expect(() => spectralOrder(2, starts, Int32Array.of(0, 2))).toThrow('a column is outside');
    expect(() => spectralSymbolic(2, starts, Int32Array.of(0, 1), Int32Array.of(1, 1))).toThrow(
      'the order is no permutation',
    );
  });

  test('columns moved between blocks and rows, and signs', () => {
    const from = random(4 * 3 * n);
    const [sources, targets] = [Int32Array.of(0, 5, 11, 6), Int32Array.of(3, 0, 4, 5)];
    const [found, known] = [new Float64Array(4 * 2 * n), new Float64Array(4 * 2 * n)];
    nativeKernels.copyColumns(n, from, sources, found, targets);
    scripted.copyColumns(n, from, sources, known, targets);
    expect(found).toEqual(known);
    // Column 11 of the blocks is column 4 of the copy.
    expect(found[4 * n + 4 * 7]).toBe(from[8 * n + 4 * 7 + 3]);
    const places = symbolic.order;
    const [rows, others] = [new Float64Array(n * 5), new Float64Array(n * 5)];
    nativeKernels.toRows(n, from, sources, places, n, 5, rows, Int32Array.of(4, 2, 0, 1));
    scripted.toRows(n, from, sources, places, n, 5, others, Int32Array.of(4, 2, 0, 1));
    expect(rows).toEqual(others);
    expect(rows[5 * places[9]! + 4]).toBe(from[4 * 9]);
    nativeKernels.fixSigns(n, 5, rows);
    scripted.fixSigns(n, 5, others);
    expect(rows).toEqual(others);
    // The third component rivals the first by rounding only: the first decides.
    const tied = Float64Array.of(-1, 0.5, 1 + 1e-12);
    nativeKernels.fixSigns(3, 1, tied);
    expect(tied[0]).toBe(1);
    expect(() =>
      nativeKernels.toRows(n, from, sources, places, n, 5, rows, Int32Array.of(5, 2, 0, 1)),
    ).toThrow('a column is outside');
  });

  const slicesFrom = (kernels: SolverKernels): SliceTask[] =>
    [400, 2600].map((shift, i) => ({
      factor: kernels.factor(symbolic, pair, shift),
      below: 9 + i,
      above: 20,
      seed: i,
      tolerance: 1e-11,
      mostLost: 1e-9,
      mayMove: true,
    }));
  let scriptedSlices: readonly Slice[] | undefined;
  const bytesOf = (slices: readonly Slice[]): Buffer =>
    Buffer.concat(slices.flatMap(({ eigenvalues, vectors }) => [eigenvalues, vectors].map((array) => Buffer.from(array.buffer))));

  for (const isa of isas) {
    describe(isa, () => {
      test.each([-5, 371.3, 4000])('factor and solve with shift %f', (shift) => {
        selectIsa(isa);
        const known = scripted.factor(symbolic, pair, shift);
        const found = nativeKernels.factor(symbolic, pair, shift);
        expect(found.inertia).toBe(known.inertia);
        expect(found.signs).toEqual(known.signs);
        expect(found.growth / known.growth).toBeCloseTo(1, 6);
        const x = random(3 * 4 * n);
        const y = x.slice();
        nativeKernels.solve(symbolic, found, x, 3);
        scripted.solve(symbolic, known, y, 3);
        // Near eigenvalues rounding is amplified.
        expectClose(x, y, 1e-9);
      });

      test('a pivot of 0 gives infinite growth', () => {
        selectIsa(isa);
        const zero = { ...lumped, stiffness: lumped.stiffness.map(() => 0) };
        expect(nativeKernels.factor(symbolic, zero, 0).growth).toBe(Infinity);
      });

      test.each(['multiplyMass', 'multiplyStiffness'] as const)('%s', (name) => {
        selectIsa(isa);
        for (const matrices of [pair, lumped]) {
          const x = random(2 * 4 * n);
          const [found, known] = [new Float64Array(x.length), new Float64Array(x.length)];
          nativeKernels[name](matrices, x, found, 2);
          scripted[name](matrices, x, known, 2);
          expectClose(found, known, 1e-14);
        }
      });

      test.each([1, 2, 7])('sums of %i blocks', (count) => {
        selectIsa(isa);
        const basis = random(4 * n * count);
        const coefficients = random(16 * count * 3);
        const [out, other] = [new Float64Array(3 * 4 * n), new Float64Array(3 * 4 * n)];
        nativeKernels.combine(n, basis, count, coefficients, 3, out);
        scripted.combine(n, basis, count, coefficients, 3, other);
        expectClose(out, other, 1e-13);
        const square = random(16 * count * count);
        const inPlace = basis.slice();
        const apart = new Float64Array(basis.length);
        nativeKernels.combine(n, inPlace, count, square, count, inPlace);
        scripted.combine(n, basis, count, square, count, apart);
        expectClose(inPlace, apart, 1e-13);
      });

      test.each([
        [1, 1],
        [5, 2],
        [7, 5],
      ])('inner products of %i blocks with %i', (count, zCount) => {
        selectIsa(isa);
        const [basis, z] = [random(4 * n * count), random(4 * n * zCount)];
        const [found, known] = [
          new Float64Array(16 * count * zCount).fill(NaN),
          new Float64Array(16 * count * zCount),
        ];
        nativeKernels.gram(n, basis, count, z, zCount, found);
        scripted.gram(n, basis, count, z, zCount, known);
        expectClose(found, known, 1e-13);
        // Entry (5, 2) or (1, 2), by the definition.
        const row = count > 1 ? 5 : 1;
        let sum = 0;
        for (let i = 0; i < n; i++) {
          sum += basis[Math.floor(row / 4) * 4 * n + 4 * i + (row % 4)]! * z[4 * i + 2]!;
        }
        expect(found[row * 4 * zCount + 2]! / sum).toBeCloseTo(1, 9);
      });

      test.each([
        [5, 3],
        [300, 37],
      ])('weighted squares of %i modes in %i columns', (k, columns) => {
        selectIsa(isa);
        const rows = 101;
        const spectrum = { eigenvalues: new Float64Array(k), eigenvectors: random(rows * k) };
        // A vertex without triangle: its numbers stay its own.
        spectrum.eigenvectors.fill(NaN, 50 * k, 51 * k);
        const weights = random(columns * k);
        const found = weightedSquares(spectrum, weights, 'native');
        const known = weightedSquares(spectrum, weights, 'typescript');
        expect(found.subarray(50 * columns, 51 * columns).every(Number.isNaN)).toBe(true);
        found.fill(0, 50 * columns, 51 * columns);
        known.fill(0, 50 * columns, 51 * columns);
        expectClose(found, known, 1e-14);
      });

      test('column operations', () => {
        selectIsa(isa);
        const [a, b, g] = [random(4 * n), random(4 * n), random(16)];
        const [found, known] = [new Float64Array(4), new Float64Array(4)];
        nativeKernels.columnDots(n, a, b, found);
        scripted.columnDots(n, a, b, known);
        expectClose(found, known, 1e-12);
        const [x, y] = [a.slice(), a.slice()];
        nativeKernels.subtractColumns(n, x, g, b);
        scripted.subtractColumns(n, y, g, b);
        expectClose(x, y, 1e-14);
      });

      test.each([1, 2, 61])('a dense pencil of %i rows', (size) => {
        selectIsa(isa);
        const [a, b] = [random(size * size), random(size * size)];
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < i; j++) a[j * size + i] = a[i * size + j]!;
          for (let j = 0; j <= i; j++) b[j * size + i] = b[i * size + j] = (b[i * size + j]! + (i === j ? 90 : 0)) / 8;
        }
        const found = nativeKernels.pencil(size, a.slice(), b.slice());
        const known = scripted.pencil(size, a.slice(), b.slice());
        expectClose(found.values, known.values, 1e-13);
        expectClose(found.rows.map(Math.abs), known.rows.map(Math.abs), 1e-10);
        b[0] = -1;
        for (const kernels of [nativeKernels, scripted]) {
          expect(() => kernels.pencil(size, a.slice(), b.slice())).toThrow('is not positive definite (pivot -1)');
        }
      });

      test.each([1, 2, 5])('a dense pencil of %i rows with an entry that is no number', (size) => {
        selectIsa(isa);
        for (const kernels of [nativeKernels, scripted]) {
          for (const entry of [Number.NaN, Infinity]) {
            const a = Float64Array.from({ length: size * size }, (_, i) => (i === 0 ? entry : 1));
            const one = Float64Array.from(a, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
            expect(() => kernels.pencil(size, a, one)).toThrow(`of a symmetric matrix of ${size} rows did not`);
          }
        }
      });

      test('slices find the pairs around their shifts, as those of TypeScript do', () => {
        selectIsa(isa);
        const tasks = slicesFrom(nativeKernels);
        const found = nativeKernels.slices(symbolic, pair, tasks);
        scriptedSlices ??= scripted.slices(symbolic, pair, slicesFrom(scripted));
        const known = scriptedSlices;
        found.forEach((slice, i) => {
          const { below, above } = tasks[i]!;
          expect(slice).toMatchObject({ isConverged: true, betterShift: null });
          expectClose(slice.eigenvalues, known[i]!.eigenvalues, 1e-11);
          expect(slice.eigenvalues[below - 1]).toBeLessThan(tasks[i]!.factor.shift);
          expect(slice.eigenvalues[below]).toBeGreaterThan(tasks[i]!.factor.shift);
          const blocks = Math.ceil((below + above) / 4);
          const [stiff, heavy] = [new Float64Array(4 * n * blocks), new Float64Array(4 * n * blocks)];
          nativeKernels.multiplyStiffness(pair, slice.vectors, stiff, blocks);
          nativeKernels.multiplyMass(pair, slice.vectors, heavy, blocks);
          const products = new Float64Array(16 * blocks * blocks);
          nativeKernels.gram(n, slice.vectors, blocks, heavy, blocks, products);
          slice.eigenvalues.forEach((value, c) => {
            let [square, size] = [0, 0];
            for (let r = 0, at = 4 * n * Math.floor(c / 4) + (c % 4); r < n; r++, at += 4) {
              square += (stiff[at]! - value * heavy[at]!) ** 2;
              size += (value * heavy[at]!) ** 2;
            }
            expect(Math.sqrt(square / size)).toBeLessThan(1e-8);
            for (let d = 0; d < below + above; d++) {
              expect(Math.abs(products[4 * blocks * c + d]! - (c === d ? 1 : 0))).toBeLessThan(1e-7);
            }
          });
        });
      });

      test.each([300, 20_500])('a slice of %i rows goes on where its Krylov space is exhausted', (nodes) => {
        selectIsa(isa);
        // A star: 0, then 1 in all directions but two, then the number of nodes.
        const [row, column, value]: [number[], number[], number[]] = [[], [], []];
        for (let i = 0; i < nodes; i++) {
          row.push(i, ...(i > 0 ? [0, i] : []));
          column.push(i, ...(i > 0 ? [i, 0] : []));
          value.push(i === 0 ? nodes - 1 : 1, ...(i > 0 ? [-1, -1] : []));
        }
        const star = sparseFromTriplets({ row, column, value }, [nodes, nodes]);
        const one = sparseFromTriplets(
          { row: row.filter((i, e) => i === column[e]), column: row.filter((i, e) => i === column[e]), value: Array<number>(nodes).fill(1) },
          [nodes, nodes],
        );
        const unordered = commonPair(star, one);
        const structure = scripted.analyse(nodes, unordered.starts, unordered.columns);
        const ordered = permutedPair(unordered, structure.order);
        for (const kernels of nodes === 300 ? [nativeKernels, scripted] : [nativeKernels]) {
          const factor = kernels.factor(structure, ordered, 0.4);
          const task = { factor, below: 1, above: 30, seed: 1, tolerance: 1e-11, mostLost: 1e-9, mayMove: false };
          const slice = kernels.slices(structure, ordered, [task])[0]!;
          expect(slice.isConverged).toBe(true);
          expectClose(slice.eigenvalues, Float64Array.from({ length: 31 }, (_, i) => (i === 0 ? 0 : 1)), 1e-12);
        }
      });

      test('as many threads as there are slices give the same bytes as one', () => {
        selectIsa(isa);
        const tasks = [300, 1700, 3000].map((shift, seed) => {
          const factor = nativeKernels.factor(symbolic, lumped, shift);
          return { factor, below: 8, above: 12, seed, tolerance: 1e-11, mostLost: 1e-9, mayMove: true };
        });
        const one = nativeKernels.slices(symbolic, lumped, tasks);
        setNativeThreads(3);
        try {
          expect(bytesOf(nativeKernels.slices(symbolic, lumped, tasks)).equals(bytesOf(one))).toBe(true);
          expect(bytesOf(nativeKernels.slices(symbolic, lumped, tasks.slice(1))).equals(bytesOf(one.slice(1)))).toBe(true);
        } finally {
          setNativeThreads(1);
        }
      });

      test.each(['lumped', 'consistent'] as const)('large surfaces, whose blocks hold eight vectors, with %s mass', (mass) => {
        selectIsa(isa);
        // A flat torus of 144 x 144 vertices: eigenvalues of the linear elements are known in closed form.
        const side = 144;
        const { stiffness, mass: heavy } = flatTorus(side, mass);
        const { eigenvalues, quality, certificate } = eigsh(stiffness, heavy, { k: 21, solver: 'native' });
        const known = torusEigenvalues(side, mass).slice(0, 21);
        expectClose(eigenvalues, known, 1e-12);
        expect(certificate.count).toBe(21);
        expect(quality.resBack).toBeLessThan(1e-14);
        expect(quality.orthonormality).toBeLessThan(1e-13);
      });

      test('arrays too short for their sizes are refused', () => {
        selectIsa(isa);
        expect(() => nativeKernels.gram(n, new Float64Array(4), 1, new Float64Array(4 * n), 1, new Float64Array(16))).toThrow(TypeError);
        expect(() => nativeKernels.solve(symbolic, { ...scripted.factor(symbolic, pair, -1), panels: new Float64Array(3) }, new Float64Array(4 * n), 1)).toThrow(TypeError);
      });
    });
  }
});
