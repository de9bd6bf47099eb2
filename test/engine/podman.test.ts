/** A real container runtime, with an image made here from one static program: no registry, no network. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
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
import { Workflow } from 'neuroloom';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { ContainerManager } from '../../src/engine/containers/container-manager.js';
import { sha256OfFile } from '../../src/engine/containers/image-file.js';
import { processesWith, Rig, until } from './rig.js';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
const root = mkdtempSync(join(tmpdir(), 'neuroloom-podman-'));
const IMAGE = `localhost/neuroloom-test-${process.pid}:1`;
const conf = process.env['CONTAINERS_CONF'];

function podman(...args: string[]): { status: number | null; stderr: string } {
  return spawnSync('podman', args, { encoding: 'utf8', timeout: 60_000 });
}

/** An archive of an image that holds busybox as `cp` and `cat`; null where podman cannot run it here. */
function makeArchive(): string | null {
  if (BUSYBOX === undefined || spawnSync('podman', ['--version']).status !== 0) return null;
  const bin = join(root, 'fs', 'bin');
  mkdirSync(bin, { recursive: true });
  mkdirSync(join(root, 'fs', 'tmp'));
  copyFileSync(BUSYBOX, join(bin, 'busybox'));
  for (const name of ['cp', 'ls', 'sleep']) symlinkSync('busybox', join(bin, name));
  const archive = join(root, 'image.tar');
  spawnSync('tar', ['-C', join(root, 'fs'), '-cf', join(root, 'fs.tar'), '.']);
  if (podman('import', '-q', join(root, 'fs.tar'), IMAGE).status !== 0) return null;
  const runs = (): boolean =>
    podman('run', '--rm', '--network', 'none', '--entrypoint', '/bin/cp', IMAGE, '--help').status === 0;
  if (!runs()) {
    // Inside of another container, limits cannot be raised and the older runtime is wanted.
    const file = join(root, 'containers.conf');
    writeFileSync(
      file,
      '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n',
    );
    process.env['CONTAINERS_CONF'] = file;
    if (!runs()) return null;
  }
  if (podman('save', '-q', '-o', archive, IMAGE).status !== 0) return null;
  // Loading is part of what is tested.
  podman('rmi', '-f', IMAGE);
  return archive;
}

const archive = makeArchive();

beforeAll(async () => {
  if (archive === null) return;
  process.env['TEST_IMAGE_ARCHIVE'] = archive;
  process.env['TEST_IMAGE_DIGEST'] = await sha256OfFile(archive);
  process.env['TEST_IMAGE_CACHE'] = join(root, 'nodes');
});

/** Ids of containers of the image, one per line. */
function containers(): string {
  const args = ['ps', '--all', '--quiet', '--filter', `ancestor=${IMAGE}`];
  return spawnSync('podman', args, { encoding: 'utf8' }).stdout;
}

afterAll(() => {
  if (archive !== null) podman('rmi', '-f', IMAGE);
  if (conf === undefined) delete process.env['CONTAINERS_CONF'];
  else process.env['CONTAINERS_CONF'] = conf;
  rmSync(root, { recursive: true, force: true });
});

test.skipIf(archive === null)(
  'podman runs an image by digest: hostile names, read-only input, no network',
  async () => {
    const manager = (sha256: string): ContainerManager =>
      new ContainerManager({
        cacheDir: join(root, `cache-${sha256.slice(0, 8)}`),
        runtime: 'podman',
        images: {
          copy: {
            sourceUrl: archive,
            sha256,
            entrypoint: ['/bin/cp', '--', '{input}', '{output}'],
            gpuRequired: false,
          },
        },
      });
    const images = manager(await sha256OfFile(archive!));
    const input = join(root, `-it's a "scan" $(x).nii`);
    writeFileSync(input, 'voxels');
    const outputPath = join(root, 'out dir', '-o b.nii');
    const result = await images.run('copy', { inputPath: input, outputPath });
    expect(readFileSync(outputPath, 'utf8')).toBe('voxels');
    expect(result.exitCode).toBe(0);
    // The image is found by its id the second time.
    await images.run('copy', { inputPath: input, outputPath });

    const binds = [{ source: root, target: '/input', readOnly: true }];
    const write = images.call('copy', {
      binds,
      command: ['/bin/cp', '/input/image.tar', '/input/other.tar'],
    });
    await expect(write).rejects.toThrow('Read-only file system');
    expect(existsSync(join(root, 'other.tar'))).toBe(false);
    const devices = await images.call('copy', { binds: [], command: ['/bin/ls', '/sys/class/net'] });
    expect(devices.stdout).toBe('lo\n');

    // The first process of a container does not hear SIGTERM: it is ended all the same, and nothing of it is left.
    const slow = images.call('copy', { binds: [], command: ['/bin/sleep', '600'], timeoutMs: 1000 });
    await expect(slow).rejects.toThrow('was ended after 1000 ms');
    const left = spawnSync('podman', ['ps', '--all', '--format', '{{.Names}}'], { encoding: 'utf8' });
    expect(left.stdout).not.toContain(`neuroloom-${process.pid}-`);

    await expect(manager('0'.repeat(64)).run('copy', { inputPath: input, outputPath })).rejects.toThrow(
      'SHA-256 mismatch',
    );
  },
);

test.skipIf(archive === null)(
  'a node that times out, and whose worker is killed meanwhile, leaves no container to its next attempt',
  async () => {
    using rig = new Rig();
    const { sleeper } = await import('./fixtures/container-nodes.mjs');
    const atRetry: string[] = [];
    let seen = '';
    const look = setInterval(() => (seen ||= containers()), 500);
    const wf = new Workflow('sleeping');
    wf.add(sleeper, {}, { id: 'sleep' });
    const run = await wf.run({
      outputDir: rig.output,
      jobs: 1,
      // The worker is killed before podman has ended anything.
      graceMs: 1,
      onEvent: (event) => event.type === 'node-retried' && atRetry.push(containers()),
    });
    clearInterval(look);
    expect(seen).not.toBe('');
    expect(run.nodes.map(({ state, attempts }) => [state, attempts])).toEqual([['failed', 2]]);
    expect([...atRetry, containers()]).toEqual(['', '']);
  },
);

test.skipIf(archive === null)('a run that is killed leaves no container behind', async () => {
  using rig = new Rig();
  const parent = rig.spawn('one-container.mjs', [rig.output]);
  await until('the container is there', () => containers() !== '');
  for (const pid of processesWith(`one-container.mjs\0${rig.output}`)) process.kill(pid, 'SIGKILL');
  await parent;
  await until('it is gone', () => containers() === '');
  await until('no process is left', () => processesWith(rig.root).length === 0);
});
