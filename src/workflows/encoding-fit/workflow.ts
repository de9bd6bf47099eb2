import { Workflow } from '../../engine/builder.js';
import { inputFile } from '../../engine/port.js';
import { workflow, type MergedConfig, type WorkflowContext } from '../../engine/registry.js';
import type { ReportSection } from '../../engine/report-section.js';
import type { Problem } from '../../engine/requirements.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { sourceName } from '../../engine/source-name.js';
import { collectRecordings } from '../../nodes/encoding/collect-recordings.js';
import { fitVoxels } from '../../nodes/encoding/fit-voxels.js';
import { loadRecording } from '../../nodes/encoding/load-recording.js';
import { plotRecording } from '../../nodes/encoding/plot-recording.js';
import { writeRecording } from '../../nodes/encoding/write-recording.js';
import { claimsGpu } from '../../numerics/devices.js';
import {
  ENCODING_FIELDS,
  hasHrf,
  isLinear,
  type EncodingSettings,
  type ModelName,
} from '../../numerics/encoding/settings.js';
import { EncodingFitConfig } from './config.js';
import { countVoxels } from './inspection.js';
import { findRecordings, type Recording } from './recordings.js';
import { encodingProblems } from './requirements.js';

interface Config extends MergedConfig {
  readonly encoding_fit: EncodingFitConfig;
}

/** Parts of the voxels of a recording, each one task. */
interface Part {
  readonly key: string;
  readonly recording: string;
  readonly part: [number, number];
}

/** Encoding models of every voxel: population receptive fields, tuning curves, ridge weights. */
@workflow({
  name: 'encoding_fit',
  summary: 'Fits population receptive fields, tuning curves or ridge weights to every voxel',
  scope: 'cohort',
  configNamespace: 'encoding_fit',
  configSchema: EncodingFitConfig,
  checksInput: true,
})
export class EncodingFit {
  verifyRequirements({ encoding_fit }: Config, context: WorkflowContext): Promise<Problem[]> {
    return encodingProblems(encoding_fit, context);
  }

