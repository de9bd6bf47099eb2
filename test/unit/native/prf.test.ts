import { afterAll, describe, expect, test } from 'vitest';

import {
  prfFit,
  prfMoments,
  prfPeaks,
  prfProducts,
  prfResponses,
  selectIsa,
  setNativeThreads,
} from '../../../src/native/index.js';
import { bestPeaks } from '../../../src/numerics/encoding/best-peaks.js';
import { FieldMoments } from '../../../src/numerics/encoding/field-moments.js';
import { SPMHRFModel } from '../../../src/numerics/encoding/hrf-model.js';
import { GaussianPRF2D, GaussianPRF2DWithHRF } from '../../../src/numerics/encoding/models.js';
import { PortableMoments } from '../../../src/numerics/encoding/moment-source.js';
import { momentSource } from '../../../src/numerics/encoding/native-moments.js';
import { ParameterFitter, type ParameterFit } from '../../../src/numerics/encoding/parameter-fitter.js';
import { ProjectedResponse } from '../../../src/numerics/encoding/projected-response.js';
import { portableProducts } from '../../../src/numerics/encoding/row-peaks.js';
import { matrix } from '../../../src/numerics/linalg/matrix.js';
import { multiplyBlocks } from '../../../src/numerics/wasm/products.js';
import { testedIsas, uniformFloats } from '../../support/native.js';

const [FRAMES, NX, NY] = [37, 11, 7];

/** Bars of changing strength, a grey column, repeated frames and blanks. */
function images() {
  const noise = uniformFloats(FRAMES * NX * NY, 3);
  const values = new Float64Array(FRAMES * NX * NY);
  for (let t = 0; t < FRAMES; t++) {
    const step = t % 13;
    for (let i = 0; i < NX; i++) {
      for (let j = 0; j < NY; j++) {
        const at = (t * NX + i) * NY + j;
        if (step < 11 && Math.abs(i - step) <= 1) values[at] = j > 1 ? 1 : 0.5;
        else if (t % 9 === 4) values[at] = Math.max(noise[at]!, 0);
      }
    }
  }
  return { shape: [FRAMES, NX, NY] as const, values };
}

const confounds = matrix(
  FRAMES,
  2,
  Float64Array.from({ length: 2 * FRAMES }, (_, i) => (i % 2 === 0 ? i : Math.cos(i))),
);
const hrf = (uniqueHrfs: boolean): SPMHRFModel => new SPMHRFModel({ tr: 1.5, uniqueHrfs });
const paradigm = images();

const CASES = [
  ['without HRF', new GaussianPRF2D({ paradigm }), {}],
  ['with HRF, scaled to volume', new GaussianPRF2DWithHRF({ paradigm, hrfModel: hrf(false), rfNorm: 'volume' }), {}],
  ['with HRF and confounds', new GaussianPRF2DWithHRF({ paradigm, hrfModel: hrf(false) }), { confounds }],
  ['with an HRF per voxel', new GaussianPRF2DWithHRF({ paradigm, hrfModel: hrf(true) }), {}],
  ['with a held baseline', new GaussianPRF2DWithHRF({ paradigm, hrfModel: hrf(true) }), { removesMean: false }],
] as const;

/** Those of the twin do not depend on the instruction set. */
const fitsOfTwin = new Map<string, ParameterFit>();
const compatModel = new GaussianPRF2DWithHRF({
  paradigm,
  hrfModel: new SPMHRFModel({ tr: 1.5, uniqueHrfs: true, mode: 'compat' }),
});

/** Fields in and beside the images, from tiny to huge. */
function request(size: number, count: number) {
  const draw = uniformFloats(size * count, 7);
  const thetas = Float64Array.from(draw, (value, at) => {
    const scale = [1.2, 1.2, 2.5, 1.9, 0.6][at % size]!;
    return [0, 0, -0.5, 5, 1.1][at % size]! + scale * value;
  });
  return {
    count,
    thetas,
    voxels: Int32Array.from({ length: count }, (_, k) => k % 3),
    series: Float64Array.from(uniformFloats(3 * FRAMES, 11)),
  };
}

