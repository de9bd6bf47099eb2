import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

import {
  encodeFreesurferSurface,
  encodeGifti,
  encodeNifti,
  formatTsv,
  readSurface,
} from '../../../../src/io/index.js';
import { diagnoseMesh } from '../../../../src/numerics.js';
import { SpectralDescriptorsConfig } from '../../../../src/workflows/spectral-descriptors/config.js';
import {
  damagedSurfaces,
  labelsOf,
  unusable,
} from '../../../../src/workflows/spectral-descriptors/input-checks.js';
import {
  groupColumn,
  readParticipants,
} from '../../../../src/workflows/spectral-descriptors/participants.js';
import { pathPattern } from '../../../../src/workflows/spectral-descriptors/path-pattern.js';
import { recommendForSurface } from '../../../../src/workflows/spectral-descriptors/recommend-surface.js';
import { surfaceProblems } from '../../../../src/workflows/spectral-descriptors/requirements.js';
import { writeSampleSurfaces } from '../../../../src/workflows/spectral-descriptors/sample.js';
import { octasphere } from '../../../../src/workflows/spectral-descriptors/sample-shapes.js';
import { findSurfaces, volumesPassedOver } from '../../../../src/workflows/spectral-descriptors/surfaces.js';
import { SpectralDescriptors } from '../../../../src/workflows/spectral-descriptors/workflow.js';
import { temporaryDirectory } from '../../../support/temporary.js';

const directory = temporaryDirectory();
const { vertices, faces } = octasphere(0);
const CONTEXT = { outputDir: join(directory, 'out'), seed: 0, cpus: 1 };
const gifti = encodeGifti({
  arrays: [
    { intent: 'POINTSET', shape: [6, 3], data: vertices },
    { intent: 'TRIANGLE', shape: [8, 3], data: faces },
  ],
});
const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const freesurfer = encodeFreesurferSurface({ vertices, faces });

function study(name: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name, path)), { recursive: true });
    writeFileSync(join(directory, name, path), content);
  }
  return join(directory, name);
}

async function found(root: string, patterns: string | null = null, wanted: string[] | null = null) {
  const table = await readParticipants(root, null);
  const surfaces = await findSurfaces(root, patterns, table, wanted);
  return surfaces.map(({ name, participant, structure }) => [name, participant, structure]);
}

