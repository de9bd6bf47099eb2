/**
 * Reports of real runs of 200 participants: weight, time to open, pages of participants apart. The volumes are small, so
 * that the run takes minutes; the maps are then replaced by volumes of 145 x 145 x 145 voxels without a 0 in them, which
 * nothing can press together, and the report is drawn again.
 */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatTsv, writeNifti } from '../../src/io/index.js';
import { seededRandom, simulateSpectrum } from '../../src/numerics.js';
import { CHROMIUM, launchChromium, opening } from '../support/chromium.js';
import { PipelineRig } from '../support/pipeline-rig.js';
import { writeTractCohort } from '../support/tract-cohort.js';

const PARTICIPANTS = Array.from({ length: 200 }, (_, i) => `sub-${String(i + 1).padStart(3, '0')}`);
const LARGE = 145;

describe.skipIf(CHROMIUM === null)('the report of 200 participants', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  /** Its weight and the time to open it, on the standard output too: they are what a person asks for. */
  async function weigh(rig: PipelineRig, what: string): Promise<void> {
    const [run = ''] = readdirSync(rig.path('out/logs'));
    const folder = rig.path('out/logs', run);
    const report = join(folder, 'report.html');
    const pages = readdirSync(join(folder, 'participants'));
    expect(pages).toHaveLength(PARTICIPANTS.length);
    const largest = Math.max(...pages.map((name) => statSync(join(folder, 'participants', name)).size));
    const { size } = statSync(report);
    const opened = await opening(browser, report);
    const page = await opening(browser, join(folder, 'participants', pages[0]!));
    process.stdout.write(
      `${JSON.stringify({ what, report_mb: size / 1e6, ...opened, largest_page_mb: largest / 1e6, page })}\n`,
    );
    expect(size).toBeLessThan(20e6);
    expect(opened.cpuMs).toBeLessThan(2000);
    expect(largest).toBeLessThan(3e6);
    expect(page.cpuMs).toBeLessThan(2000);
  }

  test('of learned_atlas, with small maps and with maps that cannot be pressed together', async () => {
    await using rig = await PipelineRig.create();
    writeTractCohort(rig.path('in'), PARTICIPANTS);
    const optimizer = '{mode: direct, epochs: 2, direct_velocity_rounds: 1}';
    const run = ['run', '-w', 'learned_atlas', '-i', 'in', '-o', 'out'];
    const ended = await rig.run([...run, '--set', `learned_atlas.optimizer=${optimizer}`]);
    expect(ended.exitCode, ended.stderr).toBe(0);
    await weigh(rig, 'learned_atlas');

    const random = seededRandom(1, 'maps');
    const affine = [1.25, 0, 0, -90, 0, 1.25, 0, -90, 0, 0, 1.25, -90, 0, 0, 0, 1];
    for (const name of ['mean', 'std', 'std_error', 'cov', 'prob_threshold']) {
      const data = Float32Array.from({ length: LARGE ** 3 }, () => random.uniform());
      const path = rig.path(`out/atlas_learned/atlas_${name}.nii.gz`);
      await writeNifti(path, { shape: [LARGE, LARGE, LARGE], data, affine });
    }
    const again = await rig.command(['report', '-o', 'out']);
    expect(again.exitCode, again.stderr).toBe(0);
    await weigh(rig, `learned_atlas, maps of ${LARGE}^3 voxels of noise`);
  });

  test('of fooof', async () => {
    await using rig = await PipelineRig.create();
    mkdirSync(rig.path('in'));
    for (const [p, label] of PARTICIPANTS.entries()) {
      const spectra = [0, 1, 2, 3].map((c) =>
        simulateSpectrum({ seed: 10 * p + c, grid: [1, 45, 0.5], nPeaks: 1 + (c % 3) }),
      );
      const rows = [...spectra[0]!.frequenciesHz].map((f, i) => [
        f,
        ...spectra.map(({ power }) => power[i]!),
      ]);
      await rig.write(`in/${label}_spectra.tsv`, formatTsv(['frequency', 'Fz', 'Cz', 'Pz', 'Oz'], rows));
    }
    const ended = await rig.run(['run', '-w', 'fooof', '-i', 'in', '-o', 'out']);
    expect(ended.exitCode, ended.stderr).toBe(0);
    await weigh(rig, 'fooof');
  });
});
