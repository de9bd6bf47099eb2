import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { RequirementError } from '../../../../src/errors.js';
import { slurmSite } from '../../../../src/engine/executors/slurm-site.js';
import { SlurmConfig, type SlurmSettings } from '../../../../src/engine/executors/slurm-settings.js';
import type { Site } from '../../../../src/engine/executors/site.js';
import { FakeSlurm } from '../../../support/fake-slurm.js';
import { temporaryDirectory } from '../../../support/temporary.js';

const root = temporaryDirectory();
const MACHINES = ['4|8192+|(null)|short*|1:00:00', '16|65536|gpu:a100:2(S:0-1)|long|7-00:00:00'];
let clusters = 0;

afterEach(() => {
  vi.unstubAllEnvs();
});

function siteOn(
  sinfo: readonly string[],
  settings: Partial<SlurmSettings> = {},
  request: { cpus?: number; memoryGb?: number } = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Site> {
  const slurm = new FakeSlurm(join(root, String(clusters++)), sinfo);
  for (const [name, value] of Object.entries({ ...slurm.env, ...env })) vi.stubEnv(name, value);
  return slurmSite({ executor: 'slurm', slurm: SlurmConfig.parse(settings), ...request });
}

test('the largest request is that of the default partition, less the memory that a job takes for itself', async () => {
  expect((await siteOn(MACHINES)).largest).toMatchObject({ cpus: 4, memoryGb: 7.75, gpus: 0 });
});

test('of a partition that is named, in the settings or to sbatch by its variable, the machines of that one count', async () => {
  const long = { cpus: 16, memoryGb: 63, gpus: 2 };
  const memory_overhead_gb = 1;
  expect((await siteOn(MACHINES, { partition: 'long', memory_overhead_gb })).largest).toMatchObject(long);
  const byVariable = await siteOn(MACHINES, { memory_overhead_gb }, {}, { SBATCH_PARTITION: 'long' });
  expect(byVariable.largest).toMatchObject(long);
  expect((await siteOn(MACHINES, { partition: 'short,long', memory_overhead_gb })).largest).toMatchObject(
    long,
  );
});

test('what the run may use limits it further', async () => {
  const site = await siteOn(MACHINES, { partition: 'long' }, { cpus: 2, memoryGb: 3 });
  expect(site.largest).toMatchObject({ cpus: 2, memoryGb: 3 });
});

test('without a default partition all machines count', async () => {
  expect((await siteOn(MACHINES.map((line) => line.replace('*', '')))).largest.cpus).toBe(16);
});

test('a partition without machines is refused with the names of the others; so is a cluster without any', async () => {
  const refusal = siteOn(MACHINES, { partition: 'lang' });
  await expect(refusal).rejects.toThrow(RequirementError);
  await expect(refusal).rejects.toMatchObject({ cure: 'use one of short, long' });
  await expect(siteOn([''])).rejects.toMatchObject({ cure: 'ask the administrator of the cluster' });
});

test('where SLURM is not installed the program that is missing is named', async () => {
  vi.stubEnv('PATH', join(root, 'nowhere'));
  await expect(slurmSite({ executor: 'slurm' })).rejects.toMatchObject({ code: 'TOOL_MISSING' });
});
