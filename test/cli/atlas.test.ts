import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { fortranToC, readNifti } from '../../src/io/index.js';
import { generateStatisticalAtlas } from '../../src/numerics.js';
import { ATLAS_STATISTIC_NAMES, computeAtlasStatistics } from '../../src/numerics/registration/statistics.js';
import { readVolume, ulps } from '../support/golden-atlas.js';
import { floatBytes } from '../support/nifti-bytes.js';
import { PipelineRig, withoutSidecars } from '../support/pipeline-rig.js';
import { hasReference, reference } from '../support/reference.js';
import { COHORT_SHAPE, tractDensity, tractVolume, writeTractCohort } from '../support/tract-cohort.js';

const RUN = ['run', '-w', 'atlas', '-i', 'in', '-o', 'out'];
const volume = (id: string): string => `in/${id}/tractography/fdt_paths.nii.gz`;

/** A cohort whose ids are neither in text order nor in the order of their making. */
async function atlasRig(ids = ['10', '9', '2']): Promise<PipelineRig> {
  const rig = await PipelineRig.create();
  writeTractCohort(rig.path('in'), ids);
  return rig;
}

/** Splits the volume of a subject into header and voxels. */
function splitVolume(rig: PipelineRig, id: string): void {
  const single = rig.path(volume(id));
  const bytes = gunzipSync(readFileSync(single));
  const header = bytes.subarray(0, 348);
  header.write('ni1\0', 344, 'latin1');
  header.writeFloatLE(0, 108);
  writeFileSync(single.replace('.nii.gz', '.hdr'), header);
  writeFileSync(single.replace('.nii.gz', '.img'), bytes.subarray(352));
  rmSync(single);
}

/** Lines of a message block, without the run's own times. */
const lines = (text: string): string[] => text.trimEnd().split('\n');

