/**
 * Runs the node of a crash record in this process, for people who look for its fault: `foreground.js RECORD DIRECTORY`.
 * What the node prints comes as it comes; its outputs stay below the directory and do not enter the cache.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCrashRecord } from '../engine/crash-record.js';
import { classifyThrown } from '../engine/failure.js';
import { runNode } from '../engine/node-runner.js';
import { PROTOCOL, type Task, type WorkerMessage } from '../engine/worker-protocol.js';
import { EXIT } from './exit-codes.js';

const [recordFile = '', directory = ''] = process.argv.slice(2);
const { id, key, node, version, task } = readCrashRecord(recordFile);
const place = {
  attemptDir: join(directory, 'result'),
  scratchDir: join(directory, 'work'),
  checkpointDir: join(directory, 'checkpoints'),
};
for (const folder of Object.values(place)) mkdirSync(folder, { recursive: true });
const again: Task = { protocol: PROTOCOL, id, key, node, version, components: [], ...task, ...place };

const abort = new AbortController();
process.once('SIGINT', () => {
  abort.abort(new Error('interrupted'));
});

function tell(message: WorkerMessage): void {
  if (message.type === 'log') process.stderr.write(`${message.level}  ${message.message}\n`);
  else if (message.type === 'progress') {
    process.stderr.write(`${message.done} of ${message.total}  ${message.text ?? ''}\n`);
  }
}

try {
  await runNode({
    task: again,
    scratchDir: place.scratchDir,
    signal: abort.signal,
    send: tell,
    peakMb: () => Math.round(process.memoryUsage.rss() / 2 ** 20),
  });
  const { state, skipReason, outputs } = JSON.parse(
    readFileSync(join(place.attemptDir, 'result.json'), 'utf8'),
  ) as { state: string; skipReason: string | null; outputs: unknown };
  process.stdout.write(`${JSON.stringify({ id, state, skipReason, outputs, directory }, null, 2)}\n`);
} catch (error) {
  const { code, message, where, cure, stack } = classifyThrown(error);
  const lines = [`${code}  ${id}: ${message}`];
  if (where !== null) lines.push(`  where: ${where}`);
  if (stack !== null) lines.push(stack);
  if (cure !== null) lines.push(`  mend: ${cure}`);
  process.stderr.write(`${lines.join('\n')}\n`);
  process.exitCode = abort.signal.aborted ? EXIT.interrupted : EXIT.nodeFailed;
}
