import { existsSync } from 'node:fs';

import type { WorkflowContext } from '../../engine/registry.js';
import type { Problem } from '../../engine/requirements.js';
import { isLinear, type ModelName } from '../../numerics/encoding/settings.js';
import { readNpyHeader } from '../../io/index.js';
import { gpuProblem } from '../../numerics/devices.js';
import type { EncodingFitConfig } from './config.js';
import { inspectRecording, type Inspected } from './inspection.js';
import { findRecordings, type Recording } from './recordings.js';

const NAME = 'encoding_fit';
const SHOWN = 10;

/** What stands in the way of a fit, from headers and small tables. */
export async function encodingProblems(
  config: EncodingFitConfig,
  { inputDir, participants }: WorkflowContext,
): Promise<Problem[]> {
  if (!existsSync(inputDir)) {
    return [problem('error', `the input directory ${inputDir} does not exist`, 'name it with -i')];
  }
  const recordings = findRecordings(inputDir, participants);
  if (recordings.length === 0) {
    return [
      problem(
        'error',
        `no data under ${inputDir}: no file <stem>_bold.npy, .tsv, .csv, .nii, .nii.gz or .func.gii`,
        'name the data so, with <stem>_paradigm.npy or <stem>_events.tsv beside them',
      ),
    ];
  }
  const inspected: (readonly [Recording, Inspected])[] = [];
  for (const recording of recordings) inspected.push([recording, await inspectRecording(recording, config)]);
  const usable = inspected.filter(([, found]) => found.kind === 'usable').length;
  const isEnough = usable >= config.min_recordings;
  const found = inspected.flatMap(([recording, state]) => recordingProblems(recording, state, isEnough));
  const shown = found.slice(0, SHOWN);
  if (found.length > SHOWN) {
    const rest = `${found.length - SHOWN} more recordings have such problems`;
    shown.push(problem(isEnough ? 'warning' : 'error', rest, 'mend those above first'));
  }
  if (!isEnough && recordings.length > 1) {
    const count = `${usable} of ${recordings.length} recordings can be used, need at least ${config.min_recordings}`;
    shown.push(problem('error', count, 'mend them, or lower encoding_fit.min_recordings'));
  } else if (!isEnough && found.length === 0) {
    const count = `${usable} recordings, need at least ${config.min_recordings}`;
    shown.push(problem('error', count, 'add recordings, or lower encoding_fit.min_recordings'));
  }
  return [...shown, ...(await deviceProblems(config)), ...(await ridgeWarnings(config, inspected))];
}

async function deviceProblems({ device }: EncodingFitConfig): Promise<Problem[]> {
  const missing = device === 'cpu' ? null : await gpuProblem(device);
  if (missing === null) return [];
  const cure = missing.cure ?? `set ${NAME}.device to cpu`;
  return [{ severity: 'error', code: 'DEVICE', message: `${NAME}: ${missing.message}`, cure }];
}

function recordingProblems(recording: Recording, state: Inspected, isEnough: boolean): Problem[] {
  if (state.kind === 'usable') {
    return state.warnings.map((text) =>
      problem('warning', `${recording.name}: ${text}`, 'correct encoding_fit.tr'),
    );
  }
  const left = isEnough ? ' (this recording will be left out)' : '';
  return [problem(isEnough ? 'warning' : 'error', `${recording.name}: ${state.reason}${left}`, state.cure)];
}

/** More features than time points fit anything when nothing is penalised. */
async function ridgeWarnings(
  config: EncodingFitConfig,
  inspected: ReadonlyArray<readonly [Recording, Inspected]>,
): Promise<Problem[]> {
  if (!isLinear(config.model as ModelName) || config.alpha > 0) return [];
  for (const [{ name, stimulus }, state] of inspected) {
    if (state.kind !== 'usable' || stimulus === null || !stimulus.path.endsWith('.npy')) continue;
    const [frames = 0, ...rest] = (await readNpyHeader(stimulus.path)).shape;
    const features = rest.reduce((product, size) => product * size, 1);
    if (features <= frames) continue;
    const text = `${name}: ${features} features for ${frames} time points without a penalty reproduce any data`;
    return [problem('warning', text, 'set encoding_fit.alpha above 0')];
  }
  return [];
}

function problem(severity: Problem['severity'], message: string, cure: string): Problem {
  return {
    severity,
    code: severity === 'error' ? 'INPUT_MISSING' : 'REQUIREMENT',
    message: `${NAME}: ${message}`,
    cure,
  };
}
