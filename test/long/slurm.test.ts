import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Rig, until, type ChildEnd } from '../engine/rig.js';
import { hasSlurm, TestSlurm } from '../support/slurm.js';

const NODES = 500;

describe.skipIf(!hasSlurm)('500 short nodes on a real SLURM', () => {
  let slurm: TestSlurm;
  beforeAll(() => {
    slurm = new TestSlurm();
  });
  afterAll(() => {
    slurm.down();
  });

  const settings = JSON.stringify({ slurm: { status_seconds: 15, poll_seconds: 1, grace_seconds: 10 } });
  const start = (rig: Rig): Promise<ChildEnd> =>
    rig.spawn('slurm-scenario.mjs', [rig.output, String(NODES), '0', settings], { env: slurm.env });

  test('at most twenty calls of sbatch, one status call in 15 s, every node once', async () => {
    using rig = new Rig();
    slurm.calls();
    const end = await start(rig);
    expect(end.code, end.stderr).toBe(0);
    const calls = slurm.calls();
    // The first call of sbatch asks for its version.
    expect(calls.filter(({ program }) => program === 'sbatch').length - 1).toBeLessThanOrEqual(20);
    const asked = calls.filter(({ program }) => program === 'squeue').map(({ at }) => at);
    for (let i = 1; i < asked.length; i++) expect(asked[i]! - asked[i - 1]!).toBeGreaterThan(14);
    const executed = rig.executed();
    expect(executed).toEqual([...new Set(executed)]);
    expect(executed).toHaveLength(2 * NODES + 1);
  });

  const done = (stdout: string): number => stdout.split('"type":"node-done"').length - 1;

  test('the parent killed and resumed, the controller killed and restarted: no node is submitted twice', async () => {
    using rig = new Rig();
    const env = slurm.env;
    const args = [rig.output, String(NODES), '0', settings];
    const first = await rig.spawn('slurm-scenario.mjs', args, { env, killWhen: (text) => done(text) >= 100 });
    expect(first.signal).toBe('SIGKILL');
    let printed = '';
    const running = rig.spawn('slurm-scenario.mjs', args, { env, onOutput: (text) => (printed = text) });
    await until('the next run is at work', () => done(printed) >= 100, 1_800_000);
    slurm.kill('slurmctld');
    slurm.up();
    // The controller has lost its last jobs and may take their machine away for it.
    await slurm.care(running);
    const end = await running;
    expect(end.code, end.stderr).toBe(0);
    expect(rig.published('sum.txt')).toBe(`${(NODES * (NODES + 1)) / 2}\n`);
    let submitted = 0;
    for (const line of (first.stdout + end.stdout).split('\n').filter(Boolean)) {
      const event = JSON.parse(line) as { type: string; node?: string; nodes?: number };
      if (event.type === 'jobs-submitted' && event.node === 'waits') submitted += event.nodes ?? 0;
    }
    expect(submitted).toBe(NODES);
    await until('the queue is empty', () => slurm.active().length === 0, 600_000);
  });
});
