import { Option } from 'commander';

/** Options that say where nodes run. What is not given comes from the block `slurm` of the configuration. */
export interface ClusterOptions {
  readonly executor?: 'local' | 'slurm';
  readonly slurmPartition?: string;
  readonly slurmAccount?: string;
  readonly slurmQos?: string;
  readonly slurmConstraint?: string;
  readonly slurmTime?: string;
  readonly slurmMaxQueued?: string;
  readonly slurmArg: readonly string[];
}

const HEADING = 'Cluster (docs/slurm.md; each is also a key of the block slurm of the configuration)';

export function clusterOptions(): Option[] {
  return [
    new Option(
      '--executor <where>',
      'where nodes run (default: executor of the configuration, else local)',
    ).choices(['local', 'slurm']),
    new Option('--slurm-partition <name>', 'partition of the jobs'),
    new Option('--slurm-account <name>', 'account that is charged'),
    new Option('--slurm-qos <name>', 'quality of service'),
    new Option('--slurm-constraint <features>', 'features that machines must have'),
    new Option('--slurm-time <minutes>', 'time limit of a job where its nodes have none'),
    new Option('--slurm-max-queued <n>', 'most array elements that wait or run at a time (default: 1000)'),
    new Option('--slurm-arg <option>', 'further option of sbatch, such as --exclude=node07; may be repeated')
      .argParser((value: string, earlier: readonly string[]) => [...earlier, value])
      .default([], 'none'),
  ].map((option) => option.helpGroup(HEADING));
}

/**
 * The options as `--set` would give them: one way for all values, so that each is checked and has an origin.
 *
 * @returns texts such as `slurm.partition="long"`
 */
export function clusterSettings(options: Partial<ClusterOptions>): string[] {
  const set: string[] = [];
  const text = (key: string, value: string | undefined): void => {
    if (value !== undefined) set.push(`${key}=${JSON.stringify(value)}`);
  };
  const number = (key: string, value: string | undefined): void => {
    if (value !== undefined) set.push(`${key}=${value}`);
  };
  text('executor', options.executor);
  text('slurm.partition', options.slurmPartition);
  text('slurm.account', options.slurmAccount);
  text('slurm.qos', options.slurmQos);
  text('slurm.constraint', options.slurmConstraint);
  number('slurm.time', options.slurmTime);
  number('slurm.max_queued', options.slurmMaxQueued);
  const args = options.slurmArg ?? [];
  if (args.length > 0) set.push(`slurm.args=${JSON.stringify(args)}`);
  return set;
}
