/** Tabs in real shells. One that is not installed is skipped by name. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { completionScript, type Shell } from '../../src/cli/completion.js';
import { PIPELINE, PipelineRig } from '../support/pipeline-rig.js';

const IN_TERMINAL = fileURLToPath(new URL('../support/run_in_terminal.py', import.meta.url));

function isInstalled(shell: string): boolean {
  return spawnSync(shell, ['--version']).status === 0;
}

/** A directory with two participants, a file, the script of a shell, and `pipeline` on the search path. */
async function rigWithCommand(shell: Shell): Promise<{ rig: PipelineRig; env: NodeJS.ProcessEnv }> {
  const rig = await PipelineRig.create();
  for (const path of ['in/101/x', 'in/102/x', 'runfile']) await rig.write(path, '');
  await rig.write('complete', completionScript(shell));
  await rig.write('bin/pipeline', `#!/bin/sh\nexec '${process.execPath}' '${PIPELINE}' "$@"\n`);
  spawnSync('chmod', ['+x', rig.path('bin/pipeline')]);
  const path = `${rig.path('bin')}:${process.env['PATH']}`;
  return { rig, env: { ...process.env, PATH: path, TERM: 'xterm', ZDOTDIR: rig.directory } };
}

/** Each is typed when the one before has been completed by what stands there. */
const TYPED = [
  { after: 'READY> ', keys: 'pipeline run --set fooof.mode=b\t' },
  { after: 'fooof\\.mode=bic', keys: '-i in --participants 101,\t' },
  { after: '101,102', keys: '-o runf\t' },
  { after: 'runfile', keys: '\u0015exit\n' },
];

describe.each([
  ['bash', '.bashrc', 'source complete', ['--rcfile', '.bashrc', '-i']],
  ['zsh', '.zshrc', 'autoload -U compinit; compinit -u -D; source ./complete', ['-i']],
] as const)('%s', (shell, file, lines, args) => {
  test.skipIf(!isInstalled(shell))('completes keys, labels and files in a terminal', async () => {
    const { rig, env } = await rigWithCommand(shell);
    await using _ = rig;
    await rig.write(file, `PS1='READY> '\n${lines}\n`);
    // Wide: a line that is broken is drawn again by its shell in pieces.
    const command = [IN_TERMINAL, JSON.stringify(TYPED), '200', '24', shell, ...args];
    const { stdout, stderr } = spawnSync('python3', command, {
      cwd: rig.directory,
      env,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(JSON.parse(stdout), stderr).toMatchObject({ stepsLeft: 0 });
  });
});

describe('fish', () => {
  test.skipIf(!isInstalled('fish'))('completes keys, labels and files, each alone', async () => {
    const { rig, env } = await rigWithCommand('fish');
    await using _ = rig;
    const lines = ['run --set fooof.mode=b', 'run -i in --participants 101,', 'run -o runf'];
    const script = ['source complete', ...lines.map((words) => `complete -C'pipeline ${words}'; echo .`)];
    const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', script.join('\n')], {
      cwd: rig.directory,
      env,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const found = ['fooof.mode=bic', '.', '101,102', '.', 'runfile', '.'];
    expect(stdout.trim().split('\n')).toEqual(found);
  });
});
