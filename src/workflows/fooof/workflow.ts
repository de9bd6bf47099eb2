import { existsSync } from 'node:fs';

import { ConfigError } from '../../errors.js';
import { Workflow } from '../../engine/builder.js';
import type { Items } from '../../engine/handle.js';
import { inputFile } from '../../engine/port.js';
import { workflow, type MergedConfig, type WorkflowContext } from '../../engine/registry.js';
import type { ReportSection } from '../../engine/report-section.js';
import type { Problem } from '../../engine/requirements.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { sourceName } from '../../engine/source-name.js';
import { collectFits } from '../../nodes/spectrum/collect-fits.js';
import { conditionOf } from '../../nodes/spectrum/conditions.js';
import { computeSpectra } from '../../nodes/spectrum/compute-spectra.js';
import { fitRecording } from '../../nodes/spectrum/fit-recording.js';
import { FitSettings } from '../../nodes/spectrum/fit-spectra.js';
import { plotFits } from '../../nodes/spectrum/plot-fits.js';
import { writeFitSidecar } from '../../nodes/spectrum/write-fit-sidecar.js';
import { plotChannels } from '../../nodes/spectrum/plot-channels.js';
import { checkSpectrumSettings, SpectrumSettings } from '../../numerics/signal/settings.js';
import { addBayesianGroup, bayesianProblems } from '../bayesian-step.js';
import { readParticipants, type Participants } from '../spectral-descriptors/participants.js';
import { FooofConfig } from './config.js';
import { positionFiles, type PositionFile } from './positions.js';
import { findRecordings, holdsSpectra, type Recording } from './recordings.js';

/** With `plots: auto`, up to this many recordings have a chart of their own: a chart takes longer than its fits. */
const MOST_PLOTTED_RECORDINGS = 24;

interface Config extends MergedConfig {
  readonly fooof: FooofConfig;
}

/** Power spectra as parameters: aperiodic part and peaks of every channel of every recording. */
@workflow({
  name: 'fooof',
  summary: 'Describes power spectra, given or made from time series, by an aperiodic part and peaks',
  scope: 'cohort',
  configNamespace: 'fooof',
  configSchema: FooofConfig,
  checksInput: true,
})
export class Fooof {
  async verifyRequirements(
    { fooof }: Config,
    { inputDir, participants }: WorkflowContext,
  ): Promise<Problem[]> {
    if (!existsSync(inputDir)) {
      return [missing(`fooof: the input directory ${inputDir} does not exist`, 'name it with -i')];
    }
    const found = findRecordings(inputDir, participants);
    const count = found.filter(({ refused }) => refused === null).length;
    const problems = spectrumProblems(fooof);
    const asksPeople = fooof.bayesian !== null || fooof.condition !== null;
    const people = asksPeople ? await readParticipants(inputDir, null) : null;
    if (fooof.bayesian !== null) {
      problems.push(...bayesianProblems(fooof.bayesian, people, 'fooof.bayesian'));
    }
    problems.push(...conditionProblems(fooof.condition, found, people));
    if (count >= fooof.min_recordings) return problems;
    const refused = found.find((recording) => recording.refused !== null);
    const hint = refused === undefined ? '' : ` (${refused.name}: ${refused.refused})`;
    return [
      ...problems,
      missing(
        `fooof: ${count} recordings under ${inputDir}, need at least ${fooof.min_recordings}${hint}`,
        'give tables (.tsv, .csv) whose first column is frequency or time, or .npy, .h5, .spy, .edf, .bdf, .vhdr; see docs/fooof.md',
      ),
    ];
  }

