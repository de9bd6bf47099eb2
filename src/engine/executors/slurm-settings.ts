/** The `slurm` block of the configuration: what is asked of the scheduler, and how often. */
import { z } from 'zod';

/** Options of sbatch that the executor sets itself, or that have a key of their own. */
const RESERVED = new RegExp(
  '^(?:-[aACcDeHJNnopQqtW]|--(?:array|job-name|comment|output|error|chdir|wait|quiet|wrap|parsable|test-only|signal|' +
    'open-mode|requeue|no-requeue|ntasks|nodes|cpus-per-task|mem|time|hold|partition|account|qos|constraint)(?:=|$))',
);

const word = z
  .string()
  .min(1)
  .regex(/^[^\s-]\S*$/, 'a name without blanks');

export const SlurmConfig = z.strictObject({
  partition: word
    .nullable()
    .default(null)
    .describe('Partition of all jobs; null: the default of the cluster'),
  account: word.nullable().default(null).describe('Account that is charged'),
  qos: word.nullable().default(null).describe('Quality of service'),
  constraint: z.string().min(1).nullable().default(null).describe('Features that machines must have'),
  args: z
    .array(
      z
        .string()
        .startsWith('-', 'an option of sbatch, such as --exclude=node07')
        .refine(
          (value) => !RESERVED.test(value),
          'set by the executor itself, or by a key of its own, such as partition, account or time',
        ),
    )
    .default([])
    .describe('Further options of sbatch, each one text such as --exclude=node07'),
  max_queued: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe('Most array elements that wait or run at a time; also the largest array'),
  time: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Time limit of a job in minutes where its nodes have none; null: that of the partition'),
  memory_overhead_gb: z
    .number()
    .min(0)
    .default(0.25)
    .describe('Memory that is asked for beside that of the node, GB'),
  pack_seconds: z
    .number()
    .min(0)
    .default(60)
    .describe('Short nodes share a job until it is expected to last so long, s; 0: one node a job'),
  status_seconds: z
    .number()
    .min(0.2)
    .default(15)
    .describe('Least time between two questions to the scheduler, s; they grow rarer while nothing changes'),
  poll_seconds: z
    .number()
    .min(0.05)
    .default(2)
    .describe('How often the folder of finished nodes is looked at, s'),
  grace_seconds: z
    .number()
    .min(0)
    .default(60)
    .describe('How long a file of a job that has ended may take to appear here, s'),
  command_seconds: z
    .number()
    .min(0.1)
    .default(60)
    .describe('Longest time of one call of sbatch or squeue, s'),
});

export type SlurmSettings = z.output<typeof SlurmConfig>;

export const DEFAULT_SLURM_SETTINGS: SlurmSettings = SlurmConfig.parse({});
