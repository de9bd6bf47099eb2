/** Tries one device and prints a line of JSON: `{}` when it works, else `reason` and `cure`. */
import { PipelineError } from '../../errors.js';
import { resolveDevice } from '../device.js';

const answer = await resolveDevice(process.argv[2] ?? '').then(
  () => ({}),
  (error: unknown) => {
    if (error instanceof PipelineError) return { reason: error.message, cure: error.cure };
    return { reason: error instanceof Error ? error.message : String(error) };
  },
);
// Not left to the event loop: a driver that does not end would keep the process.
process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
