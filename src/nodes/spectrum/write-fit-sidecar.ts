import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { sidecarText } from './fit-sidecar.js';

/**
 * The sidecar of the fits of a recording. The names of its sources depend on where results go: a node of its own, so that another
 * output directory fits nothing anew.
 */
export const writeFitSidecar = defineNode({
  name: 'write_fit_sidecar',
  version: 1,
  inputs: {
    /** Of `fit_recording`. */
    watched: port.file('json'),
    /** BIDS URIs of the recording's files. */
    sources: port.value(z.array(z.string())),
  },
  outputs: { sidecar: port.file('json') },
  // As fit_recording: a worker that is there already takes it.
  resources: { cpus: 1, memoryGb: 1 },
  run({ watched, sources }, ctx) {
    const sidecar = ctx.outputFile('fits.json');
    const content = JSON.parse(readFileSync(watched.path, 'utf8')) as object;
    writeFileSync(sidecar, sidecarText({ Sources: sources, ...content }));
    return { sidecar };
  },
});
