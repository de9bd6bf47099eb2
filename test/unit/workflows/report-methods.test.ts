/** Methods text says the settings of the run, with the defaults of the schema where nothing was chosen. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ReportSection } from '../../../src/engine/report-section.js';
import { ResultFiles } from '../../../src/engine/result-files.js';
import { describeEncodingFit } from '../../../src/workflows/encoding-fit/report.js';
import { FooofConfig } from '../../../src/workflows/fooof/config.js';
import { describeFooof } from '../../../src/workflows/fooof/report.js';
import { describeSpectra } from '../../../src/workflows/spectral-descriptors/report.js';
import { describeTractSimilarity } from '../../../src/workflows/tract-similarity/report.js';
import { temporaryDirectory } from '../../support/temporary.js';

const root = temporaryDirectory();

async function methods(
  describe: (results: ResultFiles) => Promise<ReportSection | null>,
  file: string,
  text: string,
  config: Record<string, unknown>,
): Promise<string> {
  const directory = mkdtempSync(join(root, 'out-'));
  writeFileSync(join(directory, file), text);
  const published = [{ path: file, id: 'collect', fresh: true }];
  const section = await describe(new ResultFiles(directory, published, config));
  return [...(section?.methods ?? []), ...(section?.citations ?? []).map(({ text: one }) => one)].join('\n');
}

test('of fooof: modes, limits and criteria', async () => {
  const table = 'recording\tchannel\tr_squared\tstatus\na\tCz\t0.9\tok\n';
  const text = (fooof: object) => methods(describeFooof, 'fits.tsv', table, { fooof });
  const { peak_threshold, peak_width_limits } = FooofConfig.parse({});
  const plain = await text({});
  expect(plain).toContain('1 power spectra of 1 recordings');
  expect(plain).toContain(`${peak_threshold} standard deviations`);
  expect(plain).toContain(`${peak_width_limits.join(' to ')} Hz wide`);
  expect(plain).toContain('in any number');
  const other = await text({ aperiodic_mode: 'knee', freq_range: [2, 40], max_n_peaks: 6, mode: 'bic' });
  for (const words of ['offset, knee and exponent', 'over 2 to 40 Hz', 'at most 6 per spectrum', 'Bayesian'])
    expect(other).toContain(words);
});

test('of encoding_fit: model, fit, response, and the papers of that model alone', async () => {
  const table = 'recording\tvoxels\nb\t3\n';
  const text = (encoding_fit: object) =>
    methods(describeEncodingFit, 'encoding_fit.tsv', table, { encoding_fit });
  const field = await text({ model: 'dog2d_hrf', tr: 2, n_starts: 5 });
  for (const words of ['srf_amplitude', 'from 5 starts', 'double-gamma', 'repetition time 2 s', 'Zuiderbaan'])
    expect(field).toContain(words);
  expect(field).not.toContain('Kay KN');
  const ridge = await text({ model: 'linear', alpha: 10 });
  for (const words of ['ridge regression (penalty 10)', 'Hoerl', 'Kay KN']) expect(ridge).toContain(words);
  expect(ridge).not.toMatch(/Dumoulin|double-gamma/);
});

test('of encoding_fit: what is wrong with the surfaces costs neither the other results nor a look for each recording', async () => {
  const [output, input] = ['out-', 'in-'].map((name) => mkdtempSync(join(root, name))) as [string, string];
  writeFileSync(join(output, 'encoding_fit.tsv'), 'recording\tvoxels\na\t2\nb\t2\n');
  const published = [{ path: 'encoding_fit.tsv', id: 'collect', fresh: true }];
  const names = ['a', 'b'];
  for (const name of names) {
    writeFileSync(join(output, `${name}_parameters.tsv`), 'voxel\tr2\n0\t0.5\n1\t0.7\n');
    published.push({ path: `${name}_parameters.tsv`, id: `fit[${name}]`, fresh: true });
    published.push({ path: `${name}_maps/r2.func.gii`, id: `fit[${name}]`, fresh: true });
    writeFileSync(join(input, `${name}_bold.npy`), '');
  }
  const notices = async (): Promise<string[]> => {
    const section = await describeEncodingFit(new ResultFiles(output, published, {}, input));
    const pages = [];
    for (const [i, participant] of section!.participants!.entries()) {
      pages.push(await participant.blocks());
      // The second recording does not look again.
      if (i === 0) rmSync(join(input, 'b_surface.surf.gii'), { force: true });
    }
    for (const page of pages) expect(page.map(({ kind }) => kind).slice(0, 2)).toEqual(['table', 'table']);
    return pages.map((page) => page.map((block) => ('text' in block ? block.text : '')).join(''));
  };
  writeFileSync(join(input, 'b_surface.surf.gii'), 'broken');
  const [none, broken] = await notices();
  expect(none).toBe('');
  expect(broken).toMatch(/^Its maps are not drawn on a surface: .*func\.gii/);
  writeFileSync(join(input, 'a_bold.tsv'), '');
  for (const text of await notices())
    expect(text).toBe('Its maps are not drawn on a surface: two recordings would have the label a.');
});

test('of spectral_descriptors and tract_similarity: operator, descriptors with their papers, threshold', async () => {
  const spectra = await methods(describeSpectra, 'surfaces.tsv', 'surface\tstatus\na\tok\n', {
    spectral_descriptors: { k: 33, mass: 'consistent', descriptors: ['hks'] },
  });
  for (const words of ['first 33 eigenvalues', 'consistent mass', 'hks (Sun, Ovsjanikov & Guibas 2009)'])
    expect(spectra).toContain(words);
  const similar = await methods(
    describeTractSimilarity,
    'tract_similarity.tsv',
    'candidate\treference\tdice\tstatus\na\tb\t0.5\tok\n',
    { tract_similarity: { threshold: 0.25 } },
  );
  expect(similar).toContain('above 0.25');
  expect(similar).toContain('Huttenlocher');
});
