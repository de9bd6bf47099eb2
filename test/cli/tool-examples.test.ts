import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readNifti } from '../../src/io/index.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const at = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).error === undefined;

function node(script: string, args: string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [at(script), ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

async function expectShown(page: string, ...sources: string[]): Promise<void> {
  const code = (await Promise.all(sources.map((name) => readFile(at(name), 'utf8')))).join('\n');
  const blocks = [...(await readFile(at(page), 'utf8')).matchAll(/```js\n([\s\S]*?)```/g)];
  expect(blocks.length).toBeGreaterThan(0);
  for (const [, block] of blocks) expect(code).toContain(block);
}

/** A slice of 4 x 4 numbers as DICOM, explicit little endian. */
function dicomSlice(index: number): Buffer {
  const element = (group: number, id: number, vr: string, value: string | Buffer): Buffer => {
    const raw = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
    const pad = vr === 'UI' ? '\0' : ' ';
    const body = raw.length % 2 === 0 ? raw : Buffer.concat([raw, Buffer.from(pad)]);
    const head = Buffer.alloc(vr === 'OW' || vr === 'OB' ? 12 : 8);
    head.writeUInt16LE(group, 0);
    head.writeUInt16LE(id, 2);
    head.write(vr, 4, 'latin1');
    if (head.length === 12) head.writeUInt32LE(body.length, 8);
    else head.writeUInt16LE(body.length, 6);
    return Buffer.concat([head, body]);
  };
  const us = (value: number): Buffer => Buffer.from(Uint16Array.of(value).buffer);
  const uid = '1.2.826.0.1.3680043.10.1';
  const pixels = Buffer.from(Uint16Array.from({ length: 16 }, (_, i) => 100 * index + i).buffer);
  const meta = [element(2, 0x10, 'UI', '1.2.840.10008.1.2.1')];
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from('DICM'),
    element(2, 0, 'UL', Buffer.from(Uint32Array.of(Buffer.concat(meta).length).buffer)),
    ...meta,
    element(8, 0x16, 'UI', '1.2.840.10008.5.1.4.1.1.4'),
    element(8, 0x18, 'UI', `${uid}.3.${index}`),
    element(8, 0x60, 'CS', 'MR'),
    element(8, 0x70, 'LO', 'TEST'),
    element(0x18, 0x50, 'DS', '2'),
    element(0x20, 0x0d, 'UI', `${uid}.1`),
    element(0x20, 0x0e, 'UI', `${uid}.2`),
    element(0x20, 0x11, 'IS', '1'),
    element(0x20, 0x13, 'IS', String(index)),
    element(0x20, 0x32, 'DS', `0\\0\\${2 * index}`),
    element(0x20, 0x37, 'DS', '1\\0\\0\\0\\1\\0'),
    element(0x28, 2, 'US', us(1)),
    element(0x28, 4, 'CS', 'MONOCHROME2'),
    element(0x28, 0x10, 'US', us(4)),
    element(0x28, 0x11, 'US', us(4)),
    element(0x28, 0x30, 'DS', '1\\1'),
    element(0x28, 0x100, 'US', us(16)),
    element(0x28, 0x101, 'US', us(16)),
    element(0x28, 0x102, 'US', us(15)),
    element(0x28, 0x103, 'US', us(0)),
    element(0x7fe0, 0x10, 'OW', pixels),
  ]);
}

const hasTools = has('dcm2niix', '-v') && has('nifti_tool', '-ver');

test.skipIf(!hasTools)(
  'dcm2niix and nifti_tool as nodes: a series is converted and described, once',
  async () => {
    await using rig = await PipelineRig.create();
    const slices = [1, 2, 3].map((i) => rig.path(`slice ${i}.dcm`));
    for (const [i, path] of slices.entries()) await writeFile(path, dicomSlice(i + 1));
    const run = () => node('examples/tools/study.js', [rig.path('out'), ...slices]);
    const first = run();
    expect(first.stdout, first.stderr).toBe('done: 2 nodes run, 0 reused\n');
    const image = await readNifti(rig.path('out/image.nii'));
    expect(image.header.shape).toEqual([4, 4, 3]);
    expect((await readFile(rig.path('out/image.nii'))).toString('latin1', 148, 171)).toBe(
      'converted and described',
    );
    expect(run().stdout).toBe('done: 0 nodes run, 2 reused\n');
  },
);

test('the page of tools shows the examples; a node runs its image by digest', async () => {
  await expectShown('docs/wrapping-tools.md', 'examples/tools/nodes.js', 'examples/tools/container-node.js');
  await using rig = await PipelineRig.create();
  // A runtime that does what the tool would do: it copies the input that it was told to the output that is bound.
  const runtime = `#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in *:/input/*:ro) in="\${1%%:*}" ;; *:/output:rw) out="\${1%%:*}" ;; esac
  shift
done
cp "$in" "$out/brain.nii.gz"
`;
  await writeFile(rig.path('apptainer'), runtime);
  await chmod(rig.path('apptainer'), 0o755);
  await writeFile(rig.path('image.sif'), 'image');
  await writeFile(rig.path('T1w.nii.gz'), 'voxels');
  const env = {
    PATH: `${rig.path('.')}:${process.env['PATH']}`,
    NEUROLOOM_CONTAINER_DIR: rig.path('images'),
    HDBET_IMAGE: rig.path('image.sif'),
    HDBET_SHA256: createHash('sha256').update('image').digest('hex'),
  };
  const run = (more: Record<string, string> = {}) =>
    node('examples/tools/container-study.js', [rig.path('out'), rig.path('T1w.nii.gz')], { ...env, ...more });
  const first = run();
  expect(first.stdout, first.stderr).toBe('done: 1 nodes run, 0 reused\n');
  expect(await rig.read('out/brain.nii.gz')).toBe('voxels');
  expect(run().stdout).toBe('done: 0 nodes run, 1 reused\n');
  // Another digest is another key, and what does not match it never runs.
  expect(run({ HDBET_SHA256: 'f'.repeat(64) }).stdout).toBe('failed: 0 nodes run, 0 reused\n');
});

test('the page of Bayesian models shows the examples, which find what they should', async () => {
  await expectShown(
    'docs/bayesian-models.md',
    'examples/bayesian/compare.js',
    'examples/bayesian/own-model.js',
    'examples/bayesian/tensor-model.js',
  );
  const compared = node('examples/bayesian/compare.js', []);
  const line = /mean_difference\t(\S+)\t(\S+) to/.exec(compared.stdout);
  expect(Number(line?.[1]), compared.stderr).toBeCloseTo(0.3, 1);
  expect(Number(line?.[2])).toBeGreaterThan(0);
  // The posterior is gamma (14, 9).
  const mean = Number(node('examples/bayesian/own-model.js', []).stdout);
  expect(Math.abs(mean - 14 / 9)).toBeLessThan(0.03);
  // Moments of the posterior by sums over a grid of step 0.05.
  const slope = /^slope (\S+) (\S+)$/m.exec(node('examples/bayesian/tensor-model.js', []).stdout);
  expect(Math.abs(Number(slope?.[1]) - 1.903)).toBeLessThan(0.08);
  expect(Math.abs(Number(slope?.[2]) - 0.87)).toBeLessThan(0.08);
});
