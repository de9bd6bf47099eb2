import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import {
  ContainerManager,
  type ContainerManagerOptions,
} from '../../../../src/engine/containers/container-manager.js';
import { pinnedDigest } from '../../../../src/engine/containers/pin.js';
import {
  containerDirectory,
  DEFAULT_CONTAINERS,
  type ContainerSpec,
} from '../../../../src/engine/containers/spec.js';

const IMAGE = 'an image\n'.repeat(1000);
const DIGEST = createHash('sha256').update(IMAGE).digest('hex');
const OTHER = 'f'.repeat(64);

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'neuroloom-containers-'));
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'image.sif'), IMAGE);
});
afterEach(() => rmSync(root, { recursive: true }));

/** A program that notes its arguments, one per line as JSON, and does what the script says. */
function script(name: string, then = ''): void {
  const file = join(root, 'bin', name);
  const note = `require('fs').appendFileSync(${JSON.stringify(join(root, 'argv'))}, JSON.stringify(process.argv.slice(2)) + '\\n');`;
  writeFileSync(
    file,
    `#!${process.execPath}\n${note}\nconst fs = require('fs'), argv = process.argv.slice(2);\n${then}\n`,
  );
  chmodSync(file, 0o755);
}

function calls(): string[][] {
  const file = join(root, 'argv');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as string[]);
}

const TOOL: Partial<ContainerSpec> = {
  entrypoint: ['tool', '--in={input}', '{output}'],
  sha256: DIGEST,
  gpuRequired: false,
};

function manager(spec: Partial<ContainerSpec> = {}, options: ContainerManagerOptions = {}): ContainerManager {
  return new ContainerManager({
    images: { tool: { ...TOOL, sourceUrl: join(root, 'image.sif'), ...spec } },
    cacheDir: join(root, 'cache'),
    searchPath: join(root, 'bin'),
    ...options,
  });
}

function input(name: string): string {
  const file = join(root, 'in', name);
  mkdirSync(join(root, 'in'), { recursive: true });
  writeFileSync(file, '');
  return file;
}

