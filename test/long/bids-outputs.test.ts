/** What every workflow writes of its sample, against the table of BIDS rules. */
import { expect, test } from 'vitest';
import { BUILTIN_WORKFLOWS } from '../../src/workflows/index.js';
import { brokenRules } from '../support/bids-rules.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const SET: Readonly<Record<string, readonly string[]>> = {
  learned_atlas: ['learned_atlas.template_label=arcuate'],
};

test.each(BUILTIN_WORKFLOWS.map(({ name }) => name))('%s keeps the rules', async (name) => {
  await using rig = await PipelineRig.create();
  await rig.command(['sample', name, 'in']);
  const set = (SET[name] ?? []).flatMap((one) => ['--set', one]);
  const run = await rig.command(['run', '-w', name, '-i', 'in', '-o', 'out', '--no-report', ...set]);
  expect(run.exitCode, run.stderr).toBe(0);
  expect(await brokenRules(rig.path('out'))).toEqual([]);
  if (name === 'learned_atlas') {
    expect(await rig.list('out/tpl-arcuate/dwi')).toEqual([
      'tpl-arcuate_atlas-arcuate_desc-mean_probseg.nii.gz',
      'tpl-arcuate_atlas-arcuate_desc-presence_probseg.nii.gz',
    ]);
  }
});
