import { defineNode, Skip } from '../../engine/node.js';
import { readSpectra, RECORDING_INPUTS } from './compute-spectra.js';
import { FIT_INPUTS, FIT_OUTPUTS, fitInto } from './fit-spectra.js';

/**
 * Reads one recording and fits its spectra in one go: `compute_spectra` and `fit_spectra` without the file between them, which takes
 * longer to write and to read than spectra that are given as such.
 */
export const fitRecording = defineNode({
  name: 'fit_recording',
  version: 2,
  inputs: { ...RECORDING_INPUTS, ...FIT_INPUTS },
  outputs: FIT_OUTPUTS,
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const data = await readSpectra(inputs, ctx);
    return data instanceof Skip ? data : fitInto(data, inputs, ctx);
  },
});
