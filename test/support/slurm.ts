/** A private SLURM on this machine, from Debian's packages, and wrappers that make its programs fail. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sharedRoot } from './reference.js';

const UP = join(sharedRoot, 'tools', 'slurm-up.sh');
const DOWN = join(sharedRoot, 'tools', 'slurm-down.sh');
const WRAPPER = fileURLToPath(new URL('../engine/fixtures/slurm-wrapper.sh', import.meta.url));
const PROGRAMS = ['sbatch', 'squeue', 'scontrol', 'scancel', 'sinfo', 'sacct'];

function isInstalled(program: string): boolean {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  return spawnSync('sh', ['-c', `command -v ${program}`], { env: { PATH: path } }).status === 0;
}

/** False where SLURM's packages or the script that starts them are not there: such tests are skipped, visibly. */
export const hasSlurm = existsSync(UP) && ['sbatch', 'slurmctld', 'slurmd', 'munged'].every(isInstalled);

export interface TestSlurmOptions {
  readonly arraySize?: number;
  /** Seconds that the controller remembers a job after its end. */
  readonly minJobAge?: number;
}

export class TestSlurm {
  readonly root = mkdtempSync(join(tmpdir(), 'neuroloom-slurm-'));
  readonly #env: NodeJS.ProcessEnv;
  readonly #wrap = join(this.root, 'wrap');

  constructor(options: TestSlurmOptions = {}) {
    mkdirSync(join(this.#wrap, 'bin'), { recursive: true });
    for (const program of PROGRAMS) symlinkSync(WRAPPER, join(this.#wrap, 'bin', program));
    this.#env = {
      ...process.env,
      SLURM_TEST_DIR: join(this.root, 'slurm'),
      SLURM_TEST_PORT: String(20_000 + (process.pid % 10_000) * 3),
      SLURM_TEST_ARRAY_MAX: String(options.arraySize ?? 1001),
      SLURM_TEST_MIN_AGE: String(options.minJobAge ?? 300),
      SLURM_TEST_WAIT: '120',
    };
    this.up();
  }

  /** Starts what does not run: at first all, later a daemon that a test has killed. */
  up(): void {
    execFileSync(UP, [], { env: this.#env, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  down(): void {
    execFileSync(DOWN, ['--wipe'], { env: this.#env, stdio: 'ignore' });
    rmSync(this.root, { recursive: true, force: true });
  }

  /** What a run needs to find the wrapped programs and this cluster. */
  get env(): NodeJS.ProcessEnv {
    return {
      PATH: `${join(this.#wrap, 'bin')}:${process.env['PATH'] ?? ''}`,
      SLURM_CONF: join(this.root, 'slurm', 'etc', 'slurm.conf'),
      TEST_WRAP: this.#wrap,
      TEST_REAL_PATH: process.env['PATH'],
    };
  }

  /** Answers of the next calls of a program, see the wrapper; calls after them are real. */
  answer(program: string, ...answers: ('fail' | 'lose' | 'full')[]): void {
    writeFileSync(join(this.#wrap, `${program}.answers`), answers.map((answer) => `${answer}\n`).join(''));
  }

  /** While it is down, a program does not reach the controller. */
  setDown(program: string, isDown: boolean): void {
    const file = join(this.#wrap, `${program}.down`);
    if (isDown) appendFileSync(file, '');
    else rmSync(file, { force: true });
  }

  /** Calls since the last time this was asked, by program, with the moment of each, s. */
  calls(): { readonly program: string; readonly at: number }[] {
    const file = join(this.#wrap, 'calls.txt');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    rmSync(file);
    return lines.map((line) => {
      const [program = '', at = '0'] = line.split(' ');
      return { program, at: Number(at) };
    });
  }

  /** A program of SLURM, not wrapped. */
  run(program: string, ...args: string[]): string {
    const env = { ...process.env, SLURM_CONF: this.env['SLURM_CONF'] };
    return execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Ids of jobs that wait or run. */
  active(): string[] {
    return this.run('squeue', '-h', '-r', '-o', '%i').split('\n').filter(Boolean);
  }

  /** kill -9 of a daemon, by the process id that it was started with. */
  kill(daemon: 'slurmctld' | 'slurmd'): void {
    const text = readFileSync(join(this.root, 'slurm', 'run', `${daemon}.id`), 'utf8');
    process.kill(Number(text.split(' ')[0]), 'SIGKILL');
  }
}
