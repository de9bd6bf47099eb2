import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Rig } from '../engine/rig.js';

/** What a run in a process of its own says of a node that prints much and then fails. */
export interface LoudRun {
  readonly exitCode: number;
  /** Most memory that the parent ever had, MB. */
  readonly peakMb: number;
  readonly message: string;
  /** Characters of the tail that is told to people. */
  readonly tailLength: number;
  /** Kept of what was printed, bytes. */
  readonly logBytes: number;
  /** All that is left on disk, bytes. */
  readonly bytes: number;
}

export async function runLoud(bytes: number, lineBytes: number): Promise<LoudRun> {
  using rig = new Rig();
  const end = await rig.spawn('loud.mjs', [rig.output, String(bytes), String(lineBytes)]);
  if (end.code !== 0) throw new Error(end.stderr);
  const told = JSON.parse(end.stdout) as Omit<LoudRun, 'logBytes' | 'bytes'> & { logPath: string };
  const sizes = (readdirSync(rig.output, { recursive: true }) as string[])
    .map((name) => statSync(join(rig.output, name)))
    .filter((stat) => stat.isFile())
    .map(({ size }) => size);
  return {
    ...told,
    logBytes: statSync(join(rig.output, told.logPath)).size,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}
