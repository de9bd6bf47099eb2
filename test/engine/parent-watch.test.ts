import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isAlive, processesWith, Rig, until } from './rig.js';

const MODULE = fileURLToPath(new URL('../../dist/engine/parent-watch.js', import.meta.url));

/** A process that starts others under watch and prints their ids. */
const PARENT = `
  import { spawn } from 'node:child_process';
  import { ParentWatch } from ${JSON.stringify(MODULE)};
  const [notes, ...programs] = process.argv.slice(2);
  const watch = new ParentWatch(notes, process.env);
  const pids = programs.map((program) => {
    const { execPath, execArgv, pipe } = watch.around('/bin/sh', ['-c', program]);
    const child = spawn(execPath, execArgv, { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ignore', pipe] });
    watch.started(child.pid);
    return child.pid;
  });
  process.on('SIGUSR2', () => {
    watch.ended(pids[0]);
    console.log('told');
  });
  process.on('SIGTERM', async () => {
    await watch.close();
    console.log('closed');
  });
  console.log(pids.join(' '));
  setTimeout(() => 0, 300_000);
`;

interface Parent extends Disposable {
  readonly child: ChildProcess;
  readonly pids: readonly number[];
  /** All that it printed. */
  readonly text: () => string;
  readonly watchers: () => number[];
}

async function startParent(rig: Rig, ...programs: string[]): Promise<Parent> {
  const script = rig.write('parent.mjs', PARENT);
  const child = spawn(process.execPath, [script, rig.path('notes'), ...programs], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  await until('the processes are started', () => text.includes('\n'));
  const pids = text.trim().split(' ').map(Number);
  return {
    ...{ child, pids, text: () => text },
    watchers: () => processesWith(`neuroloom-watch\0${rig.path('notes')}`),
    [Symbol.dispose]: () => {
      child.kill('SIGKILL');
      for (const pid of pids.filter(isAlive)) process.kill(-pid, 'SIGKILL');
    },
  };
}

test('what a killed process started is ended with what that started, also while it is stopped', async () => {
  using rig = new Rig();
  const mark = rig.path('tool');
  using parent = await startParent(rig, `sleep 300 & echo $! > ${mark}; wait`);
  await until('it started its tool', () => existsSync(mark) && readFileSync(mark, 'utf8').endsWith('\n'));
  const all = [...parent.pids, Number(readFileSync(mark, 'utf8'))];
  expect(all.map(isAlive)).toEqual([true, true]);
  for (const pid of all) process.kill(pid, 'SIGSTOP');
  parent.child.kill('SIGKILL');
  await until('both are gone', () => !all.some(isAlive));
  await until('the watcher is gone', () => parent.watchers().length === 0);
});

test('a process that has ended is forgotten: its number may be that of another', async () => {
  using rig = new Rig();
  using parent = await startParent(rig, 'exec sleep 300', 'exec sleep 300');
  const [forgotten = 0, watched = 0] = parent.pids;
  parent.child.kill('SIGUSR2');
  await until('its end was told', () => parent.text().includes('told'));
  parent.child.kill('SIGKILL');
  await until('the other one is gone', () => !isAlive(watched));
  await until('the watcher is gone', () => parent.watchers().length === 0);
  expect(isAlive(forgotten)).toBe(true);
});

test('a watcher that somebody kills is replaced, and knows who lives', async () => {
  using rig = new Rig();
  using parent = await startParent(rig, 'exec sleep 300');
  const [first = 0] = parent.watchers();
  // One that dies at once would die again.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  process.kill(first, 'SIGTERM');
  expect(isAlive(first)).toBe(true);
  process.kill(first, 'SIGKILL');
  await until('there is another', () => parent.watchers().some((pid) => pid !== first));
  parent.child.kill('SIGKILL');
  await until('the process is gone', () => !isAlive(parent.pids[0] as number));
});

test('containers of a killed run are ended by the program that they were noted with', async () => {
  using rig = new Rig();
  const [runtime, said] = [rig.path('a docker'), rig.path('said')];
  writeFileSync(runtime, `#!/bin/sh\necho "$@" >> ${said}\n`);
  chmodSync(runtime, 0o755);
  mkdirSync(rig.path('notes/worker-1.containers'), { recursive: true });
  writeFileSync(rig.path('notes/worker-1.containers/neuroloom-1'), runtime);
  // A note that was not written to the end: nothing was started after it.
  writeFileSync(rig.path('notes/worker-1.containers/neuroloom-2'), '');
  using parent = await startParent(rig, 'exec sleep 300');
  parent.child.kill('SIGKILL');
  await until('the watcher is gone', () => parent.watchers().length === 0);
  expect(readFileSync(said, 'utf8')).toBe('kill neuroloom-1\nrm --force neuroloom-1\n');
});

test('the watcher goes when it is told that all is done, and looks at no note any more', async () => {
  using rig = new Rig();
  // A container that was ended already, by a runtime that does not answer: nothing waits for it again.
  const runtime = rig.path('hangs');
  writeFileSync(runtime, '#!/bin/sh\nexec sleep 300\n');
  chmodSync(runtime, 0o755);
  mkdirSync(rig.path('notes/worker-1.containers'), { recursive: true });
  writeFileSync(rig.path('notes/worker-1.containers/neuroloom-1'), runtime);
  using parent = await startParent(rig, 'exec true');
  expect(parent.watchers()).toHaveLength(1);
  parent.child.kill('SIGTERM');
  await until('the watch is closed', () => parent.text().includes('closed'));
  expect(parent.watchers()).toEqual([]);
});

test('a worker that is only just starting does not outlive its run', async () => {
  using rig = new Rig();
  const parent = rig.spawn('one-node.mjs', [rig.output, rig.path('mark'), 'false']);
  const starting = (): number[] =>
    processesWith(`worker-main.js\0`).filter((pid) => {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words[0] !== '/bin/sh' && words.some((word) => word.startsWith(rig.root));
    });
  let pids: number[] = [];
  await until('a worker is there', () => (pids = starting()).length > 0);
  // From now on it does nothing for itself, like one that waits for a processor.
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  for (const pid of processesWith(`one-node.mjs\0${rig.output}`)) process.kill(pid, 'SIGKILL');
  await parent;
  await until('it is gone', () => !pids.some(isAlive));
  expect(existsSync(rig.path('mark'))).toBe(false);
});