describe('a run', () => {
  test('of .hdr/.img pairs gives the maps of single files, and sees that voxels changed', async () => {
    const ids = ['1', '2', '3'];
    await using rig = await atlasRig(ids);
    const map = 'out/atlas/atlas_mean.nii.gz';
    await rig.run(RUN);
    const single = readFileSync(rig.path(map));
    for (const id of ids) splitVolume(rig, id);
    const run = [...RUN, '--set', 'atlas.tractography_relpath=tractography/fdt_paths.hdr'];
    expect((await rig.run(run)).exitCode).toBe(0);
    expect(readFileSync(rig.path(map)).equals(single)).toBe(true);
    const voxels = rig.path(volume('2').replace('.nii.gz', '.img'));
    const bytes = readFileSync(voxels);
    bytes.writeFloatLE(40, 2000);
    writeFileSync(voxels, bytes);
    expect((await rig.run(run)).executed).toEqual(['average_cohort', 'read_subject[2]']);
  });

  test('averages the cohort in numeric order, with the header of its first subject', async () => {
    await using rig = await atlasRig();
    const first = await rig.run(RUN);
    expect(first.exitCode).toBe(0);
    expect(first.executed).toEqual([
      'average_cohort',
      'read_subject[10]',
      'read_subject[2]',
      'read_subject[9]',
    ]);
    expect(await rig.list('out/atlas')).toEqual([
      'atlas_cov.nii.gz',
      'atlas_mean.nii.gz',
      'atlas_metadata.json',
      'atlas_prob_threshold.nii.gz',
      'atlas_std.nii.gz',
      'atlas_std_error.nii.gz',
    ]);

    // subjects 2, 9, 10 were made third, second, first; waytotal is 1000
    const densities = [2, 1, 0].map((seed) => tractDensity(seed).map((count) => Math.fround(count / 1000)));
    const expected = computeAtlasStatistics(densities);
    const source = gunzipSync(readFileSync(rig.path(volume('2'))));
    for (const name of ATLAS_STATISTIC_NAMES) {
      const path = rig.path(`out/atlas/atlas_${name}.nii.gz`);
      const map = await readNifti(path);
      expect(map.shape).toEqual([...COHORT_SHAPE]);
      map.data.forEach((value, v) => expect(ulps(value, expected[name][v]!)).toBeLessThanOrEqual(1));
      const bytes = gunzipSync(readFileSync(path));
      expect(bytes.length).toBe(352 + 4 * densities[0]!.length);
      const changed = [...bytes.subarray(0, 348).keys()].filter((i) => bytes[i] !== source[i]);
      // scl_slope becomes 1, cal_max becomes 0; all else of this header was as the atlas writes it
      expect(changed.filter((i) => !(i >= 112 && i < 116) && !(i >= 124 && i < 128))).toEqual([]);
    }

    const metadata = JSON.parse(await rig.read('out/atlas/atlas_metadata.json')) as {
      subjects: { id: string }[];
      files: { name: string; sha256: string }[];
    };
    expect(metadata.subjects).toEqual(
      ['2', '9', '10'].map((id) => ({
        id,
        file: `${id}/tractography/fdt_paths.nii.gz`,
        waytotal: 1000,
        normalization_constant: 1000,
      })),
    );
    expect(metadata.files.map(({ name }) => name)).toEqual(
      ATLAS_STATISTIC_NAMES.map((name) => `atlas_${name}.nii.gz`),
    );
    for (const { name, sha256 } of metadata.files) {
      expect(
        createHash('sha256')
          .update(readFileSync(rig.path('out/atlas', name)))
          .digest('hex'),
      ).toBe(sha256);
    }
  });

  test('gives the bytes that the library function gives', async () => {
    await using rig = await atlasRig();
    await rig.run([...RUN, '--set', 'atlas.ddof=1', '--set', 'atlas.normalization_method=sum']);
    const paths = await generateStatisticalAtlas({
      inputDir: rig.path('in'),
      atlasDir: rig.path('library/atlas'),
      ddof: 1,
      normalizationMethod: 'sum',
    });
    const names = [...ATLAS_STATISTIC_NAMES.map((name) => `atlas_${name}.nii.gz`), 'atlas_metadata.json'];
    expect(paths).toEqual(names.map((name) => rig.path('library/atlas', name)));
    for (const [i, name] of names.entries()) {
      expect(readFileSync(paths[i]!).equals(readFileSync(rig.path('out/atlas', name))), name).toBe(true);
    }
    expect(readdirSync(rig.path('library'))).toEqual(['atlas']);
  });

  test('of the same cohort elsewhere gives the same bytes; a second one runs nothing', async () => {
    await using rig = await atlasRig();
    await rig.run(RUN);
    const second = await rig.run(RUN);
    expect([second.executed, second.reused.length]).toEqual([[], 4]);
    await rig.copy(rig.path('in'), 'moved');
    await rig.run(['run', '-w', 'atlas', '-i', 'moved', '-o', 'again'], { output: 'again' });
    for (const name of await rig.list('out/atlas')) {
      expect(readFileSync(rig.path('again/atlas', name))).toEqual(readFileSync(rig.path('out/atlas', name)));
    }
  });

  test('after one volume changed runs that subject and the average', async () => {
    await using rig = await atlasRig();
    await rig.run(RUN);
    await rig.write(volume('9'), tractVolume(tractDensity(5)));
    const second = await rig.run(RUN);
    expect(second.executed).toEqual(['average_cohort', 'read_subject[9]']);
  });

  test('goes without subjects that cannot be used, says why, and ends with 0', async () => {
    await using rig = await atlasRig(['1', '2', '3', '4', '5', '6', '7']);
    rmSync(rig.path(volume('2')));
    await rig.write(volume('3'), tractVolume(tractDensity(2)).subarray(0, 150));
    await rig.write(volume('4'), tractVolume(tractDensity(3).with(7, NaN)));
    await rig.write(volume('5'), tractVolume(tractDensity(4).map(() => 0)));
    await rig.write(volume('6'), tractVolume(tractDensity(5).with(7, -1)));
    const run = await rig.run(RUN, { report: true });
    expect(run.exitCode).toBe(0);
    const skipped = [
      { id: '2', reason: 'missing' },
      {
        id: '3',
        reason: 'unreadable',
        detail: 'the gzip stream of 3/tractography/fdt_paths.nii.gz ends too early',
      },
      { id: '4', reason: 'non_finite', detail: 'a voxel is NaN or infinite' },
      {
        id: '5',
        reason: 'no_mass',
        detail: 'every voxel is 0: no streamline was found, or the mask is empty',
      },
      { id: '6', reason: 'negative', detail: 'a voxel is below 0, which no count of streamlines is' },
    ];
    for (const { id, reason, detail } of skipped) {
      const told = detail === undefined ? reason : `${reason}: ${detail}`;
      expect(run.stderr).toContain(`warning  read_subject[${id}]  skipped: ${told}`);
    }
    const metadata = JSON.parse(await rig.read('out/atlas/atlas_metadata.json')) as Record<string, unknown>;
    expect(metadata['skipped']).toEqual(skipped);
    expect(metadata['n_subjects']).toBe(2);
  });

  test('fails when too few are left, with the reason for each, and publishes nothing', async () => {
    await using rig = await atlasRig(['1', '2', '3']);
    await rig.write(volume('2'), tractVolume(tractDensity(3).with(7, NaN)));
    const run = await rig.run([...RUN, '--set', 'atlas.min_subjects=3']);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain(
      '2 of 3 items are there, at least 3 are needed: read_subject[2]: non_finite',
    );
    expect(await rig.list('out/atlas')).toEqual([]);
  });

  test('normalises by maximum without any waytotal', async () => {
    await using rig = await atlasRig(['1', '2']);
    for (const id of ['1', '2']) rmSync(rig.path(`in/${id}/tractography/waytotal`));
    const run = await rig.run([...RUN, '--set', 'atlas.normalization_method=max']);
    expect(run.exitCode).toBe(0);
    const mean = await readNifti(rig.path('out/atlas/atlas_mean.nii.gz'));
    expect(Math.max(...mean.data)).toBeLessThanOrEqual(1);
  });

  test('reads big-endian NIfTI-2 and scaled integers like the rest', async () => {
    await using rig = await atlasRig(['1', '2']);
    const counts = tractDensity(1);
    await rig.write(
      volume('2'),
      tractVolume([], { version: 2, littleEndian: false, voxels: floatBytes(counts, false) }),
    );
    const plain = await rig.run(RUN, { report: true });
    expect(plain.exitCode).toBe(0);
    const before = readFileSync(rig.path('out/atlas/atlas_mean.nii.gz'));
    const doubled = Uint8Array.from(counts, (count) => count / 2);
    if (counts.every((count) => count % 2 === 0)) throw new Error('the case needs odd counts');
    await rig.write(
      volume('2'),
      tractVolume([], { datatype: 2, bitpix: 8, slope: 2, inter: 0, voxels: doubled }),
    );
    await rig.run(RUN);
    const scaled = await readNifti(rig.path('out/atlas/atlas_mean.nii.gz'));
    await rig.write(volume('2'), tractVolume(counts));
    await rig.run(RUN);
    expect(readFileSync(rig.path('out/atlas/atlas_mean.nii.gz'))).toEqual(before);
    const exact = computeAtlasStatistics([
      tractDensity(0).map((count) => Math.fround(count / 1000)),
      [...doubled].map((half) => Math.fround((2 * half) / 1000)),
    ]).mean;
    scaled.data.forEach((value, v) => expect(ulps(value, exact[v]!)).toBeLessThanOrEqual(1));
  });
});

