/** The words of SLURM's programs, turned into facts. Pure: text in, facts out. */
import type { BatchJobState, BatchPhase, SubmitOutcome } from './batch-scheduler.js';

/** Fields of `squeue`, separated by `|`; the comment is last because it may hold anything. */
export const SQUEUE_FORMAT = '%F|%K|%T|%r|%j|%k';
/** Fields of `sacct -P`. */
export const SACCT_FORMAT = 'JobID,State,ExitCode,JobName';

const TOKEN = /\bnl[0-9a-f]{12}\b/;

const PHASES: Readonly<Record<string, BatchPhase>> = {
  PENDING: 'waiting',
  CONFIGURING: 'waiting',
  REQUEUED: 'waiting',
  REQUEUE_FED: 'waiting',
  REQUEUE_HOLD: 'waiting',
  RESV_DEL_HOLD: 'waiting',
  SPECIAL_EXIT: 'waiting',
  RUNNING: 'running',
  COMPLETING: 'running',
  RESIZING: 'running',
  SIGNALING: 'running',
  STAGE_OUT: 'running',
  STOPPED: 'running',
  SUSPENDED: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  SPECIAL: 'failed',
  CANCELLED: 'cancelled',
  REVOKED: 'cancelled',
  TIMEOUT: 'timeout',
  DEADLINE: 'timeout',
  OUT_OF_MEMORY: 'out-of-memory',
  BOOT_FAIL: 'lost',
  NODE_FAIL: 'lost',
  PREEMPTED: 'lost',
};

/** Jobs in these states wait for a person, whatever the reason. */
const HELD_STATES: ReadonlySet<string> = new Set(['REQUEUE_HOLD', 'SPECIAL_EXIT', 'RESV_DEL_HOLD']);

/** SLURM starts a held job only after somebody released it: `JobHeldAdmin`, `launch failed requeued held`. */
function releaseOf(word: string, reason: string, id: string): string | null {
  const isHeld = HELD_STATES.has(word) || (phaseOf(word) === 'waiting' && /held/i.test(reason));
  return isHeld ? `scontrol release ${id}` : null;
}

/** `CANCELLED by 1000` and `CANCELLED+` are CANCELLED. */
export function phaseOf(word: string): BatchPhase {
  return PHASES[/^[A-Z_]+/.exec(word)?.[0] ?? ''] ?? 'unknown';
}

/** The token in the comment of a job or, where comments are switched off, in its name. */
export function tokenIn(...texts: readonly string[]): string | null {
  for (const text of texts) {
    const token = TOKEN.exec(text)?.[0];
    if (token !== undefined) return token;
  }
  return null;
}

/** Lines of `squeue -h -r` with SQUEUE_FORMAT; lines of another form are left out. */
export function parseSqueue(text: string): BatchJobState[] {
  const found: BatchJobState[] = [];
  for (const line of text.split('\n')) {
    const [jobId = '', index = '', word = '', reason = '', name = '', ...comment] = line.split('|');
    if (!/^\d+$/.test(jobId) || word === '') continue;
    const element = /^\d+$/.test(index) ? Number(index) : null;
    found.push({
      jobId,
      element,
      token: tokenIn(comment.join('|'), name),
      phase: phaseOf(word),
      word,
      reason,
      release: releaseOf(word, reason, element === null ? jobId : `${jobId}_${element}`),
      exit: null,
      signal: null,
    });
  }
  return found;
}

/** Blocks of `scontrol -o show job`: one line a job, `Key=Value` words. */
export function parseScontrolJobs(text: string): BatchJobState[] {
  const found: BatchJobState[] = [];
  for (const line of text.split('\n')) {
    const field = (name: string): string => new RegExp(`(?:^|\\s)${name}=(\\S*)`).exec(line)?.[1] ?? '';
    const word = field('JobState');
    const jobId = field('ArrayJobId') || field('JobId');
    if (word === '' || jobId === '') continue;
    const reason = field('Reason');
    const base = {
      jobId,
      token: tokenIn(field('Comment'), field('JobName')),
      phase: phaseOf(word),
      ...{ word, reason, release: releaseOf(word, reason, jobId) },
      ...exitOf(field('ExitCode')),
    };
    const indices = field('ArrayTaskId');
    if (indices === '') found.push({ ...base, element: null });
    else for (const element of elementsOf(indices)) found.push({ ...base, element });
  }
  return found;
}

