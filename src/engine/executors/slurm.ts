/** SLURM, through its own programs: sbatch, squeue, scontrol, sinfo, scancel, and sacct where accounting is on. */
import { userInfo } from 'node:os';
import { RequirementError } from '../../errors.js';
import type {
  BatchJob,
  BatchLimits,
  BatchScheduler,
  CancelTarget,
  StatesAnswer,
  SubmitOutcome,
} from './batch-scheduler.js';
import { runProgram, type ProgramRun } from './run-program.js';
import {
  judgeSbatch,
  lastLine,
  parseConfig,
  parseSacct,
  parseScontrolJobs,
  parseSinfo,
  parseSqueue,
  SACCT_FORMAT,
  SINFO_FORMAT,
  SQUEUE_FORMAT,
  type MachineKind,
} from './slurm-output.js';
import type { SlurmSettings } from './slurm-settings.js';

const MS_PER_MINUTE = 60_000;
const MB_PER_GB = 1024;
/** SLURM sends the signal up to a minute early; this is what a node has to save what it has, s. */
const SIGNAL_LEAD_S = 60;
const SHORTEST_LEAD_S = 10;
/** SLURM counts limits in whole minutes and looks once a minute. */
const LIMIT_MARGIN_MS = 2 * MS_PER_MINUTE;
const STOCK_ARRAY_SIZE = 1001;
/** Jobs that one scancel names. */
const CANCEL_AT_A_TIME = 500;

export class Slurm implements BatchScheduler {
  readonly title = 'SLURM';
  readonly indexVariable = 'SLURM_ARRAY_TASK_ID';
  readonly #settings: SlurmSettings;
  readonly #limits: BatchLimits;
  readonly #times: PartitionTimes;
  readonly #hasAccounting: boolean;
  readonly #env: NodeJS.ProcessEnv;
  /** Jobs that scontrol has forgotten: sacct is asked next. */
  readonly #forgotten = new Set<string>();
  #askedForList = false;

  /**
   * Asks the cluster for its limits.
   *
   * @throws RequirementError TOOL_MISSING without SLURM's programs, REQUIREMENT when it does not answer or has no such
   *   partition
   */
  static async connect(settings: SlurmSettings, env: NodeJS.ProcessEnv = process.env): Promise<Slurm> {
    const own = schedulerEnvironment(env);
    const timeoutMs = settings.command_seconds * 1000;
    const ask = async (name: string, args: readonly string[]): Promise<string> => {
      const end = await runProgram(name, args, { timeoutMs, env: own });
      if (end.isMissing) throw missing(name);
      if (end.exit !== 0) throw silent(name, end);
      return end.stdout;
    };
    const version = await runProgram('sbatch', ['--version'], { timeoutMs, env: own });
    if (version.isMissing) throw missing('sbatch');
    const config = parseConfig(await ask('scontrol', ['show', 'config']));
    const machines = parseSinfo(await ask('sinfo', ['-h', '-e', '-o', SINFO_FORMAT]));
    const usable = machinesFor(settings.partition ?? own['SBATCH_PARTITION'] ?? null, machines);
    const arraySize = Number.parseInt(config.get('MaxArraySize') ?? '');
    const limits: BatchLimits = {
      arraySize: Number.isNaN(arraySize) ? STOCK_ARRAY_SIZE : Math.max(1, arraySize),
      cpus: Math.max(...usable.map((machine) => machine.cpus)),
      memoryGb: Math.max(...usable.map((machine) => machine.memoryMb)) / MB_PER_GB,
      gpus: Math.max(...usable.map((machine) => machine.gpus)),
    };
    const accounting = config.get('AccountingStorageType') ?? '';
    const hasAccounting = accounting !== '' && !/none$/.test(accounting);
    const times: PartitionTimes = {
      most: Math.max(...usable.map((machine) => machine.minutes)),
      usual: Math.min(...usable.map((machine) => machine.usualMinutes)),
    };
    return new Slurm({ settings, limits, times, hasAccounting, env: own });
  }

  private constructor(cluster: {
    readonly settings: SlurmSettings;
    readonly limits: BatchLimits;
    readonly times: PartitionTimes;
    readonly hasAccounting: boolean;
    readonly env: NodeJS.ProcessEnv;
  }) {
    this.#settings = cluster.settings;
    this.#limits = cluster.limits;
    this.#times = cluster.times;
    this.#hasAccounting = cluster.hasAccounting;
    this.#env = cluster.env;
  }

