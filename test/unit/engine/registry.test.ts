import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Workflow } from '../../../src/engine/builder.js';
import { CohortDir } from '../../../src/engine/cohort-dir.js';
import { createProducts, prepareWorkflow, requirementProblems } from '../../../src/engine/prepare.js';
import {
  defineWorkflow,
  getWorkflow,
  produces,
  registeredWorkflows,
  requires,
  workflow,
  type WorkflowContext,
} from '../../../src/engine/registry.js';
import type { Problem } from '../../../src/engine/requirements.js';
import { RequirementError, type PipelineError } from '../../../src/errors.js';
import { addOne } from '../../support/engine-nodes.js';
import { TemporaryDirectory } from '../../support/cache-rig.js';

const HERE = fileURLToPath(import.meta.url);
const StudyConfig = z.strictObject({
  output_subdir: z.string().default('study_out'),
  n: z.number().default(1),
});

@workflow({
  name: 'study',
  summary: 'A study',
  scope: 'cohort',
  configNamespace: 'study',
  configSchema: StudyConfig,
})
@produces({ studyDir: CohortDir.from(StudyConfig, 'output_subdir') })
@requires({ tools: ['node'], products: [] })
class Study {
  verifyRequirements(config: { study: z.output<typeof StudyConfig> }): Problem[] {
    if (config.study.n > 0) return [];
    return [{ severity: 'error', code: 'REQUIREMENT', message: 'n is 0', cure: 'set study.n' }];
  }

  buildWorkflow({
    studyDir,
    config,
  }: {
    studyDir: string;
    config: { study: z.output<typeof StudyConfig> };
  }): Workflow {
    if (config.study.n <= 0) throw new Error('built with unmet requirements');
    const wf = new Workflow('study');
    wf.add(addOne, { x: config.study.n }, { id: studyDir.endsWith('study_out') ? 'plain' : 'moved' });
    return wf;
  }
}

function context(tmp: TemporaryDirectory): WorkflowContext {
  mkdirSync(tmp.join('in'), { recursive: true });
  return { inputDir: tmp.join('in'), outputDir: tmp.join('out'), participants: null, seed: 0, cpus: 2 };
}

const declared = (name: string, configNamespace = name) => ({
  name,
  scope: 'cohort' as const,
  configNamespace,
  configSchema: z.strictObject({}),
  buildWorkflow: () => new Workflow(name),
});

function failure(work: () => unknown): PipelineError {
  try {
    work();
  } catch (error) {
    return error as PipelineError;
  }
  throw new Error('was accepted');
}

describe('registration', () => {
  test('decorators register the class with its fields and file', () => {
    expect(getWorkflow('study')).toMatchObject({
      name: 'study',
      summary: 'A study',
      scope: 'cohort',
      configNamespace: 'study',
      configSchema: StudyConfig,
      requires: { tools: ['node'], products: [] },
      file: HERE,
    });
    expect(registeredWorkflows()).toContain(getWorkflow('study'));
  });

  test('the same class or declaration twice changes nothing', () => {
    const fields = {
      name: 'study',
      scope: 'cohort',
      configNamespace: 'study',
      configSchema: StudyConfig,
    } as const;
    const before = getWorkflow('study');
    workflow(fields)(Study, {} as ClassDecoratorContext<typeof Study>);
    expect(getWorkflow('study')).toBe(before);
    const declaration = declared('twice');
    expect(defineWorkflow(declaration)).toBe(defineWorkflow(declaration));
  });

  test('two definitions of one name are refused with both files', () => {
    defineWorkflow({ ...declared('taken'), module: 'file:///project/a.js' });
    expect(
      failure(() => defineWorkflow({ ...declared('taken'), module: 'file:///project/b.js' })),
    ).toMatchObject({
      code: 'WORKFLOW_DEFINITION',
      message: 'workflow taken: defined in /project/a.js and in /project/b.js',
      cure: 'rename one of the two',
    });
  });

  test('two workflows share a namespace only with one schema', () => {
    expect(failure(() => defineWorkflow(declared('another', 'study'))).message).toBe(
      `workflow another: configNamespace 'study' belongs to workflow study (${HERE})`,
    );
    expect(
      defineWorkflow({ ...declared('sibling', 'study'), configSchema: StudyConfig }).configNamespace,
    ).toBe('study');
  });

  test('names and products that cannot be are refused', () => {
    expect(failure(() => defineWorkflow(declared('Not-Snake'))).message).toBe(
      'workflow Not-Snake: the name is not snake_case',
    );
    const dir = CohortDir.from(StudyConfig, 'output_subdir');
    expect(failure(() => defineWorkflow({ ...declared('p1'), produces: { dir } })).message).toBe(
      "workflow p1: product dir follows another schema than the workflow's own",
    );
    expect(
      failure(() =>
        defineWorkflow({ ...declared('p2'), configSchema: StudyConfig, produces: { config: dir } }),
      ).message,
    ).toBe('workflow p2: a product cannot be called config');
  });

  test('@produces above @workflow is refused', () => {
    expect(failure(() => produces({})(Study, {} as ClassDecoratorContext<typeof Study>)).message).toBe(
      'class Study: @produces stands above @workflow',
    );
  });

  test('an unknown name gets the nearest known one', () => {
    expect(failure(() => getWorkflow('studdy'))).toMatchObject({
      code: 'UNKNOWN_WORKFLOW',
      message: "there is no workflow 'studdy'; did you mean study?",
    });
  });
});

