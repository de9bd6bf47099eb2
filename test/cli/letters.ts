import { fileURLToPath } from 'node:url';
import { PipelineRig } from '../support/pipeline-rig.js';

const FIXTURES = fileURLToPath(new URL('./fixtures', import.meta.url));

/** `--load` of the fixture workflow, which stands outside the rig's directory. */
export const LOAD = ['--load', `${FIXTURES}/letters-workflow.mjs`];

/** A rig whose `in` folder holds one file per letter. */
export async function letterRig(letters: Readonly<Record<string, string>>): Promise<PipelineRig> {
  const rig = await PipelineRig.create();
  for (const [name, text] of Object.entries(letters)) await rig.write(`in/${name}.txt`, text);
  return rig;
}

/** With a report, which takes about as long as such a run. */
export const REPORTED_RUN = [...LOAD, 'run', '-w', 'letters', '-i', 'in', '-o', 'out'];
export const RUN = [...REPORTED_RUN, '--no-report'];