describe('run', () => {
  test('gives apptainer one argument vector, with the input read-only', async () => {
    script('apptainer', 'process.stdout.write("made it\\n")');
    script('singularity');
    const images = manager();
    expect(images.runtimeName).toBe('apptainer');
    const result = await images.run('tool', {
      inputPath: input('t1.nii.gz'),
      outputPath: join(root, 'out', 'brain.nii.gz'),
      extraBinds: ['/etc:/settings', `${root}:/work:rw`],
      extraArgs: ['--fast'],
    });
    const sif = join(root, 'cache', 'tool.sif');
    const wanted = [
      ...['exec', '--net', '--network', 'none', '--bind', `${join(root, 'in')}:/input:ro`],
      ...[
        '--bind',
        `${join(root, 'out')}:/output:rw`,
        '--bind',
        '/etc:/settings:ro',
        '--bind',
        `${root}:/work:rw`,
      ],
      ...[sif, 'tool', '--in=/input/t1.nii.gz', '/output/brain.nii.gz', '--fast'],
    ];
    expect(calls()).toEqual([wanted]);
    expect(result).toEqual({
      exitCode: 0,
      stdout: 'made it\n',
      stderr: '',
      argv: [join(root, 'bin', 'apptainer'), ...wanted],
      digest: DIGEST,
    });
  });

  test.each(['a b.nii', `it's "quoted".nii`, '-rf.nii', '$(touch x);.nii', '..nii'])(
    'the name %s reaches the tool as one argument',
    async (name) => {
      script('singularity');
      await manager().run('tool', { inputPath: input(name), outputPath: join(root, 'in', '..', '-o b') });
      expect(calls()[0]!.slice(-2)).toEqual([`--in=/input/${name}`, '/output/-o b']);
      expect(calls()[0]!.slice(4, 8)).toEqual([
        '--bind',
        `${join(root, 'in')}:/input:ro`,
        '--bind',
        `${root}:/output:rw`,
      ]);
    },
  );

  test('names that the runtime would read as something else are refused before anything is fetched', async () => {
    script('apptainer');
    const images = manager();
    const run = images.run('tool', { inputPath: input('x'), outputPath: join(root, 'a:b', 'y') });
    await expect(run).rejects.toThrow(
      'a colon, comma, backslash or line break, which a container cannot be given',
    );
    const bind = images.run('tool', {
      inputPath: input('x'),
      outputPath: join(root, 'y'),
      extraBinds: ['nonsense'],
    });
    await expect(bind).rejects.toThrow("'nonsense' is not a bind");
    expect(calls()).toEqual([]);
    expect(images.isCached('tool')).toBe(false);
    for (const sifFilename of ['../x.sif', '-x.sif', 'a/b.sif', '', '.hidden'])
      expect(() => manager({ sifFilename })).toThrow('as the name of an image file');
    for (const sourceUrl of ['docker://-v', 'docker://a b', 'docker://a/../b', 'ftp://x/y', 'http://x/y'])
      await expect(manager({ sourceUrl, sha256: null, pin: 'first-use' }).ensure('tool')).rejects.toThrow(
        'container tool: ',
      );
  });

  test.skipIf(process.getuid?.() === 0)(
    'a place that may not be looked into is not one that is empty',
    async () => {
      const closed = join(root, 'closed');
      mkdirSync(closed);
      writeFileSync(join(closed, 'scan.nii.gz'), '');
      chmodSync(closed, 0);
      const run = { outputPath: join(root, 'out'), dryRun: true, inputPath: join(closed, 'scan.nii.gz') };
      await expect(manager().run('tool', run)).rejects.toMatchObject({ code: 'IO_DENIED' });
      chmodSync(closed, 0o700);
    },
  );

  test('an image or a pin that cannot be looked at is told, not taken for one that is missing', async () => {
    mkdirSync(join(root, 'cache'));
    for (const name of ['tool.sif', 'other.sif.sha256'])
      symlinkSync(join(root, 'cache', name), join(root, 'cache', name));
    expect(() => manager().isCached('tool')).toThrow('ELOOP');
    await expect(manager().ensure('tool')).rejects.toMatchObject({ code: 'IO' });
    expect(() => pinnedDigest(join(root, 'cache'), 'other.sif')).toThrow('ELOOP');
    expect(pinnedDigest(join(root, 'cache'), 'none.sif')).toBeNull();
  });

  test('a link with a name of its own is bound as what it leads to; a directory is /input', async () => {
    script('apptainer');
    const file = input('object-1234');
    symlinkSync(file, join(root, 'T1w.nii.gz'));
    const run = { outputPath: join(root, 'out'), dryRun: true };
    const { argv } = await manager().run('tool', { ...run, inputPath: join(root, 'T1w.nii.gz') });
    expect(argv).toContain(`${file}:/input/T1w.nii.gz:ro`);
    expect(argv).toContain('--in=/input/T1w.nii.gz');
    const directory = await manager().run('tool', { ...run, inputPath: join(root, 'in') });
    expect(directory.argv).toContain(`${join(root, 'in')}:/input:ro`);
    expect(directory.argv).toContain('--in=/input');
    await expect(manager().run('tool', { ...run, inputPath: join(root, 'no') })).rejects.toThrow(
      'does not exist',
    );
    expect(calls()).toEqual([]);
    // Below a file there is nothing either; a link in a circle is something else.
    const below = { ...run, inputPath: join(file, 'scan.nii.gz') };
    await expect(manager().run('tool', below)).rejects.toThrow('does not exist');
    symlinkSync(join(root, 'circle'), join(root, 'circle'));
    const circle = { ...run, inputPath: join(root, 'circle') };
    await expect(manager().run('tool', circle)).rejects.toMatchObject({
      code: 'IO',
      message: expect.stringContaining('ELOOP') as string,
    });
  });

  test('a tool that fails says so with the end of what it wrote; one that takes too long is ended', async () => {
    script(
      'apptainer',
      'if (argv.includes("wait")) setTimeout(() => 0, 60000); else { process.stderr.write("no memory\\n"); process.exitCode = 3; }',
    );
    const run = { inputPath: input('x'), outputPath: join(root, 'y') };
    await expect(manager().run('tool', run)).rejects.toThrow('tool ended with code 3:\nno memory');
    const slow = manager().run('tool', { ...run, extraArgs: ['wait'], timeoutMs: 300 });
    await expect(slow).rejects.toThrow('tool was ended after 300 ms');
  });

  test('a container of podman that takes too long, or is stopped, is ended by its name: its starter is not the container', async () => {
    script(
      'podman',
      `if (argv[0] === 'load') process.stdout.write('Loaded image: a:1'); else if (argv[1] === 'inspect') process.stdout.write('${OTHER}'); else if (argv[0] === 'run') setTimeout(() => 0, 60000);`,
    );
    const run = { inputPath: input('x'), outputPath: join(root, 'y') };
    await expect(manager().run('tool', { ...run, timeoutMs: 1000 })).rejects.toThrow('after 1000 ms');
    // A program that is ended early may not have noted its call: the second one is stopped when it has.
    const of = (verb: string): string[][] => calls().filter(([first]) => first === verb);
    const before = of('run').length;
    const controller = new AbortController();
    const stopped = manager().run('tool', { ...run, signal: controller.signal });
    const wait = setInterval(() => of('run').length > before && controller.abort(new Error('stopped')), 20);
    await expect(stopped).rejects.toThrow('stopped');
    clearInterval(wait);
    const last = of('run').at(-1)!;
    const names = of('rm').map(([, , name]) => name!);
    expect(names).toHaveLength(2);
    expect(names[1]).toBe(last[last.indexOf('--name') + 1]);
    expect(of('rm')).toEqual(names.map((name) => ['rm', '--force', name]));
    expect([...new Set(of('kill').map(([, name]) => name))]).toEqual(names);
  });

  test('a container whose starter does not hear SIGTERM is killed by its name at once, and its starter with it', async () => {
    const [ready, killed, seen] = ['ready', 'killed', 'seen'].map((name) => join(root, name));
    script(
      'podman',
      `const [ready, killed, seen] = ${JSON.stringify([ready, killed, seen])};
      if (argv[0] === 'load') process.stdout.write('Loaded image: a:1');
      else if (argv[1] === 'inspect') process.stdout.write('${OTHER}');
      else if (argv[0] === 'kill') fs.writeFileSync(killed, '');
      else if (argv[0] === 'run') {
        process.on('SIGTERM', () => 0);
        setInterval(() => fs.existsSync(killed) && (fs.writeFileSync(seen, ''), process.exit(137)), 10);
        fs.writeFileSync(ready, '');
      }`,
    );
    const controller = new AbortController();
    const run = { inputPath: input('x'), outputPath: join(root, 'y'), signal: controller.signal };
    const stopped = manager().run('tool', run);
    const wait = setInterval(() => existsSync(ready!) && controller.abort(new Error('stopped')), 20);
    await expect(stopped).rejects.toThrow('stopped');
    clearInterval(wait);
    // It ended because its container did, and not by SIGKILL.
    expect(existsSync(seen!)).toBe(true);
  });

  test('without a runtime there is an error that names them; a GPU is used when asked for', async () => {
    const run = { inputPath: input('x'), outputPath: join(root, 'y'), dryRun: true };
    const none = manager();
    expect([none.runtimeName, none.runtimeAvailable]).toEqual(['none', false]);
    await expect(none.run('tool', run)).rejects.toThrow('no program that runs containers was found');
    script('docker');
    const spec = { cpuArguments: ['--cpu'] };
    const on = await manager(spec).run('tool', { ...run, gpu: true });
    expect(on.argv.slice(1, 6)).toEqual(['run', '--rm', '--gpus', 'all', '--network']);
    const off = await manager(spec).run('tool', { ...run, gpu: false, network: true });
    expect(off.argv).not.toContain('--network');
    expect(off.argv.at(-1)).toBe('--cpu');
    script('apptainer');
    expect((await manager().run('tool', { ...run, gpu: true })).argv.slice(1, 3)).toEqual(['exec', '--nv']);
  });
});

