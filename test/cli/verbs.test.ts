import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { VERSION, VERSION_INFO } from '../../src/version.js';
import { PipelineRig } from '../support/pipeline-rig.js';
import { letterRig, LOAD, RUN } from './letters.js';

const PIPELINE = fileURLToPath(new URL('../../bin/pipeline.js', import.meta.url));

test.each([
  [[]],
  [['run']],
  [['list']],
  [['show']],
  [['check']],
  [['plan']],
  [['config']],
  [['config', 'show']],
  [['config', 'schema']],
  [['cache']],
  [['cache', 'list']],
  [['cache', 'why']],
  [['sample']],
  [['doctor']],
])('the help of pipeline %j starts with examples that use it', async (verb) => {
  await using rig = await PipelineRig.create();
  const help = await rig.command([...verb, '--help']);
  expect([help.exitCode, help.stderr]).toEqual([0, '']);
  const [head, first] = help.stdout.split('\n');
  expect(head).toBe('Examples:');
  expect(first).toContain(`  pipeline ${verb.join(' ')}`.trimEnd());
  expect(help.stdout).toContain(`Usage: pipeline ${verb.join(' ')}`.trimEnd());
});

test('--version is that of the package', async () => {
  await using rig = await PipelineRig.create();
  expect((await rig.command(['--version'])).stdout).toBe(`${VERSION}\n`);
  expect(VERSION_INFO.join('.')).toBe(VERSION);
});

describe('list and show', () => {
  test('list names built-in workflows and those of modules, with one sentence', async () => {
    await using rig = await PipelineRig.create();
    const { stdout } = await rig.command([...LOAD, 'list']);
    expect(stdout).toMatch(/^atlas +Averages tract density volumes of a cohort into five maps$/m);
    expect(stdout).toMatch(/^letters +Reads letters and joins them$/m);
    const json = await rig.command([...LOAD, 'list', '--json']);
    expect(JSON.parse(json.stdout)).toContainEqual({
      name: 'letters',
      summary: 'Reads letters and joins them',
      scope: 'cohort',
      config_namespace: 'letters',
      source: fileURLToPath(new URL('./fixtures/letters-workflow.mjs', import.meta.url)),
    });
  });

  test('show says what a workflow makes and every key with default and meaning', async () => {
    await using rig = await PipelineRig.create();
    const { stdout } = await rig.command(['show', 'letters', ...LOAD]);
    expect(stdout.split('\n').slice(3)).toEqual([
      '  makes: lettersDir, the folder letters.output_subdir',
      '',
      'configuration (key, default, meaning)',
      '  letters.suffix         ""         Put after every letter',
      '  letters.min_letters    null       Fewer are refused; null: all must be there',
      '  letters.output_subdir  "letters"  Folder of the result',
      '  letters.style.case     "lower"',
      '',
    ]);
  });
});