describe('bad input', () => {
  test('a cohort that is not there', async () => {
    await using rig = await PipelineRig.create();
    const run = await rig.command(RUN);
    expect(run.exitCode).toBe(3);
    expect(lines(run.stderr)).toEqual([
      '1 requirement of atlas is not met; nothing was run',
      '  INPUT_MISSING   cohort directory not found: in',
      '                  mend: give the cohort directory with -i, or set input_dir in the configuration',
    ]);
  });

  test('too few subjects, a grid and an affine that differ, a waytotal that is missing', async () => {
    await using rig = await atlasRig(['1', '2', '3', '4']);
    const smaller = [10, 13, 10];
    await rig.write(volume('2'), tractVolume(tractDensity(1, smaller), { dim: [3, ...smaller] }));
    const rows = [-2, 0, 0, 25, 0, 2.5, 0, -30, 0, 0, 3, 5];
    await rig.write(volume('3'), tractVolume(tractDensity(1), { sform: { code: 4, rows } }));
    rmSync(rig.path('in/4/tractography/fdt_paths.nii.gz'));
    rmSync(rig.path('in/1/tractography/waytotal'));
    const run = await rig.command([...RUN, '--set', 'atlas.min_subjects=4']);
    expect(run.exitCode).toBe(3);
    const mend = '                    mend: ';
    const grid = `${mend}resample all volumes to one grid, or leave the subject out with --participants`;
    expect(lines(run.stderr)).toEqual([
      '4 requirements of atlas are not met; nothing was run',
      '  MIN_SUBJECTS      found 3 subject(s) with a readable tractography/fdt_paths.nii.gz under in, need at least 4; ' +
        'skipped: 4 (missing)',
      `${mend}add subjects, or set atlas.min_subjects to 3`,
      '  COHORT_MISMATCH   in/2/tractography/fdt_paths.nii.gz (10x13x10) is not on the grid of ' +
        'in/1/tractography/fdt_paths.nii.gz (11x13x10); largest affine difference 0',
      grid,
      '  COHORT_MISMATCH   in/3/tractography/fdt_paths.nii.gz (11x13x10) is not on the grid of ' +
        'in/1/tractography/fdt_paths.nii.gz (11x13x10); largest affine difference 5',
      grid,
      '  WAYTOTAL          waytotal file is missing: in/1/tractography/waytotal',
      `${mend}restore the file, or set atlas.normalization_method to max or sum`,
    ]);
    expect(await rig.list('out')).toEqual([]);
  });

  test('numbered and BIDS subjects side by side', async () => {
    await using rig = await atlasRig(['1', 'sub-01']);
    const run = await rig.command(RUN);
    expect(run.exitCode).toBe(3);
    expect(run.stderr).toContain('holds both numbered and BIDS subjects: 1 and sub-01');
    expect(run.stderr).toContain('mend: set atlas.subject_pattern to digits or bids');
  });

  test('an output directory below a file', async () => {
    await using rig = await atlasRig();
    await rig.write('plain', '');
    const run = await rig.command(['run', '-w', 'atlas', '-i', 'in', '-o', 'plain/out']);
    expect(run.exitCode).toBe(5);
    expect(lines(run.stderr)).toEqual([
      '1 requirement of atlas is not met; nothing was run',
      '  OUTPUT_UNWRITABLE   the output directory DIR/plain/out lies below DIR/plain, which is a file',
      '                      mend: choose another place with -o',
    ]);
  });

  test.skipIf(!canMount())('a full disk: exit 5, the path, and no half file under a final name', async () => {
    await using rig = await atlasRig();
    mkdirSync(rig.path('small'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', rig.path('small')]);
    try {
      // what is left is enough for the logs, and not for six maps
      writeFileSync(rig.path('small', 'ballast'), Buffer.alloc(2 ** 21 - 24 * 1024));
      const full = await rig.command([
        'run',
        '-w',
        'atlas',
        '-i',
        'in',
        '-o',
        'small/out',
        '--cache-dir',
        'cache',
      ]);
      expect(full.exitCode).toBe(5);
      // Whether a result or the list of tasks is the first that does not fit depends on the size of the logs.
      expect(full.stderr).toMatch(
        /IO_FULL {2}no space left( to write DIR\/small\/out\/|\n {2}where: DIR\/small\/out\/)/,
      );
      expect(finalNames(rig.path('small/out'))).toEqual([]);
      rmSync(rig.path('small', 'ballast'));
      const again = await rig.command([
        'run',
        '-w',
        'atlas',
        '-i',
        'in',
        '-o',
        'small/out',
        '--cache-dir',
        'cache',
      ]);
      expect(again.exitCode).toBe(0);
      expect(finalNames(rig.path('small/out'))).toHaveLength(6);
    } finally {
      execFileSync('umount', [rig.path('small')]);
    }
  });
});

describe.skipIf(!hasReference)('the reference cohorts', () => {
  test.for(['cohort', 'cohort_cst'] as const)('%s: golden maps to one float32 ulp', async (name) => {
    await using rig = await PipelineRig.create();
    const run = await rig.run(['run', '-w', 'atlas', '-i', reference(`atlas/${name}`), '-o', 'out']);
    expect(run.exitCode).toBe(0);
    for (const statistic of ATLAS_STATISTIC_NAMES) {
      const map = await readNifti(rig.path(`out/atlas/atlas_${statistic}.nii.gz`));
      const golden = await readVolume(
        reference(`atlas/golden/${name}/tractography/atlas_${statistic}.nii.gz`),
      );
      const values = fortranToC(map.data, map.shape);
      let worst = 0;
      values.forEach((value, v) => (worst = Math.max(worst, ulps(value, golden.data[v]!))));
      expect(worst, statistic).toBeLessThanOrEqual(1);
    }
  });
});

function finalNames(output: string): string[] {
  const atlas = join(output, 'atlas');
  if (statSync(atlas, { throwIfNoEntry: false }) === undefined) return [];
  return withoutSidecars(atlas).filter((name) => !name.includes('.part-'));
}

/** A small tmpfs needs the right to mount. */
function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false; // no such right here: the test says that it is skipped
  }
}