describe('preparation', () => {
  test('the product folder follows the configuration, and only a run makes it', async () => {
    using tmp = new TemporaryDirectory();
    const definition = getWorkflow('study');
    for (const [subdir, id] of [
      ['study_out', 'plain'],
      ['other', 'moved'],
    ] as const) {
      const config = { study: { output_subdir: subdir, n: 1 } };
      const prepared = await prepareWorkflow({ definition, config, context: context(tmp) });
      expect(prepared.ok && prepared.value.workflow.compile().instances[0]?.id).toBe(id);
      expect(existsSync(tmp.join('out'))).toBe(false);
    }
    createProducts(definition, { study: { output_subdir: 'other', n: 1 } }, context(tmp));
    expect(existsSync(tmp.join('out/other'))).toBe(true);
  });

  test('problems of every kind come together, and nothing is built', async () => {
    using tmp = new TemporaryDirectory();
    writeFileSync(tmp.join('file'), '');
    const definition = {
      ...getWorkflow('study'),
      requires: { tools: ['no-such-tool'], products: ['sibling.dir', 'nobody.dir'] },
    };
    const options = {
      definition,
      config: { study: { output_subdir: '../away', n: 0 } },
      context: { ...context(tmp), outputDir: tmp.join('file/out') },
    };
    const prepared = await prepareWorkflow(options);
    expect(prepared.ok).toBe(false);
    const problems = prepared.ok ? [] : prepared.error;
    expect(problems.map(({ code, message }) => `${code} ${message}`)).toEqual([
      `OUTPUT_UNWRITABLE the output directory ${tmp.join('file/out')} lies below ${tmp.join('file')}, which is a file`,
      'TOOL_MISSING the program no-such-tool is not installed, or not on the search path',
      'CONFIG_VALUE study.output_subdir: "../away" is not inside the output directory',
      "REQUIREMENT workflow sibling has no product 'dir'",
      "UNKNOWN_WORKFLOW there is no workflow 'nobody'",
      'REQUIREMENT n is 0',
    ]);
    expect(problems.every((problem) => problem.cure.length > 0)).toBe(true);
  });

  test('a missing input is named once, without the checks that need it', async () => {
    using tmp = new TemporaryDirectory();
    const problems = await requirementProblems({
      definition: getWorkflow('study'),
      config: { study: { output_subdir: 'x', n: 0 } },
      context: { ...context(tmp), inputDir: tmp.join('nowhere') },
    });
    expect(problems).toEqual([
      {
        severity: 'error',
        code: 'INPUT_MISSING',
        message: `there is no input directory ${tmp.join('nowhere')}`,
        cure: 'name an existing directory with -i, or set input_dir in the configuration',
        path: tmp.join('nowhere'),
      },
    ]);
  });

  test('an error with a code that a check throws is a problem; any other is a bug', async () => {
    using tmp = new TemporaryDirectory();
    const prepare = (thrown: unknown) => {
      const definition = {
        ...getWorkflow('study'),
        verifyRequirements: () => Promise.reject(thrown as Error),
      };
      return requirementProblems({
        definition,
        config: { study: { output_subdir: 'x' } },
        context: context(tmp),
      });
    };
    expect(await prepare(new RequirementError('DEVICE', 'no device', { cure: 'use cpu' }))).toEqual([
      { severity: 'error', code: 'DEVICE', message: 'no device', cure: 'use cpu' },
    ]);
    await expect(prepare(new TypeError('x is not a function'))).rejects.toThrow('x is not a function');
  });

  test('a product of another workflow must be there', async () => {
    using tmp = new TemporaryDirectory();
    const definition = { ...getWorkflow('study'), requires: { tools: [], products: ['study.studyDir'] } };
    const options = { definition, config: { study: { output_subdir: 'x', n: 1 } }, context: context(tmp) };
    expect(await requirementProblems(options)).toMatchObject([
      {
        code: 'REQUIREMENT',
        message: 'the results of workflow study are not there',
        cure: 'run -w study first',
      },
    ]);
    mkdirSync(tmp.join('out/x'), { recursive: true });
    expect(await requirementProblems(options)).toEqual([]);
  });
});