function worst(got: Float64Array, expected: Float64Array, width: number): number {
  let largest = 0;
  for (let column = 0; column < width; column++) {
    let scale = 0;
    let difference = 0;
    for (let at = column; at < got.length; at += width) {
      scale = Math.max(scale, Math.abs(expected[at]!));
      difference = Math.max(difference, Math.abs(got[at]! - expected[at]!));
    }
    largest = Math.max(largest, difference / scale);
  }
  return largest;
}

/** Only columns right of the middle are ever lit. */
const darkSide = new GaussianPRF2D({
  paradigm: {
    shape: [FRAMES, NX, NY],
    values: paradigm.values.map((value, at) => (Math.floor(at / NY) % NX > NX / 2 + 1 ? value : 0)),
  },
});

/** Two fields; the lit half is 15 sizes from the first: the sums before its columns differ by rounding alone. */
const besideTheLight = Float64Array.of(-1, 1, Math.log(0.08), 0.8, 1, Math.log(0.08));

afterAll(() => {
  const best = testedIsas()[0];
  if (best !== undefined) selectIsa(best);
  setNativeThreads(1);
});

/** Fields without the addon: by the program for the images, and by the general code of all models. */
const TWINS = [
  ['the program', (response: ProjectedResponse) => FieldMoments.of(response, response.gaussianField!)!],
  ['the general code', (response: ProjectedResponse) => new PortableMoments(response)],
] as const;

