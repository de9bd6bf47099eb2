/**
 * A thread inside each worker process. It goes on while the main thread is busy in synchronous or native code:
 * it ends the whole process group when the parent is gone, keeps the logs under their cap and samples memory.
 */
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { enforceLogCap } from './log-capture.js';

/** How often the parent is looked for; orphans live at most this long and one scheduling delay. */
const CHECK_EVERY_MS = 100;
/** Tools that the node started are looked up in /proc this often. */
const TOOLS_EVERY_CHECKS = 10;

/** Fields of the shared memory samples, kB. */
export const SAMPLE_PEAK_KB = 0;
const SAMPLE_FIELDS = 1;

export interface WatchdogOptions {
  readonly parentPid: number;
  readonly logs: readonly { readonly fd: number; readonly path: string }[];
  readonly logCapBytes: number;
}

interface WatchdogData extends WatchdogOptions {
  readonly kind: 'neuroloom-watchdog';
  readonly groupId: number;
  readonly samples: SharedArrayBuffer;
}

/**
 * Starts the thread; call it in a process that leads its own process group.
 *
 * @returns the memory samples, once the thread is watching
 */
export function startWatchdog(options: WatchdogOptions): Promise<Int32Array> {
  const samples = new SharedArrayBuffer(SAMPLE_FIELDS * Int32Array.BYTES_PER_ELEMENT);
  const data: WatchdogData = { ...options, kind: 'neuroloom-watchdog', groupId: process.pid, samples };
  const thread = new Worker(new URL('./watchdog.js', import.meta.url), {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
    execArgv: [],
  });
  thread.unref();
  // A worker without its watchdog could outlive the run: it must not go on.
  thread.on('error', (error) => {
    process.stderr.write(`the watchdog of this worker failed: ${error.stack ?? error.message}\n`);
    process.exit(70);
  });
  return new Promise((resolve) => {
    thread.once('message', () => {
      resolve(new Int32Array(samples));
    });
  });
}

function watch(options: WatchdogData): void {
  const samples = new Int32Array(options.samples);
  let checks = 0;
  const check = (): void => {
    if (process.ppid !== options.parentPid) process.kill(-options.groupId, 'SIGKILL');
    let kb = process.memoryUsage.rss() / 1024;
    if (checks++ % TOOLS_EVERY_CHECKS === 0) kb += toolsKb(options.groupId);
    if (kb > Atomics.load(samples, SAMPLE_PEAK_KB)) Atomics.store(samples, SAMPLE_PEAK_KB, Math.round(kb));
    for (const log of options.logs) enforceLogCap(log.fd, log.path, options.logCapBytes);
  };
  check();
  setInterval(check, CHECK_EVERY_MS);
  parentPort?.postMessage('watching');
}

/** Resident memory of all processes below this one, kB; 0 where /proc does not tell. */
function toolsKb(pid: number): number {
  let kb = 0;
  for (const child of childrenOf(pid)) kb += rssKb(child) + toolsKb(child);
  return kb;
}

function childrenOf(pid: number): number[] {
  const text = readProc(`/proc/${pid}/task/${pid}/children`);
  return text === '' ? [] : text.trim().split(' ').filter(Boolean).map(Number);
}

function rssKb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readProc(`/proc/${pid}/status`))?.[1] ?? 0);
}

/** A process may end between two looks, and not every system has /proc: both read as empty. */
function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const data = workerData as WatchdogData | null;
if (!isMainThread && data?.kind === 'neuroloom-watchdog') watch(data);