  async buildWorkflow({ config, context }: { config: Config; context: WorkflowContext }): Promise<Workflow> {
    const { output, chan_per_worker, mem_thresh, parallel_store, keeptrials, min_recordings, ...rest } =
      config.fooof;
    const found = findRecordings(context.inputDir, context.participants);
    const wf = new Workflow('fooof');
    const recordings = wf.items(found, { key: ({ id }) => id });
    const name = recordings.select((recording) => recording.name);
    const settings = picked(FitSettings.shape, rest) as FitSettings;
    const how = {
      recording: name,
      settings,
      output,
      keeptrials,
      chan_per_worker,
      mem_thresh,
      parallel_store,
    };
    const isParallel = chan_per_worker !== null && keeptrials;
    const resources = isParallel ? { resources: { cpus: context.cpus } } : {};
    const plotsEach =
      rest.plots === 'recordings' || (rest.plots === 'auto' && found.length <= MOST_PLOTTED_RECORDINGS);
    // Spectra of series are kept between runs with other settings of the fit; those that are given cost less to read than to keep.
    const spectrum = picked(SpectrumSettings.shape, rest) as SpectrumSettings;
    const isKept = (one: Recording): boolean => plotsEach || rest.keep_spectra || !holdsSpectra(one);
    const kept = found.filter(isKept);
    const spectra =
      kept.length === 0
        ? null
        : wf.map(
            computeSpectra,
            recordingInputs(wf.items(kept, { key: ({ id }) => id }), { spectrum, rate: rest.sampling_rate }),
          ).out.spectra;
    const fitted = wf.map(
      fitRecording,
      {
        ...recordingInputs(recordings, { spectrum, rate: rest.sampling_rate, isElsewhere: isKept }),
        ...how,
        spectra: recordings.select((one) => (isKept(one) ? wf.pick(spectra!, one.id) : null)),
      },
      resources,
    );
    const described = wf.map(writeFitSidecar, {
      watched: fitted.out.watched,
      sources: recordings.select(({ files }) => files.map(({ path }) => sourceName(path, context))),
    });
    const collected = wf.add(collectFits, {
      names: wf.join(fitted.out.name, { minItems: min_recordings }),
      tables: wf.join(fitted.out.fits, { minItems: min_recordings }),
      peak_tables: wf.join(fitted.out.peaks, { minItems: min_recordings }),
      dropped: wf.dropped(fitted.out.fits),
      keeptrials,
    });
    const nameOf = new Map(found.map(({ id, name }) => [id, name]));
    const published = (suffix: string) => (id: string) => `${nameOf.get(id)}${suffix}`;
    wf.publish(fitted.out.fits, published('_fits.tsv'));
    wf.publish(fitted.out.peaks, published('_peaks.tsv'));
    wf.publish(fitted.out.candidates, published('_candidates.tsv'));
    wf.publish(fitted.out.model, published('_model.h5'));
    wf.publish(described.out.sidecar, published('_fits.json'));
    if (rest.keep_spectra && spectra !== null) wf.publish(spectra, published('_spectra.h5'));
    wf.publish(collected.out.table, 'fits.tsv');
    wf.publish(collected.out.peaks, 'peaks.tsv');
    const asksPeople = rest.bayesian !== null || rest.condition !== null;
    const people = asksPeople ? await readParticipants(context.inputDir, null) : null;
    if (rest.bayesian !== null) {
      addBayesianGroup(wf, collected.out.table, people!, rest.bayesian, context.cpus);
    }
    if (plotsEach && spectra !== null) {
      const drawn = wf.map(plotChannels, {
        recording: name,
        spectra,
        model: fitted.out.model,
        table: fitted.out.fits,
        peaks: fitted.out.peaks,
        candidates: fitted.out.candidates,
        watched: fitted.out.watched,
        positions: recordings.select((one) => positionsOf(one).map(({ path }) => inputFile(path))),
        position_roles: recordings.select((one) => positionsOf(one).map(({ role }) => role)),
        bands: rest.bands,
        frequency_axis: rest.frequency_axis,
        settings,
        keeptrials,
        chan_per_worker: keeptrials ? chan_per_worker : null,
      });
      wf.publish(drawn.out.svg, published('_fits.svg'));
      wf.publish(drawn.out.spec, published('_fits.vl.json'));
    }
    if (rest.plots !== 'none') {
      const plotted = wf.add(plotFits, {
        table: collected.out.table,
        peaks: collected.out.peaks,
        watched: wf.join(fitted.out.watched, { minItems: min_recordings }),
        bands: rest.bands,
        frequency_axis: rest.frequency_axis,
        condition: rest.condition,
        participants: people !== null && rest.condition !== null ? inputFile(people.path) : null,
      });
      wf.publish(plotted.out.svg, 'fits.svg');
      wf.publish(plotted.out.spec, 'fits.vl.json');
    }
    return wf;
  }