  limits(): BatchLimits {
    return this.#limits;
  }

  async submit(job: BatchJob): Promise<SubmitOutcome> {
    const end = await this.#run('sbatch', sbatchArguments(job, this.#settings, this.#times));
    return judgeSbatch(end);
  }

  async states(wanted: readonly string[]): Promise<StatesAnswer> {
    const jobId = wanted[0];
    if (jobId === undefined || !this.#askedForList) {
      this.#askedForList = true;
      return this.#list();
    }
    this.#askedForList = false;
    return this.#details(jobId);
  }

  async #list(): Promise<StatesAnswer> {
    const end = await this.#run('squeue', [
      ...['-h', '-r', '-t', 'all', '-u', userInfo().username],
      ...['-o', SQUEUE_FORMAT],
    ]);
    if (end.exit !== 0) return { kind: 'unknown', text: whatWentWrong('squeue', end) };
    return { kind: 'list', jobs: parseSqueue(end.stdout) };
  }

  async #details(jobId: string): Promise<StatesAnswer> {
    if (this.#forgotten.has(jobId)) {
      const end = await this.#run('sacct', ['-n', '-P', '-X', '-j', jobId, '-o', SACCT_FORMAT]);
      if (end.exit !== 0) return { kind: 'unknown', text: whatWentWrong('sacct', end) };
      return { kind: 'details', jobId, jobs: parseSacct(end.stdout) };
    }
    const end = await this.#run('scontrol', ['-o', 'show', 'job', jobId]);
    if (end.exit === 0) return { kind: 'details', jobId, jobs: parseScontrolJobs(end.stdout) };
    if (!/invalid job id/i.test(end.stderr + end.stdout)) {
      return { kind: 'unknown', text: whatWentWrong('scontrol', end) };
    }
    // Accounting remembers longer than the controller; it is asked in the next interval.
    if (!this.#hasAccounting) return { kind: 'details', jobId, jobs: [] };
    this.#forgotten.add(jobId);
    return { kind: 'more' };
  }

  async cancel(targets: readonly CancelTarget[]): Promise<string | null> {
    const ids: string[] = [];
    let problem: string | null = null;
    for (const { jobId, name, token, elements } of targets) {
      if (jobId === null) {
        const end = await this.#run('scancel', [
          `--name=${jobNameOf(name, token)}`,
          `--user=${userInfo().username}`,
        ]);
        if (end.exit !== 0) problem = whatWentWrong('scancel', end);
      } else if (elements === null) ids.push(jobId);
      else ids.push(...elements.map((element) => `${jobId}_${element}`));
    }
    for (let at = 0; at < ids.length; at += CANCEL_AT_A_TIME) {
      const end = await this.#run('scancel', ids.slice(at, at + CANCEL_AT_A_TIME));
      // A job that has just ended is what was wanted.
      const isGone = /invalid job id|already completing|completed/i.test(end.stderr);
      if (end.exit !== 0 && !isGone) problem = whatWentWrong('scancel', end);
    }
    return problem;
  }

  #run(name: string, args: readonly string[]): Promise<ProgramRun> {
    return runProgram(name, args, { timeoutMs: this.#settings.command_seconds * 1000, env: this.#env });
  }
}

/**
 * Machines that jobs can come to: those of some partitions, else of the default one.
 *
 * @param partition - names, separated by commas
 * @throws RequirementError when there are none
 */
function machinesFor(partition: string | null, machines: readonly MachineKind[]): readonly MachineKind[] {
  const nameOf = (machine: MachineKind): string => machine.partition.replace(/\*$/, '');
  const isDefault = (machine: MachineKind): boolean => machine.partition.endsWith('*');
  const wanted = partition?.split(',') ?? null;
  const named = machines.filter((machine) =>
    wanted === null ? isDefault(machine) : wanted.includes(nameOf(machine)),
  );
  // A cluster may have no default: a plugin of it chooses then.
  const usable = wanted === null && named.length === 0 ? machines : named;
  if (usable.length > 0) return usable;
  const names = [...new Set(machines.map(nameOf))];
  throw new RequirementError('REQUIREMENT', `SLURM has no partition ${partition ?? ''} with machines`, {
    where: 'slurm.partition',
    cure: names.length === 0 ? 'ask the administrator of the cluster' : `use one of ${names.join(', ')}`,
  });
}