/** Lines of `sacct -n -P -X` with SACCT_FORMAT. */
export function parseSacct(text: string): BatchJobState[] {
  const found: BatchJobState[] = [];
  for (const line of text.split('\n')) {
    const [id = '', word = '', code = '', name = ''] = line.split('|');
    const parts = /^(\d+)(?:_(\d+|\[[^\]]*\]))?$/.exec(id);
    if (parts === null || word === '') continue;
    const base = { jobId: parts[1] as string, token: tokenIn(name), phase: phaseOf(word), word };
    const indices = parts[2];
    const elements: (number | null)[] =
      indices === undefined ? [null] : elementsOf(indices.replace(/[[\]]/g, ''));
    for (const element of elements)
      found.push({ ...base, element, reason: '', release: null, ...exitOf(code) });
  }
  return found;
}

/** `0,3-5,8-12:2%4`: indices of array elements, without the throttle. */
export function elementsOf(text: string): number[] {
  const found: number[] = [];
  for (const part of text.replace(/%\d+$/, '').split(',')) {
    const range = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part);
    if (range === null) continue;
    const first = Number(range[1]);
    const last = Number(range[2] ?? first);
    for (let i = first; i <= last; i += Number(range[3] ?? 1)) found.push(i);
  }
  return found;
}

/** `code:signal`. */
function exitOf(text: string): { exit: number | null; signal: number | null } {
  const parts = /^(\d+):(\d+)$/.exec(text);
  return parts === null ? { exit: null, signal: null } : { exit: Number(parts[1]), signal: Number(parts[2]) };
}

/** `Key = Value` lines of `scontrol show config`. */
export function parseConfig(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) found.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  return found;
}

/** What one kind of machine of a cluster has. */
export interface MachineKind {
  readonly cpus: number;
  readonly memoryMb: number;
  readonly gpus: number;
  /** `test*`: the default. */
  readonly partition: string;
  /** Longest job of the partition, minutes. */
  readonly minutes: number;
  /** What a job has that asks for no time, minutes. */
  readonly usualMinutes: number;
}

/** Fields of `sinfo -h -e`. */
export const SINFO_FORMAT = '%c|%m|%G|%P|%l|%L';

export function parseSinfo(text: string): MachineKind[] {
  const found: MachineKind[] = [];
  for (const line of text.split('\n')) {
    const [cpus = '', memory = '', gres = '', partition = '', limit = '', usual = ''] = line.split('|');
    if (!/^\d+\+?$/.test(cpus)) continue;
    let gpus = 0;
    for (const match of gres.matchAll(/\bgpu(?::[^:,()]+)?:(\d+)/g)) gpus += Number(match[1]);
    const minutes = minutesIn(limit);
    const usualMinutes = Math.min(minutes, minutesIn(usual));
    const size = { cpus: Number.parseInt(cpus), memoryMb: Number.parseInt(memory), gpus };
    found.push({ ...size, partition, minutes, usualMinutes });
  }
  return found;
}

/** `[days-]hours:minutes:seconds` or a part of it; without a limit, or in another form: infinite. */
function minutesIn(limit: string): number {
  const parts = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$/.exec(limit);
  if (parts === null) return Infinity;
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = parts;
  return Number(days) * 1440 + Number(hours) * 60 + Number(minutes) + Number(seconds) / 60;
}

/** How a program ended. */
export interface ProgramEnd {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** It was ended because it took too long. */
  readonly isTimedOut: boolean;
}

/** The request may have arrived although the answer did not. */
const SILENT =
  /socket timed out|unable to contact|connection (?:refused|reset|timed out)|connect failure|communication|zero bytes|transport|in progress|protocol authentication/i;
const FULL =
  /MaxSubmit|MaxJobs|submit limit reached|too many jobs|resource temporarily unavailable|temporarily unable to accept/i;
const ARRAY = /invalid job array specification/i;

/** What the end of `sbatch --parsable` means. */
export function judgeSbatch(end: ProgramEnd): SubmitOutcome {
  const jobId = /^(\d+)(?:;\S*)?\s*$/m.exec(end.stdout)?.[1];
  if (end.exit === 0 && jobId !== undefined) return { kind: 'accepted', jobId };
  const text = lastLine(end.stderr) || `sbatch ended with ${String(end.exit)} and said nothing`;
  if (end.isTimedOut) return { kind: 'unsure', text: 'sbatch did not end in time' };
  if (FULL.test(end.stderr)) return { kind: 'later', text };
  if (end.exit === 0 || end.exit === null || end.stderr === '' || SILENT.test(end.stderr))
    return { kind: 'unsure', text };
  return { kind: 'refused', because: ARRAY.test(end.stderr) ? 'array-size' : 'request', text };
}

/** The last line that says something, without the program's name. */
export function lastLine(text: string): string {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  return line.replace(/^\w+: (?:error: )?/, '').trim();
}
