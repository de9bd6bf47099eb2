/** What every workflow writes of its sample, against the table of BIDS rules. */
import { expect, test } from 'vitest';
import { BUILTIN_WORKFLOWS } from '../../src/workflows/index.js';
import { brokenRules } from '../support/bids-rules.js';
import { PipelineRig } from '../support/pipeline-rig.js';

const SET: Readonly<Record<string, readonly string[]>> = {
  learned_atlas: ['learned_atlas.template_label=arcuate'],
};

/**
 * Not yet as BIDS asks: the JSON that these nodes write themselves names recordings and surfaces as the tables do, where a URI
 * is due. Sidecars of the engine have URIs.
 */
const KNOWN = /^Sources are BIDS URIs.*: (?:.*_(?:fits|parameters|quality)|distances_\w+)\.json$/;

test.each(BUILTIN_WORKFLOWS.map(({ name }) => name))('%s keeps the rules', async (name) => {
  await using rig = await PipelineRig.create();
  await rig.command(['sample', name, 'in']);
  const set = (SET[name] ?? []).flatMap((one) => ['--set', one]);
  const run = await rig.command(['run', '-w', name, '-i', 'in', '-o', 'out', '--no-report', ...set]);
  expect(run.exitCode, run.stderr).toBe(0);
  expect((await brokenRules(rig.path('out'))).filter((one) => !KNOWN.test(one))).toEqual([]);
  if (name === 'learned_atlas') {
    expect(await rig.list('out/tpl-arcuate/dwi')).toEqual([
      'tpl-arcuate_atlas-arcuate_desc-mean_probseg.nii.gz',
      'tpl-arcuate_atlas-arcuate_desc-presence_probseg.nii.gz',
    ]);
  }
});
