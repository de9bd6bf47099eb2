/** The project that `pipeline init` writes, with what `npm install` would bring. */
import { symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PipelineRig, RunOutcome } from './pipeline-rig.js';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Links the packages that this repository has installed. */
export async function installOwnProject(rig: PipelineRig, project: string): Promise<void> {
  await rig.write(`${project}/node_modules/@types/.keep`, '');
  symlinkSync(ROOT, rig.path(project, 'node_modules/neuroloom'));
  for (const name of ['typescript', '@types/node', 'undici-types']) {
    symlinkSync(`${ROOT}/node_modules/${name}`, rig.path(project, 'node_modules', name));
  }
}

/** `npm start` of the project. */
export function startOwnProject(rig: PipelineRig, project: string, ...args: string[]): Promise<RunOutcome> {
  const start = ['--load', 'src/workflow.ts', 'run', '-w', 'heart_rate', ...args];
  return rig.run(start, { cwd: project, output: 'results' });
}
