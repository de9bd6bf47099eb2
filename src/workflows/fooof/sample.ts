import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { writeAtomic, writeError, writeTsv } from '../../io/index.js';
import { simulateSpectrum } from '../../numerics/fooof/simulate.js';

const RECORDINGS = ['sub-01', 'sub-02', 'sub-03'];
const CHANNELS = ['Fz', 'Cz', 'Pz', 'Oz'];

/**
 * Writes simulated spectra of three recordings with 1 to 3 peaks per channel, and a configuration.
 *
 * @throws StorageError IO_FULL, IO_DENIED or IO
 */
export async function writeSampleSpectra(directory: string, { seed = 0 } = {}): Promise<string[]> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    throw writeError(error, directory);
  }
  const written: string[] = [];
  for (const [r, recording] of RECORDINGS.entries()) {
    const spectra = CHANNELS.map((_, c) =>
      simulateSpectrum({
        seed: 1000 * seed + 10 * r + c,
        grid: [1, 45, 0.5],
        nPeaks: 1 + (c % 3),
        noise: { kind: 'welch', segments: 60 },
      }),
    );
    const rows = [...spectra[0]!.frequenciesHz].map((f, i) => [f, ...spectra.map(({ power }) => power[i]!)]);
    const path = join(directory, `${recording}_spectra.tsv`);
    await writeTsv(path, ['frequency', ...CHANNELS], rows);
    written.push(path);
  }
  const config = join(directory, 'neuroloom.yaml');
  await writeAtomic(
    config,
    'fooof:\n  peak_width_limits: [1, 8]\n  max_n_peaks: 6\n  min_peak_height: 0.1\n',
  );
  return [...written, config];
}
