import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { candidates, completionScript, type CompletionSources } from '../../../src/cli/completion.js';
import { buildProgram } from '../../../src/cli/program.js';

const SOURCES: CompletionSources = {
  workflows: () => ['atlas', 'fooof'],
  keys: () =>
    Promise.resolve([
      { key: 'fooof.mode', choices: ['classic', 'bic'] },
      { key: 'fooof.foi', choices: [] },
    ]),
  participants: (directory) => (directory === 'cohort' ? ['101', '102'] : []),
};
const complete = (...words: string[]): Promise<string[]> =>
  candidates(
    buildProgram('1', () => Promise.resolve()),
    words,
    SOURCES,
  );

test.each([
  [['ru'], ['run', 'runs']],
  [['cache', 'ver'], ['verify']],
  [
    ['run', '-w', ''],
    ['atlas', 'fooof'],
  ],
  [['--load', 'x.js', 'show', 'f'], ['fooof']],
  [['run', '--set', 'fooof.m'], ['fooof.mode=']],
  [['run', '--set', 'fooof.mode=b'], ['fooof.mode=bic']],
  [['run', '-i', 'cohort', '--participants', '101,'], ['101,102']],
  [['run', '--on-failure', 'st'], ['stop']],
  [['run', '--no-re'], ['--no-report']],
  [['config', 'explain', 'fooof.f'], ['fooof.foi']],
  [['completion', 'z'], ['zsh']],
  [['run', '-o', ''], []],
])('%j is completed by %j', async (words, found) => {
  expect(await complete(...words)).toEqual(found);
});

test('the hidden verb is not offered', async () => {
  expect(await complete('complete')).toEqual([]);
});

test('bash reads its script, and passes on the words with = in one piece', () => {
  const script = `pipeline() { printf '%s\\n' "fooof.mode=bic"; printf '%s|' "$@" >&3; }
${completionScript('bash')}
COMP_LINE='pipeline run --set fooof.mode=b'; COMP_POINT=\${#COMP_LINE}
_pipeline_complete 3>&1; printf 'reply:%s.' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  expect([stdout, stderr]).toEqual(['complete-words|--|run|--set|fooof.mode=b|reply:bic .', '']);
});
