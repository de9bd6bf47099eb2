import { existsSync, readFileSync } from 'node:fs';
import type {
  ReportBlock,
  ReportCell,
  ReportLines,
  ReportParticipant,
  ReportSection,
} from '../../engine/report-section.js';
import type { ResultFile, ResultFiles } from '../../engine/result-files.js';
import { countedWarnings, type CountedWarning } from '../../nodes/spectrum/check-panels.js';
import { cohortWarnings } from '../../nodes/spectrum/fit-charts.js';
import { WatchedFits } from '../../nodes/spectrum/fit-sidecar.js';
import { CANDIDATE_TEXT } from '../../numerics/fooof/candidates.js';
import { Hdf5File, readTsv } from '../../io/index.js';
import { bayesianBlocks } from '../bayesian-report.js';
import { FooofConfig } from './config.js';

/** Channels in the gallery of a recording: from the best to the worst fit. */
const GALLERY = 6;
/** Names behind a warning. */
const NAMED = 8;
/** A line of more points than this is not seen better. */
const MOST_POINTS = 200;

interface FitRow {
  readonly recording: string;
  readonly channel: string;
  readonly trial: string | null;
  readonly offset: number | null;
  readonly knee: number | null;
  readonly exponent: number | null;
  readonly r_squared: number | null;
  readonly error: number | null;
  readonly n_peaks: number | null;
  readonly status: string;
}

/** Parameterised spectra in a report: distributions, what did not fit, and a gallery per recording. */
export async function describeFooof(results: ResultFiles): Promise<ReportSection | null> {
  const table = results.named('fits.tsv');
  if (table === null) return null;
  const fits = await readFits(table.absolute);
  const peaks = results.named('peaks.tsv');
  const frequencies = peaks === null ? [] : await centerFrequencies(peaks.absolute);
  const failed = fits.filter(({ status }) => status !== 'ok');
  const chart = results.named('fits.svg');
  const column = (name: 'offset' | 'knee' | 'exponent' | 'r_squared' | 'error'): number[] =>
    fits.flatMap((row) => row[name] ?? []);
  const histogram = (
    title: string,
    x: string,
    values: readonly number[],
    counted = 'spectra',
  ): ReportBlock[] =>
    values.length === 0
      ? []
      : [{ kind: 'histogram', title, caption: `All ${counted} of the run.`, x, counted, values }];
  const recordings = byRecording(fits);
  const tables = new Map(results.files.map((file) => [file.path, file]));
  const watched = [...recordings.keys()].flatMap((name) => {
    const table = tables.get(`${name}_fits.tsv`);
    return table === undefined ? [] : (watchedFits(table) ?? []);
  });
  return {
    title: 'Parameterised spectra',
    blocks: [
      {
        kind: 'notice',
        tone: failed.length === 0 ? 'good' : 'warning',
        text:
          failed.length === 0
            ? `All ${fits.length} spectra of ${recordings.size} recordings were fitted.`
            : `${failed.length} of ${fits.length} spectra were not fitted; they are listed below.`,
      },
      ...(failed.length === 0 ? [] : [fitTable('Not fitted', failed, true)]),
      ...warningTable(cohortWarnings(watched)),
      ...(await bayesianBlocks(results)),
      ...histogram(
        'Exponent of the aperiodic part',
        'exponent (log10 power per log10 Hz)',
        column('exponent'),
      ),
      ...histogram('Offset', 'offset (log10 power)', column('offset')),
      ...histogram('Knee', 'knee (Hz^exponent)', column('knee')),
      ...histogram('Centre frequencies', 'Hz', frequencies, 'peaks'),
      ...histogram('Goodness of fit', 'r squared', column('r_squared')),
      ...histogram('Error', 'mean absolute error (log10 power)', column('error')),
      ...(chart === null
        ? []
        : [
            {
              kind: 'picture' as const,
              title: 'All recordings',
              caption: 'As published in fits.svg; fits.vl.json is its specification.',
              path: chart.absolute,
            },
          ]),
      fitTable('All fits', fits, true),
    ],
    participants: [...recordings].flatMap(([name, rows]) =>
      recordingPage(rows, tables.get(`${name}_fits.tsv`), results),
    ),
    methods: methods(results, fits.length, recordings.size),
    citations: [
      {
        text: 'Donoghue T, Haller M, Peterson EJ, et al. Parameterizing neural power spectra into periodic and aperiodic components. Nature Neuroscience 23, 1655-1665, 2020.',
        doi: '10.1038/s41593-020-00744-x',
      },
    ],
  };
}

