import { existsSync } from 'node:fs';

import { Workflow } from '../../engine/builder.js';
import { inputFile } from '../../engine/port.js';
import { workflow, type MergedConfig, type WorkflowContext } from '../../engine/registry.js';
import type { Problem } from '../../engine/requirements.js';
import { collectFits } from '../../nodes/spectrum/collect-fits.js';
import { fitRecording } from '../../nodes/spectrum/fit-recording.js';
import { FooofConfig } from './config.js';
import { findRecordings } from './recordings.js';

interface Config extends MergedConfig {
  readonly fooof: FooofConfig;
}

/** Power spectra as parameters: aperiodic part and peaks of every channel of every recording. */
@workflow({
  name: 'fooof',
  summary: 'Describes power spectra by an aperiodic part and peaks, per channel and recording',
  scope: 'cohort',
  configNamespace: 'fooof',
  configSchema: FooofConfig,
  checksInput: true,
})
export class Fooof {
  verifyRequirements({ fooof }: Config, { inputDir, participants }: WorkflowContext): Problem[] {
    if (!existsSync(inputDir)) {
      return [missing(`fooof: the input directory ${inputDir} does not exist`, 'name it with -i')];
    }
    const count = findRecordings(inputDir, participants).length;
    if (count >= fooof.min_recordings) return [];
    return [
      missing(
        `fooof: ${count} tables of spectra (*.tsv) under ${inputDir}, need at least ${fooof.min_recordings}`,
        'give tables whose first column is frequency (Hz), then one column of power per channel',
      ),
    ];
  }

  buildWorkflow({ config, context }: { config: Config; context: WorkflowContext }): Workflow {
    const { output, chan_per_worker, mem_thresh, min_recordings, ...settings } = config.fooof;
    const found = findRecordings(context.inputDir, context.participants);
    const wf = new Workflow('fooof');
    const recordings = wf.items(found, { key: ({ id }) => id });
    const fitted = wf.map(fitRecording, {
      recording: recordings.select(({ name }) => name),
      spectra: recordings.select(({ path }) => inputFile(path)),
      settings,
      output,
      chan_per_worker,
      mem_thresh,
    });
    const collected = wf.add(collectFits, {
      names: wf.join(fitted.out.name, { minItems: min_recordings }),
      tables: wf.join(fitted.out.fits, { minItems: min_recordings }),
      dropped: wf.dropped(fitted.out.fits),
    });
    const nameOf = new Map(found.map(({ id, name }) => [id, name]));
    wf.publish(fitted.out.fits, (id) => `${nameOf.get(id)}_fits.tsv`);
    wf.publish(fitted.out.peaks, (id) => `${nameOf.get(id)}_peaks.tsv`);
    wf.publish(fitted.out.model, (id) => `${nameOf.get(id)}_model.h5`);
    wf.publish(fitted.out.sidecar, (id) => `${nameOf.get(id)}_fits.json`);
    wf.publish(collected.out.table, 'fits.tsv');
    return wf;
  }
}

function missing(message: string, cure: string): Problem {
  return { severity: 'error', code: 'INPUT_MISSING', message, cure };
}
