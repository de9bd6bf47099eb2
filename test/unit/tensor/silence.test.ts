import { expect, test, vi } from 'vitest';

// In a file of its own: tfjs gives its advice when it is loaded and when a backend makes its first tensor.
test('loading tensors and making the first one prints nothing', async () => {
  const spies = (['log', 'info', 'warn', 'error'] as const).map((method) => vi.spyOn(console, method));
  const nl = await import('../../../src/tensor/index.js');
  await nl.useDevice(nl.portableCpuDevice(null), 1);
  nl.dispose(nl.tensor(Float32Array.of(1), [1]));
  for (const spy of spies) expect(spy).not.toHaveBeenCalled();
});
