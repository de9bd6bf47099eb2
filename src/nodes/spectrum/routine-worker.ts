/** Entry of a worker process of a routine: one call per message; ends with its parent. */
import { ProcessingError } from '../../errors.js';
import { Hdf5Writer } from '../../io/index.js';
import type { CallResult, Slab } from './computational-routine.js';
import type { WorkerAnswer, WorkerTask } from './routine-workers.js';

type Call = (slab: Slab, options: unknown) => CallResult<unknown>;

const [moduleUrl, exportName] = process.argv.slice(2) as [string, string];

async function answer({ id, slab, options, chunk }: WorkerTask): Promise<WorkerAnswer> {
  const loaded = (await import(moduleUrl)) as Record<string, { computeFunction: Call }>;
  const result = loaded[exportName]!.computeFunction(slab, options);
  if (result.kind === 'dry') throw new Error('noCompute is set');
  const { data, metadata, shape } = result;
  if (chunk === null) return { id, data, metadata };
  const file = Hdf5Writer.create(chunk);
  try {
    file.createDataset('chk', { shape, data });
    file.close();
  } catch (error) {
    file.discard();
    throw error;
  }
  return { id, data: null, metadata };
}

process.on('message', (task: WorkerTask) => {
  answer(task).then(
    (done) => process.send!(done),
    (error: unknown) =>
      process.send!({
        id: task.id,
        error: error instanceof Error ? error.message : String(error),
        isOfInput: error instanceof ProcessingError,
      }),
  );
});
process.on('disconnect', () => process.exit());
