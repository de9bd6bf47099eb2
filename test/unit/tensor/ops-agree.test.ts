/**
 * Every op: the kernel of each instruction set against the portable composition, those of a graphics card against the native
 * ones; values and gradients.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import * as nl from '../../../src/tensor/index.js';
import { relativeError } from '../../support/golden-tensors.js';
import { randomValues } from '../../support/random-values.js';
import { COMPOSES, OWN_KERNEL_DEVICES, REFERENCE_DEVICE } from '../../support/tensor-devices.js';

/** Relative to the largest absolute value: both sides round in float32. */
const TOLERANCE = 1e-5;

interface Case {
  readonly name: string;
  /** Shapes of the inputs; values are random between -1 and 1 times the scale. */
  readonly inputs: readonly {
    readonly shape: readonly number[];
    readonly scale?: number;
    readonly values?: Float32Array;
  }[];
  readonly run: (inputs: readonly nl.Tensor[]) => nl.Tensor;
  /** Inputs to differentiate by. */
  readonly by: readonly number[];
  /** Where a sum over many windows or voxels of rounded numbers stands behind the result. */
  readonly tolerance?: number;
}

const odd = [2, 5, 6, 7] as const;
const even = [2, 4, 6, 8] as const;
const at = (list: readonly nl.Tensor[], i: number) => list[i] as nl.Tensor;
const steps = Float32Array.from({ length: 2 * 5 * 6 * 7 * 3 }, (_, i) => (i % 5) - 2);
const repeated = randomValues(2 * 4 * 6 * 8 * 3, 5).map((v) => Math.round(v));

const conv = (cin: number, cout: number, slope: number): Case => ({
  name: `convBlock ${cin} to ${cout} channels, slope ${slope}`,
  inputs: [{ shape: [...odd, cin] }, { shape: [3, 3, 3, cin, cout] }, { shape: [cout] }],
  run: (t) => nl.convBlock(at(t, 0), at(t, 1), at(t, 2), slope),
  by: [0, 1, 2],
});

const upConv = (cLow: number, cSkip: number, cout: number, slope: number): Case => ({
  name: `upConvBlock ${cLow} + ${cSkip} to ${cout} channels, slope ${slope}`,
  inputs: [
    { shape: [2, 2, 3, 4, cLow] },
    { shape: [...even, cSkip] },
    { shape: [3, 3, 3, cLow + cSkip, cout] },
    { shape: [cout] },
  ],
  run: (t) => nl.upConvBlock(at(t, 0), at(t, 1), at(t, 2), at(t, 3), slope),
  by: [0, 1, 2, 3],
});

const warp = (mode: nl.WarpMode, c: number, scale: number): Case => ({
  name: `warp ${mode}, ${c} channels, displacements up to ${scale}`,
  inputs: [{ shape: [...odd, c] }, { shape: [...odd, 3], scale }],
  run: (t) => nl.warp(at(t, 0), at(t, 1), mode),
  by: [0, 1],
});

