/** What a real SLURM does to jobs: it ends them at their limit, holds them, puts them back in the queue. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Rig, until, type ChildEnd } from '../engine/rig.js';
import { hasSlurm, TestSlurm } from '../support/slurm.js';

const LONG_MS = 240_000;

describe.skipIf(!hasSlurm)('on a real SLURM (skipped without slurm-wlm, munge and slurm-up.sh)', () => {
  let slurm: TestSlurm;
  beforeAll(() => {
    slurm = new TestSlurm();
  });
  beforeEach(() => slurm.settled());
  afterAll(() => {
    slurm.down();
  });

  const events = (text: string): Record<string, unknown>[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  const start = (
    rig: Rig,
    ms: number,
    settings: object,
    onOutput: (text: string) => void,
  ): Promise<ChildEnd> =>
    rig.spawn('slurm-scenario.mjs', [rig.output, '1', String(ms), JSON.stringify({ slurm: settings })], {
      env: slurm.env,
      onOutput,
    });

  test('a job that is held is told with the command that releases it, and goes on after it', async () => {
    using rig = new Rig();
    const [machine = ''] = slurm.run('sinfo', '-h', '-o', '%N').trim().split('\n');
    slurm.run('scontrol', 'update', `NodeName=${machine}`, 'State=DRAIN', 'Reason=test');
    let printed = '';
    const running = start(rig, 10, { pack_seconds: 0 }, (text) => (printed = text));
    await until('a job waits', () => slurm.active('PENDING').length === 1, LONG_MS);
    slurm.run('scontrol', 'hold', slurm.active('PENDING')[0] as string);
    const told = (): string =>
      events(printed)
        .filter(({ type }) => type === 'warning')
        .map(({ message, cure }) => `${String(message)} | ${String(cure)}`)
        .join('\n');
    await until('it is told', () => told().includes('scontrol release'), LONG_MS);
    expect(told()).toMatch(
      /SLURM holds a job of waits \(JobHeld\w+\).* \| let go on with: scontrol release \d+_0/,
    );
    const [, ...command] = /scontrol (release) (\d+_0)/.exec(told()) as unknown as string[];
    slurm.run('scontrol', ...command);
    await slurm.care(running);
    expect((await running).code).toBe(0);
  });

  test('a job that is put back in the queue while its node runs goes on as a further attempt', async () => {
    using rig = new Rig();
    const running = start(rig, 8000, { pack_seconds: 0 }, () => undefined);
    await until('the node runs', () => rig.executed().includes('waits 0'), LONG_MS);
    slurm.run('scontrol', 'requeue', slurm.active('RUNNING')[0] as string);
    await slurm.care(running);
    const end = await running;
    expect(end.code, end.stderr + end.stdout).toBe(0);
    // It was begun a second time and ended there.
    expect(rig.executed()).toContain('waits 0');
    expect(events(end.stdout).filter(({ type }) => type === 'jobs-submitted')).toHaveLength(3);
  });

  test('a node whose job was too short gets a job with twice the time', async () => {
    using rig = new Rig();
    const end = await start(rig, 75_000, { pack_seconds: 0, time: 1 }, () => undefined);
    expect(end.code, end.stderr + end.stdout).toBe(0);
    expect(events(end.stdout).find(({ type }) => type === 'node-retried')).toMatchObject({
      failureClass: 'timeout',
    });
  });
});