describe('config', () => {
  test('show gives every value with its origin, as YAML', async () => {
    await using rig = await PipelineRig.create();
    await rig.write('neuroloom.yaml', 'input_dir: in\nletters:\n  min_letters: 2\n');
    const env = { NEUROLOOM_SET__letters__style__case: 'title' };
    const shown = await rig.command([...LOAD, 'config', 'show', '--set', 'letters.suffix=x'], { env });
    const lines = shown.stdout.split('\n').map((line) => line.replace(/ +# /, ' # '));
    expect(lines).toEqual(
      expect.arrayContaining([
        'input_dir: DIR/in # neuroloom.yaml:1:12',
        'output_dir: null # default',
        'letters:',
        '  suffix: x # --set letters.suffix=x',
        '  min_letters: 2 # neuroloom.yaml:3:16',
        '  style:',
        '    case: title # environment NEUROLOOM_SET__letters__style__case',
      ]),
    );
  });

  test('schema is JSON Schema of every block', async () => {
    await using rig = await PipelineRig.create();
    const { stdout } = await rig.command([...LOAD, 'config', 'schema']);
    const schema = JSON.parse(stdout) as { properties: Record<string, { properties: object }> };
    expect(Object.keys(schema.properties)).toEqual(
      expect.arrayContaining(['input_dir', 'output_dir', 'atlas', 'letters']),
    );
    expect(schema.properties['letters']?.properties).toMatchObject({
      suffix: { type: 'string', default: '', description: 'Put after every letter' },
    });
  });
});

describe('cache', () => {
  test('list shows what is kept, why names the nearest node', async () => {
    await using rig = await letterRig({ a: 'alpha' });
    await rig.run(RUN);
    const list = await rig.command(['cache', 'list', '-o', 'out', '--json']);
    const nodes = (JSON.parse(list.stdout) as { node: string; state: string }[]).map(({ node }) => node);
    expect(nodes.sort()).toEqual(['join_letters', 'read_letter']);
    const text = await rig.command(['cache', 'list', '-o', 'out']);
    expect(text.stderr).toMatch(/^2 results, \d+ B, in DIR\/out\/\.neuroloom\/cache$/m);

    const why = await rig.command(['cache', 'why', 'join_letters', '-o', 'out', '--json']);
    expect(JSON.parse(why.stdout)).toMatchObject({
      workflow: 'letters',
      nodes: [{ id: 'join_letters', outcome: 'ran', why: 'no earlier result' }],
    });
    const wrong = await rig.command(['cache', 'why', 'join_leters', '-o', 'out']);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toMatch(
      /^USAGE {2}the last run \(.+\) had no node join_leters; did you mean join_letters\?$/m,
    );
  });

  test('why tells failures and what was not started', async () => {
    await using rig = await letterRig({ a: 'broken' });
    await rig.run(RUN);
    const failed = await rig.command(['cache', 'why', 'read_letter[a]', '-o', 'out']);
    expect(failed.stdout).toMatch(
      /^read_letter\[a\] {2}failed: .*cannot be read.* \(it ran because: no earlier result\)$/m,
    );
    const below = await rig.command(['cache', 'why', 'join_letters', '-o', 'out']);
    expect(below.stdout).toMatch(/^join_letters {2}not started: /);
  });

  test('without a run there is nothing to tell', async () => {
    await using rig = await PipelineRig.create();
    const why = await rig.command(['cache', 'why', 'x', '-o', 'out']);
    expect([why.exitCode, why.stdout, why.stderr]).toEqual([
      2,
      '',
      'USAGE  there is no run in DIR/out\n  mend: name the output directory of the run with -o\n',
    ]);
  });
});

describe('sample', () => {
  test('writes a data set once, and names the files', async () => {
    await using rig = await PipelineRig.create();
    const sample = await rig.command(['sample', 'learned_atlas', 'demo']);
    expect(sample.exitCode).toBe(0);
    expect(sample.stdout.split('\n')).toEqual(
      expect.arrayContaining(['demo/101/tractography/fdt_paths.nii.gz', 'demo/neuroloom.yaml']),
    );
    expect(sample.stderr).toMatch(/^\d+ files written; next: cd demo && pipeline run -w learned_atlas$/m);
    const again = await rig.command(['sample', 'learned_atlas', 'demo']);
    expect([again.exitCode, again.stderr]).toEqual([
      2,
      'USAGE  demo is not empty\n  mend: name a new or an empty directory\n',
    ]);
  });

  test('a directory with blanks and quotes can be copied into the next command', async () => {
    await using rig = await PipelineRig.create();
    const sample = await rig.command(['sample', 'learned_atlas', "my cohort's"]);
    expect(sample.stderr).toContain(`next: cd 'my cohort'\\''s' && pipeline run -w learned_atlas`);
  });

  test('a workflow without one, and a directory that is in use, are refused', async () => {
    await using rig = await PipelineRig.create();
    const none = await rig.command([...LOAD, 'sample', 'letters', 'new']);
    expect(none.exitCode).toBe(2);
    expect(none.stderr).toMatch(/^USAGE {2}workflow letters has no sample data\n {2}mend: /);
    expect(await rig.list('.')).toEqual([]);
  });
});

describe('doctor', () => {
  test('says what this machine can do, also for programs', async () => {
    await using rig = await PipelineRig.create();
    const text = await rig.command(['doctor', '-o', 'out']);
    expect(text.exitCode).toBe(0);
    expect(text.stdout).toContain(process.versions.node);
    const json = await rig.command(['doctor', '--json']);
    const findings = JSON.parse(json.stdout) as { name: string; state: string; detail: string }[];
    expect(findings.map(({ name }) => name)).toEqual([
      'node',
      'neuroloom',
      'processor',
      'memory',
      'addon',
      'device cpu',
      'device cuda',
      'device webgpu',
      'sqlite',
      'output',
      'cache',
    ]);
    expect(findings.find(({ name }) => name === 'device cuda')).toMatchObject({
      state: 'limit',
      detail: expect.stringContaining("device 'cuda' is not available here") as string,
    });
    expect(await rig.list('.')).toEqual([]);
  });

  test('a place that cannot be written is a problem: exit 3', async () => {
    await using rig = await PipelineRig.create();
    await rig.write('file', '');
    const result = await rig.command(['doctor', '-o', 'file/out']);
    expect(result.exitCode).toBe(3);
    expect(result.stdout).toMatch(/^problem +output +DIR\/file\/out cannot be written/m);
  });
});

test('a reader that stops early (| head) causes no error', async () => {
  const child = spawn(process.execPath, [PIPELINE, 'config', 'schema'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exitCode = await new Promise((settle) => child.on('close', settle));
  expect([exitCode, stderr]).toEqual([0, '']);
});
