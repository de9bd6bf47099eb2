/** The work of a worker process: it answers every task with `result` or `error`; anything else is its death. */
import { fstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { classifyThrown, type NodeFailure } from './failure.js';
import { resetLog, tailPathOf } from './log-capture.js';
import { readTask, runNode } from './node-runner.js';
import { unpackEnvironment } from './shell-environment.js';
import {
  PROTOCOL,
  type ParentMessage,
  type SealedResult,
  type TaskOrder,
  type WorkerMessage,
} from './worker-protocol.js';
import type { WorkerMonitor } from './worker-monitor.js';

const STDOUT = 1;
const STDERR = 2;
const KB_PER_MB = 1024;
const LOGS_READ_WITHIN_MS = 10_000;
const EXIT_BUG = 70;
/** A result that is longer stands in its file only. */
const MAX_SEALED_CHARACTERS = 32_768;

const [logCap = '', stdoutPath = '', stderrPath = '', ownScratch = ''] = process.argv.slice(2);
const home = process.cwd();
let running: { readonly n: number; readonly abort: AbortController } | null = null;
let waiting: TaskOrder[] = [];
let isWorking = false;
let cpuAtStart = process.cpuUsage();

let untilCapped: NodeJS.Timeout | undefined;
/** Set before the first task. */
let monitor: WorkerMonitor | null = null;

function send(message: WorkerMessage): void {
  // The channel closes only when the parent is gone, and then this process ends too.
  process.send?.(message, undefined, undefined, () => undefined);
}

function usage(): { peakMb: number; cpuMs: number; rssMb: number } {
  const cpu = process.cpuUsage(cpuAtStart);
  const rssMb = Math.round(process.memoryUsage.rss() / KB_PER_MB / KB_PER_MB);
  const peakMb = Math.max(rssMb, Math.round((monitor?.peakKb() ?? 0) / KB_PER_MB));
  return { peakMb, cpuMs: Math.round((cpu.user + cpu.system) / 1000), rssMb };
}

/** Gives the event loop a turn: a message that came meanwhile is heard. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function work(): Promise<void> {
  if (isWorking) return;
  isWorking = true;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (!(await runTask(next))) giveBack();
    if (waiting.length > 0) await turn();
  }
  isWorking = false;
}

/** What has not begun goes back to the parent. */
function giveBack(): void {
  if (waiting.length === 0) return;
  send({ type: 'returned', tasks: waiting.map(({ n }) => n) });
  waiting = [];
}

/** @returns whether the next task may follow at once: not after a failure, and not before a log was read */
async function runTask(order: TaskOrder): Promise<boolean> {
  const { n } = order;
  const abort = new AbortController();
  const own = { n, abort };
  running = own;
  cpuAtStart = process.cpuUsage();
  monitor?.resetPeak();
  let failure: NodeFailure | null = null;
  let sealed: SealedResult | null = null;
  try {
    resetLog(STDOUT, stdoutPath);
    resetLog(STDERR, stderrPath);
    clearTimeout(untilCapped);
    monitor?.releaseLogs();
    const task = 'task' in order ? order.task : readTask(order.taskFile);
    const scratchDir = task.scratchDir ?? ownScratch;
    const run = await runNode({ task, scratchDir, signal: abort.signal, send, peakMb: () => usage().peakMb });
    if (run.characters <= MAX_SEALED_CHARACTERS) sealed = run.sealed;
    if (task.scratchDir === null) emptyDirectory(ownScratch);
    else process.chdir(home);
  } catch (error) {
    failure = classifyThrown(error);
  }
  // An uncaught error has ended this task already.
  if (running !== own) return false;
  running = null;
  // The parent reads them as soon as it is told.
  leaveLogs();
  if (failure === null) send({ type: 'result', n, sealed, ...usage() });
  else send({ type: 'error', n, failure, ...usage() });
  return failure === null && !hasPrinted();
}

function hasPrinted(): boolean {
  return fstatSync(STDOUT).size > 0 || fstatSync(STDERR).size > 0;
}

/** The parent reads the logs now; a tool that the node left behind may not fill them for ever after. */
function leaveLogs(): void {
  monitor?.holdLogs();
  clearTimeout(untilCapped);
  untilCapped = setTimeout(() => {
    monitor?.releaseLogs();
  }, LOGS_READ_WITHIN_MS);
  untilCapped.unref();
}

/** What a node left in its working directory goes; nothing of it may reach the next node. */
function emptyDirectory(directory: string): void {
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
}

function receive(message: ParentMessage): void {
  switch (message.type) {
    case 'run':
      if (message.protocol !== PROTOCOL) process.exit(EXIT_BUG);
      waiting.push(...message.tasks);
      void work();
      return;
    case 'cancel':
      running?.abort.abort(new Error(message.reason));
      return;
    case 'recall':
      giveBack();
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
  const { n } = running;
  running = null;
  leaveLogs();
  send({ type: 'error', n, failure: classifyThrown(error), ...usage() });
  giveBack();
});
process.on('message', receive);

/**
 * Begins to take tasks.
 *
 * @param own - of this process, watching
 */
export function serve(own: WorkerMonitor): void {
  unpackEnvironment();
  monitor = own;
  const logs = [
    { fd: STDOUT, path: stdoutPath, tailPath: tailPathOf(stdoutPath) },
    { fd: STDERR, path: stderrPath, tailPath: tailPathOf(stderrPath) },
  ];
  own.watchLogs(logs, Number(logCap));
  send({ type: 'ready', protocol: PROTOCOL, node: process.version });
}
