import { expect, test } from 'vitest';
import { installOwnProject, ROOT, startOwnProject } from '../support/own-project.js';
import { PipelineRig } from '../support/pipeline-rig.js';

test('init writes a TypeScript project that runs, is reused, and computed again when a file of its nodes changes', async () => {
  await using rig = await PipelineRig.create();
  const made = await rig.command(['init', 'My Study']);
  expect(made.stderr).toBe("My Study written; next: cd 'My Study' && npm install && npm test && npm start\n");
  expect(JSON.parse(await rig.read('My Study/package.json'))).toMatchObject({
    name: 'my-study',
    dependencies: { neuroloom: `file:${ROOT.replace(/\/$/, '')}` },
  });
  await installOwnProject(rig, 'My Study');
  const first = await startOwnProject(rig, 'My Study', '--no-report');
  expect(first.exitCode, first.stderr).toBe(0);
  expect(first.executed).toHaveLength(4);
  expect(await rig.read('My Study/results/heart_rate.tsv')).toBe(
    'participant\tbeats_per_minute\nsub-01\t75\nsub-02\t60\n',
  );
  expect((await startOwnProject(rig, 'My Study')).executed).toEqual([]);

  // What a node imports is part of its key, by content; an error in a worker names the line of the TypeScript.
  const source = await rig.read('My Study/src/mean-rate.ts');
  const failing = '  if (beatsS.length > 5) throw new Error(`too many beats`);\n';
  const at = source.indexOf('  const kept');
  await rig.write('My Study/src/mean-rate.ts', source.slice(0, at) + failing + source.slice(at));
  const second = await startOwnProject(rig, 'My Study', '--no-report', '--debug');
  expect(second.exitCode).toBe(4);
  expect(second.executed).toHaveLength(4);
  expect(second.stderr).toContain(`src/mean-rate.ts:${source.slice(0, at).split('\n').length}:`);
});
