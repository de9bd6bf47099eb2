/**
 * A thread inside each worker process. It goes on while the main thread is busy in synchronous or native code: it keeps
 * the logs under their cap and samples memory. It imports next to nothing, so that it is ready before the engine is.
 */
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { enforceLogCap, type CappedLog } from './log-cap.js';

/** How often it looks at the logs and the memory. */
const CHECK_EVERY_MS = 100;
/** Tools that the node started are looked up in /proc this often. */
const TOOLS_EVERY_CHECKS = 10;

/** Fields of the shared memory samples, kB. */
const SAMPLE_PEAK_KB = 0;
/** Who has the logs: nobody, the thread while it cuts them, or the process while they are read. */
const LOGS_HELD_BY = 1;
const NOBODY = 0;
const THREAD = 1;
const PROCESS = 2;
const SAMPLE_FIELDS = 2;
/** Logs that the thread does not let go of within this time are read as they are: it may be dead, ms. */
const HOLD_WITHIN_MS = 10_000;

/** Logs to keep under a cap; told to the thread when they are known. */
interface LogOrder {
  readonly logs: readonly CappedLog[];
  readonly capBytes: number;
}

interface MonitorData {
  readonly kind: 'neuroloom-monitor';
  readonly groupId: number;
  readonly samples: SharedArrayBuffer;
}

export interface WorkerMonitor {
  /** Most resident memory that was seen of this process and its tools since the last reset, kB. */
  peakKb(): number;
  resetPeak(): void;
  /** Waits, with a limit, until no log is being cut, and has them left alone until `releaseLogs`: somebody reads them. */
  holdLogs(): void;
  releaseLogs(): void;
  /** Keeps these logs under the cap from now on. */
  watchLogs(logs: readonly CappedLog[], capBytes: number): void;
}

/**
 * Starts the thread; call it in a process that leads its own process group.
 *
 * @returns once the thread is watching
 */
export function startMonitor(): Promise<WorkerMonitor> {
  const samples = new SharedArrayBuffer(SAMPLE_FIELDS * Int32Array.BYTES_PER_ELEMENT);
  const view = new Int32Array(samples);
  const data: MonitorData = { kind: 'neuroloom-monitor', groupId: process.pid, samples };
  const thread = new Worker(new URL('./worker-monitor.js', import.meta.url), {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
    execArgv: [],
  });
  thread.unref();
  // A worker without it could fill the disk with its logs: it must not go on.
  thread.on('error', (error) => {
    process.stderr.write(`the monitor of this worker failed: ${error.stack ?? error.message}\n`);
    process.exit(70);
  });
  return new Promise((resolve) => {
    thread.once('message', () => {
      resolve({
        peakKb: () => Atomics.load(view, SAMPLE_PEAK_KB),
        resetPeak: () => {
          Atomics.store(view, SAMPLE_PEAK_KB, 0);
        },
        holdLogs: () => {
          while (Atomics.compareExchange(view, LOGS_HELD_BY, NOBODY, PROCESS) === THREAD) {
            if (Atomics.wait(view, LOGS_HELD_BY, THREAD, HOLD_WITHIN_MS) === 'timed-out') return;
          }
        },
        releaseLogs: () => {
          Atomics.store(view, LOGS_HELD_BY, NOBODY);
        },
        watchLogs: (logs, capBytes) => {
          thread.postMessage({ logs, capBytes } satisfies LogOrder);
        },
      });
    });
  });
}

function watch(options: MonitorData): void {
  let order: LogOrder = { logs: [], capBytes: Infinity };
  parentPort?.on('message', (message: LogOrder) => {
    order = message;
  });
  const samples = new Int32Array(options.samples);
  let checks = 0;
  const check = (): void => {
    let kb = process.memoryUsage.rss() / 1024;
    if (checks++ % TOOLS_EVERY_CHECKS === 0) kb += toolsKb(options.groupId);
    if (kb > Atomics.load(samples, SAMPLE_PEAK_KB)) Atomics.store(samples, SAMPLE_PEAK_KB, Math.round(kb));
    if (Atomics.compareExchange(samples, LOGS_HELD_BY, NOBODY, THREAD) !== NOBODY) return;
    try {
      for (const log of order.logs) enforceLogCap(log, order.capBytes);
    } finally {
      // Also when this thread ends here: the process may be waiting, and hears of that end only afterwards.
      Atomics.store(samples, LOGS_HELD_BY, NOBODY);
      Atomics.notify(samples, LOGS_HELD_BY);
    }
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

const data = workerData as MonitorData | null;
if (!isMainThread && data?.kind === 'neuroloom-monitor') watch(data);
