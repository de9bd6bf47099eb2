import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** A process, told apart from a later one with the same number. */
export interface ProcessIdentity {
  readonly host: string;
  readonly pid: number;
  /** When the process started, in the words of this system; empty when it cannot be known. */
  readonly pidStart: string;
}

/** A sign of life from another host that is older than this is no sign of life. */
export const BEAT_LIMIT_MS = 60_000;

let own: ProcessIdentity | undefined;

export function ownIdentity(): ProcessIdentity {
  own ??= { host: hostname(), pid: process.pid, pidStart: startOf(process.pid) ?? '' };
  return own;
}

/**
 * Whether a process still lives: on this host by its number and start time, on others by a beat that is younger
 * than 60 s.
 *
 * @param beat - its last sign of life, ms since 1970
 */
export function isLive(identity: ProcessIdentity, beat: number, now: number): boolean {
  if (identity.host !== ownIdentity().host) return now - beat < BEAT_LIMIT_MS;
  return startOf(identity.pid) === identity.pidStart;
}

/** Start of a process; null when there is no such process. */
function startOf(pid: number): string | null {
  if (process.platform === 'linux') return linuxStartOf(pid);
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

/** Start time in clock ticks since boot, with the identity of the boot; a zombie counts as gone. */
function linuxStartOf(pid: number): string | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw cause;
  }
  // The second field is the program's name in parentheses and may hold anything; the third is the state.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  return `${bootId()}:${fields[19] ?? ''}`;
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return boot;
}
