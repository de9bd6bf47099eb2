/** Entry of a thread of `parallelMap`: one call per message. Buffers of a result are moved, not copied. */
import { parentPort, workerData } from 'node:worker_threads';

import type { ThreadAnswer } from './parallel-map.js';

type Call = (item: unknown, report: (done: number) => void) => unknown;

const { module, exportName } = workerData as { readonly module: string; readonly exportName: string };
const port = parentPort!;

function send(answer: ThreadAnswer, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(answer, [...transfer]);
}

async function answer(item: unknown): Promise<void> {
  try {
    const call = ((await import(module)) as Record<string, unknown>)[exportName];
    if (typeof call !== 'function') throw new Error(`${module} exports no function ${exportName}`);
    const value: unknown = await (call as Call)(item, (done) => send({ kind: 'report', done }));
    send({ kind: 'value', value }, buffersOf(value));
  } catch (error) {
    const thrown = error instanceof Error ? error : new Error(String(error));
    send({ kind: 'error', message: thrown.message, stack: thrown.stack });
  }
}

/** Buffers that belong to arrays of the value alone. */
function buffersOf(value: unknown): ArrayBuffer[] {
  const arrays = ArrayBuffer.isView(value)
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).filter((item) => ArrayBuffer.isView(item))
      : [];
  const whole = arrays.filter(
    ({ buffer, byteLength }) => buffer instanceof ArrayBuffer && buffer.byteLength === byteLength,
  );
  return [...new Set(whole.map(({ buffer }) => buffer as ArrayBuffer))];
}

port.on('message', (item: unknown) => void answer(item));