test('meshes of a BIDS tree and of a FreeSurfer tree are found with who and what they are', async () => {
  const root = study('trees', {
    'derivatives/sub-01/ses-2/surf/sub-01_ses-2_hemi-L_label-hipp_midthickness.surf.gii': gifti,
    'derivatives/sub-01/ses-2/surf/sub-01_ses-2_hemi-L_thickness.shape.gii':
      '<GIFTI><DataArray Intent="NIFTI_INTENT_SHAPE"/></GIFTI>',
    'bert/surf/lh.pial': freesurfer,
    'bert/surf/lh.inflated': freesurfer,
    'bert/surf/lh.sphere.reg': freesurfer,
    'bert/surf/lh.curv': Uint8Array.of(255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    'logs/old.ply': 'ply\n',
    '.hidden/x.ply': 'ply\n',
    'notes.txt': 'v 1 2 3',
  });
  expect(await found(root)).toEqual([
    ['bert/surf/lh.pial', 'bert', 'lh.pial'],
    [
      'derivatives/sub-01/ses-2/surf/sub-01_ses-2_hemi-L_label-hipp_midthickness',
      'sub-01',
      'hemi-L_label-hipp_midthickness',
    ],
  ]);
  expect((await found(root, '**/lh.{pial,inflated}')).map(([name]) => name)).toEqual([
    'bert/surf/lh.inflated',
    'bert/surf/lh.pial',
  ]);
  expect(await found(root, null, ['01'])).toHaveLength(1);
  await expect(found(root, null, ['07'])).rejects.toThrow('no surface of 07');
});

test('names of a flat folder belong to the participants of its table; a broken file counts by its name', async () => {
  const root = study('flat', {
    'P7_left.ply': 'not a mesh',
    'P71_left.surf.gii': gifti,
    'P7.obj': 'v 0 0 0\n',
    'participants.tsv': formatTsv(
      ['participant_id', 'group'],
      [
        ['P7', 'a'],
        ['P71', 'b'],
      ],
    ),
  });
  expect(await found(root)).toEqual([
    ['P7', 'P7', 'surface'],
    ['P7_left', 'P7', 'left'],
    ['P71_left', 'P71', 'left'],
  ]);
  const table = await readParticipants(root, null);
  expect(groupColumn(table, null)).toBe('group');
  expect(() => groupColumn(table, 'goup')).toThrow('did you mean group?');
});

test('a table may name the surfaces itself, also as the input', async () => {
  const root = study('listed', {
    'meshes/one.ply': 'ply\n',
    'meshes/two.ply': 'ply\n',
    'table.tsv': formatTsv(
      ['participant_id', 'surface', 'structure'],
      [
        ['A', 'meshes/two.ply', 'thalamus'],
        ['B', null, null],
      ],
    ),
  });
  expect(await found(join(root, 'table.tsv'))).toEqual([['meshes/two', 'A', 'thalamus']]);
});

test('two surfaces with the same output files are refused', async () => {
  const root = study('twice', { 'a.ply': 'ply\n', 'a.obj': 'v 0 0 0\n' });
  await expect(found(root)).rejects.toThrow('a.obj and a.ply would have the same output files');
});

test('patterns: names in any folder, folders, choices, and no special characters', () => {
  const fits = (pattern: string, path: string) => pathPattern(pattern).test(path);
  expect(fits('lh.pial', 'a/b/lh.pial')).toBe(true);
  expect(fits('lh.pial', 'a/lhxpial')).toBe(false);
  expect(fits('sub-*/surf/?h.{pial,white}', 'sub-01/surf/rh.white')).toBe(true);
  expect(fits('sub-*/surf/?h.{pial,white}', 'x/sub-01/surf/rh.white')).toBe(false);
  expect(fits('**/surf/*', 'surf/lh.pial')).toBe(true);
  expect(fits('a/**', 'a/b/c')).toBe(true);
});

test('the sample is a study of two groups, and its known shapes are what they are called', async () => {
  const root = join(directory, 'sample');
  const written = await writeSampleSurfaces(root, { seed: 1 });
  expect(written).toHaveLength(18);
  const surfaces = await found(root);
  expect(surfaces).toHaveLength(16);
  expect(surfaces.filter(([, participant]) => /^sub-/.test(participant!))).toHaveLength(12);
  expect(groupColumn(await readParticipants(root, null), null)).toBe('group');
  const genus = async (name: string) => {
    const { vertices: points, faces: triangles } = await readSurface(join(root, `shapes/${name}.surf.gii`));
    return diagnoseMesh(points, triangles);
  };
  expect(await genus('torus')).toMatchObject({ genus: 1, findings: [] });
  const sphere = await genus('sphere');
  expect(sphere).toMatchObject({ genus: 0, findings: [] });
  // Flat triangles of 1026 points: less than the sphere, by less than 1 %.
  expect(sphere.area / (400 * Math.PI)).toBeGreaterThan(0.99);
  expect(sphere.area / (400 * Math.PI)).toBeLessThan(1);
});

test('a volume stands for a surface per label; images beside it, and surfaces drawn before, do not', async () => {
  const root = study('volumes', {
    'sub-01/anat/sub-01_dseg.nii.gz': 'voxels',
    'sub-01/anat/sub-01_T1w.nii.gz': 'voxels',
    'sub-01/anat/sub-01_dseg_label-17_drawn.surf.gii': gifti,
    'bert/mri/aseg.mgz': 'voxels',
    'bert/mri/brainmask.mgz': 'voxels',
  });
  const segmented = async (
    labels: number | number[] | Record<string, number | number[]>,
    patterns: string | null = null,
  ) => {
    const surfaces = await findSurfaces(root, patterns, null, null, { labels });
    return surfaces.map(({ name, participant, structure, labels: own }) => [
      name,
      participant,
      structure,
      own,
    ]);
  };
  expect(await segmented(17)).toEqual([
    ['bert/mri/aseg_label-17', 'bert', 'aseg_label-17', [17]],
    ['sub-01/anat/sub-01_dseg_label-17', 'sub-01', 'dseg_label-17', [17]],
  ]);
  expect(await segmented({ both: [17, 53], left: 17 }, '**/*_dseg.nii.gz')).toEqual([
    ['sub-01/anat/sub-01_dseg_label-both', 'sub-01', 'dseg_label-both', [17, 53]],
    ['sub-01/anat/sub-01_dseg_label-left', 'sub-01', 'dseg_label-left', [17]],
  ]);
  expect((await segmented([1, 1, 2], 'brainmask.mgz')).map(([name]) => name)).toEqual([
    'bert/mri/brainmask_label-1',
    'bert/mri/brainmask_label-2',
  ]);
  expect(await found(root)).toEqual([]);

  const told = async (settings: object): Promise<string[]> => {
    const config = SpectralDescriptorsConfig.parse(settings);
    const problems = await surfaceProblems(config, { ...CONTEXT, inputDir: root, participants: null });
    return problems.map(({ severity, message, cure }) => `${severity}: ${message}; ${cure}`);
  };
  expect(await told({})).toEqual([
    `error: spectral_descriptors: 0 surfaces under ${root}, need at least 1; passed over: bert/mri/aseg.mgz, ` +
      'sub-01/anat/sub-01_dseg.nii.gz, bert/mri/brainmask.mgz and 1 more; for surfaces of labels of a segmentation, set spectral_descriptors.segmentation.labels, for example to 17',
  ]);
  expect(await told({ surfaces: '**/lh.pial', segmentation: { labels: 17 } })).toEqual([
    expect.stringContaining('0 surfaces under'),
  ]);
  expect(await told({ segmentation: { labels: [17] } })).toEqual([]);
  expect(() => SpectralDescriptorsConfig.parse({ segmentation: { labels: { 'a b': 1 } } })).toThrow(
    'letters and digits only',
  );
  expect(() => SpectralDescriptorsConfig.parse({ segmentation: { labels: 0 } })).toThrow();
});

test('of the segmentations of a FreeSurfer subject aseg alone is drawn without a pattern; masks are not', async () => {
  const names = [
    'aseg',
    'aseg.auto',
    'aseg.auto_noCCseg',
    'aseg.presurf',
    'aparc+aseg',
    'wmparc',
    'lh.ribbon',
  ];
  const root = study('freesurfer', {
    ...Object.fromEntries(names.map((name) => [`bert/mri/${name}.mgz`, 'voxels'])),
    'sub-01_mask.nii.gz': 'voxels',
    'sub-01_desc-aseg_dseg.nii.gz': 'voxels',
  });
  const drawn = async (patterns: string | null): Promise<string[]> =>
    (await findSurfaces(root, patterns, null, null, { labels: 17 })).map(({ name }) => name);
  expect(await drawn(null)).toEqual(['bert/mri/aseg_label-17', 'sub-01_desc-aseg_dseg_label-17']);
  expect(await drawn('**/mri/{wmparc,aparc+aseg}.mgz')).toEqual([
    'bert/mri/aparc+aseg_label-17',
    'bert/mri/wmparc_label-17',
  ]);
  expect(await drawn('*_mask.nii.gz')).toEqual(['sub-01_mask_label-17']);
  expect(volumesPassedOver(root, null, null, { labels: 17 })).toContain('bert/mri/wmparc.mgz');
});

test('labels of a volume are read once as long as the file stays as it is', async () => {
  const path = join(directory, 'labels.nii');
  const write = (label: number): void =>
    writeFileSync(path, encodeNifti({ shape: [2, 2, 1], data: Float32Array.of(0, label, label, 3), affine }));
  write(17);
  const labels = await labelsOf(path);
  expect([...labels].sort((a, b) => a - b)).toEqual([0, 3, 17]);
  expect(await labelsOf(path)).toBe(labels);
  expect(await unusable({ path, labels: [18, 3] })).toBeNull();
  write(18);
  utimesSync(path, 1, 1);
  expect(await unusable({ path, labels: [17] })).toBe('no voxel of labels.nii has the label 17');
});

test('damaged files are counted among files of surfaces, not among labels of volumes', async () => {
  const root = study('damaged', { 'a.surf.gii': gifti, 'b.ply': 'ply\n', 'c_dseg.nii': 'voxels' });
  const surfaces = await findSurfaces(root, null, null, null, { labels: [1, 2, 3] });
  expect(surfaces).toHaveLength(5);
  const [problem] = await damagedSurfaces(surfaces);
  expect(problem!.message).toContain(': 1 of 2 files of surfaces cannot be read and will be skipped (b.ply');
});

test('a volume is drawn alike as a surface of the study and as a reference beside it; shape_index waits for no solver', async () => {
  const data = Float32Array.of(17, 17, 17, 17);
  const root = study('references', {
    'sub-01_dseg.nii': encodeNifti({ shape: [2, 2, 1], data, affine }),
    'sub-02_dseg.nii': encodeNifti({ shape: [2, 2, 1], data, affine }),
  });
  const graph = async (inputDir: string, participants: string[] | null) => {
    const wf = await new SpectralDescriptors().buildWorkflow({
      config: {
        spectral_descriptors: SpectralDescriptorsConfig.parse({
          segmentation: { labels: 17 },
          alignment: {},
          descriptors: ['shape_index', 'hks'],
        }),
      } as Parameters<SpectralDescriptors['buildWorkflow']>[0]['config'],
      context: { ...CONTEXT, inputDir, participants },
    });
    const { instances, dependencies } = wf.compile();
    return { instances, dependencies };
  };
  const [whole, part] = [await graph(root, null), await graph(root, ['sub-02'])];
  const at = ({ instances }: typeof whole, id: string) => instances.find((instance) => instance.id === id)!;
  const inStudy = at(whole, 'draw_surface[sub-01_dseg_label-17]');
  const beside = at(part, 'draw_reference');
  expect(beside.node).toBe(inStudy.node);
  expect(beside.inputs).toEqual(inStudy.inputs);
  expect(JSON.stringify(beside.inputs)).not.toContain('bids:');
  for (const [id, waits] of [
    ['shape_index', false],
    ['hks', true],
  ] as const) {
    const { areas, eigenvalues } = at(whole, `${id}[sub-01_dseg_label-17]`).inputs;
    for (const binding of [areas, eigenvalues]) {
      expect(JSON.stringify(binding).includes('"instance"'), id).toBe(waits);
    }
  }
});

test('a table that names a volume asks for its label; one with labels and meshes takes both', async () => {
  const root = study('named', {
    'a.nii.gz': 'voxels',
    'b.ply': 'ply\n',
    'participants.tsv': formatTsv(
      ['participant_id', 'surface', 'structure'],
      [
        ['A', 'a.nii.gz', 'thalamus'],
        ['B', 'b.ply', 'thalamus'],
      ],
    ),
  });
  const problems = await surfaceProblems(SpectralDescriptorsConfig.parse({}), {
    ...CONTEXT,
    inputDir: root,
    participants: null,
  });
  expect(problems[0]).toMatchObject({
    severity: 'warning',
    message:
      'spectral_descriptors: 1 volume is passed over (a.nii.gz): which label the surface is of is not said',
  });
  const table = await readParticipants(root, null);
  const surfaces = await findSurfaces(root, null, table, null, { labels: 10 });
  expect(surfaces.map(({ name, structure }) => [name, structure])).toEqual([
    ['a_label-10', 'thalamus_label-10'],
    ['b', 'thalamus'],
  ]);
});

test('surfaces that are left out because of their names are told with the way to take them', async () => {
  const root = study('left-out', {
    'bert/surf/lh.pial': freesurfer,
    'bert/surf/lh.inflated': freesurfer,
    'ernie/surf/lh.inflated': freesurfer,
    'ernie/surf/lh.sphere.reg': freesurfer,
    'ernie/surf/lh.inflated.H': 'no surface',
  });
  const told = async (surfaces: string | null, participants: string[] | null = null): Promise<string[]> => {
    const config = SpectralDescriptorsConfig.parse({ surfaces, min_surfaces: 1 });
    const problems = await surfaceProblems(config, { ...CONTEXT, inputDir: root, participants });
    return problems.map(({ severity, message, cure }) => `${severity}: ${message}; ${cure}`);
  };
  expect(await told(null)).toEqual([
    'warning: spectral_descriptors: 3 surfaces are left out as spheres, inflated or flat by name (lh.inflated, lh.sphere.reg); ' +
      'nothing, if that is meant; to take them, name the surfaces in spectral_descriptors.surfaces, such as "**/lh.inflated"',
  ]);
  expect(await told(null, ['bert'])).toEqual([expect.stringContaining(': 1 surface is left out')]);
  expect(await told('**/lh.*')).toEqual([]);
});

test('regions, columns and references that are not there are refused by what they are, with the nearest name', async () => {
  const root = study('refused', {
    'sub-01.surf.gii': gifti,
    'sub-02.surf.gii': gifti,
    'participants.tsv': formatTsv(
      ['participant_id', 'group', 'age'],
      [
        ['sub-01', 'a', '60'],
        ['sub-02', 'b', '62'],
      ],
    ),
  });
  const told = async (settings: object): Promise<string> => {
    const config = SpectralDescriptorsConfig.parse(settings);
    const problems = await surfaceProblems(config, { ...CONTEXT, inputDir: root, participants: null });
    return problems.map(({ severity, code, message }) => `${severity} ${code}: ${message}`).join('\n');
  };
  const regions = await told({ parcellation: { files: '{stem}.annot', connectomes: ['hkz'] } });
  expect(regions).toMatch(/^error INPUT_MISSING: .*2 of 2 surfaces have no file of regions/m);
  expect(regions).toMatch(/^error CONFIG_VALUE: .*hkz is no distance and no descriptor of vertices/m);
  expect(await told({ degenerate_triangles: 'lapy', operator: 'robust' })).toBe(
    'error CONFIG_VALUE: spectral_descriptors: degenerate_triangles lapy does not apply to operator robust: LaPy has the cotangent operator alone',
  );
  expect(await told({ degenerate_triangles: 'lapy' })).toBe('');
  expect(await told({ covariates: ['agee'] })).toMatch(
    /^error CONFIG_VALUE: .*has no column agee; did you mean age\?/,
  );
  expect(await told({ parcellation: { atlas: 'destrieu' } })).toMatch(/did you mean destrieux\?/);
  expect(await told({ alignment: { reference: 'sub-1' } })).toMatch(
    /^error CONFIG_VALUE: .*sub-1 is no surface of the study and no file; did you mean sub-01\?/,
  );
});

test('recommend asks for triangles where a file has points only', async () => {
  const root = study('points', { 'cloud.obj': 'v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\n' });
  const request = {
    ...({
      objective: 'lateralization',
      surrogates: 10,
      noise: 0.01,
      k: 3,
      seed: 1,
      eligibility: null,
    } as const),
    onProgress: () => undefined,
  };
  await expect(recommendForSurface({ ...request, surface: join(root, 'cloud.obj') })).rejects.toThrow(
    'cloud.obj is a point cloud: descriptors are tried on deformed triangles',
  );
});

test('a surface that cannot be opened is told like a damaged one', async () => {
  const root = study('unreadable', { 'sub-02.surf.gii': gifti, 'folder/notes.txt': '' });
  symlinkSync('folder', join(root, 'sub-01.surf.gii'));
  const config = SpectralDescriptorsConfig.parse({ alignment: {} });
  const problems = await surfaceProblems(config, { ...CONTEXT, inputDir: root, participants: null });
  expect(problems.map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
    expect.stringContaining(
      'warning: spectral_descriptors: 1 of 2 surfaces cannot be read and will be skipped',
    ),
  ]);
});

