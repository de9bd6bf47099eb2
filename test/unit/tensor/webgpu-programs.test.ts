/** What programs for graphics cards are known by, and what is told of a device, where no card is needed for it. */
import { expect, test } from 'vitest';
import { jacobianHinge } from '../../../src/tensor/backends/webgpu/losses.js';
import { readFailure } from '../../../src/tensor/backends/webgpu/open.js';
import {
  adviseOnFailures,
  type GpuBackend,
  limitBindings,
  requireBindable,
  runProgram,
} from '../../../src/tensor/backends/webgpu/program.js';

interface Seen {
  readonly shaderKey: string;
  readonly code: string;
}

/** Takes programs and runs none. */
function recorder(): { readonly backend: GpuBackend; readonly seen: Seen[] } {
  const seen: Seen[] = [];
  const info = (shape: readonly number[]) => ({ dataId: {}, shape: [...shape], dtype: 'float32' });
  const backend = {
    makeTensorInfo: info,
    disposeData: () => true,
    runWebGPUProgram(program: Seen & { outputShape: readonly number[]; getUserCode(): string }) {
      seen.push({ shaderKey: program.shaderKey, code: program.getUserCode() });
      return info(program.outputShape);
    },
  };
  return { backend: backend as unknown as GpuBackend, seen };
}

const input = (shape: readonly number[]) => ({ dataId: {}, shape: [...shape], dtype: 'float32' as const });

test('programs of another batch size, or other constants, are compiled anew, the same ones are not', () => {
  const { backend, seen } = recorder();
  for (const n of [4, 2, 4]) jacobianHinge(backend, input([n, 5, 6, 7, 3]), 0.1);
  for (const factor of [2, 3, 2]) {
    const code = `fn compute(index : i32) { result[index] = ${factor}.0 * x[index]; }`;
    runProgram(backend, { key: 'times', inputs: { x: input([8]) }, shape: [8], code });
  }
  const codes = new Set(seen.map(({ code }) => code));
  const keys = new Set(seen.map(({ shaderKey }) => shaderKey));
  expect(codes.size).toBe(6);
  expect(keys.size).toBe(6);
});

test('an array without room names what the caller can change', () => {
  limitBindings(2 ** 20);
  try {
    adviseOnFailures({ memory: 'give images of fewer pixels' });
    const refused = () => {
      requireBindable([2 ** 19], 'fields');
    };
    expect(refused).toThrow(
      expect.objectContaining({
        code: 'MEMORY_LIMIT',
        cure: 'set device cpu, or give images of fewer pixels',
      }) as Error,
    );
    adviseOnFailures({});
    expect(refused).toThrow(expect.objectContaining({ cure: 'set device cpu' }) as Error);
  } finally {
    adviseOnFailures({});
    limitBindings(Infinity);
  }
});

test('a read that fails while the device is sound says what it failed by', async () => {
  await expect(readFailure(new Error('Tensor is disposed.'))).rejects.toThrow('Tensor is disposed.');
});
