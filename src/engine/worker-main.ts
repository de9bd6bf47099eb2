/**
 * Entry of a worker process: `worker-main.js PARENT_PID LOG_CAP STDOUT_FILE STDERR_FILE SCRATCH_DIR`, forked as
 * the leader of its own process group. It answers every task with `result` or `error`; anything else is its death.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { classifyThrown, type NodeFailure } from './failure.js';
import { resetLog } from './log-capture.js';
import { readTask, runNode } from './node-runner.js';
import { SAMPLE_PEAK_KB, startWatchdog } from './watchdog.js';
import { PROTOCOL, type ParentMessage, type WorkerMessage } from './worker-protocol.js';

const STDOUT = 1;
const STDERR = 2;
const KB_PER_MB = 1024;
const EXIT_BUG = 70;

const [parentPid = '', logCap = '', stdoutPath = '', stderrPath = '', ownScratch = ''] =
  process.argv.slice(2);
const home = process.cwd();
let running: AbortController | null = null;
let cpuAtStart = process.cpuUsage();

const samples = await startWatchdog({
  parentPid: Number(parentPid),
  logs: [
    { fd: STDOUT, path: stdoutPath },
    { fd: STDERR, path: stderrPath },
  ],
  logCapBytes: Number(logCap),
});

function send(message: WorkerMessage): void {
  // The channel closes only when the parent is gone, and then this process ends too.
  process.send?.(message, undefined, undefined, () => undefined);
}

function usage(): { peakMb: number; cpuMs: number; rssMb: number } {
  const cpu = process.cpuUsage(cpuAtStart);
  const rssMb = Math.round(process.memoryUsage.rss() / KB_PER_MB / KB_PER_MB);
  const peakMb = Math.max(rssMb, Math.round(Atomics.load(samples, SAMPLE_PEAK_KB) / KB_PER_MB));
  return { peakMb, cpuMs: Math.round((cpu.user + cpu.system) / 1000), rssMb };
}

async function runTask(taskFile: string): Promise<void> {
  const abort = new AbortController();
  running = abort;
  cpuAtStart = process.cpuUsage();
  Atomics.store(samples, SAMPLE_PEAK_KB, 0);
  send({ type: 'started' });
  let failure: NodeFailure | null = null;
  try {
    resetLog(STDOUT, stdoutPath);
    resetLog(STDERR, stderrPath);
    const task = readTask(taskFile);
    const scratchDir = task.scratchDir ?? ownScratch;
    await runNode({ task, scratchDir, signal: abort.signal, send, peakMb: () => usage().peakMb });
    process.chdir(home);
    if (task.scratchDir === null) emptyDirectory(ownScratch);
  } catch (error) {
    failure = classifyThrown(error);
  }
  running = null;
  if (failure === null) send({ type: 'result', ...usage() });
  else send({ type: 'error', failure, ...usage() });
}

/** What a node left in its working directory goes; nothing of it may reach the next node. */
function emptyDirectory(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
}

function receive(message: ParentMessage): void {
  switch (message.type) {
    case 'run':
      if (message.protocol !== PROTOCOL) process.exit(EXIT_BUG);
      void runTask(message.taskFile);
      return;
    case 'cancel':
      running?.abort(new Error(message.reason));
      return;
    case 'ping':
      send({ type: 'pong' });
      return;
    case 'bye':
      process.exit(0);
  }
}

// An error outside the promise of the node is the node's error too; the parent replaces this process.
process.on('uncaughtException', (error) => {
  if (running === null) {
    process.stderr.write(`${error.stack ?? error.message}\n`);
    process.exit(EXIT_BUG);
  }
  running = null;
  send({ type: 'error', failure: classifyThrown(error), ...usage() });
});
process.on('disconnect', () => {
  process.kill(-process.pid, 'SIGKILL');
});
process.on('message', receive);
send({ type: 'ready', protocol: PROTOCOL, node: process.version });