const CASES: readonly Case[] = [
  conv(2, 16, 0.2),
  conv(17, 3, 0.2),
  conv(4, 5, 1),
  conv(3, 4, 0),
  {
    name: 'convBlock of a constant input',
    inputs: [{ shape: [...odd, 3] }, { shape: [3, 3, 3, 3, 4] }, { shape: [4] }],
    run: (t) => nl.convBlock(at(t, 0), at(t, 1), at(t, 2), 0.2),
    by: [1, 2],
  },
  { name: 'maxPool2', inputs: [{ shape: [...even, 3] }], run: (t) => nl.maxPool2(at(t, 0)), by: [0] },
  {
    name: 'maxPool2 with equal values',
    inputs: [{ shape: [...even, 3], values: repeated }],
    run: (t) => nl.maxPool2(at(t, 0)),
    by: [0],
  },
  {
    name: 'upConcat',
    inputs: [{ shape: [2, 2, 3, 4, 3] }, { shape: [...even, 5] }],
    run: (t) => nl.upConcat(at(t, 0), at(t, 1)),
    by: [0, 1],
  },
  {
    name: 'upConcat without skip',
    inputs: [{ shape: [2, 2, 3, 4, 3] }],
    run: (t) => nl.upConcat(at(t, 0), null),
    by: [0],
  },
  upConv(3, 5, 4, 0.2),
  upConv(32, 16, 17, 0.2),
  upConv(5, 2, 33, 1),
  upConv(6, 1, 3, 0),
  {
    name: 'upConvBlock of one coarse voxel',
    inputs: [
      { shape: [1, 1, 1, 1, 2] },
      { shape: [1, 2, 2, 2, 3] },
      { shape: [3, 3, 3, 5, 4] },
      { shape: [4] },
    ],
    run: (t) => nl.upConvBlock(at(t, 0), at(t, 1), at(t, 2), at(t, 3), 0.2),
    by: [0, 1, 2, 3],
  },
  {
    name: 'upConvBlock over many rows and tiles',
    inputs: [
      { shape: [1, 3, 17, 29, 4] },
      { shape: [1, 6, 34, 58, 3] },
      { shape: [3, 3, 3, 7, 5] },
      { shape: [5] },
    ],
    run: (t) => nl.upConvBlock(at(t, 0), at(t, 1), at(t, 2), at(t, 3), 0.2),
    by: [0, 1, 2, 3],
  },
  {
    name: 'upConvBlock of constant volumes',
    inputs: [{ shape: [2, 2, 3, 4, 3] }, { shape: [...even, 2] }, { shape: [3, 3, 3, 5, 4] }, { shape: [4] }],
    run: (t) => nl.upConvBlock(at(t, 0), at(t, 1), at(t, 2), at(t, 3), 0.2),
    by: [2, 3],
  },
  warp('zeros', 1, 0.9),
  warp('zeros', 3, 4),
  warp('zeros', 2, 100),
  warp('border', 1, 4),
  warp('border', 3, 100),
  {
    name: 'warp border by whole voxels, where the derivative is one-sided',
    inputs: [{ shape: [...odd, 2] }, { shape: [...odd, 3], values: steps }],
    run: (t) => nl.warp(at(t, 0), at(t, 1), 'border'),
    by: [0, 1],
  },
  {
    name: 'warp zeros by whole voxels',
    inputs: [{ shape: [...odd, 2] }, { shape: [...odd, 3], values: steps }],
    run: (t) => nl.warp(at(t, 0), at(t, 1), 'zeros'),
    by: [1],
  },
  ...[0, 1, 7].map((count) => ({
    name: `integrateVelocity in ${count} squarings`,
    inputs: [{ shape: [...odd, 3], scale: 1.5 }],
    run: (t: readonly nl.Tensor[]) => nl.integrateVelocity(at(t, 0), count),
    by: [0],
  })),
  {
    name: 'upsampleField',
    inputs: [{ shape: [...odd, 3] }],
    run: (t) => nl.upsampleField(at(t, 0)),
    by: [0],
  },
  {
    name: 'upsampleField of one voxel',
    inputs: [{ shape: [1, 1, 1, 1, 3] }],
    run: (t) => nl.upsampleField(at(t, 0)),
    by: [0],
  },
  {
    name: 'logDensity',
    inputs: [{ shape: [...odd, 1], values: randomValues(420, 3).map((v) => Math.abs(v)) }],
    run: (t) => nl.logDensity(at(t, 0), 1e-3),
    by: [0],
  },
  {
    name: 'inverseLogDensity',
    inputs: [{ shape: [...odd, 1] }],
    run: (t) => nl.inverseLogDensity(at(t, 0), 1e-3),
    by: [0],
  },
  ...[true, false].map((activeOnly) => ({
    name: `localNccLoss, ${activeOnly ? 'active voxels' : 'all voxels'}`,
    inputs: [{ shape: [...odd, 1] }, { shape: [...odd, 1] }],
    run: (t: readonly nl.Tensor[]) =>
      nl.localNccLoss(at(t, 0), at(t, 1), { window: 5, eps: 1e-5, activeOnly }),
    by: [0, 1],
    tolerance: 5e-5,
  })),
  {
    name: 'softDiceLoss',
    inputs: [{ shape: [...odd, 1] }, { shape: [...odd, 1] }, { shape: [...odd, 1] }],
    run: (t) => nl.softDiceLoss(at(t, 0), at(t, 1), at(t, 2), { threshold: 0.1, offWeight: 0.25, eps: 1e-6 }),
    by: [0, 1, 2],
  },
  {
    name: 'densityL1Loss',
    inputs: [{ shape: [...odd, 1] }, { shape: [...odd, 1], values: randomValues(420, 9).map((v) => v + 1) }],
    run: (t) => nl.densityL1Loss(at(t, 0), at(t, 1), 1e-6),
    by: [0, 1],
  },
  {
    name: 'smoothnessLoss',
    inputs: [{ shape: [...odd, 3] }],
    run: (t) => nl.smoothnessLoss(at(t, 0)),
    by: [0],
  },
  {
    name: 'jacobianHingeLoss',
    inputs: [{ shape: [...odd, 3] }],
    run: (t) => nl.jacobianHingeLoss(at(t, 0), 0.1),
    by: [0],
  },
  {
    name: 'jacobianHingeLoss of another batch size',
    inputs: [{ shape: [3, 5, 6, 7, 3] }],
    run: (t) => nl.jacobianHingeLoss(at(t, 0), 0.1),
    by: [0],
  },
  {
    name: 'concatChannels',
    inputs: [{ shape: [...odd, 1] }, { shape: [...odd, 3] }, { shape: [...odd, 2] }],
    run: (t) => nl.concatChannels(t),
    by: [0, 2],
  },
  ...(['add', 'sub', 'mul'] as const).map((name) => ({
    name,
    inputs: [{ shape: [3, 700] }, { shape: [3, 700] }],
    run: (t: readonly nl.Tensor[]) => nl[name](at(t, 0), at(t, 1)),
    by: [0, 1],
  })),
  { name: 'scale', inputs: [{ shape: [3, 700] }], run: (t) => nl.scale(at(t, 0), -2.5), by: [0] },
  { name: 'addNumber', inputs: [{ shape: [3, 700] }], run: (t) => nl.addNumber(at(t, 0), 0.7), by: [0] },
  {
    name: 'log',
    inputs: [{ shape: [3, 700], values: randomValues(2100, 8).map((v) => v + 1.5) }],
    run: (t) => nl.log(at(t, 0)),
    by: [0],
  },
  { name: 'square', inputs: [{ shape: [3, 700] }], run: (t) => nl.square(at(t, 0)), by: [0] },
  { name: 'sum', inputs: [{ shape: [3, 700] }], run: (t) => nl.sum(at(t, 0)), by: [0] },
  { name: 'mean', inputs: [{ shape: [3, 700] }], run: (t) => nl.mean(at(t, 0)), by: [0] },
  { name: 'batchMean', inputs: [{ shape: [...odd, 3] }], run: (t) => nl.batchMean(at(t, 0)), by: [0] },
  {
    name: 'repeatBatch',
    inputs: [{ shape: [1, 5, 6, 7, 2] }],
    run: (t) => nl.repeatBatch(at(t, 0), 3),
    by: [0],
  },
];

