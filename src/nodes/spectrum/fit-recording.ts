import { defineNode, Skip } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readSpectra, RECORDING_INPUTS } from './compute-spectra.js';
import { FIT_INPUTS, FIT_OUTPUTS, fitInto } from './fit-spectra.js';
import { readModelContainer } from './spectral-data.js';

/**
 * Fits the spectra of one recording. Spectra that are given as such are read and fitted in one go, because a file between costs more
 * than reading them; those of series come from `compute_spectra`, whose result stays when only settings of the fit change.
 */
export const fitRecording = defineNode({
  name: 'fit_recording',
  version: 5,
  inputs: {
    ...RECORDING_INPUTS,
    ...FIT_INPUTS,
    /** Of `compute_spectra`; then there are no `files`. */
    spectra: port.optional(port.file('h5')),
  },
  outputs: FIT_OUTPUTS,
  resources: { cpus: 1, memoryGb: 1 },
  async run(inputs, ctx) {
    const { spectra } = inputs;
    const data = spectra === null ? await readSpectra(inputs, ctx) : await readModelContainer(spectra.path);
    return data instanceof Skip ? data : fitInto(data, inputs, ctx);
  },
});