  async buildWorkflow({ config, context }: { config: Config; context: WorkflowContext }): Promise<Workflow> {
    const { encoding_fit: chosen } = config;
    const settings = settingsOf(chosen);
    const { detrend, percent_change, min_recordings, min_r2 } = chosen;
    const found = findRecordings(context.inputDir, context.participants);
    const wf = new Workflow('encoding_fit');
    const recordings = wf.items(found, { key: ({ id }) => id });
    const optional = (path: string | null) => (path === null ? null : inputFile(path));
    const loaded = wf.map(loadRecording, {
      name: recordings.select(({ name }) => name),
      bold: recordings.select(({ bold }) => inputFile(bold)),
      mask: recordings.select(({ mask }) => optional(mask)),
      // One without a paradigm is told so by its loading: nothing stands at that place.
      stimulus: recordings.select(({ stimulus, bold }) =>
        inputFile(stimulus?.path ?? `${bold}.paradigm-missing`),
      ),
      stimulus_kind: recordings.select(({ stimulus }) => stimulus?.kind ?? 'paradigm'),
      coordinates: recordings.select(({ coordinates }) => optional(coordinates)),
      confounds_table: recordings.select(({ confounds }) =>
        optional(chosen.confounds === 'none' ? null : confounds),
      ),
      model: settings.model,
      tr: chosen.tr,
      confounds: chosen.confounds,
      detrend,
      percent_change,
    });
    const all = (await Promise.all(found.map((recording) => partsOf(recording, chosen)))).flat();
    const parts = wf.items(all, { key: ({ key }) => key });
    const fitInputs = {
      voxels: parts.select(({ recording }) => wf.pick(loaded.out.voxels, recording)),
      paradigm: parts.select(({ recording }) => wf.pick(loaded.out.paradigm, recording)),
      grid: parts.select(({ recording }) => wf.pick(loaded.out.grid, recording)),
      nuisance: parts.select(({ recording }) => wf.pick(loaded.out.nuisance, recording)),
      info: parts.select(({ recording }) => wf.pick(loaded.out.info, recording)),
      part: parts.select(({ part }) => part),
      settings,
      residuals: chosen.residuals,
    };
    const gpus = claimsGpu(settings.device) ? 1 : 0;
    const fitted = wf.map(fitVoxels, fitInputs, { resources: { gpus } });
    const joined = <T>(output: Parameters<typeof wf.pick<T>>[0]) =>
      recordings.select(({ id }) =>
        all.filter(({ recording }) => recording === id).map(({ key }) => wf.pick(output, key)),
      );
    const written = wf.map(writeRecording, {
      fits: joined(fitted.out.fits),
      predictions: joined(fitted.out.predictions),
      left: joined(fitted.out.left),
      weights: joined(fitted.out.weights),
      devices: joined(fitted.out.device),
      places: loaded.out.places,
      header: loaded.out.header,
      info: loaded.out.info,
      sources: recordings.select((recording) =>
        filesOf(recording, chosen).map((path) => sourceName(path, context)),
      ),
      settings,
      cleaning: { detrend, percent_change },
      maps: chosen.maps,
      min_r2,
    });
    const nameOf = new Map(found.map(({ id, name }) => [id, name]));
    if (chosen.plots) {
      const plotted = wf.map(plotRecording, {
        parameters: written.out.parameters,
        predictions: written.out.predictions,
        voxels: loaded.out.voxels,
        grid: loaded.out.grid,
        info: loaded.out.info,
        settings,
        chosen: chosen.plot_voxels,
        min_r2,
      });
      wf.publish(plotted.out.charts, (id) => `${nameOf.get(id)}_plots`);
    }
    const collected = wf.add(collectRecordings, {
      summaries: wf.join(written.out.summary, { minItems: min_recordings }),
      dropped: wf.dropped(loaded.out.info),
    });
    wf.publish(written.out.parameters, (id) => `${nameOf.get(id)}_parameters.tsv`);
    wf.publish(written.out.sidecar, (id) => `${nameOf.get(id)}_parameters.json`);
    if (chosen.predictions) wf.publish(written.out.predictions, (id) => `${nameOf.get(id)}_predictions.npy`);
    if (chosen.residuals) wf.publish(written.out.residuals, (id) => `${nameOf.get(id)}_residuals.npy`);
    if (isLinear(settings.model)) wf.publish(written.out.weights, (id) => `${nameOf.get(id)}_weights.npy`);
    if (chosen.maps) wf.publish(written.out.maps, (id) => `${nameOf.get(id)}_maps`);
    wf.publish(collected.out.recordings, 'encoding_fit.tsv');
    wf.publish(collected.out.parameters, 'encoding_fit_parameters.tsv');
    return wf;
  }

  async describeResults(results: ResultFiles): Promise<ReportSection | null> {
    return (await import('./report.js')).describeEncodingFit(results);
  }
}

/** What is read of a recording. */
function filesOf(recording: Recording, chosen: EncodingFitConfig): string[] {
  const { bold, mask, stimulus, coordinates } = recording;
  const confounds = chosen.confounds === 'none' ? null : recording.confounds;
  return [bold, mask, stimulus?.path ?? null, coordinates, confounds].filter((path) => path !== null);
}

/** The keys that decide what a fit gives, without those that do nothing for this model: they would only cost reuse. */
function settingsOf(config: EncodingFitConfig): EncodingSettings {
  const own = Object.fromEntries(
    Object.keys(ENCODING_FIELDS).map((key) => [key, config[key as keyof typeof ENCODING_FIELDS]]),
  ) as EncodingSettings;
  return { ...own, tr: hasHrf(own.model) ? own.tr : null };
}

/** The solver adam stops by the mean over all voxels, so it takes a recording as one. */
async function partsOf(recording: Recording, config: EncodingFitConfig): Promise<Part[]> {
  const voxels = (await countVoxels(recording)) ?? 1;
  const isWhole = config.solver === 'adam' && !isLinear(config.model as ModelName);
  const count =
    isWhole || config.chunk_voxels === null ? 1 : Math.max(1, Math.ceil(voxels / config.chunk_voxels));
  const digits = String(count - 1).length;
  return Array.from({ length: count }, (_, i) => ({
    key: `${recording.id}.${String(i).padStart(digits, '0')}`,
    recording: recording.id,
    part: [i, count],
  }));
}
