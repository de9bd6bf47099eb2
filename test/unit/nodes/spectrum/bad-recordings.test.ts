/** What a person gets wrong about a recording: the whole message, and what goes on. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { Skip, type InputsOf } from '../../../../src/engine/node.js';
import { encodeNpy, formatTsv, readTsv } from '../../../../src/io/index.js';
import { fitRecording } from '../../../../src/nodes/spectrum/fit-recording.js';
import { fitInto, FitSettings } from '../../../../src/nodes/spectrum/fit-spectra.js';
import { resolveSpectrumSettings } from '../../../../src/numerics/signal/settings.js';
import { nodeContext } from '../../../support/node-context.js';
import { temporaryDirectory } from '../../../support/temporary.js';

const root = temporaryDirectory();
let serial = 0;

type Inputs = InputsOf<(typeof fitRecording)['inputs']>;
type Format = Inputs['format'];
interface Given {
  readonly fit?: Partial<FitSettings>;
  readonly spectrum?: Parameters<typeof resolveSpectrumSettings>[0];
}

interface Outcome {
  /** Rows of the table of fits: channel and status; null: skipped. */
  readonly fits: string[] | null;
  readonly skipped: string | null;
  readonly warnings: readonly string[];
}

/** Runs the node on one file. */
async function run(format: Format, content: string | Uint8Array, given: Given = {}): Promise<Outcome> {
  const folder = join(root, String(serial++));
  mkdirSync(folder);
  const path = join(folder, `rest.${format}`);
  writeFileSync(path, content);
  const { ctx, warnings } = nodeContext(folder);
  const outputs = await fitRecording.run(
    {
      recording: 'sub-01/rest',
      format,
      roles: ['main'],
      files: [{ path, relPath: `rest.${format}`, digest: '', bytes: 0 }] as unknown as Inputs['files'],
      refused: null,
      spectrum: resolveSpectrumSettings(given.spectrum ?? {}),
      sampling_rate: null,
      settings: { ...FitSettings.parse({}), peak_width_limits: [2, 8], ...given.fit },
      output: 'fooof',
      keeptrials: false,
      chan_per_worker: null,
      mem_thresh: 0.5,
      parallel_store: null,
      spectra: null,
    },
    ctx,
  );
  if (outputs instanceof Skip) return { fits: null, skipped: outputs.reason, warnings };
  const { rows } = await readTsv(join(folder, 'fits.tsv'));
  return { fits: rows.map((row) => `${row[0]} ${row.at(-1)}`), skipped: null, warnings };
}

/** Two channels on a power law; `change` makes something wrong in the second. */
function table(change: (f: number, power: number) => number | null, frequencies?: readonly number[]): string {
  const axis = frequencies ?? Array.from({ length: 60 }, (_, i) => 1 + i);
  const rows = axis.map((f) => {
    const power = f === 0 ? 5 : (10 / f) * (1 + 0.05 * Math.sin(7 * f));
    return [f, power, change(f, power)];
  });
  return formatTsv(['frequency', 'Cz', 'Pz'], rows);
}

const series = (samples: number) =>
  formatTsv(['time', 'Cz'], Array.from({ length: samples }, (_, t) => [t / 100, Math.sin(t * t)])); // prettier-ignore

describe('a channel', () => {
  test.each([
    ['power of 0', 0],
    ['negative power', -1],
    ['a missing value', null],
    ['infinite power', Infinity],
  ])('with %s has no fit and is named; the other has', async (_, value) => {
    const { fits, warnings } = await run(
      'tsv',
      table((f, power) => (f === 9 ? value : power)),
    );
    expect(fits).toEqual(['Cz ok', 'Pz non_finite']);
    expect(warnings).toEqual([
      'sub-01/rest: channel Pz has no fit (non_finite): its power is zero, negative or missing in some bin, so it has no logarithm',
    ]);
  });
});