describe('digests', () => {
  test('are mandatory, and a wrong one never runs and leaves nothing under the name', async () => {
    script('apptainer');
    expect(() => manager({ sha256: null })).toThrow('container tool: it has no digest');
    expect(() => manager({ sha256: 'placeholder' })).toThrow("'placeholder' is not a SHA-256 digest");
    const wrong = manager({ sha256: OTHER });
    await expect(wrong.run('tool', { inputPath: input('x'), outputPath: join(root, 'y') })).rejects.toThrow(
      `SHA-256 mismatch for tool: ${DIGEST} arrived, ${OTHER} is demanded`,
    );
    expect(calls()).toEqual([]);
    expect(readdirSync(join(root, 'cache'))).toEqual([]);
  });

  test('of first use are recorded, and demanded ever after', async () => {
    const spec = { sha256: null, pin: 'first-use' } as const;
    const file = await manager(spec).ensure('tool');
    expect(readFileSync(`${file}.sha256`, 'utf8')).toBe(`${DIGEST}  tool.sif\n`);
    expect(await manager(spec).digest('tool')).toBe(DIGEST);
    // The source was replaced and the cached image lost: another content is refused.
    writeFileSync(join(root, 'image.sif'), 'other');
    expect(await manager(spec).clean('tool')).toEqual(['tool']);
    expect(await manager(spec).clean('tool')).toEqual([]);
    await expect(manager(spec).ensure('tool')).rejects.toMatchObject({
      message: expect.stringContaining('SHA-256 mismatch') as string,
      cure: `it was not run; remove ${file}.sha256 if the image is meant to be new`,
    });
    expect(manager(spec).isCached('tool')).toBe(false);
  });

  test('are checked before each use: an image that was changed is replaced from its source', async () => {
    const file = await manager().ensure('tool');
    writeFileSync(file, 'changed');
    await manager().ensure('tool');
    expect(readFileSync(file, 'utf8')).toBe(IMAGE);
  });
});