function methods(results: ResultFiles, spectra: number, recordings: number): string[] {
  const {
    aperiodic_mode,
    freq_range,
    mode,
    bic_penalty,
    peak_width_limits,
    max_n_peaks,
    min_peak_height,
    peak_threshold,
  } = FooofConfig.parse(results.config['fooof'] ?? {});
  const range = freq_range === null ? 'the whole range of frequencies' : `${freq_range.join(' to ')} Hz`;
  const choice =
    mode === 'bic'
      ? `the number of peaks was chosen by the Bayesian information criterion (penalty ${bic_penalty})`
      : `peaks were sought above ${peak_threshold} standard deviations of the flattened spectrum`;
  return [
    `${spectra} power spectra of ${recordings} recordings were parameterised as the sum of an aperiodic part (${aperiodic_mode === 'knee' ? 'offset, knee and exponent' : 'offset and exponent'}) and Gaussian peaks, in log10 power over ${range}, by the algorithm of specparam/FOOOF. Peaks were ${peak_width_limits.join(' to ')} Hz wide and at least ${min_peak_height} log10 power high, ${max_n_peaks === null ? 'in any number' : `at most ${max_n_peaks} per spectrum`}; ${choice}.`,
  ];
}

/** The rows of each recording, in their order. */
function byRecording(fits: readonly FitRow[]): Map<string, FitRow[]> {
  const found = new Map<string, FitRow[]>();
  for (const fit of fits) {
    const rows = found.get(fit.recording);
    if (rows === undefined) found.set(fit.recording, [fit]);
    else rows.push(fit);
  }
  return found;
}

async function readFits(path: string): Promise<FitRow[]> {
  const { columns, rows } = await readTsv(path);
  return rows.map((row) => {
    const cell = (name: string): string | null => row[columns.indexOf(name)] ?? null;
    const number = (name: string): number | null => (cell(name) === null ? null : Number(cell(name)));
    return {
      recording: cell('recording') ?? '',
      channel: cell('channel') ?? '',
      trial: cell('trial'),
      offset: number('offset'),
      knee: number('knee'),
      exponent: number('exponent'),
      r_squared: number('r_squared'),
      error: number('error'),
      n_peaks: number('n_peaks'),
      status: cell('status') ?? '',
    };
  });
}

async function centerFrequencies(path: string): Promise<number[]> {
  const { columns, rows } = await readTsv(path);
  const at = columns.indexOf('center_frequency');
  return rows.flatMap((row) => (row[at] === null || row[at] === undefined ? [] : [Number(row[at])]));
}

function fitTable(title: string, fits: readonly FitRow[], hasRecording: boolean): ReportBlock {
  return {
    kind: 'table',
    title,
    ...(hasRecording && { participantColumn: 0 }),
    columns: [
      ...(hasRecording ? [{ name: 'recording' }] : []),
      { name: 'channel' },
      { name: 'offset', unit: 'log10 power' },
      { name: 'knee', unit: 'Hz^exponent' },
      { name: 'exponent' },
      { name: 'r squared' },
      { name: 'error', unit: 'log10 power' },
      { name: 'peaks' },
      { name: 'status' },
    ],
    rows: fits.map((fit): ReportCell[] => [
      ...(hasRecording ? [fit.recording] : []),
      fit.trial === null ? fit.channel : `${fit.channel}, trial ${fit.trial}`,
      fit.offset,
      fit.knee,
      fit.exponent,
      fit.r_squared,
      fit.error,
      fit.n_peaks,
      fit.status,
    ]),
  };
}

/** Keys of the run name recordings without their folders' slashes, so the published file leads to the item. */
function recordingPage(
  rows: readonly FitRow[],
  own: ResultFile | undefined,
  results: ResultFiles,
): ReportParticipant[] {
  if (own?.item === null || own === undefined) return [];
  const { output } = (results.config['fooof'] ?? {}) as { readonly output?: unknown };
  return [
    {
      label: own.item,
      blocks: async () => [
        ...(await gallery(own, rows, output)),
        ...warningTable(countedWarnings(watchedFits(own) ?? NOTHING_WATCHED)),
        ...(await candidateBlocks(own)),
        fitTable('Fits', rows, false),
      ],
    },
  ];
}

const NOTHING_WATCHED = { fitted: { spectra: 0 }, warnings: [] };

/** What the sidecar of a table of fits tells; null for one of an earlier release, which tells nothing. */
function watchedFits(table: ResultFile): WatchedFits | null {
  const path = table.absolute.replace(/\.tsv$/, '.json');
  if (!existsSync(path)) return null;
  return WatchedFits.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data ?? null;
}

/** What a person should look at. */
function warningTable(warnings: readonly CountedWarning[]): ReportBlock[] {
  if (warnings.length === 0) return [];
  return [
    {
      kind: 'table',
      title: 'Warnings',
      columns: [
        { name: 'warning' },
        { name: 'spectra' },
        { name: 'of' },
        { name: 'meaning' },
        { name: 'where', meaning: 'the first of them' },
      ],
      rows: warnings.map(({ warning, meaning, count, of, names }) => [
        warning,
        count,
        of,
        meaning,
        names.slice(0, NAMED).join(', ') + (names.length > NAMED ? ', ...' : ''),
      ]),
    },
  ];
}