describe('a recording', () => {
  const whole = table((_, power) => power);

  test.each(['fixed', 'knee'] as const)('with a bin of 0 Hz is fitted without it, %s', async (mode) => {
    const axis = Array.from({ length: 60 }, (_, i) => i);
    const { fits, warnings } = await run('tsv', table((_, power) => power, axis), { fit: { aperiodic_mode: mode } }); // prettier-ignore
    expect(fits).toEqual(['Cz ok', 'Pz ok']);
    expect(warnings).toEqual(['sub-01/rest: the bin of 0 Hz is left out: it has no logarithm']);
  });

  test('with a range that goes beyond the data is fitted and told', async () => {
    const { fits, warnings } = await run('tsv', whole, { fit: { freq_range: [2, 100] } });
    expect(fits).toEqual(['Cz ok', 'Pz ok']);
    expect(warnings).toEqual(['sub-01/rest: freq_range 2 to 100 Hz goes beyond the spectra, 1 to 60 Hz']);
  });

  test('with widths below its resolution is fitted and told', async () => {
    const { warnings } = await run('tsv', whole, { fit: { peak_width_limits: [0.5, 12] } });
    expect(warnings).toEqual([
      'sub-01/rest: the lower limit of peak_width_limits, 0.5 Hz, is within 1.5 bins of 1 Hz',
    ]);
  });

  const uneven = table((_, power) => power, [1, 2, 4, 8, 16]);
  const array = encodeNpy({ shape: [2, 1000], data: new Float64Array(2000).fill(1) });
  test.each<[string, Format, string | Uint8Array, Given, string]>([
    [
      'with unequal steps of frequency',
      'tsv',
      uneven,
      {},
      'frequencies are not evenly spaced: 2 Hz before 4 Hz, 1 Hz at the start; give a spectrum on a linear frequency axis; logarithmic axes are not fitted',
    ],
    [
      'with a range outside of the data',
      'tsv',
      whole,
      { fit: { freq_range: [100, 200] } },
      '0 frequency bins from 100 to 200 Hz are too few to fit; they reach from 1 to 60 Hz; give a range inside the data and a finer frequency resolution',
    ],
    [
      'with frequencies that it does not have',
      'tsv',
      whole,
      { spectrum: { foilim: [20, 80] } },
      '80 Hz is outside the spectrum, which ends at 60 Hz; ask for frequencies from 0 to 60 Hz',
    ],
    [
      'that is too short',
      'tsv',
      series(50),
      {},
      'a window of 2 s has 200 samples, the shortest trial 50; give longer recordings, or shorten t_ftimwin',
    ],
    [
      'without a sampling rate',
      'npy',
      array,
      {},
      'sub-01/rest cannot be read: there is no sampling rate; write SamplingFrequency (Hz) into a JSON file of the same name, or set fooof.sampling_rate',
    ],
    [
      'whose first column is something else',
      'csv',
      'speed,Cz\n1,2\n',
      {},
      'sub-01/rest cannot be read: its first column is "speed"; name the first column frequency (Hz, spectra) or time (s, series)',
    ],
    [
      'without channels',
      'tsv',
      'frequency\n1\n2\n',
      {},
      'sub-01/rest cannot be read: it has no channels; add one column per channel',
    ],
    [
      'of one bin',
      'tsv',
      'frequency\tCz\n1\t2\n',
      {},
      '1 frequency bins are too few to fit; they reach from 1 to 1 Hz; give a range inside the data and a finer frequency resolution',
    ],
    [
      'of no bins',
      'tsv',
      'frequency\tCz\n',
      {},
      'there are no frequencies; give spectra of at least two bins',
    ],
    [
      'that is empty',
      'tsv',
      '',
      {},
      'sub-01/rest:1: the file is empty; give a tab-separated table with one header line and the same number of cells in each row',
    ],
    [
      'with a row that is cut off',
      'tsv',
      'frequency\tCz\tPz\n1\t2\t3\n2\t',
      {},
      'sub-01/rest:3: 2 cells where the header has 3; give a tab-separated table with one header line and the same number of cells in each row',
    ],
  ])('%s is skipped with what, where and how to mend', async (_, format, content, given, reason) => {
    expect((await run(format, content, given)).skipped).toBe(reason);
  });

  test('whose fits cannot be written is skipped with the reason', async () => {
    const folder = join(root, 'names');
    mkdirSync(folder);
    const power = Float64Array.from({ length: 60 }, (_, i) => 10 / (1 + i));
    const { ctx } = nodeContext(folder);
    const inputs = {
      recording: 'sub-01/rest',
      settings: FitSettings.parse({}),
      output: 'fooof' as const,
    };
    const how = { keeptrials: false, chan_per_worker: null, mem_thresh: 0.5, parallel_store: null };
    const data = {
      ...{ shape: [1, 1, 60, 1] as const, data: power, freq: Float64Array.from(power, (_, i) => 1 + i) },
      ...{ channel: ['C\tz'], trialdefinition: [[0, 1, 0]] as const, samplerate: null, log: '', version: '' },
    };
    const outcome = await fitInto(data, { ...inputs, ...how }, ctx);
    expect(outcome).toMatchObject({
      kind: 'skip',
      reason: 'a table cell holds a tab or line break: "C\\tz"; replace tabs and line breaks in the text',
    });
    // Memory that is not free is not the recording's fault, and not to be remembered.
    const refused = fitInto(data, { ...inputs, ...how, mem_thresh: 1e-12 }, ctx);
    await expect(refused).rejects.toThrow('a result chunk takes 240 bytes, more than 1e-12');
  });
});
