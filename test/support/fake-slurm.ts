/** Programs that stand for SLURM: what is asked of them can be read, and jobs run at once on this machine. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./fake-slurm.sh', import.meta.url));

export class FakeSlurm {
  /** @param sinfo - lines of `cpus|MB|gres|partition|limit`; the default partition has a star */
  constructor(
    readonly directory: string,
    sinfo: readonly string[],
  ) {
    mkdirSync(join(directory, 'bin'), { recursive: true });
    for (const program of ['sbatch', 'squeue', 'scontrol', 'scancel', 'sinfo']) {
      symlinkSync(SCRIPT, join(directory, 'bin', program));
    }
    writeFileSync(join(directory, 'sinfo'), `${sinfo.join('\n')}\n`);
  }

  get env(): { readonly PATH: string; readonly FAKE_SLURM: string } {
    return {
      PATH: `${join(this.directory, 'bin')}:${process.env['PATH'] ?? ''}`,
      FAKE_SLURM: this.directory,
    };
  }

  /** Arguments of each sbatch. */
  submitted(): string[][] {
    const file = join(this.directory, 'arguments');
    if (!existsSync(file)) return [];
    const calls = readFileSync(file, 'utf8').split('\n\n');
    return calls.map((call) => call.split('\n').filter(Boolean)).filter((call) => call.length > 0);
  }
}