/** How many candidate peaks were not fitted, and why. */
async function candidateBlocks(own: ResultFile): Promise<ReportBlock[]> {
  const path = own.absolute.replace(/_fits\.tsv$/, '_candidates.tsv');
  if (!existsSync(path)) return [];
  const { columns, rows } = await readTsv(path);
  const at = columns.indexOf('outcome');
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(row[at]!, (counts.get(row[at]!) ?? 0) + 1);
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      title: 'Candidate peaks',
      columns: [{ name: 'outcome' }, { name: 'candidates' }, { name: 'meaning' }],
      rows: Object.entries(CANDIDATE_TEXT).map(([outcome, text]) => [
        outcome,
        counts.get(outcome) ?? 0,
        text,
      ]),
    },
  ];
}

/** The published chart of the recording; without it model and aperiodic part of the best, the middle and the worst channels. */
async function gallery(own: ResultFile, rows: readonly FitRow[], output: unknown): Promise<ReportBlock[]> {
  const stem = own.absolute.replace(/_fits\.tsv$/, '');
  if (existsSync(`${stem}_fits.svg`)) {
    return [
      {
        kind: 'picture',
        title: 'Fits',
        caption: 'Spectra with model and components, as published.',
        path: `${stem}_fits.svg`,
      },
    ];
  }
  const fitted = rows.filter(
    ({ status, r_squared, trial }) => status === 'ok' && r_squared !== null && (trial ?? '0') === '0',
  );
  if (fitted.length === 0 || output !== 'fooof' || !existsSync(`${stem}_model.h5`)) return [];
  const model = await readCurves(`${stem}_model.h5`);
  const spectra = existsSync(`${stem}_spectra.h5`) ? await readCurves(`${stem}_spectra.h5`) : null;
  const sorted = [...fitted].sort((a, b) => b.r_squared! - a.r_squared!);
  const places = Array.from({ length: GALLERY }, (_, i) =>
    Math.round((i * (sorted.length - 1)) / (GALLERY - 1)),
  );
  const panels = [...new Set(places)].map((i) => panelOf(sorted[i]!, model, spectra));
  return [
    {
      kind: 'panels',
      title: 'Fits, from the best to the worst',
      caption:
        spectra === null
          ? 'Model and its aperiodic part. With fooof.keep_spectra the spectra are kept and shown too.'
          : 'Spectrum, model and its aperiodic part.',
      panels: panels.filter((panel) => panel !== null),
    },
  ];
}

interface Curves {
  readonly frequencies: Float64Array;
  readonly channels: readonly string[];
  /** log10 power of the first trial, frequency by channel. */
  at(frequency: number, channel: number): number;
}

/** The first trial of a container: [trial, taper, frequency, channel], linear power. */
async function readCurves(path: string): Promise<Curves> {
  const file = await Hdf5File.open(path);
  try {
    const { shape, data } = file.read('data');
    const { channel } = file.attributes();
    const channels = Array.isArray(channel) ? channel : [String(channel)];
    const across = shape[3] ?? channels.length;
    return {
      frequencies: Float64Array.from(file.read('freq').data),
      channels,
      at: (frequency, at) => Math.log10(data[frequency * across + at] ?? Number.NaN),
    };
  } finally {
    file.close();
  }
}

function panelOf(fit: FitRow, model: Curves, spectra: Curves | null): ReportLines | null {
  const channel = model.channels.indexOf(fit.channel);
  if (channel < 0) return null;
  const step = Math.ceil(model.frequencies.length / MOST_POINTS);
  const shown = [...model.frequencies.keys()].filter(
    (i) => i % step === 0 && (model.frequencies[i] ?? 0) > 0,
  );
  const frequencies = shown.map((i) => model.frequencies[i]!);
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  const { offset, knee, exponent } = fit;
  const aperiodic = frequencies.map((f) =>
    finite((offset ?? Number.NaN) - Math.log10((knee ?? 0) + f ** (exponent ?? Number.NaN))),
  );
  const measured =
    spectra === null
      ? []
      : [{ name: 'spectrum', values: frequencies.map((f) => measuredAt(spectra, f, fit.channel)) }];
  return {
    title: `${fit.channel}, r squared ${fit.r_squared!.toPrecision(3)}`,
    x: { title: 'frequency (Hz)', values: frequencies },
    y: { title: 'log10 power' },
    series: [
      ...measured,
      { name: 'model', values: shown.map((i) => finite(model.at(i, channel))) },
      { name: 'aperiodic', values: aperiodic },
    ],
  };
}

/** The spectrum may reach further than the fit: the same frequency is looked up. */
function measuredAt(spectra: Curves, frequency: number, name: string): number | null {
  const channel = spectra.channels.indexOf(name);
  const at = spectra.frequencies.findIndex(
    (one) => Math.abs(one - frequency) < 1e-9 * Math.max(1, frequency),
  );
  const value = channel < 0 || at < 0 ? Number.NaN : spectra.at(at, channel);
  return Number.isFinite(value) ? value : null;
}