/** Time that a job asks for, minutes; null: what the partition gives. */
function minutesOf({ timeLimitMs, timeFactor }: BatchJob, { time }: SlurmSettings): number | null {
  if (timeLimitMs !== null) return Math.ceil((timeLimitMs + LIMIT_MARGIN_MS) / MS_PER_MINUTE);
  return time === null ? null : time * timeFactor;
}

/** Times of jobs in a partition, minutes. */
export interface PartitionTimes {
  readonly most: number;
  /** Of jobs that ask for none. */
  readonly usual: number;
}

const UNLIMITED: PartitionTimes = { most: Infinity, usual: Infinity };

/** Arguments of sbatch for one array; the script comes last. */
export function sbatchArguments(
  job: BatchJob,
  settings: SlurmSettings,
  { most, usual }: PartitionTimes = UNLIMITED,
): string[] {
  const { resources } = job;
  const memoryMb = Math.ceil((resources.memoryGb + settings.memory_overhead_gb) * MB_PER_GB);
  const wanted = minutesOf(job, settings);
  // Beyond that of its partition a job would wait for ever.
  const minutes = wanted === null ? null : Math.min(wanted, most);
  const quarter = Math.floor(((minutes ?? usual) * 60) / 4);
  const lead = Math.min(SIGNAL_LEAD_S, Math.max(SHORTEST_LEAD_S, quarter));
  const throttle = job.throttle === null ? '' : `%${job.throttle}`;
  return [
    '--parsable',
    `--job-name=${jobNameOf(job.name, job.token)}`,
    `--comment=neuroloom token=${job.token}`,
    `--array=0-${job.elements - 1}${throttle}`,
    '--nodes=1',
    '--ntasks=1',
    `--cpus-per-task=${resources.cpus}`,
    `--mem=${memoryMb}M`,
    ...(resources.gpus > 0 ? [`--gres=gpu:${resources.gpus}`] : []),
    ...(minutes === null ? [] : [`--time=${Math.max(1, Math.ceil(minutes))}`]),
    `--signal=B:USR1@${lead}`,
    '--requeue',
    '--open-mode=append',
    `--output=${job.folder}/%a.log`,
    '--chdir=/',
    ...(settings.partition === null ? [] : [`--partition=${settings.partition}`]),
    ...(settings.account === null ? [] : [`--account=${settings.account}`]),
    ...(settings.qos === null ? [] : [`--qos=${settings.qos}`]),
    ...(settings.constraint === null ? [] : [`--constraint=${settings.constraint}`]),
    ...settings.args,
    job.script,
  ];
}

function jobNameOf(name: string, token: string): string {
  return `${name}.${token}`;
}

/**
 * The environment for SLURM's programs. This process may itself be a job: what SLURM told that job must not be read
 * as wishes for its children.
 */
function schedulerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(
    ([name]) =>
      name === 'SLURM_CONF' ||
      name === 'SLURM_CLUSTERS' ||
      // With SBATCH_WAIT each sbatch would wait for the end of its jobs.
      !/^(?:SLURM_|SLURMD_|SBATCH_WAIT$|NEUROLOOM_TEST_KILL$)/.test(name),
  );
  return Object.fromEntries(kept);
}

function whatWentWrong(name: string, end: ProgramRun): string {
  if (end.isTimedOut) return `${name} did not end in time`;
  return lastLine(end.stderr) || `${name} ended with ${String(end.exit)}`;
}

function missing(name: string): RequirementError {
  return new RequirementError('TOOL_MISSING', `${name} was not found on this machine`, {
    where: '--executor slurm',
    cure: 'start the run on a machine that can submit jobs (often the login node), or use --executor local',
  });
}

function silent(name: string, end: ProgramRun): RequirementError {
  return new RequirementError('REQUIREMENT', `SLURM does not answer: ${whatWentWrong(name, end)}`, {
    where: name,
    cure: 'try again later (`scontrol ping` tells whether the controller is up), or use --executor local',
  });
}