test('alignment of points alone is refused before a run; beside a surface with triangles they lose theirs only', async () => {
  const cloud = 'v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\n';
  const config = SpectralDescriptorsConfig.parse({ alignment: {} });
  const told = async (root: string) =>
    (await surfaceProblems(config, { ...CONTEXT, inputDir: root, participants: null })).map(
      ({ severity, code, message, cure }) => [severity, code, message, cure],
    );
  expect(await told(study('clouds', { 'sub-01.obj': cloud, 'sub-02.obj': cloud }))).toEqual([
    [
      'error',
      'CONFIG_VALUE',
      'spectral_descriptors: no surface of the input can be aligned to (sub-01.obj is a point cloud, without triangles)',
      'give surfaces with triangles, or set spectral_descriptors.alignment to null',
    ],
  ]);
  expect(await told(study('beside', { 'sub-01.obj': cloud, 'sub-02.surf.gii': gifti }))).toEqual([]);
});

test('with fewer surfaces than processors several solve each spectrum; with more, one does', async () => {
  const root = study('threads', { 'sub-01.surf.gii': gifti, 'sub-02.surf.gii': gifti });
  const cpusOf = async (cpus: number): Promise<number[]> => {
    const wf = await new SpectralDescriptors().buildWorkflow({
      config: {
        spectral_descriptors: SpectralDescriptorsConfig.parse({ k: 4 }),
      } as Parameters<SpectralDescriptors['buildWorkflow']>[0]['config'],
      context: { ...CONTEXT, inputDir: root, participants: null, cpus },
    });
    return wf
      .compile()
      .instances.filter(({ id }) => id.startsWith('solve_eigenpairs['))
      .map(({ resources }) => resources.cpus);
  };
  expect(await cpusOf(5)).toEqual([2, 2]);
  expect(await cpusOf(1)).toEqual([1, 1]);
});
