/** A private SLURM on this machine, from Debian's packages, and wrappers that make its programs fail. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
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
import { until } from '../engine/rig.js';
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

/** Longest time that clearing away takes on a machine with much else to do. */
const SETTLE_MS = 180_000;
const PATIENCE = 5;

/** A daemon of a loaded machine may answer late: such errors are no result. */
function patiently<T>(call: () => T, passing: RegExp): T {
  for (let left = PATIENCE; ; left--) {
    try {
      return call();
    } catch (error) {
      if (left === 1 || !passing.test(String((error as { stderr?: unknown }).stderr))) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  }
}

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
      // Below the ports that systems give to outgoing connections.
      SLURM_TEST_PORT: String(20_000 + (process.pid % 4000) * 3),
      SLURM_TEST_ARRAY_MAX: String(options.arraySize ?? 1001),
      SLURM_TEST_MIN_AGE: String(options.minJobAge ?? 300),
      SLURM_TEST_WAIT: '120',
    };
    this.up();
  }

  /** Starts what does not run: at first all, later a daemon that a test has killed. */
  up(): void {
    patiently(() => execFileSync(UP, [], { env: this.#env, stdio: ['ignore', 'ignore', 'pipe'] }), /did not/);
  }

  /** Starts the controller anew with settings that the script does not know. */
  async configure(...lines: string[]): Promise<void> {
    const file = this.env['SLURM_CONF'] ?? '';
    appendFileSync(file, lines.map((line) => `${line}\n`).join(''));
    this.kill('slurmctld');
    const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
    const env = { ...process.env, PATH: path };
    const { pid = 0 } = spawn('slurmctld', ['-D', '-f', file], { env, detached: true, stdio: 'ignore' });
    // As the script does, which ends it: a recycled id has another start time.
    const startTime = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
    writeFileSync(join(this.root, 'slurm', 'run', 'slurmctld.id'), `${pid} ${startTime ?? ''}\n`);
    const isUp = (): boolean => this.tries('scontrol', 'ping')?.includes('is UP') ?? false;
    await until('the controller is back', isUp, SETTLE_MS);
    await this.resume();
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
    const call = (): string =>
      execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return patiently(call, /contact|timed out|connection|zero bytes|temporarily/i);
  }

  /** The same where the answer may be no: null then. */
  tries(program: string, ...args: string[]): string | null {
    try {
      return this.run(program, ...args);
    } catch {
      return null;
    }
  }

  /** Ids of jobs that wait, run, or are being cleared away; or of those in one state. */
  active(state?: 'PENDING' | 'RUNNING'): string[] {
    const which = state === undefined ? [] : ['-t', state];
    return this.run('squeue', '-h', '-r', ...which, '-o', '%i')
      .split('\n')
      .filter(Boolean);
  }

  /** State of the machine, such as `idle`, `mixed`, `down*`. */
  machineState(): string {
    return this.run('sinfo', '-h', '-o', '%T').trim();
  }

  /** Until what a test left behind has been cleared away and the machine takes jobs. */
  async settled(): Promise<void> {
    await until('the queue is empty', () => this.active().length === 0, SETTLE_MS);
    await this.resume();
  }

  /** Makes the machine take jobs. It also comes back by itself: what is refused then is no error. */
  async resume(): Promise<void> {
    const isUp = (): boolean => {
      if (!/down|drain|unknown|no_resp|\*/.test(this.machineState())) return true;
      for (const node of this.run('sinfo', '-h', '-o', '%N').split('\n').filter(Boolean)) {
        this.tries('scontrol', 'update', `NodeName=${node}`, 'State=RESUME');
      }
      return false;
    };
    await until('the machine takes jobs', isUp, SETTLE_MS);
  }

  /**
   * Does until a run ends what an administrator does after a failure: the machine takes jobs again, and jobs that were
   * put back in the queue start, which else wait two minutes, or for somebody who releases them.
   */
  async care(end: Promise<unknown>): Promise<void> {
    let isOver = false;
    const over = end.finally(() => (isOver = true));
    while (!isOver) {
      await this.resume();
      for (const id of this.active('PENDING')) {
        const isHeld = /Reason=\S*held/i.test(this.tries('scontrol', 'show', 'job', id) ?? '');
        if (isHeld) this.tries('scontrol', 'release', id);
        this.tries('scontrol', 'update', `JobId=${id}`, 'StartTime=now');
      }
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }
  }

  /** kill -9 of a daemon, by the process id that it was started with. */
  kill(daemon: 'slurmctld' | 'slurmd'): void {
    const text = readFileSync(join(this.root, 'slurm', 'run', `${daemon}.id`), 'utf8');
    process.kill(Number(text.split(' ')[0]), 'SIGKILL');
  }
}