  /** The dry pass: recordings are read one by one, neither spectra nor fits are computed. */
  async *describeItems({ fooof }: Config, { inputDir, participants }: WorkflowContext) {
    const { describeRecording } = await import('./describe.js');
    for (const recording of findRecordings(inputDir, participants)) yield describeRecording(recording, fooof);
  }

  async describeResults(results: ResultFiles): Promise<ReportSection | null> {
    return (await import('./report.js')).describeFooof(results);
  }
}

/**
 * What recordings are made of, as the nodes that read them take it.
 *
 * @param isElsewhere - whose spectra come from another node: nothing of them is read here, so nothing of it is part of the key
 */
function recordingInputs(
  recordings: Items<Recording>,
  {
    spectrum,
    rate,
    isElsewhere = () => false,
  }: { spectrum: SpectrumSettings; rate: number | null; isElsewhere?: (one: Recording) => boolean },
) {
  const taken = recordings.select((one): Recording =>
    isElsewhere(one) ? { ...one, format: 'hdf5', files: [], refused: null } : one,
  );
  const unless = <T>(value: T, otherwise: T): Items<T> =>
    recordings.select((one) => (isElsewhere(one) ? otherwise : value)) as Items<T>;
  return {
    recording: taken.select(({ name }) => name),
    format: taken.select(({ format }) => format),
    roles: taken.select(({ files }) => files.map(({ role }) => role)),
    files: taken.select(({ files }) => files.map(({ path }) => inputFile(path))),
    refused: taken.select(({ refused }) => refused),
    spectrum: unless(spectrum, SpectrumSettings.parse({})),
    sampling_rate: unless(rate, null),
  };
}

function positionsOf({ files, format }: Recording): PositionFile[] {
  const main = files.find(({ role }) => role === 'main');
  return main === undefined ? [] : positionFiles(format, main.path);
}

/** The values of an object that a schema names. */
function picked(shape: object, values: object): unknown {
  return Object.fromEntries(Object.entries(values).filter(([key]) => key in shape));
}

/** A condition that is neither in a name nor in the table of participants. */
function conditionProblems(
  condition: string | null,
  found: readonly Recording[],
  people: Participants | null,
): Problem[] {
  if (condition === null || found.length === 0) return [];
  const table = people === null ? null : { columns: [...people.columns], rows: people.rows };
  if (found.some(({ name }) => conditionOf(name, condition, table) !== null)) return [];
  const reason =
    people === null
      ? 'there is no participants.tsv'
      : people.columns.includes(condition)
        ? `that column of ${people.path} names no participant of theirs`
        : `${people.path} has no such column`;
  const columns = people?.columns.filter((column) => column !== 'participant_id') ?? [];
  return [
    {
      severity: 'error',
      code: 'CONFIG_VALUE',
      message: `fooof.condition: no recording has the entity ${condition} in its name, and ${reason}`,
      cure: `name an entity of the file names, such as task${columns.length === 0 ? '' : `, or one of the columns ${columns.join(', ')}`}`,
    },
  ];
}

/** Settings of the front end that contradict each other. */
function spectrumProblems(fooof: FooofConfig): Problem[] {
  try {
    checkSpectrumSettings(fooof);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [
      { severity: 'error', code: 'REQUIREMENT', message: `fooof: ${error.message}`, cure: error.cure ?? '' },
    ];
  }
}

function missing(message: string, cure: string): Problem {
  return { severity: 'error', code: 'INPUT_MISSING', message, cure };
}