test.each(TWINS)('%s keeps points that recur, and that changes no bit', (_, twinOf) => {
  const model = CASES[3][1];
  const twin = twinOf(new ProjectedResponse(model, model.getParadigm()));
  const { size, length } = twin.layout;
  const asked = request(size, 9);
  const [plain, first, again] = [0, 1, 2].map(() => new Float64Array(9 * length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  twin.moments(asked, plain);
  twin.moments({ ...asked, isRecurring: true }, first);
  twin.moments({ ...asked, isRecurring: true }, again);
  expect(first).toEqual(plain);
  expect(again).toEqual(plain);
});

describe('receptive fields by a program for the images', () => {
  test.each(CASES)('%s: the sums and responses of the general code', (_, model, options) => {
    const response = new ProjectedResponse(model, model.getParadigm(), options);
    const [program, general] = TWINS.map(([, twinOf]) => twinOf(response)) as [FieldMoments, PortableMoments];
    const { size, length } = general.layout;
    const asked = request(size, 53);
    const [got, expected] = [new Float64Array(53 * length), new Float64Array(53 * length)];
    program.moments(asked, got);
    general.moments(asked, expected);
    // As for the addon below.
    expect(worst(got, expected, length)).toBeLessThan(1e-12);
    const [p, q] = [new Float64Array(53 * FRAMES), new Float64Array(53 * FRAMES)];
    program.responses(53, asked.thetas, p);
    general.responses(53, asked.thetas, q);
    expect(worst(p, q, FRAMES)).toBeLessThan(1e-12);
  });

  test('an order of the fields changes no bit, nor do those before', () => {
    const model = CASES[3][1];
    const response = new ProjectedResponse(model, model.getParadigm());
    const program = FieldMoments.of(response, response.gaussianField!)!;
    const { size, length } = program.layout;
    const asked = request(size, 20);
    const together = new Float64Array(20 * length);
    program.moments(asked, together);
    for (const k of [19, 3, 0]) {
      const alone = new Float64Array(length);
      const thetas = asked.thetas.slice(k * size, (k + 1) * size);
      program.moments({ ...asked, count: 1, thetas, voxels: asked.voxels.slice(k, k + 1) }, alone);
      expect(alone).toEqual(together.slice(k * length, (k + 1) * length));
    }
  });

  test.each([
    [1, 1, 1],
    [5, 23, 77],
    [8, 40, 64],
    [3, 0, 6],
  ])('blocks of a product of %d x %d x %d are the plain product to the bit', (rows, rank, columns) => {
    const left = Float64Array.from(uniformFloats(rows * rank, 1));
    const right = Float64Array.from(uniformFloats(rank * columns, 2));
    const [out, plain] = [0, 1].map(() => new Float64Array(rows * columns).fill(9)) as [Float64Array, Float64Array];
    expect(multiplyBlocks({ rows, rank, columns, left, right, out })).toBe(true);
    portableProducts({ rows, rank, columns, left, right, out: plain });
    expect(out).toEqual(plain);
  });
});

test.each(TWINS)('a field that sees nothing lit responds 0 to the bit by %s', (_, twinOf) => {
  const out = new Float64Array(2 * FRAMES);
  twinOf(new ProjectedResponse(darkSide, darkSide.getParadigm())).responses(2, besideTheLight, out);
  expect(out.subarray(0, FRAMES).every((value) => value === 0)).toBe(true);
  expect(out.subarray(FRAMES).some((value) => Math.abs(value) > 0.01)).toBe(true);
});

describe.each(testedIsas())('receptive fields on %s', (isa) => {
  test.each(CASES)('%s: the sums and responses of the portable twin', (_, model, options) => {
    selectIsa(isa);
    const response = new ProjectedResponse(model, model.getParadigm(), options);
    const twin = new PortableMoments(response);
    const native = momentSource(response, 'native');
    const { size, length } = twin.layout;
    const asked = request(size, 53);
    const [got, expected] = [new Float64Array(53 * length), new Float64Array(53 * length)];
    native.moments(asked, got);
    twin.moments(asked, expected);
    // Rounding of sums over 77 pixels and 37 frames; what is left of a projected mean is 1e-16 of the mean.
    expect(worst(got, expected, length)).toBeLessThan(1e-12);
    const [p, q] = [new Float64Array(53 * FRAMES), new Float64Array(53 * FRAMES)];
    native.responses(53, asked.thetas, p);
    twin.responses(53, asked.thetas, q);
    expect(worst(p, q, FRAMES)).toBeLessThan(1e-12);
  });

  test('a field that sees nothing lit responds 0 to the bit', () => {
    selectIsa(isa);
    const response = new ProjectedResponse(darkSide, darkSide.getParadigm());
    const out = new Float64Array(2 * FRAMES);
    momentSource(response, 'native').responses(2, besideTheLight, out);
    expect(out.subarray(0, FRAMES).every((value) => value === 0)).toBe(true);
    expect(out.subarray(FRAMES).some((value) => Math.abs(value) > 0.01)).toBe(true);
  });

  test('neither company, order nor threads change a bit', () => {
    selectIsa(isa);
    const model = CASES[3][1];
    const native = momentSource(new ProjectedResponse(model, model.getParadigm()), 'native');
    const { size, length } = native.layout;
    const asked = request(size, 70);
    const together = new Float64Array(70 * length);
    native.moments(asked, together);
    setNativeThreads(2);
    const threaded = new Float64Array(70 * length);
    native.moments(asked, threaded);
    setNativeThreads(1);
    expect(threaded).toEqual(together);
    for (const k of [0, 1, 17, 69]) {
      const alone = new Float64Array(length);
      const thetas = asked.thetas.slice(k * size, (k + 1) * size);
      native.moments({ ...asked, count: 1, thetas, voxels: asked.voxels.slice(k, k + 1) }, alone);
      expect(alone).toEqual(together.slice(k * length, (k + 1) * length));
    }
  });

  test('products of matrices; a row alone is the same to the bit', () => {
    selectIsa(isa);
    const [rows, rank, columns] = [711, 23, 77];
    const left = Float64Array.from(uniformFloats(rows * rank, 1));
    const right = Float64Array.from(uniformFloats(rank * columns, 2));
    const [out, twin] = [new Float64Array(rows * columns), new Float64Array(rows * columns)];
    setNativeThreads(3);
    prfProducts({ rows, rank, columns, left, right, out });
    setNativeThreads(1);
    portableProducts({ rows, rank, columns, left, right, out: twin });
    expect(worst(out, twin, columns)).toBeLessThan(1e-13);
    for (const row of [0, 6, 710]) {
      const alone = new Float64Array(columns);
      prfProducts({ rows: 1, rank, columns, left: left.slice(row * rank, (row + 1) * rank), right, out: alone });
      expect(alone).toEqual(out.slice(row * columns, (row + 1) * columns));
    }
  });

  test('the best places of every row are those of the twin, on axes and around', () => {
    selectIsa(isa);
    const [rows, count] = [40, 6];
    // Few different values: equal neighbours, and rows with fewer peaks than wanted.
    const products = uniformFloats(rows * 60, 4).map((value) => Math.round(3 * value));
    products[75] = NaN;
    for (const sizes of [Int32Array.of(5, 3, 4), Int32Array.of(12, 5)]) {
      for (const [allowNegative, isDiagonal] of [
        [true, false],
        [false, false],
        ...(sizes.length === 2 ? [[true, true] as const, [false, true] as const] : []),
      ] as const) {
        const weights = isDiagonal ? Float64Array.from({ length: 60 }, (_, i) => (i % 7) / 3) : null;
        const rule = { sizes, isDiagonal, weights, allowNegative };
        const out = new Int32Array(rows * count);
        const scores = Float64Array.from(products);
        prfPeaks({ rows, columns: 60, scores, ...rule, most: count, out });
        for (let row = 0; row < rows; row++) {
          const own = Float64Array.from(products.slice(row * 60, (row + 1) * 60));
          const expected = [...bestPeaks(own, { ...rule, count })];
          while (expected.length < count) expected.push(-1);
          expect([...out.subarray(row * count, (row + 1) * count)]).toEqual(expected);
        }
      }
    }
  });

  test.each([
    ['a shared HRF', CASES[1][1], {}],
    ['confounds', CASES[2][1], { confounds }],
    ['an HRF per voxel', CASES[3][1], {}],
    ['a held size and amplitude', CASES[2][1], { fixedPars: ['sd', 'amplitude'] }],
    ['a held baseline and an HRF per voxel', CASES[3][1], { fixedPars: ['baseline'] }],
    [
      'positive amplitudes',
      new GaussianPRF2DWithHRF({ paradigm, hrfModel: hrf(false), allowNegativeAmplitudes: false }),
      {},
    ],
    ['few iterations', CASES[1][1], { maxNIterations: 2 }],
    ['an HRF of the peer per voxel', compatModel, {}],
  ] as const)('a fit ends where that of the twin ends: %s', (name, model, options) => {
    selectIsa(isa);
    const all = {
      ...{ x: [0.2, -0.5, 0.7, 0.1], y: [0.1, 0.4, -0.6, 0], sd: [0.3, 0.2, 0.4, 0.15] },
      ...{ baseline: [1, 2, -3, 0], amplitude: [3, -2, 1, 2] },
      ...(model.hasFlexibleHrf && { hrf_delay: [5, 6, 4, 6.5], hrf_dispersion: [1, 0.8, 1.3, 1] }),
    };
    // Kernels of the peer cost most of the time of this test: two voxels.
    const voxels = model === compatModel ? 2 : 4;
    const truth = Object.fromEntries(
      Object.entries(all).map(([label, values]): [string, number[]] => [label, values.slice(0, voxels)]),
    );
    // The kernel of the peer sums to 0.1 / tr: the same noise would leave fits of a flat valley, which rounding moves.
    const noise = model === compatModel ? 0.003 : 0.05;
    const data = model.simulate({ parameters: truth, noise, seed: 5 });
    const initPars = 'fixedPars' in options ? { initPars: truth } : {};
    const fit = (kernel: 'native' | 'portable') =>
      new ParameterFitter(model, data).fit({ kernel, ...options, ...initPars });
    const portable = fitsOfTwin.get(name) ?? fit('portable');
    fitsOfTwin.set(name, portable);
    const native = fit('native');
    native.r2.forEach((r2, v) => expect(r2, `voxel ${v}`).toBeCloseTo(portable.r2[v]!, 9));
    expect(native.status).toEqual(portable.status);
    expect(native.optima).toEqual(portable.optima);
    const [got, expected] = [native.parameters.values.values, portable.parameters.values.values];
    got.forEach((value, at) => expect(value, name).toBeCloseTo(expected[at]!, 5));
  });

  test('company and threads change no bit of a fit', () => {
    selectIsa(isa);
    const model = CASES[3][1];
    const data = matrix(FRAMES, 40, Float64Array.from(uniformFloats(40 * FRAMES, 8)));
    const fit = (from: number, to: number) => {
      const values = Array.from({ length: FRAMES }, (_, t) => [
        ...data.values.subarray(t * 40 + from, t * 40 + to),
      ]);
      return new ParameterFitter(model, matrix(FRAMES, to - from, values.flat())).fit({ kernel: 'native' });
    };
    const together = fit(0, 40);
    setNativeThreads(2);
    const threaded = fit(0, 40);
    setNativeThreads(1);
    expect(threaded).toEqual(together);
    const alone = fit(17, 18);
    expect([...alone.parameters.values.values]).toEqual([
      ...together.parameters.values.values.subarray(17 * 7, 18 * 7),
    ]);
    expect([alone.r2[0], alone.iterations[0]]).toEqual([together.r2[17], together.iterations[17]]);
  });
});

describe.skipIf(testedIsas().length === 0)('what the kernels refuse', () => {
  const model = CASES[0][1];
  const { stimulus } = new ProjectedResponse(model, model.getParadigm()).gaussianField!;
  const projection = {
    taps: 1,
    kernels: Float64Array.of(1),
    ownKernels: false,
    removesMean: true,
    confounds: new Float64Array(0),
  };
  const fields = Float64Array.of(0, 0, 1);

  test('arrays of another length, by name', () => {
    expect(() =>
      prfResponses({ stimulus, projection, count: 2, fields, out: new Float64Array(2 * FRAMES) }),
    ).toThrow('fields has 3 elements, not 6');
    expect(() =>
      prfMoments({
        ...{ stimulus, projection, count: 1, fields, voxels: Int32Array.of(0) },
        ...{ series: new Float64Array(FRAMES), out: new Float64Array(14) },
      }),
    ).toThrow('out has 14 elements, not 15');
  });

  test('rows of the series that are not there, and a damaged code of the images', () => {
    const good = { projection, count: 1, fields, out: new Float64Array(FRAMES) };
    const runTo = stimulus.runTo.map((column) => column + NX);
    expect(() => prfResponses({ ...good, stimulus: { ...stimulus, runTo } })).toThrow('damaged');
    const stepRow = stimulus.stepRow.map((row) => row + NY);
    expect(() => prfResponses({ ...good, stimulus: { ...stimulus, stepRow } })).toThrow('damaged');
    expect(() =>
      prfMoments({
        ...{ stimulus, projection, count: 1, fields, voxels: Int32Array.of(1) },
        ...{ series: new Float64Array(FRAMES), out: new Float64Array(15) },
      }),
    ).toThrow('a row of the series is not there');
  });

  test('starts that are not there, and axes that do not span the scores', () => {
    const search = {
      ...{ low: Float64Array.of(-2, -2, -3), high: Float64Array.of(2, 2, 2), held: [false, false, false] },
      ...{ quarter: Float64Array.of(1, 1, 1), allowNegative: true, maxIterations: 10 },
    };
    const good = {
      ...{ stimulus, taps: 1, kernel: projection.kernels, removesMean: true, confounds: projection.confounds },
      ...{ search, height: 1, power: 0, voxels: 1, series: new Float64Array(FRAMES) },
      ...{ problems: Float64Array.of(1, NaN), first: Int32Array.of(0, 1), starts: fields },
      out: new Float64Array(9),
    };
    expect(() => prfFit({ ...good, first: Int32Array.of(0, 0) })).toThrow('a voxel has no start');
    expect(() => prfFit({ ...good, first: Int32Array.of(0, 2) })).toThrow('damaged');
    expect(() => prfFit({ ...good, problems: Float64Array.of(1) })).toThrow('problems has 1 elements, not 2');
    expect(() => prfFit({ ...good, out: new Float64Array(8) })).toThrow('out has 8 elements, not 9');
    const peaks = {
      ...{ rows: 1, columns: 6, scores: new Float64Array(6), weights: null, allowNegative: true },
      ...{ isDiagonal: false, most: 2, out: new Int32Array(2) },
    };
    expect(() => prfPeaks({ ...peaks, sizes: Int32Array.of(2, 4) })).toThrow('the axes do not span the scores');
    expect(() => prfPeaks({ ...peaks, sizes: Int32Array.of(6), isDiagonal: true })).toThrow(
      'the axes do not span the scores',
    );
  });

  test('a model without a kernel', () => {
    const scattered = matrix(4, 2, Float64Array.of(0, 0, 1, 0.3, 0.2, 1, 0.9, 0.8));
    const other = new GaussianPRF2D({
      gridCoordinates: scattered,
      paradigm: matrix(6, 4, new Float64Array(24).map((_, i) => i % 5)),
    });
    expect(() => new ParameterFitter(other, matrix(6, 1, Float64Array.of(1, 2, 3, 4, 5, 7))).fit({ kernel: 'native' })).toThrow(
      'the addon has no kernel for this model',
    );
  });
});