describe('downloads', () => {
  const requests: IncomingMessage[] = [];
  async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
    requests.length = 0;
    const server = createServer((request, response) => {
      requests.push(request);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}/tool.sif`,
      [Symbol.asyncDispose]: () =>
        new Promise<void>((resolve) => {
          server.closeAllConnections();
          server.close(() => resolve());
        }),
    };
  }

  test('that break leave nothing under the name, and go on where they stopped', async () => {
    let breaks = true;
    await using server = await serve((request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const rest = IMAGE.slice(from);
      response.writeHead(from > 0 ? 206 : 200, { etag: '"1"', 'content-length': rest.length });
      if (!breaks) return response.end(rest);
      breaks = false;
      response.write(rest.slice(0, 4000));
      // Bytes that are on their way when a connection breaks are lost: it breaks when they are on the disk.
      const wait = setInterval(() => {
        const cache = join(root, 'cache');
        const isThere = (name: string): boolean => statSync(join(cache, name)).size === 4000;
        if (!readdirSync(cache).some(isThere)) return;
        clearInterval(wait);
        response.destroy();
      }, 5);
    });
    const images = manager({ sourceUrl: server.url });
    await expect(images.ensure('tool')).rejects.toThrow(`download failed for ${server.url}`);
    expect(images.isCached('tool')).toBe(false);
    expect(readdirSync(join(root, 'cache')).sort()).toEqual(['tool.sif.part', 'tool.sif.part.json']);
    const seen: number[] = [];
    await images.ensure('tool', { onProgress: (done) => seen.push(done) });
    expect(requests[1]!.headers).toMatchObject({ range: 'bytes=4000-', 'if-range': '"1"' });
    expect(seen.at(-1)).toBe(IMAGE.length);
    expect(readFileSync(join(root, 'cache', 'tool.sif'), 'utf8')).toBe(IMAGE);
    expect(readdirSync(join(root, 'cache'))).toEqual(['tool.sif']);
  });

  test('start anew where the content has changed, and where a part was left by a process that is gone', async () => {
    mkdirSync(join(root, 'cache'));
    const left = join(root, 'cache', 'tool.sif.part-999999999-0badc0de');
    writeFileSync(left, 'x'.repeat(100));
    await using server = await serve((_request, response) => {
      // A server that knows another version ignores the range.
      response.writeHead(200, { etag: '"2"' });
      response.end(IMAGE);
    });
    writeFileSync(`${left}.json`, JSON.stringify({ url: server.url, validator: '"1"' }));
    await manager({ sourceUrl: server.url }).ensure('tool');
    expect(requests[0]!.headers.range).toBe('bytes=100-');
    expect(readdirSync(join(root, 'cache'))).toEqual(['tool.sif']);
  });

  test('two at once are both right, and a refusal is told', async () => {
    await using server = await serve((request, response) => {
      if (request.url !== '/tool.sif') response.writeHead(404).end();
      else setTimeout(() => response.end(IMAGE), 30);
    });
    const images = manager({ sourceUrl: server.url });
    const both = await Promise.all([
      images.ensure('tool'),
      manager({ sourceUrl: server.url }).ensure('tool'),
    ]);
    expect(new Set(both).size).toBe(1);
    expect(readdirSync(join(root, 'cache'))).toEqual(['tool.sif']);
    const missing = manager({ sourceUrl: `${server.url}2`, sifFilename: 'other.sif' });
    await expect(missing.ensure('tool')).rejects.toThrow('the server answers 404 Not Found');
  });
});

describe('references', () => {
  test('are pulled by apptainer to a part, which is verified', async () => {
    script('apptainer', `if (argv[0] === 'pull') fs.writeFileSync(argv[1], ${JSON.stringify(IMAGE)});`);
    const images = manager({ sourceUrl: 'docker://deepmi/fastsurfer:v2' });
    await images.ensure('tool');
    const [[verb, part, reference]] = calls() as [string[]];
    expect([verb, reference]).toEqual(['pull', 'docker://deepmi/fastsurfer:v2']);
    expect(part).toMatch(/tool\.sif\.part-\d+-[0-9a-f]{8}$/);
    expect(readdirSync(join(root, 'cache'))).toEqual(['tool.sif']);
    script('apptainer', 'fs.writeFileSync(argv[1], "half"); setTimeout(() => 0, 60000);');
    const slow = manager({ sourceUrl: 'oras://a/c', sifFilename: 'c.sif' });
    const controller = new AbortController();
    const isHalf = (): boolean =>
      readdirSync(join(root, 'cache')).some((name) => name.startsWith('c.sif.part'));
    const wait = setInterval(() => isHalf() && controller.abort(new Error('stopped')), 20);
    await expect(slow.ensure('tool', { signal: controller.signal })).rejects.toThrow('stopped');
    clearInterval(wait);
    expect(readdirSync(join(root, 'cache'))).toEqual(['tool.sif']);
    script('apptainer', 'process.stderr.write("unauthorized\\n"); process.exitCode = 1;');
    await expect(manager({ sourceUrl: 'oras://a/b', sifFilename: 'b.sif' }).ensure('tool')).rejects.toThrow(
      'the image oras://a/b could not be fetched: unauthorized',
    );
  });

  test('are pulled by podman by digest, also where the digest is recorded at first use', async () => {
    script(
      'podman',
      `if (argv[1] === 'inspect') { if (argv.includes('--format')) process.stdout.write('["docker.io/copy@sha256:${DIGEST}","docker.io/a/b@sha256:${OTHER}"]'); else process.exitCode = 1; }`,
    );
    const spec = { sourceUrl: 'docker://a/b:1', sha256: null, pin: 'first-use' } as const;
    const first = await manager(spec).run('tool', { inputPath: input('x'), outputPath: join(root, 'y') });
    expect(calls()[0]).toEqual(['pull', 'a/b:1']);
    expect(first.argv).toContain(`a/b@sha256:${OTHER}`);
    expect(first.digest).toBe(OTHER);
    await manager(spec).ensure('tool');
    expect(calls().at(-1)).toEqual(['pull', `a/b@sha256:${OTHER}`]);
    await expect(manager({ sourceUrl: 'oras://a/b' }).ensure('tool')).rejects.toThrow(
      "podman cannot pull 'oras://a/b'",
    );
  });
});

test("hdbet, synthseg and fastsurfer are known; where their image is, is the user's to say", async () => {
  expect(Object.keys(DEFAULT_CONTAINERS)).toEqual(['hdbet', 'synthseg', 'fastsurfer']);
  script('apptainer');
  const images = new ContainerManager({ cacheDir: join(root, 'cache'), searchPath: join(root, 'bin') });
  await expect(images.ensure('hdbet')).rejects.toThrow(
    'container hdbet: no source of the image of HD-BET is known',
  );
  expect(() => images.isCached('hdbett')).toThrow("there is no container 'hdbett'; did you mean hdbet?");
  expect((await images.status())['fastsurfer']).toEqual({
    name: 'FastSurfer',
    cached: false,
    path: null,
    sizeMb: 3500,
    gpu: true,
    digest: null,
    source: null,
  });
  const { argv } = await images.run('fastsurfer', {
    inputPath: input('sub-01.nii'),
    outputPath: join(root, 'fs'),
    dryRun: true,
    gpu: false,
  });
  expect(argv.slice(-9)).toEqual([
    '--t1',
    '/input/sub-01.nii',
    '--sd',
    '/output/fs',
    '--sid',
    'sub-01',
    '--seg_only',
    '--device',
    'cpu',
  ]);
  expect(containerDirectory({ NEUROLOOM_CONTAINER_DIR: '/images' })).toBe('/images');
  expect(containerDirectory({ HOME: '/home/u' })).toBe('/home/u/.cache/neuroloom/containers');
});