interface Outcome {
  readonly shape: readonly number[];
  readonly values: Float32Array;
  readonly gradients: readonly Float32Array[];
}

/** Value, and gradients for a random upstream gradient. */
async function outcome({ inputs, run, by }: Case): Promise<Outcome> {
  const before = nl.memoryCount();
  const tensors = inputs.map(({ shape, scale = 1, values }, i) => {
    const size = shape.reduce((product, length) => product * length, 1);
    return nl.tensor(values ?? randomValues(size, i + 1).map((v) => v * scale), shape);
  });
  const { outputs, gradients } = await nl.valueAndGradients(
    () => {
      const result = run(tensors);
      const upstream = nl.tensor(randomValues(result.size, 99), result.shape);
      return { loss: nl.sum(nl.mul(result, upstream)), outputs: { result } };
    },
    by.map((i) => at(tensors, i)),
  );
  const result = outputs['result'] as nl.Tensor;
  const found = {
    shape: result.shape,
    values: await nl.read(result),
    gradients: await Promise.all(gradients.map((gradient) => nl.read(gradient))),
  };
  nl.dispose([...tensors, ...gradients, result]);
  expect(nl.memoryCount()).toBe(before);
  return found;
}

/** What the other device has, once for all. */
const expected = new Map<string, Outcome>();

describe.each(OWN_KERNEL_DEVICES)('kernels on $name agree with those of another device', ({ select }) => {
  beforeAll(async () => {
    await REFERENCE_DEVICE.select();
    for (const one of CASES) if (!expected.has(one.name)) expected.set(one.name, await outcome(one));
    await select();
  });

  function expectAgreement(one: Case, found: Outcome): void {
    const wanted = expected.get(one.name) as Outcome;
    const tolerance = one.tolerance ?? TOLERANCE;
    expect(found.shape).toEqual(wanted.shape);
    expect(relativeError(found.values, wanted.values)).toBeLessThanOrEqual(tolerance);
    one.by.forEach((input, i) => {
      const error = relativeError(found.gradients[i] as Float32Array, wanted.gradients[i] as Float32Array);
      expect(error, `gradient of input ${input}`).toBeLessThanOrEqual(tolerance);
    });
  }

  test.each(CASES)('$name', async (one) => {
    expectAgreement(one, await outcome(one));
  });

  // Compositions are made of single operations, each of which is compared on every instruction set by itself.
  test.skipIf(!COMPOSES || select !== OWN_KERNEL_DEVICES[0]?.select).each(CASES)(
    '$name, composed on the device',
    async (one) => {
      expectAgreement(one, await nl.withPortableOps(() => outcome(one)));
    },
  );
});
